"""Other shapes of the default response to cash, for those who doubt that it flattens."""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

from popsim.errors import DataError
from popsim.policy.base import Label
from popsim.policy.files import read_response
from popsim.policy.response_file import (
    Evidence,
    LinearChannel,
    Lognormal,
    Normal,
    PowerChannel,
    ResponseFile,
    SaturatingChannel,
)

__all__ = ["CashMap", "alternative_response"]

CashMap = Literal["saturating", "linear", "power"]
_JUDGEMENT = Evidence(
    source="Fits of the ten pooled programmes (popsim.fit_dose_response), lowered and widened",
    judgement=(
        "Lowered for publication bias as the default is; the chance of no effect, multipliers, "
        "lags and lasting share are those of the default."
    ),
)


@cache
def alternative_response(cash_map: CashMap) -> ResponseFile:
    """Return the default response with another map from money to births.

    Parameters
    ----------
    cash_map : {'saturating', 'linear', 'power'}
        ``saturating`` is the default itself. ``linear`` has 0.25 % births per 1 % of GDP per head
        (log-normal, sigma 0.9) at every dose; ``power`` 2.4 % at 10 % of GDP per head (sigma 0.8)
        with an exponent of 0.4 (normal, 0.15). Both are judgements on the same studies.

    Returns
    -------
    ResponseFile
        To be given to ``popsim.run`` as ``Response(...)``.

    Raises
    ------
    DataError
        When there is no such map.

    Examples
    --------
    >>> alternative_response("linear").channels.cash.effect.median
    0.25
    """
    if cash_map not in get_args(CashMap):
        raise DataError(f"map {cash_map!r} is unknown; write: saturating, linear or power")
    default = read_response()
    cash = default.channels.cash
    if cash_map == "saturating":
        return default
    assert isinstance(cash, SaturatingChannel)
    same = {
        name: getattr(cash, name)
        for name in ("quantum_share", "decision_lag", "ramp", "utilisation", "evidence")
    }
    same["order_multiplier"] = cash.order_multiplier
    p_zero = cash.beta.p_zero
    channel: LinearChannel | PowerChannel
    if cash_map == "linear":
        effect = Lognormal(
            dist="lognormal", median=0.25, sigma=0.9, p_zero=p_zero, evidence=_JUDGEMENT
        )
        channel = LinearChannel(map="linear", effect=effect, **same)
    else:
        at_10 = Lognormal(
            dist="lognormal", median=2.4, sigma=0.8, p_zero=p_zero, evidence=_JUDGEMENT
        )
        exponent = Normal(dist="normal", mean=0.4, sd=0.15, low=0.0, evidence=_JUDGEMENT)
        channel = PowerChannel(map="power", at_10=at_10, exponent=exponent, **same)
    name = {"linear": "线性", "power": "幂函数"}[cash_map]
    return default.model_copy(
        update={
            "id": f"default-{cash_map}",
            "label": Label(en=f"Default response, {cash_map}", zh=f"默认响应（{name}）"),
            "channels": default.channels.model_copy(update={"cash": channel}),
        }
    )
