"""Units as tables state them, in a title or behind a heading, and what a number is worth.

Examples
--------
>>> of_text("人口数（万人）", "count")
('万人', 10000.0)
>>> of_text("单位：‰", "rate")
('‰', 0.001)
"""

from __future__ import annotations

import re

from popsim.tables.text import clean

__all__ = ["WORDS", "known", "of_text", "without_unit"]

_PERSONS = {
    **dict.fromkeys(("人", "个", "person", "persons", "people", "birth", "births"), 1.0),
    **dict.fromkeys(("death", "deaths", "women", "名", "例"), 1.0),
    **dict.fromkeys(("百人", "hundreds"), 100.0),
    **dict.fromkeys(("千人", "thousand", "thousands", "10^3 persons", "1000 persons"), 1e3),
    **dict.fromkeys(("万人", "10^4 persons", "10 000 persons", "10,000 persons"), 1e4),
    **dict.fromkeys(("百万人", "million", "millions"), 1e6),
}
#: By kind of quantity: spelling and factor to the unit of the registry.
WORDS: dict[str, dict[str, float]] = {
    "count": _PERSONS,
    "rate": {
        **dict.fromkeys(("year-1", "/year", "/年", "1/年", "每年", "人/人年", "births/woman"), 1.0),
        **dict.fromkeys(("%", "百分之一", "percent"), 1e-2),
        **dict.fromkeys(("‰", "per mille", "per 1000", "per 1,000", "千分之一", "/1000"), 1e-3),
        **dict.fromkeys(("/10万", "1/10万", "per 100,000", "per 100000"), 1e-5),
    },
    "sex ratio": {
        **dict.fromkeys(("men per woman", "女=1", "male/female", "boys per girl"), 1.0),
        **dict.fromkeys(("女=100", "女性=100", "女婴=100", "female=100", "以女性为100"), 1e-2),
        **dict.fromkeys(("boys per 100 girls", "men per 100 women", "males per 100 females"), 1e-2),
    },
    "years": dict.fromkeys(("岁", "年", "year", "years"), 1.0),
    "money": {
        **dict.fromkeys(("元", "元/人", "CNY", "cny"), 1.0),
        **dict.fromkeys(("万元", "万元/人", "10^4 CNY", "10^4 cny"), 1e4),
    },
    "places": {
        **dict.fromkeys(("places/1000 residents", "places/1000 persons", "个/千人"), 1.0),
        **dict.fromkeys(("个托位/千人", "托位/千人", "个/千常住人口", "每千人口个"), 1.0),
    },
    "fraction": {
        **dict.fromkeys(("1", "比", "fraction", "倍"), 1.0),
        **dict.fromkeys(("%", "percent"), 1e-2),
        **dict.fromkeys(("‰", "per mille"), 1e-3),
    },
}
_STATED = re.compile(
    r"(?:计量)?单位\s*[::]\s*([^\s,;。)]+(?: ?per [\w ,]+)?)|\bunits?\s*[::]\s*([^;)]+)", re.I
)
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")


def known(word: str, kind: str) -> float | None:
    """Return the factor of a spelling to the registry's unit, or ``None``."""
    table = WORDS[kind]
    found = table.get(word)
    return table.get(word.lower()) if found is None else found


def of_text(text: str, kind: str) -> tuple[str, float | None] | None:
    """Find the unit that a title or heading states.

    Parameters
    ----------
    text : str
        Title ("单位：万人") or heading ("人口数（万人）").
    kind : str
        Key of :data:`WORDS`.

    Returns
    -------
    tuple of str and float, or None
        Spelling and factor; the factor is ``None`` when a unit is stated that is not known;
        ``None`` when the text states no unit.
    """
    text = clean(text)
    if stated := _STATED.search(text):
        word = (stated[1] or stated[2]).strip()
        return word, known(word, kind)
    for inside in _BRACKETS.findall(text):
        for word in (inside.strip(), *(part.strip() for part in re.split("[,;、]", inside))):
            factor = known(word, kind)
            if factor is not None:
                return word, factor
    return None


def without_unit(text: str) -> tuple[str, str]:
    """Split a heading from what stands in brackets at its end.

    Examples
    --------
    >>> without_unit("人口数（万人）"), without_unit("男")
    (('人口数', '万人'), ('男', ''))
    """
    text = clean(text)
    found = re.fullmatch(r"(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*(.*)", text)
    if not found:
        return text, ""
    return " ".join(f"{found[1]} {found[3]}".split()), found[2].strip()
