"""What a batch file asks for, loaded and checked: data, regions, years, indicators, identities."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import xarray as xr

from popsim.batch.counties import read_shares, split_region, trial_shares
from popsim.batch.files import BatchFile
from popsim.batch.task import MONEY
from popsim.batch.trial import try_indicators, try_scenarios
from popsim.data.samples import load_baseline
from popsim.dataset import fingerprint
from popsim.demography.extension import extend_baseline
from popsim.demography.indicators import indicator_names, is_own_indicator
from popsim.errors import DataError, Problems, ScenarioError, nearest
from popsim.evaluation.summary import HEADLINE
from popsim.policy.model import Scenario
from popsim.policy.reading import add_at, raise_in_order
from popsim.policy.response import Response
from popsim.simulation import covered_regions
from popsim.store import load_result
from popsim.tables.read import read_tables
from popsim.variables import VARIABLES

__all__ = ["Inputs", "digest_of", "load_inputs"]


@dataclass(frozen=True)
class Inputs:
    """Everything that the tasks of a batch are made of.

    Parameters
    ----------
    data : xarray.Dataset
        The regions that are run.
    scenarios : tuple of Scenario
        The reference first.
    response : Response
    uncertainty : str
    demographic_noise : bool
    years, draws : range
    seed : int
    indicators : tuple of str
    identities : dict of str to str
        SHA-256 of every input by a name that a reader understands: a store is only continued with
        the inputs that it was begun with.
    """

    data: xr.Dataset
    scenarios: tuple[Scenario, ...]
    response: Response
    uncertainty: str
    demographic_noise: bool
    years: range
    draws: range
    seed: int
    indicators: tuple[str, ...]
    identities: dict[str, str]

    def region(self, code: str) -> xr.Dataset:
        """Return the data of one region, with the dimension region."""
        return self.data.sel(region=[code])


def load_inputs(file: BatchFile) -> Inputs:
    """Load what a batch file names and check that it fits together.

    Parameters
    ----------
    file : BatchFile

    Returns
    -------
    Inputs

    Raises
    ------
    ScenarioError
        When regions, scenarios, indicators or years are not in the data, or the response has no
        answer to a scenario, each at its place in the file.
    DataError
        When the data cannot be read.
    """
    batch, problems = file.batch, Problems()
    data = _data(file)
    if "region" not in data.dims:
        raise DataError("the data have no dimension region; write: data.expand_dims(region=[...])")
    there = [str(region) for region in data["region"].values]
    chosen = there
    if batch.regions != "all":
        chosen = []
        for place, code in enumerate(batch.regions):
            asked = file.scenarios[0].model_copy(update={"regions": (code,)})
            covered = [region for region in there if asked.covers(region)]
            if not covered:
                mark = file.marked.mark(("regions", str(place)))
                message = f"region {code} is not in the data ({len(there)} regions)"
                add_at(problems, mark, message, nearest(code, there))
            chosen += [region for region in covered if region not in chosen]
    for scenario in file.scenarios:
        try:
            covered = covered_regions(scenario, data)
        except ScenarioError as error:
            mark = file.marked.mark(file.places[scenario.id])
            for problem in error.problems:
                add_at(problems, mark, problem.message, problem.instead)
            continue
        if chosen and not set(covered) & set(chosen):
            message = f"scenario {scenario.id!r} applies in none of the regions that are run"
            mark = file.marked.mark(("regions",))
            add_at(problems, mark, message, f"regions: all, or {', '.join(covered)} among them")
    indicators = _indicators(file, problems)
    first, last = (int(data["year"].values[end]) for end in (0, -1))
    until = last if batch.until is None else batch.until
    if not first <= until <= last:
        mark = file.marked.mark(("until",))
        add_at(problems, mark, f"{until} is not a year of the data", f"{first} to {last}")
    raise_in_order(problems)
    chosen_data = data.sel(region=[region for region in there if region in chosen])
    response = Response(file.response)
    try_scenarios(file, chosen_data, response, range(first, until + 1), problems)
    try_indicators(file, chosen_data, response, indicators, problems)
    raise_in_order(problems)
    return Inputs(
        data=chosen_data,
        scenarios=file.scenarios,
        response=response,
        uncertainty=batch.uncertainty,
        demographic_noise=batch.demographic_noise,
        years=range(first, until + 1),
        draws=range(batch.draws),
        seed=batch.seed,
        indicators=indicators,
        identities=_identities(file, chosen_data),
    )


def _data(file: BatchFile) -> xr.Dataset:
    wanted = file.batch.data
    if wanted.baseline is not None:
        data = load_baseline(wanted.baseline, fertility=wanted.fertility)
    elif wanted.tables is not None:
        folder = file.beside(wanted.tables)
        data = read_tables(folder, like=wanted.like, fertility=wanted.fertility)
    else:
        data = load_result(file.beside(str(wanted.file)))
    if wanted.extend_to is not None:
        data = extend_baseline(data, wanted.extend_to)
    if wanted.split is None:
        return data
    if wanted.split.shares is not None:
        return split_region(data, read_shares(file.beside(wanted.split.shares)))
    region = str(data["region"].values[0])
    assert wanted.split.counties is not None
    spread = wanted.split.fertility_spread
    return split_region(data, trial_shares(region, wanted.split.counties, spread))


def _indicators(file: BatchFile, problems: Problems) -> tuple[str, ...]:
    keep = file.batch.keep
    named = (*HEADLINE, MONEY) if keep.indicators == "headline" else keep.indicators
    known = [*indicator_names("all"), MONEY]
    for key, names in (("indicators", named), ("draws", keep.draws)):
        for place, name in enumerate(names):
            mark = file.marked.mark(("keep", key, str(place)))
            refused = None if name not in known or name == MONEY else _refused(name)
            if refused:
                add_at(problems, mark, *refused)
            elif name not in known:
                guess = nearest(name, known) or "a name of popsim.indicator_names('all')"
                add_at(problems, mark, f"there is no indicator {name!r}", guess)
            elif name not in named:
                message = f"draws of {name} are kept, but it is not among the indicators"
                add_at(problems, mark, message, f"indicators: [{', '.join([*named, name])}]")
    return tuple(named)


def _refused(name: str) -> tuple[str, str] | None:
    """Return why a batch does not report an indicator, and what to write instead."""
    if is_own_indicator(name):
        return (
            f"{name} is an indicator of your own, which worker processes and --resume do not know",
            "popsim.run and popsim.indicators for one region at a time",
        )
    dims = VARIABLES[name].dims
    if "age" in dims:
        return (
            f"{name} is by single age, and a batch keeps no quantiles by single age",
            "an indicator of the total, such as total_fertility_rate_by_order",
        )
    if "draw" not in dims:
        return f"{name} is the same in every draw, so it has no quantiles", "the list without it"
    return None


def _identities(file: BatchFile, data: xr.Dataset) -> dict[str, str]:
    """Return the SHA-256 of each input."""
    found = {
        f"{key} of the batch file": digest_of(value)
        for key, value in _dumped(file.batch).items()
        if key not in ("notes", "response")
    }
    found["response"] = digest_of(_dumped(file.response))
    for scenario in file.scenarios:
        found[f"scenario {scenario.id}"] = digest_of(_dumped(scenario))
    for region in data["region"].values:
        own = fingerprint(data.sel(region=[region])), data.attrs.get("first_projected_year")
        found[f"data of {region}"] = digest_of([str(part) for part in own])
    return found


def _dumped(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True)


def digest_of(value: Any) -> str:
    """Return the SHA-256 of plain data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
