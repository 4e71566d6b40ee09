"""From doses to birth rates: how families answer a policy, with its uncertainty.

For channel c, birth order k and year t the log effect on the conditional birth rate is

    E_ck[t] = mean over the birth months m of year t of  A_c(m) log(1 + mult_ck e_c(D_ck(m)) / 100)
    R_ck[t] = (1 - τ_c) E_ck[t] + τ_c (E_ck[t] - Σ_j w_j E_ck[t-j])
    log h_k[t] = log h_k_ref[t] + Σ_c (R_ck[t] - R_ck_ref[t])

``A_c`` is the share of couples that have answered: 0 until conception and decision lag have
passed since the announcement, then linear to 1 over the ramp. With several instruments,
announced one after the other, each couple acts on the sum of those it has had time to answer,

    E_ck[t] = mean_m Σ_i (A_i(m) - A_{i+1}(m)) log(1 + mult e(D_1(m) + … + D_i(m)) / 100),

i in order of announcement and A of the one after the last being 0. One instrument gives the
formula above; a later one never lowers the effect of an earlier one, as a mean of the A_i
weighted by dose would, because the map is concave. A birth after the window of a scheme has no
dose of it, so a constant dose has no tempo effect after the payback years, an end has a negative
one, and a trial has no extra births after its window.

Where the response says so, taking away acts more strongly than giving: with the multiplier ρ,

    R_ck[t] -= (ρ_c - 1) Σ_{j≥0} s_j max(E_ck[t-j-1] - E_ck[t-j], 0),   s_j = 1 - Σ_{i≤j} w_i,

a disappointment that fades as the payback does. Births may be hurried into the last months before
a known end; all of that is timing and taken back. Two channels may interact by γ √(R_1 R_2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from popsim.errors import DataError, ProjectionError
from popsim.kernels.random import uniform
from popsim.policy.dose import (
    SHARE_WANTING_A_PLACE,
    UTILISATION,
    Doses,
    capacity,
    capacity_path,
    channel_doses,
    childcare_dose,
    utilisation_path,
)
from popsim.policy.fields import ORDERS
from popsim.policy.files import read_response
from popsim.policy.instruments import eligible_share, month, month_of
from popsim.policy.kinds.childcare import ChildcareCapacity
from popsim.policy.kinds.instrument import Instrument, by_order
from popsim.policy.kinds.leave import PaidLeave
from popsim.policy.kinds.measure import Measure
from popsim.policy.model import Scenario
from popsim.policy.response_file import (
    Beta,
    Channel,
    Distribution,
    Fixed,
    LinearChannel,
    Lognormal,
    Normal,
    ResponseFile,
    Rush,
    SaturatingChannel,
    ThresholdChannel,
    Uniform,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ChannelDraws",
    "Context",
    "Response",
    "ResponseModel",
    "channels_of",
    "draw_channel",
    "draw_distribution",
    "effect_chances",
    "map_effect",
    "net_of_payback",
    "used_channels",
]

NEGLIGIBLE = 0.005
"""An effect on the birth rate below half a per cent is reported as negligible."""


@dataclass(frozen=True)
class Context:
    """What the response needs to know of the reference run of one region.

    Parameters
    ----------
    years : numpy.ndarray
        Consecutive years, shape (year,).
    population, children_under_3 : numpy.ndarray
        Persons, dims (draw, year) or (year,).
    places_ref : numpy.ndarray
        Childcare places per 1,000 residents without the policy, dims (year,).
    gdp_per_head : float, optional
        CNY a year; a scenario that promises money and does not give it needs it.

    Raises
    ------
    DataError
        When years are missing in between or an array does not cover them.
    """

    years: np.ndarray
    population: np.ndarray
    children_under_3: np.ndarray
    places_ref: np.ndarray
    gdp_per_head: float | None = None

    def __post_init__(self) -> None:
        years = len(self.years)
        if years == 0 or (np.diff(self.years) != 1).any():
            raise DataError("the years of a response context are not consecutive")
        for name in ("population", "children_under_3", "places_ref"):
            if np.shape(getattr(self, name))[-1:] != (years,):
                raise DataError(f"{name} of a response context does not cover its {years} years")


class ResponseModel(Protocol):
    """Anything that turns policies into log factors on birth rates."""

    def log_effect(
        self, scenario: Scenario, reference: Scenario, context: Context, draws: range, seed: int
    ) -> np.ndarray:
        """Return log factors of dims (draw, year, birth_order)."""


def draw_distribution(
    distribution: Distribution, draws: range, seed: int, component: str
) -> np.ndarray:
    """Draw from a distribution by its inverse, one number per draw.

    Parameters
    ----------
    distribution : Lognormal, Normal, Beta, Uniform or Fixed
    draws : range
        Draw numbers, contiguous.
    seed : int
    component : str
        What the number is for; the same draw has the same number in every region and scenario.

    Returns
    -------
    numpy.ndarray
        Shape (draw,), clipped to ``low`` and ``high``; 0 with probability ``p_zero``.
    """
    from scipy.special import betaincinv, ndtri

    if isinstance(distribution, Fixed) and distribution.p_zero == 0.0:
        return np.full(len(draws), distribution.value)
    u = uniform(seed, component, draws)
    p_zero = distribution.p_zero
    zero = u < p_zero
    u = np.where(zero, 0.5, (u - p_zero) / (1.0 - p_zero))
    # The shift may round to the very ends, where the inverse is infinite.
    u = np.clip(u, 2.0**-53, 1.0 - 2.0**-53)
    value: np.ndarray
    if isinstance(distribution, Lognormal):
        value = distribution.median * np.exp(distribution.sigma * ndtri(u))
    elif isinstance(distribution, Normal):
        value = distribution.mean + distribution.sd * ndtri(u)
    elif isinstance(distribution, Beta):
        value = betaincinv(distribution.a, distribution.b, u)
    elif isinstance(distribution, Uniform):
        value = distribution.low + (distribution.high - distribution.low) * u
    else:
        value = np.full(len(draws), distribution.value)
    if distribution.low is not None or distribution.high is not None:
        value = np.clip(value, distribution.low, distribution.high)
    value[zero] = 0.0
    return value


@dataclass(frozen=True)
class ChannelDraws:
    """Parameters of one channel, drawn.

    Parameters
    ----------
    map : dict of str to numpy.ndarray
        Parameters of the map, each of shape (draw,).
    multiplier : numpy.ndarray
        Dims (draw, birth_order), order 4 as order 3.
    quantum_share, utilisation, pass_through : numpy.ndarray
        Fractions, shape (draw,); 1 where the channel does not say, of utilisation
        :data:`popsim.policy.dose.UTILISATION`.
    removal_multiplier : numpy.ndarray
        Shape (draw,); 1 where the channel does not say.
    rush : numpy.ndarray
        Effect before a known end [% per ``per_dose``], shape (draw,); 0 where there is none.
    """

    map: Mapping[str, np.ndarray]
    multiplier: np.ndarray
    quantum_share: np.ndarray
    utilisation: np.ndarray
    pass_through: np.ndarray
    removal_multiplier: np.ndarray
    rush: np.ndarray


def draw_channel(channel: Channel, name: str, draws: range, seed: int) -> ChannelDraws:
    """Draw all parameters of a channel; every parameter has a stream of its own."""

    def one(distribution: Distribution | None, parameter: str, absent: float = 1.0) -> np.ndarray:
        if distribution is None:
            return np.full(len(draws), absent)
        return draw_distribution(distribution, draws, seed, f"response/{name}/{parameter}")

    parts: dict[str, Distribution]
    if isinstance(channel, SaturatingChannel):
        parts = {"beta": channel.beta, "Ds": channel.Ds, "D0": channel.D0}
    elif isinstance(channel, LinearChannel):
        parts = {"effect": channel.effect}
    elif isinstance(channel, ThresholdChannel):
        parts = {"effect": channel.effect, "D0": channel.D0}
    else:
        parts = {"at_10": channel.at_10, "exponent": channel.exponent}
    orders = channel.order_multiplier
    first, second, third = (
        one(d, f"order_multiplier/{k}")
        for k, d in ((1, orders.first), (2, orders.second), (3, orders.third))
    )
    rush = channel.rush.effect if channel.rush is not None else None
    return ChannelDraws(
        map={key: one(d, key) for key, d in parts.items()},
        multiplier=np.stack([first, second, third, third], axis=-1),
        quantum_share=one(channel.quantum_share, "quantum_share"),
        utilisation=one(channel.utilisation, "utilisation", UTILISATION),
        pass_through=one(channel.pass_through, "pass_through"),
        removal_multiplier=one(channel.removal_multiplier, "removal_multiplier"),
        rush=one(rush, "rush", 0.0),
    )


def map_effect(
    channel: Channel, parameters: Mapping[str, np.ndarray], dose: np.ndarray
) -> np.ndarray:
    """Return the effect of a dose on births of the paid order [%], before the order multiplier.

    Parameters
    ----------
    channel : SaturatingChannel, LinearChannel, PowerChannel or ThresholdChannel
    parameters : mapping of str to numpy.ndarray
        Of shape (draw,).
    dose : numpy.ndarray
        Per cent, dims (draw, …), or with a leading axis of length 1.

    Returns
    -------
    numpy.ndarray
        Per cent, dims (draw, …); exactly 0 where the dose is.
    """

    def wide(name: str) -> np.ndarray:
        value = parameters[name]
        return value.reshape(value.shape + (1,) * (dose.ndim - 1))

    effect: np.ndarray
    if isinstance(channel, SaturatingChannel):
        above = np.maximum(dose - wide("D0"), 0.0)
        effect = -wide("beta") * wide("Ds") * np.expm1(-above / wide("Ds"))
    elif isinstance(channel, LinearChannel):
        effect = wide("effect") * dose / channel.per_dose
    elif isinstance(channel, ThresholdChannel):
        effect = wide("effect") * np.maximum(dose - wide("D0"), 0.0) / channel.per_dose
    else:
        scaled = np.where(dose > 0, dose / 10.0, 1.0)
        effect = np.where(dose > 0, wide("at_10") * scaled ** wide("exponent"), 0.0)
    return effect


def _answered(months: np.ndarray, announced: np.ndarray, lag: int, ramp: float) -> np.ndarray:
    """Return A, the share of couples that have answered, dims (policy, month)."""
    since = months[None, :] - announced[:, None] - lag
    if ramp == 0:
        return np.where(since >= 0, 1.0, 0.0)
    share: np.ndarray = np.clip(since / ramp, 0.0, 1.0)
    return share


def net_of_payback(
    log_effect: np.ndarray,
    quantum_share: np.ndarray,
    payback: Sequence[float],
    removal_multiplier: np.ndarray | None = None,
) -> np.ndarray:
    """Take back the tempo share of an effect in the years after it, and add what an end costs.

    ``R[t] = E[t] - τ Σ_j w_j E[t-j]`` with ``τ = 1 - quantum share``, less
    ``(ρ - 1) Σ_{j≥0} s_j max(E[t-j-1] - E[t-j], 0)`` with ``s_j = 1 - Σ_{i≤j} w_i``.

    Parameters
    ----------
    log_effect : numpy.ndarray
        E with as many years before the first as there are payback years, dims
        (draw, before + year, birth_order).
    quantum_share : numpy.ndarray
        Shape (draw,).
    payback : sequence of float
        Weights w_1, w_2, …
    removal_multiplier : numpy.ndarray, optional
        ρ, shape (draw,); 1 when not given.

    Returns
    -------
    numpy.ndarray
        R, dims (draw, year, birth_order).

    Examples
    --------
    >>> constant = np.full((1, 8, 1), 0.1)
    >>> round(float(net_of_payback(constant, np.array([0.4]), (0.5, 0.5))[0, -1, 0]), 3)
    0.04
    >>> ended = np.array([0.1, 0.1, 0.1, 0.0, 0.0, 0.0]).reshape(1, 6, 1)
    >>> net_of_payback(ended, np.ones(1), (0.5, 0.5), np.array([1.5]))[0, :, 0].round(3)
    array([ 0.1  , -0.05 , -0.025,  0.   ])
    """
    from popsim.kernels.payback import net_effect

    weights = np.array(payback, dtype=float)
    left = 1.0 - np.concatenate([[0.0], np.cumsum(weights)])[:-1]
    draws, years, orders = log_effect.shape
    net = np.empty((draws, years - len(weights), orders))
    removal = np.zeros(draws) if removal_multiplier is None else removal_multiplier - 1.0
    effect = np.ascontiguousarray(log_effect, dtype=float)
    net_effect(effect, 1.0 - quantum_share, removal, weights, left, net)
    return net


class Response:
    """The response of a file: channels, maps and lags with drawn parameters.

    Parameters
    ----------
    spec : ResponseFile, optional
        The default of the package when not given.

    Attributes
    ----------
    spec : ResponseFile
    channels : dict of str to Channel
    lasting_only : bool
        Whether effects are their lasting part alone, without what is brought forward, taken back,
        hurried, or lost by disappointment; False for a new object.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> years = np.arange(2023, 2026)
    >>> context = Context(years, np.full(3, 1e5), np.full(3, 2e3), np.full(3, 2.5))
    >>> effect = Response().log_effect(baseline(), baseline(), context, range(2), seed=1)
    >>> effect.shape, bool((effect == 0).all())
    ((2, 3, 4), True)
    """

    def __init__(self, spec: ResponseFile | None = None) -> None:
        self.spec = spec or read_response()
        self.channels: dict[str, Channel] = self.spec.channels.by_name()
        self.lasting_only = False

    def log_effect(
        self, scenario: Scenario, reference: Scenario, context: Context, draws: range, seed: int
    ) -> np.ndarray:
        """Return what a scenario adds to the log of the birth rates of the reference.

        Parameters
        ----------
        scenario, reference : Scenario
            The reference is usually the built-in ``baseline``.
        context : Context
            From the reference run; its arrays by draw belong to ``draws``.
        draws : range
            Draw numbers, contiguous.
        seed : int

        Returns
        -------
        numpy.ndarray
            Log factors on the conditional rates, dims (draw, year, birth_order), orders 1, 2,
            3 and 4 and later; exactly 0 where nothing differs.

        Raises
        ------
        ScenarioError
            When money is promised without a GDP per head.
        ProjectionError
            When the response takes away all births.
        """
        effect = np.zeros((len(draws), len(context.years), len(ORDERS)))
        for part in self.by_channel(scenario, reference, context, draws, seed).values():
            effect += part
        return effect

    def by_channel(
        self, scenario: Scenario, reference: Scenario, context: Context, draws: range, seed: int
    ) -> dict[str, np.ndarray]:
        """Return the terms of :meth:`log_effect` by channel.

        ``cash`` and ``childcare`` are always there, the other channels where a policy of the
        scenario or of the reference uses them; ``assumed`` and ``stated`` are effects that a
        scenario states itself, ``interaction`` what channels do together.
        """
        asked = {*_ALWAYS, *used_channels(scenario, reference)}
        used = {name: channel for name, channel in self.channels.items() if name in asked}
        drawn = {n: self.parameters(n, channel, draws, seed) for n, channel in used.items()}
        other = self.other_parameters(draws, seed)
        ours, theirs = (
            self._effects(one, context, used, drawn, other) for one in (scenario, reference)
        )
        for name, effect in theirs.items():
            ours[name] = ours[name] - effect if name in ours else -effect
        for name in used:
            if name not in ours:
                ours[name] = np.zeros((len(draws), len(context.years), len(ORDERS)))
        return {name: ours[name] for name in (*used, *(ours.keys() - used.keys()))}

    def parameters(self, name: str, channel: Channel, draws: range, seed: int) -> ChannelDraws:
        """Return the parameters of a channel by draw; chance comes in only here and below."""
        return draw_channel(channel, name, draws, seed)

    def other_parameters(self, draws: range, seed: int) -> dict[str, np.ndarray]:
        """Return parameters that belong to no channel, by name, each of shape (draw,)."""
        found: dict[str, Distribution] = {
            f"interaction/{'+'.join(one.between)}": one.strength for one in self.spec.interactions
        }
        if self.spec.intention_discount is not None:
            found["intention_discount"] = self.spec.intention_discount
        return {
            name: draw_distribution(distribution, draws, seed, f"response/{name}")
            for name, distribution in found.items()
        }

    def _effects(
        self,
        scenario: Scenario,
        context: Context,
        used: Mapping[str, Channel],
        drawn: Mapping[str, ChannelDraws],
        other: Mapping[str, np.ndarray],
    ) -> dict[str, np.ndarray]:
        """Return R of the channels that act, each of dims (draw, year, birth_order)."""
        effects: dict[str, np.ndarray] = {}
        for name in used:
            effect = self.channel_effect(name, scenario, context, drawn)
            if effect is not None:
                effects[name] = effect
        effects |= self._set_by_hand(scenario, self._years(context), other)
        for one in self.spec.interactions:
            first, second = (np.maximum(effects.get(n, 0.0), 0.0) for n in one.between)
            strength = other[f"interaction/{'+'.join(one.between)}"][:, None, None]
            joint = strength * np.sqrt(first * second)
            if joint.any():
                effects["interaction"] = effects.get("interaction", 0.0) + joint
        return effects

    def _years(self, context: Context) -> np.ndarray:
        """Return the years of E: what was promised before the first is paid back later on."""
        return np.arange(context.years[0] - len(self.spec.payback), context.years[-1] + 1)

    def channel_effect(
        self,
        name: str,
        scenario: Scenario,
        context: Context,
        drawn: Mapping[str, ChannelDraws],
    ) -> np.ndarray | None:
        """Return R of one channel, or None where no policy of the scenario acts through it.

        Parameters
        ----------
        name : str
        scenario : Scenario
        context : Context
        drawn : mapping of str to ChannelDraws
            Parameters of all channels that are used, see :meth:`parameters`.

        Returns
        -------
        numpy.ndarray or None
            Dims (draw, year, birth_order).
        """
        channel, parameters = self.channels[name], drawn[name]
        years = self._years(context)
        effect: np.ndarray | None
        rush = None
        if name == "childcare":
            effect = self._childcare(channel, scenario, context, years, parameters)
        else:
            effect, rush = self._promised(name, channel, scenario, context, years, parameters)
            if effect is not None and name == "childcare_fee":
                users = self._users(scenario, context, years, drawn.get("childcare"))
                effect = np.log1p(users[:, :, None] * np.expm1(effect))
        net = None
        if effect is not None:
            net = self._net(effect, parameters.quantum_share, parameters.removal_multiplier)
        if rush is not None and not self.lasting_only:
            hurried = self._net(rush, np.zeros(len(parameters.quantum_share)))
            net = hurried if net is None else net + hurried
        return net

    def _net(
        self, effect: np.ndarray, quantum_share: np.ndarray, removal: np.ndarray | None = None
    ) -> np.ndarray:
        """Return R of E: net of payback and of the end, or the lasting part alone."""
        if self.lasting_only:
            return np.asarray(quantum_share[:, None, None] * effect[:, len(self.spec.payback) :])
        return net_of_payback(effect, quantum_share, self.spec.payback, removal)

    def _set_by_hand(
        self, scenario: Scenario, years: np.ndarray, other: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Return the effects that measures state themselves, dims (draw, year, birth_order)."""
        found: dict[str, np.ndarray] = {}
        months = np.arange(month(years[0], 1), month(years[-1] + 1, 1))
        for policy in scenario.policies.values():
            if not isinstance(policy, Measure) or policy.births is None:
                continue
            stated = policy.stated_effect
            effect = np.array(by_order(stated or policy.assumed_effect or {}, "%"))
            believed = np.ones(1)
            if stated is not None:
                if "intention_discount" not in other:
                    continue
                believed = other["intention_discount"]
            share = eligible_share(policy.births, months).reshape(-1, 12).mean(axis=1)
            logs = share[None, :, None] * _log_factor(believed[:, None, None] * effect)
            lasting = policy.lasting.to("1").value if policy.lasting is not None else 1.0
            net = self._net(logs, np.full(len(logs), lasting))
            name = "assumed" if stated is None else "stated"
            found[name] = found.get(name, 0.0) + net
        return found

    def _promised(
        self,
        name: str,
        channel: Channel,
        scenario: Scenario,
        context: Context,
        years: np.ndarray,
        parameters: ChannelDraws,
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return E of what is promised to each birth, and of a rush before a known end."""
        conception = int(self.spec.conception_lag.value)
        months = np.arange(month(years[0], 1), month(years[-1] + 1, 1))
        doses = channel_doses(
            scenario, name, months, context.gdp_per_head, of=channel.dose_of, lag=conception
        )
        rush = None
        if channel.rush is not None:
            rush = _rush(doses, channel, channel.rush, parameters, months)
        if not doses.dose.any() and not doses.passed.any():
            return None, rush
        lag = conception + int(channel.decision_lag.value)
        share = _answered(months, doses.announced, lag, channel.ramp.value)
        weight = -np.diff(share, axis=0, append=0.0) / 12.0
        # Most months have the same doses: the map is taken once per dose, not once per month.
        # The real part is had in full, the imaginary one is passed on in part.
        summed = np.cumsum(doses.dose + 1j * doses.passed, axis=0)
        levels, place = np.unique(summed.round(9), return_inverse=True)
        place = place.reshape(summed.shape)
        in_year = np.zeros((len(ORDERS), len(levels), len(years)))
        year_of = (months - months[0]) // 12
        for order in range(len(ORDERS)):
            np.add.at(
                in_year[order], (place[:, order], np.broadcast_to(year_of, weight.shape)), weight
            )
        dose = levels.real[None, :]
        if levels.imag.any():
            dose = dose + parameters.pass_through[:, None] * levels.imag[None, :]
        effect = map_effect(channel, parameters.map, dose)
        logs = _log_factor(effect[:, :, None] * parameters.multiplier[:, None, :])
        columns = [_by_draw(logs[:, :, k], in_year[k]) for k in range(len(ORDERS))]
        return np.stack(columns, axis=-1), rush

    def _users(
        self,
        scenario: Scenario,
        context: Context,
        years: np.ndarray,
        childcare: ChannelDraws | None,
    ) -> np.ndarray:
        """Return the share of children under 3 in care, dims (draw, year)."""
        used: np.ndarray | float = UTILISATION
        if childcare is not None and self.channels["childcare"].utilisation is not None:
            used = childcare.utilisation[:, None]
        used = utilisation_path(scenario, context.years, used)
        path = capacity_path(scenario, context.years, context.places_ref).places
        none = np.zeros_like(path)
        persons, children = (
            np.atleast_2d(context.population),
            np.atleast_2d(context.children_under_3),
        )
        share = childcare_dose(path, none, persons, children, used) / 100.0
        return share[:, np.clip(years - context.years[0], 0, None)]

    def _childcare(
        self,
        channel: Channel,
        scenario: Scenario,
        context: Context,
        years: np.ndarray,
        parameters: ChannelDraws,
    ) -> np.ndarray | None:
        policy = capacity(scenario)
        if policy is None:
            return None
        path = capacity_path(scenario, context.years, context.places_ref)
        drawn = parameters.utilisation[:, None]
        dose = childcare_dose(
            path.places,
            context.places_ref,
            context.population,
            context.children_under_3,
            utilisation_path(scenario, context.years, drawn),
            None if policy.utilisation is None else drawn,
        )
        # Before the first year places stand as in it: nothing older is known of the region.
        dose = dose[:, np.clip(years - context.years[0], 0, None)]
        months = np.arange(month(years[0], 1), month(years[-1] + 1, 1))
        lag = int(self.spec.conception_lag.value + channel.decision_lag.value)
        announced = np.array([month_of(policy.announced)])
        share = _answered(months, announced, lag, channel.ramp.value)[0].reshape(-1, 12).mean(1)
        effect = map_effect(channel, parameters.map, dose)
        logs = np.empty((*effect.shape, len(ORDERS)))
        for order in range(len(ORDERS)):
            same = (
                order
                and (parameters.multiplier[:, order] == parameters.multiplier[:, order - 1]).all()
            )
            # Logarithms are what this costs, and the fourth order answers as the third.
            if same:
                logs[:, :, order] = logs[:, :, order - 1]
            else:
                logs[:, :, order] = share * _log_factor(
                    effect * parameters.multiplier[:, order, None]
                )
        return logs

    def notices(self, scenario: Scenario, context: Context) -> list[str]:
        """Return what a reader must know about a scenario under this response.

        Targets that add nothing, policies whose channel the response does not have, measures
        without an effect, leave whose pay is not counted.
        """
        path = capacity_path(scenario, context.years, context.places_ref)
        found = [*path.notices, *_too_many_places(scenario, context, path.places)]
        for name, policy in scenario.policies.items():
            uses = channels_of(policy)
            if not uses:
                spends = (
                    not isinstance(policy, Measure) or policy.spending or policy.spending_a_year
                )
                costs = "costs money and " if spends else ""
                found.append(f"{scenario.id}: {name} {costs}has no effect on births here")
            for channel in uses:
                if channel == "stated" and self.spec.intention_discount is None:
                    found.append(
                        f"{scenario.id}: {name} has no effect, the response {self.spec.id} has no "
                        "intention_discount"
                    )
                elif channel not in self.channels and channel not in ("assumed", "stated"):
                    found.append(
                        f"{scenario.id}: {name} has no effect, the response {self.spec.id} has no "
                        f"channel {channel!r}"
                    )
            if isinstance(policy, PaidLeave) and policy.wage is None:
                found.append(f"{scenario.id}: {name} gives no wage, so its pay is not in the cost")
        return found


#: Channels that every result names, also where no policy uses them.
_ALWAYS = ("cash", "childcare")


def _too_many_places(scenario: Scenario, context: Context, places: np.ndarray) -> list[str]:
    """Say when a target means more places than children whose families want one."""
    policy = capacity(scenario)
    people, children = (
        np.atleast_2d(array).mean(axis=0)
        for array in (context.population, context.children_under_3)
    )
    coverage = 100.0 * places * people / 1000.0 / np.maximum(children, 1e-9)
    years = [int(year) for year in context.years]
    told = []
    for year in policy.target if policy is not None else ():
        covered = coverage[years.index(year)] if year in years else 0.0
        if covered > 100.0 * SHARE_WANTING_A_PLACE:
            told.append(
                f"{scenario.id}: the target of {year} is {covered:.0f} places for 100 children "
                f"under 3, and about {100 * SHARE_WANTING_A_PLACE:.0f} families of 100 want one; "
                "the same part of them is taken to be used as of fewer places"
            )
    return told


def channels_of(policy: Instrument) -> list[str]:
    """Return the channels through which a policy acts."""
    found = [offer.channel for offer in policy.offers()]
    if policy.transfers():
        found.insert(0, "cash")
    if isinstance(policy, ChildcareCapacity):
        found.append("childcare")
    if isinstance(policy, Measure) and policy.births is not None:
        found.append("assumed" if policy.stated_effect is None else "stated")
    return list(dict.fromkeys(found))


def used_channels(*scenarios: Scenario) -> set[str]:
    """Return the channels through which the policies of some scenarios act."""
    return {
        name
        for one in scenarios
        for policy in one.policies.values()
        for name in channels_of(policy)
    }


def _rush(
    doses: Doses, channel: Channel, rush: Rush, parameters: ChannelDraws, months: np.ndarray
) -> np.ndarray | None:
    """Return E of births hurried into the last months before known ends."""
    length = int(rush.months.value)
    logs = np.zeros((len(parameters.rush), len(months) // 12, len(ORDERS)))
    for end in doses.ends:
        if end.known > end.month - int(rush.notice.value) or not end.lost.any():
            continue
        # Nobody hurries for what moves nobody.
        moved = map_effect(channel, parameters.map, end.lost[None, :]) != 0.0
        hurried = moved * _log_factor(parameters.rush[:, None] * end.lost / rush.per_dose)
        # Nobody hurries into months before the scheme.
        first = max(end.month - length + 1, end.start)
        last = (months >= first) & (months <= end.month)
        share = last.reshape(-1, 12).mean(axis=1)
        logs += share[None, :, None] * hurried[:, None, :]
    return logs if logs.any() else None


def _by_draw(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return ``rows @ matrix``, in which the bits of a draw do not depend on how many there are.

    A single row is multiplied by a routine of its own, whose sums end in another bit.
    """
    several = np.repeat(rows, 2, axis=0) if len(rows) == 1 else rows
    product: np.ndarray = several @ matrix
    return product[: len(rows)]


def _log_factor(effect: np.ndarray) -> np.ndarray:
    """Return log(1 + effect/100) of an effect [%]."""
    if effect.size and effect.min() <= -100.0:
        raise ProjectionError(
            f"the response changes births by {effect.min():.0f} %, which leaves none; "
            "write: low and high in the response file"
        )
    factor: np.ndarray = np.log1p(effect / 100.0)
    return factor


def effect_chances(by_channel: Mapping[str, np.ndarray], years: np.ndarray) -> xr.Dataset:
    """Return how likely it is that a policy does nothing, or next to nothing.

    Parameters
    ----------
    by_channel : mapping of str to numpy.ndarray
        Log effects of dims (draw, year, birth_order), see :meth:`Response.by_channel`.
    years : numpy.ndarray
        Shape (year,).

    Returns
    -------
    xarray.Dataset
        ``chance_of_no_effect``, P(effect ≤ 0), and ``chance_of_negligible_effect``,
        P(effect < 0.005), where effect is the relative change of the birth rate; dims (channel,
        year, birth_order), the last channel being the whole ``package``.
    """
    import xarray as xr

    parts = np.stack([*by_channel.values(), sum(by_channel.values())])
    effect = np.expm1(parts)
    dims = ("channel", "year", "birth_order")
    attrs = {"units": "1"}
    return xr.Dataset(
        {
            "chance_of_no_effect": (dims, (effect <= 0).mean(axis=1), attrs),
            "chance_of_negligible_effect": (dims, (effect < NEGLIGIBLE).mean(axis=1), attrs),
        },
        coords={
            "channel": [*by_channel, "package"],
            "year": years,
            "birth_order": list(ORDERS),
        },
    )
