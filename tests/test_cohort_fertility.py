"""The cohort view and parity from several sources."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from popsim.demography.cohort_fertility import cohort_fertility
from popsim.demography.fertility_patterns import mean_age_at_birth, rescale, sd_age_at_birth
from popsim.demography.fertility_schedules import hadwiger
from popsim.demography.parity import period_fertility_table
from popsim.demography.parity_sources import combine_parity
from popsim.errors import DataError

AGES = np.arange(14, 50)
YEARS = np.arange(1950, 2021)


def history(shift: float = 0.0) -> np.ndarray:
    """Rates (year, order, age); the mean ages rise by ``shift`` a year."""
    shape = np.stack([hadwiger(AGES, 0.85, 26, 4.5), hadwiger(AGES, 0.55, 30, 3.5)])
    means = mean_age_at_birth(shape, AGES) + shift * (YEARS - 1985)[:, None]
    return rescale(shape, AGES, mean=means)


def test_cohorts_of_a_steady_past_are_the_period() -> None:
    f = history()
    for completion in ("freeze", "trend"):
        for hold in ("incidence", "conditional"):
            table = cohort_fertility(f, AGES, YEARS, completion=completion, hold=hold)
            np.testing.assert_allclose(table["ccf"], np.broadcast_to(f[0].sum(1), (70, 2)))
            np.testing.assert_allclose(table["mab"][0], mean_age_at_birth(f[0], AGES))
    done = cohort_fertility(f, AGES, YEARS, completion="none")
    assert done["cohort"].values.tolist() == list(range(1936, 1971))
    assert np.all(done["observed"] == 1)
    assert done["observed_to"].values.tolist() == [49] * 35


def test_a_cohort_meets_the_mean_of_its_two_years() -> None:
    rng = np.random.default_rng(3)
    f = rng.uniform(0, 0.02, (YEARS.size, 2, AGES.size))
    table = cohort_fertility(f, AGES, YEARS)
    for cohort, age in ((1940, 14), (1955, 30), (1990, 29)):
        t = cohort + age - YEARS[0]
        want = 0.5 * (f[t, :, age - 14] + f[t + 1, :, age - 14])
        np.testing.assert_allclose(table["rate"].sel(cohort=cohort, age=age), want)
    # Born in 1991: 28 was met in 2019 and 2020; 29 is not, and takes the rate of 1990.
    assert table["observed_to"].sel(cohort=1991).item() == 28
    held = table["rate"].sel(age=29)
    np.testing.assert_allclose(held.sel(cohort=1991), held.sel(cohort=1990))
    np.testing.assert_allclose(held.sel(cohort=2000), held.sel(cohort=1990))


def test_tempo_lowers_the_period_and_not_the_cohort() -> None:
    # Births move later by 0.1 years a year: the cohort's level is the period's over 1 - r.
    f = history(0.1)
    table = cohort_fertility(f, AGES, YEARS, completion="none")
    inner = table["ccf"].sel(cohort=slice(1945, 1965)).values
    np.testing.assert_allclose(inner, np.broadcast_to(f[0].sum(1) / 0.9, inner.shape), rtol=0.02)


def test_frozen_conditional_rates_let_postponed_births_follow() -> None:
    f = history(0.1)
    f[:, 1] = 0  # first births alone: those that were put off leave more women without a child
    tables = {
        "plain": cohort_fertility(f, AGES, YEARS),
        "parity": cohort_fertility(f, AGES, YEARS, hold="conditional"),
        "trend": cohort_fertility(f, AGES, YEARS, completion="trend"),
    }
    truth = f[0, 0].sum() / 0.9
    gap = {
        name: abs(float(table["ccf"].sel(cohort=1990, birth_order=1)) - truth)
        for name, table in tables.items()
    }
    assert gap["parity"] < 0.5 * gap["plain"]
    assert gap["trend"] < gap["plain"]


def test_conditional_completion_is_the_fertility_table() -> None:
    # From a steady past the youngest cohort runs through the same rates as the period table.
    m = np.stack(
        [0.15 * np.exp(-(((AGES - 27) / 5) ** 2)), 0.12 * np.exp(-(((AGES - 31) / 5) ** 2))]
    )
    m[:, 0] = 0
    b = period_fertility_table(m, AGES, method="linear")["births"].values
    table = cohort_fertility(np.repeat(b[None], YEARS.size, 0), AGES, YEARS, hold="conditional")
    np.testing.assert_allclose(table["rate"].sel(cohort=2000), b, atol=1e-12)


def test_regions_are_followed_one_by_one() -> None:
    f = np.stack([history(), history(0.05)])
    for hold in ("incidence", "conditional"):
        both = cohort_fertility(f, AGES, YEARS, hold=hold, completion="trend")
        for i in range(2):
            alone = cohort_fertility(f[i], AGES, YEARS, hold=hold, completion="trend")
            np.testing.assert_allclose(both["ccf"][i], alone["ccf"])


ZEROS = np.zeros((6, 2, 3))
COHORT_MESSAGES = [
    (
        lambda: cohort_fertility(ZEROS, [20, 21], range(2015, 2021)),
        "rates have shape (6, 2, 3); 6 years and 2 ages are given: they need "
        "(..., year, order, age)",
    ),
    (
        lambda: cohort_fertility(ZEROS, [20, 21, 23], range(2015, 2021)),
        "ages and years must be consecutive",
    ),
    (
        lambda: cohort_fertility(ZEROS - 1, [20, 21, 22], range(2015, 2021)),
        "incidence rates must be numbers that are not negative",
    ),
    (
        lambda: cohort_fertility(ZEROS, [20, 21, 22], range(2015, 2021), completion="hold"),  # type: ignore[arg-type]
        "completion 'hold' is unknown; write: freeze, trend or none",
    ),
    (
        lambda: cohort_fertility(ZEROS, [20, 21, 22], range(2015, 2021), hold="all"),  # type: ignore[arg-type]
        "hold 'all' is unknown; write: incidence or conditional",
    ),
    (
        lambda: cohort_fertility(ZEROS[:3], [20, 21, 22], range(2018, 2021), completion="none"),
        "rates of 2018-2020 follow no cohort to the last age of 20-22: give a longer series",
    ),
    (
        lambda: cohort_fertility(ZEROS[:3], [20, 21, 22], range(2018, 2021)),
        "age 22 is observed for 0 cohorts that are followed from age 20 on; completing needs 1: "
        "give a longer series or fewer ages",
    ),
    (
        lambda: cohort_fertility(
            np.full((6, 3, 3), [[0.1], [0.9], [0.0]]),
            [20, 21, 22],
            range(2015, 2021),
            hold="conditional",
        ),
        "a cohort has more births of order 2 at age 20 than women of parity 1; the rates by order "
        "do not fit each other",
    ),
]


@pytest.mark.parametrize(("call", "message"), COHORT_MESSAGES)
def test_messages(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()


@given(
    st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(sum),
    st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(sum),
)
def test_two_samples_are_pooled(one: list[int], two: list[int]) -> None:
    counts = [np.array(c, float)[:, None] for c in (one, two)]
    found = combine_parity(
        {"a": counts[0] / sum(one), "b": counts[1] / sum(two)}, {"a": sum(one), "b": sum(two)}
    )
    pooled = (counts[0] + counts[1]) / (sum(one) + sum(two))
    np.testing.assert_allclose(found["shares"], pooled, atol=1e-12)
    np.testing.assert_allclose(found["weight"].sum("source"), 1)
    want = 0.5 * np.abs(counts[0] / sum(one) - pooled).sum()
    np.testing.assert_allclose(found["difference"].sel(source="a"), want, atol=1e-12)


def test_a_source_that_tells_less_moves_only_what_it_tells() -> None:
    survey = np.array([[0.3, 0.2], [0.4, 0.4], [0.2, 0.3], [0.1, 0.1]])
    register = np.array([[0.2, np.nan], [0.8, np.nan], [np.nan, np.nan], [np.nan, np.nan]])
    found = combine_parity(
        {"survey": survey, "register": register}, {"survey": 100, "register": [300, 1]}
    )
    np.testing.assert_allclose(found["shares"][0], [0.225, 0.2])
    # Among mothers the survey alone speaks.
    np.testing.assert_allclose(found["shares"][1:, 0] / 0.775, survey[1:, 0] / 0.7)
    np.testing.assert_allclose(found["shares"][:, 1], survey[:, 1])
    np.testing.assert_allclose(found["weight"], [[0.25, 1], [0.75, 0]])
    np.testing.assert_allclose(found["difference"].sel(source="register"), [0.025, np.nan])
    np.testing.assert_allclose(found["largest_difference"], [0.075, 0.0], atol=1e-12)


SOURCE_MESSAGES = [
    (
        lambda: combine_parity({"census": [[1.0], [0.0]]}, {"survey": 1}),
        "sources are census and sizes are of survey; both need the same names",
    ),
    (
        lambda: combine_parity(
            {"census": [[0.5], [0.4]], "survey": [[np.nan], [1.0]], "other": [[1.0]]},
            {"census": 0, "survey": 1, "other": 1},
        ),
        "4 problems\n"
        "source census, age index 0: shares must not be negative and add up to 1; only the highest "
        "parities, or all, may be missing\n"
        "size of source census must be one number of women or one by age, over 0\n"
        "source survey, age index 0: shares must not be negative and add up to 1; only the highest "
        "parities, or all, may be missing\n"
        "source other has shape (1, 1), the first (2, 1); all need the same (..., parity, age) "
        "with two parities or more",
    ),
]


@pytest.mark.parametrize(("call", "message"), SOURCE_MESSAGES)
def test_source_messages(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()


def test_level_mean_and_spread_by_order_are_projected_apart() -> None:
    shape = np.stack([hadwiger(AGES, 0.8, 27, 4.5), hadwiger(AGES, 0.5, 30, 4)])
    level = np.array([[0.8, 0.5], [0.7, 0.45], [0.6, 0.4]])
    mean = np.array([[27.0, 30], [27.5, 30.2], [28, 30.4]])
    spread = np.array([[4.5, 4], [4.6, 4], [4.7, 4]])
    path = rescale(shape, AGES, level=level, mean=mean, sd=spread)
    np.testing.assert_allclose(path.sum(-1), level)
    np.testing.assert_allclose(mean_age_at_birth(path, AGES), mean)
    np.testing.assert_allclose(sd_age_at_birth(path, AGES), spread)
