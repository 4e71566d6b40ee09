"""Which demographic assumptions are uncertain, and how.

A model of uncertainty is declared as an :class:`Uncertainty`; three are there by name in
:data:`UNCERTAINTY`. What is drawn from a declaration is in :mod:`popsim.demography.drawn_factors`.

Examples
--------
>>> UNCERTAINTY["default"].fertility, UNCERTAINTY["progression"].fertility
('level', 'progression')
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from popsim.demography.progression import PROGRESSION, TIMING
from popsim.demography.stochastic import Process
from popsim.errors import DataError, Problems, nearest

__all__ = ["UNCERTAINTY", "Uncertainty", "uncertainty_named"]

_CHOICES = {
    "fertility": ("level", "progression", "none"),
    "mortality": ("level", "lee-carter", "none"),
    "migration": ("total", "total-and-level", "none"),
}


@dataclass(frozen=True)
class Uncertainty:
    """A declared model of what is uncertain after the last observed year.

    Parameters
    ----------
    fertility : {"level", "progression", "none"}
        ``level``: one factor on all birth rates, the exponential of a random walk with the
        baseline's ``fertility_innovation``. ``progression``: the logit of the period progression
        ratio of each order follows ``progression`` and the mean age follows ``timing``.
    mortality : {"level", "lee-carter", "none"}
        ``level``: one standard normal for the whole course places survival between the low and the
        high table. ``lee-carter``: that place moves from year to year as the index of Lee and
        Carter does about its drift. The width is that of the tables in both.
    migration : {"total", "total-and-level", "none"}
        ``total``: an autoregression about the expected net migration, with the baseline's
        ``migration_innovation``. ``total-and-level``: the level itself is uncertain too.
    progression : Process
        Logit of the progression ratio to each birth order [1].
    timing : Process or None
        Mean age at birth, the same change for all orders [years]; None holds it.
    mortality_years : int
        T, years that the drift of the mortality index was estimated from.
    migration_level : float
        Standard deviation of the level of net migration relative to its expectation [1].
    fertility_shared, mortality_shared, migration_shared : float
        Correlation of the innovations of two counties of one province [1]; timing goes with
        fertility.
    name : str
        Name told in results.

    Raises
    ------
    DataError
        When a choice is unknown or a number out of its range; all problems at once.

    Examples
    --------
    >>> Uncertainty(fertility="levle")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: fertility 'levle' is unknown (there are level, progression, none); write: level
    """  # noqa: E501 - an error message is one line

    fertility: Literal["level", "progression", "none"] = "level"
    mortality: Literal["level", "lee-carter", "none"] = "level"
    migration: Literal["total", "total-and-level", "none"] = "total"
    progression: Process = field(default=PROGRESSION)
    timing: Process | None = TIMING
    mortality_years: int = 30
    migration_level: float = 0.2
    fertility_shared: float = 1.0
    mortality_shared: float = 1.0
    migration_shared: float = 1.0
    name: str = "own"

    def __post_init__(self) -> None:
        """Check every choice and number."""
        problems = Problems()
        for part, known in _CHOICES.items():
            chosen = getattr(self, part)
            if chosen not in known:
                problems.add(
                    f"{part} {chosen!r} is unknown (there are {', '.join(known)})",
                    instead=nearest(str(chosen), known),
                )
            shared = getattr(self, f"{part}_shared")
            if not 0 <= shared <= 1:
                problems.add(f"{part}_shared is {shared:g}; it must be from 0 to 1")
        if self.mortality_years < 2:
            problems.add(f"mortality_years is {self.mortality_years}; it must be at least 2")
        if not 0 <= self.migration_level < np.inf:
            problems.add(f"migration_level is {self.migration_level:g}; it must not be negative")
        if self.timing is not None and len(self.timing.sd) != 1:
            problems.add(
                f"timing has {len(self.timing.sd)} components; it needs one for all orders"
            )
        problems.raise_if_any(DataError)

    @property
    def timed(self) -> bool:
        """Whether the mean age at birth is drawn."""
        return self.fertility == "progression" and self.timing is not None


#: Models by name. Why counties are correlated as they are stands in docs/uncertainty.md.
UNCERTAINTY: dict[str, Uncertainty] = {
    "default": Uncertainty(name="default"),
    "progression": Uncertainty(
        fertility="progression",
        mortality="lee-carter",
        migration="total-and-level",
        # 0.0583² / (0.0583² + 0.0209²): the nation's yearly changes of log TFR, and those of the
        # ratio of a region to its nation in bayesTFR's subnational model.
        fertility_shared=0.89,
        mortality_shared=0.9,  # illustrative
        migration_shared=0.3,  # illustrative
        name="progression",
    ),
    "none": Uncertainty(fertility="none", mortality="none", migration="none", name="none"),
}


def uncertainty_named(given: str | Uncertainty) -> Uncertainty:
    """Return a model of uncertainty by its name, or the one given.

    Raises
    ------
    DataError
        When there is no such name.

    Examples
    --------
    >>> uncertainty_named("none").migration
    'none'
    """
    if isinstance(given, Uncertainty):
        return given
    if given not in UNCERTAINTY:
        guess = nearest(str(given), UNCERTAINTY)
        text = f"no uncertainty {given!r} (there are {', '.join(UNCERTAINTY)})"
        raise DataError(f"{text}; write: {guess}" if guess else text)
    return UNCERTAINTY[given]
