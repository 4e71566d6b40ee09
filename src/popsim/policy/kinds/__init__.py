"""The kinds of instrument: a registry that other packages can add to.

A new kind is a class with ``kind`` and the methods of
:class:`popsim.policy.kinds.instrument.Instrument` that differ::

    @register_kind
    class BirthBed(PerChild):
        \"\"\"A cot for every newborn.\"\"\"

        kind: Literal["birth_bed"] = "birth_bed"
        worth: MoneyByOrder

        def transfers(self):
            return (self.as_cash(self.worth),)

After that scenario files may say ``kind: birth_bed``, and its dose, effect and bill follow. An
installed package names its module under the entry point ``popsim.instruments``; the module is
imported before the first scenario file is read.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from popsim.policy.kinds.cash import CashTransfer, InsuranceBenefit, TaxDeduction
from popsim.policy.kinds.childcare import (
    ChildcareCapacity,
    ChildcareConstruction,
    ChildcareFee,
    ChildcareOperation,
)
from popsim.policy.kinds.housing import HousingFund, HousingGrant, RentalHousing
from popsim.policy.kinds.instrument import Instrument, Offer, PerChild
from popsim.policy.kinds.leave import PaidLeave
from popsim.policy.kinds.marriage import MarriageBonus
from popsim.policy.kinds.measure import Measure

__all__ = [
    "KINDS",
    "AnyKind",
    "Instrument",
    "Offer",
    "PerChild",
    "load_plugins",
    "on_new_kind",
    "register_kind",
]

_Kind = TypeVar("_Kind", bound=Instrument)

KINDS: dict[str, type[Instrument]] = {}
"""Every kind by the word that files use."""

_LISTENERS: list[Callable[[], object]] = []


def on_new_kind(listener: Callable[[], object]) -> None:
    """Call a function whenever a kind is added, e.g. to build a class of files anew."""
    _LISTENERS.append(listener)


def register_kind(kind: type[_Kind]) -> type[_Kind]:
    """Make a class of instrument known to scenario files; usable as a decorator.

    Parameters
    ----------
    kind : subclass of Instrument
        With a field ``kind: Literal["word"] = "word"``.

    Raises
    ------
    TypeError
        When the field is missing or the word belongs to another class.

    Examples
    --------
    >>> sorted(KINDS)[:3]
    ['cash_transfer', 'childcare_capacity', 'childcare_construction']
    """
    field = kind.model_fields.get("kind")
    words = typing.get_args(field.annotation) if field is not None else ()
    if len(words) != 1 or not isinstance(words[0], str):
        raise TypeError(
            f'{kind.__name__} has no word for files; write: kind: Literal["my_kind"] = "my_kind"'
        )
    known = KINDS.get(words[0])
    if known is not None and known.__qualname__ != kind.__qualname__:
        raise TypeError(f"the kind {words[0]!r} is {known.__name__} already; take another word")
    KINDS[words[0]] = kind
    for listener in _LISTENERS:
        listener()
    return kind


for _built_in in (
    CashTransfer,
    TaxDeduction,
    InsuranceBenefit,
    HousingFund,
    HousingGrant,
    RentalHousing,
    PaidLeave,
    ChildcareCapacity,
    ChildcareConstruction,
    ChildcareOperation,
    ChildcareFee,
    MarriageBonus,
    Measure,
):
    register_kind(_built_in)


@cache
def load_plugins() -> None:
    """Import the modules that installed packages name under ``popsim.instruments``, once."""
    for entry in entry_points(group="popsim.instruments"):
        entry.load()


class AnyKind:
    """Marks a field that holds an instrument of any registered kind, told by ``kind``."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the union of all kinds as they are known now."""
        choices = {word: handler.generate_schema(kind) for word, kind in KINDS.items()}
        return core_schema.tagged_union_schema(choices, discriminator="kind")
