"""Plots; every function returns matplotlib Axes."""

from popsim.plotting.charts import fan, pyramid

__all__ = ["fan", "pyramid"]
