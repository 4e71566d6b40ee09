"""What an indicator is: a small pure function, what it needs, and what its result means."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import xarray as xr

from popsim.errors import DataError, Problems, nearest
from popsim.units import UNITS
from popsim.variables import VARIABLES

__all__ = ["NBS", "USUAL", "Indicator", "asked_for", "from_registry", "of_function"]

NBS = "National Bureau of Statistics of China, 主要统计指标解释"
USUAL = "usual definition"
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Indicator:
    """An indicator: a function and what a reader must know of its result.

    Parameters
    ----------
    name : str
        Name of the variable in the result.
    function : callable
        Returns an xarray.DataArray. It asks for what it needs by the names of its parameters:
        outputs of the projection, other indicators, or quantities such as ``people`` (the list is
        in the documentation). What a parameter with a default asks for may be missing.
    units : str
        A unit of :data:`popsim.units.UNITS`.
    long_name, long_name_zh : str
        Labels in English and Chinese.
    definition : str
        What it is, with the formula where there is one.
    source : str
        Who defines it so.
    sets : tuple of str
        Sets that it belongs to, besides ``"all"``.

    Attributes
    ----------
    needs, takes : tuple of str
        What the function must have, and what it takes where it is there.

    Raises
    ------
    DataError
        When the unit is unknown, a text is missing, or a parameter is not named after a need;
        everything found is listed.

    Examples
    --------
    >>> share = Indicator("share_of_firsts", lambda births_by_order, births: births_by_order[0] / births,
    ...     units="1", long_name="share of first births", long_name_zh="一孩占比",
    ...     definition="Births of order 1 over all births.")
    >>> share.needs
    ('births_by_order', 'births')
    """  # noqa: E501 - one line reads better in an example

    name: str
    function: Callable[..., xr.DataArray] = field(repr=False)
    units: str
    long_name: str
    long_name_zh: str
    definition: str
    source: str = ""
    sets: tuple[str, ...] = ()
    needs: tuple[str, ...] = field(init=False, repr=False)
    takes: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the needs from the function and refuse what nobody could read."""
        problems = Problems()
        if not self.name.isidentifier():
            problems.add(f"{self.name!r} cannot name an indicator", instead="births_per_death")
        for text in ("long_name", "long_name_zh", "definition"):
            if not getattr(self, text):
                problems.add(f"indicator {self.name} has no {text}")
        if self.units not in UNITS:
            problems.add(
                f"indicator {self.name} has the unknown unit {self.units!r}",
                instead=nearest(self.units, UNITS) or ", ".join(UNITS),
            )
        for p in inspect.signature(self.function).parameters.values():
            if p.kind not in _BY_NAME:
                problems.add(
                    f"the function of {self.name} takes {p}; every parameter must be named after "
                    "what the indicator needs"
                )
        problems.raise_if_any(DataError)
        needs, takes = asked_for(self.function)
        object.__setattr__(self, "needs", needs)
        object.__setattr__(self, "takes", takes)

    def attributes(self, given: dict[str, str]) -> dict[str, str]:
        """Return what the result carries in ``attrs``; ``given`` is what the function put there."""
        told = {
            "units": self.units,
            "long_name": self.long_name,
            "long_name_zh": self.long_name_zh,
            "definition": self.definition,
        }
        return told | ({"definition_source": self.source} if self.source else {})


@dataclass(frozen=True)
class _Function(Indicator):
    """A function passed for one call: its result says the unit, and may say the labels."""

    def attributes(self, given: dict[str, str]) -> dict[str, str]:
        if given.get("units") not in UNITS:
            raise DataError(
                f"the result of {self.name} has no unit of popsim in attrs['units']; write: "
                "return result.assign_attrs(units='1'), or make a popsim.Indicator"
            )
        return super().attributes(given) | {key: str(value) for key, value in given.items()}


def asked_for(function: Callable[..., object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of parameters without and with a default.

    Examples
    --------
    >>> asked_for(lambda births, deaths=None: births)
    (('births',), ('deaths',))
    """
    parameters = inspect.signature(function).parameters.values()
    must = tuple(p.name for p in parameters if p.default is p.empty)
    return must, tuple(p.name for p in parameters if p.default is not p.empty)


def of_function(function: Callable[..., xr.DataArray]) -> Indicator:
    """Make an indicator of a function that is passed for one call.

    Its name is the function's, its definition the first line of the docstring; the result says its
    unit, and further labels if it likes, in ``attrs``.

    Raises
    ------
    DataError
        When the function has no name (a ``lambda``).

    Examples
    --------
    >>> def births_per_death(births, deaths):
    ...     return (births / deaths).assign_attrs(units="1")
    >>> of_function(births_per_death).long_name
    'births per death'
    """
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        raise DataError("a function without a name cannot be an indicator; write: def name(...)")
    title = name.replace("_", " ")
    text = (inspect.getdoc(function) or title).splitlines()[0]
    return _Function(name, function, "1", title, title, text)


def from_registry(
    function: Callable[..., xr.DataArray], *, sets: Iterable[str], source: str = ""
) -> Indicator:
    """Make an indicator of popsim itself, whose texts stand in the table of variables."""
    row = VARIABLES[function.__name__]
    texts = (row.units, row.long_name, row.long_name_zh, row.definition)
    return Indicator(row.name, function, *texts, source=source, sets=tuple(sets))
