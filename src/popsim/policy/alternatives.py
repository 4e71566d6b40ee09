"""Other shapes of the default response to cash, for those who doubt that it flattens."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args

from pydantic import BaseModel

from popsim.errors import DataError
from popsim.policy.base import Label
from popsim.policy.files import read_response
from popsim.policy.response_file import (
    Channel,
    Evidence,
    LinearChannel,
    Lognormal,
    Normal,
    PowerChannel,
    ResponseFile,
    SaturatingChannel,
)

__all__ = ["CashMap", "alternative_response", "shared_fields"]

CashMap = Literal["saturating", "linear", "power"]
_LINEAR = Evidence(
    source="Linear fit of the ten pooled programmes (popsim.fit_dose_response), 0.30 per 1 %",
    judgement=(
        "Lowered to 0.25, the outer anchor of the IFS meta-analysis, and widened to the spread "
        "between programmes; less than the default is, whose fit is taken times 0.6."
    ),
)
_POWER = Evidence(
    source="Power fit of the ten pooled programmes (popsim.fit_dose_response), 3.8 % at 10 %",
    judgement="Times 0.6 as the default is, rounded, and widened.",
)
_EXPONENT = Evidence(
    source="Slope of log effect on log dose: 0.61, and 0.19 without the very small German dose",
    judgement="Between the two.",
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
    p_zero = cash.beta.p_zero
    channel: LinearChannel | PowerChannel
    if cash_map == "linear":
        effect = Lognormal(
            dist="lognormal", median=0.25, sigma=0.9, p_zero=p_zero, evidence=_LINEAR
        )
        channel = LinearChannel(map="linear", effect=effect, **shared_fields(cash, LinearChannel))
    else:
        at_10 = Lognormal(dist="lognormal", median=2.4, sigma=0.8, p_zero=p_zero, evidence=_POWER)
        exponent = Normal(dist="normal", mean=0.4, sd=0.15, low=0.0, evidence=_EXPONENT)
        channel = PowerChannel(
            map="power", at_10=at_10, exponent=exponent, **shared_fields(cash, PowerChannel)
        )
    name = {"linear": "线性", "power": "幂函数"}[cash_map]
    return default.model_copy(
        update={
            "id": f"default-{cash_map}",
            "label": Label(en=f"Default response, {cash_map}", zh=f"默认响应（{name}）"),
            "channels": default.channels.model_copy(update={"cash": channel}),
        }
    )


def shared_fields(channel: Channel, other: type[BaseModel]) -> dict[str, Any]:
    """Return what a channel has in common with a channel of another map.

    Parameters
    ----------
    channel : Channel
    other : type
        Class of the other channel.

    Returns
    -------
    dict of str to object
        Multipliers, lags, lasting share and all else that is not of the map itself.

    Examples
    --------
    >>> cash = read_response().channels.cash
    >>> "beta" in shared_fields(cash, LinearChannel)
    False
    """
    names = set(type(channel).model_fields) & set(other.model_fields) - {"map"}
    return {name: getattr(channel, name) for name in sorted(names)}
