"""Every reference number, through the bindings; methods without cases, by other sources."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from reference.bindings import AWAITED, BINDINGS, answer
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
GOLD = ROOT / "shared/gold/indicators"
CASES = [
    pytest.param(path.stem, number, id=f"{path.stem}-{number}")
    for path in sorted(GOLD.glob("*.json"))
    for number in range(json.loads(path.read_text(encoding="utf-8"))["n_cases"])
    if path.stem not in AWAITED
]
SIMULATED = re.compile(r"_(lower|upper)_sim$")


@pytest.mark.parametrize(("method", "number"), CASES)
def test_a_reference_case_is_met(method, number, shared):
    file = json.loads((shared("gold") / f"indicators/{method}.json").read_text(encoding="utf-8"))
    case = file["cases"][number]
    found = answer(method, case["input"])
    width = {
        name[:3]: case["expected"][f"{name[:3]}_upper_sim"] - case["expected"][name]
        for name in case["expected"]
        if name.endswith("_lower_sim")
    }
    for name, expected in case["expected"].items():
        if SIMULATED.search(name):  # both are made of random draws
            assert found[name] == pytest.approx(expected, abs=0.02 * width[name[:3]])
        else:
            assert_alike(found[name], expected, file["rtol"], name)


def test_every_method_is_bound_or_awaited(shared):
    text = (shared("gold") / "indicators/METHODS.md").read_text(encoding="utf-8")
    methods = set(re.findall(r"^## `(\w+)`", text, flags=re.MULTILINE))
    assert methods - set(BINDINGS) == AWAITED - set(BINDINGS)
    assert not AWAITED & set(BINDINGS), "take these off the list of methods awaited"


def assert_alike(found: Any, expected: Any, rtol: float, name: str) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), name
        for key in expected:
            assert_alike(found[key], expected[key], rtol, f"{name}[{key}]")
    elif isinstance(expected, list):
        assert len(found) == len(expected), name
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other, rtol, name)
    elif isinstance(expected, float | int) and not isinstance(expected, bool):
        assert found == pytest.approx(expected, rel=rtol or 1e-12, abs=1e-9), name
    else:
        assert found == expected, name


# Methods without cases here, against an independent source each.


def test_indirect_standardisation_of_the_reference_itself_is_one():
    ages = {"obs": [4, 9, 30], "pop": [1000, 900, 400]}
    same = answer("isr", {**ages, "ref_obs": ages["obs"], "ref_pop": ages["pop"]})
    assert same["ratio"] == pytest.approx(1)
    assert same["rate"] == pytest.approx(100_000 * 43 / 2300)
    assert same["ratio_lower95"] < 1 < same["ratio_upper95"]


def test_indirect_standardisation_by_hand():
    # Expected 1000 x 0.01 + 200 x 0.1 = 30; observed 6, so limits are exact Poisson ones.
    case = {"obs": [2, 4], "pop": [1000, 200], "ref_obs": [100, 50], "ref_pop": [10_000, 500]}
    found = answer("isr", case)
    assert found["expected"] == pytest.approx(30)
    assert found["ratio"] == pytest.approx(0.2)
    assert found["ref_rate"] == pytest.approx(100_000 * 150 / 10_500)
    assert found["ratio_upper998"] == pytest.approx(stats.chi2.ppf(0.999, 14) / 2 / 30)
    assert found["rate_lower95"] == pytest.approx(
        stats.chi2.ppf(0.025, 12) / 2 / 30 * found["ref_rate"]
    )


def test_a_direct_rate_on_fewer_than_ten_events_is_not_given():
    found = answer("dsr_dobson", {"obs": [4, 5], "pop": [1000, 1000], "stdpop": [500, 500]})
    assert found["total_count"] == 9
    assert found["value"] is None
    assert found["upper998"] is None


def test_ratio_limits_put_the_count_on_the_tail():
    found = answer("funnel_ratio_limits", {"obs": 7})
    assert stats.poisson.cdf(7, found["lower_2s_exp"]) == pytest.approx(0.025)
    assert stats.poisson.sf(6, found["upper_2s_exp"]) == pytest.approx(0.025)
    assert stats.poisson.cdf(7, found["lower_3s_exp"]) == pytest.approx(0.001)
    assert stats.poisson.sf(6, found["upper_3s_exp"]) == pytest.approx(0.001)
    assert answer("funnel_ratio_limits", {"obs": 0})["upper_2s_exp"] == 0


def test_funnel_words_follow_the_pooled_average():
    # Pooled share 0.2; 95% limits of 100 people are 0.1216 and 0.2784, 99.8% 0.0764 and 0.3236.
    case = {"area": list("abcde"), "num": [7, 12, 20, 28, 33], "den": [100] * 5}
    words = answer("funnel_proportion_significance", case)["significance"]
    assert words == [
        "Low (0.001)",
        "Low (0.025)",
        "Not significant",
        "High (0.025)",
        "High (0.001)",
    ]
    rates = answer("funnel_rate_significance", {"obs": [20, 60, 31, 89], "pop": [1000] * 4})
    assert rates["significance"] == [
        "Low (0.001)",
        "Not significant",
        "Low (0.025)",
        "High (0.001)",
    ]


def test_the_exact_rate_ratio_is_that_of_a_binomial_test():
    found = answer("rate_ratio_exact", {"x": [11, 25], "T": [800, 1011]})
    # R: poisson.test(c(11, 6+8+7), c(800, 1083+1050+878)) is the example of its help page.
    example = answer("rate_ratio_exact", {"x": [11, 21], "T": [800, 3011]})
    assert example["rate_ratio"] == pytest.approx(1.971488, rel=1e-6)
    assert example["p"] == pytest.approx(0.07967, abs=5e-6)
    assert example["ci"] == pytest.approx([0.8584264, 4.2772659], abs=5e-8)
    assert found["p"] == pytest.approx(stats.binomtest(11, 36, 800 / 1811).pvalue)


def test_rate_gaps_by_closed_forms():
    found = answer("gap_rates", {"x1": 30, "t1": 1000, "x2": 50, "t2": 3000})
    assert found["rate_ratio"] == pytest.approx(1.8)
    reach = 1.959964 * np.sqrt(1 / 30 + 1 / 50)
    assert [found["waldlog_lo"], found["waldlog_hi"]] == pytest.approx(
        [1.8 * np.exp(-reach), 1.8 * np.exp(reach)], rel=1e-6
    )
    share = stats.binomtest(30, 80).proportion_ci(method="wilson")
    assert found["score_lo"] == pytest.approx(3 * share.low / (1 - share.low))


def test_adjusted_p_values_are_those_of_r():
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), method)
    found = answer("p_adjust", {"p": [0.01, 0.02, 0.03, 0.04, 0.05]})
    assert found["bh"] == pytest.approx([0.05] * 5)
    assert found["holm"] == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert found["by"] == pytest.approx([0.11416667] * 5)


def test_two_areas_that_are_wholly_apart_are_wholly_segregated():
    apart = answer("segregation", {"group": [10, 0], "total": [10, 30]})
    for index in ("dissim", "gini", "isolation", "entropy", "atkinson"):
        assert apart[index] == pytest.approx(1)
    assert apart["interaction"] == pytest.approx(0)
    even = answer("segregation", {"group": [5, 15], "total": [50, 150]})
    for index in ("dissim", "gini", "entropy", "atkinson"):
        assert even[index] == pytest.approx(0, abs=1e-12)


def test_segregation_by_hand():
    # Two areas of 100 with 20 and 60 of the group: P = 0.4.
    found = answer("segregation", {"group": [20, 60], "total": [100, 100]})
    assert found["dissim"] == pytest.approx(abs(20 / 80 - 80 / 120))
    assert found["isolation"] == pytest.approx(0.25 * 0.2 + 0.75 * 0.6)
    assert found["gini"] == pytest.approx(found["dissim"])  # two areas make one corner
    entropy = [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (0.2, 0.6, 0.4)]
    assert found["entropy"] == pytest.approx(1 - (entropy[0] + entropy[1]) / 2 / entropy[2])
    kept = (0.8**0.5 * 0.2**0.5 + 0.4**0.5 * 0.6**0.5) * 100 / (200 * 0.4)
    assert found["atkinson"] == pytest.approx(1 - 0.4 / 0.6 * kept**2)


def test_smoothing_agrees_with_esda():
    smoothing = pytest.importorskip("esda.smoothing")
    events, population = [5, 30, 2, 60, 11], [100, 310, 90, 500, 260]
    found = answer("empirical_bayes_global", {"events": events, "population": population})
    theirs = smoothing.Empirical_Bayes(np.array(events), np.array(population)).r.ravel()
    assert found["rate"] == pytest.approx(theirs)


def test_untransformed_slope_index_is_a_weighted_regression():
    population, value = [10.0, 20, 30, 25, 15], [70.0, 74, 75, 79, 80]
    found = answer("sii_normal", {"population": population, "value": value, "se": [0.5] * 5})
    share = np.array(population) / 100
    position = np.cumsum(share) - share / 2
    slope, intercept = np.polyfit(position, value, 1, w=np.sqrt(share))
    assert found["sii"] == pytest.approx(slope)
    assert found["rii"] == pytest.approx((slope + intercept) / intercept)
    assert found["sii_lower_sim"] < slope < found["sii_upper_sim"]


def test_a_negative_multiplier_turns_the_logit_index_over():
    case = {"population": [10.0] * 4, "value": [20.0, 16, 13, 10]}
    case |= {"lower95": [18.0, 14, 11, 8], "upper95": [22.0, 18, 15, 12]}
    found = answer("sii_proportion_logit", case)
    assert 8 < found["sii"] < 15  # percentage points, the most deprived having more
    assert found["rii"] > 1
    assert found["sii_lower_sim"] < found["sii"] < found["sii_upper_sim"]


def test_the_published_trend_is_worded_as_on_fingertips():
    case = {"name": "fall", "value": [40, 37, 35, 31, 28], "polarity": "RAG - Low is good"}
    case |= {"lower95": [37.5, 34.6, 32.7, 28.9, 26.0], "upper95": [42.6, 39.5, 37.4, 33.2, 30.1]}
    assert answer("trend_fingertips_published", case)["published_marker"] == (
        "Decreasing and getting better"
    )
    short = {name: case[name][1:] for name in ("value", "lower95", "upper95")}
    cut = answer("trend_fingertips_published", {**case, **short})
    assert cut["marker"] == "cannot be calculated"
    assert cut["slope"] is None


def test_segmented_regression_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    y = 10 + 0.1 * np.arange(48) + rng.normal(size=48)
    found = answer("its_newey_west", {"y": y.tolist(), "change_after": 30, "terms": []})
    t = np.arange(1, 49)
    design = np.column_stack([np.ones(48), t, t > 30, np.clip(t - 30, 0, None)])
    fit = sm.OLS(y, design).fit()
    robust = fit.get_robustcov_results("HAC", maxlags=3, use_correction=False)
    assert found["coef"] == pytest.approx(fit.params)
    assert found["se_ols"] == pytest.approx(fit.bse)
    assert found["se_nw_lag3"] == pytest.approx(robust.bse)
    assert found["dw"] == pytest.approx(sm.stats.durbin_watson(fit.resid))


def test_life_expectancy_under_one_death_rate_at_all_ages():
    # With the same hazard m throughout, expectation is close to 1 / m at every age.
    ages = [0, 1, *range(5, 95, 5)]
    found = answer(
        "life_expectancy_chiang", {"startage": ages, "deaths": [400] * 20, "pops": [20_000] * 20}
    )
    assert len(found["le"]) == 20
    assert found["le"] == pytest.approx([50] * 20, abs=0.2)
    assert pd.Series(found["lower95"]).lt(found["le"]).all()
