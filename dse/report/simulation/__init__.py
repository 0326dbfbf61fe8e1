"""Pictures of simulations: how latencies are spread, and how a run went over time."""
