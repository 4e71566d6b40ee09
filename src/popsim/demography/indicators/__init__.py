"""Indicators of a projection: small pure functions, each with unit, definition and source.

``definition`` says what an indicator is and ``quantities`` what its function may ask for;
``standard``, ``fertility``, ``ageing`` and ``dependency`` hold the functions, ``registry`` the list
and its sets.

Examples
--------
>>> indicator_names("ageing")[-2:]
['prospective_old_age_threshold', 'prospective_old_age_dependency_ratio']
"""

from popsim.demography.indicators.compute import AGE_BREAKS, indicators, may_need_single_ages
from popsim.demography.indicators.definition import Indicator
from popsim.demography.indicators.dependency import dependency_indicators, dependency_ratios
from popsim.demography.indicators.registry import (
    SETS,
    indicator_names,
    is_own_indicator,
    register_indicator,
    registered_indicators,
    remove_indicator,
)

__all__ = [
    "AGE_BREAKS",
    "SETS",
    "Indicator",
    "dependency_indicators",
    "dependency_ratios",
    "indicator_names",
    "indicators",
    "is_own_indicator",
    "may_need_single_ages",
    "register_indicator",
    "registered_indicators",
    "remove_indicator",
]
