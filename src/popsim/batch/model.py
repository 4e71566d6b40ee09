"""The file format ``popsim.batch/1`` as frozen classes: what to run and what to keep."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from popsim.policy.base import Label, Number, Strict
from popsim.policy.fields import Name, Regions, fail
from popsim.policy.sweep import Sweep

__all__ = ["HEADLINE_QUANTILES", "Batch", "Data", "Keep", "Split", "SweptScenario"]

#: Kept unless a file says otherwise: median, quartiles, and intervals of 60, 80, 90 and 95 %.
HEADLINE_QUANTILES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
_MANY_COUNTIES = 999


def _positive(number: int) -> int:
    if number < 1:
        fail(f"{number} is not a number of draws", "1000")
    return number


def _counties(number: int) -> int:
    if not 1 <= number <= _MANY_COUNTIES:
        fail(f"{number} counties cannot be coded", f"a number from 1 to {_MANY_COUNTIES}")
    return number


def _quantiles(given: tuple[float, ...]) -> tuple[float, ...]:
    if not given or min(given) < 0 or max(given) > 1:
        fail("quantiles are shares of the draws", "numbers from 0 to 1, such as [0.1, 0.5, 0.9]")
    if list(given) != sorted(set(given)):
        fail("the quantiles are not in order", str(sorted(set(given))))
    return given


def _read_last_year(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        fail(f"{value!r} is not a year", "the last year, such as 2060")
    return value


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        fail("the list is empty", "at least one name")
    doubled = sorted({value for value in values if values.count(value) > 1})
    if doubled:
        fail(f"{doubled[0]!r} stands twice in the list", "each name once")
    return values


Whole = Annotated[int, Field(strict=True)]
Indicators = Annotated[
    Annotated[Literal["headline"], Tag("name")]
    | Annotated[tuple[str, ...], AfterValidator(_some), Tag("list")],
    # Without this the word and the list would each report an error of their own.
    Discriminator(lambda value: "name" if isinstance(value, str) else "list"),
]


class Split(Strict):
    """ILLUSTRATIVE counties made from a baseline of one region, so that a batch can be tried.

    Either a number of counties, whose shares of the population fall by rank and whose fertility
    differs by ``fertility_spread``, or a table of shares (CSV: ``region``, ``share``; and, if
    known, ``region_name``, ``region_name_zh``, ``fertility``). Population, women by parity and net
    migration are the region's, times the share; rates and doses are the region's own.
    """

    counties: Annotated[Whole, AfterValidator(_counties)] | None = None
    shares: str | None = None
    fertility_spread: Annotated[Number, Field(ge=0, le=0.5)] = 0.1

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.counties is None) == (self.shares is None):
            fail("counties come from a number or from a table", "counties: 90, or shares: file.csv")
        return self


class Data(Strict):
    """Where the population comes from: one of ``baseline``, ``tables`` and ``file``.

    ``extend_to`` carries the data on to a later year, its last year standing for all later ones.
    """

    baseline: str | None = None
    tables: str | None = None
    like: str | None = None
    file: str | None = None
    fertility: Literal["incidence", "conditional"] = "incidence"
    extend_to: Annotated[int, BeforeValidator(_read_last_year)] | None = None
    split: Split | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [n for n in ("baseline", "tables", "file") if getattr(self, n) is not None]
        if len(named) != 1:
            told = " and ".join(named) or "nothing"
            fail(f"the data come from {told}", "one of baseline, tables and file")
        if self.like is not None and self.tables is None:
            fail("like fills what tables do not have, and there are none", "no like")
        if self.file is not None and "fertility" in self.model_fields_set:
            fail("the file already holds one path of fertility", "no fertility")
        return self


class SweptScenario(Sweep):
    """A scenario with other values in some places: every combination is one scenario.

    ``grid`` is combined in every way, ``list`` row by row. Identifiers and labels tell the values.
    """

    scenario: str

    @model_validator(mode="after")
    def _some_key(self) -> Self:
        if not self.keys:
            fail(
                "nothing is swept",
                "grid: {policies.grant.amount.2: [300 CNY/month, 600 CNY/month]}",
            )
        return self


class Keep(Strict):
    """What is written for every region and scenario; the rest is reduced away inside a task."""

    indicators: Indicators = "headline"
    quantiles: Annotated[tuple[Number, ...], AfterValidator(_quantiles)] = HEADLINE_QUANTILES
    means: bool = True
    differences: bool = True
    draws: tuple[str, ...] = ()
    population: bool = False
    costs: bool = True
    precision: Literal["single", "double"] = "single"


class Batch(Strict):
    """Which regions, which scenarios, how many draws, how far, and what to keep.

    Scenarios and other files are looked for beside the batch file. The future without new policy
    (``baseline``) is always run and is what differences are taken from.
    """

    schema_: Literal["popsim.batch/1"] = Field(alias="schema")
    id: Name
    label: Label
    data: Data
    regions: Regions = "all"
    scenarios: tuple[str, ...] = ()
    sweep: tuple[SweptScenario, ...] = ()
    response: str = "default"
    uncertainty: Literal["default", "progression", "none"] = "default"
    demographic_noise: bool = False
    until: Annotated[int, BeforeValidator(_read_last_year)] | None = None
    draws: Annotated[Whole, AfterValidator(_positive)]
    seed: Whole
    keep: Keep = Keep()
    notes: str | None = None

    @model_validator(mode="after")
    def _something_to_run(self) -> Self:
        if not self.scenarios and not self.sweep:
            fail("there is no scenario to run", "scenarios: [zhejiang-as-qingyuan]")
        return self
