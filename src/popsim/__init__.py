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
    from popsim.batch.export import export_store
    from popsim.batch.plan import plan
    from popsim.batch.results import effect_table, open_store, ranking
    from popsim.data.evidence import evidence
    from popsim.data.samples import baseline_names, load_baseline
    from popsim.demography.alignment import align_path
    from popsim.demography.births_decomposition import decompose_births
    from popsim.demography.checks import check_data, data_checks
    from popsim.demography.indicators import (
        Indicator,
        dependency_indicators,
        indicator_names,
        indicators,
        register_indicator,
        remove_indicator,
    )
    from popsim.demography.projection import project
    from popsim.demography.regions import project_regions
    from popsim.demography.uncertainty import Uncertainty
    from popsim.errors import DataError, PopsimError, ProjectionError, ScenarioError
    from popsim.evaluation.allocation import allocate
    from popsim.evaluation.attribution import attribute
    from popsim.evaluation.bill import bill
    from popsim.evaluation.compare import compare
    from popsim.evaluation.goals import goal
    from popsim.evaluation.places import place_tasks, places_to_build
    from popsim.evaluation.sensitivity import sensitivity
    from popsim.policy.difference import diff
    from popsim.policy.files import read_response, read_scenario
    from popsim.policy.own_evidence import response_from_evidence, write_response
    from popsim.policy.pool_sensitivity import pool_sensitivity
    from popsim.policy.pooling import fit_dose_response, pool_evidence
    from popsim.policy.response import Response
    from popsim.policy.sweep import sweep
    from popsim.simulation import run
    from popsim.store import load_result, save_result
    from popsim.tables.counted import read_counts
    from popsim.tables.read import from_frames, read_tables
    from popsim.tables.write import write_tables, write_template

_HOMES = {
    "DataError": "popsim.errors",
    "Indicator": "popsim.demography.indicators",
    "PopsimError": "popsim.errors",
    "ProjectionError": "popsim.errors",
    "ScenarioError": "popsim.errors",
    "Response": "popsim.policy.response",
    "Uncertainty": "popsim.demography.uncertainty",
    "align_path": "popsim.demography.alignment",
    "bill": "popsim.evaluation.bill",
    "allocate": "popsim.evaluation.allocation",
    "attribute": "popsim.evaluation.attribution",
    "baseline_names": "popsim.data.samples",
    "check_data": "popsim.demography.checks",
    "compare": "popsim.evaluation",
    "decompose_births": "popsim.demography.births_decomposition",
    "dependency_indicators": "popsim.demography.indicators",
    "diff": "popsim.policy.difference",
    "indicator_names": "popsim.demography.indicators",
    "data_checks": "popsim.demography.checks",
    "effect_table": "popsim.batch.results",
    "evidence": "popsim.data.evidence",
    "export_store": "popsim.batch.export",
    "fit_dose_response": "popsim.policy.pooling",
    "from_frames": "popsim.tables.read",
    "goal": "popsim.evaluation.goals",
    "indicators": "popsim.demography.indicators",
    "load_baseline": "popsim.data.samples",
    "load_result": "popsim.store",
    "open_store": "popsim.batch.results",
    "place_tasks": "popsim.evaluation.places",
    "places_to_build": "popsim.evaluation.places",
    "plan": "popsim.batch.plan",
    "plot": "popsim.plotting",
    "pool_evidence": "popsim.policy.pooling",
    "pool_sensitivity": "popsim.policy.pool_sensitivity",
    "project": "popsim.demography.projection",
    "project_regions": "popsim.demography.regions",
    "ranking": "popsim.batch.results",
    "read_counts": "popsim.tables.counted",
    "read_response": "popsim.policy.files",
    "read_scenario": "popsim.policy.files",
    "register_indicator": "popsim.demography.indicators",
    "remove_indicator": "popsim.demography.indicators",
    "read_tables": "popsim.tables.read",
    "response_from_evidence": "popsim.policy.own_evidence",
    "run": "popsim.simulation",
    "save_result": "popsim.store",
    "sensitivity": "popsim.evaluation.sensitivity",
    "sweep": "popsim.policy.sweep",
    "write_response": "popsim.policy.own_evidence",
    "write_tables": "popsim.tables.write",
    "write_template": "popsim.tables.write",
}

__all__ = [
    "DataError",
    "Indicator",
    "PopsimError",
    "ProjectionError",
    "Response",
    "ScenarioError",
    "Uncertainty",
    "__version__",
    "align_path",
    "allocate",
    "attribute",
    "baseline_names",
    "bill",
    "check_data",
    "compare",
    "data_checks",
    "decompose_births",
    "dependency_indicators",
    "diff",
    "effect_table",
    "evidence",
    "export_store",
    "fit_dose_response",
    "from_frames",
    "goal",
    "indicator_names",
    "indicators",
    "load_baseline",
    "load_result",
    "open_store",
    "place_tasks",
    "places_to_build",
    "plan",
    "plot",
    "pool_evidence",
    "pool_sensitivity",
    "project",
    "project_regions",
    "ranking",
    "read_counts",
    "read_response",
    "read_scenario",
    "read_tables",
    "register_indicator",
    "remove_indicator",
    "response_from_evidence",
    "run",
    "save_result",
    "sensitivity",
    "sweep",
    "write_response",
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
