"""What holds of every estimator, whatever it does inside: names, order, units, common trends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, codes, panel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lsp_analysis import effects
from lsp_analysis.effects.regressions.bootstrap import wild_cluster_bootstrap
from lsp_analysis.effects.regressions.event_studies import event_study
from lsp_analysis.errors import LspError, PanelError, ParameterError


@dataclass(frozen=True)
class Kind:
    """An estimator, how many areas it treats, and what of it does not hold.

    `trend` is "all" where a common trend changes nothing, "line" where that is promised of a
    straight one, "estimate" where only the interval may change, "none" where nothing is promised.
    `exact` is False where random draws are dealt to areas in the order they come, so that p-values
    agree only about.
    """

    run: Callable[..., Any]
    n_treated: int = 6
    trend: str = "all"
    exact: bool = True


def _two_by_two(frame, *, treated, start, **options):
    marked = frame.assign(
        mine=frame["area_code"].isin(treated), after=(frame["period"] >= start).astype(int)
    )
    return effects.did_2x2(marked, treated="mine", post="after", **options)


def _with_predictors(frame, **options):
    before = sorted(frame["period"].unique())[:12]
    predictors = [("x", before, "mean"), ("rate", before[2:3]), ("rate", before[8:], "mean")]
    return effects.synthetic_control(frame, predictors=predictors, generations=10, **options)


def _staggered(frame, *, treated, start, **options):
    return effects.staggered_effect(frame, treated=treated, start=start, n_draws=0, **options)


def _poisson(frame, **options):
    return effects.poisson_difference_in_differences(frame, population="people", **options)


def _structural(frame, **options):
    return effects.structural_effect(frame, n_draws=200, **options)


def _calibrated(frame, **options):
    return effects.calibrated_effect(frame, block=12, **options)


KINDS = {
    "estimate": Kind(effects.estimate, 1),
    "difference-in-differences": Kind(effects.difference_in_differences),
    "difference in changes": Kind(effects.difference_in_changes),
    "two by two": Kind(_two_by_two, trend="estimate"),
    "Poisson": Kind(_poisson, trend="none"),
    "event study by regression": Kind(event_study),
    "event study among placebos": Kind(event_study, 1),
    "among placebo neighbourhoods": Kind(effects.placebo_difference_in_differences, 1),
    "randomisation inference": Kind(effects.randomisation_inference, 2),
    "staggered starts": Kind(_staggered),
    "wild bootstrap": Kind(wild_cluster_bootstrap, exact=False),
    "interrupted series": Kind(effects.interrupted_series, 1, trend="none"),
    "controlled interrupted series": Kind(effects.controlled_interrupted_series, trend="estimate"),
    "structural": Kind(_structural, 1, trend="none"),
    "synthetic control": Kind(effects.synthetic_control, 1),
    "synthetic control with predictors": Kind(_with_predictors, 1, trend="none"),
    "augmented": Kind(effects.augmented_synthetic_control, 1),
    "weights that match exactly": Kind(_calibrated),
    "synthetic difference-in-differences": Kind(effects.synthetic_did, 1, trend="line"),
}

every_estimator = pytest.mark.parametrize("name", KINDS)
drawn = settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def world(kind: Kind, seed: int = 3) -> pd.DataFrame:
    return panel(n_areas=22, n_treated=kind.n_treated, effect=2.0, seed=seed)


def answer(kind: Kind, frame: pd.DataFrame, treated: list[Any], start: Any = START) -> Any:
    return kind.run(frame, outcome="rate", treated=treated, start=start)


def numbers(found: Any) -> list[float]:
    return [found.estimate, found.low, found.high, found.p_value]


def assert_alike(found: Any, expected: Any, kind: Kind, scale: float = 1.0) -> None:
    assert found.estimate == pytest.approx(scale * expected.estimate, rel=1e-5, abs=1e-6 * scale)
    tolerance = {"rel": 1e-4, "abs": 1e-4 * scale} if kind.exact else {"rel": 0.2}
    limits = [scale * expected.low, scale * expected.high]
    assert [found.low, found.high] == pytest.approx(limits, nan_ok=True, **tolerance)
    slack = 1e-6 if kind.exact else 0.02
    assert found.p_value == pytest.approx(expected.p_value, abs=slack, nan_ok=True)


@every_estimator
@drawn
@given(seed=st.integers(0, 2**16))
def test_what_areas_are_called_does_not_matter(name, seed):
    kind = KINDS[name]
    frame = world(kind)
    order = np.random.default_rng(seed).permutation(22)
    names = dict(zip(codes(22), (f"St Mary's {k:02d}" for k in order), strict=True))
    renamed = frame.assign(area_code=frame["area_code"].map(names))
    treated = codes(kind.n_treated)
    found = answer(kind, renamed, [names[code] for code in treated])
    assert_alike(found, answer(kind, frame, treated), kind)


@every_estimator
@drawn
@given(seed=st.integers(0, 2**16))
def test_the_order_of_rows_does_not_matter(name, seed):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    shuffled = frame.sample(frac=1, random_state=seed)
    assert_alike(answer(kind, shuffled, treated), answer(kind, frame, treated), kind)


@every_estimator
@drawn
@given(scale=st.floats(0.01, 1_000))
def test_units_scale_the_effect_and_leave_the_p_value(name, scale):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    scaled = frame.assign(rate=frame["rate"] * scale)
    found, expected = answer(kind, scaled, treated), answer(kind, frame, treated)
    assert_alike(found, expected, kind, scale)
    assert found.estimate > 0


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.trend != "none"])
@drawn
@given(trend=st.floats(-2, 2), season=st.floats(-5, 5))
def test_what_happened_everywhere_alike_does_not_matter(name, trend, season):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    place = pd.factorize(frame["period"], sort=True)[0]
    season *= kind.trend != "line"
    moved = frame.assign(
        rate=frame["rate"] + 20 + trend * place + season * np.sin(place * np.pi / 6)
    )
    found, expected = answer(kind, moved, treated), answer(kind, frame, treated)
    if kind.trend in ("all", "line"):
        assert_alike(found, expected, kind)
    assert found.estimate == pytest.approx(expected.estimate, abs=1e-5)


@pytest.mark.parametrize("name", [n for n in KINDS if n != "two by two"])
def test_periods_may_be_years_dates_text_or_categories(name):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    expected = answer(kind, frame, treated)
    month = frame["period"]
    forms = {
        "years": (month.dt.year * 0 + 2000 + pd.factorize(month, sort=True)[0], 2012),
        "dates": (month.dt.to_timestamp(), pd.Timestamp("2009-01-01")),
        "dates, start as text": (month.dt.to_timestamp(), "2009-01-01"),
        "text": (month.astype(str), "2009-01"),
        "categories": (month.astype(str).astype("category"), "2009-01"),
    }
    for form, (periods, start) in forms.items():
        found = answer(kind, frame.assign(period=periods), treated, start)
        assert found.estimate == pytest.approx(expected.estimate, rel=1e-6), form


@every_estimator
def test_areas_may_be_numbers_or_categories_with_one_that_is_not_there(name):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    expected = answer(kind, frame, treated)
    numbered = frame.assign(area_code=frame["area_code"].str[1:].astype(int))
    labels = pd.Categorical(frame["area_code"], [*codes(22), "not there"])
    found = answer(kind, numbered, list(range(kind.n_treated)))
    assert found.estimate == pytest.approx(expected.estimate, rel=1e-6)
    found = answer(kind, frame.assign(area_code=labels), treated)
    assert found.estimate == pytest.approx(expected.estimate, rel=1e-6)


@every_estimator
def test_what_cannot_be_answered_is_refused_in_a_sentence(name):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    wrong = {
        "an area that is not there": (frame, ["E999"], START),
        "no area": (frame, [], START),
        "every area": (frame, codes(22), START),
        "a start before everything": (frame, treated, pd.Period("1990-01", "M")),
        "a start after everything": (frame, treated, pd.Period("2030-01", "M")),
        "a start that is no period": (frame, treated, "spring"),
        "an outcome that is text": (frame.assign(rate="high"), treated, START),
        "an outcome without bound": (frame.assign(rate=np.inf), treated, START),
        "no column of the outcome": (frame.drop(columns="rate"), treated, START),
        "no rows": (frame.iloc[:0], treated, START),
        "no values": (frame.assign(rate=np.nan), treated, START),
        "a row twice": (pd.concat([frame, frame.iloc[:1]]), treated, START),
    }
    for what, (broken, areas, start) in wrong.items():
        if name == "interrupted series" and what == "every area":
            continue  # it needs no comparison
        if name == "two by two" and (what == "a row twice" or "start" in what):
            continue  # its rows need not be a panel
        with pytest.raises(LspError) as refusal:
            answer(kind, broken, areas, start)
        assert str(refusal.value).endswith((".", "?")), what


@every_estimator
def test_a_level_in_per_cent_and_an_outcome_that_never_varies_are_refused(name):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    with pytest.raises(ParameterError, match="level=95 is not a number between 0 and 1"):
        kind.run(frame, outcome="rate", treated=treated, start=START, level=95)
    if name not in ("estimate", "two by two"):
        with pytest.raises(PanelError, match=r"nothing to compare|does not vary"):
            answer(kind, frame.assign(rate=5.0), treated)


@every_estimator
def test_an_index_of_the_panel_does_not_matter(name):
    kind = KINDS[name]
    frame, treated = world(kind), codes(kind.n_treated)
    expected = answer(kind, frame, treated)
    for indexed in (
        frame.set_index(["area_code", "x"], drop=False),
        frame.set_index(np.zeros(len(frame), dtype=int)),
    ):
        assert answer(kind, indexed, treated).estimate == pytest.approx(expected.estimate)
