"""Pages that are made from the code at build time, so that they cannot fall behind it.

``conf.py`` calls :func:`write_all`. A key or type that has no text here stops the build.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from batch_format import batch_reference
from formats import response_reference, scenario_reference, table

from popsim import variables
from popsim.demography.indicators import SETS, Indicator, indicator_names, registered_indicators
from popsim.demography.indicators.quantities import HISTORY, ONE_OF, QUANTITIES, asked_for
from popsim.units import UNITS

__all__ = ["write_all"]

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

GROUPS = (
    ("Inputs: a baseline", variables._BASELINE),
    ("Flows of a year", variables._FLOWS),
    ("Stocks on 1 January", variables._STOCKS),
    ("Indicators", variables._INDICATORS),
    ("Further indicators", variables._FURTHER_INDICATORS),
    ("Change in births by cause", variables._DECOMPOSITION),
    ("Policy: promises, payments, cost, chances", variables._POLICY),
    ("The bill", variables._BILL),
    ("Attribution to instruments", variables._ATTRIBUTION),
    ("Budgets", variables._ALLOCATION),
    ("Sensitivity", variables._SENSITIVITY),
    ("Uncertainty of timing", variables._UNCERTAINTY),
    ("One's own tables", variables._TABLES),
    ("Between regions", variables._BETWEEN_REGIONS),
    ("Two censuses", variables._TWO_CENSUSES),
    ("Looking back", variables._LOOKING_BACK),
)


def write_all(folder: Path) -> None:
    """Write every generated page, and copy the notebooks, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "schema.md": schema(),
        "nomenclature.md": nomenclature(),
        "indicator-list.md": indicator_list(),
        "scenario-reference.md": scenario_reference(),
        "response-reference.md": response_reference(),
        "batch-reference.md": batch_reference(),
    }
    for name, lines in pages.items():
        _write(folder / name, "\n".join(lines) + "\n")
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(notebook, folder / notebook.name)


def _write(path: Path, text: str) -> None:
    # An unchanged file keeps its time, so that Sphinx does not read it again.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def schema() -> list[str]:
    """Return the page of variables: dimensions, unit, range, definition, labels."""
    lines = [
        "# Variables",
        "",
        "Every variable that popsim reads or reports. A Dataset may leave out dimensions that it",
        "does not need. *Shown in* is the unit of tables and plots where it differs.",
        "",
        "## Dimensions",
        "",
        *table(
            ("dimension", "名称", "what it holds"),
            ((f"`{d.name}`", d.long_name_zh, d.definition) for d in variables.DIMENSIONS.values()),
        ),
    ]
    left_out = set(variables.VARIABLES) - {row.name for _, group in GROUPS for row in group}
    if left_out:
        raise KeyError(f"variables in no group of the page: {sorted(left_out)}")
    for title, group in GROUPS:
        lines += ["", f"## {title}", ""]
        for row in group:
            lines += [*_variable(row), ""]
    return lines[:-1]


def _variable(row: variables.Variable) -> list[str]:
    shown = f"; shown in {_unit(row.display)}" if row.display else ""
    limits = _range(row)
    return [
        f"`{row.name}`",
        f": **{row.long_name}** · {row.long_name_zh}  ",
        f"  {row.definition}  ",
        f"  ({', '.join(row.dims)}) [{_unit(row.units)}]{shown}{limits}",
    ]


def _unit(name: str) -> str:
    return name.replace("10^4", "10⁴").replace("year-1", "year⁻¹")


def _range(row: variables.Variable) -> str:
    low, high = row.minimum, row.maximum
    if high != float("inf"):
        return f"; from {low:g} to {high:g}"
    return f"; not below {low:g}" if low != float("-inf") else ""


def nomenclature() -> list[str]:
    """Return the page of terms in both languages."""
    known = variables.VARIABLES.values()
    lines = [
        "# Terms, English and Chinese",
        "",
        "The words of tables and plots, as popsim writes them in either language.",
        "",
        "## Indicators and inputs",
        "",
        *table(
            ("English", "中文", "variable"),
            sorted((v.long_name, v.long_name_zh, f"`{v.name}`") for v in known),
        ),
        "",
        "## Dimensions",
        "",
        *table(
            ("English", "中文", "dimension"),
            sorted(
                (d.long_name, d.long_name_zh, f"`{d.name}`") for d in variables.DIMENSIONS.values()
            ),
        ),
        "",
        "## Units",
        "",
        *table(
            ("English", "中文", "measures"),
            ((_unit(u.name), u.name_zh, u.kind) for u in UNITS.values() if u.name != "1"),
        ),
    ]
    return lines


def indicator_list() -> list[str]:
    """Return the page of indicators: unit, definition, source, sets, needs."""
    known = registered_indicators()
    lines = [
        "# List of indicators",
        "",
        "`ps.indicators(projected, names)` computes them; [Indicators](../indicators.md) shows",
        "how.",
        '*Every age*: needs `project(..., detail="history")`.',
        "",
        "## Sets",
        "",
        *table(
            ("set", "what for", "indicators"),
            ((f"`{name}`", text, str(len(indicator_names(name)))) for name, text in SETS.items()),
        ),
        "",
        "## Indicators",
        "",
    ]
    for one in known.values():
        lines += [*_indicator(one, known), ""]
    lines += [
        "## Quantities",
        "",
        "What a function may ask for besides outputs of the projection and other indicators:",
        "",
    ]
    for name, function in QUANTITIES.items():
        text = (function.__doc__ or "").split("\n\n")[0].replace("``", "`").replace("\n", " ")
        lines += [f"`{name}`", f": {' '.join(text.split())}", ""]
    return lines[:-1]


def _indicator(one: Indicator, known: dict[str, Indicator]) -> list[str]:
    row = variables.VARIABLES[one.name]
    shown = f", shown in {_unit(row.display)}" if row.display else ""
    dims = ", ".join(row.dims)
    needs = _outputs(one.needs, known)
    every_age = "*Every age.* " if needs & set(HISTORY) else ""
    return [
        f"`{one.name}`",
        f": **{one.long_name}** · {one.long_name_zh}  ",
        f"  {one.definition}  ",
        f"  ({dims}) [{_unit(one.units)}]{shown}  ",
        f"  {every_age}Needs {', '.join(f'`{name}`' for name in sorted(needs))}. "
        f"Sets: {', '.join(one.sets)}. Source: {one.source}.",
    ]


def _outputs(needs: Iterable[str], known: dict[str, Indicator]) -> set[str]:
    """Follow needs through indicators and quantities to outputs of the projection."""
    found: set[str] = set()
    for name in needs:
        if name in ONE_OF:
            found.add(ONE_OF[name][0])
        elif name in QUANTITIES:
            found |= _outputs(asked_for(QUANTITIES[name])[0], known)
        elif name in known and name not in known[name].needs:
            found |= _outputs(known[name].needs, known)
        elif name != "attributes":
            found.add(name)
    return found
