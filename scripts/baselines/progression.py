"""Progression ratios and mean ages of Zhejiang by year: what the random walks are fitted to.

``python -m scripts.baselines.progression`` prints the numbers that stand in
``popsim.demography.progression``.
"""

import numpy as np

from popsim.demography.parity import conditional_rates, period_fertility_table, reconstruct
from popsim.demography.stochastic import Process, fit_random_walk
from scripts.baselines import fertility, sources

#: Years whose progression ratios give the walk: after the steep fall of the early 1990s.
YEARS = range(1994, 2021)
#: First reproductive age followed, and the age after the last one.
_AGES = slice(15, 50)


def history(region: str = sources.ZHEJIANG, years: range = YEARS) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of period progression ratios and mean ages at birth, both (4 orders, years).

    The conditional rates of each year are those of the baselines' reconstruction. Of the open
    order, births per mother m stand for the ratio m / (1 + m) of endless equal steps, whose logit
    is ln m.
    """
    rates = fertility.past_rates(range(fertility.START, years.stop), region)
    shares = reconstruct(rates[: years.start - fertility.START], on_excess="cap").shares
    oldest = int(np.flatnonzero(np.isfinite(shares[0]))[-1])
    # Women who were 15 or older in 1980 could not be followed: as in the baselines, they get the
    # shares of the oldest age that could.
    women = np.where(np.isfinite(shares), shares, shares[:, [oldest]])
    tables = []
    for year in years:
        now = rates[year - fertility.START]
        tables.append(conditional_rates(now, women))
        women = reconstruct(now[None], women).shares
    ages = np.arange(_AGES.start, _AGES.stop)
    table = period_fertility_table(np.stack(tables)[..., _AGES], ages)
    ratio = table["ppr"].values.T
    logit = np.log(ratio)
    logit[:-1] -= np.log1p(-ratio[:-1])
    return logit, table["mab"].values.T


def fitted() -> tuple[Process, Process]:
    """Return the random walks of progression (4 orders) and of the mean age at first birth."""
    logit, age = history()
    return fit_random_walk(logit), fit_random_walk(age[0])


if __name__ == "__main__":
    for process in fitted():
        spread = np.asarray(process.covariance) / np.outer(process.sd, process.sd)
        print("changes", process.changes)
        print("standard deviation", process.sd.round(3))
        print("drift, not used", np.asarray(process.drift).round(3))
        print("correlation\n", spread.round(2))
