"""Plots; every function returns matplotlib Axes."""

from popsim.plotting.charts import contributions, fan, pyramid
from popsim.plotting.evidence import forest

__all__ = ["contributions", "fan", "forest", "pyramid"]
