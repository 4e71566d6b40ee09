"""The tables of every comparison by its name, as the command line prints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from popsim.errors import DataError, nearest

__all__ = ["PROOFS", "PROOFS_WITHOUT_FILES", "proof_tables"]


def _looking_back(folder: Path, locale: str) -> dict[str, pd.DataFrame]:
    from popsim.proof.looking_back import looking_back

    found = looking_back(folder)
    summary = pd.DataFrame({"value": found.summary})
    return {"looking-back": found.labelled_table(locale), "summary": summary}


def _un(folder: Path, locale: str) -> dict[str, pd.DataFrame]:
    from popsim.proof.un import un

    found = un(folder)
    return {"un": found.summary, "alternatives": found.alternatives}


def _fertility_measures(folder: Path, locale: str) -> dict[str, pd.DataFrame]:
    from popsim.proof.fertility_measures import fertility_measures

    return {"fertility-measures": fertility_measures(folder)}


def _tfr_forecast(folder: Path, locale: str) -> dict[str, pd.DataFrame]:
    from popsim.proof.tfr_forecast import tfr_forecast, tfr_forecast_summary

    table = tfr_forecast(folder)
    return {"tfr-forecast": tfr_forecast_summary(table), "by-country": table}


def _evidence(locale: str) -> dict[str, pd.DataFrame]:
    from popsim.policy.pool_sensitivity import pool_sensitivity
    from popsim.policy.pooling import pool_evidence
    from popsim.proof.evidence_check import evidence_check, share_contained

    checked = evidence_check()
    shown = ["response", "id", "order", "dose_pv_pct_gdppc", "coverage_points", "effect_pct"]
    shown += ["low_95", "low_80", "median", "high_80", "high_95", "in_80", "in_95"]
    return {
        "evidence": checked[shown].set_index(["response", "id"]),
        "share-contained": share_contained(checked).set_index(["response", "set"]),
        "pool": pool_evidence().programmes.set_index("programme"),
        "sensitivity": pool_sensitivity().set_index(["kind", "change"]),
    }


PROOFS: Mapping[str, Callable[[Path, str], dict[str, pd.DataFrame]]] = {
    "looking-back": _looking_back,
    "un": _un,
    "fertility-measures": _fertility_measures,
    "tfr-forecast": _tfr_forecast,
}
"""Comparisons by name: a folder of reference files and a language give tables by name."""

PROOFS_WITHOUT_FILES: Mapping[str, Callable[[str], dict[str, pd.DataFrame]]] = {
    "evidence": _evidence
}
"""Comparisons with what the package itself holds: a language gives tables by name."""


def proof_tables(
    name: str, folder: str | Path | None = None, locale: str = "en"
) -> dict[str, pd.DataFrame]:
    """Run a comparison on a folder of reference files.

    Parameters
    ----------
    name : {'looking-back', 'un', 'fertility-measures', 'tfr-forecast', 'evidence'}
        The comparison; what its folder must hold stands at the function of that name.
    folder : path, optional
        Needed by all but ``evidence``, whose studies are in the package.
    locale : {'en', 'zh'}
        Language of the headings, where the comparison has both.

    Returns
    -------
    dict of str to pandas.DataFrame
        The main table first, under the name of the comparison.

    Raises
    ------
    DataError
        When there is no such comparison, the folder does not hold its files, or there is a folder
        where none is needed or none where one is.

    Examples
    --------
    >>> proof_tables("looking_back", ".")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: no comparison 'looking_back'; write: looking-back
    """
    names = [*PROOFS, *PROOFS_WITHOUT_FILES]
    if name not in names:
        raise DataError(
            f"no comparison {name!r}; write: {nearest(name, names) or ' or '.join(names)}"
        )
    if name in PROOFS_WITHOUT_FILES:
        if folder is not None:
            raise DataError(f"{name} reads no files; write: no folder")
        return PROOFS_WITHOUT_FILES[name](locale)
    if folder is None:
        raise DataError(f"{name} compares with files; write: the folder that holds them")
    return PROOFS[name](Path(folder), locale)
