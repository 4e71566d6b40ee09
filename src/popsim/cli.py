"""The command ``popsim``: run, plan, check, describe, explain, diff, schema, export, new, proof.

The verbs work on scenario files and on tables of data. Every verb exits with 1 and one list of all
problems when its input is bad, and writes nothing.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from popsim import __version__
from popsim.errors import PopsimError

__all__ = ["main"]

EXAMPLES = {
    "run": "popsim run scenarios/zhejiang-as-qingyuan.yaml --draws 1000 --seed 1 --out results, "
    "or: popsim run scenarios/zhejiang.batch.yaml --workers 2 --resume",
    "plan": "popsim plan scenarios/zhejiang.batch.yaml --workers 2",
    "export": "popsim export results/zhejiang births.xlsx --indicator births",
    "check": "popsim check scenarios/*.yaml my-county.xlsx --like zhejiang-2020",
    "describe": "popsim describe zhejiang-2020",
    "explain": "popsim explain scenarios/qingyuan-2023.yaml policies.childcare_subsidy.amount.3",
    "diff": "popsim diff scenarios/qingyuan-2023.yaml scenarios/qingyuan-2023-sunset.yaml",
    "schema": "popsim schema scenario",
    "new": "popsim new my-county.yaml, or: popsim new my-county.xlsx",
    "proof": "popsim proof looking-back census-tables --locale zh",
}
#: Names of the comparisons, repeated here so that --help loads no numerical library.
PROOF_NAMES = ("looking-back", "un", "fertility-measures", "tfr-forecast", "evidence")
FORMAT_NAMES = ("scenario", "response", "batch")
UNCERTAINTY_NAMES = ("default", "progression", "none")
#: Options of ``run`` by what they belong to; the others belong to both.
SCENARIO_OPTIONS = (
    "baseline",
    "like",
    "settings",
    "fertility",
    "response",
    "draws",
    "seed",
    "uncertainty",
    "demographic_noise",
    "until",
    "year",
)
BATCH_OPTIONS = ("workers", "threads", "memory", "resume", "dask", "task")
#: Year of the table, and years of the course: first full response, end of payback, later.
SHOWN_YEAR = 2030
SHOWN_YEARS = (2025, 2026, 2027, 2030, 2035, 2040, 2050)


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn popsim's own errors into a message and exit code 1."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except PopsimError as error:
            click.echo(f"popsim: {error}", err=True)
            raise SystemExit(1) from None

    return wrapped


def _example(verb: str) -> str:
    return f"Example: {EXAMPLES[verb]}"


def _are_tables(name: str) -> bool:
    """Return whether a name stands for tables of data rather than a scenario or result file."""
    return Path(name).is_dir() or name.lower().endswith((".xlsx", ".csv"))


_like = click.option(
    "--like", default=None, metavar="BASELINE", help="Baseline that fills what tables do not have."
)


_workers = click.option(
    "--workers",
    type=click.IntRange(1),
    default=None,
    help="Batch: tasks at a time; the number of processors by default.",
)


def _is_batch(files: tuple[str, ...]) -> bool:
    """Say whether a batch is to be run, and refuse options that do not belong to what is run."""
    from popsim.batch.files import is_batch

    batches = [name for name in files if is_batch(name)]
    if batches and len(files) > 1:
        raise PopsimError(f"a batch runs alone; write: popsim run {batches[0]}")
    context = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    for name in SCENARIO_OPTIONS if batches else BATCH_OPTIONS:
        if context.get_parameter_source(name) != default:
            option = "--set" if name == "settings" else f"--{name.replace('_', '-')}"
            raise PopsimError(
                f"{option} is said in the batch file, not here; write it into {batches[0]}"
                if batches
                else f"{option} belongs to a batch file; write: popsim run FILE.batch.yaml {option}"
            )
    return bool(batches)


_set = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Other value of a scenario, e.g. policies.NAME.amount.3=900; may be repeated. It "
    "applies to every scenario given that has the key.",
)


def _read_scenarios(names: tuple[str, ...], settings: tuple[str, ...]) -> list[Any]:
    """Read scenario files, change what is set, and tell all problems of both at once."""
    from popsim.errors import Problem, ScenarioError
    from popsim.policy.changes import change_all, read_settings
    from popsim.policy.files import read_scenario

    problems: list[Problem] = []
    read, changes = [], {}
    try:
        changes = read_settings(settings)
    except ScenarioError as error:
        problems += error.problems
    for name in names:
        try:
            read.append(read_scenario(name))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        # A file that several extend has its mistakes once.
        raise ScenarioError(list(dict.fromkeys(problems)))
    return change_all(read, changes, by="--set")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="popsim")
def main() -> None:
    """Project population by parity and show what birth-support policies change."""


@main.command(epilog=_example("run"))
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...|BATCH")
@click.option(
    "--baseline",
    default="zhejiang-2020",
    show_default=True,
    help="Embedded baseline, or tables of data: a folder or workbook.",
)
@_like
@_set
@click.option(
    "--fertility",
    type=click.Choice(["incidence", "conditional"]),
    default="incidence",
    show_default=True,
    help="What is held after the last observed year.",
)
@click.option("--response", default="default", show_default=True, help="Response file.")
@click.option("--draws", type=click.IntRange(1), default=500, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--uncertainty",
    type=click.Choice(UNCERTAINTY_NAMES),
    default="default",
    show_default=True,
    help="What is drawn of fertility, mortality and migration.",
)
@click.option(
    "--demographic-noise", is_flag=True, help="Add the chance of single births and deaths."
)
@click.option("--until", type=int, default=None, help="Last year; the baseline's last by default.")
@click.option("--year", type=int, default=None, help="Year of the table; 2030 by default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of results; results by default, results/<id> of a batch.",
)
@_workers
@click.option("--threads", is_flag=True, help="Batch: threads instead of processes.")
@click.option(
    "--memory", type=float, default=None, help="Batch: most address space of a worker, in GB."
)
@click.option("--resume", is_flag=True, help="Batch: go on with a store that is there.")
@click.option("--dask", default=None, metavar="ADDRESS", help="Batch: run on this dask cluster.")
@click.option("--task", default=None, metavar="I/N", help="Batch: only the I-th of N parts.")
@_told
def run(
    scenarios: tuple[str, ...],
    baseline: str,
    like: str | None,
    settings: tuple[str, ...],
    fertility: Literal["incidence", "conditional"],
    response: str,
    draws: int,
    seed: int,
    uncertainty: str,
    demographic_noise: bool,
    until: int | None,
    year: int | None,
    out: Path | None,
    workers: int | None,
    threads: bool,
    memory: float | None,
    resume: bool,
    dask: str | None,
    task: str | None,
) -> None:
    """Run scenarios against the same future without them; print and write the effect.

    A batch file (schema popsim.batch/1) runs many regions under many scenarios and writes a store;
    run again with --resume it goes on where it was stopped, whatever stopped it.
    """
    if _is_batch(scenarios):
        from popsim.batch.console import part_of, run_batch

        run_batch(
            scenarios[0],
            out=out,
            workers=workers,
            threads=threads,
            memory=memory,
            resume=resume,
            dask=dask,
            part=part_of(task),
        )
        return
    out = Path("results") if out is None else out
    # Read first: a mistake in a file is told before the numerical libraries are loaded.
    read = _read_scenarios(scenarios, settings)
    from popsim.data.samples import load_baseline
    from popsim.evaluation.compare import compare
    from popsim.policy.dose import capacity
    from popsim.simulation import against_no_expansion
    from popsim.simulation import run as simulate

    if _are_tables(baseline):
        from popsim.tables.read import read_tables

        data = read_tables(baseline, like=like, fertility=fertility)
    else:
        data = load_baseline(baseline, fertility=fertility)
    first = int(data["year"].values[0])
    options: dict[str, Any] = {
        "response": response,
        "years": None if until is None else range(first, until + 1),
        "draws": draws,
        "seed": seed,
        "uncertainty": uncertainty,
        "demographic_noise": demographic_noise,
        "progress": True,
    }
    result = simulate(data, read, **options)
    if year is None:
        year = min(SHOWN_YEAR, int(result["year"].values[-1]))
    if result.sizes["scenario"] == 1:
        raise PopsimError(
            "there is nothing to compare: the scenario holds no policy, as the reference; write: a "
            "scenario with a policy (popsim new FILE writes one)"
        )
    effect = compare(result)
    regions = [str(region) for region in result["region"].values]
    summaries = {region: effect.summary(year, region=region) for region in regions}
    for summary in summaries.values():
        _print_summary(summary, year, draws)
    _print_course(effect, regions)
    _print_bill(result, max(year - 4, first), year)
    for scenario in read:
        if capacity(scenario) is not None:
            frozen = compare(simulate(against_no_expansion(data, scenario), scenario, **options))
            mine = effect.difference["births"].sel(scenario=[scenario.id])
            # Announced when the reference grows no more, the two comparisons are one.
            if not frozen.difference["births"].equals(mine):
                _print_no_expansion(frozen, scenario.id, year, regions)
    click.echo("\nWhat is reconstructed, illustrative, cut or without effect here:")
    for line in _caveats(data, result):
        click.echo(f"- {line}")
    written = _write(out, result, effect, summaries)
    click.echo(f"\nWritten to {out}: {', '.join(written)}")


def _print_summary(summary: Any, year: int, draws: int) -> None:
    over = f"means over {draws} draws; 80 % interval of the paired difference"
    for scenario, rows in summary.table.groupby("scenario", sort=False):
        click.echo(f"\n{scenario}, {year} (stocks: year-end); {over}")
        if draws == 1:
            click.echo("One draw has no interval: the two ends are the same number.")
        wide = max(len(label) for label in rows["label"]) + 2
        click.echo(f"\n{'':{wide}}{'without':>13}{'with':>13}{'difference':>12}   80 % interval")
        for row in rows.to_dict("records"):
            digits = {"births per woman": 3, "birth": 0}.get(row["unit"], 2)
            figures = "".join(f"{row[key]:>13,.{digits}f}" for key in ("reference", "with_policy"))
            change, low, high = (
                f"{round(row[key], digits) + 0.0:+,.{digits}f}"
                for key in ("difference", "lower_80", "upper_80")
            )
            click.echo(
                f"{row['label']:{wide}}{figures}{change:>12}   {low} to {high} "
                f"{row['difference_unit']}   {row['label_zh']}"
            )
        _print_chances(summary.chances, str(scenario), year)
    for language in ("en", "zh"):
        click.echo(f"\n{summary.text(language)}")


def _print_chances(chances: Any, scenario: str, year: int) -> None:
    if not len(chances):
        return
    mine = chances[chances["scenario"] == scenario]
    click.echo(f"\nChance in {year} that the birth rate rises not at all / by less than 0.5 %:")
    for channel, rows in mine.groupby("channel", sort=False):
        cells = (
            f"order {row['birth_order']} {row['chance_of_no_effect']:.2f} / "
            f"{row['chance_of_negligible_effect']:.2f}"
            for row in rows.to_dict("records")
        )
        click.echo(f"  {channel:15}{'   '.join(cells)}")


def _print_course(effect: Any, regions: list[str]) -> None:
    rate = effect.difference["total_fertility_rate"]
    years = [year for year in SHOWN_YEARS if year in rate["year"].values]
    click.echo("\nTotal fertility rate, difference by year (mean; 80 % interval)")
    for region in regions:
        for scenario in rate["scenario"].values:
            click.echo(f"{scenario}, {region}")
            for year in years:
                draws = rate.sel(region=region, scenario=scenario, year=year)
                low, high = draws.quantile([0.1, 0.9]).values
                click.echo(f"  {year}  {float(draws.mean()):+.4f}  ({low:+.4f} to {high:+.4f})")


def _print_bill(result: Any, first: int, last: int) -> None:
    from popsim.evaluation.bill import bill

    table = bill(result).table("scenario", "payer", "year")
    table = table[table["year"].between(first, last)]
    click.echo(f"\nPaid in each year of {first}-{last}, million CNY (means, all regions)")
    for scenario, rows in table.groupby("scenario", sort=False):
        click.echo(str(scenario))
        for payer, paid in rows.groupby("payer", sort=False):
            by_year = paid.set_index("year")["paid"].reindex(range(first, last + 1), fill_value=0.0)
            figures = "".join(f"{money / 1e6:>12,.1f}" for money in by_year)
            click.echo(f"  {payer:14}{figures}")
        if (rows["payer"] == "unstated").any():
            click.echo("  unstated: instruments without payers in the scenario file")


def _print_no_expansion(effect: Any, scenario: str, year: int, regions: list[str]) -> None:
    click.echo(
        f"\n{scenario} against no expansion of childcare places (reference places stay where they "
        "stood\nwhen the policy was announced, instead of growing with the nation's):"
    )
    for region in regions:
        cell = effect.difference.sel(region=region, scenario=scenario, year=year)
        births, rate = cell["births"], cell["total_fertility_rate"]
        low, high = births.quantile([0.1, 0.9]).values
        click.echo(
            f"  {region}, {year}: births {float(births.mean()):+,.0f} ({low:+,.0f} to "
            f"{high:+,.0f}), total fertility rate {float(rate.mean()):+.4f}"
        )


def _caveats(data: Any, result: Any) -> list[str]:
    """Return what a reader must know of the data and the run."""
    marked = [
        f"{name}: {array.attrs['source']}"
        for name, array in data.data_vars.items()
        if any(word in array.attrs.get("source", "") for word in ("RECONSTRUCTED", "ILLUSTRATIVE"))
    ]
    notices = [line for line in result.attrs["notices"].splitlines() if line]
    return [*notices, *marked]


def _write(out: Path, result: Any, effect: Any, summaries: dict[str, Any]) -> list[str]:
    """Write everything to a folder beside the target first, so that no half result is left."""
    import pandas as pd

    from popsim.evaluation.bill import bill
    from popsim.evaluation.places import places_to_build
    from popsim.store import save_result, tidy_quantiles

    scenarios = [str(name) for name in result["scenario"].values]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PopsimError(f"cannot write to {out}: {error.strerror}") from error
    with tempfile.TemporaryDirectory(dir=out, prefix=".unfinished-") as scratch:
        folder = Path(scratch)
        save_result(result, folder / "result.nc")
        tables = {
            "indicators.csv": tidy_quantiles(result),
            "effect.csv": tidy_quantiles(effect.difference),
            "summary.csv": pd.concat({r: s.table for r, s in summaries.items()}, names=["region"]),
            "chances.csv": pd.concat(
                {r: s.chances for r, s in summaries.items()}, names=["region"]
            ),
            "cost.csv": pd.concat(
                {r: pd.concat([s.cost, s.package_cost]) for r, s in summaries.items()},
                names=["region"],
            ),
            "bill.csv": bill(result).table("region", "scenario", "year", "policy", "payer"),
            "places.csv": pd.concat(
                [places_to_build(result, name).assign(scenario=name) for name in scenarios]
            ),
        }
        for name, table in tables.items():
            indexed = "region" in table.index.names
            table = table.reset_index("region") if indexed else table
            # The byte-order mark makes spreadsheets read Chinese labels.
            table.to_csv(folder / name, index=False, encoding="utf-8-sig")
        _draw(folder, result, effect)
        names = sorted(path.name for path in folder.iterdir())
        for name in names:
            shutil.move(folder / name, out / name)
    return names


def _draw(folder: Path, result: Any, effect: Any) -> None:
    from matplotlib.figure import Figure

    from popsim import plotting

    def draw(name: str, chart: Callable[..., Any], *args: Any, **options: Any) -> None:
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        chart(*args, ax=figure.subplots(), **options)
        figure.savefig(folder / f"{name}.png", dpi=150)

    for region in result["region"].values:
        suffix = f"-{region}" if result.sizes["region"] > 1 else ""
        for name in ("total_fertility_rate", "third_child_share"):
            draw(name + suffix, plotting.fan, result[name].sel(region=region))
            change = effect.difference[name].sel(region=region)
            draw(f"effect_{name}{suffix}", plotting.fan, change)
        people = result["population"].sel(region=region).isel(scenario=-1)
        last, start = people.isel(time=-1), people.isel(time=0)
        draw(f"pyramid{suffix}", plotting.pyramid, last, outline=start)


@main.command(epilog=_example("plan"))
@click.argument("batch", metavar="BATCH")
@_workers
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder of results.")
@_told
def plan(batch: str, workers: int | None, out: Path | None) -> None:
    """Say what a batch file will run: tasks, time, memory and disk. Nothing is written."""
    from popsim.batch.console import print_plan

    print_plan(batch, workers, out)


@main.command(epilog=_example("export"))
@click.argument("store", metavar="STORE")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--indicator", multiple=True, help="Name of an indicator; may be repeated.")
@click.option("--region", multiple=True, help="Code of a region; may be repeated.")
@click.option("--scenario", multiple=True, help="Identifier of a scenario; may be repeated.")
@click.option("--from", "first", type=int, default=None, help="First year.")
@click.option("--until", "last", type=int, default=None, help="Last year.")
@_told
def export(
    store: str,
    file: Path,
    indicator: tuple[str, ...],
    region: tuple[str, ...],
    scenario: tuple[str, ...],
    first: int | None,
    last: int | None,
) -> None:
    """Write results of a batch to FILE: .csv, .xlsx, .parquet or .nc. Nothing is loaded whole."""
    from popsim.batch.console import write_export

    write_export(
        store,
        file,
        indicators=indicator,
        regions=region,
        scenarios=scenario,
        first=first,
        last=last,
    )


@main.command(epilog=_example("check"))
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER...")
@_like
@_set
@_told
def check(files: tuple[str, ...], like: str | None, settings: tuple[str, ...]) -> None:
    """Check scenario, response and batch files, tables of data, and stores of batches.

    Every problem is told with its place; tables are then checked for plausibility, which is
    printed and is no error. A store is compared with its checksums.
    """
    from popsim.batch.console import check_batch, check_whole, is_store
    from popsim.batch.files import is_batch
    from popsim.errors import DataError, Problem, ScenarioError
    from popsim.policy.files import check_file, is_scenario

    problems: list[Problem] = []
    scenarios: list[str] = []
    data_only = True
    for name in files:
        if name.endswith(".expected.yaml"):
            continue
        try:
            if is_store(name):
                check_whole(name)
            elif is_batch(name):
                click.echo(f"{name}: {check_batch(name)}")
            elif _are_tables(name):
                _check_tables(name, like)
            else:
                click.echo(f"{name}: {check_file(name)}")
                scenarios += [name] * is_scenario(name)
        except (ScenarioError, DataError) as error:
            data_only &= isinstance(error, DataError)
            problems += error.problems
    if settings:
        try:
            _read_scenarios(tuple(scenarios), settings)
        except ScenarioError as error:
            data_only = False
            problems += error.problems
    if problems:
        raise (DataError if data_only else ScenarioError)(problems)


def _check_tables(name: str, like: str | None) -> None:
    from popsim.demography.checks import check_data
    from popsim.tables.read import read_tables

    data = read_tables(name, like=like)
    found = check_data(data)
    failed = found[found["verdict"] == "fail"]
    passed = int((found["verdict"] == "pass").sum())
    click.echo(f"{name}: tables of {', '.join(map(str, data['region_name_zh'].values))}")
    click.echo(f"{passed} findings of {found['check'].nunique()} data checks pass")
    for row in failed.to_dict("records"):
        click.echo(
            f"look at {row['check']}, {row['where']}: {row['value']:.4g} is not between "
            f"{row['low']:g} and {row['high']:g}\n    {row['meaning']}\n    {row['meaning_zh']}"
        )


@main.command(epilog=_example("describe"))
@click.argument("what", metavar="BASELINE|FILE|FOLDER|STORE")
@_like
@_set
@_told
def describe(what: str, like: str | None, settings: tuple[str, ...]) -> None:
    """Describe a baseline, a scenario file, a result file, a store of a batch, or tables."""
    from popsim.batch.console import describe_batch, describe_store, is_store
    from popsim.batch.files import is_batch

    if is_store(what) or is_batch(what):
        (describe_store if is_store(what) else describe_batch)(what)
        return
    if what.endswith((".yaml", ".yml")):
        _describe_scenario(what, settings)
        return
    if (Path(what) / "result.nc").is_file():
        # The folder that a run has written.
        what = str(Path(what) / "result.nc")
    if settings:
        raise PopsimError(f"--set changes values of scenario files; {what} is none")
    if _are_tables(what):
        from popsim.tables.read import read_tables

        data = read_tables(what, like=like)
    elif what.endswith(".nc"):
        from popsim.store import load_result

        data = load_result(what)
    else:
        from popsim.data.samples import load_baseline

        data = load_baseline(what)
    for key, value in data.attrs.items():
        click.echo(f"{key}: {value}")
    sizes = ", ".join(f"{name} {size}" for name, size in data.sizes.items())
    click.echo(f"dimensions: {sizes}\n")
    for name, array in data.data_vars.items():
        dims = ", ".join(map(str, array.dims))
        attrs = array.attrs
        click.echo(f"{name} ({dims}) [{attrs.get('units', '')}]  {attrs.get('long_name_zh', '')}")
        click.echo(f"    {attrs.get('definition', '')}")
        click.echo(f"    Source: {attrs.get('source', '')}")


def _describe_scenario(path: str, settings: tuple[str, ...]) -> None:
    from popsim.policy.changes import dotted_keys

    (scenario,) = _read_scenarios((path,), settings)
    click.echo(f"{scenario.id}: {scenario.label.en} {scenario.label.zh} ({scenario.status})")
    regions = scenario.regions if scenario.regions == "all" else ", ".join(scenario.regions)
    click.echo(f"regions: {regions}")
    if scenario.source is not None:
        source = scenario.source
        click.echo(f"source: {source.title}, {source.issuer or ''}, {source.dated or ''}")
    for name, policy in scenario.policies.items():
        clause = f", clause {policy.clause}" if policy.clause else ""
        click.echo(f"\n{name}: {policy.kind}, announced {policy.announced}{clause}")
        above = f"policies.{name}."
        for dotted, value in dotted_keys(scenario).items():
            key = dotted.removeprefix(above)
            said_above = key in ("kind", "announced", "clause")
            if dotted.startswith(above) and not said_above and not isinstance(value, dict):
                click.echo(f"    {key}: {scenario.explain(dotted)}")


@main.command(epilog=_example("explain"))
@click.argument("file", metavar="FILE")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@_set
@_told
def explain(file: str, keys: tuple[str, ...], settings: tuple[str, ...]) -> None:
    """Say what a value of a scenario is, and in which line of which file it stands."""
    from popsim.errors import Problem, ScenarioError

    (scenario,) = _read_scenarios((file,), settings)
    problems: list[Problem] = []
    for key in keys:
        try:
            told = scenario.explain(key)
            click.echo(f"{key}: {told}" if len(keys) > 1 else told)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)


@main.command(epilog=_example("diff"))
@click.argument("first", metavar="A")
@click.argument("second", metavar="B", required=False)
@click.option("--locale", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@_set
@_told
def diff(first: str, second: str | None, locale: Literal["en", "zh"], settings: Any) -> None:
    """Say what scenario B says differently from A; without B, what --set changes in A."""
    from popsim.policy.changes import change_all, read_settings
    from popsim.policy.difference import diff as compare_scenarios

    if second is None and not settings:
        raise PopsimError("there is nothing to compare with; write: a second file, or --set")
    a, b = _read_scenarios((first, second or first), ())
    (b,) = change_all([b], read_settings(settings), by="--set")
    click.echo(compare_scenarios(a, b).text(locale))


@main.command(epilog=_example("schema"))
@click.argument("name", type=click.Choice(FORMAT_NAMES), default="scenario")
@_told
def schema(name: str) -> None:
    """Print the JSON Schema of scenario, response or batch files, for editors."""
    import json

    from popsim.batch.schema import batch_json_schema
    from popsim.policy.schema import json_schema

    found = batch_json_schema() if name == "batch" else json_schema(name)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@main.command(epilog=_example("new"))
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--tables", is_flag=True, help="Write a folder of CSV tables for data.")
@click.option(
    "--year", type=int, default=None, help="Year at whose end people are counted; the last one."
)
@click.option(
    "--ages",
    type=click.Choice(["single", "five"]),
    default="single",
    show_default=True,
    help="Single ages, or groups of five years.",
)
@_told
def new(file: Path, tables: bool, year: int | None, ages: Literal["single", "five"]) -> None:
    """Write a scenario file (.yaml), or tables for data (.xlsx, or a folder with --tables)."""
    from importlib.resources import files

    if tables or file.suffix.lower() == ".xlsx":
        from datetime import date

        from popsim.tables.write import write_template

        counted = date.today().year - 1 if year is None else year
        written = write_template(file, year=counted, ages=ages)
        click.echo(
            f"Written: {written}. Fill in what you have, then: "
            f"popsim check {written} --like zhejiang-2020"
        )
        return

    from popsim.errors import ScenarioError
    from popsim.policy.files import check_file

    if file.suffix not in (".yaml", ".yml"):
        raise PopsimError(
            f"{file} is not a name for a scenario file; write: {file.stem}.yaml, or "
            f"{file.stem}.xlsx for tables of data"
        )
    if file.exists():
        raise PopsimError(f"{file} is there already; choose another name")
    text = (files("popsim.policy") / "new-scenario.yaml").read_text(encoding="utf-8")
    text = text.replace("NAME", file.stem)
    with tempfile.TemporaryDirectory() as scratch:
        # The name of the file becomes the id, which not every name can be.
        trial = Path(scratch) / file.name
        trial.write_text(text, encoding="utf-8")
        try:
            check_file(trial)
        except ScenarioError as error:
            raise PopsimError(
                f"{file.stem!r} cannot be the id of a scenario; write: letters, digits, - and _, "
                "such as my-county.yaml"
            ) from error
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PopsimError(f"cannot write {file}: {error.strerror}") from error
    click.echo(f"Written: {file}. Fill it in, then: popsim check {file}")


@main.command(epilog=_example("proof"))
@click.argument("name", type=click.Choice(PROOF_NAMES))
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False
)
@click.option("--locale", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Folder for the tables as CSV."
)
@_told
def proof(name: str, folder: Path | None, locale: str, out: Path | None) -> None:
    """Set popsim beside published figures in FOLDER, or beside what happened.

    evidence enters the studies of the package into the default response and needs no FOLDER.
    """
    from popsim.proof.tables import proof_tables

    tables = proof_tables(name, folder, locale)
    for title, table in tables.items():
        click.echo(f"\n{title}")
        click.echo(table.to_string(float_format=lambda number: f"{number:.6g}"))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for title, table in tables.items():
            # The mark tells spreadsheets that the text is UTF-8.
            table.to_csv(out / f"{title}.csv", encoding="utf-8-sig")
        click.echo(f"\nWritten to {out}: {', '.join(f'{title}.csv' for title in tables)}")
