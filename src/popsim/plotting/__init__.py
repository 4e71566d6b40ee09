"""Plots; every function returns matplotlib Axes."""

from popsim.plotting.charts import contributions, fan, pyramid
from popsim.plotting.evidence import forest
from popsim.plotting.goals import attribution, frontier, tornado

__all__ = ["attribution", "contributions", "fan", "forest", "frontier", "pyramid", "tornado"]
