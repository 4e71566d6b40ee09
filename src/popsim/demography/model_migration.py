"""Model age profiles of migration of the United Nations, for places without data.

Three families by sex and age: whole families move, mostly men move for work, or mostly women do.
Emigration is the mirror image of immigration. The published groups of five years are spread over
single ages along a fitted Rogers-Castro curve, so that every group keeps its total. The figures of
*female labour* are recalled and could not be set beside a published page; the other two were.

References
----------
United Nations Population Division, model migration age profiles ("UNPD Migration Age Profiles").
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from popsim.demography.graduation import scale_within_groups
from popsim.demography.migration_schedules import rogers_castro
from popsim.errors import DataError

__all__ = ["MIGRATION_FAMILIES", "un_migration_family"]

Array = NDArray[np.float64]

# Per 100,000 migrants of both sexes: female, male; ages 0-4, 5-9, …, 75-79, 80 and over.
# scripts/sources/un_migration_families.csv
_GROUPS = {
    "family": (
        [
            3080.3, 1338.7, 1095.0, 5789.1, 10073.8, 9327.4, 6803.1, 4543.3, 2937.5,
            1876.8, 1194.0, 758.5, 481.5, 305.7, 194.0, 123.1, 78.2,
        ],
        [
            3082.9, 1339.8, 1027.1, 5237.0, 9426.2, 9059.2, 6861.3, 4758.8, 3195.5,
            2120.5, 1401.2, 924.4, 609.6, 401.9, 264.9, 174.6, 115.1,
        ],
    ),
    "male_labour": (
        [
            2124.3, 923.2, 755.2, 3992.5, 6947.4, 6432.7, 4691.8, 3133.3, 2025.8,
            1294.4, 823.5, 523.1, 332.1, 210.8, 133.8, 84.9, 53.9,
        ],
        [
            2136.3, 928.4, 1020.0, 7082.7, 12987.6, 12522.1, 9494.8, 6589.0, 4425.9,
            2937.7, 1941.4, 1280.9, 844.7, 556.9, 367.1, 242.0, 159.6,
        ],
    ),
    "female_labour": (
        [
            3974.5, 1727.3, 1412.9, 7469.8, 12998.4, 12035.4, 8778.2, 5862.3, 3790.3,
            2421.7, 1540.7, 978.7, 621.3, 394.4, 250.3, 158.9, 100.9,
        ],
        [
            3945.5, 1714.7, 1029.8, 3513.1, 6102.1, 5827.5, 4403.8, 3050.9, 2047.3,
            1358.0, 897.1, 591.7, 390.1, 257.2, 169.5, 111.8, 73.7,
        ],
    ),
}  # fmt: skip
MIGRATION_FAMILIES = tuple(_GROUPS)
"""Names of the families."""

# Curves along which groups are spread, (female, male); fitted here to the groups. Their level goes
# out, and the share of children differs between families, so childhood is taken by family.
_LABOUR = ((0.0884, 19.07, 0.2197), (0.0812, 19.12, 0.2183))
_CHILDHOOD = 0.171
_CHILD_LEVEL = {
    "family": (0.1891, 0.2060),
    "male_labour": (0.1891, 0.1047),
    "female_labour": (0.1891, 0.4085),
}


def un_migration_family(
    family: Literal["family", "male_labour", "female_labour"], *, ages: int = 101
) -> Array:
    """Return the model profile of a family of migration by sex and single age.

    Parameters
    ----------
    family : {"family", "male_labour", "female_labour"}
        Who moves.
    ages : int
        Number of single ages, the last one open; more than 81.

    Returns
    -------
    numpy.ndarray (sex, age)
        Shares of all migrants (female, male), their sum is 1 [1]. For in-migration and, of the
        same shape, out-migration; :func:`popsim.demography.migration_schedules.age_sex_migrants`
        lays a total of either sign over it.

    Raises
    ------
    DataError
        When the family is unknown or there are too few ages.

    Examples
    --------
    >>> shares = un_migration_family("male_labour")
    >>> shares.sum(axis=1).round(4)
    array([0.3448, 0.6552])
    """
    if family not in _GROUPS:
        raise DataError(f"family {family!r} is unknown; write: {', '.join(_GROUPS)}")
    if ages <= 81:
        raise DataError(f"ages={ages} is too few: the open age must be over 80")
    rows = []
    for groups, (alpha, mu, lambda_), child in zip(
        _GROUPS[family], _LABOUR, _CHILD_LEVEL[family], strict=True
    ):
        curve = rogers_castro(
            np.arange(ages), childhood=(child, _CHILDHOOD), labour=(1.0, alpha, mu, lambda_)
        )
        rows.append(scale_within_groups(curve, [*range(0, 81, 5), ages], groups))
    shares: Array = np.stack(rows)
    shares /= shares.sum()
    return shares
