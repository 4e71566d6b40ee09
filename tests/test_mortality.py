from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.demography.life_expectancy import (
    blend_at_life_expectancy,
    life_expectancy_gain,
    life_expectancy_path,
    rates_at_life_expectancy,
    relational_at_life_expectancy,
)
from popsim.demography.lifetable import life_table, relational
from popsim.demography.model_mortality import fit_relational, log_quadratic, log_quadratic_rates
from popsim.demography.mortality import (
    coherent_lee_carter,
    coherent_rates_at_life_expectancy,
    forecast_k,
    forecast_specific_k,
    lee_carter,
    lee_carter_rates,
    rotated_b,
    ultimate_b,
)
from popsim.errors import DataError

AGES = np.array([0, 1, *range(5, 101, 5)])
YEARS = np.arange(1990, 2020)
# Lee & Carter 1992, United States 1933-1987, both sexes: a and b at 0, 1-4, 5-9, … 105+.
US_A = [
    -3.64109, -6.70581, -7.51064, -7.55717, -6.76012, -6.44334, -6.40062, -6.22909, -5.91325,
    -5.51323, -5.09024, -4.6568, -4.25497, -3.85608, -3.47313, -3.06117, -2.63023, -2.20498,
    -1.7996, -1.40963, -1.03655, -0.68035, -0.34105,
]  # fmt: skip
US_B = [
    0.09064, 0.11049, 0.09179, 0.08358, 0.04744, 0.05351, 0.05966, 0.06173, 0.05899, 0.05279,
    0.04458, 0.0383, 0.03382, 0.02949, 0.0288, 0.02908, 0.0324, 0.03091, 0.03091, 0.03091,
    0.03091, 0.03091, 0.03091,
]  # fmt: skip
# Female rates of China in 1950-55, 1980-85 and 2010-15 at 0, 1, 5, … 100+: United Nations, World
# Population Prospects 2017.
CHINA = np.array([
    [0.13870046, 0.043751265, 0.010907132], [0.022869635, 0.0031013935, 0.0004479952],
    [0.008, 0.0011986699, 0.0003464241], [0.0045, 0.0005963118, 0.0002291472],
    [0.0048, 0.0007788906, 0.0003265188], [0.0053675, 0.0009527977, 0.0004282578],
    [0.00746225, 0.001192091, 0.0005422615], [0.0081795, 0.0014733178, 0.0007160368],
    [0.00969, 0.0018666339, 0.0009215758], [0.01406, 0.0025509291, 0.0013482789],
    [0.016055, 0.0036627514, 0.0019377171], [0.01672, 0.0060880063, 0.0031510809],
    [0.0247, 0.0093188225, 0.0053372559], [0.0478895, 0.016440112, 0.010090902],
    [0.068438, 0.025892456, 0.018301038], [0.09648, 0.048286793, 0.033833657],
    [0.15836, 0.083530145, 0.057301243], [0.21785899, 0.13760439, 0.095866993],
    [0.27316595, 0.21566082, 0.15311272], [0.36464944, 0.30885549, 0.21913547],
    [0.43174007, 0.39048916, 0.30293855], [0.5048922, 0.47121783, 0.36260533],
]).T  # fmt: skip


def golden(shared: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(shared / "golden" / f"{name}.csv", comment="#")


def china(shared: Path) -> xr.DataArray:
    table = golden(shared, "lee_carter_china_input").set_index(["sex", "age"])
    rates = np.stack([table.loc[sex].to_numpy().T for sex in ("f", "m")])
    coords = {
        "sex": ["female", "male"],
        "year": [int(name[:4]) for name in table.columns],
        "age": AGES,
    }
    return xr.DataArray(rates, dims=["sex", "year", "age"], coords=coords)


def smooth(level: float = 0.0) -> np.ndarray:
    """Plausible log rates at AGES."""
    return level + np.log(
        0.02 * (AGES + 0.2) ** -1.3 * np.exp(-AGES / 8) + 4e-5 * np.exp(0.09 * AGES)
    )


def e0_of(mx: object, sex: str) -> np.ndarray:
    return life_table(mx, ages=AGES, sex=sex)["ex"].values[..., 0]


# --- Lee-Carter


@pytest.mark.golden
def test_china_by_svd(shared: Path) -> None:
    want = golden(shared, "lee_carter_china_expected")
    fit = lee_carter(china(shared)).sel(sex="female")
    np.testing.assert_allclose(fit["a"], want["ax_f"], atol=5e-8)
    np.testing.assert_allclose(fit["b"], want["bx_svd_f"], atol=5e-10)
    k = [21.87999, 21.18663, 20.78995, 10.41987, 3.31002, -0.93478, -4.03047, -6.00852, -7.91308,
         -9.89579, -13.35328, -16.37653, -19.07402]  # fmt: skip
    np.testing.assert_allclose(fit["k"], k, atol=6e-6)
    assert float(fit["variance_explained"]) == pytest.approx(0.981715, abs=5e-7)


@pytest.mark.golden
def test_china_by_the_closed_form_and_the_coherent_patterns(shared: Path) -> None:
    want = golden(shared, "lee_carter_china_expected")
    fit = lee_carter(china(shared), method="sums")
    np.testing.assert_allclose(fit["b"].sel(sex="female"), want["bx_f"], atol=5e-10)
    k = [21.50419, 21.91878, 20.69026, 10.07379, 3.27134, -0.89409, -3.88337, -6.03374, -7.94418,
         -10.00613, -13.40194, -16.38488, -18.91004]  # fmt: skip
    np.testing.assert_allclose(fit["k"].sel(sex="female"), k, atol=6e-6)
    mean = fit["b"].mean("sex")
    np.testing.assert_allclose(mean, want["bx_coh"], atol=1e-9)
    np.testing.assert_allclose(ultimate_b(mean, AGES), want["bx_ult"], atol=1e-9)


@pytest.mark.golden
@pytest.mark.parametrize(("female", "male"), [(80.0, 77.0), (83.0, 80.0), (88.0, 85.0)])
def test_china_at_a_life_expectancy_with_rotation(shared: Path, female: float, male: float) -> None:
    want = golden(shared, "lee_carter_china_expected")[f"mxf_{female:.0f}"].to_numpy()
    fit = lee_carter(china(shared), method="sums")
    # The reference stops its search within 0.01 years of the target, which is 0.3 % of a rate.
    e0 = xr.DataArray([female, male], dims="sex", coords={"sex": ["female", "male"]})
    rates = coherent_rates_at_life_expectancy(fit, e0)["mx"]
    np.testing.assert_allclose(rates.sel(sex="female"), want, rtol=0.0035)
    # At the life expectancy that its rates have, and the rotation it used, the rates are its own.
    b = rotated_b(fit["b"].mean("sex"), ultimate_b(fit["b"].mean("sex"), AGES), (female + male) / 2)
    own = rates_at_life_expectancy(
        (fit["a"].sel(sex="female"), b),
        e0_of(want, "female"),
        ages=AGES,
        sex="female",
        tolerance=1e-9,
    )
    np.testing.assert_allclose(own["mx"], want, rtol=5e-7)


@pytest.mark.golden
def test_united_states_file(shared: Path) -> None:
    want = golden(shared, "lee_carter_us_1933_1987")
    np.testing.assert_allclose(US_A, want["a_published"])
    np.testing.assert_allclose(US_B, want["b_published"])


def test_the_united_states_are_recovered_from_their_own_rates() -> None:
    # Rates made of the published a and b are fitted back; b was continued above 85.
    k = np.linspace(11.0, -11.0, 55)
    fit = lee_carter(np.exp(US_A + np.outer(k, US_B)), years=np.arange(1933, 1988))
    np.testing.assert_allclose(fit["a"], US_A, atol=1e-12)
    np.testing.assert_allclose(fit["b"], np.array(US_B) / np.sum(US_B), atol=1e-12)
    assert float(fit["variance_explained"]) == pytest.approx(1)


def test_walk_of_the_united_states_to_2050() -> None:
    # Drift -0.365 and innovation 0.652 from k(1989) = -11.05: -33.315, 95 % -43.296 to -23.334.
    steps = -0.365 + 0.652 * np.sqrt(55 / 56) * np.resize([1.0, -1.0], 56)
    k = -11.05 + np.append(np.cumsum(-steps[::-1])[::-1], 0.0)
    fit = xr.Dataset({"k": ("year", k)}, coords={"year": np.arange(1933, 1990)})
    walk = forecast_k(fit, [1990, 2050], drift_uncertainty=False)
    assert float(walk["drift"]) == pytest.approx(-0.365)
    assert float(walk["sigma"]) == pytest.approx(0.652)
    assert float(walk["k"][-1]) == pytest.approx(-33.315, abs=5e-4)
    reach = 1.96 * np.sqrt(float(walk["k_variance"][-1]))
    assert -33.315 - reach == pytest.approx(-43.296, abs=1.5e-3)
    assert -33.315 + reach == pytest.approx(-23.334, abs=1.5e-3)
    h = np.array([1, 61])
    both = forecast_k(fit, [1990, 2050])
    np.testing.assert_allclose(both["k_variance"], 0.652**2 * (h + h**2 / 56))


def test_literal_core_of_china() -> None:
    fit = lee_carter(CHINA, years=[1950, 1980, 2010], ages=AGES)
    # Independent: eigenvectors of the matrix of products instead of the singular vectors.
    deviation = np.log(CHINA) - np.log(CHINA).mean(axis=0)
    values, vectors = np.linalg.eigh(deviation.T @ deviation)
    b = vectors[:, -1] / vectors[:, -1].sum()
    np.testing.assert_allclose(fit["b"], b, rtol=1e-8)
    np.testing.assert_allclose(fit["k"], deviation @ b / (b @ b), rtol=1e-8)
    assert float(fit["variance_explained"]) == pytest.approx(values[-1] / values.sum())
    # Rotated b and female rates of the reference at e0 = 83 (MortCast 2.8), ages 0, 30, 65, 100.
    a = np.array([-3.0115183, -6.2051299, -3.4573664, -0.76952024])
    coherent = np.array([0.055522308, 0.057456948, 0.034383414, 0.0085542266])
    ultimate = np.array([0.053551307, 0.053551307, 0.053551307, 0.013322994])
    b, rates = rotated_b(coherent, ultimate, 81.5), [0.0069732932, 0.000269128, 0.0086992774]
    k = (np.log(rates[0]) - a[0]) / b[0]
    np.testing.assert_allclose(np.exp(a + k * b), [*rates, 0.33630084], rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 8), st.sampled_from(["svd", "sums"]))
def test_constraints_and_reconstruction(seed: int, count: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    trend = np.outer(np.arange(count), 0.01 + 0.02 * rng.random(AGES.size))
    logs = smooth() - trend + 0.01 * rng.standard_normal(trend.shape)
    fit = lee_carter(np.exp(logs), ages=AGES, method=method)  # type: ignore[arg-type]
    assert float(fit["b"].sum()) == pytest.approx(1)
    assert float(fit["k"].sum()) == pytest.approx(0, abs=1e-9)
    assert 0 < float(fit["variance_explained"]) <= 1
    best = lee_carter(np.exp(logs), ages=AGES)
    assert float(fit["variance_explained"]) <= float(best["variance_explained"]) + 1e-12
    rates = lee_carter_rates(fit, fit["k"])
    assert np.abs(np.log(rates.values) - logs).max() < 0.1
    # Only differences of k matter when the start is an observed year.
    start = lee_carter_rates(fit, fit["k"], jump_off=count - 1)
    np.testing.assert_allclose(start[-1], np.exp(logs[-1]))


def test_rows_and_names_are_fitted_one_by_one() -> None:
    logs = smooth() - 0.02 * np.arange(5)[:, None] * np.linspace(1, 0.2, AGES.size)
    both = xr.DataArray(
        np.exp([logs, logs**1.0 + 0.3]),
        dims=["sex", "year", "age"],
        coords={"sex": ["female", "male"], "year": YEARS[:5], "age": AGES, "region": "331126"},
    )
    fit = lee_carter(both.transpose("age", "sex", "year"))
    assert fit["b"].dims == ("sex", "age")
    assert fit["k"].dims == ("sex", "year")
    assert fit["region"].item() == "331126"
    np.testing.assert_allclose(
        fit["b"].sel(sex="male"), lee_carter(both.sel(sex="male").values)["b"]
    )
    walk = forecast_k(fit, [1995, 2000])
    rates = lee_carter_rates(fit, walk["k"], jump_off=walk.attrs["jump_off_year"])
    assert rates.dims == ("sex", "year", "age")
    assert bool((life_table(rates)["ex"].sel(age=0).diff("year") > 0).all())


def test_k_meets_the_deaths() -> None:
    rng = np.random.default_rng(1)
    people = 1e4 * np.exp(-AGES / 60) * np.ones((6, 1))
    logs = smooth() - 0.1 * np.arange(6)[:, None] * np.linspace(1, 0.3, AGES.size)
    mx = np.exp(logs + 0.1 * rng.standard_normal(logs.shape))
    fit = lee_carter(mx, ages=AGES, adjust="deaths", exposure=people)
    fitted = (lee_carter_rates(fit, fit["k"]) * people).sum("age")
    np.testing.assert_allclose(fitted, (mx * people).sum(axis=-1), rtol=1e-10)
    assert float(fit["k"].sum()) == pytest.approx(0, abs=1e-12)
    stated = lee_carter(
        mx, ages=AGES, adjust="deaths", exposure=people, deaths=2 * (mx * people).sum(axis=-1)
    )
    fitted = (lee_carter_rates(stated, stated["k"]) * people).sum("age")
    np.testing.assert_allclose(fitted, 2 * (mx * people).sum(axis=-1), rtol=1e-10)
    plain = lee_carter(mx, ages=AGES)
    np.testing.assert_allclose(stated["b"], plain["b"])


def test_companions_are_joined_by_name_and_not_by_place() -> None:
    mx = two_sexes()
    people = xr.DataArray(
        [1.0, 3.0], dims="sex", coords={"sex": ["female", "male"]}
    ) * xr.ones_like(mx)
    fit = lee_carter(mx, adjust="deaths", exposure=people)
    turned = people.isel(sex=[1, 0]).transpose("age", "sex", "year")
    xr.testing.assert_identical(fit, lee_carter(mx, adjust="deaths", exposure=turned))
    for call in (
        lambda: lee_carter(mx, adjust="deaths", exposure=people.isel(sex=[0])),
        lambda: lee_carter_rates(fit, fit["k"].isel(sex=[0])),
        lambda: rates_at_life_expectancy(fit, E0.isel(sex=[0])),
    ):
        with pytest.raises(DataError) as error:
            call()
        assert str(error.value) == "sex male is in one of the inputs and not in the other"


def test_k_meets_the_life_expectancy_of_each_sex() -> None:
    rng = np.random.default_rng(2)
    logs = smooth() - 0.1 * np.arange(4)[:, None] * np.linspace(1, 0.3, AGES.size)
    mx = xr.DataArray(
        np.exp(np.stack([logs, logs + 0.2]) + 0.05 * rng.standard_normal((2, *logs.shape))),
        dims=["sex", "year", "age"],
        coords={"sex": ["female", "male"], "age": AGES},
    )
    fit = lee_carter(mx, adjust="e0")
    fitted = life_table(lee_carter_rates(fit, fit["k"]).assign_coords(sex=mx["sex"]))
    np.testing.assert_allclose(
        fitted["ex"].sel(age=0), life_table(mx)["ex"].sel(age=0), atol=1.1e-6
    )
    stated = lee_carter(mx, adjust="e0", e0=[70.0, 71.0, 72.0, 73.0])
    fitted = life_table(lee_carter_rates(stated, stated["k"]))
    np.testing.assert_allclose(fitted["ex"].sel(age=0), [[70.0, 71.0, 72.0, 73.0]] * 2, atol=1.1e-6)


def test_excluded_years_leave_the_drift_alone() -> None:
    k = -0.5 * np.arange(12.0)
    k[8:11] += 7.0  # an epidemic in 2020-2022, over by 2023
    fit = xr.Dataset({"k": ("year", k)}, coords={"year": np.arange(2012, 2024)})
    walk = forecast_k(fit, [2024, 2030], exclude=[2020, 2021, 2022])
    assert float(walk["drift"]) == pytest.approx(-0.5)
    assert float(walk["sigma"]) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(walk["k"], [-6.0, -9.0])
    # With the last years left out the walk starts from the last one kept.
    walk = forecast_k(fit.isel(year=slice(0, 11)), [2023], exclude=[2020, 2021, 2022])
    assert walk.attrs["jump_off_year"] == 2019
    np.testing.assert_allclose(walk["k"], [-5.5])


# --- Coherent


def two_sexes(gap: float = 0.02) -> xr.DataArray:
    """Males above females, but declining faster, so that separate forecasts cross."""
    rng = np.random.default_rng(3)
    t = np.arange(YEARS.size)[:, None]
    female = smooth() - 0.02 * t + 0.01 * rng.standard_normal((YEARS.size, AGES.size))
    male = smooth(0.9) - (0.02 + gap) * t + 0.01 * rng.standard_normal((YEARS.size, AGES.size))
    return xr.DataArray(
        np.exp([female, male]),
        dims=["sex", "year", "age"],
        coords={"sex": ["female", "male"], "year": YEARS, "age": AGES},
    )


def test_coherent_sexes_do_not_cross_in_the_long_run() -> None:
    mx = two_sexes(0.015)
    far = [2020, 2100, 2900]
    alone = lee_carter(mx)
    apart = lee_carter_rates(alone, forecast_k(alone, far)["k"])
    assert bool((apart.sel(sex="male", year=2900) < apart.sel(sex="female", year=2900)).all())
    fit = coherent_lee_carter(mx)
    common, own = forecast_k(fit, far), forecast_specific_k(fit, far)
    assert bool((own["phi"] < 1).all())
    together = lee_carter_rates(fit, common["k"], k_specific=own["k"])
    assert bool((together.sel(sex="male") > together.sel(sex="female")).all())
    # The ratio settles at that of the mean levels.
    ratio = np.log(together.sel(sex="male") / together.sel(sex="female"))
    settled = fit["a"].sel(sex="male") - fit["a"].sel(sex="female")
    np.testing.assert_allclose(ratio.sel(year=2900), settled, atol=0.01)
    variance = own["k_variance"].values
    assert np.all(np.diff(variance, axis=-1) >= 0)


def test_coherent_factors_rebuild_the_rates() -> None:
    mx = two_sexes()
    fit = coherent_lee_carter(mx)
    assert float(fit["b"].sum()) == pytest.approx(1)
    assert float(fit["k"].sum()) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(np.abs(fit["b_specific"]).sum("age"), 1)
    np.testing.assert_allclose(fit["k_specific"].sum("year"), 0, atol=1e-9)
    assert bool((fit["variance_explained_with_specific"] > fit["variance_explained"]).all())
    rates = lee_carter_rates(fit, fit["k"], k_specific=fit["k_specific"])
    assert np.abs(np.log(rates / mx)).max() < 0.05
    # With a jump-off the last year is the observed one.
    rates = lee_carter_rates(fit, fit["k"], k_specific=fit["k_specific"], jump_off=2019)
    np.testing.assert_allclose(rates.sel(year=2019), mx.sel(year=2019))


def test_group_rates_are_weighted_by_the_exposure() -> None:
    mx = two_sexes()
    only = xr.ones_like(mx)
    only.loc[{"sex": "male"}] = 0.0
    fit = coherent_lee_carter(mx, exposure=only)
    np.testing.assert_allclose(fit["k"], lee_carter(mx.sel(sex="female"))["k"])


def test_specific_index_needs_to_return() -> None:
    k = 1.1 ** np.arange(8.0)
    fit = xr.Dataset(
        {"k_specific": (["region", "year"], [k])},
        coords={"region": ["331126"], "year": np.arange(8)},
    )
    with pytest.raises(DataError) as error:
        forecast_specific_k(fit, [8])
    assert str(error.value) == (
        "the specific index of region 331126 does not return to its mean (coefficient 1.100): it "
        "does not share the group's trend; fit it alone or fewer years"
    )
    fit = xr.Dataset(
        {"k_specific": (["region", "year"], [0.5 ** np.arange(8.0)])}, coords={"year": np.arange(8)}
    )
    np.testing.assert_allclose(forecast_specific_k(fit, [8, 10])["k"], [[0.5**8, 0.5**10]])


# --- A stated life expectancy


@settings(max_examples=20, deadline=None)
@given(st.floats(40, 95), st.sampled_from(["female", "male", "both"]))
def test_every_way_meets_the_life_expectancy(e0: float, sex: str) -> None:
    a, b = np.log(CHINA).mean(axis=0), np.log(CHINA[0] / CHINA[2])
    ways = [
        rates_at_life_expectancy((a, b), e0, ages=AGES, sex=sex),
        relational_at_life_expectancy(CHINA[1], e0, ages=AGES, sex=sex),
        relational_at_life_expectancy(CHINA[1], e0, beta=1.1, ages=AGES, sex=sex),
        blend_at_life_expectancy(CHINA[0] * 1.5, CHINA[2] / 9, e0, ages=AGES, sex=sex),
    ]
    for rates in ways:
        assert e0_of(rates["mx"], sex) == pytest.approx(e0, abs=1.0001e-6)
        assert rates["mx"].dims == ("age",)


def test_a_negative_b_is_taken_as_zero() -> None:
    b = np.where(AGES == 20, -0.05, 0.05)
    rates = rates_at_life_expectancy((smooth(), b), [60.0, 85.0], ages=AGES, sex="male")
    np.testing.assert_allclose(rates["mx"].sel(age=20), np.exp(smooth()[AGES == 20])[0])
    np.testing.assert_allclose(e0_of(rates["mx"], "male"), [60.0, 85.0], atol=1e-6)


def test_life_expectancies_by_sex_and_year() -> None:
    fit = lee_carter(two_sexes())
    e0 = xr.DataArray(
        [[80.0, 76.0], [84.0, 81.0], [90.0, 88.0]],
        dims=["year", "sex"],
        coords={"year": [2020, 2040, 2060], "sex": ["female", "male"]},
    )
    for rates in (rates_at_life_expectancy(fit, e0), coherent_rates_at_life_expectancy(fit, e0)):
        found = life_table(rates["mx"])["ex"].sel(age=0).transpose("year", "sex")
        np.testing.assert_allclose(found, e0, atol=1e-6)
        assert rates["mx"].dims[-1] == "age"
    # Without rotation the fitted mean pattern is used throughout.
    plain = coherent_rates_at_life_expectancy(fit, e0, rotate=False)
    np.testing.assert_allclose(plain["b"], fit["b"].mean("sex"))
    assert coherent_rates_at_life_expectancy(fit, e0)["b"].dims == ("year", "age")
    # Blends and logit lines broadcast by name too.
    low, high = np.exp(fit["a"]), np.exp(fit["a"] - 3.0)
    blend = blend_at_life_expectancy(low, high, e0)
    np.testing.assert_allclose(
        life_table(blend["mx"])["ex"].sel(age=0).transpose("year", "sex"), e0, atol=1e-6
    )


def test_blend_ends_in_its_schedules() -> None:
    low = blend_at_life_expectancy(
        CHINA[1], CHINA[2], e0_of(CHINA[1], "female"), ages=AGES, sex="female"
    )
    np.testing.assert_allclose(low["mx"], CHINA[1], rtol=1e-5)
    high = blend_at_life_expectancy(
        CHINA[1], CHINA[2], e0_of(CHINA[2], "female"), ages=AGES, sex="female"
    )
    np.testing.assert_allclose(high["mx"], CHINA[2], rtol=1e-5)


@pytest.mark.golden
def test_west_tables_between_their_neighbours(shared: Path) -> None:
    west = golden(shared, "mlt_cd_west_female").set_index("age")
    ages = west.index.to_numpy()
    for column, e0 in zip(west.columns, (70, 75, 80, 85), strict=True):
        table = life_table(west[column], ages=ages, sex="female")
        assert float(table["ex"][0]) == pytest.approx(e0, abs=0.0015)
    # The family above 75 is nearly a line in the logarithms; below it bends.
    rates = blend_at_life_expectancy(west["e0_75"], west["e0_85"], 80.0, ages=ages, sex="female")
    np.testing.assert_allclose(rates["mx"], west["e0_80"], rtol=0.04)
    # A logit line with slope 1 through one table meets the next one less well.
    line = relational_at_life_expectancy(west["e0_75"], 80.0, ages=ages, sex="female")
    assert life_table(line["mx"], sex="female")["ex"].values[0] == pytest.approx(80, abs=1e-6)
    np.testing.assert_allclose(line["mx"], west["e0_80"], rtol=0.3)


def test_logit_line_keeps_the_survivors_of_the_line() -> None:
    rates = relational_at_life_expectancy(CHINA[1], 76.0, beta=0.95, ages=AGES, sex="female")
    standard = life_table(CHINA[1], ages=AGES, sex="female", radix=1)["lx"].values
    survivors = life_table(rates["mx"], sex="female", radix=1)["lx"].values
    line = relational(standard, float(rates["alpha"]), 0.95)
    np.testing.assert_allclose(survivors, line, atol=1.5e-3)
    alpha, beta = fit_relational(survivors, standard)
    assert float(alpha) == pytest.approx(float(rates["alpha"]), abs=2e-3)
    assert float(beta) == pytest.approx(0.95, abs=2e-3)
    # In single years the two are the same but for the second order in the rates.
    single = 0.00005 * np.exp(0.09 * np.arange(101))
    rates = relational_at_life_expectancy(single, 76.0, sex="female")
    ls = life_table(single, sex="female", radix=1)["lx"].values
    l = life_table(rates["mx"], sex="female", radix=1)["lx"].values  # noqa: E741
    np.testing.assert_allclose(l, relational(ls, float(rates["alpha"]), 1.0), atol=5e-5)
    same = relational_at_life_expectancy(
        CHINA[1], e0_of(CHINA[1], "female"), ages=AGES, sex="female"
    )
    np.testing.assert_allclose(same["mx"], CHINA[1], rtol=1e-6)


def test_logit_line_through_one_known_value() -> None:
    standard = np.array([1.0, 0.95, 0.9, 0.5])
    known = np.array([1.0, np.nan, 0.8, np.nan])
    alpha, beta = fit_relational(known, standard, slope=False)
    assert beta == 1
    assert relational(standard, alpha, beta)[2] == pytest.approx(0.8)
    with pytest.raises(DataError) as error:
        fit_relational(known, standard)
    assert str(error.value) == (
        "survivors between 0 and 1 are known at 1 of the ages; a logit line with a slope needs 2"
    )


# --- The path of life expectancy

GAINS = [
    (40, 1.855493506), (50, 2.38425728), (60, 2.604002323), (70, 0.9689537795),
    (75, 0.5832534518), (80, 0.5629976329), (85, 0.5687483294), (90, 0.5733205299),
]  # fmt: skip
LOGISTIC = [13.2, 41.0, 9.2, 8.1, 2.8, 0.58]


@pytest.mark.parametrize(("e0", "gain"), GAINS)
def test_double_logistic(e0: float, gain: float) -> None:
    # Raftery, Chunn, Gerland & Ševčíková 2013; computed from the formula in golden double_logistic.
    assert life_expectancy_gain(e0, LOGISTIC).item() == pytest.approx(gain, abs=5e-10)


@pytest.mark.golden
def test_double_logistic_file(shared: Path) -> None:
    want = golden(shared, "double_logistic")
    np.testing.assert_allclose(
        life_expectancy_gain(want["e0"], LOGISTIC), want["e0_gain_5yr"], atol=5e-10, rtol=0
    )


def test_path_of_life_expectancy() -> None:
    path = life_expectancy_path([60.0, 80.0], [2020, 2025], LOGISTIC)
    np.testing.assert_allclose(path[:, 1], [62.604002323, 80.5629976329])
    yearly = life_expectancy_path(80.0, np.arange(2020, 2026), LOGISTIC)
    assert float(yearly[-1]) == pytest.approx(80.563, abs=5e-4)


def test_random_paths_do_not_depend_on_horizon_or_chunk() -> None:
    options = {"sigma": 0.2, "seed": 7, "key": "330000"}
    short = life_expectancy_path(80.0, range(2020, 2030), LOGISTIC, draws=range(400), **options)
    long = life_expectancy_path(80.0, range(2020, 2040), LOGISTIC, draws=range(40, 50), **options)
    assert short.dims == ("draw", "year")
    assert np.array_equal(short.sel(draw=slice(40, 49)), long.sel(year=slice(2020, 2029)))
    spread = short.sel(year=2021).std("draw")
    assert float(spread) == pytest.approx(0.2, rel=0.15)
    central = life_expectancy_path(80.0, range(2020, 2030), LOGISTIC)
    assert float(short.mean("draw")[-1]) == pytest.approx(float(central[-1]), abs=0.15)


# --- Model schedules


def collection(sd: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Tables made of a log-quadratic system, and their deviations."""
    rng = np.random.default_rng(5)
    # Only age 0 and 1-4 set 5q0, so the level is found by the fit.
    level = np.linspace(-1.2, 1.2, 40)
    v = np.where(AGES < 5, 0.0, np.exp(-(((AGES - 40) / 25.0) ** 2)))
    k = rng.normal(0, 0.2, level.size)
    logs = (
        smooth(-1.5) + np.outer(level, np.where(AGES < 5, 1.0, np.exp(-AGES / 60))) + np.outer(k, v)
    )
    return np.exp(logs + sd * rng.standard_normal(logs.shape)), k


def test_system_of_schedules_returns_its_tables() -> None:
    mx, k = collection()
    fit = log_quadratic(mx, ages=AGES, sex="female")
    assert float(fit["v"].max()) == 1
    assert bool((fit["v"].sel(age=[0, 1]) == 0).all())
    assert np.corrcoef(fit["k"], k)[0, 1] > 0.95
    table = life_table(mx, ages=AGES, sex="female", radix=1)
    q5, e0 = 1 - table["lx"].sel(age=5).values, table["ex"].sel(age=0).values
    back = log_quadratic_rates(fit, q5, e0=e0)
    assert np.abs(np.log(back["mx"] / mx)).max() < 0.02
    again = life_table(back["mx"], sex="female", radix=1)
    np.testing.assert_allclose(1 - again["lx"].sel(age=5), q5, rtol=1e-8)
    np.testing.assert_allclose(again["ex"].sel(age=0), e0, atol=1e-6)


def test_higher_k_is_higher_mortality() -> None:
    fit = log_quadratic(collection(0.02)[0], ages=AGES, sex="male")
    rates = log_quadratic_rates(fit, 0.02, k=[-0.3, 0.0, 0.3])
    assert np.all(np.diff(e0_of(rates["mx"], "male")) < 0)
    np.testing.assert_allclose(rates["mx"][1], log_quadratic_rates(fit, 0.02)["mx"])


# --- What is refused

GOOD = np.exp(smooth() - 0.02 * np.arange(4)[:, None] * np.linspace(1, 0.2, AGES.size))


def changed(value: float) -> xr.DataArray:
    mx = xr.DataArray(
        np.stack([GOOD, GOOD]),
        dims=["sex", "year", "age"],
        coords={"sex": ["female", "male"], "year": [2000, 2001, 2002, 2003], "age": AGES},
    )
    mx.loc[{"sex": "male", "year": 2003, "age": 10}] = value
    return mx


@pytest.mark.parametrize("fit", [lee_carter, coherent_lee_carter])
def test_no_deaths_have_no_logarithm(fit) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError) as error:
        fit(changed(0.0))
    assert str(error.value) == (
        "the death rate of sex male in 2003 at age 10 is 0 and has no logarithm: pool years or "
        "areas, or add to deaths and person-years those of a larger area, scaled down"
    )
    with pytest.raises(DataError) as error:
        fit(changed(np.nan))
    assert str(error.value) == (
        "the death rate of sex male in 2003 at age 10 is nan; it must be a positive number"
    )


K = xr.Dataset({"k": ("year", np.arange(4.0))}, coords={"year": np.arange(2000, 2004)})
E0 = xr.DataArray([80.0, 75.0], dims="sex", coords={"sex": ["female", "male"]})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: lee_carter(GOOD[:2]),
            "death rates of 2 years are given; the fit needs three",
        ),
        (
            lambda: lee_carter(xr.DataArray(GOOD, dims=["time", "age"])),
            "death rates have dimensions time, age; year must be among them",
        ),
        (
            lambda: lee_carter(GOOD[0]),
            "death rates have 1 axes; the last must be year, age",
        ),
        (
            lambda: lee_carter(GOOD, years=[3, 2, 1, 0]),
            "the years must rise; they are 3, 2, 1, 0 …",
        ),
        (
            lambda: lee_carter(GOOD, years=[1, 2]),
            "there are 4 values of year and 2 labels for them",
        ),
        (
            lambda: lee_carter(np.ones((3, 4))),
            "the death rates are the same in all years, so there is no change to fit",
        ),
        (
            lambda: lee_carter(np.exp([[0.0, 0.1], [0.1, 0.0], [0.0, 0.1]])),
            "the age pattern b sums to 0, so it cannot be scaled to sum to 1",
        ),
        (
            lambda: lee_carter(GOOD, method="mle"),  # type: ignore[arg-type]
            "method 'mle' is unknown; write: svd or sums",
        ),
        (
            lambda: lee_carter(GOOD, adjust="dt"),  # type: ignore[arg-type]
            "adjust 'dt' is unknown; write: deaths, e0 or nothing",
        ),
        (
            lambda: lee_carter(GOOD, adjust="deaths"),
            "k can be fitted to deaths only with the exposure: give exposure",
        ),
        (
            lambda: lee_carter(GOOD, adjust="deaths", exposure=np.ones((3, 7))),
            "the shape of exposure is (3, 7); it must be (4, 22)",
        ),
        (
            lambda: lee_carter(GOOD, adjust="deaths", exposure=np.ones(GOOD.shape), deaths=[0.0]),
            "deaths at all ages must be positive numbers in every year",
        ),
        (
            lambda: lee_carter(
                np.exp([[0.0, 0.0], [2.0, -1.0], [4.0, -2.0]]),
                years=[2001, 2002, 2003],
                adjust="deaths",
                exposure=np.ones((3, 2)),
                deaths=[1.0, 9.0, 60.0],
            ),
            "no index k gives the 1 deaths in 2001",
        ),
        (
            lambda: lee_carter(GOOD, ages=AGES, adjust="e0", sex="male", e0=-1.0),
            "a life expectancy is -1; it must be a positive number",
        ),
        (
            lambda: lee_carter_rates(lee_carter(GOOD), 0.0, jump_off=9),
            "the fit has no rates of 9 to start from; it has those of 0 to 3",
        ),
        (
            lambda: lee_carter_rates(lee_carter(GOOD), 0.0, k_specific=E0),
            "the fit has no specific term; fit it with coherent_lee_carter",
        ),
        (
            lambda: forecast_k(K, [2003]),
            "the years to forecast must rise and lie after 2003, the last one kept",
        ),
        (
            lambda: forecast_k(K, [2004], exclude=[1999]),
            "1999 is to be left out but is not among the fitted years",
        ),
        (
            lambda: forecast_k(K, [2004], exclude=[2000, 2001]),
            "2 years are kept; the drift and its variance need three",
        ),
        (
            lambda: forecast_specific_k(K, [2004]),
            "the fit has no specific term; fit it with coherent_lee_carter",
        ),
        (
            lambda: coherent_lee_carter(GOOD[None]),
            "a coherent fit needs two populations on sex; there is one",
        ),
        (
            lambda: ultimate_b([0.5, 0.5], [0, 1]),
            "the ultimate b needs age groups between 15 and 64 and between 65 and 69",
        ),
        (
            lambda: coherent_rates_at_life_expectancy(lee_carter(GOOD), E0),
            "the fit must have a dimension sex, with female and male",
        ),
        (
            lambda: rates_at_life_expectancy(([-5.0, -3.0], [1.0, 0.0]), 40.0, sex="male"),
            "no index k gives a life expectancy of 40 years with these a and b",
        ),
        (
            lambda: blend_at_life_expectancy([0.1, 0.2], [0.01, 0.1], 30.0, sex="male"),
            "a life expectancy of 30 years does not lie between those of the two schedules",
        ),
        (
            lambda: blend_at_life_expectancy([0.1, 0.0], [0.01, 0.1], 10.0, sex="male"),
            "the death rate at age 1 is 0 and has no logarithm: pool years or areas, or add to "
            "deaths and person-years those of a larger area, scaled down",
        ),
        (
            lambda: relational_at_life_expectancy([0.1, 0.2, 0.3], 9.0, beta=-1, sex="male"),
            "the slope beta of a logit line must be positive",
        ),
        (
            lambda: relational_at_life_expectancy([0.1, 0.2, 0.3], 0.001, sex="male"),
            "no level alpha gives a life expectancy of 0.001 years on this standard",
        ),
        (
            lambda: life_expectancy_gain(80.0, [1.0]),
            "the double logistic has six parameters; 1 are given",
        ),
        (
            lambda: life_expectancy_gain(80.0, [1, 0, 1, 1, 1, 1]),
            "the second and fourth parameter must be positive; they are 0, 1",
        ),
        (
            lambda: life_expectancy_path(80.0, [2020, 2021], LOGISTIC, sigma=0.1),
            "sigma is 0.1; it must not be negative, and it needs draws",
        ),
        (
            lambda: life_expectancy_path(80.0, [2021, 2020], LOGISTIC),
            "the years of a path of life expectancy must rise",
        ),
        (
            lambda: log_quadratic(GOOD, ages=AGES, sex="male"),
            "4 life tables are given; the fit needs five",
        ),
        (
            lambda: log_quadratic(np.ones((5, 3)), ages=[0, 1, 2], sex="male"),
            "the age groups must have a limit at 5, for the deaths of children",
        ),
        (
            lambda: log_quadratic(np.ones((5, 3)), ages=[0, 1, 5]),
            "give the one sex of the tables: sex='female', 'male' or 'both'",
        ),
        (
            lambda: log_quadratic(0.1 * np.ones((5, 3)), ages=[0, 1, 5], sex="male"),
            "the tables must differ in the mortality of children under 5",
        ),
        (
            lambda: log_quadratic_rates(xr.Dataset(attrs={"q5_range": [0.01, 0.04]}), 0.5),
            "5q0 of 0.5 is far from the fitted tables, which have 0.01 to 0.04: fit tables of "
            "that level",
        ),
        (
            lambda: log_quadratic_rates(xr.Dataset(), 0.5, k=1, e0=70),
            "give k or e0, not both: each fixes the mortality of adults",
        ),
    ],
)
def test_messages(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == message
