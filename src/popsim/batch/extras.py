"""Libraries of the extras ``batch`` and ``parquet``, loaded when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from popsim.errors import PopsimError

__all__ = ["loaded"]


def loaded(name: str, extra: str = "batch", need: str = "batches need") -> Any:
    """Return a library of an extra; ``need`` begins the sentence when it is not installed.

    Raises
    ------
    PopsimError
        When it is not installed.

    Examples
    --------
    >>> loaded("no_such_library")
    Traceback (most recent call last):
    ...
    popsim.errors.PopsimError: batches need no_such_library; write: pip install "popsim[batch]"
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        told = f'{need} {name}; write: pip install "popsim[{extra}]"'
        raise PopsimError(told) from error
