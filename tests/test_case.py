"""A case asked again gives what the method itself gives."""

from __future__ import annotations

import numpy as np
import pytest
from boroughs import asked, borough, case_of, scores

from lsp_analysis.effects.case import (
    as_size,
    detectable,
    in_words,
    open_case,
    percent,
    shown,
    sized,
    span,
)
from lsp_analysis.effects.one_area.estimation import estimate
from lsp_analysis.errors import PanelError


@pytest.mark.parametrize("group_size", [1, 3])
def test_its_effect_interval_and_p_are_those_of_estimate(group_size):
    made = borough(3, effect=-0.4, group_size=group_size)
    size, found = (
        sized(case_of(made), case_of(made).found),
        estimate(made.panel, **asked(made), checks=False),
    )
    assert [size.estimate, size.low, size.high] == pytest.approx(
        [100 * x for x in (found.relative, found.relative_low, found.relative_high)]
    )
    assert size.p_value == found.p_value
    assert detectable(case_of(made), case_of(made).found) == pytest.approx(
        100 * found.smallest_relative
    )


def test_the_same_holds_where_effects_add():
    panel, question = scores(effect=-6.0)
    case = open_case(panel, **question)
    found = estimate(panel, **question, checks=False)
    size = sized(case, case.found)
    assert [size.estimate, size.low, size.high] == pytest.approx(
        [found.estimate, found.low, found.high]
    )


def test_judging_later_periods_leaves_out_those_between():
    case = case_of(borough(3, effect=-0.4))
    later = case.later(case.start + 6)
    assert later.total == pytest.approx(
        case.pool.members @ case.ledger.total[:, case.start + 6 :].sum(axis=1)
    )
    assert case.later(case.start).statistic == pytest.approx(case.found.statistic)


def test_effects_are_shown_in_per_cent_for_counts_and_as_they_are_for_scores():
    panel, question = scores()
    score = open_case(panel, **question, unit="score")
    count = case_of(borough(3))
    assert shown(count, np.log(0.75)) == pytest.approx(-25)
    assert shown(score, -3.0) == -3.0
    assert in_words(count, -25.0) == "25% lower"
    assert in_words(score, 2.1) == "2.1 points higher"
    assert as_size(count, -0.01) == "less than 0.1%"
    assert as_size(score, -3.0) == "3.0 points"


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (-12.4, "12% lower"),
        (3.21, "3.2% higher"),
        (0.001, "the same"),
        (np.nan, "not measurable"),
        (np.inf, "without limit"),
    ],
)
def test_per_cents_in_words(size, words):
    assert percent(size) == words


def test_spans_of_periods_are_named_once_if_they_are_one():
    case = case_of(borough(3))
    assert span(case, 0, 3) == "January 2003 to March 2003"
    assert span(case, 2, 3) == "March 2003"


def test_a_treated_area_without_values_on_one_side_is_refused():
    panel, question = scores()
    gone = (panel["area_code"] == "A000") & (panel["period"] >= "2000")
    with pytest.raises(PanelError, match="0% of those after"):
        open_case(panel[~gone], **question)
