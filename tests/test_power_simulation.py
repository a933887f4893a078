"""Power by rehearsal on a past whose truth is known."""

import numpy as np
import pytest
from test_power import a_panel

from lsp_analysis.errors import ParameterError
from lsp_analysis.experiments.power.curves import parallel_power, power_curve
from lsp_analysis.experiments.power.past import grid_of, windows
from lsp_analysis.experiments.power.rehearsal import rehearse

PLAN = {"clusters_per_arm": 10, "before": 12, "after": 12}


@pytest.fixture(scope="module")
def grid():
    return grid_of(a_panel(n_areas=80, mean=15), multiplier=1000)


@pytest.mark.parametrize("k", [4, 10])
def test_without_effect_one_in_twenty_is_found(grid, k):
    found = rehearse(grid, effect=0.0, n_sims=3_000, seed=1, **(PLAN | {"clusters_per_arm": k}))
    assert found.power <= 0.05 + 3 * found.error


@pytest.mark.parametrize("effect", [-0.2, 0.2])
def test_the_effect_put_in_comes_out(grid, effect):
    found = rehearse(grid, effect=effect, n_sims=1_000, seed=2, **PLAN)
    assert found.estimates.mean() == pytest.approx(found.truths.mean(), rel=0.05)
    assert np.sign(found.estimates.mean()) == np.sign(effect)


def test_power_is_near_the_formulas(grid):
    past = windows(grid, before=12, after=12)
    effect = -0.1
    found = rehearse(grid, effect=effect, n_sims=3_000, seed=3, **PLAN)
    assert found.power == pytest.approx(parallel_power(past, effect, 10), abs=0.09)


def test_the_same_seed_gives_the_same_answer(grid):
    one, other = (rehearse(grid, effect=-0.2, n_sims=200, seed=4, **PLAN) for _ in range(2))
    assert one.power == other.power
    assert np.array_equal(one.estimates, other.estimates)


def test_means_take_effects_in_their_units(grid):
    values = a_panel(n_areas=40)[["area_code", "period", "value"]]
    found = rehearse(grid_of(values), effect=3.0, relative=False, n_sims=400, seed=6, **PLAN)
    assert (found.truths == 3.0).all()
    assert found.estimates.mean() == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"clusters_per_arm": 60}, "need 120 areas; there are 80"),
        ({"effect": -1.0}, "leaves nothing"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(grid, options, said):
    with pytest.raises(ParameterError, match=said):
        rehearse(grid, **({"effect": -0.2, "n_sims": 10, "seed": 0} | PLAN | options))


def test_a_curve_can_be_rehearsed(grid):
    sizes = {"clusters": [6, 12], "before": 12, "after": 12, "n_sims": 400}
    curve = power_curve(grid, effect=-0.15, **sizes)
    assert curve.points["power"].is_monotonic_increasing
