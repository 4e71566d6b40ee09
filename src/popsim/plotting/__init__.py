"""Plots; every function returns matplotlib Axes."""

from popsim.plotting.charts import contributions, fan, pyramid

__all__ = ["contributions", "fan", "pyramid"]
