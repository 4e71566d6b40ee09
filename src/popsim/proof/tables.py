"""The tables of every comparison by its name, as the command line prints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from popsim.errors import DataError, nearest

__all__ = ["PROOFS", "proof_tables"]


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


PROOFS: Mapping[str, Callable[[Path, str], dict[str, pd.DataFrame]]] = {
    "looking-back": _looking_back,
    "un": _un,
    "fertility-measures": _fertility_measures,
    "tfr-forecast": _tfr_forecast,
}
"""Comparisons by name: a folder of reference files and a language give tables by name."""


def proof_tables(name: str, folder: str | Path, locale: str = "en") -> dict[str, pd.DataFrame]:
    """Run a comparison on a folder of reference files.

    Parameters
    ----------
    name : {'looking-back', 'un', 'fertility-measures', 'tfr-forecast'}
        The comparison; what its folder must hold stands at the function of that name.
    folder : path
    locale : {'en', 'zh'}
        Language of the headings, where the comparison has both.

    Returns
    -------
    dict of str to pandas.DataFrame
        The main table first, under the name of the comparison.

    Raises
    ------
    DataError
        When there is no such comparison, or the folder does not hold its files.

    Examples
    --------
    >>> proof_tables("looking_back", ".")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: no comparison 'looking_back'; write: looking-back
    """
    if name not in PROOFS:
        raise DataError(
            f"no comparison {name!r}; write: {nearest(name, PROOFS) or ' or '.join(PROOFS)}"
        )
    return PROOFS[name](Path(folder), locale)
