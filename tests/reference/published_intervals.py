"""Intervals that reference cases ask for and no page prints, from statsmodels and our functions.

Pages compare groups by one exact test (`lsp_analysis.standing.comparison.exact`) and standardise
directly; these are the well-known alternatives, which hold our limits and tests to publications.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep

from lsp_analysis.standing.comparison.exact import compare_rates
from lsp_analysis.standing.comparison.intervals import poisson_limits, wilson_limits
from lsp_analysis.standing.comparison.verdict import SIDES

Z = ndtri(0.975)


def gap_of_proportions(x1: float, n1: float, x2: float, n2: float) -> dict[str, float]:
    """Newcombe's (1998) limits of a difference, and the log limits (Katz 1978) of a ratio."""
    difference = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff")
    ratio = (np.nan, np.nan)  # the logarithm of a count of zero has no spread
    if x1 > 0 and x2 > 0:
        ratio = confint_proportions_2indep(x1, n1, x2, n2, method="log", compare="ratio")
    own, other = x1 / n1, x2 / n2
    return {
        "diff": own - other, "diff_lo": difference[0], "diff_hi": difference[1],
        "ratio": own / other if other else np.nan, "ratio_lo": ratio[0], "ratio_hi": ratio[1],
    }  # fmt: skip


def gap_of_rates(x1: float, t1: float, x2: float, t2: float) -> dict[str, float]:
    """Score limits of a ratio of two rates (Wilson's, given all events), and Wald's of its log."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.float64(x1 / t1) / np.float64(x2 / t2)
        low, high = (end / (1 - end) * t2 / t1 for end in wilson_limits(x1, x1 + x2))
        reach = Z * np.sqrt(1 / np.float64(x1) + 1 / np.float64(x2))
    some = x1 > 0 and x2 > 0
    wald = (ratio * np.exp(-reach), ratio * np.exp(reach)) if some else (np.nan, np.nan)
    return {
        "rate_ratio": ratio, "score_lo": low, "score_hi": high,
        "waldlog_lo": wald[0], "waldlog_hi": wald[1],
    }  # fmt: skip


def exact_ratio_of_rates(x1: float, t1: float, x2: float, t2: float) -> dict[str, Any]:
    """Our ratio of two rates with its exact limits, and SciPy's binomial test given all events."""
    found = compare_rates(*(np.array([float(part)]) for part in (x1, t1, x2, t2)))
    p_value = binomtest(int(x1), int(x1 + x2), t1 / (t1 + t2)).pvalue if x1 + x2 else 1.0
    ends = [found[name][0] for name in ("ratio_low", "ratio_high")]
    return {"rate_ratio": found["ratio"][0], "p": float(p_value), "ci": ends}


def indirectly_standardised(
    obs: list[float], pop: list[float], ref_obs: list[float], ref_pop: list[float]
) -> dict[str, float]:
    """Observed over expected, as a ratio and a rate, with the limits that counts get here."""
    obs, pop, ref_obs, ref_pop = (
        np.asarray(part, dtype=float) for part in (obs, pop, ref_obs, ref_pop)
    )
    observed, expected = obs.sum(), (pop * ref_obs / ref_pop).sum()
    expected = expected if expected > 0 else np.nan
    overall = 100_000 * ref_obs.sum() / ref_pop.sum()
    tops = {"": observed}
    for end, level in {"95": 0.95, "998": 0.998}.items():
        low, high = poisson_limits(observed, level=level)
        tops |= {f"_lower{end}": low[0], f"_upper{end}": high[0]}
    made = {"observed": observed, "expected": expected, "ref_rate": overall}
    for name, top in tops.items():
        made |= {f"ratio{name}": top / expected, f"rate{name}": overall * top / expected}
    return made


def beside_benchmark(low: float, high: float, benchmark: float, polarity: str) -> str:
    """Fingertips' word for an interval beside a benchmark that is known without error."""
    below, above = SIDES[polarity]
    if np.isnan([low, high, benchmark]).any():
        return "not compared"
    return below if high < benchmark else above if low > benchmark else "similar"
