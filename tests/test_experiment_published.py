"""Experiments: examples that others have published, and closed forms worked out another way."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_experiment import a_trial, with_rows

from lsp_analysis.experiments.analysis.findings import analyse_trial
from lsp_analysis.experiments.analysis.randomisation_test import redraws
from lsp_analysis.experiments.analysis.side_results import bounds, robust_slope
from lsp_analysis.experiments.draw.methods import blocked_scheme
from lsp_analysis.experiments.power.formulas import cluster_power, design_effect, wedge, wedge_power
from lsp_analysis.experiments.power.past import icc_of_counts

# Donner and Klar (1994; 2000, table 6.1): users of smokeless tobacco and pupils, by school.
CONTROL = "5/103 3/174 6/83 6/75 2/152 7/102 7/104 3/74 1/55 23/225 16/125 12/207"
TAUGHT = "0/42 1/84 9/149 11/136 4/58 1/55 10/219 4/160 2/63 5/85 1/96 10/194"


@pytest.fixture(scope="module")
def schools():
    counts = [[int(n) for n in one.split("/")] for one in f"{CONTROL} {TAUGHT}".split()]
    users, pupils = np.array(counts, float).T
    return users, pupils, np.repeat([0, 1], 12)


def test_the_intracluster_correlation_of_donner_and_klars_schools(schools):
    users, pupils, arm = schools
    found = icc_of_counts(users, pupils, arm)
    assert round(found.icc, 3) == 0.011
    low, high = found.interval()
    assert 0 < low < found.icc < high < 0.05
    # Their chi-squared, divided by the design effect of each arm: 4.69 becomes 1.83.
    shares = [users[arm == one].sum() / pupils[arm == one].sum() for one in (0, 1)]
    overall = users.sum() / pupils.sum()
    plain = adjusted = 0.0
    for one, share in enumerate(shares):
        sizes = pupils[arm == one]
        square = sizes.sum() * (share - overall) ** 2 / (overall * (1 - overall))
        inflation = (sizes * [design_effect(m, found.icc) for m in sizes]).sum() / sizes.sum()
        plain, adjusted = plain + square, adjusted + square / inflation
    assert (round(plain, 2), round(adjusted, 2)) == (4.69, 1.83)


def test_the_t_test_of_donner_and_klars_schools(schools):
    # Mean rates 0.060 and 0.039, t = 1.66 with 22 degrees of freedom, p = 0.11.
    users, pupils, arm = schools
    rates = users / pupils
    assert [round(rates[arm == one].mean(), 3) for one in (0, 1)] == [0.060, 0.039]
    scheme = blocked_scheme([f"s{i}" for i in range(24)], ("control", "taught"))
    made = redraws(scheme, arm, exposure=[0.0, 1.0])
    assert abs(made.statistics(rates)[0]) == pytest.approx(1.66, abs=0.005)
    assert made.test(rates).p_value == pytest.approx(0.11, abs=0.015)


def test_the_correlation_is_within_arms_and_not_between_them(schools):
    users, pupils, arm = schools
    worse = np.where(arm == 0, 3 * users, users)
    apart = icc_of_counts(worse, pupils, arm)
    assert apart.icc < icc_of_counts(worse, pupils).icc


@pytest.mark.parametrize(
    ("shares", "steps", "n", "power"),
    [
        ((0.1, 0.2), [5, 5], 50, 0.811),
        ((0.05, 0.1), [5, 5, 5], 50, 0.86),
        ((0.1, 0.2), [6, 6], 50, 0.875),
        (None, [5, 5], 15, 0.829),
    ],
)
def test_power_is_that_of_the_shiny_crt_calculator(shares, steps, n, power):
    # Hemming, Kasza, Hooper, Forbes and Taljaard (2020); its answers, with intracluster correlation
    # 0.01, as Lin and others print them beside swCRTdesign and swdpwr (comparison of software of
    # "Delayed initiation times across clusters"). Without shares: effect 0.5, total variance 1.
    effect, variance = 0.5, 1.0
    if shares:
        effect, variance = shares[1] - shares[0], sum(p * (1 - p) for p in shares) / 2
    known = {"sigma": math.sqrt(0.99 * variance), "tau": math.sqrt(0.01 * variance), "n": n}
    found = wedge_power(effect, wedge(steps), normal=True, **known)
    assert found == pytest.approx(power, abs=0.001 if power != 0.86 else 0.005)


def test_power_is_that_of_pass():
    # The same comparison: PASS has 0.826 with sigma 1 and tau the square root of 1/99.
    known = {"sigma": 1.0, "tau": math.sqrt(1 / 99), "n": 15, "normal": True}
    assert round(wedge_power(0.5, wedge([5, 5]), **known), 3) == 0.826


def test_too_few_clusters_are_never_enough():
    # Hemming, Girling, Sitch, Marsh and Lilford (2011): k clusters an arm suffice, however large
    # they are, only if k is more than the people needed without clusters times the correlation.
    people = 2 * (1.959964 + 0.841621) ** 2 / 0.25**2  # an arm, for a quarter standard deviation
    many = {"sd": 1.0, "m": 1e7, "icc": 0.05, "normal": True}
    needed = people * 0.05
    assert cluster_power(0.25, clusters=needed, **many) == pytest.approx(0.8, abs=1e-4)
    assert cluster_power(0.25, clusters=math.floor(needed), **many) < 0.8
    m = people * (1 - 0.05) / (15 - needed)  # their people per cluster, with 15 clusters an arm
    assert cluster_power(0.25, clusters=15, **(many | {"m": m})) == pytest.approx(0.8, abs=1e-4)


def test_lees_bounds_of_a_normal_outcome():
    # Lee (2009), proposition 1a: of the better known side the share p that is known only because
    # of the programme is trimmed; of a normal outcome that moves its mean by the density at the
    # quantile p over 1 - p.
    n, lost = 400, 80
    plain = (
        ('method = "blocked"', 'method = "complete"'),
        ('strata = ["district"]\n', ""),
        ('covariates = ["rate_before"]', "covariates = []"),
        ('baseline = "rate_before"', 'baseline = ""'),
        ('models = ["ols"]', "models = []"),
        ("draws = 9999", "draws = 999"),
    )
    trial = a_trial(*plain, n=n)
    value = np.empty(n)
    quantiles = stats.norm.ppf((np.arange(n // 2) + 0.5) / (n // 2))
    value[trial.drawn == 1] = 100 + quantiles
    value[trial.drawn == 0] = 100 + quantiles
    value[np.flatnonzero(trial.drawn == 0)[::2][:lost]] = np.nan
    shown = with_rows(trial, trial.rows.assign(incidents=value, residents=1000))
    found = bounds(shown, trial.design.outcome).set_index("case")["estimate"]
    p = lost / (n // 2)
    move = stats.norm.pdf(stats.norm.ppf(p)) / (1 - p)
    centre = 100 - np.nanmean(value[trial.drawn == 0])
    assert found["Lee, lower"] == pytest.approx(centre - move, abs=0.02)
    assert found["Lee, upper"] == pytest.approx(centre + move, abs=0.02)


def hc2_by_matrices(terms, outcome):
    """HC2 and Satterthwaite's degrees of freedom of the last term, by whole matrices.

    Pustejovsky and Tipton (2018), sections 2.1 and 3.1, with independent errors as the working
    model and every row a cluster of its own: CR2 is then HC2.
    """
    n, k = terms.shape
    bread = np.linalg.inv(terms.T @ terms)
    hat = terms @ bread @ terms.T
    left = outcome - hat @ outcome
    root = (1 - np.diag(hat)) ** -0.5
    meat = terms.T @ np.diag((root * left) ** 2) @ terms
    columns = ((np.eye(n) - hat) @ np.diag(root * (terms @ bread)[:, k - 1])).T
    joint = columns @ columns.T
    variance = (bread @ meat @ bread)[k - 1, k - 1]
    return np.sqrt(variance), np.trace(joint) ** 2 / (joint**2).sum()


@pytest.mark.parametrize("seed", range(4))
def test_robust_slopes_are_those_of_whole_matrices(seed):
    rng = np.random.default_rng(seed)
    terms = np.column_stack([np.ones(30), rng.normal(size=30), np.arange(30) % 5 == 0])
    outcome = rng.normal(size=30)
    _, error, df = robust_slope(terms, outcome)
    assert (error, df) == pytest.approx(hc2_by_matrices(terms, outcome))
    # Terms that were taken out before count just as well.
    basis = np.linalg.qr(terms[:, :2])[0]
    cleared = terms[:, 2:] - basis @ (basis.T @ terms[:, 2:])
    again = robust_slope(cleared, outcome - basis @ (basis.T @ outcome), basis)
    assert again == pytest.approx(robust_slope(terms, outcome))


def test_models_show_estimates_and_no_interval_or_p():
    # Model-based p-values were too small with few clusters, so none is offered.
    models = ('models = ["ols"]', 'models = ["ols", "glm"]')
    result = analyse_trial(a_trial(models, n=12, effect=-5.0))
    assert set(result.models) == {"arm", "model", "estimate", "clusters", "rows", "note"}
    shown = pd.concat([result.models, result.forest_frame()])
    named = shown["label"].fillna("").str.contains("OLS|GLM")
    assert named.sum() == 2
    assert shown.loc[named, ["low", "high"]].isna().all(axis=None)
