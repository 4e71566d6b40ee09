"""A projection baseline of any region from two censuses ten years apart.

What is known of most provinces, cities and counties of China is this: the population by sex and
five-year group in two censuses, deaths by sex and age in the year before each, births by order in
the long form of the later one; and of the nation the same by single age. From it:

1. :mod:`~popsim.demography.two_censuses.ages`: single ages, with the nation's as standard;
2. :mod:`~popsim.demography.two_censuses.survival`: death rates, drawn to the nation's where deaths
   are few, raised for unregistered deaths by what the nation's old cohorts lost;
3. :mod:`~popsim.demography.two_censuses.coverage`: errors of the counts, from the closed nation;
4. :mod:`~popsim.demography.two_censuses.moves`: net migration between the censuses and how much of
   it comes again;
5. :mod:`~popsim.demography.two_censuses.births`: fertility by order, women by parity;
6. :mod:`~popsim.demography.two_censuses.build`: all of it as input of
   :func:`popsim.project`, every adjustment beside it.

Everything that was decided and not measured is a named constant or an argument.
"""

from popsim.demography.two_censuses.build import baseline_from_two_censuses
from popsim.demography.two_censuses.moves import PERSISTENCE, RETURN

__all__ = ["PERSISTENCE", "RETURN", "baseline_from_two_censuses"]
