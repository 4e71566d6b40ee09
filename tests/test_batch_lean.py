"""One region reduced as it is projected, against the labelled run."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import popsim
from popsim.batch.lean import run_region
from popsim.batch.lean_money import Bill
from popsim.batch.lean_rows import LEAN_INDICATORS, MONEY, Layout, indicator_dims
from popsim.batch.lean_shared import Laps, Shared
from popsim.batch.lean_space import Space, padded
from popsim.batch.model import HEADLINE_QUANTILES
from popsim.demography.indicators.standard import MONITORING
from popsim.errors import DataError, ProjectionError
from popsim.evaluation.summary import HEADLINE
from popsim.kernels.combinations import Combinations, combine
from popsim.kernels.quantiles import row_quantiles
from popsim.policy.cost import payments_by_year
from popsim.policy.files import read_scenario
from popsim.policy.response import Response

YEARS = range(2021, 2041)
DRAWS = range(3, 73)
IDS = (
    "huzhou-2025",
    "national-2025",
    "qingyuan-2023",
    "qingyuan-2023-sunset",
    "zhejiang-as-qingyuan",
    "every-instrument",
)
NOTHING = read_scenario("baseline")


@pytest.fixture(scope="module")
def scenarios():
    return [read_scenario(f"scenarios/{name}.yaml") for name in ("baseline", *IDS)]


def county(code, part):
    """A part of Zhejiang under another code, from which people leave."""
    base = popsim.load_baseline("zhejiang-2020").drop_vars(("region_name", "region_name_zh"))
    split = {n: base[n] * part for n in ("population", "women_by_parity")}
    moves = base["net_migration"] * -0.5 * part
    return base.assign({**split, "net_migration": moves}).assign_coords(region=[code])


def values(array, *first):
    dims = [d for d in array.dims if d not in first and d != "draw"]
    return array.transpose(*first, *dims, ...).values


@pytest.fixture(scope="module", params=["default", "progression"])
def uncertainty(request):
    return request.param


@pytest.fixture(scope="module", params=[("331126", 0.003), ("330500", 0.05)])
def compared(request, uncertainty, scenarios):
    """Both runs of a county, and the rows of the lean one that the other has."""
    data = county(*request.param)
    there = [scenario for scenario in scenarios if scenario.covers(request.param[0])]
    options = {"uncertainty": uncertainty, "years": YEARS, "draws": DRAWS, "seed": 5}
    told = []
    lean = run_region(
        data,
        scenarios,
        indicators=(*LEAN_INDICATORS, MONEY),
        keep_draws=("births", MONEY),
        keep_population=True,
        tell=told.append,
        block=48,
        **options,
    )
    full = popsim.run(data, there, **options)
    # Which regions an instrument names is a matter of the whole batch.
    of_batch = "which is not among the regions of the run"
    notices = full.attrs["notices"].split("\n")
    assert told == [line for line in notices if of_batch not in line]
    rows = [scenarios.index(scenario) for scenario in there]
    return lean, full, rows, there[1:]


def test_indicators_are_those_of_a_run(compared):
    lean, full, rows, _ = compared
    effect = popsim.compare(full).difference.isel(region=0)
    full = full.isel(region=0)
    for name in LEAN_INDICATORS:
        own = full[name]
        scale = np.abs(own.values).max() * 1e-13
        close = partial(np.testing.assert_allclose, rtol=1e-12, atol=scale, err_msg=name)
        quantiles = own.quantile(list(HEADLINE_QUANTILES), "draw")
        close(lean[name][rows], values(quantiles, "scenario", "quantile"))
        close(lean[f"{name}_mean"][rows], values(own.mean("draw"), "scenario"))
        assert indicator_dims(name) == values_dims(own)
        changes = effect[name].quantile(list(HEADLINE_QUANTILES), "draw")
        close(lean[f"{name}_difference"][rows[1:]], values(changes, "scenario", "quantile"))
        close(
            lean[f"{name}_difference_mean"][rows[1:]], values(effect[name].mean("draw"), "scenario")
        )


def values_dims(array):
    return tuple(d for d in array.dims if d not in ("scenario", "draw"))


def test_money_is_that_of_a_run(compared):
    lean, full, rows, there = compared
    costs = popsim.compare(full).cost("all").isel(region=0)
    full = full.isel(region=0)
    for row, scenario in zip(rows[1:], there, strict=True):
        bill = full["payments"].sel(scenario=scenario.id).sum("policy")
        np.testing.assert_allclose(lean["payments_mean"][row], bill.mean("draw"), rtol=1e-12)
        np.testing.assert_allclose(
            lean["payments"][row], bill.quantile(list(HEADLINE_QUANTILES), "draw"), rtol=1e-12
        )
    for row, scenario in zip(rows[1:], there, strict=True):
        if scenario.id not in costs["scenario"].values:
            assert np.isnan(lean["package_cost"][row]).all()
            continue
        cost = costs.sel(scenario=scenario.id)
        for name in (
            "package_cost",
            "additional_births",
            "chance_of_no_gain",
            "cost_per_additional_birth",
            "deadweight_share",
        ):
            np.testing.assert_allclose(lean[name][row], cost[name], rtol=1e-11, err_msg=name)
        assert lean["window_first_year"][row].tolist() == cost["first_year"].values.tolist()
        assert lean["window_last_year"][row].tolist() == cost["last_year"].values.tolist()
        np.testing.assert_allclose(
            lean["cost_per_additional_birth_quantile"][row][[2, 4, 6]],
            cost["cost_per_additional_birth_quantile"].transpose("quantile", "window"),
            rtol=1e-11,
        )


def test_what_migration_could_not_take_is_told(compared):
    lean, full, rows, _ = compared
    cut = full["outflow_cut"].isel(region=0)
    np.testing.assert_allclose(lean["outflow_cut"][rows], cut.sum("draw"), rtol=1e-12)
    assert lean["draws_cut"][rows].tolist() == (cut > 0).sum("draw").values.tolist()


def test_draws_and_population_are_kept_where_asked_for(compared):
    lean, full, rows, _ = compared
    own = full.isel(region=0)
    np.testing.assert_allclose(lean["births_draws"][rows], values(own["births"], "scenario"), 1e-12)
    paid = own["payments"].sum("policy").transpose("scenario", "year", "draw")
    np.testing.assert_allclose(lean["payments_draws"][rows], paid, rtol=1e-12)
    people = own["population"].transpose("scenario", "time", "sex", "age")
    np.testing.assert_allclose(lean["population"][rows], people, rtol=1e-12)


def test_a_scenario_elsewhere_is_the_reference_here(compared):
    lean, _, rows, _ = compared
    for row in set(range(len(lean["births"]))) - set(rows):
        for name, array in lean.items():
            np.testing.assert_array_equal(array[row], array[0], err_msg=name)


def test_bits_depend_on_nothing_but_the_inputs(scenarios):
    data = county("331126", 0.003)
    run = partial(run_region, data, years=YEARS, draws=DRAWS)
    want = run(scenarios)
    shared = Shared()
    with ThreadPoolExecutor(3) as pool:
        several = list(pool.map(lambda _: run(scenarios, shared=shared), range(3)))
    for have in (*several, run(scenarios, block=7), run(scenarios, memory=0), run(scenarios)):
        for name, array in want.items():
            np.testing.assert_array_equal(have[name], array, err_msg=name)
    alone = run([scenarios[-1]], indicators=["third_child_share"])
    for name, array in alone.items():
        np.testing.assert_array_equal(array[0], want[name][-1], err_msg=name)


def test_on_disk_when_memory_is_short(scenarios, monkeypatch):
    made = []
    monkeypatch.setattr(
        "popsim.batch.lean.Space", lambda *given: made.append(Space(*given)) or made[-1]
    )
    run = partial(
        run_region, county("331126", 0.003), [NOTHING], years=YEARS, indicators=["births"]
    )
    run(draws=DRAWS, memory=0)
    run(draws=DRAWS)
    assert [space.on_disk for space in made] == [True, False]


def test_laps_name_every_part(scenarios):
    laps = Laps()
    data = county("331126", 0.003)
    run_region(data, scenarios[-1:], years=YEARS, draws=range(5), laps=laps)
    parts = {"draws", "response", "factors", "kernel", "money", "quantiles"}
    assert set(laps.seconds) == parts


class Large:
    """A response that multiplies birth rates by what is given."""

    def __init__(self, factor):
        self.factor = factor

    def log_effect(self, scenario, reference, context, draws, seed):
        return np.full((len(draws), len(context.years), 4), np.log(self.factor))


def test_a_response_of_ones_own(scenarios):
    data, own = county("331126", 0.003), scenarios[-1:]
    options = {"response": Large(1.1), "years": YEARS, "draws": range(4)}
    lean = run_region(data, [NOTHING, *own], indicators=["births"], probabilities=[0.5], **options)
    full = popsim.run(data, own, **options).isel(region=0)
    np.testing.assert_allclose(lean["births"][:, 0], full["births"].median("draw"), rtol=1e-12)


def test_impossible_rates_are_told_with_scenario_and_draw(scenarios):
    with pytest.raises(ProjectionError, match=r"scenario qingyuan-2023, draw 5: .* in half a year"):
        run_region(
            county("331126", 0.003),
            [scenarios[3]],
            Large(1000.0),
            years=YEARS,
            draws=range(5, 8),
        )


def test_accounts_that_do_not_balance_are_told(monkeypatch):
    monkeypatch.setattr(Layout, "rows", broken_rows)
    with pytest.raises(ProjectionError, match=r"accounts of 331126 in 2021, scenario baseline"):
        run_region(county("331126", 0.003), [NOTHING], years=YEARS, draws=range(2))


def broken_rows(layout, output):
    where, shape = layout.outputs["births_by_sex" if output == "deaths" else output]
    return np.arange(where.start, where.stop).reshape(shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": range(0)}, "draws=range(0, 0) in blocks of 1000; write: draws=range(1000)"),
        (
            {"draws": range(0, 9, 2)},
            "draws=range(0, 9, 2) in blocks of 1000; write: draws=range(1000)",
        ),
        ({"probabilities": [0.5, 0.1]}, "probabilities must rise: [0.5, 0.1]"),
        ({"probabilities": [0.5, 1.1]}, "probabilities must lie between 0 and 1: [0.5, 1.1]"),
        ({"indicators": []}, f"no indicator is asked for; write: {', '.join((*HEADLINE, MONEY))}"),
        ({"indicators": ["births", "births"]}, "births is asked for 2 times; name it once"),
        (
            {"indicators": ["median_age"]},
            "a batch has no indicator 'median_age'; it has those that need no single ages: "
            f"{', '.join((*LEAN_INDICATORS, MONEY))}",
        ),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(DataError) as error:
        run_region(county("331126", 0.003), [NOTHING], years=YEARS, **options)
    assert str(error.value) == message


def test_everything_wrong_is_told_at_once():
    data = county("331126", 0.003).isel(region=0)
    with pytest.raises(DataError) as error:
        run_region(data, [], indicators=["births"], keep_draws=["deaths"])
    assert str(error.value).splitlines() == [
        "3 problems",
        "the data have no dimension regions; write: data.isel(region=[0])",
        "no scenario is given; write: [popsim.policy.files.baseline()]",
        "draws of deaths are kept, but it is not among the indicators",
    ]


def test_every_indicator_of_monitoring_is_there():
    assert set(LEAN_INDICATORS) == {one.name for one in MONITORING}
    assert len(HEADLINE) == 10


def test_orders_that_are_not_there():
    with pytest.raises(
        DataError, match="third_child_share needs three birth orders; the data have 2"
    ):
        Layout(5, 2, ["third_child_share"])


def test_a_bill_with_more_orders_than_a_policy_pays_the_last_like_the_fourth(scenarios):
    rng = np.random.default_rng(1)
    births = rng.uniform(0, 100, (3, 20, 6))
    bill = Bill.of(scenarios[-1], YEARS, 6)
    out = np.empty((20, 3))
    combine(np.ascontiguousarray(births.reshape(3, -1).T), bill.paid, out)
    merged = np.concatenate([births[..., :3], births[..., 3:].sum(-1, keepdims=True)], axis=-1)
    paid = payments_by_year(scenarios[-1], merged, np.array(YEARS)).sum("policy").values
    np.testing.assert_allclose(out.T, paid, rtol=1e-12)


def test_shared_draws_once(scenarios, monkeypatch):
    drawn = []
    plain = Response.parameters

    def counted(self, name, *given):
        drawn.append(name)
        return plain(self, name, *given)

    monkeypatch.setattr(Response, "parameters", counted)
    shared = Shared()
    for _ in range(2):
        run_region(
            county("331126", 0.003),
            scenarios,
            Response(),
            years=YEARS,
            draws=range(3),
            shared=shared,
        )
    assert len(drawn) == 2 * len(set(drawn))  # two responses were given


ROWS = {
    "even": lambda rng, n: rng.uniform(-1, 1, n),
    "normal": lambda rng, n: rng.normal(1e6, 1e3, n),
    "heavy": lambda rng, n: rng.standard_cauchy(n),
    "ties": lambda rng, n: rng.integers(0, 3, n).astype(float),
    "one far": lambda rng, n: np.where(np.arange(n) == n // 2, 1e300, rng.normal(size=n)),
    "tiny range": lambda rng, n: 1.0 + rng.integers(0, 3, n) * 2.0**-52,
    "same": lambda rng, n: np.full(n, 3.25),
    "denormal": lambda rng, n: rng.integers(0, 3, n) * 5e-324,
    "gaps": lambda rng, n: np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
    "nothing": lambda rng, n: np.full(n, np.nan),
    "infinite": lambda rng, n: np.where(rng.random(n) < 0.1, np.inf, rng.normal(size=n)),
    "first the same": lambda rng, n: np.where(np.arange(n) < 64, 2.0, rng.normal(size=n)),
}


@pytest.mark.filterwarnings("ignore:All-NaN slice", "ignore:Mean of empty slice")
@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("draws", [1, 2, 3, 15, 16, 17, 100, 1000, 3001])
def test_quantiles_of_rows_are_those_of_numpy(kind, draws):
    rng = np.random.default_rng(draws)
    rows = np.full((4, padded(draws)), np.nan)
    rows[:, :draws] = [ROWS[kind](rng, draws) for _ in rows]
    probabilities = np.array([0.0, *HEADLINE_QUANTILES, 1.0])
    base = np.round(rng.normal(size=rows.shape), 1)
    for taken in (None, base):
        quantiles, means = np.empty((len(probabilities), 4)), np.empty(4)
        row_quantiles(rows, probabilities, quantiles, means, base=taken, draws=draws)
        own = rows[:, :draws] if taken is None else (rows - base)[:, :draws]
        with np.errstate(invalid="ignore"):  # between a number and infinity
            want = np.nanquantile(own, probabilities, axis=1)
        np.testing.assert_array_equal(quantiles, want)
        own_mean = np.nanmean(own, axis=1)
        finite = np.abs(own[np.isfinite(own)]).max(initial=0.0)
        np.testing.assert_allclose(means, own_mean, rtol=1e-12, atol=1e-15 * finite)


def test_quantiles_of_rows_refuse():
    out = np.empty((1, 1)), np.empty(1)
    with pytest.raises(ValueError, match="5 draws of rows of 4"):
        row_quantiles(np.ones((1, 4)), np.array([0.5]), *out, draws=5)
    with pytest.raises(ValueError, match="probabilities must rise"):
        row_quantiles(np.ones((1, 4)), np.array([0.5, 0.1]), *out, draws=4)


def test_combinations_are_matrix_products():
    rng = np.random.default_rng(3)
    rows, weight = rng.normal(size=(20, 9)), rng.normal(size=(5, 6))
    weight[2] = 0.0
    index, below = rng.integers(0, 20, (5, 6)), rng.integers(0, 20, (5, 2))
    plain = index[:2], weight[0], None
    over = index, weight, (below, np.array([1.0, 0.0]))
    out = np.full((8, 9), 7.0)
    combine(rows, Combinations.of([plain, over]), out, columns=slice(2, 8))
    want = np.concatenate(
        [
            np.einsum("t,rtd->rd", weight[0], rows[index[:2]]),
            np.einsum("rt,rtd->rd", weight, rows[index]) / rows[below[:, 0]],
        ]
    )
    np.testing.assert_allclose(out[:7, 2:8], want[:, 2:8], rtol=1e-12)
    assert (out[:, [0, 1, 8]] == 7.0).all()
    assert (out[7] == 7.0).all()
    assert (out[4, 2:8] == 0.0).all()
    with pytest.raises(IndexError, match="row 20 of 20"):
        combine(rows, Combinations.of([(np.array([[0, 20]]), np.ones(2), None)]), out)
    with pytest.raises(IndexError, match="no place for 7 rows of 9 draws"):
        combine(rows, Combinations.of([plain, over]), out[:6])
