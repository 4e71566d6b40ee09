"""What no study says: every number of the default response that is somebody's judgement.

A number of the response is either derived in ``__main__`` from the evidence table, or it stands
here with its reason. Changing one and running ``python -m scripts.response`` changes the default.
"""

from typing import NamedTuple

__all__ = ["JUDGEMENTS", "Judgement"]


class Judgement(NamedTuple):
    """A number that was chosen, and why."""

    value: float
    why: str


JUDGEMENTS: dict[str, Judgement] = {
    # Money
    "shrinkage": Judgement(
        0.6, "publication bias, higher fertility and better childcare elsewhere, distrust of trials"
    ),
    "cash_scale": Judgement(
        25, "Ds; the best fit is near 20, and 10 to 40 fit within a tenth of the best"
    ),
    "cash_sigma": Judgement(
        0.7, "with the spread of Ds a log spread of 0.8 to 0.9, close to tau between programmes"
    ),
    "cash_p_zero": Judgement(0.15, "about one cash programme in six of those read found nothing"),
    "scale_sigma": Judgement(0.6, "ten points hardly tell where the effect flattens"),
    "scale_low": Judgement(8, "keeps the map from flattening below a usual grant"),
    "scale_high": Judgement(150, "practically linear up to a year of GDP per head"),
    "first_cash": Judgement(0.8, "Spain: weaker at the first birth when money was withdrawn"),
    "first_cash_sigma": Judgement(0.3, "some studies find the first birth the strongest"),
    "second_cash": Judgement(1, "the births to which the map refers"),
    "third_cash": Judgement(1.2, "the sign against the second birth differs between studies"),
    "third_cash_sigma": Judgement(0.5, "the same"),
    "cash_lasting_a": Judgement(2, "six studies find timing only, four a lasting effect"),
    "cash_lasting_b": Judgement(3, "the same"),
    "cash_lag": Judgement(6, "months from announcement to decision; no study separates them"),
    "cash_ramp": Judgement(12, "months until all have answered; no study has the path"),
    # Childcare
    "childcare_shrinkage": Judgement(0.7, "studies that find nothing or only some regions"),
    "childcare_sd": Judgement(1.2, "reaches from nothing to twice the pooled finding"),
    "childcare_low": Judgement(-1, "a small harm cannot be ruled out"),
    "childcare_high": Judgement(6, "the strongest finding, in Norway"),
    "first_childcare": Judgement(0.75, "German gradient by order, halved in its steepness"),
    "second_childcare": Judgement(1.25, "the same"),
    "third_childcare": Judgement(1.75, "the same"),
    "childcare_order_sd": Judgement(0.5, "one study by order"),
    "used_a": Judgement(10, "about half of the places in China stand empty"),
    "used_b": Judgement(10, "the same"),
    "childcare_lasting_a": Judgement(6, "reviews find childcare lasting, cash temporary"),
    "childcare_lasting_b": Judgement(2.5, "the same"),
    "childcare_lag": Judgement(18, "months; births follow the places, one to three years later"),
    "childcare_ramp": Judgement(24, "months; the same"),
    # An end
    "removal": Judgement(1.5, "Spain: 5.5 % less against 2.8 % more, shrunk towards 1"),
    "removal_sigma": Judgement(0.35, "one case"),
    "removal_low": Judgement(1, "no weaker than giving"),
    "removal_high": Judgement(2.5, "hardly above the one case"),
    "rush": Judgement(4.4, "Spain: 4.8 % in the last quarter at a dose of 10.9 %"),
    "rush_sigma": Judgement(0.7, "one case"),
    "rush_notice": Judgement(7, "months; in Spain the end was known seven months before"),
    "rush_p_zero": Judgement(0.3, "nobody hurried in Korea"),
    # Fees, leave, housing, marriage
    "fee_effect": Judgement(0.12, "Sweden: 4 to 6 % for 41 % of GDP per head"),
    "fee_sigma": Judgement(0.8, "one case, where half of the children were in care"),
    "fee_p_zero": Judgement(0.15, "as for cash"),
    "passed_a": Judgement(3, "half of a subsidy is passed on; no study"),
    "passed_b": Judgement(3, "the same"),
    "leave_effect": Judgement(0.5, "Austria: 15 % for twelve months, less than proportional"),
    "leave_sigma": Judgement(0.8, "two cases"),
    "leave_p_zero": Judgement(0.3, "cutting six months changed nothing"),
    "leave_lasting_a": Judgement(7, "four fifths left after ten years in Austria"),
    "leave_lasting_b": Judgement(2, "the same"),
    "credit_high": Judgement(3, "a lottery win in Brazil: 3.8 % more likely a child"),
    "marriage_effect": Judgement(0.3, "as for cash; no study gives a rate per sum"),
    "marriage_sigma": Judgement(1.0, "the same"),
    "marriage_p_zero": Judgement(0.15, "as for cash"),
    "marriage_lasting_a": Judgement(1, "nearly all timing in Austria"),
    "marriage_lasting_b": Judgement(6, "the same"),
    # Surveys
    "intention_a": Judgement(2, "ratios of 0.14 to 0.18 of what was said"),
    "intention_b": Judgement(8, "the same, wide"),
    # Time
    "conception_lag": Judgement(9, "months from conception to birth"),
    "payback_years": Judgement(6, "years over which births brought forward are missing"),
    "payback_mean": Judgement(3, "mean of those years; no study measures the path"),
}
