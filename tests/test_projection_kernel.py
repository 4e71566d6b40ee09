"""The projection kernel against a slow reference, and the identities of the model."""

import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.kernels.combinations import Combinations, Summary
from popsim.kernels.prepared import prepare
from popsim.kernels.projection import (
    LANES,
    project_history,
    project_indicators,
    project_summary,
)

reference = runpy.run_path(str(Path(__file__).with_name("reference.py")))["reference"]

LIKE_PERSONS = ("women", "men", "births_by_age", "cohort_deaths", "net_migration")


def made(
    seed=0,
    *,
    parities=4,
    ages=40,
    years=5,
    draws=3,
    levels=3,
    schedules=2,
    fertile=(6, 25),
    kind="counts",
    outflow=0.2,
    spread=False,
    young_mothers=True,
):
    """Return valid random inputs; ``outflow`` bounds migrants relative to a cell."""
    rng = np.random.default_rng(seed)
    women = rng.uniform(0, 1, (parities, ages)) * rng.uniform(50, 500, ages)
    if not young_mothers:
        women[1:, : fertile[0]] = 0
    men = rng.uniform(100, 1000, ages)
    fertility = np.zeros((years, schedules, parities, ages))
    low, high = fertile
    fertility[..., low:high] = rng.uniform(0, 0.6, (years, schedules, parities, high - low))
    survival = np.sort(rng.uniform(0.6, 1, (years, levels, 2, ages)), axis=1)
    inputs = {
        "women": women,
        "men": men,
        "fertility": fertility,
        "survival": survival,
        "sex_ratio": rng.uniform(0.9, 1.2, (years, parities)),
        "fertility_factor": rng.uniform(0.2, 1.8, (years, parities, draws)),
        "migration_factor": rng.uniform(0, 1.5, (years, draws)),
        "migration_kind": kind,
    }
    if levels == 3:
        inputs["mortality_weight"] = rng.uniform(-1, 1, (years, draws))
    if schedules == 2:
        inputs["fertility_weight"] = rng.uniform(0, 1, (years, draws))
    if kind == "counts":
        inputs["migration"] = rng.uniform(-outflow, outflow, (years, 2, ages)) * 10
    elif kind == "rates":
        inputs["migration"] = rng.uniform(-outflow, outflow, (years, 2, ages))
    else:
        inputs["migration"] = rng.uniform(-outflow, outflow, years) * women.sum()
    if spread:
        weights = rng.uniform(0, 1, (parities, ages))
        inputs["migrant_parity"] = weights / weights.sum(axis=0)
    return inputs


def one_draw(inputs, d):
    """Return the arguments of the reference for draw ``d``: the products written out."""
    y = slice(None)
    fertility = inputs["fertility"]
    h = fertility[:, 0]
    if "fertility_weight" in inputs:
        w = inputs["fertility_weight"][:, d][:, None, None]
        h = (1 - w) * fertility[:, 0] + w * fertility[:, 1]
    h = h * inputs["fertility_factor"][y, :, d][:, :, None]
    levels = inputs["survival"]
    survival = levels[:, levels.shape[1] // 2]
    if "mortality_weight" in inputs:
        w = inputs["mortality_weight"][:, d][:, None, None]
        low, central, high = (levels[:, i] for i in range(3))
        survival = np.where(w < 0, -w * low + (1 + w) * central, w * high + (1 - w) * central)
    factor = inputs["migration_factor"][:, d]
    migration = inputs["migration"] * factor.reshape(-1, *[1] * (inputs["migration"].ndim - 1))
    return (inputs["women"], inputs["men"], h, survival, inputs["sex_ratio"], migration)


def assert_equal_to_reference(inputs, **options):
    history = project_history(**inputs, **options)
    indicators = history.indicators
    assert indicators.diagnosis is None
    kept = {k: inputs[k] for k in ("migration_kind", "migrant_parity") if k in inputs}
    kept |= {k: v for k, v in options.items() if k != "age_breaks"}
    for d in range(indicators.births.shape[-1]):
        run = reference(*one_draw(inputs, d), **kept)
        expected = (
            run.stacked("women"),
            run.stacked("men"),
            run.stacked("births"),
            run.stacked("deaths"),
            run.stacked("migration"),
        )
        for name, want in zip(LIKE_PERSONS, expected, strict=True):
            have = getattr(history, name)[..., d]
            # A cell emptied by a cut may keep the rounding of the cell before.
            np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-12 * 1e3, err_msg=name)
        births, rates = run.stacked("births"), run.fertility
        middle = options.get("step", 1.0) * (np.arange(births.shape[-1]) + 0.5)
        for have, want in (
            (indicators.births, births.sum(axis=2)),
            (indicators.fertility, rates.sum(axis=2)),
            (indicators.age_weighted_fertility, (rates * middle).sum(axis=2)),
            (indicators.births_by_sex, run.stacked("births_by_sex")),
            (indicators.deaths, run.stacked("deaths").sum(axis=2)),
        ):
            np.testing.assert_allclose(have[..., d], want, rtol=1e-12)
        np.testing.assert_allclose(
            indicators.migration[..., d], run.stacked("migration").sum(axis=2), atol=1e-9
        )
        assert indicators.cut[1, d] == run.cut_cells
        np.testing.assert_allclose(indicators.cut[0, d], run.cut_persons, rtol=1e-9, atol=1e-9)
    return history


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    parities=st.integers(1, 7),
    ages=st.integers(6, 60),
    years=st.integers(1, 6),
    draws=st.integers(1, 4),
    levels=st.sampled_from([1, 3]),
    schedules=st.sampled_from([1, 2]),
    timing=st.sampled_from(["even", "end"]),
    kind=st.sampled_from(["counts", "rates", "totals"]),
    spread=st.booleans(),
    young_mothers=st.booleans(),
    step=st.sampled_from([1.0, 5.0]),
    data=st.data(),
)
def test_kernel_equals_the_reference(
    seed, parities, ages, years, draws, levels, schedules, timing, kind, spread, young_mothers,
    step, data,
):  # fmt: skip
    low = data.draw(st.integers(1, ages - 3))
    high = data.draw(st.integers(low + 1, ages - 1))
    inputs = made(
        seed,
        parities=parities,
        ages=ages,
        years=years,
        draws=draws,
        levels=levels,
        schedules=schedules,
        kind=kind,
        spread=spread,
        young_mothers=young_mothers,
        fertile=(low, high),
    )
    inputs["fertility"] /= step
    # A distribution of migrants may empty a parity; "cut" then falls back on the residents.
    assert_equal_to_reference(inputs, timing=timing, step=step, on_negative="cut")


@pytest.mark.parametrize("timing", ["even", "end"])
@pytest.mark.parametrize("spread", [False, True])
def test_cut_outflows_equal_the_reference(timing, spread):
    inputs = made(3, years=8, outflow=30.0, spread=spread)
    history = assert_equal_to_reference(inputs, timing=timing, on_negative="cut")
    assert (history.indicators.cut[1] > 20).all()
    assert history.women.min() >= 0
    assert history.men.min() >= 0


def test_long_runs_equal_the_reference():
    inputs = made(5, ages=101, years=80, draws=2, fertile=(15, 50), outflow=0.01)
    inputs["survival"] = 1 - (1 - inputs["survival"]) * 0.05
    inputs["fertility"] *= 0.2
    assert_equal_to_reference(inputs)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    parities=st.integers(1, 7),
    timing=st.sampled_from(["even", "end"]),
    kind=st.sampled_from(["counts", "rates", "totals"]),
)
def test_equal_rates_for_every_parity_give_the_united_nations_step(seed, parities, timing, kind):
    inputs = made(seed, parities=parities, levels=1, schedules=1, kind=kind, outflow=0.002)
    for name in ("fertility_factor", "migration_factor"):
        inputs.pop(name)
    inputs["women"] += 50.0  # no cell is emptied
    asfr = inputs["fertility"][:, 0, 0] * 0.5
    inputs["fertility"] = np.repeat(asfr[:, None, None], parities, axis=2)
    inputs["sex_ratio"][:] = 1.07
    history = project_history(**inputs, timing=timing)
    assert history.indicators.diagnosis is None
    n = np.stack([inputs["women"].sum(axis=0), inputs["men"]])
    for t in range(len(asfr)):
        s = inputs["survival"][t, 0]
        g = inputs["migration"][t]
        g = g * {"counts": 1.0, "rates": n, "totals": n / n.sum()}[kind]
        add = 0.5 * g if timing == "even" else 0 * g
        a = n + add
        p = np.zeros_like(n)
        p[:, 1:] = a[:, :-1]
        p[:, -1] += a[:, -1]
        deaths = (1 - s) * p
        p = p - deaths + add
        births = asfr[t] * (a[0] + p[0]) / 2
        births[[0, -1]] = 0
        born = births.sum() * np.array([1 / 2.07, 1.07 / 2.07])
        deaths[:, 0] = (1 - s[:, 0]) * born
        p[:, 0] = born - deaths[:, 0] + add[:, 0]
        n = p if timing == "even" else p + g
        for have, want in (
            (history.women[t + 1].sum(axis=0), n[0]),
            (history.men[t + 1], n[1]),
            (history.births_by_age[t].sum(axis=0), births),
            (history.cohort_deaths[t], deaths),
        ):
            np.testing.assert_allclose(have[..., 0], want, rtol=1e-11)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    parities=st.integers(1, 7),
    timing=st.sampled_from(["even", "end"]),
    kind=st.sampled_from(["counts", "rates", "totals"]),
    spread=st.booleans(),
    outflow=st.sampled_from([0.1, 20.0]),
)
def test_accounts_balance_and_parity_closes(seed, parities, timing, kind, spread, outflow):
    outflow = outflow if kind == "counts" else 0.1
    inputs = made(seed, parities=parities, kind=kind, spread=spread, outflow=outflow)
    breaks = [0, 3, 11, 40]
    options = {"timing": timing, "on_negative": "cut", "age_breaks": breaks}
    history = project_history(**inputs, **options)
    fused = project_indicators(**inputs, **options)
    people = np.stack([history.women.sum(axis=1), history.men], axis=1)
    assert min(history.women.min(), history.men.min()) >= 0
    total = people.sum(axis=2)
    born = fused.births_by_sex
    np.testing.assert_allclose(
        total[1:], total[:-1] + born - fused.deaths + fused.migration, rtol=1e-12
    )
    np.testing.assert_allclose(born.sum(axis=1), fused.births.sum(axis=1), rtol=1e-13)
    # Each age: the cohort's people, its deaths and its migrants at both ages it lives through.
    np.testing.assert_allclose(history.cohort_deaths.sum(axis=2), fused.deaths, rtol=1e-12)
    groups = np.add.reduceat(people, breaks[:-1], axis=2)
    np.testing.assert_allclose(fused.population, groups, rtol=1e-12, atol=1e-9)
    for have, want in zip(fused[:8], history.indicators[:8], strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("spread", [False, True])
def test_a_batch_is_its_members_bit_for_bit(spread):
    draws = LANES + 7
    inputs = made(8, draws=draws, spread=spread)
    whole = project_indicators(**inputs, on_negative="cut", age_breaks=[0, 5, 40])
    factors = [n for n in inputs if n.endswith(("_factor", "_weight"))]
    for d in (0, 1, LANES - 1, LANES, draws - 1):
        alone = dict(inputs, **{n: inputs[n][..., d : d + 1] for n in factors})
        member = project_indicators(**alone, on_negative="cut", age_breaks=[0, 5, 40])
        for have, want in zip(whole[:8], member[:8], strict=True):
            assert (have[..., d : d + 1] == want).all()


def summarised(summary, inputs, **options):
    """Lay out the inputs and make a summary of their projection."""
    by_draw = {name: inputs[name] for name in inputs if name.endswith(("_factor", "_weight"))}
    shared = {name: value for name, value in inputs.items() if name not in by_draw}
    return project_summary(prepare(**shared, on_negative="cut"), summary, **by_draw, **options)


def summary_of(inputs, draws, start=2):
    """A summary of births over population, with space for more, and the rows that it names."""
    years, parities = inputs["fertility"].shape[0], inputs["women"].shape[0]
    births = np.arange(years * parities).reshape(years, parities)
    first = 3 * years * parities + 6 * years
    people = first + np.arange(2 * (years + 1)).reshape(years + 1, 2)
    rows = people[-1, -1] + 1 + 2
    sums = Combinations.of([(people, np.ones(2), None), (births, np.ones(parities), None)])
    all_people, born = rows + np.arange(years + 1), rows + years + 1 + np.arange(years)
    over = np.stack([born], axis=1), np.array([1000.0]), (all_people[1:, None], np.ones(1))
    results = Combinations.of([over, (births.reshape(-1, 1), np.ones(1), None)])
    checks = Combinations.of([(all_people[:, None], np.ones(1), None)])
    out = np.full((years * (1 + parities) + 1, draws + 5), -1.0)
    return Summary(sums, checks, results, np.zeros(years + 1), out, start)


@pytest.mark.parametrize("draws", [1, LANES, 2 * LANES + 7])
def test_a_summary_is_made_of_the_outputs(draws):
    inputs = made(6, draws=draws)
    whole = project_indicators(**inputs, on_negative="cut")
    summary = summary_of(inputs, draws)
    tile = {}
    assert summarised(summary, inputs, out=tile) is None
    years, parities = whole.births.shape[:2]
    people = whole.population.sum(axis=(1, 2))
    own = summary.out[:, 2 : 2 + draws]
    rate = 1000 * whole.births.sum(axis=1) / people[1:]
    np.testing.assert_allclose(own[:years], rate, rtol=1e-13)
    assert (own[years:-1].reshape(years, parities, draws) == whole.births).all()
    np.testing.assert_allclose(summary.largest, people.max(axis=1), rtol=1e-13)
    assert (summary.out[:, :2] == -1).all()
    assert (summary.out[:, 2 + draws :] == -1).all()
    assert (summary.out[-1] == -1).all()
    again = summary_of(inputs, draws)
    summarised(again, inputs, out=tile)
    assert (again.out == summary.out).all()


def test_a_check_that_is_no_number_is_not_lost():
    inputs = made(6, draws=3)
    inputs["migration_factor"][1, 1] = np.nan
    summary = summary_of(inputs, 3)
    summarised(summary, inputs)
    assert np.isfinite(summary.largest[:2]).all()
    assert np.isnan(summary.largest[2:]).all()


def test_a_summary_that_does_not_fit_is_refused():
    inputs = made(6, draws=3)
    summary = summary_of(inputs, 3)
    with pytest.raises(ValueError, match=r"results \(26, 8\), not at least \(25, 9\)"):
        summarised(summary._replace(start=6), inputs)
    wrong = Combinations.of([(np.array([[999]]), np.ones(1), None)])
    with pytest.raises(ValueError, match="checks of the summary name row 999 of 115"):
        summarised(summary._replace(checks=wrong), inputs)


def test_threads_change_no_bit():
    blocks = [made(seed, draws=70) for seed in range(6)]

    def run(inputs):
        return project_indicators(**inputs)

    with ThreadPoolExecutor(1) as pool:
        one = list(pool.map(run, blocks))
    with ThreadPoolExecutor(2) as pool:
        two = list(pool.map(run, blocks))
    for a, b in zip(one, two, strict=True):
        assert all((x == y).all() for x, y in zip(a[:8], b[:8], strict=True))


def test_reused_memory_gives_the_same():
    first, second = made(1), made(2)
    out = {}
    project_indicators(**first, out=out)
    again = project_indicators(**second, out=out)
    fresh = project_indicators(**second)
    assert again.births is out["births"]
    assert all((x == y).all() for x, y in zip(again[:8], fresh[:8], strict=True))


def test_a_factor_of_length_one_is_the_same_for_all():
    inputs = made(4, draws=5)
    inputs["migration_factor"] = np.full((1, 1), 0.7)
    short = project_indicators(**inputs)
    inputs["migration_factor"] = np.full((5, 5), 0.7)
    long = project_indicators(**inputs)
    assert all((x == y).all() for x, y in zip(short[:8], long[:8], strict=True))
    inputs["migration_factor"] = None
    neutral = project_indicators(**inputs)
    inputs["migration_factor"] = np.ones((1, 5))
    ones = project_indicators(**inputs)
    assert all((x == y).all() for x, y in zip(neutral[:8], ones[:8], strict=True))


@pytest.mark.parametrize("timing", ["even", "end"])
def test_two_halves_are_one_run(timing):
    inputs = made(6, years=6, draws=1)
    whole = project_history(**inputs, timing=timing)
    by_year = [n for n, v in inputs.items() if n not in ("women", "men", "migration_kind")]
    first = {**inputs, **{n: inputs[n][:2] for n in by_year}}
    second = {**inputs, **{n: inputs[n][2:] for n in by_year}}
    early = project_history(**first, timing=timing)
    second["women"], second["men"] = early.women[-1, ..., 0], early.men[-1, ..., 0]
    late = project_history(**second, timing=timing)
    np.testing.assert_allclose(late.women, whole.women[2:], rtol=1e-12)
    np.testing.assert_allclose(late.births_by_age, whole.births_by_age[2:], rtol=1e-12)


def test_two_parts_of_a_region_sum_to_the_whole():
    inputs = made(7)
    rng = np.random.default_rng(1)
    part = rng.uniform(0.3, 0.7)
    whole = project_history(**inputs)
    sums = 0
    for weight in (part, 1 - part):
        piece = dict(inputs)
        for name in ("women", "men", "migration"):
            piece[name] = weight * inputs[name]
        sums = sums + project_history(**piece).women
    np.testing.assert_allclose(sums, whole.women, rtol=1e-12)


def test_without_births_deaths_and_migration_the_pyramid_moves_up():
    inputs = made(9, levels=1, schedules=1)
    inputs["fertility"][:] = 0
    inputs["survival"][:] = 1
    inputs["migration"] = None
    history = project_history(**inputs)
    for t in range(5):
        np.testing.assert_allclose(
            history.women[t + 1, :, 1:-1], history.women[t, :, :-2], rtol=1e-14
        )
        np.testing.assert_allclose(
            history.women[t + 1, :, -1], history.women[t, :, -2:].sum(axis=1), rtol=1e-14
        )
    assert (history.women[1:, :, 0] == 0).all()
    assert (history.indicators.fertility == 0).all()


@pytest.mark.parametrize("timing", ["even", "end"])
def test_an_emptied_cell_is_named(timing):
    inputs = made(2, levels=1, schedules=1, outflow=0.0)
    inputs["migration_factor"][:] = 1
    inputs["survival"][:] = 1
    inputs["migration"][3, 1, 12] = -2000.0
    for run in (project_indicators, lambda **k: project_history(**k).indicators):
        found = run(**inputs, timing=timing).diagnosis
        assert (found.kind, found.year, found.sex, found.age, found.draw) == (
            "emptied",
            3,
            1,
            12,
            0,
        )
        assert found.amount > 900
    kept = project_history(**inputs, timing=timing, on_negative="cut")
    missing = 2000 + kept.net_migration[3, 1, 12]
    assert missing[0] == pytest.approx(found.amount)


def test_a_parity_emptied_by_migrants_of_given_parity_is_named():
    inputs = made(2, levels=1, schedules=1, outflow=0.0)
    inputs["migration_factor"][:] = 1
    inputs["migrant_parity"] = np.zeros((4, 40))
    inputs["migrant_parity"][2] = 1
    women = inputs["women"][:, 12]
    inputs["migration"][0, 0, 12] = -2 * (women[2] + 5)
    assert inputs["migration"][0, 0, 12] > -women.sum()
    found = project_indicators(**inputs).diagnosis
    assert (found.kind, found.year, found.age, found.parity) == ("parity emptied", 0, 12, 2)
    assert found.amount == pytest.approx(5)


def test_a_certain_birth_is_named():
    inputs = made(2, schedules=1, levels=1)
    inputs["fertility"][4, 0, 1, 20] = 3.0
    inputs["fertility_factor"][:] = 1
    inputs["fertility_factor"][4, 1, 2] = 2.0
    found = project_indicators(**inputs).diagnosis
    assert (found.kind, found.year, found.age, found.parity, found.draw) == ("certain", 4, 20, 1, 2)
    assert found.amount == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"men": np.ones(3)}, r"men has shape \(3,\), not \(40\)"),
        ({"women": np.ones((3, 40))}, r"fertility has shape .* not \(any, any, 3, 40\)"),
        ({"survival": np.ones((5, 2, 2, 40))}, "survival has 2 levels"),
        ({"timing": "late"}, "timing is 'late', not one of even, end"),
        ({"age_breaks": [0, 50]}, "age_breaks must rise from 0 to 40"),
        ({"fertility_factor": np.ones((2, 4, 3))}, "fertility_factor has shape"),
        ({"migration_factor": np.ones((5, 2))}, r"different numbers of draws: \[2, 3\]"),
    ],
)
def test_wrong_shapes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        project_indicators(**{**made(), **changes})


@pytest.mark.golden
def test_a_synthetic_cohort_gives_the_period_fertility_table(shared):
    table = pd.read_csv(shared / "golden" / "parity_table_rates.csv", comment="#")
    ages = 60
    fertility = np.zeros((1, 1, 4, ages))
    for _, row in table.iterrows():
        fertility[0, 0, :3, int(row["age"])] = row["m1"], row["m2"], row["m3"]
    # One cohort: at exact age 14 1/2 the women of completed age 14, in the middle of their year.
    women = np.zeros((4, ages))
    women[0, 14] = 1.0
    history = project_history(
        women,
        np.zeros(ages),
        np.repeat(fertility, 40, axis=0),
        np.ones((40, 1, 2, ages)),
        np.full((40, 4), 1.05),
    )
    # The table ends at exact age 50; births of daughters' daughters are left out.
    births = sum(history.births_by_age[t, :, 14 + t : 16 + t].sum() for t in range(36))
    assert births == pytest.approx(1.667856, abs=1e-6)
    assert births == pytest.approx(1.667653, abs=2.1e-4)
