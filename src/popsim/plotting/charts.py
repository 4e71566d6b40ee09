"""Fan charts and population pyramids; every function returns matplotlib Axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from popsim.errors import DataError
from popsim.evaluation.compare import PAIRED_DIFFERENCE
from popsim.evaluation.summary import POINTS
from popsim.plotting.fonts import font_families
from popsim.units import UNITS
from popsim.variables import VARIABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Locale", "axis_label", "contributions", "fan", "pyramid", "shown"]

Locale = Literal["en", "zh", "both"]
#: Colours that stay apart for colour-blind readers (Okabe and Ito).
COLOURS = ("#555555", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
#: For the parts of a whole, of which there are more than scenarios.
PART_COLOURS = (*COLOURS[1:], "#56B4E9", "#F0E442", "#999999")
BAND = (0.1, 0.9)
_WORDS = {
    "year": {"en": "year", "zh": "年份"},
    "time": {"en": "1 January", "zh": "1月1日"},
    "female": {"en": "women", "zh": "女"},
    "male": {"en": "men", "zh": "男"},
    "age": {"en": "age", "zh": "年龄"},
    "birth_order": {"en": "birth order", "zh": "孩次"},
    "women": {"en": "number of women", "zh": "妇女人数"},
    "age_structure": {"en": "age structure", "zh": "年龄结构"},
    "parity_structure": {"en": "parity structure", "zh": "孩次结构"},
    "rates": {"en": "birth rates", "zh": "递进生育率"},
    "change": {"en": "change", "zh": "变动"},
    "band": {"en": "line: median; band: 80 %", "zh": "线：中位数；带：80%区间"},
}


def _word(key: str, locale: Locale) -> str:
    words = _WORDS[key]
    return f"{words['zh']} {words['en']}" if locale == "both" else words[locale]


def shown(array: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Return values in the unit in which readers expect them, and that unit.

    Examples
    --------
    >>> share = xr.DataArray([0.25], dims="year", name="third_child_share")
    >>> values, unit = shown(share)
    >>> float(values[0]), unit
    (25.0, '%')
    """
    row = VARIABLES.get(str(array.name))
    if row is None:
        return array, str(array.attrs.get("units", ""))
    if not row.display:
        return array, row.units
    return array * (UNITS[row.units].scale / UNITS[row.display].scale), row.display


def axis_label(array: xr.DataArray, unit: str, locale: Locale = "both") -> str:
    """Return the variable's name and unit as an axis label; a difference says so."""
    row = VARIABLES.get(str(array.name))
    en = row.long_name if row else str(array.name)
    zh = row.long_name_zh if row else str(array.name)
    unit_zh = UNITS[unit].name_zh if unit in UNITS else unit
    difference = array.attrs.get("source") == PAIRED_DIFFERENCE
    if difference and unit in POINTS:
        unit, unit_zh = POINTS[unit], {"%": "个百分点"}.get(unit, "个千分点")
    suffix_en = f" ({unit})" if unit not in ("", "1") else ""
    suffix_zh = f"（{unit_zh}）" if unit_zh else ""
    if difference:
        en, zh = f"difference in {en}", f"{zh}之差"
    names = {"en": en + suffix_en, "zh": zh + suffix_zh}
    return f"{names['zh']}\n{names['en']}" if locale == "both" else names[locale]


def fan(
    array: xr.DataArray,
    *,
    ax: Axes | None = None,
    locale: Locale = "both",
    band: tuple[float, float] = BAND,
) -> Axes:
    """Draw median and interval over draws against time, one fan a scenario.

    Parameters
    ----------
    array : xarray.DataArray
        An indicator on ``year`` or ``time`` and ``draw``, optionally ``scenario``; a dimension
        ``region`` must have one member.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; a new figure otherwise.
    locale : {"en", "zh", "both"}
        Language of labels.
    band : tuple of float
        Lower and upper quantile of the interval.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        When the array has more than one region, no draws, or neither year nor time.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> rate = xr.DataArray(
    ...     np.ones((3, 2)), dims=("year", "draw"), coords={"year": [2021, 2022, 2023]},
    ...     name="total_fertility_rate")
    >>> fan(rate, locale="en").get_ylabel()
    'total fertility rate (births per woman)'
    """
    if array.sizes.get("region", 1) > 1:
        codes = ", ".join(str(code) for code in array["region"].values[:5])
        raise DataError(f"a fan shows one region, not {codes}; select one: .sel(region=...)")
    array = array.squeeze("region") if "region" in array.dims else array
    along = next((name for name in ("year", "time") if name in array.dims), None)
    if along is None or "draw" not in array.dims:
        raise DataError(f"a fan needs year or time, and draw; {array.name} has {array.dims}")
    extra = set(array.dims) - {along, "draw", "scenario"}
    if extra:
        raise DataError(f"select one {', '.join(map(str, extra))} before drawing a fan")
    values, unit = shown(array)
    ax = _axes(ax)
    for name, lines, colour in _by_scenario(values):
        low, middle, high = lines.quantile([band[0], 0.5, band[1]], "draw").transpose(
            "quantile", along
        )
        x = lines[along].values
        ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        style = "-" if colour == COLOURS[0] else "--"
        ax.plot(x, middle, color=colour, label=name, linestyle=style)
    ax.margins(x=0)
    title = _word("band", locale) if "scenario" in array.dims else None
    _finish(ax, _word(along, locale), axis_label(array, unit, locale), legend_title=title)
    return ax


def _by_scenario(values: xr.DataArray) -> list[tuple[str, xr.DataArray, str]]:
    """Return name, lines and colour of each scenario; grey is the reference's."""
    if "scenario" not in values.dims:
        return [("", values, COLOURS[0])]
    names = [str(name) for name in values["scenario"].values]
    others = [name for name in names if name != "baseline"]
    colours = {name: COLOURS[1 + i % (len(COLOURS) - 1)] for i, name in enumerate(others)}
    return [(n, values.sel(scenario=n), colours.get(n, COLOURS[0])) for n in names]


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(7.2, 4.2), layout="constrained")[1]


def pyramid(
    population: xr.DataArray,
    *,
    outline: xr.DataArray | None = None,
    ax: Axes | None = None,
    locale: Locale = "both",
) -> Axes:
    """Draw a population pyramid by single age, optionally with the outline of another one.

    Parameters
    ----------
    population : xarray.DataArray
        Persons on (sex, age) only; a scalar coordinate ``time`` becomes the title.
    outline : xarray.DataArray, optional
        A second population on (sex, age), drawn as a line, e.g. the base year or a scenario.
    ax : matplotlib.axes.Axes, optional
    locale : {"en", "zh", "both"}

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        When a dimension besides sex and age is left.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> people = xr.DataArray(
    ...     np.ones((2, 3)), dims=("sex", "age"),
    ...     coords={"sex": ["female", "male"], "age": [0, 1, 2]}, name="population")
    >>> len(pyramid(people).patches)
    6
    """
    for array in (population, outline):
        if array is not None and set(array.dims) != {"sex", "age"}:
            raise DataError(f"a pyramid needs sex and age only, not {array.dims}; select the rest")
    values, unit = shown(population.rename("population"))
    ax = _axes(ax)
    for sex, side, colour in (("male", -1, COLOURS[1]), ("female", 1, COLOURS[2])):
        people = values.sel(sex=sex)
        label = _word(sex, locale)
        ax.barh(people.age, side * people, height=1.0, color=colour, alpha=0.55, label=label)
        if outline is not None:
            other, _ = shown(outline.rename("population"))
            _outline(ax, side * other.sel(sex=sex))
    ax.axvline(0, color="white", linewidth=0.8)
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    oldest = int(population.age.values[-1])
    ax.yaxis.set_major_formatter(lambda age, _: f"{age:g}" + ("+" if age == oldest else ""))
    if "time" in population.coords:
        year = int(population.time)
        day = {"en": f"{_WORDS['time']['en']} {year}", "zh": f"{year}年{_WORDS['time']['zh']}"}
        title = f"{day['zh']} {day['en']}" if locale == "both" else day[locale]
        if outline is not None and "time" in outline.coords:
            title += f" (— {int(outline.time)})"
        ax.set_title(title, fontfamily=font_families())
    ax.margins(y=0)
    people_label = axis_label(population.rename("population"), unit, locale)
    _finish(ax, people_label, _word("age", locale), legend_title="")
    return ax


def contributions(array: xr.DataArray, *, ax: Axes | None = None, locale: Locale = "both") -> Axes:
    """Draw what each component contributes to a change, as bars piled up from zero.

    Positive parts are piled upwards and negative ones downwards; the dot is their sum, the change
    itself. With draws, means over draws are drawn: parts of quantiles do not add up.

    Parameters
    ----------
    array : xarray.DataArray
        ``change_in_births``, ``change_in_births_by_order`` or ``change_in_share_of_births`` of
        :func:`popsim.decompose_births`, on ``component`` and one of ``birth_order`` and ``year``
        besides ``draw``; or on ``component`` alone. Other dimensions must have one member.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; a new figure otherwise.
    locale : {"en", "zh", "both"}
        Language of labels.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        When there are no components, or dimensions are left that bars cannot show.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> parts = xr.DataArray(
    ...     [-40.0, 10.0], dims="component", coords={"component": ["women", "rates"]},
    ...     name="change_in_births")
    >>> contributions(parts, locale="en").get_ylabel()
    'part of the change in births (birth)'
    """
    if "component" not in array.dims:
        raise DataError(f"bars of contributions need component; {array.name} has {array.dims}")
    one = [d for d in array.dims if array.sizes[d] == 1 and d not in ("component", "draw")]
    values = array.squeeze(one)
    values = values.mean("draw") if "draw" in values.dims else values
    along = [str(d) for d in values.dims if d != "component"]
    if len(along) > 1 or not set(along) <= {"year", "birth_order"}:
        raise DataError(
            f"bars of contributions need component and either year or birth_order, not "
            f"{', '.join(along)}; select one of each"
        )
    values, unit = shown(values.rename(array.name))
    values.attrs = array.attrs
    ax = _axes(ax)
    places = values[along[0]].values if along else np.zeros(1)
    up, down = np.zeros(places.size), np.zeros(places.size)
    for i, component in enumerate(map(str, values["component"].values)):
        heights = np.atleast_1d(values.sel(component=component).values)
        bottom = np.where(heights >= 0, up, down)
        colour = PART_COLOURS[i % len(PART_COLOURS)]
        name = _component(component, locale)
        ax.bar(places, heights, bottom=bottom, width=0.8, color=colour, alpha=0.75, label=name)
        up, down = up + np.maximum(heights, 0), down + np.minimum(heights, 0)
    change = np.atleast_1d(values.sum("component").values)
    ax.plot(places, change, "o", color="black", markersize=4, label=_word("change", locale))
    ax.axhline(0, color="black", linewidth=0.8)
    if along == ["year"]:
        ax.locator_params(axis="x", integer=True)
    else:
        ax.set_xticks(places, [str(place) for place in places] if along else [""])
    label = _word(along[0], locale) if along else ""
    _finish(ax, label, axis_label(values, unit, locale), legend_title="")
    legend = ax.get_legend()
    assert legend is not None
    legend.set_loc("center left")
    legend.set_bbox_to_anchor((1.0, 0.5))
    return ax


def _component(name: str, locale: Locale) -> str:
    """Name a component; the rates of one order by the order."""
    stem, _, order = name.partition("_") if name.startswith("rates_") else (name, "", "")
    if stem not in _WORDS:
        return name
    return _word(stem, locale) + (f" {order}" if order else "")


def _finish(ax: Axes, x: str, y: str, *, legend_title: str | None) -> None:
    """Label the axes and draw the legend, if any, in a font that has every character."""
    families = font_families()
    ax.set_xlabel(x, fontfamily=families)
    ax.set_ylabel(y, fontfamily=families)
    ax.spines[["top", "right"]].set_visible(False)
    if legend_title is not None:
        font = {"family": families}
        ax.legend(frameon=False, prop=font, title=legend_title, title_fontproperties=font)


def _outline(ax: Axes, line: xr.DataArray) -> None:
    # A step line over ages, drawn on its side.
    edges = np.repeat(np.append(line.age.values - 0.5, line.age.values[-1] + 0.5), 2)[1:-1]
    ax.plot(np.repeat(line.values, 2), edges, color="black", linewidth=0.8)
