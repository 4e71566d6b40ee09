"""Population projection by parity, and what birth-support policies change.

Names are loaded on first use, so importing popsim compiles nothing and is quick.

Examples
--------
>>> import popsim as ps
>>> base = ps.load_baseline("zhejiang-2020")
>>> base.attrs["title"]
'Zhejiang (浙江省), census 2020'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from popsim import plotting as plot
    from popsim.data.samples import baseline_names, load_baseline
    from popsim.demography.checks import check_data, data_checks
    from popsim.demography.indicators import indicators
    from popsim.demography.projection import project
    from popsim.errors import DataError, PopsimError, ProjectionError, ScenarioError
    from popsim.evaluation.compare import compare
    from popsim.policy.files import read_response, read_scenario
    from popsim.policy.response import Response
    from popsim.simulation import run
    from popsim.store import load_result, save_result
    from popsim.tables.counted import read_counts
    from popsim.tables.read import from_frames, read_tables
    from popsim.tables.write import write_tables, write_template

_HOMES = {
    "DataError": "popsim.errors",
    "PopsimError": "popsim.errors",
    "ProjectionError": "popsim.errors",
    "ScenarioError": "popsim.errors",
    "Response": "popsim.policy.response",
    "baseline_names": "popsim.data.samples",
    "check_data": "popsim.demography.checks",
    "compare": "popsim.evaluation",
    "data_checks": "popsim.demography.checks",
    "from_frames": "popsim.tables.read",
    "indicators": "popsim.demography.indicators",
    "load_baseline": "popsim.data.samples",
    "load_result": "popsim.store",
    "plot": "popsim.plotting",
    "project": "popsim.demography.projection",
    "read_counts": "popsim.tables.counted",
    "read_response": "popsim.policy.files",
    "read_scenario": "popsim.policy.files",
    "read_tables": "popsim.tables.read",
    "run": "popsim.simulation",
    "save_result": "popsim.store",
    "write_tables": "popsim.tables.write",
    "write_template": "popsim.tables.write",
}

__all__ = [
    "DataError",
    "PopsimError",
    "ProjectionError",
    "Response",
    "ScenarioError",
    "__version__",
    "baseline_names",
    "check_data",
    "compare",
    "data_checks",
    "from_frames",
    "indicators",
    "load_baseline",
    "load_result",
    "plot",
    "project",
    "read_counts",
    "read_response",
    "read_scenario",
    "read_tables",
    "run",
    "save_result",
    "write_tables",
    "write_template",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'popsim' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    value = home if name == "plot" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
