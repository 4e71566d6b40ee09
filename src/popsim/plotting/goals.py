"""Charts of attribution, budgets and sensitivity; every function returns matplotlib Axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from popsim.errors import DataError
from popsim.evaluation.sensitivity import input_name
from popsim.plotting.charts import (
    COLOURS,
    PART_COLOURS,
    Locale,
    _axes,
    _finish,
    axis_label,
    shown,
)
from popsim.plotting.fonts import font_families

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["attribution", "frontier", "tornado"]

_WORDS = {
    "births": ("additional births", "新增出生人数"),
    "order": ("birth order", "孩次"),
    "interval": ("80 % interval", "80%区间"),
    "mean": ("mean over draws", "抽样均值"),
    "budget": ("budget (10^4 CNY)", "预算（万元）"),
    "low": ("input at its 10 % quantile", "取10%分位数"),
    "high": ("input at its 90 % quantile", "取90%分位数"),
}


def _word(key: str, locale: Locale) -> str:
    en, zh = _WORDS[key]
    return {"en": en, "zh": zh, "both": f"{zh} {en}"}[locale]


def attribution(data: xr.Dataset, *, ax: Axes | None = None, locale: Locale = "both") -> Axes:
    """Draw the additional births of each instrument, piled up by birth order.

    The line is the 80 % interval over draws of all orders together. Regions are added up.

    Parameters
    ----------
    data : xarray.Dataset
        ``data`` of :func:`popsim.attribute`.
    ax : matplotlib.axes.Axes, optional
    locale : {"en", "zh", "both"}

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        When the Dataset holds no attributed births.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> births = xr.DataArray(
    ...     [[[[3.0, 5.0], [1.0, 1.0]]]], dims=("region", "policy", "birth_order", "draw"),
    ...     coords={"policy": ["grant"], "birth_order": [2, 3]}, name="attributed_births")
    >>> attribution(births.to_dataset(), locale="en").get_xlabel()
    'additional births'
    """
    if "attributed_births" not in data:
        raise DataError("there are no attributed births; write: ps.attribute(...).data")
    births = data["attributed_births"].sum("region")
    names = [str(name) for name in births["policy"].values][::-1]
    places = np.arange(len(names))
    ax = _axes(ax)
    left, right = np.zeros(len(names)), np.zeros(len(names))
    for i, order in enumerate(births["birth_order"].values):
        widths = births.sel(policy=names, birth_order=order).mean("draw").values
        start = np.where(widths >= 0, right, left)
        colour = PART_COLOURS[i % len(PART_COLOURS)]
        name = f"{_word('order', locale)} {order}"
        ax.barh(places, widths, left=start, color=colour, alpha=0.75, label=name)
        right, left = right + np.maximum(widths, 0), left + np.minimum(widths, 0)
    summed = births.sel(policy=names).sum("birth_order").quantile([0.1, 0.9], "draw")
    low, high = summed.transpose("quantile", "policy").values
    ax.hlines(places, low, high, color="black", linewidth=1.2, label=_word("interval", locale))
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, names, fontfamily=font_families())
    _finish(ax, _word("births", locale), "", legend_title="")
    return ax


def frontier(data: xr.Dataset, *, ax: Axes | None = None, locale: Locale = "both") -> Axes:
    """Draw the most births that each budget can buy, with the 80 % interval over draws.

    Parameters
    ----------
    data : xarray.Dataset
        ``data`` of :func:`popsim.allocate` with several budgets.
    ax : matplotlib.axes.Axes, optional
    locale : {"en", "zh", "both"}

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        When there are not two budgets at least.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> births = xr.DataArray(
    ...     [[[3.0, 5.0]], [[4.0, 8.0]]], dims=("budget", "region", "draw"),
    ...     coords={"budget": [1e6, 2e6]}, name="births_gained")
    >>> frontier(births.to_dataset(), locale="en").get_xlabel()
    'budget (10^4 CNY)'
    """
    if data.sizes.get("budget", 0) < 2:
        raise DataError("a frontier needs two budgets at least; write: budget=[1e8, 2e8, 4e8]")
    births = data["births_gained"].sum("region")
    x = births["budget"].values / 1e4
    low, high = births.quantile([0.1, 0.9], "draw").transpose("quantile", "budget").values
    ax = _axes(ax)
    ax.fill_between(x, low, high, color=COLOURS[1], alpha=0.2, label=_word("interval", locale))
    ax.plot(x, births.mean("draw"), "o-", color=COLOURS[1], label=_word("mean", locale))
    _finish(ax, _word("budget", locale), _word("births", locale), legend_title="")
    return ax


def tornado(array: xr.DataArray, *, ax: Axes | None = None, locale: Locale = "both") -> Axes:
    """Draw how far one input at a time moves an outcome, the longest bar on top.

    Parameters
    ----------
    array : xarray.DataArray
        ``tornado`` of :func:`popsim.sensitivity` (input, quantile).
    ax : matplotlib.axes.Axes, optional
    locale : {"en", "zh", "both"}

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        When the array has other dimensions.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> moved = xr.DataArray(
    ...     [[1.0, 3.0], [0.0, 9.0]], dims=("input", "quantile"), name="births",
    ...     coords={"input": ["mortality", "cash/beta"], "quantile": [0.1, 0.9]},
    ...     attrs={"centre": 2.0})
    >>> [text.get_text() for text in tornado(moved, locale="en").get_yticklabels()]
    ['mortality', 'cash: effect of a small dose']
    """
    if set(array.dims) != {"input", "quantile"}:
        raise DataError(f"a tornado needs input and quantile only, not {array.dims}")
    values, unit = shown(array)
    values.attrs = array.attrs
    scaled, _ = shown(xr.DataArray(float(array.attrs["centre"]), name=array.name))
    centre = float(scaled)
    length = (values.max("quantile") - values.min("quantile")).values
    values = values.isel(input=np.argsort(length, kind="stable"))
    places = np.arange(values.sizes["input"])
    ax = _axes(ax)
    for i, key in enumerate(("low", "high")):
        widths = values.isel(quantile=i).values - centre
        ax.barh(
            places, widths, left=centre, color=COLOURS[1 + i], alpha=0.75, label=_word(key, locale)
        )
    ax.axvline(centre, color="black", linewidth=0.8)
    language = "en" if locale == "en" else "zh"
    names = [input_name(str(name), language) for name in values["input"].values]
    ax.set_yticks(places, names, fontfamily=font_families())
    _finish(ax, axis_label(values, unit, locale), "", legend_title="")
    return ax
