"""What changed, by how much, at what cost: effects and their summaries."""

from popsim.evaluation.compare import Effect, compare
from popsim.evaluation.summary import Summary

__all__ = ["Effect", "Summary", "compare"]
