"""YAML text as plain data, with the place of every key and value.

The files are YAML 1.2, read strictly: what older YAML would silently turn into something
else (``no``, ``010203``), duplicate keys, aliases and tabs are problems, not values.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from popsim.errors import Problems

__all__ = ["Mark", "Marked", "Steps", "load", "read_value", "reads_as_text"]

Steps = tuple[str, ...]
"""Keys from the top of a file to a value; positions in a list are written as numbers."""

_SURPRISES = {"yes", "no", "on", "off", "y", "n"}


#: Signs of a Chinese keyboard that look like those of YAML.
_FULL_WIDTH = {
    "：": ": ",
    "，": ", ",
    "｛": "{",
    "｝": "}",
    "“": '"',
    "”": '"',
    "［": "[",
    "］": "]",
}


@dataclass(frozen=True)
class Mark:
    """A place in a file: 1-based line and column, the line itself and the value as written."""

    file: str
    line: int
    column: int
    source: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass
class Marked:
    """Plain data (dict, list, str, int, float, bool, None) with marks of keys and values."""

    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Steps, Mark] = field(default_factory=dict)
    values: dict[Steps, Mark] = field(default_factory=dict)

    def mark(self, steps: Steps, *, of_key: bool = False) -> Mark | None:
        """Return the mark at ``steps`` or at the nearest place above that has one."""
        first, second = (self.keys, self.values) if of_key else (self.values, self.keys)
        for end in range(len(steps), -1, -1):
            found = first.get(steps[:end]) or second.get(steps[:end])
            if found:
                return found
        return None


def load(path: Path, problems: Problems) -> Marked | None:
    """Read a YAML file; note what is wrong with its text.

    Parameters
    ----------
    path : pathlib.Path
        The file; UTF-8, with or without byte-order mark, any line ends.
    problems : Problems
        Where problems are noted.

    Returns
    -------
    Marked or None
        None when the text cannot be read at all.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        head = raw[: error.start]
        line = head.count(b"\n") + 1
        column = error.start - (head.rfind(b"\n") + 1) + 1
        problems.add(
            f"byte 0x{raw[error.start]:02x} is not UTF-8 text (saved as GBK?)",
            where=f"{path.name}:{line}:{column}",
            instead="the same file saved as UTF-8",
        )
        return None
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    try:
        with warnings.catch_warnings():
            # An anchor that is used twice: anchors are refused below.
            warnings.simplefilter("ignore")
            node = YAML().compose(text)
    except MarkedYAMLError as error:
        _syntax(path.name, lines, error, problems)
        return None
    except YAMLError as error:
        # Characters that YAML forbids, such as a form feed.
        problems.add(f"not valid YAML: {str(error).splitlines()[0]}", where=f"{path.name}:1:1")
        return None
    if node is None:
        problems.add(
            "the file is empty",
            where=f"{path.name}:1:1",
            instead="a first line such as schema: popsim.scenario/1",
        )
        return None
    reader = _Reader(path.name, lines, problems)
    data = reader.read(node, ())
    if not isinstance(data, dict):
        problems.add(
            "the file holds no keys with values",
            where=f"{path.name}:1:1",
            line=lines[0],
            column=1,
            instead="a first line such as schema: popsim.scenario/1",
        )
        return None
    reader.marked.data = data
    # What stands in place of an alias is not known; further messages would mislead.
    return None if reader.aliased else reader.marked


def read_value(text: str, name: str, problems: Problems) -> Any:
    """Read one value as it would be read in a file, e.g. of a command line.

    Parameters
    ----------
    text : str
        What a file would say after the key: ``900 CNY/month``, ``{2: 300 CNY/month}``, ``null``.
    name : str
        What problems name as the place.
    problems : Problems
        Where problems are noted.

    Returns
    -------
    object
        Plain data; None when there is a problem, and for ``null``.

    Examples
    --------
    >>> read_value("{2: 300 CNY/month}", "--set", Problems())
    {'2': '300 CNY/month'}
    >>> read_value("900", "--set", Problems())
    900
    """
    lines = text.split("\n")
    try:
        node = YAML().compose(text)
    except MarkedYAMLError as error:
        _syntax(name, lines, error, problems)
        return None
    except YAMLError as error:
        problems.add(f"not valid YAML: {str(error).splitlines()[0]}", where=name)
        return None
    return None if node is None else _Reader(name, lines, problems).read(node, ())


def reads_as_text(text: str) -> bool:
    """Return whether text without quotation marks is read as that text, and not complained of.

    Only the words are judged; where a mark such as ``: `` needs quotes is known to the YAML writer.

    Examples
    --------
    >>> [reads_as_text(word) for word in ("600 CNY", "no", "2023", "null", "010203")]
    [True, False, False, False, False]
    """
    problems = Problems()
    value = _Reader("", [text], problems).scalar(ScalarNode("", text), Mark("", 1, 1, text))
    return not problems and value == text and isinstance(value, str)


def _syntax(file: str, lines: list[str], error: MarkedYAMLError, problems: Problems) -> None:
    problem = error.problem or "not valid YAML"
    mark = error.problem_mark or error.context_mark
    opened = error.context_mark is not None and (
        "stream" in problem or problem.startswith("expected ','")
    )
    if opened:
        # The place where a quote or bracket opens helps; where the text ends does not.
        mark = error.context_mark
    number = min(mark.line, len(lines) - 1) if mark else 0
    column = mark.column + 1 if mark else 1
    source = lines[number]
    wide = next((sign for sign in source.split("#")[0] if sign in _FULL_WIDTH), None)
    if wide is not None:
        message, instead = f"{wide!r} is a full-width sign", repr(_FULL_WIDTH[wide])
        column = source.index(wide) + 1
    elif "\t" in source[:column]:
        message, instead = "a tab stands before the text", "spaces"
        column = source.index("\t") + 1
        source = source.replace("\t", "→")
    elif problem == "mapping values are not allowed here":
        if ": " in source[: column - 1]:
            message, instead = "a second ': ' on the line", "text with a colon in double quotes"
        else:
            message = "this line is indented deeper than its neighbours"
            instead = "the same indentation as the keys beside it"
    elif error.problem and "another document" in problem:
        message, instead = "a second document begins here", "one scenario per file"
    elif problem.startswith("expected <block end>"):
        message = "this does not belong to the lines above"
        instead = "the indentation of the keys beside it, and a quote closed on its line"
    elif opened and "document" not in problem:
        message, instead = "what opens here is not closed", "the closing quote or bracket"
    else:
        message, instead = f"not valid YAML: {problem}", ""
    problems.add(
        message,
        where=f"{file}:{number + 1}:{column}",
        line=source,
        column=column,
        instead=instead,
    )


@dataclass
class _Reader:
    file: str
    lines: list[str]
    problems: Problems
    marked: Marked = field(default_factory=Marked)
    seen: set[int] = field(default_factory=set)
    aliased: bool = False

    def mark(self, node: Node, text: str = "") -> Mark:
        line, column = node.start_mark.line, node.start_mark.column
        source = self.lines[line] if line < len(self.lines) else ""
        return Mark(self.file, line + 1, column + 1, source, text)

    def complain(self, mark: Mark, message: str, instead: str) -> None:
        self.problems.add(
            message, where=str(mark), line=mark.source, column=mark.column, instead=instead
        )

    def read(self, node: Node, steps: Steps) -> Any:
        mark = self.mark(node, _unfolded(node) if isinstance(node, ScalarNode) else "")
        self.marked.values[steps] = mark
        if id(node) in self.seen:
            # An alias, reported at its anchor; it may even point to itself.
            self.aliased = True
            return None
        self.seen.add(id(node))
        if node.anchor is not None:
            message = "anchors and aliases (&name, *name) are not used in these files"
            self.complain(mark, message, "the value itself")
        tag = re.match(r"!\S*", mark.source[mark.column - 1 :])
        if tag is not None:
            message = f"a tag ({tag.group()}) is not used in these files"
            self.complain(mark, message, "the value alone")
        if isinstance(node, ScalarNode):
            return self.scalar(node, mark)
        if isinstance(node, MappingNode):
            return self.mapping(node, steps)
        return [self.read(item, (*steps, str(i))) for i, item in enumerate(node.value)]

    def mapping(self, node: MappingNode, steps: Steps) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = self.mark(key_node)
            if not isinstance(key_node, ScalarNode):
                self.complain(mark, "a key is a list or a mapping", "a word")
                continue
            key = key_node.value
            if key in data:
                first = self.marked.keys[(*steps, key)]
                self.complain(
                    mark, f"the key {key!r} is already on line {first.line}", "each key once"
                )
                continue
            self.marked.keys[(*steps, key)] = mark
            data[key] = self.read(value_node, (*steps, key))
        return data

    def scalar(self, node: ScalarNode, mark: Mark) -> Any:
        text = _unfolded(node)
        if node.style:
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if text.lower() in _SURPRISES:
            self.complain(
                mark,
                f"{text} may be read as true or false",
                f'"{text}" in quotes if it is a word, else true or false',
            )
            return text
        if re.fullmatch(r"[+-]?0\d+", text):
            self.complain(
                mark,
                f"{text} begins with a zero, which some programs drop",
                f'"{text}" in quotes',
            )
            return text
        if re.fullmatch(r"[+-]?\d+", text):
            return int(text)
        if re.fullmatch(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?", text):
            return float(text)
        return text


def _unfolded(node: ScalarNode) -> str:
    """Return the text of a scalar; the library marks where lines were folded with a bell."""
    text: str = node.value
    return text.replace("\a", "") if node.style == ">" else text
