"""The forest plot: programmes, their pooled effect, and where the next one lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from popsim.plotting.charts import COLOURS, Locale, _finish
from popsim.plotting.fonts import font_families
from popsim.policy.pooling import Pooled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["forest"]

_WORDS = {
    "effect": {
        "en": "change in births per 1 % of GDP per head (%)",
        "zh": "人均GDP每1%对应的出生变动（%）",
    },
    "pooled": {"en": "pooled, 95 % interval", "zh": "合并，95%区间"},
    "prediction": {"en": "next programme, 95 % interval", "zh": "下一项目，95%区间"},
}


def _word(key: str, locale: Locale) -> str:
    words = _WORDS[key]
    return f"{words['zh']}\n{words['en']}" if locale == "both" else words[locale]


def forest(pooled: Pooled, *, ax: Axes | None = None, locale: Locale = "both") -> Axes:
    """Draw the programmes of a pool with their intervals, the pooled effect and the prediction.

    Squares are programmes, their area in proportion to the weight; lines are 95 % intervals of each
    programme alone. The diamond is the pooled effect with its confidence interval, the bar below
    it the 95 % prediction interval; the same numbers stand on the right. The scale is logarithmic.

    Parameters
    ----------
    pooled : Pooled
        From :func:`popsim.pool_evidence`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; a new figure otherwise.
    locale : {"en", "zh", "both"}
        Language of labels; programmes keep their names.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from popsim.policy.pooling import pool_evidence
    >>> ax = forest(pool_evidence(), locale="en")
    >>> [label.get_text() for label in ax.get_yticklabels()][-2:]
    ['pooled, 95 % interval', 'next programme, 95 % interval']
    """
    rows = pooled.programmes
    count = len(rows)
    if ax is None:
        import matplotlib.pyplot as plt

        size = (8.0, 1.4 + 0.36 * (count + 2))
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    places = range(count)
    ax.hlines(places, rows["low"], rows["high"], color=COLOURS[0], linewidth=1.2)
    ax.scatter(
        rows["effect"], places, s=600 * rows["weight"], marker="s", color=COLOURS[0], zorder=3
    )
    half = 0.28
    ax.fill(
        [pooled.low, pooled.effect, pooled.high, pooled.effect],
        [count, count - half, count, count + half],
        color=COLOURS[1],
    )
    ax.hlines(
        [count + 1], pooled.prediction_low, pooled.prediction_high, color=COLOURS[2], linewidth=3
    )
    ax.axvline(pooled.effect, color=COLOURS[1], linewidth=0.8, linestyle=":")
    labels = [*rows["programme"], _word("pooled", locale), _word("prediction", locale)]
    spans = [*zip(rows["effect"], rows["low"], rows["high"], strict=True)]
    spans.append((pooled.effect, pooled.low, pooled.high))
    numbers = [f"{mid:.2g} ({low:.2g}\N{EN DASH}{high:.2g})" for mid, low, high in spans]
    numbers.append(f"({pooled.prediction_low:.2g}\N{EN DASH}{pooled.prediction_high:.2g})")
    for place, number in enumerate(numbers):
        ax.text(1.02, place, number, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_yticks(range(count + 2), labels, fontfamily=font_families())
    ax.set_ylim(count + 1.6, -0.6)
    _finish(ax, _word("effect", locale), "", legend_title=None)
    return ax
