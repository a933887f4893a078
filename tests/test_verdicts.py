"""What may be said of an effect: five findings, and no claim of a cause."""

from __future__ import annotations

import itertools

import pytest

from lsp_analysis import verdicts
from lsp_analysis.errors import ParameterError


@pytest.mark.parametrize(
    ("low", "high", "worth", "kind"),
    [
        (-5, -1, 2, "difference"),
        (-1.5, -0.5, 2, "small difference"),
        (-0.5, 0.5, 2, "no effect worth having"),
        (-3, 0.5, 2, "no evidence"),
        (-0.5, 2.0, 2, "no evidence"),
        (-0.5, 0.5, None, "no evidence"),
        (1, 2, None, "difference"),
        (float("nan"), 2, 1, "unknown"),
        (None, None, 1, "unknown"),
    ],
)
def test_an_interval_falls_into_one_of_five_classes(low, high, worth, kind):
    assert verdicts.effect_class(low, high, worth) == kind


def test_no_evidence_of_an_effect_is_told_from_evidence_of_no_effect_worth_having():
    wide = verdicts.effect_verdict(-0.2, -3.5, 0.3, 2, 3, "percent", outcome="smoking")
    narrow = verdicts.effect_verdict(-0.2, -0.5, 0.3, 2, 3, "percent", outcome="smoking")
    assert "no evidence of an effect" in wide
    assert "no evidence of its absence" in wide
    assert "evidence of no effect worth having" in narrow
    assert "no evidence of an effect" not in narrow
    assert "2.0 percentage points" in narrow


def test_a_verdict_states_size_interval_comparator_and_level_of_the_design():
    text = verdicts.effect_verdict(
        -3.2, -5.1, -1.3, 2, 3, "per_1000", outcome="burglary", comparator="similar areas"
    )
    assert text.startswith("Measured against similar areas, burglary fell by 3.2 per 1,000")
    assert "95% interval −5.1 to −1.3 per 1,000" in text
    assert "Maryland level 3" in text


def test_an_effect_that_could_not_be_estimated_says_so():
    text = verdicts.effect_verdict(float("nan"), -1, 1, 2, 3, outcome="burglary")
    assert text == "The effect on burglary could not be estimated from these data."


def test_no_verdict_at_any_level_claims_a_cause():
    intervals = [(-5, -1), (-1.5, -0.5), (-0.5, 0.5), (-3, 0.5), (1, 4)]
    for (low, high), worth, level in itertools.product(intervals, (None, 2), (1, 2, 3, 4, 5)):
        text = verdicts.effect_verdict((low + high) / 2, low, high, worth, level, "percent")
        assert verdicts.causal_words(text) == [], text


@pytest.mark.parametrize(
    "text",
    [
        "The programme caused a fall.",
        "It causes falls.",
        "Crime fell because of the wardens.",
        "This LED TO fewer claims.",
        "It was due to the pilot.",
        "It resulted in savings.",
        "That proves the point.",
    ],
)
def test_causal_words_are_found_whatever_their_case(text):
    assert verdicts.causal_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "The lead agency improved.",
        "Dues were paid.",
        "A cautious view.",
        "Deaths from all causes fell.",
        "All-cause mortality rose.",
        "The main causes of death are listed.",
    ],
)
def test_innocent_words_are_left_alone(text):
    assert verdicts.causal_words(text) == []


@pytest.mark.parametrize(("low", "high", "worth"), [(2, 1, 1), (1, 2, 0), (1, 2, -1)])
def test_impossible_intervals_and_thresholds_are_refused(low, high, worth):
    with pytest.raises(ParameterError):
        verdicts.effect_class(low, high, worth)


def test_an_unknown_maryland_level_is_refused():
    with pytest.raises(ParameterError, match="1 to 5"):
        verdicts.effect_verdict(1, 0.5, 2, 1, 6)
