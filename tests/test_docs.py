"""The documentation runs, is complete and shows what the code prints."""

import contextlib
import io
import re
import shutil
from pathlib import Path

import matplotlib as mpl
import pytest
from click.testing import CliRunner

import popsim
from popsim.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if not {"_build", "generated"} & set(p.parts))
BLOCK = re.compile(r"```python\n(?P<code>.*?)```(?:\s*```text\n(?P<printed>.*?)```)?", re.DOTALL)


def plain(text):
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.parametrize(
    "page",
    [
        "start.md",
        "how-to.md",
        "indicators.md",
        "uncertainty.md",
        "data-in.md",
        "regions.md",
        "goals.md",
        "evidence.md",
        "batch.md",
    ],
)
def test_the_examples_of_a_page_run_and_print_what_it_shows(page, tmp_path, monkeypatch):
    mpl.use("agg")
    from matplotlib import pyplot as plt

    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    blocks = list(BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")))
    assert blocks
    with mpl.rc_context():
        for block in blocks:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(block["code"], names)
            assert plain(output.getvalue()) == plain(block["printed"] or ""), block["code"]
    plt.close("all")


def test_the_table_of_the_start_page_is_what_the_command_prints(tmp_path):
    scenario = ROOT / "scenarios" / "zhejiang-as-qingyuan.yaml"
    done = CliRunner().invoke(main, ["run", str(scenario), "--out", str(tmp_path)])
    table = re.search(r"```text\n(.*?)```", (DOCS / "start.md").read_text("utf-8"), re.DOTALL)[1]
    for line in plain(table):
        assert line in done.output


def test_every_public_name_is_in_the_reference():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    for name in popsim.__all__:
        assert re.search(rf"\b{re.escape(name)}\b", text), name


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for page in PAGES:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            listed |= {line for line in tree.splitlines() if line and not line.startswith(":")}
    pages = {str(p.relative_to(DOCS).with_suffix("")) for p in PAGES}
    made = {f"generated/{p.stem}" for p in (ROOT / "notebooks").glob("*.ipynb")}
    made |= set(re.findall(r'"(generated/[\w-]+)', (DOCS / "conf.py").read_text("utf-8")))
    assert pages - {"index"} | made <= listed
    assert {name for name in listed if not name.startswith("generated/")} <= pages


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda p: p.name)
def test_no_page_names_a_place_on_one_machine(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w.:/-])/(?:home|Users|work|tmp|root|opt|mnt)/\S*", text)
    assert not re.findall(r"\b[A-Z]:\\\\?\w+", text)


def test_the_pages_made_from_code_can_be_made(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import generate

    generate.write_all(tmp_path)
    schema = (tmp_path / "schema.md").read_text(encoding="utf-8")
    assert "`third_child_share`" in schema
    assert "三孩" in schema
    reference = (tmp_path / "scenario-reference.md").read_text(encoding="utf-8")
    assert "`cash_transfer`" in reference
    assert "现金补助" in reference


def test_the_reference_shows_every_kind_key_and_a_valid_example(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import formats

    from popsim.policy.examples import kinds
    from popsim.policy.files import read_scenario
    from popsim.policy.schema import format_classes

    text = "\n".join(formats.scenario_reference())
    sections = re.split(r"\n### `(\w+)`\n", text)
    assert sections[1::2] == list(kinds())
    for kind, section in zip(sections[1::2], sections[2::2], strict=True):
        (example,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
        file = tmp_path / f"{kind}.yaml"
        head = f"schema: popsim.scenario/1\nid: {kind}\nlabel: {{en: A, zh: 例}}\nregions: all\n"
        file.write_text(head + example, encoding="utf-8")
        assert read_scenario(file).policies["example"].kind == kind
    for one in format_classes("scenario").values():
        for name, field in one.model_fields.items():
            assert f"| `{field.alias or name}` |" in text


def test_every_notebook_is_kept_without_outputs():
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert '"output_type"' not in notebook.read_text(encoding="utf-8"), notebook.name
