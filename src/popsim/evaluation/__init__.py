"""What changed, by how much, at what cost: effects and their summaries."""
