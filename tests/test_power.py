"""Power by formula: R's numbers, published tables, limits that must hold."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lsp_analysis.errors import PanelError
from lsp_analysis.experiments.power.formulas import (
    cluster_curve,
    cluster_power,
    design_effect,
    parallel_power,
    power_curve,
    power_t,
    power_z,
    smallest_effect,
)
from lsp_analysis.experiments.power.past import (
    describe_baseline,
    grid_of,
    icc_anova,
    icc_of_counts,
    windows,
)


def a_panel(n_areas=60, n_periods=48, seed=0, sd=0.4, mean=40.0, residents=1500):
    rng = np.random.default_rng(seed)
    level = mean * np.exp(sd * rng.normal(size=n_areas))
    season = 1 + 0.2 * np.cos(2 * np.pi * np.arange(n_periods) / 12)
    counts = rng.poisson(level[:, None] * season)
    periods = pd.period_range("2005-01", periods=n_periods, freq="M")
    return pd.DataFrame(
        {
            "area_code": np.repeat([f"a{i:02d}" for i in range(n_areas)], n_periods),
            "period": np.tile(periods, n_areas),
            "numerator": counts.ravel().astype(float),
            "denominator": float(residents),
            "value": 1000 * counts.ravel() / residents,
        }
    )


# Two groups


def test_power_of_t_is_that_of_r():
    # power.t.test(n=20, delta=1, sd=1): power = 0.8689528
    assert power_t(1 / math.sqrt(2 / 20), 38) == pytest.approx(0.8689528, abs=5e-7)
    assert power_z(0.0) == pytest.approx(0.05)
    assert power_z(-2.5) == power_z(2.5)


# Clusters


def test_the_design_effect_grows_with_unequal_clusters():
    assert design_effect(50, 0.02) == pytest.approx(1.98)
    assert design_effect(50, 0.02, 0.4) == pytest.approx(2.14)
    assert design_effect(1, 0.5) == 1


def test_without_clustering_clusters_are_people():
    plain = power_t(0.3 / math.sqrt(2 / 100), 198)
    clustered = cluster_power(0.3, sd=1, clusters=100, m=1, icc=0.9)
    assert clustered == pytest.approx(plain)


def test_published_cluster_sample_size():
    # Hayes and Moulton (2017), 7.3: rates fall from 0.0148 to 0.0104 a year, 424 person-years a
    # cluster, k = 0.29, power 80%: 27.8 clusters an arm by normal approximation, plus one.
    rates, years, k = (0.0148, 0.0104), 424, 0.29
    needed = (
        (1.96 + 0.84) ** 2
        * (sum(r / years for r in rates) + k**2 * sum(r**2 for r in rates))
        / (rates[0] - rates[1]) ** 2
    )
    variance = (sum(r / years for r in rates) + k**2 * sum(r**2 for r in rates)) / 2
    power = cluster_power(
        rates[0] - rates[1], sd=math.sqrt(variance), clusters=needed, m=1, icc=0, normal=True
    )
    assert power == pytest.approx(0.8, abs=0.002)


def test_few_clusters_have_less_power_than_the_normal_promises():
    few = {"sd": 1.0, "clusters": 4, "m": 30, "icc": 0.05}
    assert cluster_power(0.5, **few) < cluster_power(0.5, normal=True, **few) - 0.05
    many = few | {"clusters": 400}
    assert cluster_power(0.1, **many) == pytest.approx(
        cluster_power(0.1, normal=True, **many), abs=0.01
    )


def test_power_by_t_is_what_a_simulation_finds():
    rng = np.random.default_rng(1)
    m, icc, k = 20, 0.1, 6
    means = rng.normal(0, math.sqrt(icc + (1 - icc) / m), (20_000, 2 * k))
    means[:, :k] += 0.6
    found = stats.ttest_ind(means[:, :k], means[:, k:], axis=1).pvalue <= 0.05
    assert cluster_power(0.6, sd=1, clusters=k, m=m, icc=icc) == pytest.approx(
        found.mean(), abs=0.01
    )


def test_too_few_clusters_for_a_test_have_no_power():
    assert cluster_power(10, sd=1, clusters=1, m=30, icc=0.1) == 0


def test_smallest_difference_in_a_proportion():
    known = {"sd": math.sqrt(0.21), "clusters": 10, "m": 50, "icc": 0.02}
    n_effective = 10 * 50 / design_effect(50, 0.02)
    by_hand = (1.959964 + 0.841621) * math.sqrt(2 * 0.3 * 0.7 / n_effective)
    found = smallest_effect(lambda d: cluster_power(d, normal=True, **known))
    assert found == pytest.approx(by_hand, rel=1e-5)
    careful = smallest_effect(lambda d: cluster_power(d, **known))
    assert careful > by_hand
    assert cluster_power(careful, **known) == pytest.approx(0.8, abs=1e-6)


def test_an_effect_no_design_can_see_is_infinite():
    assert smallest_effect(lambda d: 0.1) == math.inf
    assert smallest_effect(lambda d: 0.9) == 0  # a level as high as the power


# Intracluster correlation


def test_icc_by_hand():
    # Two clusters of three: means 2 and 5, mean squares 13.5 and 1.
    found = icc_anova([[1, 2, 3], [4, 5, 6]])
    assert (found.between, found.within, found.n0) == pytest.approx((13.5, 1, 3))
    assert found.icc == pytest.approx((13.5 - 1) / (13.5 + 2 * 1))


def test_icc_of_unequal_clusters_is_the_variance_component():
    rng = np.random.default_rng(3)
    groups = [rng.normal(rng.normal(0, 1), 2, n) for n in rng.integers(5, 60, 800)]
    assert icc_anova(groups).icc == pytest.approx(1 / 5, abs=0.02)


def test_icc_of_counts_is_that_of_the_people():
    people = [[1, 0, 0, 1], [0, 0, 1], [1, 1, 1, 0, 1]]
    counted = icc_of_counts([sum(p) for p in people], [len(p) for p in people])
    assert counted.icc == pytest.approx(icc_anova(people).icc)
    assert counted.n0 == pytest.approx(icc_anova(people).n0)


@pytest.mark.parametrize("groups", [[[1, 2]], [[1], [2], [3]], [[1, 2], []]])
def test_what_has_no_correlation_is_refused(groups):
    with pytest.raises(PanelError, match="two clusters or more"):
        icc_anova(groups)


# The past


def test_the_past_is_described_as_it_was_made():
    facts = describe_baseline(grid_of(a_panel(n_areas=300), multiplier=1000))
    assert facts.level == pytest.approx(1000 * 40 * np.exp(0.08) / 1500, rel=0.1)
    assert facts.correlation > 0.95
    assert facts.clustering.mean_size == 1500
    assert facts.clustering.size_cv == 0
    assert "areas stay as they are" in facts.sentence()
    assert len(facts.summary_frame()) == 6


def test_sums_of_repeated_people_are_no_counts_of_events():
    months = a_panel(n_areas=30)
    months["numerator"] *= 40  # more claimant-months than residents, as over a year
    grid = grid_of(months, multiplier=1000, kind="stock")
    facts = describe_baseline(grid)
    assert grid.not_people
    assert math.isnan(facts.clustering.icc)
    assert facts.clustering.mean_size == 1500
    assert "is not known, because the same people are counted again" in facts.sentence()
    assert windows(grid, before=12, after=12).per_event == 0


def test_values_without_counts_are_described_but_for_the_likeness_of_people():
    facts = describe_baseline(grid_of(a_panel()[["area_code", "period", "value"]]))
    assert math.isnan(facts.clustering.icc)
    assert math.isnan(facts.clustering.mean_size)
    assert facts.correlation > 0.5
    assert "no counts of people" in facts.sentence()


def test_the_kind_says_whether_people_can_have_several_events():
    panel = a_panel()
    events, share = (
        describe_baseline(grid_of(panel, multiplier=1000, kind=name)).clustering
        for name in ("events", "share")
    )
    assert share.within < events.within


def test_windows_tell_what_the_past_explains():
    steady = windows(grid_of(a_panel(n_areas=200, mean=400), multiplier=1000), before=12, after=12)
    assert steady.sd_left < 0.25 * steady.sd_between


def test_counts_over_a_year_are_per_year():
    grid = grid_of(a_panel(), multiplier=1000)
    by_hand = 1000 * grid.counts[0, :12].sum() / 1500
    assert grid.window(0, 12)[0] == pytest.approx(by_hand)


def test_areas_with_gaps_are_left_out_and_too_few_refused():
    panel = a_panel(n_areas=4)
    panel.loc[0, "numerator"] = np.nan
    assert len(grid_of(panel).areas) == 3
    with pytest.raises(PanelError, match="Only 1 of 2"):
        grid_of(panel[panel["area_code"].isin(["a00", "a01"])])


@pytest.mark.parametrize(("before", "after"), [(12, 12), (0, 12), (12, 0)])
def test_a_past_too_short_is_refused_and_so_is_no_baseline(before, after):
    grid = grid_of(a_panel(n_areas=4, n_periods=20))
    with pytest.raises(PanelError, match=r"do not fit into the 20 periods.*at least one"):
        windows(grid, before=before, after=after)


# Curves


def test_power_rises_with_clusters_and_says_what_is_needed():
    curve = power_curve(
        grid_of(a_panel(), multiplier=1000),
        effect=-0.2,
        clusters=[4, 8, 16, 24],
        before=12,
        after=12,
    )
    assert curve.points["power"].is_monotonic_increasing
    assert curve.points["smallest_effect"].is_monotonic_decreasing
    enough = curve.points.loc[curve.points["power"] >= 0.8, "x"].iloc[0]
    assert f"{enough} clusters per arm" in curve.sentence()
    assert curve.plot() is not None


def test_what_cannot_be_detected_is_said_plainly():
    curve = power_curve(
        grid_of(a_panel(), multiplier=1000), effect=-0.01, clusters=[4, 8], before=12, after=12
    )
    assert curve.sentence().startswith("None of these designs can detect a fall of 1%")


def test_the_smallest_effect_is_found_four_times_in_five():
    grid = grid_of(a_panel(), multiplier=1000)
    options = {"effect": -0.2, "clusters": [4, 12], "before": 12, "after": 12}
    few, size = power_curve(grid, **options).points["smallest_effect"]
    past = windows(grid, before=12, after=12)
    assert parallel_power(-size, past, 12, alpha=0.05) == pytest.approx(0.8, abs=1e-3)
    assert few > size


def test_curves_by_size_and_likeness_have_a_series_each():
    curve = cluster_curve(0.1, sd=0.5, clusters=[4, 8], m=[20, 50], icc=[0.01, 0.05], unit="points")
    assert curve.points["series"].nunique() == 4
    by_series = curve.points.groupby("series")["power"].max()
    assert by_series["50 people, correlation 0.01"] == by_series.max()
    assert "(50 people, correlation 0.01)" in curve.sentence()
