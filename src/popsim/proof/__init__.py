"""Comparisons of popsim with what happened and with the work of others, one call each."""
