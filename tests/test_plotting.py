"""Charts: what is drawn, in which language, and with which font."""

import warnings

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import popsim as ps
from popsim.errors import DataError

mpl.use("agg")


def rates(**coords):
    values = np.linspace(0.5, 1.5, 2 * 3 * 5).reshape(2, 3, 5)
    coords = {"scenario": ["baseline", "grant"], "year": [2021, 2022, 2023], **coords}
    return xr.DataArray(
        values, dims=("scenario", "year", "draw"), coords=coords, name="total_fertility_rate"
    )


@pytest.fixture(autouse=True)
def close():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


def test_fan_draws_median_and_interval_of_every_scenario():
    ax = ps.plot.fan(rates(), locale="en")
    assert [line.get_label() for line in ax.lines] == ["baseline", "grant"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), rates()[0].median("draw"))
    assert len(ax.collections) == 2


@pytest.mark.parametrize(
    ("locale", "label"),
    [
        ("en", "total fertility rate (births per woman)"),
        ("zh", "总和生育率（个孩子/妇女）"),
        ("both", "总和生育率（个孩子/妇女）\ntotal fertility rate (births per woman)"),
    ],
)
def test_labels_in_both_languages(locale, label):
    assert ps.plot.fan(rates(), locale=locale).get_ylabel() == label


def test_every_label_of_the_registry_can_be_drawn():
    from importlib.resources import files

    from fontTools.ttLib import TTFont

    from popsim.units import UNITS
    from popsim.variables import DIMENSIONS, VARIABLES

    with (files("popsim.plotting") / "NotoSansSC-subset.otf").open("rb") as file:
        known = set(TTFont(file).getBestCmap())
    rows = [*VARIABLES.values(), *DIMENSIONS.values()]
    text = "".join([*(r.long_name_zh for r in rows), *(u.name_zh for u in UNITS.values())])
    assert {c for c in text if ord(c) not in known} == set()


def test_chinese_is_drawn_without_a_missing_glyph():
    # Axes made elsewhere have text in the default font.
    own = Figure().subplots()
    ax = ps.plot.fan(rates(), ax=own, locale="zh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax.figure.canvas.draw()


def test_pyramid_has_two_sides_and_an_outline():
    people = xr.DataArray(
        np.full((2, 4), 2e4),
        dims=("sex", "age"),
        coords={"sex": ["female", "male"], "age": range(4), "time": 2031},
    )
    ax = ps.plot.pyramid(people, outline=people / 2)
    widths = sorted({round(bar.get_width(), 6) for bar in ax.patches})
    assert widths == [-2.0, 2.0]
    assert len(ax.lines) == 3
    assert ax.get_title() == "2031年1月1日 1 January 2031 (— 2031)"
    assert ps.plot.pyramid(people, locale="zh").get_title() == "2031年1月1日"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: ps.plot.fan(rates().mean("draw")), "needs year or time, and draw"),
        (lambda: ps.plot.fan(rates().expand_dims(region=["a", "b"])), "a fan shows one region"),
        (lambda: ps.plot.fan(rates().expand_dims(birth_order=[1])), "select one birth_order"),
        (lambda: ps.plot.pyramid(rates()), "needs sex and age only"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(DataError, match=message):
        draw()


@pytest.mark.parametrize(
    ("locale", "last"),
    [
        ("en", "next programme, 95 % interval"),
        ("zh", "下一项目，95%区间"),
        ("both", "下一项目，95%区间\nnext programme, 95 % interval"),
    ],
)
def test_forest_draws_programmes_pool_and_prediction(locale, last):
    pooled = ps.pool_evidence()
    ax = ps.plot.forest(pooled, locale=locale)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[:-2] == pooled.programmes["programme"].tolist()
    assert names[-1] == last
    numbers = [text.get_text() for text in ax.texts]
    assert numbers[0] == "1.7 (0.84\N{EN DASH}3.3)"
    assert numbers[-2:] == ["0.32 (0.17\N{EN DASH}0.63)", "(0.031\N{EN DASH}3.3)"]
    alone, squares, prediction = ax.collections
    np.testing.assert_allclose(
        alone.get_segments()[0][:, 0], pooled.programmes.loc[0, ["low", "high"]].astype(float)
    )
    np.testing.assert_allclose(squares.get_offsets()[:, 0], pooled.programmes["effect"])
    ends = prediction.get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [pooled.prediction_low, pooled.prediction_high])
    diamond = ax.patches[0].get_xy()
    assert (diamond[:, 0].min(), diamond[:, 0].max()) == (pooled.low, pooled.high)
