from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from popsim.demography.fertility import (
    align,
    birth_interval_table,
    fertility_by_order,
    order_hazards,
    shares_by_order,
    tempo_adjusted,
    tempo_adjusted_tfrp,
    tfr_from_progression,
)
from popsim.demography.fertility_patterns import (
    fit_schedule,
    rescale,
    sd_age_at_birth,
    shift_schedule,
)
from popsim.demography.fertility_schedules import (
    beta_schedule,
    coale_trussell,
    gamma_schedule,
    hadwiger,
    peristera_kostaki,
    quadratic_spline,
    quadratic_spline_knots,
    relational_gompertz,
)
from popsim.demography.parity import (
    conditional_rates,
    incidence_rates,
    mean_age_at_birth,
    period_fertility_table,
    progression_ratios,
)
from popsim.errors import DataError

AGES = np.arange(15, 50)
PI = np.sqrt(np.pi)

# The parameters of fertility_schedules.csv (computed there from the formulas), as level, mean, sd.
SCHEDULES: dict[str, Callable[..., np.ndarray]] = {
    "had": lambda x, **k: hadwiger(x, 0.9 * PI, 29, 29 / (3 * np.sqrt(2)), **k),
    "gam": lambda x, **k: gamma_schedule(x, 1.6, 15 + 4 * 3.2, 3.2 * 2, 15, **k),
    "bet": lambda x, **k: beta_schedule(x, 1.6, 28.6, 39 * np.sqrt(24 / 1100), 13, 52, **k),
    "pk": lambda x, **k: peristera_kostaki(x, 0.11 * PI / 2 * 12.3, 29, 5.5, 6.8, **k),
    "pk2": lambda x, **k: peristera_kostaki(x, 0.1 * PI * 6, 31, 6, 6, 0.03 * PI * 3, 21.5, 3, **k),
}
# Rows 15.5, 28.5 and 49.5 of the same file.
ROWS = {
    "had": [0.006198705166, 0.09530445084, 0.002994866704],
    "gam": [0.0002719069568, 0.09208529399, 0.002170644595],
    "bet": [0.00391069012, 0.1031106351, 1.834626628e-05],
    "pk": [0.0002659856224, 0.1090946553, 1.242591347e-05],
    "pk2": [0.0006758518349, 0.08419198152, 7.433382622e-06],
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_at_mid_year(name: str) -> None:
    made = SCHEDULES[name](AGES, at="middle")
    np.testing.assert_allclose(made[[0, 13, 34]], ROWS[name], rtol=1e-8)


@pytest.mark.golden
def test_schedules_at_every_age(shared: Path) -> None:
    table = pd.read_csv(shared / "golden" / "fertility_schedules.csv", comment="#")
    for name, make in SCHEDULES.items():
        np.testing.assert_allclose(make(table["age"] - 0.5, at="middle"), table[name], rtol=1e-8)


@pytest.mark.parametrize(
    ("name", "level", "mean"),
    [
        ("had", 1.5952084658, 29.0),
        ("gam", 1.6, 27.8),
        ("bet", 1.6, 28.6),
        ("pk", 1.1990650302, 29.73344646),
        ("pk2", 1.2229931572, 29.76086957),
    ],
)
def test_level_and_mean_of_the_whole_curve(name: str, level: float, mean: float) -> None:
    fine = np.arange(0, 150)
    rates = SCHEDULES[name](fine)
    assert rates.sum() == pytest.approx(level, rel=1e-9)
    middle = SCHEDULES[name](fine, at="middle")
    # The mean of year-wide bins is off by a little at a steep start.
    assert mean_age_at_birth(rates, fine) == pytest.approx(mean, abs=1e-3)
    assert middle.sum() == pytest.approx(level, rel=1e-3)


@pytest.mark.parametrize("name", SCHEDULES)
def test_births_of_a_year_are_the_integral_of_the_density(name: str) -> None:
    made = SCHEDULES[name](AGES)
    for i in (0, 7, 14, 20, 34):
        whole = quad(lambda y: _at(name, y), AGES[i], AGES[i] + 1, epsabs=1e-12)[0]
        assert made[i] == pytest.approx(whole, rel=1e-8)


def _at(name: str, y: float) -> float:
    """Density at any exact age, written again."""
    if name == "had":
        a, b, c = 0.9, 3, 29
        return a * b / c * (c / y) ** 1.5 * np.exp(-(b**2) * (c / y + y / c - 2))
    if name == "gam":
        return 1.6 / (6 * 3.2**4) * max(y - 15, 0) ** 3 * np.exp(-(y - 15) / 3.2)
    if name == "bet":
        return 1.6 * 504 * 39.0**-9 * (y - 13) ** 3 * (52 - y) ** 5
    if name == "pk":
        return 0.11 * np.exp(-(((y - 29) / (5.5 if y < 29 else 6.8)) ** 2))
    return 0.1 * np.exp(-(((y - 31) / 6) ** 2)) + 0.03 * np.exp(-(((y - 21.5) / 3) ** 2))


def test_quadratic_spline_of_the_netherlands_2001() -> None:
    """Schmertmann 2003, page 86, with more digits (qs_schmertmann_2003.csv)."""
    found = quadratic_spline_knots(15.64, 32.4, 36.6)
    np.testing.assert_allclose(found.knots, [15.64, 26.85244, 32.4, 34.5, 42.9])
    np.testing.assert_allclose(
        found.theta,
        [0.005321399367, -0.01607673525, -0.03018696697, 0.05039052658, -0.008398421097],
        rtol=1e-9,
    )
    assert found.end == pytest.approx(49.2)
    assert found.tfr == pytest.approx(12.18029778, rel=1e-9)
    # Year-wide births keep the closed form, and the top and the half are where they were asked.
    rates = quadratic_spline(range(10, 60), 1.7, 15.64, 32.4, 36.6)
    assert rates.sum() == pytest.approx(1.7, rel=1e-12)
    assert quadratic_spline([28], 12.98518519, 15, 28.5, 34, at="middle")[0] == pytest.approx(
        12.98518519 / quadratic_spline_knots(15, 28.5, 34).tfr
    )


@pytest.mark.golden
def test_quadratic_spline_cases(shared: Path) -> None:
    for _, row in pd.read_csv(
        shared / "golden" / "qs_schmertmann_2003.csv", comment="#"
    ).iterrows():
        found = quadratic_spline_knots(row["alpha"], row["P"], row["H"])
        np.testing.assert_allclose(found.knots, [row[f"t{i}"] for i in range(5)], rtol=1e-9)
        np.testing.assert_allclose(found.theta, [row[f"theta{i}"] for i in range(5)], rtol=1e-8)
        assert found.end == pytest.approx(row["beta"])
        assert found.tfr == pytest.approx(row["tfr_if_R1"], rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.floats(10, 24), st.floats(0.5, 20), st.floats(0.5, 15))
def test_quadratic_spline_is_not_negative(start: float, rise: float, fall: float) -> None:
    ages = np.arange(10, 120)
    rates = quadratic_spline(ages, 1.5, start, start + rise, start + rise + fall)
    assert (rates >= 0).all()
    assert rates.sum() == pytest.approx(1.5, rel=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_is_negative_far_out(name: str) -> None:
    assert (SCHEDULES[name](np.arange(0, 200)) >= 0).all()
    assert (hadwiger(np.arange(0, 200), 1.3, 30, 1) >= 0).all()


def test_coale_trussell_of_brazil_1986() -> None:
    """G. Rodríguez's example, Brazil DHS 1986 (coale_trussell_standard.csv)."""
    rates = coale_trussell(AGES, level=0.591, mean=20.52, sd=5.10, control=0.771)
    np.testing.assert_allclose(
        rates[[0, 9, 34]], [0.02331953728, 0.1988921798, 0.0004777387441], rtol=1e-9
    )
    assert rates.sum() == pytest.approx(3.5598124, abs=1e-7)
    assert coale_trussell(range(60), 0.591, 20.52, 5.1, 0.771).sum() == pytest.approx(rates.sum())
    tfr = coale_trussell(AGES, 1.3, 24, 4, 2, keep_level=True)
    assert tfr.sum() == pytest.approx(1.3)


@pytest.mark.golden
def test_coale_trussell_at_every_age(shared: Path) -> None:
    table = pd.read_csv(shared / "golden" / "coale_trussell_standard.csv", comment="#")
    x = table["exact_age"] - 0.5
    rates = coale_trussell(x, 0.591, 20.52, 5.10, 0.771)
    np.testing.assert_allclose(rates, table["f_brazil_1986"], rtol=1e-8)
    natural = coale_trussell(x, 1, 20.52, 5.10, 0) / table["n"]
    np.testing.assert_allclose(natural, table["proportion_ever_in_union"], rtol=1e-8)


def test_relational_gompertz_keeps_booths_points() -> None:
    """Booth 1984, table 2, and its transform (booth_gompertz_standard.csv)."""
    at = np.array([15, 20, 25, 30, 35, 40, 45]) - 10
    standard = np.append(0, np.cumsum(relational_gompertz(range(10, 50), 1.0)))
    expected = [0.002770172499, 0.1358357221, 0.3773108432, 0.6086053178]
    np.testing.assert_allclose(standard[at][:4], expected, rtol=1e-9)
    moved = np.append(0, np.cumsum(relational_gompertz(range(10, 50), 1.0, -0.05, 1.1)))
    expected = [0.0006163096831, 0.105517887, 0.3598617792, 0.6146192823]
    np.testing.assert_allclose(moved[at][:4], expected, rtol=1e-8)
    assert moved[-1] == pytest.approx(1)


@pytest.mark.golden
def test_relational_gompertz_table(shared: Path) -> None:
    table = pd.read_csv(shared / "golden" / "booth_gompertz_standard.csv", comment="#")
    at = table["exact_age"] - 10
    for column, parameters in (("F_standard", (0, 1)), ("F_alpha_m05_beta_1_1", (-0.05, 1.1))):
        F = np.append(0, np.cumsum(relational_gompertz(range(10, 50), 1.0, *parameters)))
        np.testing.assert_allclose(F[at], table[column], rtol=1e-8)


def test_relational_gompertz_on_another_standard() -> None:
    own = hadwiger(AGES, 1.2, 30, 5)
    same = relational_gompertz(AGES, 1.5, standard=own)
    np.testing.assert_allclose(same, own * 1.5 / own.sum(), atol=1e-14)
    younger = relational_gompertz(AGES, 1.5, 0.2, standard=own)
    assert mean_age_at_birth(younger, AGES) < mean_age_at_birth(same, AGES)
    narrow = relational_gompertz(AGES, 1.5, 0, 1.3, standard=own)
    assert sd_age_at_birth(narrow, AGES) < sd_age_at_birth(same, AGES)


TRUE = {
    "hadwiger": (hadwiger, {"level": 1.1, "mean": 29.4, "sd": 5.1}),
    "gamma": (gamma_schedule, {"level": 1.6, "mean": 28.0, "sd": 5.5, "start": 14.5}),
    "beta": (
        beta_schedule,
        {"level": 1.6, "mean": 28.6, "sd": 5.8, "first": 13.0, "last": 52.0},
    ),
    "peristera_kostaki": (
        peristera_kostaki,
        {"level": 1.2, "mode": 29.0, "before": 5.5, "after": 6.8},
    ),
    "peristera_kostaki_mixture": (
        peristera_kostaki,
        {
            "level": 1.1,
            "mode": 31.0,
            "before": 5.6,
            "after": 6.4,
            "early_level": 0.2,
            "early_mode": 21.5,
            "early_spread": 3.0,
        },
    ),
    "quadratic_spline": (
        quadratic_spline,
        {"level": 1.3, "start": 16.0, "peak": 29.0, "half": 34.5},
    ),
    "coale_trussell": (
        coale_trussell,
        {"level": 0.6, "mean": 20.5, "sd": 5.1, "control": 0.8},
    ),
    "relational_gompertz": (
        relational_gompertz,
        {"level": 3.1, "alpha": -0.1, "beta": 1.2},
    ),
}


@pytest.mark.parametrize("model", TRUE)
def test_a_fit_recovers_the_parameters(model: str) -> None:
    make, parameters = TRUE[model]
    rates = make(AGES, **parameters)
    fit = fit_schedule(rates, AGES, model, starts=4)
    assert fit.parameters == pytest.approx(parameters, rel=1e-4)
    assert fit.rmse < 1e-7
    np.testing.assert_allclose(make(AGES, **fit.parameters), fit.rates, atol=1e-12)
    assert fit.at_bound == ()


def test_a_poisson_fit_of_counts() -> None:
    women = np.linspace(9000, 12000, AGES.size)
    expected = hadwiger(AGES, 1.2, 30, 5)
    births = np.random.default_rng(3).poisson(expected * women)
    fit = fit_schedule(births / women, AGES, "hadwiger", women=women, method="poisson")
    assert fit.parameters == pytest.approx({"level": 1.2, "mean": 30, "sd": 5}, rel=0.02)
    # A deviance near its degrees of freedom, 35 - 3.
    assert 15 < fit.loss < 55
    # The likelihood of a scale parameter meets the births exactly.
    assert (fit.rates * women).sum() == pytest.approx(births.sum(), rel=1e-6)
    fixed = fit_schedule(births / women, AGES, "hadwiger", fixed={"mean": 31.0})
    assert fixed.parameters["mean"] == 31.0
    assert fixed.rmse > fit.rmse


def test_a_parameter_at_the_edge_is_told() -> None:
    rates = hadwiger(AGES, 1.2, 30, 5)
    fit = fit_schedule(rates, AGES, "gamma", fixed={"sd": 5.0, "level": 1.2, "mean": 30.0})
    assert fit.at_bound in ((), ("start",))
    narrow = np.zeros(35)
    narrow[10] = 0.1
    assert "sd" in fit_schedule(narrow, AGES, "hadwiger", starts=2).at_bound


means, sds, levels = st.floats(24, 36), st.floats(3, 6), st.floats(0.2, 6)


@settings(deadline=None, max_examples=30)
@given(st.floats(-8, 8), means, sds)
def test_a_shift_moves_the_mean_by_just_that(years: float, mean: float, sd: float) -> None:
    ages = np.arange(0, 100)
    rates = np.where((ages > 9) & (ages < 60), hadwiger(ages, 1.3, mean, sd), 0)
    moved = shift_schedule(rates, years)
    assert mean_age_at_birth(moved, ages) - mean_age_at_birth(rates, ages) == pytest.approx(
        years, abs=1e-9
    )
    assert moved.sum() == pytest.approx(rates.sum(), rel=1e-12)
    assert (moved >= 0).all()
    assert sd_age_at_birth(moved, ages) == pytest.approx(sd_age_at_birth(rates, ages), abs=0.02)


def test_a_shift_by_whole_years_copies_and_a_truncated_one_keeps_the_level() -> None:
    rates = hadwiger(AGES, 1.2, 30, 5)
    three = shift_schedule(rates, 3)
    assert three.sum() == pytest.approx(rates.sum(), rel=1e-13)
    np.testing.assert_allclose(three[3:] / three[3], rates[:-3] / rates[0], rtol=1e-10)
    np.testing.assert_array_equal(shift_schedule(rates, 0), rates)
    both = shift_schedule(np.stack([rates, 0 * rates]), [1.5, 2])
    np.testing.assert_allclose(both[0], shift_schedule(rates, 1.5))
    assert not both[1].any()


@settings(deadline=None, max_examples=30)
@given(levels, st.floats(26, 33), st.floats(4, 6))
def test_rescale_meets_level_mean_and_spread(level: float, mean: float, sd: float) -> None:
    rates = hadwiger(AGES, 1.2, 29, 5)
    new = rescale(rates, AGES, level=level, mean=mean, sd=sd)
    assert new.sum() == pytest.approx(level, rel=1e-12)
    assert mean_age_at_birth(new, AGES) == pytest.approx(mean, abs=1e-8)
    assert sd_age_at_birth(new, AGES) == pytest.approx(sd, abs=1e-8)
    assert (new >= 0).all()


def test_rescale_changes_one_thing_at_a_time() -> None:
    rates = np.stack([hadwiger(AGES, 0.7, 28, 5), hadwiger(AGES, 0.5, 31, 4)])
    louder = rescale(rates, AGES, level=[1.4, 0.5])
    np.testing.assert_allclose(louder, rates * np.array([[1.4], [0.5]]) / rates.sum(1)[:, None])
    later = rescale(rates, AGES, mean=[30.0, 32.0])
    np.testing.assert_allclose(later.sum(1), rates.sum(1))
    np.testing.assert_allclose(mean_age_at_birth(later, AGES), [30, 32], atol=1e-9)
    np.testing.assert_allclose(sd_age_at_birth(later, AGES), sd_age_at_birth(rates, AGES))
    wider = rescale(rates, AGES, sd=5.2)
    np.testing.assert_allclose(mean_age_at_birth(wider, AGES), mean_age_at_birth(rates, AGES))
    np.testing.assert_allclose(sd_age_at_birth(wider, AGES), 5.2)
    np.testing.assert_allclose(rescale(rates, AGES), rates)


# tempo_greece_2021_2024.csv: derived from Eurostat (CC BY 4.0) and WPP 2024 women, years 2021-2024.
GREECE_TFR = [
    [0.6712135, 0.6410263, 0.6221568, 0.6282841],
    [0.5443343, 0.49287675, 0.47407905, 0.468404],
    [0.16011625, 0.14637395, 0.1403801, 0.1390618],
    [0.0568849, 0.0508554, 0.05004605, 0.05201095],
]
GREECE_MAB = [
    [31.03733313, 30.99075381, 31.08876653, 31.20646058],
    [32.99135201, 32.94081304, 33.0314177, 33.04916749],
    [33.30379256, 33.32322367, 33.38275332, 33.36159355],
    [32.60290956, 32.76527665, 32.7112954, 32.97511149],
]


def test_tempo_of_greece() -> None:
    result = tempo_adjusted(GREECE_TFR, GREECE_MAB, range(2021, 2025))
    np.testing.assert_allclose(
        result["adjusted"].sel(year=[2022, 2023]).T,
        [[0.65795, 0.50295, 0.15239, 0.05377], [0.69737, 0.50123, 0.14313, 0.05591]],
        atol=5e-6,
    )
    np.testing.assert_allclose(
        result["total"].sel(year=[2022, 2023]), [1.367059, 1.397643], atol=1e-6
    )
    assert result["edge"].values.tolist() == [True, False, False, True]
    one_sided = GREECE_MAB[0][1] - GREECE_MAB[0][0]
    assert result["r"].sel(year=2021, birth_order=1).item() == pytest.approx(one_sided)


@pytest.mark.golden
@pytest.mark.parametrize("country", ["greece_2021_2024", "canada_2004_2010"])
def test_tempo_files(shared: Path, country: str) -> None:
    table = pd.read_csv(shared / "golden" / f"tempo_{country}.csv", comment="#")
    order = "birth_order" if "birth_order" in table else "order"
    tfr = table.pivot_table(index=order, columns="year", values="tfr")
    mab = table.pivot_table(index=order, columns="year", values="mab")
    result = tempo_adjusted(tfr, mab, tfr.columns)
    if country.startswith("greece"):
        np.testing.assert_array_equal(tfr, GREECE_TFR)
        np.testing.assert_array_equal(mab, GREECE_MAB)
        return
    adjusted = table.pivot_table(index=order, columns="year", values="adj_tfr")
    inner = slice(2004, 2010)
    np.testing.assert_allclose(
        result["adjusted"].sel(year=inner), adjusted.loc[:, inner], rtol=5e-6
    )
    np.testing.assert_allclose(
        result["total"].sel(year=inner),
        [1.762, 1.705, 1.725, 1.748, 1.801, 1.882, 1.886],
        atol=6e-4,
    )


def test_tempo_smoothed_refused_and_without_births() -> None:
    mab = np.array([[27.0, 27.1, 27.3, 27.3, 27.5, 27.5]])
    tfr = np.full((1, 6), 0.7)
    years = range(2001, 2007)
    smooth = tempo_adjusted(tfr, mab, years, smooth=3)
    assert smooth["edge"].values.tolist() == [True, True, False, False, True, True]
    three = [mab[0, i - 1 : i + 2].mean() for i in (1, 3)]
    assert smooth["r"].sel(year=2003).item() == pytest.approx((three[1] - three[0]) / 2)
    # A steady rise is known: nothing is changed by smoothing it.
    steady = tempo_adjusted(tfr, 27 + 0.1 * np.arange(6)[None], years, smooth=5)
    np.testing.assert_allclose(steady["adjusted"], 0.7 / 0.9)
    jump = np.array([[27.0, 27.0, 28.2, 28.2, 28.2, 28.2]])
    told = tempo_adjusted(tfr, jump, years, on_excess="nan")
    assert np.isnan(told["total"].values).tolist() == [False, True, True, False, False, False]
    none = tempo_adjusted([[0.7] * 6, [0.0] * 6], [mab[0], [np.nan] * 6], years)
    np.testing.assert_array_equal(none["adjusted"][1], 0)


def test_tfrp_is_one_minus_the_childless_of_the_table() -> None:
    age = AGES
    m = np.stack([0.2 * np.exp(-(((age - 27) / 5) ** 2)), 0.15 * np.exp(-(((age - 31) / 5) ** 2))])
    table = period_fertility_table(m, age, open_last=False)
    # First order: the hazard of those without is the conditional rate.
    found = tempo_adjusted_tfrp(m)
    assert found[0] == pytest.approx(table["patfr"][0].item(), abs=1e-12)
    assert tempo_adjusted_tfrp(m, [0.1, 0.0])[0] > found[0]
    # In the table's own population the hazards by order give back both orders, nearly.
    women = table["women"].values
    middle = 0.5 * (women + np.concatenate([women[:, 1:], women[:, -1:]], axis=1))
    hazards = order_hazards(table["births"], middle[:2] / middle.sum(0))
    # Shares among parities 0 and 1 only: everybody is below 2 there.
    np.testing.assert_allclose(hazards[1], table["births"][1])
    full = order_hazards(np.concatenate([table["births"].values, np.zeros((1, age.size))]), middle)
    np.testing.assert_allclose(tempo_adjusted_tfrp(full)[:2], table["patfr"], rtol=2e-3)


def test_measures_by_order() -> None:
    f = np.stack([hadwiger(AGES, 0.7, 28, 5), hadwiger(AGES, 0.5, 31, 4)])
    table = fertility_by_order(f, AGES)
    np.testing.assert_allclose(table["tfr"], f.sum(1))
    assert table["tfr_total"].item() == pytest.approx(f.sum())
    weighted = (table["tfr"] * table["mab"]).sum() / table["tfr_total"]
    assert table["mab_total"].item() == pytest.approx(weighted.item())
    np.testing.assert_allclose(table["share"].sum("birth_order"), 1)
    assert np.isnan(shares_by_order([0.0, 0.0])).all()
    patfr = np.array([0.88, 0.62, 0.16])
    assert tfr_from_progression(progression_ratios(patfr)) == pytest.approx(patfr.sum())


# birth_interval_colombia_1976.csv, rural: Colombia WFS, second to third birth (G. Rodríguez's log).
RURAL_BIRTHS = [0, 0, 1, 29, 58, 54, 43, 37, 37, 10, 21, 6, 8, 5, 13, 4, 1, 4, 3, 3, 8]
RURAL_EXPOSURE = [
    1923.5, 1580, 1545.5, 1459.5, 1241, 1031, 845.5, 678.5, 545.5, 463, 385.5, 338, 314, 284.5,
    233.5, 192, 178.5, 165, 144.5, 122.5, 930,
]  # fmt: skip
LIMITS = np.concatenate([[0], np.arange(3.5, 61, 3), [120]])


def test_birth_interval_of_rural_colombia() -> None:
    table = birth_interval_table(RURAL_BIRTHS, RURAL_EXPOSURE, LIMITS)
    assert table["progression"].sel(limit=57.5).item() == pytest.approx(0.8118494, abs=1e-7)
    assert table["quintum"].item() == pytest.approx(0.8230233, abs=1e-7)
    # The source reads its quartiles at the start of the three-month intervals, its quintum at the
    # end; at the end throughout, quartiles and trimean are three months later.
    np.testing.assert_allclose(
        table["quartile"], np.array([13.046130, 18.843590, 27.813602]) + 3, atol=2e-6
    )
    assert table["trimean"].item() == pytest.approx(19.636728 + 3, abs=2e-6)


@pytest.mark.golden
def test_birth_intervals_of_three_places(shared: Path) -> None:
    table = pd.read_csv(shared / "golden" / "birth_interval_colombia_1976.csv", comment="#")
    births = table["births"].to_numpy().reshape(3, -1)
    exposure = table["exposure"].to_numpy().reshape(3, -1)
    np.testing.assert_array_equal(births[0], RURAL_BIRTHS)
    np.testing.assert_array_equal(exposure[0], RURAL_EXPOSURE)
    np.testing.assert_array_equal(table["end"][:21], LIMITS[1:])
    found = birth_interval_table(births, exposure, LIMITS)
    assert found["quintum"].values[0] > found["quintum"].values[1] > found["quintum"].values[2]
    assert found["trimean"].values[0] - 3 == pytest.approx(19.636728, abs=2e-6)


def test_a_constant_hazard_gives_an_exponential() -> None:
    table = birth_interval_table([2.0] * 12, [100.0] * 12, np.arange(13) * 10.0, horizon=100)
    np.testing.assert_allclose(table["progression"], 1 - np.exp(-0.02 * np.arange(13) * 10))
    q = 1 - np.exp(-2)
    np.testing.assert_allclose(
        table["quartile"], -np.log(1 - np.array([0.25, 0.5, 0.75]) * q) / 0.02
    )
    assert np.isnan(birth_interval_table([0.0], [1.0], [0, 60])["trimean"])


def _women_and_rates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    age = np.arange(61)
    inside = (age >= 15) & (age < 50)
    h = np.array([0.2, 0.12, 0.05])[:, None] * np.exp(-(((age - 28) / 5) ** 2)) * inside
    gone = 1 / (1 + np.exp(-(age - 28) / 3))
    W = 1000 * np.stack([1 - gone, gone * 0.6, gone * 0.4])
    return W, h, np.full(61, 0.999)


@pytest.mark.parametrize("factors", [[1.4, 0.7, 2.0], [0.2, 3.0, 1.0], [1.0, 1.0, 0.0]])
def test_align_recovers_the_factors(factors: list[float]) -> None:
    W, h, S = _women_and_rates()
    f = incidence_rates(np.array(factors)[:, None] * h, W, S)
    found = align(h, W, tfr=f.sum(1), survival=S)
    np.testing.assert_allclose(found.factor, factors, rtol=1e-11)
    np.testing.assert_allclose(found.tfr, f.sum(1), rtol=1e-12)
    again = align(h, W, births=found.births, survival=S)
    np.testing.assert_allclose(again.factor, factors, rtol=1e-11)
    np.testing.assert_allclose(conditional_rates(found.incidence, W, S), found.conditional)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.05, 3.5))
def test_align_one_factor_for_all(tfr: float) -> None:
    W, h, S = _women_and_rates()
    found = align(h, W, tfr=tfr, by="total", survival=S)
    assert found.tfr.sum() == pytest.approx(tfr, rel=1e-12)
    assert np.ptp(found.factor) == 0
    births = align(h, W, births=found.births.sum(), by="total", survival=S)
    np.testing.assert_allclose(births.factor, found.factor, rtol=1e-10)


def test_align_rows_together_as_alone_and_the_frozen_factor() -> None:
    W, h, S = _women_and_rates()
    targets = np.array([[0.6, 0.4, 0.1], [0.9, 0.3, 0.0]])
    both = align(h, np.stack([W, 2 * W]), tfr=targets, survival=S)
    for row in range(2):
        alone = align(h, W * (row + 1), tfr=targets[row], survival=S)
        np.testing.assert_allclose(both.factor[row], alone.factor, rtol=1e-11)
    np.testing.assert_allclose(both.factor[..., None] * h, both.conditional)
    assert both.factor[1, 2] == 0
    total = align(h, np.stack([W, W]), births=[500.0, 800.0], by="total", survival=S)
    np.testing.assert_allclose(total.births.sum(1), [500, 800])
    with pytest.raises(DataError, match=r"^total fertility of order 1 \(row 1\) of 30 are out"):
        align(h, np.stack([W, W]), tfr=[[0.5, 0.1, 0.1], [30, 0, 0]], survival=S)


W3, H3, S3 = _women_and_rates()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hadwiger([15, 17], 1, 28, 5),
         "ages must be single completed years without gaps, such as range(15, 50)"),
        (lambda: hadwiger(AGES, 1, 28, -5), "sd is -5; it must be a number that is positive"),
        (lambda: hadwiger(AGES, -1, 28, 5),
         "level is -1; it must be a number that is not negative"),
        (lambda: hadwiger(AGES, 1, 28, 5, at="start"),
         "at 'start' is unknown; write: year or middle"),
        (lambda: gamma_schedule(AGES, 1, 15, 5, 16),
         "the mean age 15 must be above the lowest age 16"),
        (lambda: beta_schedule(AGES, 1, 28, 25, 15, 50),
         "mean age 28 with standard deviation 25 is impossible between ages 15 and 50"),
        (lambda: quadratic_spline(AGES, 1, 15, 34, 30),
         "start 15, peak 34 and half 30 must rise (ages of the first births, the top rate and half "
         "the top rate)"),
        (lambda: relational_gompertz(AGES, 1, standard=[1, 2]),
         "the standard must be 35 rates, one for each age, not negative and not all 0"),
        (lambda: gamma_schedule(range(10), 1, 28, 5, 15, keep_level=True),
         "no births fall in ages 0 to 9; the level is lost"),
        (lambda: fit_schedule(np.ones(35), AGES, "hadwinger"),
         "schedule 'hadwinger' is unknown; write: hadwiger"),
        (lambda: fit_schedule(np.ones(35), AGES, "gamma", fixed={"peak": 2.0}),
         "gamma has no parameter 'peak'; it has level, mean, sd, start"),
        (lambda: fit_schedule(np.ones(35), AGES, "gamma", method="poisson"),
         "a Poisson fit needs women, so that the rates become births"),
        (lambda: fit_schedule(np.zeros(35), AGES, "gamma"),
         "rates must be numbers that are not negative, and not all 0"),
        (lambda: fit_schedule([0.1, 0.2], [20, 21], "gamma"),
         "2 rates cannot tell 4 parameters of gamma"),
        (lambda: fit_schedule(np.ones((2, 35)), AGES, "gamma"),
         "rates have shape (2, 35) but 35 ages are given; fit one schedule"),
        (lambda: shift_schedule([0.1, -0.1], 1),
         "rates must be numbers that are not negative, for two ages or more"),
        (lambda: shift_schedule([0.1, 0.1], 40),
         "a shift of 40 years leaves no births in the ages given"),
        (lambda: rescale(hadwiger(AGES, 1, 28, 5), AGES, mean=60),
         "mean age 60 with standard deviation 4.98439 cannot be had from this schedule on ages 15 "
         "to 49"),
        (lambda: rescale(np.zeros(35), AGES, level=1),
         "a schedule of zeros has no age pattern to rescale"),
        (lambda: tempo_adjusted([[0.7, 0.7, 0.7]], [[27, 27.6, 28.3]], [2001, 2002, 2003]),
         "the mean age at births of order 1 moves 0.60 years a year in 2001; beyond 0.5 the tempo "
         "adjustment has no meaning: smooth the mean ages, pool years or use the period fertility "
         "table"),
        (lambda: tempo_adjusted([[0.7, 0.7]], [[27, 27.6]], [2001, 2003]),
         "the tempo adjustment needs two or more calendar years without gaps"),
        (lambda: tempo_adjusted([[0.7, 0.7]], [[27, np.nan]], [2001, 2002]),
         "order 1 has births in 2002 but no mean age"),
        (lambda: tempo_adjusted([[0.7, 0.0]], [[27, np.nan]], [2001, 2002]),
         "order 1 has no mean age in a year next to 2001"),
        (lambda: tempo_adjusted([[0.7, 0.7]], [[27, 27]], [2001, 2002], smooth=2),
         "smooth is 2; it must be an odd number of years, 1 for none"),
        (lambda: tempo_adjusted_tfrp([[0.1]], [0.7]),
         "the mean age moves 0.70 years a year; beyond 0.5 the tempo adjustment has no meaning"),
        (lambda: tfr_from_progression([0.9, 1.0], closing="same"),
         "the last progression ratio must be below 1 to hold for later orders"),
        (lambda: order_hazards([[0.1], [0.1]], [[0.0], [5.0]]),
         "births of order 1 at age index 0 have no women of parity below"),
        (lambda: birth_interval_table([1, 1], [1, 0], [0, 30, 60]),
         "births at durations 30 to 60 have no exposure"),
        (lambda: birth_interval_table([1, 1], [1, 1], [0, 30, 50]),
         "limits of duration must rise from 0 to the horizon of 60 or beyond"),
        (lambda: align(H3, W3), "give either tfr or births to align to, and not both"),
        (lambda: align(H3, W3, tfr=[0.1, 0.2]),
         "the target has shape (2,); by order it needs (3,)"),
        (lambda: align(H3, W3, tfr=[0.1, 0.2, 0.1], by="total"),
         "the target has shape (3,); by total it needs ()"),
        (lambda: align(H3, W3, tfr=-1, by="total"),
         "the total fertility to meet must be numbers that are not negative"),
        (lambda: align(H3 * [[1], [0], [1]], W3, births=[1, 1, 1]),
         "births of order 2 of 1 are out of reach: the rates or the women who could give them are "
         "zero"),
        (lambda: align([[0, 1, 0], [0, 0, 0]], [[0, 10, 0], [0, 0, 0]], births=[30, 0]),
         "births of order 1 of 30 are out of reach: with rates at their limit, 4 times those "
         "given, there are 10"),
    ],
)  # fmt: skip
def test_messages(call: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()
