"""Run popsim on reference sets made elsewhere and say how far it is from them.

A set is a folder of tables in the format of the United Nations' ``ccmppWPP`` package, one value a
row: ``in_pop_base``, ``in_survival_ratio``, ``in_asfr``, ``in_srb``, ``in_mig_parameter``,
``in_net_migration`` (or ``in_net_migration_rate``, ``in_net_migration_total``) and, for deaths by
period, ``in_life_table``; and what should come out: ``out_pop``, ``out_births_by_age``,
``out_births_total``, ``out_deaths_cohort``, ``out_deaths_period``, ``out_mig_applied``. Files are
``.csv`` or ``.csv.gz``.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from popsim.errors import DataError

__all__ = ["run_ccmpp_set", "run_ccmpp_textbook"]

# Where a set of the published collection takes the inputs that it does not repeat.
_PARENTS = {
    "canada_lowmig": "wpp_example",
    "canada_even": "canada",
    "canada_rates": "canada",
    "canada_totals_even": "canada",
}

_SEXES = ["female", "male"]

_MIGRATION_FILES = {
    "counts": "in_net_migration",
    "rates": "in_net_migration_rate",
    "totals": "in_net_migration_total",
}

# Where the guard makes the women of the two halves of a year cancel, what is left holds the
# rounding of the halves: a difference is not measured against less than this part of their sum
# without sign.
_CANCELLED = 1e-3

# Below this many persons a difference is measured against it: no cell of a population is smaller
# but those that the guard made (0.0005), which are compared to 1e-12 persons then.
_FLOOR = 1e-3


def run_ccmpp_set(folder: str | Path, parent: str | Path | None = None) -> dict[str, float]:
    """Project a reference set and return the largest relative errors.

    The rates of the set do not know parity; they are given to every birth order, and the women
    are spread over parities in several ways. The population must not depend on it.

    Parameters
    ----------
    folder : path
        The set. Migration type (counts, rates, totals) and timing (even, end) may change from
        year to year; the guard against negative cells is the United Nations' own.
    parent : path, optional
        Folder of the inputs that ``folder`` does not hold; for the sets of the published
        collection it is known.

    Returns
    -------
    dict of str to float
        Largest relative error over all cells, times and parity distributions, of ``population``,
        ``births_by_age``, ``births_total``, ``deaths_cohort``, ``deaths_period`` and
        ``migration``, as far as the set says what should come out. A difference is divided by the
        expected value or 0.001, whichever is larger; where exactly 0 is expected, it is taken as
        it is. Births by age are the sum of two halves of a year, of which the guard may leave one
        negative; their difference is divided by a thousandth of the two without sign where that
        is larger. Given the folder of the textbook (see :func:`run_ccmpp_textbook`), the errors
        of that example relative to the printed figures, ``population_relative`` and
        ``births_by_age_relative``.

    Raises
    ------
    DataError
        When an input is missing or does not cover the years, or nothing is there to compare with.

    References
    ----------
    United Nations Population Division, ccmppWPP (Wheldon and Hertog), commit 09739c8.
    """
    folder = Path(folder)
    if (folder / "parameters.csv").is_file() and any(folder.glob("*_5x5.csv")):
        return {f"{name}_relative": e for name, e in _textbook_errors(folder)[1].items()}
    if parent is None:
        sibling = folder.parent / _PARENTS.get(folder.resolve().name, "")
        parent = sibling if folder.resolve().name in _PARENTS and sibling.is_dir() else None
    source = _Source(folder, None if parent is None else Path(parent))
    inputs = _Inputs(source)
    expected = {
        name: table
        for name, file in (
            ("population", "out_pop"),
            ("births_by_age", "out_births_by_age"),
            ("births_total", "out_births_total"),
            ("deaths_cohort", "out_deaths_cohort"),
            ("deaths_period", "out_deaths_period"),
            ("migration", "out_mig_applied"),
        )
        if (table := _read(folder, file)) is not None
    }
    if not expected:
        raise DataError(f"{folder} holds no out_ file to compare with")
    errors = dict.fromkeys(expected, 0.0)
    for parities in _parity_distributions(len(inputs.ages)):
        results = inputs.run(parities)
        for name, table in expected.items():
            least = results["births_halves"] * _CANCELLED if name == "births_by_age" else None
            error = inputs.largest_error(name, table, results[name], least)
            # A figure that is no number is an error that max() would forget.
            errors[name] = error if np.isnan(error) else max(errors[name], error)
    return errors


def run_ccmpp_textbook(folder: str | Path) -> dict[str, float]:
    """Project the textbook's five-year example and return the largest errors in persons.

    Parameters
    ----------
    folder : path
        Holds ``parameters.csv`` (srb, z, radix, mig_assumption) and one table with a row for each
        sex and age group: Sweden 1993 to 1998.

    Returns
    -------
    dict of str to float
        Largest absolute difference [persons] of ``population`` at the end and ``births_by_age``
        from the printed figures, which are rounded to 1.

    References
    ----------
    Preston, Heuveline and Guillot (2001), Demography, Box 6.2.
    """
    return _textbook_errors(Path(folder))[0]


def _textbook_errors(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Return the largest errors of the textbook's example, in persons and relative."""
    from popsim.kernels.projection import project_history

    parameters = pd.read_csv(folder / "parameters.csv").iloc[0]
    (table_file,) = (p for p in folder.glob("*.csv") if p.name != "parameters.csv")
    table = pd.read_csv(table_file)
    both = {
        name: np.stack([table[table["sex"] == sex][name].to_numpy(float) for sex in _SEXES])
        for name in ("pop_1993", "Sx", "net_migration_1993_1998", "pop_1998_published")
    }
    women = table[table["sex"] == "female"]
    asfr = women["asfr"].to_numpy(float)
    errors = {"population": 0.0, "births_by_age": 0.0}
    relative = dict(errors)
    for parities in _parity_distributions(len(asfr)):
        orders = len(parities)
        result = project_history(
            both["pop_1993"][0] * parities,
            both["pop_1993"][1],
            np.broadcast_to(asfr, (1, 1, orders, asfr.size)),
            both["Sx"][None, None],
            np.full((1, orders), parameters["srb"]),
            migration=both["net_migration_1993_1998"][None],
            step=float(parameters["z"]),
            timing=str(parameters["mig_assumption"]),  # type: ignore[arg-type]
            on_negative="un",
        )
        people = np.stack([result.women[1].sum(axis=0), result.men[1]])[..., 0]
        births = result.births_by_age[0].sum(axis=0)[..., 0]
        for name, have, want in (
            ("population", people, both["pop_1998_published"]),
            ("births_by_age", births, women["births_1993_1998_published"].to_numpy(float)),
        ):
            error = np.abs(have - want)
            errors[name] = max(errors[name], float(error.max()))
            relative[name] = max(relative[name], float((error / np.where(want, want, 1.0)).max()))
    return errors, relative


def _parity_distributions(ages: int) -> list[np.ndarray]:
    """Return parity distributions by age (parities, ages), each age summing to 1.

    The women of an age sum to their number to the last bit (shares are powers of 2, the smallest
    first), so that a cell that its outflow empties exactly is empty in every distribution.
    """
    childless = np.zeros((4, ages))
    childless[0] = 1.0
    generator = np.random.default_rng(20240101)
    mixed = np.zeros((6, ages))
    for age in range(ages):
        parities = np.sort(generator.permutation(6)[: generator.integers(2, 7)])
        mixed[parities, age] = 0.5 ** np.arange(len(parities), 0, -1)
        mixed[parities[0], age] *= 2.0
    last = np.zeros((3, ages))
    last[2] = 1.0
    return [childless, mixed, last]


def _read(folder: Path, name: str) -> pd.DataFrame | None:
    """Return a table of a folder, or None where there is none."""
    for suffix in (".csv", ".csv.gz"):
        path = folder / f"{name}{suffix}"
        if path.is_file():
            return pd.read_csv(path)
    return None


class _Source:
    """Tables of a set, or of its parent where the set does not repeat them."""

    def __init__(self, folder: Path, parent: Path | None) -> None:
        self.folder = folder
        self.parent = parent

    def table(self, name: str, required: bool = True) -> pd.DataFrame | None:
        """Return a table by its name without suffix."""
        found = _read(self.folder, name)
        if found is None and self.parent is not None:
            found = _read(self.parent, name)
        if found is None and required:
            where = f"{self.folder}" + (f" or {self.parent}" if self.parent else "")
            raise DataError(
                f"{name}.csv (or .csv.gz) is in neither {where}"
                if self.parent
                else f"{name}.csv (or .csv.gz) is not in {where}, and no parent folder is given"
            )
        return found

    def need(self, name: str) -> pd.DataFrame:
        """Return a table that must be there."""
        table = self.table(name)
        assert table is not None
        return table


class _Inputs:
    """The inputs of a set as arrays, and the run over stretches of equal migration type."""

    def __init__(self, source: _Source) -> None:
        base = source.need("in_pop_base")
        parameters = source.need("in_mig_parameter").sort_values("time")
        self.ages = np.sort(base["age"].unique())
        self.step = int(self.ages[1] - self.ages[0])
        self.times = parameters["time"].to_numpy()
        self.kinds = list(zip(parameters["mig_type"], parameters["mig_assumption"], strict=True))
        for kind, timing in self.kinds:
            if kind not in _MIGRATION_FILES or timing not in ("even", "end"):
                raise DataError(f"in_mig_parameter: unknown migration {kind!r}, {timing!r}")
        start = base[base["time"] == self.times[0]] if "time" in base else base
        self.base = self._grid(start.assign(time=self.times[0]), "in_pop_base", self.times[:1])[0]
        survival = source.table("in_survival_ratio", required=False)
        life_table = source.table("in_life_table", required=survival is None)
        if survival is None and life_table is not None:
            survival = life_table.assign(value=life_table["Sx"])
        assert survival is not None
        self.survival = self._grid(survival, "in_survival_ratio", self.times)
        self.separation = None
        if life_table is not None and {"lx", "nLx"} <= set(life_table):
            from popsim.kernels.projection import separation_factors

            lx, nLx = (
                self._grid(life_table.assign(value=life_table[c]), "in_life_table", self.times)
                for c in ("lx", "nLx")
            )
            self.separation = separation_factors(lx, nLx)
        asfr = source.need("in_asfr")
        self.asfr = self._grid(asfr, "in_asfr", self.times, sexes=False)
        self.srb = self._series(source.need("in_srb"), "in_srb", self.times)
        self.migration: dict[str, np.ndarray] = {}
        for kind in dict.fromkeys(kind for kind, _ in self.kinds):
            times = np.array(
                [t for t, (k, _) in zip(self.times, self.kinds, strict=True) if k == kind]
            )
            table = source.need(_MIGRATION_FILES[kind])
            read = self._series if kind == "totals" else self._grid
            values = read(table, _MIGRATION_FILES[kind], times)
            full = np.zeros((len(self.times), *values.shape[1:]))
            full[np.searchsorted(self.times, times)] = values
            self.migration[kind] = full

    def _grid(
        self, table: pd.DataFrame, name: str, times: np.ndarray, sexes: bool = True
    ) -> np.ndarray:
        """Return values (time, sex, age) or (time, age), all cells required."""
        keys: list[Any] = [times, self.ages] if not sexes else [times, _SEXES, self.ages]
        columns = ["time", "age"] if not sexes else ["time", "sex", "age"]
        index = pd.MultiIndex.from_product(keys, names=columns)
        values = table.set_index(columns)["value"].reindex(index)
        if values.isna().any():
            cell = dict(zip(columns, values.index[values.isna()][0], strict=True))
            raise DataError(f"{name} has no value for {cell}")
        return values.to_numpy(float).reshape([len(k) for k in keys])

    def _series(self, table: pd.DataFrame, name: str, times: np.ndarray) -> np.ndarray:
        """Return one value for each time."""
        values = table.set_index("time")["value"].reindex(times)
        if values.isna().any():
            raise DataError(f"{name} has no value for time {values.index[values.isna()][0]}")
        return values.to_numpy(float)

    def run(self, parities: np.ndarray) -> dict[str, np.ndarray]:
        """Project with one parity distribution; outputs (time, sex, age) as far as they have it."""
        from popsim.kernels.projection import period_deaths, project_history

        orders = len(parities)
        women, men = self.base[0] * parities, self.base[1]
        people, births, born, deaths, moved = [self.base[None]], [], [], [], []
        first = 0
        for (kind, timing), stretch in groupby(self.kinds):
            at = slice(first, first + len(list(stretch)))
            first = at.stop
            asfr = self.asfr[at]
            result = project_history(
                women,
                men,
                np.repeat(asfr[:, None, None], orders, axis=2),
                self.survival[at][:, None],
                np.repeat(self.srb[at][:, None], orders, axis=1),
                migration=self.migration[kind][at],
                step=float(self.step),
                timing=timing,
                migration_kind=kind,
                on_negative="un",
            )
            women, men = result.women[-1, ..., 0], result.men[-1, ..., 0]
            people.append(np.stack([result.women.sum(axis=1), result.men], axis=1)[1:, ..., 0])
            births.append(result.births_by_age.sum(axis=1)[..., 0])
            born.append(result.indicators.births_by_sex[..., 0])
            deaths.append(result.cohort_deaths[..., 0])
            moved.append(result.net_migration[..., 0])
        cohort = np.concatenate(deaths)
        stocks = np.concatenate(people)
        results = {
            "population": stocks,
            "births_halves": self._halves(stocks[:-1, 0], np.concatenate(moved)[:, 0]),
            "births_by_age": np.concatenate(births),
            "births_total": np.concatenate(born),
            "deaths_cohort": cohort,
            "migration": np.concatenate(moved),
        }
        if self.separation is not None:
            results["deaths_period"] = period_deaths(cohort, self.separation)
        return results

    def _halves(self, women: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Return births of the two halves of each step added without sign, dims (time, age)."""
        even = np.array([timing == "even" for _, timing in self.kinds])[:, None]
        start = women + even * moved / 2.0
        end = np.zeros_like(start)
        end[:, 1:] = self.survival[:, 0, 1:] * start[:, :-1]
        end[:, -1] += self.survival[:, 0, -1] * start[:, -1]
        end += even * moved / 2.0
        return np.asarray(self.step * self.asfr * (np.abs(start) + np.abs(end)) / 2.0)

    def largest_error(
        self, name: str, table: pd.DataFrame, have: np.ndarray, least: np.ndarray | None = None
    ) -> float:
        """Return the largest relative error of an output over the cells of its table."""
        floor: Any = _FLOOR
        if name == "births_total":
            by_sex = {"female": have[:, 0], "male": have[:, 1], "both": have.sum(axis=1)}
            sex = table["sex"] if "sex" in table else pd.Series("both", index=table.index)
            position = np.searchsorted(self.times, table["time"])
            values = np.array([by_sex[s][t] for s, t in zip(sex, position, strict=True)])
        else:
            stocks = np.append(self.times, self.times[-1] + self.step)
            at = [np.searchsorted(stocks, table["time"]), np.searchsorted(self.ages, table["age"])]
            if name != "births_by_age":
                at.insert(1, np.array([_SEXES.index(s) for s in table["sex"]]))
            values = have[tuple(at)]
            if least is not None:
                floor = np.maximum(least[tuple(at)], _FLOOR)
        want = table["value"].to_numpy(float)
        scale = np.where(want == 0.0, 1.0, np.maximum(np.abs(want), floor))
        error = np.abs(values - want) / scale
        return float(error.max()) if not np.isnan(error).any() else float("nan")
