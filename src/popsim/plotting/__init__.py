"""Plots; every function returns matplotlib Axes."""
