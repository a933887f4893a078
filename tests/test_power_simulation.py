"""The power formula beside plain regressions on a past into which an effect was put."""

import numpy as np
import pytest
import statsmodels.api as sm
from test_power import a_panel

from lsp_analysis.experiments.power.formulas import parallel_power
from lsp_analysis.experiments.power.past import grid_of, windows


@pytest.mark.parametrize("effect", [0.0, -0.1])
def test_as_many_effects_are_found_as_the_formula_says(effect):
    grid = grid_of(a_panel(n_areas=80, mean=15), multiplier=1000)
    rng, k, found = np.random.default_rng(3), 10, []
    for _ in range(1_000):
        here, split = rng.choice(80, 2 * k, replace=False), rng.integers(12, len(grid.periods) - 11)
        counts = grid.counts[here, split : split + 12].sum(axis=1).astype(int)
        treated = np.arange(2 * k) < k
        counts = np.where(treated, rng.binomial(counts, 1 + effect), counts)
        before = grid.window(split - 12, split)[here]
        after = counts * grid.multiplier / grid.exposure(split, split + 12)[here]
        terms = sm.add_constant(np.column_stack([treated, before]).astype(float))
        found.append(sm.OLS(after, terms).fit().pvalues[1] <= 0.05)
    expected = parallel_power(effect, windows(grid, before=12, after=12), k) if effect else 0.05
    assert np.mean(found) == pytest.approx(expected, abs=0.09 if effect else 0.02)
