"""The United Nations' reference runs, and a set of our own that triggers their guard."""

import numpy as np
import pandas as pd
import pytest

from popsim.errors import DataError
from popsim.testing import run_ccmpp_set, run_ccmpp_textbook

SETS = {
    "wpp_example": 5,
    "canada_lowmig": 5,
    "canada": 6,
    "canada_even": 6,
    "canada_rates": 6,
    "canada_totals_even": 6,
}


@pytest.mark.golden
@pytest.mark.parametrize("name", SETS)
def test_united_nations_sets(shared, name):
    errors = run_ccmpp_set(shared / "data" / "ccmpp-golden" / name)
    assert len(errors) == SETS[name]
    assert all(error < 1e-10 for error in errors.values()), errors


@pytest.mark.golden
def test_an_explicit_parent_gives_the_same(shared):
    folder = shared / "data" / "ccmpp-golden"
    assert run_ccmpp_set(folder / "canada_even", folder / "canada") == run_ccmpp_set(
        folder / "canada_even"
    )
    wrong = run_ccmpp_set(folder / "canada_lowmig", folder / "canada")
    assert wrong["population"] > 1e-6


@pytest.mark.golden
def test_textbook_to_its_printed_rounding(shared):
    folder = shared / "data" / "ccmpp-golden" / "sweden_1993"
    errors = run_ccmpp_textbook(folder)
    assert errors["population"] <= 0.5
    assert errors["births_by_age"] <= 0.5
    relative = run_ccmpp_set(folder)
    assert set(relative) == {"population_relative", "births_by_age_relative"}
    assert relative["population_relative"] < 1e-5
    assert relative["births_by_age_relative"] < 2e-3  # half a birth of 470


def united_nations_step(p0, s, f, srb, g, timing, z):
    """One step of the published algebra in plain NumPy; p0, s, g are (2, ages), female first."""
    guarded = p0 + g <= 0
    g = np.where(guarded, 1e-5 - p0, g)
    a, e = (p0 + g / 2, g / 2) if timing == "even" else (p0, 0 * g)
    d, p1 = np.zeros_like(p0), np.zeros_like(p0)
    n = p0.shape[1]
    for x in range(1, n - 1):
        d[:, x] = (1 - s[:, x]) * a[:, x - 1]
        p1[:, x] = a[:, x - 1] - d[:, x] + e[:, x]
    d[:, n - 1] = (1 - s[:, n - 1]) * (a[:, n - 2] + a[:, n - 1])
    p1[:, n - 1] = a[:, n - 2] + a[:, n - 1] - d[:, n - 1] + e[:, n - 1]
    births = z * f * (a[0] + p1[0]) / 2
    births[[0, n - 1]] = 0
    girls = births.sum() / (1 + srb)
    born = np.array([girls, births.sum() - girls])
    d[:, 0] = (1 - s[:, 0]) * born
    p1[:, 0] = born - d[:, 0] + e[:, 0]
    if timing == "end":
        p1 = p1 + g
    negative = p1 < 0
    p1[negative] = 0.0005
    return p1, births, born, d, g, int(guarded.sum()), int(negative.sum())


def write_set(folder, kinds, *, z=1, ages=30, seed=0, most=0.2):
    """Write a random set whose outflows empty cells; return how often each guard acted."""
    rng = np.random.default_rng(seed)
    age = np.arange(ages) * z
    times = 2000 + z * np.arange(len(kinds))
    fertile = (np.arange(ages) > 2) & (np.arange(ages) < ages - 3)
    p = rng.uniform(0, 300, (2, ages))
    p[:, ages // 2] = 0  # nobody lives here and, with rates, nobody comes: the guard acts too
    columns = {
        name: []
        for name in [
            "in_pop_base",
            "in_survival_ratio",
            "in_life_table",
            "in_asfr",
            "in_srb",
            "in_mig_parameter",
            "in_net_migration",
            "in_net_migration_rate",
            "in_net_migration_total",
            "out_pop",
            "out_births_by_age",
            "out_births_total",
            "out_deaths_cohort",
            "out_deaths_period",
            "out_mig_applied",
        ]
    }

    def note(name, time, values):
        for sex, row in zip(("female", "male"), values, strict=True):
            columns[name] += [
                {"time": time, "sex": sex, "age": x, "value": v}
                for x, v in zip(age, row, strict=True)
            ]

    note("in_pop_base", times[0], p)
    note("out_pop", times[0], p)
    guards = np.zeros(2, int)
    for time, (kind, timing) in zip(times, kinds, strict=True):
        s = rng.uniform(0.7, 1, (2, ages))
        f = np.where(fertile, rng.uniform(0, most / z, ages), 0)
        srb = rng.uniform(1, 1.1)
        lx = np.cumprod(np.hstack([[[1e5], [1e5]], rng.uniform(0.8, 0.99, (2, ages - 1))]), axis=1)
        nLx = z * np.hstack([(0.6 * lx[:, :-1] + 0.4 * lx[:, 1:]), 3 * lx[:, -1:]])
        columns["in_mig_parameter"].append(
            {"time": time, "mig_type": kind, "mig_assumption": timing}
        )
        if kind == "counts":
            given = rng.uniform(-500, 300, (2, ages))
            g = given
            note("in_net_migration", time, given)
        elif kind == "rates":
            given = rng.uniform(-1.5, 0.8, (2, ages))
            g = given * p
            note("in_net_migration_rate", time, given)
        else:
            given = rng.choice([-0.9, -1.2, 0.5]) * p.sum()
            g = given * p / p.sum()
            columns["in_net_migration_total"].append({"time": time, "value": given})
        p, births, born, d, g, before, after = united_nations_step(p, s, f, srb, g, timing, z)
        guards += before, after
        c = np.ones_like(lx)
        c[:, :-2] = (nLx[:, :-2] - lx[:, 1:-1]) / (nLx[:, :-2] - nLx[:, 1:-1])
        c[:, -2] = (nLx[:, -2] - lx[:, -1]) / nLx[:, -2]
        dp = np.zeros_like(d)
        dp[:, 0] = d[:, 0] + d[:, 1] * c[:, 0]
        for x in range(1, ages - 1):
            dp[:, x] = d[:, x] * (1 - c[:, x - 1]) + d[:, x + 1] * c[:, x]
        dp[:, -1] = d[:, -1] * (1 - c[:, -2])
        note("in_survival_ratio", time, s)
        for i, sex in enumerate(("female", "male")):
            columns["in_life_table"] += [
                {"time": time, "sex": sex, "age": x, "lx": a, "nLx": b}
                for x, a, b in zip(age, lx[i], nLx[i], strict=True)
            ]
        columns["in_srb"].append({"time": time, "value": srb})
        for name, values in (("in_asfr", f), ("out_births_by_age", births)):
            columns[name] += [
                {"time": time, "age": x, "value": v} for x, v in zip(age, values, strict=True)
            ]
        columns["out_births_total"] += [
            {"time": time, "sex": sex, "value": v}
            for sex, v in zip(("female", "male", "both"), (*born, born.sum()), strict=True)
        ]
        note("out_deaths_cohort", time, d)
        note("out_deaths_period", time, dp)
        note("out_mig_applied", time, g)
        note("out_pop", time + z, p)
    folder.mkdir(exist_ok=True)
    for i, (name, rows) in enumerate(columns.items()):
        if rows:
            suffix = ".csv.gz" if i % 2 else ".csv"
            pd.DataFrame(rows).to_csv(folder / f"{name}{suffix}", index=False, float_format="%.17g")
    return guards


KINDS = [(kind, timing) for kind in ("counts", "rates", "totals") for timing in ("even", "end")]


@pytest.mark.parametrize(("kind", "timing"), KINDS)
@pytest.mark.parametrize(("z", "ages"), [(1, 30), (5, 18)])
def test_the_guard_is_that_of_the_united_nations(tmp_path, kind, timing, z, ages):
    guards = write_set(tmp_path / "own", [(kind, timing)] * 8, z=z, ages=ages, seed=1)
    assert guards[0] > 10
    errors = run_ccmpp_set(tmp_path / "own")
    assert set(errors) == {
        "population",
        "births_by_age",
        "births_total",
        "deaths_cohort",
        "deaths_period",
        "migration",
    }
    assert all(error < 1e-9 for error in errors.values()), errors


def test_types_and_timings_may_change_every_year(tmp_path):
    guards = write_set(tmp_path / "own", [KINDS[i] for i in (0, 1, 3, 2, 4, 5, 5, 0, 2, 1, 3)])
    assert (guards > 10).all()
    errors = run_ccmpp_set(tmp_path / "own")
    assert all(error < 1e-9 for error in errors.values()), errors


def test_many_births_in_a_long_step(tmp_path):
    # More than one birth per woman in half a step of ten years: common, and no parity is asked.
    write_set(tmp_path / "own", [("counts", "even"), ("counts", "end")] * 4, z=10, ages=9, most=7)
    errors = run_ccmpp_set(tmp_path / "own")
    assert all(error < 1e-9 for error in errors.values()), errors


def test_births_of_halves_that_cancel(tmp_path):
    folder = tmp_path / "own"
    write_set(folder, [("counts", "even")])
    # All women of age 16 leave, hardly any come up: what is left of their births is rounding.
    table = {name: pd.read_csv(next(folder.glob(f"in_{name}.*"))) for name in ("pop_base", "asfr")}
    file = next(folder.glob("in_net_migration.*"))
    moves = pd.read_csv(file)
    base = table["pop_base"]
    women = base["sex"] == "female"
    for age, persons in ((15, 5e-4), (16, 1e6 / 3)):
        base.loc[women & (base["age"] == age), "value"] = persons
        moves.loc[women & (moves["age"] == age), "value"] = -persons
    base.to_csv(next(folder.glob("in_pop_base.*")), index=False, float_format="%.17g")
    moves.to_csv(file, index=False, float_format="%.17g")
    shape = (2, 30)
    survival = pd.read_csv(next(folder.glob("in_survival_ratio.*")))["value"]
    srb = pd.read_csv(next(folder.glob("in_srb.*")))["value"][0]
    births = united_nations_step(
        base["value"].to_numpy().reshape(shape),
        survival.to_numpy().reshape(shape),
        table["asfr"]["value"].to_numpy(),
        srb,
        moves["value"].to_numpy().reshape(shape),
        "even",
        1,
    )[1]
    assert 0 < births[16] < 1e-4
    for out in folder.glob("out_*"):
        if "births_by_age" not in out.name:
            out.unlink()
    out = pd.DataFrame({"time": 2000, "age": range(30), "value": births})
    out.to_csv(next(folder.glob("out_births_by_age.*")), index=False, float_format="%.17g")
    assert run_ccmpp_set(folder)["births_by_age"] < 1e-9


def test_a_figure_that_is_no_number_is_an_error(tmp_path):
    folder = tmp_path / "own"
    write_set(folder, [("counts", "even")] * 3)
    file = next(folder.glob("out_deaths_cohort*"))
    table = pd.read_csv(file)
    table.loc[17, "value"] = np.nan
    table.to_csv(file, index=False)
    errors = run_ccmpp_set(folder)
    assert np.isnan(errors["deaths_cohort"])
    assert errors["population"] < 1e-9


def test_a_wrong_figure_is_seen(tmp_path):
    folder = tmp_path / "own"
    write_set(folder, [("counts", "even")] * 3)
    file = next(folder.glob("out_deaths_cohort*"))
    table = pd.read_csv(file)
    table.loc[17, "value"] *= 1 + 1e-7
    table.to_csv(file, index=False, float_format="%.17g")
    errors = run_ccmpp_set(folder)
    assert errors["deaths_cohort"] == pytest.approx(1e-7, rel=1e-3)
    assert errors["population"] < 1e-9


def test_what_is_missing_is_named(tmp_path):
    folder = tmp_path / "own"
    write_set(folder, [("counts", "even")] * 3)
    next(folder.glob("in_asfr*")).unlink()
    with pytest.raises(DataError, match=r"in_asfr.csv .or .csv.gz. is not in .*own, and no parent"):
        run_ccmpp_set(folder)
    with pytest.raises(DataError, match=r"in_asfr.csv .or .csv.gz. is in neither"):
        run_ccmpp_set(folder, tmp_path)
