"""One region under many scenarios, reduced to quantiles and means as it is projected.

What :func:`popsim.run` returns draw by draw with labels, and a province cannot keep, is here
reduced at once: draws are made once for a region and met by every scenario, the kernel writes into
memory that is used again, indicators are sums of its rows, and their exact quantiles, and those of
their differences from the reference in the same draw, are taken before the next scenario begins.
The figures are those of :func:`popsim.run`, and depend neither on the scenarios beside them nor on
the size of blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.batch.lean_reduction import Reduction
from popsim.batch.lean_region import Kept, Region
from popsim.batch.lean_rows import LEAN_INDICATORS, MONEY
from popsim.batch.lean_shared import Laps, Shared
from popsim.batch.lean_space import Space, padded
from popsim.batch.model import HEADLINE_QUANTILES
from popsim.demography.uncertainty import Uncertainty, uncertainty_named
from popsim.errors import DataError, Problems, nearest
from popsim.evaluation.summary import HEADLINE
from popsim.policy.model import Scenario
from popsim.policy.response import ResponseModel

__all__ = ["BLOCK", "MEMORY", "run_region"]

Array = NDArray[np.float64]

BLOCK = 1000
"""Draws that go through the kernel together; 16 tiles of 64, and rows of 125 cache lines."""
MEMORY = 400_000_000
"""Bytes that a region may keep of its draws in memory; beyond, they lie in a temporary file."""
#: Numbers of an array just below what glibc remembers at most, 32 MiB.
_FREED = 4_000_000


def run_region(
    data: xr.Dataset,
    scenarios: Sequence[Scenario],
    response: ResponseModel | str = "default",
    uncertainty: str | Uncertainty = "default",
    years: range | None = None,
    draws: range = range(1000),
    seed: int = 1,
    indicators: Sequence[str] = (*HEADLINE, MONEY),
    probabilities: Sequence[float] = HEADLINE_QUANTILES,
    *,
    costs: bool = True,
    keep_draws: Sequence[str] = (),
    keep_population: bool = False,
    tell: Callable[[str], None] | None = None,
    block: int = BLOCK,
    memory: int = MEMORY,
    shared: Shared | None = None,
    laps: Laps | None = None,
) -> dict[str, np.ndarray]:
    """Project one region under scenarios and return quantiles and means over draws.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline as of :func:`popsim.load_baseline`, with one region.
    scenarios : sequence of Scenario
        One without policies, or that does not cover the region, is the reference there.
    response : object with a method ``log_effect``, or str
        As in :func:`popsim.run`.
    uncertainty : str or Uncertainty
        As in :func:`popsim.run`.
    years : range, optional
        Consecutive years from the first of the data on; default all.
    draws : range
        Draw numbers, contiguous.
    seed : int
    indicators : sequence of str
        Names of :data:`popsim.batch.lean_rows.LEAN_INDICATORS`, and ``payments``: what all
        instruments cost in a year [CNY].
    probabilities : sequence of float
        Rising from 0 to 1.
    costs : bool
        Whether costs of additional births are returned.
    keep_draws : sequence of str
        Indicators of which every draw is returned.
    keep_population : bool
        Whether the population of the central trajectory is returned, see :func:`popsim.run`.
    tell : callable, optional
        Called with what a reader must know, one sentence each.
    block : int
        Draws that go through the kernel together.
    memory : int
        Bytes that may be kept in memory for all draws, see Notes.
    shared : Shared, optional
        The same object for all regions of a batch saves work; results do not depend on it.
    laps : Laps, optional
        Filled with the seconds spent on what.

    Returns
    -------
    dict of str to numpy.ndarray
        With S scenarios in their order, Q probabilities, and ``...`` the indicator's own dimensions
        (year, or time; then birth_order where it has one), in its own unit:

        - ``NAME`` (S, Q, ...) and ``NAME_mean`` (S, ...): quantiles and mean over draws;
        - ``NAME_difference`` (S, Q, ...) and ``NAME_difference_mean`` (S, ...): those of the
          difference from the reference, draw by draw; 0 for the reference;
        - ``NAME_draws`` (S, ..., draw), where asked for;
        - ``population`` (S, time, sex, age) [person], where asked for;
        - ``outflow_cut`` (S,): persons whom migration asked for and who were not there, all draws
          and years together; ``draws_cut`` (S,): in how many draws.

        With ``costs``, over the windows (``period``, ``lasting``) of
        :func:`popsim.policy.cost.cost_per_additional_birth` and of the whole package:
        ``package_cost`` [CNY], ``additional_births``, ``chance_of_no_gain``,
        ``cost_per_additional_birth`` [CNY/birth], ``deadweight_share`` (S, window),
        ``cost_per_additional_birth_quantile`` (S, Q, window), ``window_first_year`` and
        ``window_last_year`` (S, window), 0 where nothing is paid and the others are not numbers.

    Raises
    ------
    DataError
        When the data, years, draws, probabilities or names of indicators do not fit.
    ScenarioError
        When a scenario promises money and there is no GDP per head.
    ProjectionError
        When rates are impossible, or the accounts do not balance; with scenario and draw.

    Notes
    -----
    Quantiles are exact and linear between draws, those of ``numpy.quantile``. All draws of a
    row are therefore kept until they are reduced, and so is what every scenario meets again: with
    R rows (years of all indicators), K orders and Y years ``8 (2 R + (K + 8) Y)`` bytes a draw,
    25 kB for the headline indicators over 80 years. Beyond ``memory`` all this lies in a
    temporary file of that size, and memory stays constant. Besides, a block of 1,000 draws of
    80 years takes 27 MB.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> from popsim.policy.files import baseline
    >>> some = run_region(load_baseline("zhejiang-2020"), [baseline()], years=range(2021, 2024),
    ...                   draws=range(3), indicators=["births"], probabilities=[0.5])
    >>> some["births"].shape, some["births_mean"].round(-4).tolist()
    ((1, 1, 3), [[450000.0, 410000.0, 380000.0]])
    """
    wanted = np.asarray(probabilities, dtype=float)
    _check(data, scenarios, draws, wanted, block, indicators, keep_draws)
    laps, shared = laps or Laps(), shared or Shared()
    model = shared.named(response) if isinstance(response, str) else response
    # glibc gives memory back to the system, and takes it anew page by page, only in pieces larger
    # than the largest it has seen freed: this keeps the arrays of every scenario out of that.
    np.empty(_FREED)
    region = Region(data, model, uncertainty_named(uncertainty), years, draws, seed, shared, laps)
    region.lay_out([name for name in indicators if name != MONEY], block)
    kept = Kept(MONEY in indicators, costs, tuple(keep_draws), keep_population)
    with Space(8 * region.floats_a_draw(kept) * padded(len(draws)), memory) as space:
        reduction = Reduction(region, kept, space, wanted)
        result = reduction.run(scenarios)
    for line in dict.fromkeys(region.notices):
        if tell is not None:
            tell(line)
    return result


def _check(
    data: xr.Dataset,
    scenarios: Sequence[Scenario],
    draws: range,
    probabilities: Array,
    block: int,
    indicators: Sequence[str],
    keep_draws: Sequence[str],
) -> None:
    problems = Problems()
    if data.sizes.get("region") != 1:
        have = data.sizes.get("region", "no dimension")
        problems.add(f"the data have {have} regions", instead="data.isel(region=[0])")
    if not scenarios:
        problems.add("no scenario is given", instead="[popsim.policy.files.baseline()]")
    if not len(draws) or draws.step != 1 or block < 1:
        problems.add(f"draws={draws!r} in blocks of {block}", instead="draws=range(1000)")
    given = probabilities.tolist()
    if probabilities.ndim != 1 or not given or (np.diff(probabilities) < 0).any():
        problems.add(f"probabilities must rise: {given}")
    elif given[0] < 0 or given[-1] > 1:
        problems.add(f"probabilities must lie between 0 and 1: {given}")
    if not indicators:
        problems.add("no indicator is asked for", instead=", ".join((*HEADLINE, MONEY)))
    for name in dict.fromkeys(indicators):
        if indicators.count(name) > 1:
            problems.add(f"{name} is asked for {indicators.count(name)} times; name it once")
        if name not in LEAN_INDICATORS and name != MONEY:
            problems.add(
                f"a batch has no indicator {name!r}; it has those that need no single ages: "
                f"{', '.join((*LEAN_INDICATORS, MONEY))}",
                instead=nearest(name, LEAN_INDICATORS),
            )
    for name in keep_draws:
        if name not in indicators:
            problems.add(f"draws of {name} are kept, but it is not among the indicators")
    problems.raise_if_any(DataError)
