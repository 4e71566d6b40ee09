"""The list of indicators, sets by name, and indicators of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any

import xarray as xr

from popsim.demography.indicators.ageing import AGEING
from popsim.demography.indicators.definition import Indicator, of_function
from popsim.demography.indicators.fertility import FERTILITY
from popsim.demography.indicators.quantities import GIVEN, QUANTITIES
from popsim.demography.indicators.standard import MONITORING
from popsim.errors import DataError, Problems, nearest
from popsim.variables import VARIABLES

__all__ = [
    "SETS",
    "chosen",
    "indicator_names",
    "is_own_indicator",
    "register_indicator",
    "registered_indicators",
    "remove_indicator",
]

#: Sets of indicators by name, and what they are for.
SETS = MappingProxyType(
    {
        "monitoring": "births, fertility and age structure: what every run reports",
        "fertility": "births by order, period fertility, reproduction, children",
        "ageing": "age structure, dependency, length of life",
        "rates": "birth rates by order and age",
        "all": "everything, your own included",
    }
)
_SET_NAMES = " or ".join(f'"{name}"' for name in SETS)
#: In a set this one is left out where the projection does not give it.
_WHERE_THERE = "mean_age_at_birth_by_order"
_STANDARD = MappingProxyType({one.name: one for one in (*MONITORING, *FERTILITY, *AGEING)})
# Indicators of the user, over those of popsim; only the two functions below change it.
_OWN: dict[str, Indicator] = {}


def registered_indicators() -> dict[str, Indicator]:
    """Return all indicators by name, those of the user in place of popsim's.

    Returns
    -------
    dict of str to Indicator
        A copy; changing it changes nothing.

    Examples
    --------
    >>> registered_indicators()["third_child_share"].needs
    ('births_by_order', 'births')
    """
    return {**_STANDARD, **_OWN}


def indicator_names(which: str = "all") -> list[str]:
    """Return the names of the indicators of a set.

    Parameters
    ----------
    which : str
        ``"monitoring"``, ``"fertility"``, ``"ageing"``, ``"rates"``, ``"all"``, or a set that you
        have named in indicators of your own.

    Raises
    ------
    DataError
        When no indicator belongs to the set.

    Examples
    --------
    >>> indicator_names("rates")
    ['incidence_fertility_rate', 'progression_fertility_rate']
    """
    names = _members(which)
    if not names:
        guess = nearest(which, _sets())
        text = f"there is no set of indicators {which!r} (there are {', '.join(_sets())})"
        raise DataError(f"{text}; write: {guess}" if guess else text)
    return names


def _members(which: str) -> list[str]:
    known = registered_indicators()
    return [name for name, one in known.items() if which == "all" or which in one.sets]


def _sets() -> list[str]:
    return list(dict.fromkeys([*SETS, *(name for one in _OWN.values() for name in one.sets)]))


def register_indicator(
    indicator: Indicator | Callable[..., xr.DataArray],
    *,
    replace: bool = False,
    **texts: Any,
) -> Indicator:
    """Add an indicator of your own to the list, until it is removed or Python ends.

    An indicator need not be registered to be used: :func:`popsim.indicators` also takes an
    :class:`popsim.Indicator` or a function, for one call.

    Parameters
    ----------
    indicator : Indicator or callable
        A function asks for what it needs by the names of its parameters.
    replace : bool
        Whether it may take the place of an indicator of the same name.
    **texts
        With a function: ``units``, ``long_name``, ``long_name_zh`` and ``definition``, and, if wanted,
        ``name`` (default the function's), ``source`` and ``sets``, as in :class:`popsim.Indicator`.

    Returns
    -------
    Indicator

    Raises
    ------
    DataError
        When the name is taken and ``replace`` is false, when a text is missing or unknown, or when
        a parameter asks for something that nothing gives.

    Examples
    --------
    >>> def births_per_death(births, deaths):
    ...     return births / deaths
    >>> own = register_indicator(births_per_death, units="1", long_name="births per death",
    ...     long_name_zh="出生与死亡之比", definition="Births over deaths of the year.")
    >>> register_indicator(own)
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: there is already an indicator 'births_per_death'; write: replace=True, or another name
    >>> remove_indicator("births_per_death")
    """  # noqa: E501 - an error message is one line
    made = _complete(indicator, texts)
    problems = Problems()
    if made.name in registered_indicators() and not replace:
        problems.add(
            f"there is already an indicator {made.name!r}", instead="replace=True, or another name"
        )
    elif made.name in _sets():
        problems.add(f"{made.name!r} is the name of a set of indicators", instead="another name")
    if "all" in made.sets:
        problems.add(f"{made.name} belongs to the set 'all' anyway; leave 'all' out of its sets")
    _check_needs([made], problems)
    problems.raise_if_any(DataError)
    _OWN[made.name] = made
    return made


def _complete(
    indicator: Indicator | Callable[..., xr.DataArray], texts: dict[str, Any]
) -> Indicator:
    known = ("name", "units", "long_name", "long_name_zh", "definition", "source", "sets")
    problems = Problems()
    for key in texts:
        if key not in known:
            problems.add(f"an indicator has no {key!r}", instead=nearest(key, known))
    if isinstance(indicator, Indicator):
        if texts:
            problems.add(f"{indicator.name} is complete; give {', '.join(texts)} when it is made")
        problems.raise_if_any(DataError)
        return indicator
    problems.raise_if_any(DataError)
    words: dict[str, str] = {key: texts.get(key, "") for key in known[1:-1]}
    name = str(texts.get("name") or getattr(indicator, "__name__", ""))
    return Indicator(name, indicator, **words, sets=tuple(texts.get("sets", ())))


def remove_indicator(name: str) -> None:
    """Take an indicator of your own from the list; one of popsim that it replaced comes back.

    Parameters
    ----------
    name : str
        Name under which it was registered.

    Raises
    ------
    DataError
        When you have registered none of that name.

    Examples
    --------
    >>> remove_indicator("median_age")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: 'median_age' is an indicator of popsim and stays in the list
    """
    if name not in _OWN:
        if name in _STANDARD:
            raise DataError(f"{name!r} is an indicator of popsim and stays in the list")
        raise DataError(f"you have registered no indicator {name!r}")
    del _OWN[name]


def is_own_indicator(name: str) -> bool:
    """Say whether the indicator of a name was registered by the user.

    Examples
    --------
    >>> is_own_indicator("median_age")
    False
    """
    return name in _OWN


def chosen(
    which: str | Indicator | Callable[..., xr.DataArray] | Iterable[Any], outputs: Iterable[str]
) -> tuple[list[Indicator], dict[str, Indicator]]:
    """Return the indicators that a caller asks for, and all that these may ask for.

    Parameters
    ----------
    which : str, Indicator, callable, or iterable of these
        Names of sets or indicators; indicators and functions stand for themselves.
    outputs : iterable of str
        What the projection gives.

    Raises
    ------
    DataError
        When a name is unknown, two indicators have one name, or a parameter asks for something that
        nothing gives; everything found is listed.
    """
    single = isinstance(which, str | Indicator) or not isinstance(which, Iterable)
    asked: list[Any] = [which] if single else list(which)  # type: ignore[arg-type]
    if not asked:
        raise DataError(f"no indicator is asked for; write: {_SET_NAMES}")
    known, problems = registered_indicators(), Problems()
    there = set(outputs)
    found: dict[str, Indicator] = {}
    own: dict[str, Indicator] = {}
    for one in asked:
        if isinstance(one, str):
            members = [one] if one in known else _members(one)
            if not members:
                words = [*known, *_sets()]
                guess = nearest(one, words) or _SET_NAMES
                problems.add(f"there is no indicator or set {one!r}", instead=guess)
            if one not in known:
                members = [name for name in members if name != _WHERE_THERE or name in there]
            found.update((name, known[name]) for name in members)
        else:
            made = one if isinstance(one, Indicator) else _of(one)
            if made.name in own and own[made.name] is not made:
                problems.add(f"two indicators are named {made.name!r}; give each its own name")
            own[made.name] = made
            found[made.name] = made
    # One that is passed stands in for a registered one of its name, in this call only.
    found = {name: own.get(name, one) for name, one in found.items()}
    _check_needs(own.values(), problems, {*own, *there})
    problems.raise_if_any(DataError)
    return list(found.values()), {**known, **own}


def _of(given: Any) -> Indicator:
    if not callable(given):
        raise DataError(f"{given!r} is neither the name of an indicator or set nor a function")
    return of_function(given)


def _check_needs(
    indicators: Iterable[Indicator], problems: Problems, besides: Iterable[str] = ()
) -> None:
    """Note every need that nothing can give."""
    known = {*VARIABLES, *QUANTITIES, *GIVEN, *registered_indicators(), *besides, "attributes"}
    for one in indicators:
        for name in (*one.needs, *one.takes):
            if name not in known:
                problems.add(
                    f"indicator {one.name} asks for {name!r}, which is neither an output of a "
                    "projection nor an indicator",
                    instead=nearest(name, known),
                )
