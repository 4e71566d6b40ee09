"""Errors of coverage of the censuses, from a nation that nobody enters or leaves.

A national cohort changes between two censuses by deaths alone. What deaths do not explain was
counted wrongly, at the first census or at the second. Which of them it was cannot be seen in two
counts. The rule here is fixed beforehand:

- Children under 5 are missed by the earlier census and are all there ten years later, at school:
  the whole error is the earlier census's. The later census is taken to have missed its own
  children under 5 in the same way (``children_missed``).
- At all other ages half of the error is put on each census. For those aged 5-9 the half that falls
  on the earlier census counts as missed children too, and is repeated by the later one.
- From 70 on what was lost are deaths that were not registered
  (:mod:`~popsim.demography.two_censuses.survival`); what that leaves is not corrected.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.demography.two_censuses.ages import DECADE, FIVES
from popsim.demography.two_censuses.survival import OLD

__all__ = ["Coverage", "coverage"]

Array = NDArray[np.float64]

_STEP = DECADE // 5
#: Group in which nobody of 60 and over at the earlier census can be.
_FIRST_OLD = int(np.flatnonzero(FIVES == OLD + DECADE)[0])
#: Share of a cohort's error that is put on the earlier census, but for the youngest.
EARLIER_SHARE = 0.5


class Coverage(NamedTuple):
    """Coverage of two censuses.

    Attributes
    ----------
    ratio : numpy.ndarray (sex, five)
        Count of the nation at the later census over survivors of the earlier, by age at the
        later; 1 below 10 [1].
    correction : numpy.ndarray (sex, five)
        Factor on the counts of the later census that takes its errors out [1].
    """

    ratio: Array
    correction: Array


def coverage(expected: Array, counted: Array, *, children_missed: float = 1.0) -> Coverage:
    """Split the nation's error of coverage between the two censuses.

    Parameters
    ----------
    expected, counted : numpy.ndarray (sex, five)
        The nation's survivors of the earlier census and its count at the later one [persons].
    children_missed : float
        Extent to which the later census misses children under 10 as the earlier one did:
        1 as much, 0 not at all.

    Examples
    --------
    >>> expected = np.full((1, 21), 100.0)
    >>> counted = expected.copy()
    >>> counted[0, 2], counted[0, 4] = 110.0, 96.04
    >>> coverage(expected, counted).correction[0, :5].round(3)
    array([1.1 , 1.  , 1.  , 1.  , 1.02])
    """
    ratio = np.ones_like(counted)
    ratio[:, _STEP:] = counted[:, _STEP:] / expected[:, _STEP:]
    earlier = np.full(counted.shape[-1], EARLIER_SHARE)
    earlier[_STEP] = 1.0
    correction = ratio ** -(1.0 - earlier)
    correction[:, _FIRST_OLD:] = 1.0
    missed = ratio[:, _STEP : 2 * _STEP] ** earlier[_STEP : 2 * _STEP]
    correction[:, :_STEP] = missed**children_missed
    return Coverage(ratio, correction)
