"""What may be said of an effect: five findings, and no claim of a cause."""

from __future__ import annotations

import pytest
from claims import causal_words

from lsp_analysis.effects.words import effect_class
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
    assert effect_class(low, high, worth) == kind


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
    assert causal_words(text)


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
    assert causal_words(text) == []


@pytest.mark.parametrize(("low", "high", "worth"), [(2, 1, 1), (1, 2, 0), (1, 2, -1)])
def test_impossible_intervals_and_thresholds_are_refused(low, high, worth):
    with pytest.raises(ParameterError):
        effect_class(low, high, worth)
