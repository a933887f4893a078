"""The wild cluster bootstrap: the slow one done fast; its size; when it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from effect_worlds import START, codes, panel
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.regressions import bootstrap
from lsp_analysis.effects.regressions.bootstrap import wild_cluster_bootstrap
from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.errors import PanelError, ParameterError

OPTIONS = {"outcome": "rate", "treated": codes(6), "start": START}


def small(effect: float = 0.0, seed: int = 0) -> pd.DataFrame:
    return panel(n_areas=14, n_periods=8, n_treated=6, effect=effect, seed=seed)


def test_draws_are_those_of_refitting_the_regression(monkeypatch):
    frame = small().sample(frac=0.95, random_state=0).reset_index(drop=True)
    on = frame["area_code"].isin(codes(6)) & (frame["period"] >= START)
    frame = frame.assign(on=on.astype(float), name=frame["period"].astype(str))
    groups = pd.factorize(frame["area_code"])[0]
    signs = np.random.default_rng(5).choice([-1.0, 1.0], (4, 14))
    monkeypatch.setattr(bootstrap, "_signs", lambda *_: signs)
    found = wild_cluster_bootstrap(frame, covariates=["x"], **OPTIONS)
    null = smf.ols("rate ~ x + C(area_code) + C(name)", frame).fit()
    slow = []
    for sign in signs:
        drawn = frame.assign(rate=null.fittedvalues + null.resid * sign[groups])
        fit = smf.ols("rate ~ on + x + C(area_code) + C(name)", drawn).fit(
            cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
        )
        slow.append(fit.tvalues["on"])
    assert found.draws == pytest.approx(slow)


def test_the_estimate_is_that_of_the_regression():
    frame = small(effect=1.5)
    found = wild_cluster_bootstrap(frame, n_draws=199, **OPTIONS)
    expected = difference_in_differences(frame, **OPTIONS)
    assert found.estimate == pytest.approx(expected.estimate)
    assert found.low < found.estimate < found.high
    assert (found.n_clusters, found.n_treated_clusters) == (14, 6)
    assert "14 clusters, 6 of them treated" in found.sentence()
    assert found.summary_frame()["p_value"].item() == found.p_value
    assert_fit_for_a_page(found.plot())


@pytest.mark.parametrize("weights", ["webb", "rademacher"])
def test_it_rejects_the_truth_no_more_often_than_it_claims(weights):
    p_values = [
        wild_cluster_bootstrap(small(seed=s), weights=weights, n_draws=199, **OPTIONS).p_value
        for s in range(80)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.11


def test_the_interval_and_the_test_agree():
    for seed in range(12):
        found = wild_cluster_bootstrap(small(effect=0.8, seed=seed), n_draws=399, **OPTIONS)
        assert (found.p_value <= 0.05) == (not found.low < 0 < found.high)


def test_larger_clusters_can_be_named():
    frame = small().assign(ward=lambda f: f["area_code"].str[-1] + f["area_code"].str[2])
    found = wild_cluster_bootstrap(frame, cluster="ward", n_draws=99, **OPTIONS)
    assert found.n_clusters == frame["ward"].nunique()


def test_what_it_cannot_do_is_refused(monkeypatch):
    frame = small()
    with pytest.raises(PanelError, match="with 4 treated clusters"):
        wild_cluster_bootstrap(frame, **(OPTIONS | {"treated": codes(4)}))
    with pytest.raises(PanelError, match="more than one cluster"):
        wild_cluster_bootstrap(frame.assign(ward=range(len(frame))), cluster="ward", **OPTIONS)
    with pytest.raises(ParameterError, match="rademacher"):
        wild_cluster_bootstrap(frame, weights="normal", **OPTIONS)
    monkeypatch.setattr(bootstrap, "MOST_CELLS", 100)
    with pytest.raises(ParameterError, match="more than this bootstrap is for"):
        wild_cluster_bootstrap(frame, **OPTIONS)
