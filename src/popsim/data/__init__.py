"""Tables, quality checks and the embedded baselines."""
