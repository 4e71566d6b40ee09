"""A font with Chinese characters for every plot, on any machine."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

__all__ = ["font_families"]


@cache
def font_families() -> list[str]:
    """Return font families for ``fontfamily=``, with Chinese characters among them.

    Latin text keeps matplotlib's own font; a character that it lacks comes from the subset of
    Noto Sans that popsim ships.

    Examples
    --------
    >>> font_families()
    ['DejaVu Sans', 'Noto Sans CJK SC']
    """
    from matplotlib import font_manager

    with as_file(files("popsim.plotting") / "NotoSansSC-subset.otf") as path:
        font_manager.fontManager.addfont(path)
    return ["DejaVu Sans", "Noto Sans CJK SC"]
