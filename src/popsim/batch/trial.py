"""Faults of scenarios that do not depend on the region, found before anything runs."""

from __future__ import annotations

import numpy as np
import xarray as xr

from popsim.batch.files import BatchFile
from popsim.errors import Problems, ScenarioError
from popsim.policy.dose import reference_places
from popsim.policy.files import baseline
from popsim.policy.marks import Steps
from popsim.policy.reading import add_at
from popsim.policy.response import Context, Response

__all__ = ["try_scenarios"]


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
