"""One cost model per file: final classes that assemble equations and keep no state."""
