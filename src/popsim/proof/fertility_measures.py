"""Measures of fertility by order beside published figures and independent computations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from popsim.demography.fertility import (
    birth_interval_table,
    tempo_adjusted,
    tfr_from_progression,
)
from popsim.demography.parity import period_fertility_table, progression_ratios
from popsim.errors import DataError

__all__ = ["Cases", "TempoCase", "compare_measures", "fertility_measures", "read_cases"]

Array = NDArray[np.float64]
COLUMNS = [
    *("measure", "popsim", "expected", "difference", "tolerance", "verdict"),
    *("strength", "source"),
]
STRENGTHS = {
    "V": "verified: a published figure, or the output of the named reference implementation",
    "C": "computed independently from the formula; no published figure",
    "R": "recalled from the literature",
}
_NUMBER = r"[-+]?\d*\.?\d+"


class TempoCase(NamedTuple):
    """Total fertility and mean age by order in consecutive years, and the adjusted rates.

    Attributes
    ----------
    place : str
        Name for the table.
    years : list of int
    tfr, mab : numpy.ndarray (order, year)
        [births per woman], [years].
    adjusted : dict of int to list of float
        Expected rates by order and, last, their sum, by year [births per woman].
    """

    place: str
    years: list[int]
    tfr: Array
    mab: Array
    adjusted: dict[int, list[float]]


class Cases(NamedTuple):
    """Inputs and expected results of all measures; a part that is not there is None or empty.

    Attributes
    ----------
    parity_rates : pandas.DataFrame or None
        Columns ``age``, ``m1``, ``m2`` … (conditional rates [year-1]) and, by scheme,
        ``b1_exact``, ``b1_linear`` … (births of the synthetic cohort at each age).
    parity_results : pandas.DataFrame or None
        Columns ``scheme``, ``order``, ``table_births``, ``mab``.
    tempo : list of TempoCase
    intervals : pandas.DataFrame or None
        Columns ``residence``, ``start``, ``end`` [months], ``births``, ``exposure``.
    interval_results : dict of str to float
        Expected ``progression`` to 57.5 months, ``quintum``, ``q1``, ``q2``, ``q3``, ``trimean`` of
        the first residence.
    cohorts : pandas.DataFrame or None
        Columns ``cohort``, ``total``, ``order1``, ``order2``, ``order3plus`` (completed
        fertility).
    cohort_change : list of float
        Change of completed fertility from the first cohort to the second by the ratios to the
        first, second and third and later births.
    """

    parity_rates: pd.DataFrame | None
    parity_results: pd.DataFrame | None
    tempo: list[TempoCase]
    intervals: pd.DataFrame | None
    interval_results: dict[str, float]
    cohorts: pd.DataFrame | None
    cohort_change: list[float]


def fertility_measures(folder: str | Path) -> pd.DataFrame:
    """Compute every measure of the reference files of a folder and compare.

    Parameters
    ----------
    folder : path
        Holds any of ``parity_table_rates.csv`` with ``parity_table_results.csv``,
        ``tempo_*.csv``, ``birth_interval_colombia_1976.csv`` and ``china_parity_published.csv``;
        lines that start with # state source and expected results.

    Returns
    -------
    pandas.DataFrame
        One row per figure: ``measure``, ``popsim``, ``expected``, ``difference``, ``tolerance``
        (what the digits of the expected figure and of its inputs allow), ``verdict`` (``met`` or
        ``missed``), ``strength`` of the source (V, C or R) and ``source``.

    Raises
    ------
    DataError
        When the folder holds none of the files.

    References
    ----------
    Rallu & Toulemon 1994; Bongaarts & Feeney 1998; Rodríguez & Hobcraft 1980; Feeney & Yu 1987.
    """
    return compare_measures(read_cases(folder))


def read_cases(folder: str | Path) -> Cases:
    """Read the reference files of a folder.

    Parameters
    ----------
    folder : path
        See :func:`fertility_measures`.

    Returns
    -------
    Cases

    Raises
    ------
    DataError
        When the folder holds none of the files.
    """
    folder = Path(folder)
    tempo = [_read_tempo(path) for path in sorted(folder.glob("tempo_*.csv"))]
    rates, _ = _read(folder / "parity_table_rates.csv")
    results, _ = _read(folder / "parity_table_results.csv")
    intervals, said = _read(folder / "birth_interval_colombia_1976.csv")
    published, _ = _read(folder / "china_parity_published.csv")
    if not tempo and all(x is None for x in (rates, intervals, published)):
        raise DataError(f"{folder} holds none of the reference tables of fertility measures")
    keys = {
        "progression": rf"B\(57\.5\) ({_NUMBER})",
        "quintum": rf"quintum \(5-year PPR\) ({_NUMBER})",
        "q1": rf"Q1 ({_NUMBER})",
        "q2": rf"Q2 ({_NUMBER})",
        "q3": rf"Q3 ({_NUMBER})",
        "trimean": rf"trimean ({_NUMBER})",
    }
    found = {name: re.search(pattern, said) for name, pattern in keys.items()}
    cohorts, change = (None, []) if published is None else _published(published)
    return Cases(
        rates,
        results,
        tempo,
        intervals,
        {name: float(match[1]) for name, match in found.items() if match},
        cohorts,
        change,
    )


def _read(path: Path) -> tuple[pd.DataFrame | None, str]:
    """Return a table and what its # lines say, nothing where there is no file."""
    if not path.is_file():
        return None, ""
    lines = path.read_text(encoding="utf-8").splitlines()
    return pd.read_csv(path, comment="#"), "\n".join(x for x in lines if x.startswith("#"))


def _read_tempo(path: Path) -> TempoCase:
    table, said = _read(path)
    assert table is not None
    order = "birth_order" if "birth_order" in table else "order"
    wide = {
        name: table.pivot_table(index=order, columns="year", values=name) for name in ("tfr", "mab")
    }
    years = [int(y) for y in wide["tfr"].columns]
    adjusted: dict[int, list[float]] = {}
    for year, rates, total in re.findall(rf"(\d{{4}}) ((?:{_NUMBER} )+)sum ({_NUMBER})", said):
        adjusted[int(year)] = [float(x) for x in [*rates.split(), total]]
    if not adjusted and "adj_tfr" in table:
        given = table.pivot_table(index=order, columns="year", values="adj_tfr")
        # The first and the last year lean on years that the file does not hold.
        for year in years[1:-1]:
            by_order = given[year].tolist()
            adjusted[year] = [*by_order, sum(by_order)]
    place = path.stem.removeprefix("tempo_").split("_")[0].capitalize()
    tfr, mab = (wide[name].to_numpy(dtype=float) for name in ("tfr", "mab"))
    return TempoCase(place, years, tfr, mab, adjusted)


def _published(table: pd.DataFrame) -> tuple[pd.DataFrame, list[float]]:
    """Take the cohorts and their decomposition out of the table of published facts."""
    records, change = [], []
    for fact, value in zip(table["fact"], table["value"].astype(str), strict=True):
        numbers = [float(x) for x in re.findall(_NUMBER, value)]
        cohort = re.match(r"cohort (\d{4})", fact)
        if cohort and len(numbers) == 4:
            records.append([int(cohort[1]), *numbers])
        elif fact.startswith("change 1930-1950 by progression ratio"):
            change = numbers
    columns = ["cohort", "total", "order1", "order2", "order3plus"]
    return pd.DataFrame(records, columns=columns), change


class _Rows:
    """Collects comparisons."""

    def __init__(self) -> None:
        self.found: list[list[object]] = []

    def add(
        self, measure: str, have: float, want: float, tolerance: float, strength: str, source: str
    ) -> None:
        gap = float(have) - float(want)
        # What is printed is rounded, and a tie may round either way.
        verdict = "met" if abs(gap) <= tolerance * (1 + 1e-6) else "missed"
        self.found.append(
            [measure, float(have), float(want), gap, tolerance, verdict, strength, source]
        )


def compare_measures(cases: Cases) -> pd.DataFrame:
    """As :func:`fertility_measures`, from cases in memory.

    Parameters
    ----------
    cases : Cases
        As read by :func:`read_cases`.

    Returns
    -------
    pandas.DataFrame
    """
    rows = _Rows()
    if cases.parity_rates is not None and cases.parity_results is not None:
        _parity_table(rows, cases.parity_rates, cases.parity_results)
    for tempo in cases.tempo:
        _tempo(rows, tempo)
    if cases.intervals is not None:
        _intervals(rows, cases.intervals, cases.interval_results)
    if cases.cohorts is not None:
        _cohorts(rows, cases.cohorts, cases.cohort_change)
    return pd.DataFrame(rows.found, columns=COLUMNS)


def _parity_table(rows: _Rows, rates: pd.DataFrame, results: pd.DataFrame) -> None:
    source = "synthetic rates; matrix exponential and linear scheme, SciPy"
    names = sorted(str(c) for c in rates if re.fullmatch(r"m\d+", str(c)))
    m = rates[names].to_numpy(dtype=float).T
    schemes: tuple[Literal["exact", "linear"], ...] = ("exact", "linear")
    for scheme in schemes:
        expected = results[results["scheme"] == scheme].sort_values("order")
        # The file's last order is one event: those who had it are not counted on.
        table = period_fertility_table(m, rates["age"], open_last=False, method=scheme)
        births, ages = (expected[c].to_numpy(dtype=float) for c in ("table_births", "mab"))
        for k, (b, mab) in enumerate(zip(births, ages, strict=True)):
            order = f"order {k + 1}, {scheme} table"
            rows.add(f"PATFR, {order}", table["patfr"][k].item(), b, 1e-9, "C", source)
            rows.add(f"mean age, {order}", table["mab"][k].item(), mab, 1e-6, "C", source)
        total = float(births.sum())
        rows.add(f"PATFR, {scheme} table", float(table["patfr"].sum()), total, 3e-9, "C", source)
        by_age = [f"b{k + 1}_{scheme}" for k in range(len(names))]
        if set(by_age) <= set(rates):
            gap = np.abs(table["births"].values - rates[by_age].to_numpy(dtype=float).T).max()
            rows.add(f"births by age, largest gap, {scheme} table", gap, 0.0, 1e-10, "C", source)


def _tempo(rows: _Rows, case: TempoCase) -> None:
    source = f"{case.place}, total fertility and mean age by order"
    result = tempo_adjusted(case.tfr, case.mab, case.years, on_excess="nan")
    for year, expected in case.adjusted.items():
        at = result.sel(year=year)
        have = [*at["adjusted"].values.tolist(), float(at["total"])]
        names = [*(f"order {k + 1}" for k in range(len(expected) - 1)), "all orders"]
        for name, mine, want in zip(names, have, expected, strict=True):
            measure = f"tempo-adjusted TFR, {case.place} {year}, {name}"
            rows.add(measure, mine, want, 0.5e-5, "C", source)


def _intervals(rows: _Rows, table: pd.DataFrame, expected: dict[str, float]) -> None:
    source = "Colombia 1976, second to third birth, rural; log of G. Rodríguez"
    first = table[table["residence"] == table["residence"].iloc[0]]
    limits = np.append(0.0, first["end"].to_numpy(dtype=float))
    births, exposure = (first[name].to_numpy(dtype=float) for name in ("births", "exposure"))
    ends = birth_interval_table(births, exposure, limits)
    # The log reads quintum and progression at the ends of its intervals, quartiles at the starts.
    starts = birth_interval_table(births, exposure, limits, read_at="start")
    quartile = starts["quartile"].values
    have = {
        "progression": float(ends["progression"].sel(limit=57.5)),
        "quintum": float(ends["quintum"]),
        **{f"q{i + 1}": float(q) for i, q in enumerate(quartile)},
        "trimean": float(starts["trimean"]),
    }
    names = {
        "progression": "gone on within 57.5 months",
        "quintum": "quintum, gone on within 60 months",
        "q1": "first quartile [months], read at the start of intervals",
        "q2": "median [months], read at the start of intervals",
        "q3": "third quartile [months], read at the start of intervals",
        "trimean": "trimean [months], read at the start of intervals",
    }
    for key, want in expected.items():
        # Shares are printed with seven digits; durations come from single precision.
        tolerance = 0.5e-7 if key in ("progression", "quintum") else 1e-7 * want
        rows.add(f"birth interval: {names[key]}", have[key], want, tolerance, "V", source)


def _cohorts(rows: _Rows, table: pd.DataFrame, change: list[float]) -> None:
    source = "China, cohorts in the survey of 2017 (IJPS 8(1), 2022)"
    orders = table[["order1", "order2", "order3plus"]].to_numpy(dtype=float)
    ratios = progression_ratios(orders)
    for cohort, a, total in zip(table["cohort"], ratios, table["total"], strict=True):
        # The sum of three orders printed with two digits is good to 0.015, its total to 0.005.
        rows.add(
            f"completed fertility from progression ratios, cohort {cohort}",
            *(float(tfr_from_progression(a)), total, 0.02, "V", source),
        )
    if len(change) == ratios.shape[1] and len(ratios) > 1:
        first, second = (int(c) for c in table["cohort"].iloc[:2])
        mixed = ratios[0].copy()
        before = float(tfr_from_progression(mixed))
        for k, want in enumerate(change):
            mixed[k] = ratios[1, k]
            after = float(tfr_from_progression(mixed))
            rows.add(
                f"change {first}-{second} by the ratio to birth {k + 1}"
                + (" and later" if k == len(change) - 1 else "")
                + " (from figures of two digits)",
                *(after - before, want, 0.02, "V", source),
            )
            before = after
