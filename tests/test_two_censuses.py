"""A baseline from two censuses: exact where truth is known, every adjustment visible."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import popsim as ps
from popsim.data.censuses import AGE_GROUPS, BREAKS, read_census_population, read_censuses
from popsim.dataset import validate
from popsim.demography.graduation import group_sums
from popsim.demography.hamilton_perry import hamilton_perry
from popsim.demography.lifetable import life_table, survival_ratios
from popsim.demography.two_censuses import baseline_from_two_censuses
from popsim.demography.two_censuses.ages import fives, survivors
from popsim.demography.two_censuses.moves import moves_between, moves_to_come, yearly_moves
from popsim.demography.two_censuses.survival import pooled_rates
from popsim.errors import DataError

SOURCES = Path(__file__).parents[1] / "scripts/sources"
FILES = {
    "population": "census_population.csv",
    "deaths": "census_deaths.csv",
    "births": "census_births_by_order.csv",
    "single_ages": "census_deaths_exposure_single_age.csv",
    "births_by_age": "census_births_by_mother_age.csv",
}
AGE = np.arange(101)
SEXES = ["female", "male"]


@pytest.fixture(scope="module")
def censuses():
    return read_censuses(SOURCES, files=FILES)


def world(shares=(1.0, 0.3), registered=1.0):
    """Return two censuses of closed regions with one mortality, and the truth ten years later.

    The first region is the nation, the others have a share of its people; ``registered`` is the
    share of deaths that the censuses know of.
    """
    mx = np.stack([1e-4 + 2e-5 * np.exp(0.1 * AGE), 2e-4 + 3e-5 * np.exp(0.1 * AGE)])
    mx = np.minimum(mx, 0.6)
    mx[:, 0] = 0.004
    survival = np.asarray(survival_ratios(life_table(mx, sex=SEXES)).values)
    decade = np.broadcast_to(survival, (10, *survival.shape))
    alive = np.cumprod(survival, axis=1)
    before = 1e7 * np.exp(-0.01 * AGE) * alive

    def ten_years_on(people):
        older = survivors(people, decade)
        for age in range(10):
            older[:, age] = 1e7 * np.exp(0.01 * (10 - age)) * alive[:, age]
        return older

    later = ten_years_on(before)
    truth = survivors(later, decade)
    single = np.stack([before, later])
    counts = group_sums(single, BREAKS)
    deaths = group_sums(single * mx, BREAKS) * registered
    sample = np.array([[400.0, 250, 60, 10], [420.0, 280, 75, 15]])
    by_age = np.zeros((4, 101))
    for order, total in enumerate(sample.sum(axis=0)):
        pattern = np.exp(-(((AGE - 26 - 2 * order) / 5) ** 2)) * ((AGE >= 15) & (AGE < 50))
        by_age[order] = total * pattern / pattern.sum()
    share = np.array(shares)
    data = xr.Dataset(
        {
            "census_population": (
                ("region", "census", "sex", "age_group"),
                share[:, None, None, None] * counts,
            ),
            "census_deaths": (
                ("region", "census", "sex", "age_group"),
                share[:, None, None, None] * deaths,
            ),
            "standard_person_years": (("census", "sex", "age"), single),
            "standard_deaths": (("census", "sex", "age"), single * mx * registered),
            "sample_births": (("region", "sex", "birth_order"), share[:, None, None] * sample),
            "sample_births_by_age": (("birth_order", "age"), by_age),
        },
        coords={
            "region": ["000000", *(f"{11 + i}0000" for i in range(len(shares) - 1))],
            "census": [2000, 2010],
            "sex": SEXES,
            "age_group": AGE_GROUPS,
            "age": AGE,
            "birth_order": [1, 2, 3, 4],
        },
    )
    return data, share[:, None, None] * fives(truth)


def error(projected, truth):
    cells = np.abs(projected - truth)[..., 2:]
    return cells.sum() / truth[..., 2:].sum()


@pytest.mark.parametrize("registered", [1.0, 0.8])
def test_a_closed_world_is_projected_as_it_was_made(registered):
    data, truth = world(registered=registered)
    base = baseline_from_two_censuses(data, ["000000", "110000"], start="census")
    result = ps.project(base, detail="history")
    projected = fives(result.population.sel(time=2020).values)
    # What is left comes from spreading groups over single ages.
    assert error(projected, truth) < 2e-4
    assert np.abs(base.net_migration).sum() / base.population.sum() < 1e-9
    old = base.death_registration.sel(age=slice(60, 90))
    np.testing.assert_allclose(old, 1 / registered, rtol=0.03)
    correction = base.census_correction.sel(age_group=[f"{a}-{a + 4}" for a in range(0, 70, 5)])
    np.testing.assert_allclose(correction, 1, atol=0.006)


def test_a_shared_undercount_is_no_migration():
    data, _ = world()
    few = ["15-19", "20-24"]
    data["census_population"].loc[{"census": 2010, "age_group": few}] *= 1.08
    data["standard_person_years"].loc[{"census": 2010, "age": slice(15, 24)}] *= 1.08
    base = baseline_from_two_censuses(data, start="census")
    here = base.census_correction.sel(region="110000", age_group=few)
    # Half of the surplus of 8 % is taken out of the later census.
    np.testing.assert_allclose(here, 1.08**-0.5, rtol=0.01)
    moved = base.net_migration_between_censuses
    assert np.abs(moved).sum() / base.population.sum() < 1e-3


def test_children_missed_once_are_missed_again_only_if_said():
    data, _ = world()
    data["census_population"].loc[{"census": 2000, "age_group": ["0", "1-4"]}] *= 0.9
    data["standard_person_years"].loc[{"census": 2000, "age": slice(0, 4)}] *= 0.9
    with_them, without = (
        baseline_from_two_censuses(data, children_missed=c).census_correction.sel(
            region="110000", age_group="0-4"
        )
        for c in (1.0, 0.0)
    )
    np.testing.assert_allclose(with_them, 1 / 0.9, rtol=0.01)
    np.testing.assert_allclose(without, 1.0)


def test_what_repeats_and_what_goes_back():
    people = np.full((2, 21), 1000.0)
    before = moves_between(people[None], np.where(np.arange(21) == 5, 1200.0, people)[None])
    come = moves_to_come(before, people, people[None], people, persistence=0.5, returning=0.2)
    np.testing.assert_allclose(come.net[0, :, 5], 100)
    np.testing.assert_allclose(come.net[0, :, 7], 1000 * (1.2**-0.2 - 1))
    assert np.count_nonzero(come.net) == 4
    out = moves_between(people[None], np.where(np.arange(21) == 5, 800.0, people)[None])
    fewer = moves_to_come(out, people, people[None] / 2, people, persistence=1.0, returning=0.0)
    # Losses are a rate on the region's own people.
    np.testing.assert_allclose(fewer.net[0, :, 5], -100)


def test_yearly_moves_add_up_to_the_decade():
    data, _ = world()
    base = baseline_from_two_censuses(data, start="census")
    people = base.population.values[0]
    survival = base.survival_ratio.values[0]
    alive = survivors(people, survival)
    totals = np.zeros((2, 21))
    totals[:, 4:12] = [[5e4, 9e4, 3e4, -1e4, 0, 1e4, 2e3, 1e3]] * 2
    come = moves_between(fives(alive)[None], (fives(alive) + totals)[None])
    here = type(come)(come.net[0], come.log_change[0])
    net = yearly_moves(here, people, alive, survival)
    moved = base.copy()
    moved["net_migration"] = (("region", "year", "sex", "age"), net[None])
    ends = [
        ps.project(b, detail="history").population.sel(time=2020).values[0] for b in (moved, base)
    ]
    gained = fives(ends[0]) - fives(ends[1])
    np.testing.assert_allclose(gained[:, 2:18], totals[:, 2:18], atol=1)
    assert net[:, :, :10].sum() > 0
    assert np.all(net[:, :, 90:] == 0)


def test_a_result_does_not_depend_on_the_other_regions(censuses):
    alone = baseline_from_two_censuses(censuses, ["330000"], years=20)
    beside = baseline_from_two_censuses(censuses, ["110000", "330000", "540000"], years=20)
    for name in ("population", "net_migration", "conditional_fertility_rate", "survival_ratio"):
        np.testing.assert_allclose(
            alone[name], beside[name].sel(region=["330000"]), rtol=1e-10, atol=1e-6
        )


@pytest.mark.parametrize("start", ["census", "january"])
def test_every_province_of_the_sources_can_be_projected(censuses, start):
    base = baseline_from_two_censuses(censuses, years=30, start=start)
    validate(base)
    assert base.sizes["region"] == 31
    assert int(base.base_time) == 2010 + (start == "january")
    women = base.women_by_parity.sum("parity")
    np.testing.assert_allclose(women, base.population.sel(sex="female"), rtol=1e-12)
    for variable in base.data_vars.values():
        assert variable.attrs["source"], variable.name
        assert variable.attrs["long_name_zh"]
    result = ps.project(base, years=range(int(base.base_time), int(base.base_time) + 30))
    assert float(result.population_by_age_group.min()) > 0
    # Official life expectancies of 2010: Zhejiang 77.73, Guizhou 71.10, the nation 74.83 years.
    rates = base.death_rate.isel(year=0)
    e0 = life_table(rates.values, sex=SEXES)["ex"].values[..., 0].mean(axis=1)
    codes = base.region.values.tolist()
    assert 76 < e0[codes.index("330000")] < 80
    assert e0.argmin() in [codes.index(code) for code in ("520000", "530000", "540000")]


def test_the_later_pair_of_censuses_can_be_used(censuses):
    later = read_censuses(SOURCES, (2010, 2020), ["330000"], files=FILES)
    base = baseline_from_two_censuses(later, years=20, children_missed=0.0)
    assert int(base.base_time) == 2021
    result = ps.project(base)
    total = result.population_by_age_group.sum(["sex", "age_group"]).isel(region=0)
    counted = float(later.census_population.sel(region="330000", census=2020).sum())
    assert float(total.isel(time=0)) == pytest.approx(counted, rel=0.02)
    assert later.region.values.tolist() == ["000000", "330000"]
    assert censuses.sizes["region"] == 32


def test_rates_of_small_regions_are_drawn_to_the_standard():
    standard = np.array([[0.01, 0.02]])
    people = np.array([[1e7, 1e7]])
    own = pooled_rates(people * standard * [0.5, 2.0], people, standard)
    np.testing.assert_allclose(own, standard * [0.5, 2.0], rtol=1e-3)
    tiny = pooled_rates(np.array([[0.0, 3.0]]), np.array([[100.0, 100.0]]), standard)
    np.testing.assert_allclose(tiny, standard, rtol=0.1)


def test_hamilton_perry():
    before = np.array([[10.0, 20, 30, 40, 50]])
    after = np.array([[12.0, 22, 20, 10, 60]])
    expected = [np.nan, np.nan, 12 * 20 / 10, 22 * 10 / 20, (20 + 10 + 60) * 60 / (30 + 40 + 50)]
    np.testing.assert_allclose(hamilton_perry(before, after)[0], expected)
    with pytest.raises(DataError, match="both need the same groups"):
        hamilton_perry(before, after[:, :-1])
    with pytest.raises(DataError, match="group 1 is empty at the first census"):
        hamilton_perry([1.0, 0, 1, 1, 1], [1.0] * 5)
    with pytest.raises(DataError, match="not negative"):
        hamilton_perry(-before, after)


def copied(tmp_path, change):
    """Copy the sources under the names of the format, with a change of the population."""
    for kind, name in FILES.items():
        frame = pd.read_csv(SOURCES / name, dtype={"region": str})
        if "region" in frame:
            frame = frame[frame["region"].isin(["000000", "330000"])]
        if kind == "population":
            frame = change(frame)
        if frame is not None:
            frame.to_csv(tmp_path / name, index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: p[p.year != 2000],
            "2 problems\n"
            "census_population.csv: no rows of year 2000 for region 000000 (there are 2010, 2020)\n"
            "census_population.csv: no rows of year 2000 for region 330000 (there are 2010, 2020)",
        ),
        (
            lambda p: p[p.region != "330000"],
            "2 problems\n"
            "census_population.csv: no rows of region 330000\n"
            "census_population.csv: no rows of region 330000",
        ),
        (
            lambda p: p.assign(age=p.age.where((p.age != 95) | (p.region != "330000"), 94)),
            "census_population.csv, region 330000, year 2000: female: age 95 is missing and age 94 "
            "is not known; write: 0, 1, 5, 10, …, 100",
        ),
        (
            lambda p: p.assign(population=p.population.where(p.age != 5, -1)),
            "census_population.csv, region 000000, year 2000: female, age 5: population must be a "
            "number that is not negative",
        ),
        (
            lambda p: pd.concat([p, p[(p.region == "330000") & (p.age == 5)]]),
            "census_population.csv, region 330000, year 2000: female: an age is given twice",
        ),
        (
            lambda p: p.rename(columns={"population": "people"}),
            "census_population.csv: column population is missing",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, change, message):
    folder = copied(tmp_path, change)
    with pytest.raises(DataError) as caught:
        read_censuses(folder, regions=["330000"], files=FILES)
    assert message in str(caught.value)


def test_a_missing_file_and_year_are_named(tmp_path):
    with pytest.raises(DataError, match=r"5 problems\nthe folder .* has no file population_by"):
        read_censuses(tmp_path)
    with pytest.raises(DataError, match="has no rows of year 1990"):
        read_census_population(SOURCES, 1990, files=FILES)
    with pytest.raises(DataError, match="not two censuses, the earlier one first"):
        read_censuses(SOURCES, (2010, 2000), files=FILES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"years": 0}, "years=0 is not a number of years; write: years=10"),
        ({"start": "july"}, "start 'july' is unknown; write: census or january"),
        ({"persistence": 1.5}, "persistence is 1.5; it must be from 0 to 1"),
        ({"regions": ["990000"]}, "region 990000 is not in the censuses; write: 000000, 110000"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    data, _ = world()
    with pytest.raises(DataError) as caught:
        baseline_from_two_censuses(data, **options)
    assert message in str(caught.value)


def test_censuses_that_do_not_fit_are_refused():
    data, _ = world()
    with pytest.raises(DataError, match="are of 2000, 2015; two are needed, ten years apart"):
        baseline_from_two_censuses(data.assign_coords(census=[2000, 2015]))
    with pytest.raises(DataError, match="the nation is missing: region 000000 is the standard"):
        baseline_from_two_censuses(data.isel(region=[1]))
    with pytest.raises(DataError, match="no variable 'census_deaths'; read_censuses makes it"):
        baseline_from_two_censuses(data.drop_vars("census_deaths"))
    grown = data.copy(deep=True)
    grown["census_population"].loc[{"census": 2010, "age_group": "75-79"}] *= 3
    with pytest.raises(DataError, match="did not become smaller between the censuses"):
        baseline_from_two_censuses(grown)
    empty = data.copy(deep=True)
    empty["census_deaths"].loc[{"region": "110000", "census": 2010, "sex": "male"}] = 0
    with pytest.raises(DataError, match="no deaths in region 110000, census 2010, male"):
        baseline_from_two_censuses(empty)
