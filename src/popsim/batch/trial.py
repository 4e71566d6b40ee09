"""Faults of scenarios and indicators in every region, found at their place before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from popsim.batch.files import BatchFile
from popsim.batch.lean_rows import LEAN_INDICATORS, MONEY
from popsim.batch.task import layout
from popsim.errors import DataError, Problems, ScenarioError
from popsim.policy.dose import reference_places
from popsim.policy.files import baseline
from popsim.policy.marks import Steps
from popsim.policy.reading import add_at
from popsim.policy.response import Context, Response

__all__ = ["try_indicators", "try_scenarios"]

_YEARS = 3


def try_scenarios(
    file: BatchFile, data: xr.Dataset, response: Response, years: range, problems: Problems
) -> None:
    """Ask the response about every scenario once, and note what it cannot answer.

    What a scenario lacks (GDP per head, household income) or offers in units that cannot be added
    is so in every region and draw. One draw with the population of the first year is enough to see
    it, and the sentence then stands at the scenario's place in the batch file, once for a sweep.

    Parameters
    ----------
    file : BatchFile
    data : xarray.Dataset
        The regions that are run.
    response : Response
    years : range
    problems : Problems
        Where faults are noted.
    """
    told: set[tuple[Steps, str]] = set()
    regions = [str(code) for code in data["region"].values]
    for scenario in file.scenarios:
        region = next((code for code in regions if scenario.covers(code)), None)
        if region is None or not scenario.policies:
            continue
        context = _context(data.sel(region=region), years)
        own = scenario.within(region)
        try:
            response.by_channel(own, baseline(), context, range(1), 0)
        except ScenarioError as error:
            steps = file.places[scenario.id]
            for problem in error.problems:
                message, _, instead = problem.message.partition("; write: ")
                key = steps, message.replace(scenario.id, "")
                if key not in told:
                    told.add(key)
                    add_at(problems, file.marked.mark(steps), message, problem.instead or instead)


def try_indicators(
    file: BatchFile,
    data: xr.Dataset,
    response: Response,
    indicators: Sequence[str],
    problems: Problems,
) -> None:
    """Compute what is not usual once for one region and a few years, and note what the data lack.

    Parameters
    ----------
    file : BatchFile
    data : xarray.Dataset
        The regions that are run.
    response : Response
    indicators : sequence of str
    problems : Problems
        Where faults are noted, each at the name of the indicator.
    """
    first = int(data["year"].values[0])
    asked: dict[str, Any] = {
        "response": response,
        "uncertainty": file.batch.uncertainty,
        "years": range(first, min(first + _YEARS, int(data["year"].values[-1]) + 1)),
        "seed": file.batch.seed,
    }
    one = data.isel(region=[0])
    further = [name for name in indicators if name not in LEAN_INDICATORS and name != MONEY]
    try:
        if further:
            layout(one, indicators=further, **asked)
        return
    except DataError:
        # One by one, to see whose fault it is.
        pass
    for name in further:
        try:
            layout(one, indicators=[name], **asked)
        except DataError as error:
            mark = file.marked.mark(("keep", "indicators", str(indicators.index(name))))
            for problem in error.problems:
                add_at(problems, mark, problem.message, problem.instead)


def _context(data: xr.Dataset, years: range) -> Context:
    """Return a region as it stands at the start of the run, for all years."""
    people = data["population"].sum("sex")
    every, youngest = float(people.sum()), float(people.sel(age=slice(0, 2)).sum())
    return Context(
        years=np.array(years),
        population=np.full(len(years), every),
        children_under_3=np.full(len(years), youngest),
        places_ref=reference_places(np.array(years)),
        gdp_per_head=float(data["gdp_per_head"]) if "gdp_per_head" in data else None,
    )
