"""The only door of scipy: a stack profile fitted to measurements, few numbers with a physical meaning."""
