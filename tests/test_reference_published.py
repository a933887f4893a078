"""Methods without cases of their own, held to figures that others published or to brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from reference.bindings import answer
from scipy import optimize, stats

from lsp_analysis.errors import LspError
from lsp_analysis.standing.comparison import funnels

# Published figures

AGES = [0, 1, *range(5, 95, 5)]
# Example of the life expectancy tool of Public Health England (documentation and tests of
# PHEindicatormethods): people, deaths, and what the tool gives at some ages.
PEOPLE = [7060, 35059, 46974, 48489, 43219, 38561, 46009, 57208, 61435, 55601]
PEOPLE += [50209, 56416, 46411, 39820, 37978, 37039, 33288, 23306, 11936, 11936]
DEATHS = [17, 9, 4, 8, 20, 15, 24, 33, 50, 71, 100, 163, 263, 304, 536, 872, 1390, 1605, 1936, 1937]
EXPECTED_YEARS = {
    0: (80.16960813, 79.88268548, 80.45653078),
    1: (79.36245674, 79.08988160, 79.63503188),
    45: (36.49322717, 36.26223216, 36.72422219),
    65: (18.76856852, 18.57570352, 18.96143352),
    90: (6.16210635, 5.887683386, 6.436529314),
}


def test_life_expectancy_is_that_of_the_national_tool():
    found = answer("life_expectancy_chiang", {"startage": AGES, "deaths": DEATHS, "pops": PEOPLE})
    for age, (years, low, high) in EXPECTED_YEARS.items():
        at = AGES.index(age)
        assert found["le"][at] == pytest.approx(years, abs=1e-7)
        assert [found["lower95"][at], found["upper95"][at]] == pytest.approx([low, high], abs=1e-5)


@pytest.mark.parametrize(
    ("band", "deaths", "people"),
    [(5, 15, 0), (18, 1936, 119), (19, 0, 11936), (0, None, 7060)],
    ids=["nobody there", "more deaths than people", "none in the last band", "a count withheld"],
)
def test_a_life_table_that_does_not_hold_gives_no_years(band, deaths, people):
    columns = {"startage": AGES, "deaths": list(DEATHS), "pops": list(PEOPLE)}
    columns["deaths"][band], columns["pops"][band] = deaths, people
    assert set(answer("life_expectancy_chiang", columns)["le"]) == {None}


# Expected events at the control limits of a count: lower and upper 95%, lower and upper 99.8%.
FUNNEL_OF_RATIOS = {
    3: (8.767273828, 0.618671905, 13.06224507, 0.190533306),
    10: (18.39035799, 4.795387629, 24.13397235, 2.960519925),
    100: (121.6268111, 81.36400699, 134.9243187, 71.92139974),
    716: (770.4222128, 664.5083011, 802.60414, 636.1521174),
}


@pytest.mark.parametrize("count", FUNNEL_OF_RATIOS)
def test_limits_of_a_ratio_funnel_are_those_published(count):
    found = answer("funnel_ratio_limits", {"obs": count})
    assert list(found.values()) == pytest.approx(FUNNEL_OF_RATIOS[count], rel=2e-6)


# Cervical screening by primary care trust, 80.642448% over England, as the funnels of
# PHEindicatormethods class them; the last row makes up the rest of England.
TRUSTS = {
    "New Forest": (35078.488, 41980, "High (0.001)"),
    "Norwich": (24803.6256, 31824, "Low (0.001)"),
    "South Gloucestershire": (50050.7443, 61921, "Not significant"),
    "West Norfolk": (26789.238, 33012, "High (0.025)"),
    "North Devon": (30277.5312, 37828, "Low (0.025)"),
    "Bolton": (55735.3934, 67714, "High (0.001)"),
}


def test_trusts_lie_where_published_in_the_funnel_of_proportions():
    counts, people, words = (list(column) for column in zip(*TRUSTS.values(), strict=True))
    everybody = 10_000_000
    rest = 0.80642448 * everybody - sum(counts)
    case = {
        "num": [*counts, rest],
        "den": [*people, everybody - sum(people)],
        "area": [*TRUSTS, ""],
    }
    assert answer("funnel_proportion_significance", case)["significance"][:-1] == words


@pytest.mark.parametrize(
    ("people", "limits"),
    [
        (20, (0.63326743, 0.97958152, 0.53341156, 1)),
        (1008, (0.78203374, 0.83081521, 0.76796814, 0.84488082)),
    ],
)
def test_limits_of_a_proportion_funnel_are_those_published(people, limits):
    found = answer("funnel_proportion_limits", {"n": people, "average": 0.80642448})
    assert list(found.values()) == pytest.approx(limits, abs=1e-8)


# Series of Fingertips, counts of people, from 2010, and the marker its own tests expect.
SERIES = {
    "decreasing": ([621, 599, 556, 535, 447], [3454, 3195, 3256, 3227, 3121]),
    "increasing": ([2157, 2090, 2194, 2134.81, 2094], [3454, 3195, 3256, 3152, 3062]),
    "no change": ([5405, 5500, 5435, 5480, 5315], [18095, 18170, 18005, 17890, 17860]),
}
LABELS = {
    "decreasing": "Decreasing and getting better",
    "increasing": "Increasing and getting worse",
    "no change": "No significant change",
}


@pytest.mark.parametrize("marker", SERIES)
def test_trend_markers_are_those_fingertips_gives(marker):
    points = [
        answer("proportion_wilson", {"x": x, "n": n}) for x, n in zip(*SERIES[marker], strict=True)
    ]
    case = {name: [point[name] for point in points] for name in ("value", "lower95", "upper95")}
    found = answer("trend_fingertips_published", {**case, "name": "", "polarity": "Low is good"})
    assert (found["marker"], found["published_marker"]) == (marker, LABELS[marker])


def test_a_flat_series_has_no_outlier_and_no_change():
    # Fingertips counts a slope of zero with the rising ones.
    flat = {"value": [5] * 5, "lower95": [4] * 5, "upper95": [6] * 5}
    found = answer("trend_fingertips_published", flat)
    assert (found["slope"], found["no_outlier"], found["marker"]) == (0, True, "no change")


# Jennison and Turnbull (2000), tables 2.1 and 2.3: looks, size, Pocock's and O'Brien-Fleming's
# constants.
BOUNDS = [
    (1, 0.05, 1.960, 1.960),
    (2, 0.05, 2.178, 1.977),
    pytest.param(5, 0.05, 2.413, 2.040, marks=pytest.mark.slow),
    pytest.param(5, 0.01, 2.986, 2.621, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("looks", "alpha", "pocock", "obrien_fleming"), BOUNDS)
def test_bounds_of_repeated_looks_are_those_of_the_tables(looks, alpha, pocock, obrien_fleming):
    kinds = {"pocock": pocock, "obrien_fleming": obrien_fleming}
    for kind, constant in kinds.items():
        found = answer("group_sequential_bounds", {"K": looks, "kind": kind, "alpha": alpha})
        assert found["c"] == pytest.approx(constant, abs=5e-4)
        assert found["z_bounds"][-1] == pytest.approx(found["c"])
    falls = np.sqrt(looks / np.arange(1, looks + 1))
    assert found["z_bounds"] == pytest.approx(found["c"] * falls)


def test_wedge_power_is_that_of_the_example_of_swcrtdesign():
    case = {"clusters_per_step": [6, 6, 6, 6], "distn": "binomial", "n_per_cluster_period": 120}
    case |= {"mu0": 0.05, "mu1": 0.035, "tau": 0.01, "alpha": 0.05, "sigma": None}
    assert answer("stepped_wedge_power", case)["power"] == pytest.approx(0.7861896, abs=1e-7)


def test_group_sizes_are_those_of_the_help_pages_of_r():
    means = {"fn": "power.t.test", "delta": 1, "sd": 1, "power": 0.9, "alpha": 0.05}
    shares = {"fn": "power.prop.test", "p1": 0.5, "p2": 0.75, "power": 0.9, "alpha": 0.05}
    assert answer("sample_size_two_group", means)["n"] == pytest.approx(22.02110, abs=5e-5)
    assert answer("sample_size_two_group", shares)["n"] == pytest.approx(76.7, abs=0.05)


# Brute force


@pytest.mark.parametrize("seed", range(5))
def test_quintiles_follow_the_published_rule_rank_by_rank(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9, rng.integers(5, 60)).astype(float).tolist()
    values[1] = None
    known = [value for value in values if value is not None]
    expected = []
    for value in values:
        rank = math.nan if value is None else 1 + sum(other > value for other in known)
        places = (len(known) + 1 - rank) / (len(known) / 5)
        expected.append(None if value is None else max(6 - math.ceil(places), 1))
    assert answer("quantiles_phe", {"v": values})["quantile"] == expected


def test_fewer_values_than_fifths_have_no_fifth():
    assert answer("quantiles_phe", {"v": [1, 2, None, 4, 5]})["quantile"] == [None] * 5


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_p_values_step_by_step(seed):
    p = np.random.default_rng(seed).random(80) ** 3
    found = answer("p_adjust", {"p": p.tolist()})
    assert found["bh"] == pytest.approx(stats.false_discovery_control(p))
    assert found["by"] == pytest.approx(stats.false_discovery_control(p, method="by"))
    order = np.argsort(p)
    steps = np.maximum.accumulate(np.minimum(p[order] * np.arange(80, 0, -1), 1))
    assert np.array(found["holm"])[order] == pytest.approx(steps)


def test_a_missing_p_value_is_not_counted():
    with_gap = answer("p_adjust", {"p": [0.01, None, 0.04, 0.03]})
    without = answer("p_adjust", {"p": [0.01, 0.04, 0.03]})
    for name, values in without.items():
        assert [p for p in with_gap[name] if p is not None] == values


@pytest.mark.parametrize("seed", range(3))
def test_clusters_of_all_sizes_by_analysis_of_variance(seed):
    rng = np.random.default_rng(seed)
    groups = [rng.normal(rng.normal(), 1, n).tolist() for n in (1, 4, 9, 2, 7)]
    found = answer("icc_anova", {"groups": groups})
    place = np.repeat(range(5), [len(group) for group in groups])
    fit = sm.OLS(np.concatenate(groups), np.eye(5)[place]).fit()
    assert found["msw"] == pytest.approx(fit.mse_resid)
    assert found["msb"] == pytest.approx(fit.ess / 4)
    sizes = np.bincount(place)
    n0 = (23 - (sizes**2).sum() / 23) / 4
    assert found["n0"] == pytest.approx(n0)
    share = (found["msb"] - found["msw"]) / (found["msb"] + (n0 - 1) * found["msw"])
    assert found["icc_anova"] == pytest.approx(share)


def test_the_smallest_difference_clusters_can_find_by_hand():
    case = {"p0": 0.3, "clusters_per_arm": 12, "m": 25, "icc": 0.04, "alpha": 0.05, "power": 0.8}
    found = answer("mde_cluster_proportion", case)
    assert found["deff"] == pytest.approx(1.96)
    assert found["n_eff_per_arm"] == pytest.approx(300 / 1.96)
    edge = stats.norm.ppf(0.975)  # a finding on the far side counts as one, rare as it is
    needed = optimize.brentq(
        lambda z: stats.norm.sf(edge - z) + stats.norm.cdf(-edge - z) - 0.8, 1, 5
    )
    points = 100 * needed * math.sqrt(2 * 0.3 * 0.7 * 1.96 / 300)
    assert found["mde_pp_null_variance"] == pytest.approx(points)


@pytest.mark.parametrize("steps", [(2, 2), (1, 3, 2), (4, 1, 1, 5)])
def test_wedge_power_is_that_of_generalised_least_squares(steps):
    case = {"clusters_per_step": list(steps), "distn": "gaussian", "n_per_cluster_period": 30}
    case |= {"mu0": 1.0, "mu1": 1.3, "tau": 0.2, "alpha": 0.05, "sigma": 1.5}
    periods = len(steps) + 1
    spread = np.linalg.inv(np.eye(periods) * 1.5**2 / 30 + 0.2**2)
    information = 0
    for step, clusters in enumerate(steps):
        design = np.column_stack([np.eye(periods), np.arange(periods) > step])
        information = information + clusters * design.T @ spread @ design
    signal = 0.3 / math.sqrt(np.linalg.inv(information)[-1, -1])
    power = stats.norm.sf(1.959964 - signal) + stats.norm.cdf(-1.959964 - signal)
    assert answer("stepped_wedge_power", case)["power"] == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_segregation_pair_by_pair(seed):
    rng = np.random.default_rng(seed)
    total = rng.integers(5, 200, 12)
    group = rng.binomial(total, rng.random(12))
    found = answer("segregation", {"group": group.tolist(), "total": total.tolist()})
    share, overall = group / total, group.sum() / total.sum()
    spread = 2 * total.sum() ** 2 * overall * (1 - overall)
    pairs = itertools.product(range(12), repeat=2)
    gini = sum(total[i] * total[j] * abs(share[i] - share[j]) for i, j in pairs) / spread
    assert found["gini"] == pytest.approx(gini)
    assert found["isolation"] + found["interaction"] == pytest.approx(1)


def test_margins_withheld_leave_no_upper_end():
    case = {"table": [[3, 22], [15, 30]], "margins_published": False, "suppressed": [[0, 1]]}
    assert answer("suppression_audit", case)["intervals"] == {"0,1": [0, None]}


def test_the_turning_point_of_two_trends_goes_with_the_second():
    y = [0, 40, 1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 4, 3, 2, 1]
    found = answer(
        "xmr_plot_the_dots", {"y": y, "improvement_direction": 1, "screen_outliers": False}
    )
    assert found["type"][8] == "7 Point Trend (Increasing)"
    assert found["type"][9:11] == ["7 Point Trend (Decreasing)"] * 2
    assert found["point_type"][8:10] == ["special_cause_improvement", "special_cause_concern"]


def test_a_point_on_the_mean_is_on_neither_side_of_it():
    # The first twelve add up to 619.2, so the sixth, 51.6, is their mean and breaks the run.
    y = [50, 50.1, 50.3, 50.4, 51.4, 51.6, 51.7, 52.7, 52.9, 53.1, 53.0, 52.0, 51.0]
    y = [*y, 52.0, 53.0, 54.0, 54.1, 54.2]
    case = {"y": y, "fix_after_n_points": 12, "screen_outliers": False}
    found = answer("xmr_plot_the_dots", case)
    assert set(found["mean"]) == {51.6}
    assert found["type"][11] == "Common Cause"


# What cannot be answered

EMPTY_HANDED = {
    "rate_ratio_exact": {"x": [0, 0], "T": [10, 10]},
    "gap_rates": {"x1": 0, "t1": 10, "x2": 0, "t2": 50},
    "rate_byars_exact": {"obs": 5, "pop": 0},
    "proportion_wilson": {"x": 0, "n": 0},
    "empirical_bayes_global": {"events": [], "population": []},
    "isr": {"obs": [3], "pop": [0], "ref_obs": [3], "ref_pop": [1000]},
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", EMPTY_HANDED)
def test_nothing_to_go_on_is_missing_and_not_an_error(method):
    found = answer(method, EMPTY_HANDED[method])
    assert any(value is None or value in ([], [None, None]) for value in found.values())


def test_one_side_without_events_has_an_exact_interval_with_one_end():
    found = answer("rate_ratio_exact", {"x": [3, 0], "T": [10, 10]})
    assert found["rate_ratio"] is None
    assert found["p"] == pytest.approx(0.25)
    assert found["ci"] == [pytest.approx(0.41323, abs=1e-5), None]


@pytest.mark.parametrize("obs", [[10, None], [None, None]])
def test_a_count_withheld_is_not_taken_for_nought(obs):
    ages = {"obs": obs, "pop": [1000, 900], "ref_obs": [90, 30], "ref_pop": [9000, 9000]}
    assert answer("isr", ages)["ratio"] is None
    case = {"obs": [50, None], "pop": [100, 100], "stdpop": [500, 500]}
    assert answer("dsr_dobson", case)["value"] is None


def test_areas_all_without_events_are_alike():
    words = funnels.classify_rates([0, 0, 0], [100, 2000, 0])
    assert words.tolist() == ["Not significant", "Not significant", "Not known"]


@pytest.mark.parametrize(
    ("method", "case"),
    [
        ("segregation", {"group": [0, 0], "total": [10, 10]}),
        ("p_adjust", {"p": [0.2, 1.3]}),
        ("xmr_plot_the_dots", {"y": [1, None, 3]}),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_a_sentence(method, case):
    with pytest.raises(LspError):
        answer(method, case)


def test_a_share_above_its_denominator_has_no_limits():
    found = answer("proportion_wilson", {"x": 6, "n": 5})
    assert [found[end] for end in found if end != "value"] == [None] * (len(found) - 1)
