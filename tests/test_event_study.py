"""Event studies: effects by period, tests before the start, few treated areas."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, codes, panel

from lsp_analysis.effects.regressions.event_studies import event_study
from lsp_analysis.errors import ParameterError

OPTIONS = {"outcome": "rate", "treated": codes(8), "start": START}


def test_without_noise_every_period_is_found():
    frame = panel(noise=0.0)
    step = frame["period"].map(lambda p: p.ordinal - START.ordinal)
    growing = np.where(frame["area_code"].isin(codes(8)) & (step >= 0), step + 1.0, 0.0)
    found = event_study(frame.assign(rate=frame["rate"] + growing), **OPTIONS)
    table = found.coefficients.set_index("relative_period")["estimate"]
    expected = [max(0.0, k + 1.0) for k in table.index]
    assert table.to_numpy() == pytest.approx(expected, abs=1e-8)
    assert list(table.index) == list(range(-12, 12))
    assert found.estimate == pytest.approx(6.5)
    gap = (found.paths["treated"] - found.paths["comparison"]).to_numpy()
    assert gap == pytest.approx(expected, abs=1e-8)


def test_pyfixest_finds_the_same_effects_and_errors():
    pf = pytest.importorskip("pyfixest")
    frame = panel(n_periods=8, effect=1.0).sample(frac=0.9, random_state=0)
    found = event_study(frame, **OPTIONS).coefficients.set_index("relative_period")
    step = frame["period"].map(lambda p: p.ordinal - START.ordinal)
    treated = frame["area_code"].isin(codes(8)).astype(int)
    expected = pf.feols(
        "rate ~ i(step, treated, ref=-1) | area_code + step",
        data=frame.assign(step=step, treated=treated).drop(columns="period"),
        vcov={"CRV1": "area_code"},
        ssc=pf.ssc(k_fixef="full"),
    ).tidy()
    shown = found.drop(index=-1)
    assert shown["estimate"].to_numpy() == pytest.approx(expected["Estimate"].to_numpy())
    assert shown["se"].to_numpy() == pytest.approx(expected["Std. Error"].to_numpy())


def test_periods_beyond_the_furthest_share_an_effect():
    found = event_study(panel(effect=2.0, noise=0.0), leads=3, lags=2, **OPTIONS)
    table = found.coefficients
    assert list(table["relative_period"]) == [-3, -2, -1, 0, 1, 2]
    assert table["estimate"].to_numpy() == pytest.approx([0, 0, 0, 2, 2, 2], abs=1e-8)


@pytest.mark.parametrize("n_treated", [1, 8])
def test_the_test_before_the_start_rejects_as_often_as_it_claims(n_treated):
    options = OPTIONS | {"treated": codes(n_treated)}
    p_values = [
        event_study(panel(n_periods=8, n_areas=40, seed=s), **options).pretrend_p for s in range(50)
    ]
    assert np.mean(np.array(p_values) <= 0.1) <= 0.2
    assert np.median(p_values) == pytest.approx(0.5, abs=0.2)


def test_a_drift_of_the_detectable_size_is_found_four_times_in_five():
    """The slope before the start, tested on its own, has the power it is said to have."""
    size = event_study(panel(n_periods=10, n_areas=60), **OPTIONS).pretrend_detectable
    found = 0
    for seed in range(40):
        frame = panel(n_periods=10, n_areas=60, seed=seed)
        step = frame["period"].map(lambda p: p.ordinal - START.ordinal)
        drift = size * step * frame["area_code"].isin(codes(8))
        study = event_study(frame.assign(rate=frame["rate"] + drift), **OPTIONS)
        before = study.coefficients.query("relative_period < 0")
        slope = np.polyfit(before["relative_period"], before["estimate"], 1)[0]
        found += abs(slope) > size * 2.0 / 2.85
    assert 0.6 <= found / 40 <= 0.97


def test_one_treated_area_is_ranked_among_the_others():
    frame = panel(n_treated=1, effect=9.0)
    found = event_study(frame, **(OPTIONS | {"treated": ["E000"]}))
    assert found.n_placebos == 29
    assert found.p_value == pytest.approx(1 / 30)
    assert found.low < 9.0 < found.high
    assert found.covariance.shape == (23, 23)
    assert np.linalg.eigvalsh(found.covariance.to_numpy()).min() > -1e-9
    assert "rank among placebo areas" in found.sentence()


def test_the_estimates_do_not_depend_on_how_they_are_judged():
    options = OPTIONS | {"treated": ["E000"]}
    ranked, clustered = (
        event_study(panel(effect=1.0), inference=how, **options)
        for how in ("placebo", "regression")
    )
    assert ranked.coefficients["estimate"].to_numpy() == pytest.approx(
        clustered.coefficients["estimate"].to_numpy()
    )
    assert math.isnan(clustered.p_value)
    assert clustered.coefficients["p_value"].isna().all()
    assert "could not be tested" in clustered.pretrend_sentence()
    assert "found four times in five" in ranked.pretrend_sentence()


def test_groups_take_the_place_of_several_treated_areas():
    groups = [[codes(30)[i], codes(30)[i + 1]] for i in range(2, 28)]
    found = event_study(panel(), placebos=groups, **(OPTIONS | {"treated": codes(2)}))
    assert found.n_placebos == len(groups)
    assert 0 < found.pretrend_p <= 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": 0}, "before the start"),
        ({"reference": -40}, "before the start"),
        ({"inference": "guess"}, "not known"),
        ({"inference": "placebo"}, "placebos"),
    ],
)
def test_what_cannot_be_done_is_refused(change, words):
    with pytest.raises(ParameterError, match=words):
        event_study(panel(), **(OPTIONS | change))


def test_it_draws_itself():
    import matplotlib

    matplotlib.use("Agg")
    found = event_study(panel(), **OPTIONS)
    assert found.plot().collections
    assert isinstance(found.summary_frame(), pd.DataFrame)
