"""The stepped wedge: published power, matrices by hand, and the mixed model as a check."""

import warnings

import numpy as np
import pytest
import statsmodels.api as sm

from lsp_analysis.errors import DesignError, ParameterError
from lsp_analysis.experiments.power.curves import wedge_curve
from lsp_analysis.experiments.power.stepped import (
    proportion_sigma,
    simulate_wedge,
    wedge,
    wedge_estimates,
    wedge_power,
    wedge_variance,
)


def test_power_is_that_of_swcrtdesign():
    # The README of the R package swCRTdesign (Hughes): 0.7861896.
    power = wedge_power(
        -0.015, wedge([6] * 4), sigma=proportion_sigma(0.05, 0.035), tau=0.01, n=120, normal=True
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


def test_estimates_are_those_of_the_mixed_model():
    design = wedge([4, 4, 4])
    means = simulate_wedge(design, effect=0.3, sigma=1, tau=0.5, n=20, n_sims=6, seed=1)
    ours = wedge_estimates(means, design.treated)
    terms = np.column_stack([design.treated.ravel(), np.tile(np.eye(4), (12, 1))])
    for one, (_, row) in zip(means, ours.iterrows(), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = sm.MixedLM(one.ravel(), terms, groups=np.repeat(range(12), 4)).fit(reml=True)
        assert row["estimate"] == pytest.approx(fit.fe_params[0], abs=0.02 * fit.bse_fe[0])
        assert row["error"] == pytest.approx(fit.bse_fe[0], rel=0.02)


def test_simulated_power_is_the_formulas_and_size_is_kept():
    design, known = wedge([3] * 4), {"sigma": 1.0, "tau": 0.3, "n": 20}
    for effect in (0.0, 0.3):
        means = simulate_wedge(design, effect=effect, n_sims=4_000, seed=2, **known)
        found = (wedge_estimates(means, design.treated)["p_value"] <= 0.05).mean()
        if effect:
            assert found == pytest.approx(wedge_power(effect, design, **known), abs=0.03)
        else:
            assert found <= 0.055


def test_estimates_do_not_move_with_levels_or_seasons():
    design = wedge([2, 2, 2])
    means = simulate_wedge(design, effect=0.3, sigma=1, tau=0.3, n=20, n_sims=3, seed=3)
    moved = means + np.arange(4) * 7.0 - 2
    one, other = (wedge_estimates(m, design.treated) for m in (means, moved))
    assert np.allclose(one, other)


def test_the_diagram_has_a_step_for_every_start():
    design = wedge([1, 2], 4)
    assert design.treated.astype(int).tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]
    frame = design.frame()
    assert list(frame) == ["cluster", "period", "treated"]
    assert len(frame) == 12
    assert design.plot() is not None


@pytest.mark.parametrize(("steps", "periods"), [([4], None), ([2, 0], None), ([2, 2], 2)])
def test_a_wedge_that_cannot_be_analysed_is_refused(steps, periods):
    with pytest.raises(DesignError, match="cannot be analysed"):
        wedge(steps, periods)


def test_proportions_must_have_a_middle():
    with pytest.raises(ParameterError, match="no middle"):
        proportion_sigma(0, 0)


def test_a_curve_by_simulation_lies_on_the_one_by_formula():
    designs = [wedge([k] * steps) for steps in (3, 4) for k in (3, 6)]
    known = {"sigma": 1.0, "tau": 0.3, "n": 20}
    formula = wedge_curve(0.3, designs, **known)
    simulated = wedge_curve(0.3, designs, n_sims=2_000, **known)
    assert np.allclose(formula.points["power"], simulated.points["power"], atol=0.05)
    assert simulated.points["series"].unique().tolist() == ["Three steps", "Four steps"]
