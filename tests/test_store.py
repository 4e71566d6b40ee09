"""Results on disk."""

import numpy as np
import pytest

import popsim as ps
from popsim.errors import DataError
from popsim.policy.model import Scenario
from popsim.store import tidy_quantiles


@pytest.fixture(scope="module")
def result():
    return ps.run("zhejiang-2020", "baseline", years=range(2021, 2026), draws=7)


def test_round_trip_is_identical(result, tmp_path):
    path = ps.save_result(result, tmp_path / "some" / "result.nc")
    assert ps.load_result(path).identical(result)
    assert [file.name for file in path.parent.iterdir()] == ["result.nc"]


def test_what_is_not_a_result_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no result"):
        ps.load_result(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no", encoding="utf-8")
    with pytest.raises(DataError, match="is not a netCDF file"):
        ps.load_result(tmp_path / "text.nc")


def test_tidy_table_has_readers_units_and_year_ends(result):
    table = tidy_quantiles(result)
    births = table[(table.indicator == "births") & (table.year == 2021)]
    assert births[["unit", "q50"]].values.tolist() == [["10^4 persons", pytest.approx(44.9)]]
    stock = table[(table.indicator == "population_total") & (table.year == 2021)]
    assert float(stock.q50.iloc[0]) == pytest.approx(6540, rel=1e-4)
    assert (table.q10 <= table.q90 + 1e-9).all()
    assert np.isfinite(table["mean"]).all()


def test_differences_are_in_persons_and_points():
    grant = {
        "kind": "cash_transfer",
        "announced": "2021-01-01",
        "amount": {"2": "9000 CNY/month"},
        "child_age": "0-36 months",
        "births": {"from": "2021-01-01"},
    }
    scenario = Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": "grant",
            "label": {"en": "Grant", "zh": "补助"},
            "regions": "all",
            "policies": {"grant": grant},
        }
    )
    result = ps.run("zhejiang-2020", scenario, years=range(2021, 2026), draws=5)
    effect = ps.compare(result)
    table = tidy_quantiles(effect.difference).set_index(["indicator", "year"])
    assert table.loc[("births", 2025), "unit"] == "birth"
    assert table.loc[("second_child_share", 2025), "unit"] == "points"
    mean = float(effect.mean().births.sel(year=2025).squeeze())
    assert table.loc[("births", 2025), "mean"] == pytest.approx(mean)
