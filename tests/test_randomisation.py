"""Randomisation inference: draws are regressions, and scales follow population."""

from __future__ import annotations

from itertools import combinations
from time import perf_counter

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, codes, panel

from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.effects.regressions.randomisation import randomisation_inference
from lsp_analysis.errors import PanelError, ParameterError

OPTIONS = {"outcome": "rate", "start": START}


def test_every_draw_is_the_regression_with_other_areas_treated():
    frame = panel(n_areas=12, n_periods=8, n_treated=5, effect=1.0)
    by_t = randomisation_inference(frame, treated=codes(5), **OPTIONS)
    plain = randomisation_inference(frame, treated=codes(5), statistic="coefficient", **OPTIONS)
    groups = [group for group in combinations(range(12), 5) if group != tuple(range(5))]
    assert len(by_t.draws) == len(groups) == 791
    for at in (0, 400, 790):
        drawn = [codes(12)[i] for i in groups[at]]
        fit = difference_in_differences(frame, treated=drawn, **OPTIONS)
        assert plain.draws[at] == pytest.approx(fit.estimate)
        assert by_t.draws[at] == pytest.approx(fit.estimate / fit.se)
    own = difference_in_differences(frame, treated=codes(5), **OPTIONS)
    assert [by_t.estimate, by_t.statistic] == pytest.approx([own.estimate, own.estimate / own.se])
    assert by_t.p_value == pytest.approx(
        (1 + (np.abs(by_t.draws) >= abs(by_t.statistic)).sum()) / 792
    )


@pytest.mark.parametrize("statistic", ["t", "coefficient", "scaled"])
def test_effects_beyond_the_interval_are_those_rejected(statistic):
    frame = panel(n_areas=25, n_periods=8, n_treated=5, effect=2.0)
    options = {"treated": codes(5), "statistic": statistic, "population": "people", **OPTIONS}
    found = randomisation_inference(frame, **options)
    on = frame["area_code"].isin(codes(5)) & (frame["period"] >= START)
    for edge in (found.low, found.high):
        for share, rejected in ((0.999, False), (1.001, True)):
            effect = found.estimate + share * (edge - found.estimate)
            left = frame.assign(rate=frame["rate"] - effect * on)
            p_value = randomisation_inference(left, **options).p_value
            assert (p_value <= 0.05 + 1e-12) is rejected or p_value == pytest.approx(
                0.05, abs=0.003
            )


def test_one_treated_area_is_ranked_by_coefficient_among_all_others():
    frame = panel(n_areas=30, n_treated=1, effect=6.0)
    found = randomisation_inference(frame, treated="E000", **OPTIONS)
    assert (found.ranked, found.n_placebos) == ("coefficient", 29)
    assert found.p_value == pytest.approx(1 / 30)
    assert found.low < 6.0 < found.high
    few = randomisation_inference(frame.query("area_code < 'E010'"), treated="E000", **OPTIONS)
    assert np.isnan(few.low)  # ten areas cannot reject at 5%


def test_a_small_area_is_not_found_for_being_small():
    """Changes vary as 1 / population and the smallest area is treated: only scaled keeps 5%."""
    rng = np.random.default_rng(0)
    people = np.append(200.0, rng.uniform(800, 4_000, 59))
    periods = pd.period_range(START - 4, periods=8, freq="M")
    frame = pd.DataFrame(
        {
            "area_code": np.repeat(codes(60), 8),
            "period": np.tile(periods, 60),
            "people": np.repeat(people, 8),
        }
    )
    alarms = {"scaled": 0, "coefficient": 0}
    for _ in range(80):
        noise = rng.normal(0, 100 / np.sqrt(people)[:, None], (60, 8))
        trial = frame.assign(rate=50 + noise.ravel())
        for statistic in alarms:
            found = randomisation_inference(
                trial, treated="E000", statistic=statistic, population="people", **OPTIONS
            )
            alarms[statistic] += found.p_value <= 0.05
    assert alarms["scaled"] <= 9  # 4 expected
    assert alarms["coefficient"] > 20


def test_groups_can_be_given():
    frame = panel(n_areas=40, n_treated=2, effect=3.0)
    groups = [codes(40)[i : i + 2] for i in range(2, 40, 2)]
    found = randomisation_inference(frame, treated=codes(2), placebos=groups, **OPTIONS)
    assert (found.n_placebos, found.p_value) == (19, pytest.approx(1 / 20))
    assert found.low < 3.0 < found.high


def test_ten_thousand_draws_take_a_moment():
    frame = panel(n_areas=177, n_periods=48, n_treated=8)
    randomisation_inference(frame, treated=codes(8), **OPTIONS)
    began = perf_counter()
    randomisation_inference(frame, treated=codes(8), **OPTIONS)
    assert perf_counter() - began < 3.0  # 0.2 s on an idle machine


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"statistic": "z"}, ParameterError, "t, coefficient, scaled"),
        ({"statistic": "scaled"}, ParameterError, "population"),
        ({"treated": "E000", "statistic": "t"}, ParameterError, "two treated"),
        ({"n_draws": 10}, ParameterError, "99 or more"),
        ({"placebos": []}, PanelError, "no placebo group"),
        ({"population": "nobody"}, PanelError, "above 0"),
    ],
)
def test_what_cannot_be_done_is_refused(change, error, words):
    frame = panel(n_treated=3).assign(nobody=lambda f: (f["area_code"] != "E009") * 1.0)
    with pytest.raises(error, match=words):
        randomisation_inference(frame, **({"treated": codes(3)} | OPTIONS | change))
