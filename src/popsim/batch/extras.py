"""Libraries of the extra ``batch``, loaded when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from popsim.errors import PopsimError

__all__ = ["loaded"]


def loaded(name: str) -> Any:
    """Return a library of the extra ``batch``.

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
        raise PopsimError(f'batches need {name}; write: pip install "popsim[batch]"') from error
