"""The claims of the article, recomputed by its own arithmetic and by our cost model."""
