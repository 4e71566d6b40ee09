"""Proof: the library beside published results, one module and one call for each comparison."""
