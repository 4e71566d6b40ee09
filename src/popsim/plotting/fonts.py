"""A font with Chinese characters for every plot, on any machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import as_file, files

__all__ = ["chinese_font"]

# Latin text keeps matplotlib's own font; characters that it lacks fall back on the second.
FAMILIES = ["DejaVu Sans", "Noto Sans CJK SC"]


@cache
def _register() -> None:
    from matplotlib import font_manager

    with as_file(files("popsim.plotting") / "NotoSansSC-subset.otf") as path:
        font_manager.fontManager.addfont(path)


@contextmanager
def chinese_font() -> Iterator[None]:
    """Make text that is created inside the block able to show Chinese characters.

    Examples
    --------
    >>> import matplotlib
    >>> with chinese_font():
    ...     matplotlib.rcParams["font.family"]
    ['DejaVu Sans', 'Noto Sans CJK SC']
    """
    import matplotlib

    _register()
    with matplotlib.rc_context({"font.family": FAMILIES, "axes.unicode_minus": False}):
        yield
