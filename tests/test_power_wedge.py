"""The stepped wedge: published power, matrices by hand, and the mixed model as a check."""

import math

import numpy as np
import pytest

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.power.formulas import wedge, wedge_curve, wedge_power, wedge_variance
from lsp_analysis.experiments.power.past import Windows


def test_power_is_that_of_swcrtdesign():
    # The README of the R package swCRTdesign (Hughes): 0.7861896.
    power = wedge_power(
        -0.015, wedge([6] * 4), sigma=math.sqrt(0.0425 * 0.9575), tau=0.01, n=120, normal=True
    )
    assert power == pytest.approx(0.7861896, abs=5e-8)


def test_power_is_that_of_another_implementation():
    # SteppedPower's own comparison with swCRTdesign: I = (2,2,2,2,2), sigma 4, tau 0.9, effect 1.5.
    variance = by_matrices(wedge([2] * 5), 16.0, 0.81, 1.0)
    assert wedge_variance(wedge([2] * 5), sigma2=16.0, tau2=0.81) == pytest.approx(variance)


@pytest.mark.parametrize("autocorrelation", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("steps", [(1, 1), (3, 1, 2), (2, 2, 2, 2)])
def test_the_variance_is_that_of_generalised_least_squares(steps, autocorrelation):
    design = wedge(steps, len(steps) + 2)
    ours = wedge_variance(design, sigma2=0.7, tau2=0.4, autocorrelation=autocorrelation)
    assert ours == pytest.approx(by_matrices(design, 0.7, 0.4, autocorrelation))


@pytest.mark.parametrize("autocorrelation", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("steps", [2, 4, 9])
def test_the_design_effect_is_that_of_hooper_and_bourke(steps, autocorrelation):
    # Hooper and Bourke (2015): 3 L (1 - r) (1 + L r) / ((L^2 - 1) (2 + L r)) times the variance of
    # a parallel trial of as many clusters in one period, r the correlation of a cluster's means.
    icc, m = 0.05, 20
    r = m * icc * autocorrelation / (1 + (m - 1) * icc)
    published = 3 * steps * (1 - r) * (1 + steps * r) / ((steps**2 - 1) * (2 + steps * r))
    known = {"sigma2": (1 - icc) / m, "tau2": icc, "autocorrelation": autocorrelation}
    ours = wedge_variance(wedge([3] * steps), **known)
    assert ours / (4 * (known["sigma2"] + icc) / (3 * steps)) == pytest.approx(published)


def by_matrices(design, sigma2, tau2, autocorrelation):
    n, periods = design.treated.shape
    terms = np.column_stack([design.treated.ravel(), np.tile(np.eye(periods), (n, 1))])
    own = (sigma2 + tau2 * (1 - autocorrelation)) * np.eye(periods) + tau2 * autocorrelation
    inverse = np.kron(np.eye(n), np.linalg.inv(own))
    return np.linalg.inv(terms.T @ inverse @ terms)[0, 0]


def test_with_few_clusters_t_promises_less():
    known = {"sigma": 1.0, "tau": 0.2, "n": 20}
    assert wedge_power(0.5, wedge([1] * 4), **known) < wedge_power(
        0.5, wedge([1] * 4), normal=True, **known
    )


def test_the_diagram_has_a_step_for_every_start():
    design = wedge([1, 2], 4)
    assert design.treated.astype(int).tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]
    frame = design.frame(["a", "b", "c", "d"])
    assert list(frame) == ["cluster", "period", "treated"]
    assert len(frame) == 12


@pytest.mark.parametrize(("steps", "periods"), [([4], None), ([2, 0], None), ([2, 2], 2)])
def test_a_wedge_that_cannot_be_analysed_is_refused(steps, periods):
    with pytest.raises(DesignError, match="cannot be analysed"):
        wedge(steps, periods)


def test_a_curve_has_a_series_for_every_number_of_steps():
    designs = [wedge([k] * steps) for steps in (3, 4) for k in (3, 6)]
    known = {"sigma": 1.0, "tau": 0.3, "n": 1}
    past = Windows(level=2.0, sd_between=0.3, sd_left=1.0)
    curve = wedge_curve(past, designs, effect=-0.5)
    assert curve.points["series"].unique().tolist() == ["Three steps", "Four steps"]
    assert curve.points["power"].tolist() == [wedge_power(-1.0, d, **known) for d in designs]
    size = curve.points["smallest_effect"].iloc[-1]
    assert wedge_power(size * past.level, designs[-1], **known) == pytest.approx(0.8)
