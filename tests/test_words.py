"""The sentence of an effect: what was seen, how sure, what may be said of it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from claims import causal_words
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis import estimate
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.words import than_expected

MONTHS = pd.period_range("2007-01", periods=36, freq="M")
EFFECT = EffectEstimate(
    outcome="burglary",
    method="any",
    estimate=-3.0,
    low=-5.0,
    high=-1.0,
    p_value=0.02,
    relative=-0.25,
    relative_low=-0.4,
    relative_high=-0.1,
    multiplicative=True,
    start=MONTHS[15],
    observed=9.0,
    counterfactual=12.0,
    smallest_effect=2.0,
    smallest_relative=0.17,
    unit="a month",
    inference="rank among 170 placebo neighbourhoods",
    paths=pd.DataFrame({"period": MONTHS, "treated": 1.0, "comparison": 1.0}),
)
SCORE = replace(
    EFFECT, multiplicative=False, unit="score", relative=np.nan, estimate=-2.0, low=-3.0, high=-1.0
)


def unclear(effect, low, high):
    if effect.multiplicative:
        return replace(effect, relative_low=low, relative_high=high, p_value=0.4)
    return replace(effect, low=low, high=high, p_value=0.4)


def test_it_gives_direction_size_interval_period_comparator_and_level():
    said = EFFECT.sentence()
    for part in (
        "From April 2008 to December 2009, burglary ran 25% lower than expected",
        "comparison areas",
        "9.0 a month against 12.0 a month expected",
        "95% interval 40% lower to 10% lower",
        "p = 0.02",
        "rank among 170 placebo neighbourhoods",
        "Maryland level 3",
    ):
        assert part in said


def test_effects_that_add_are_given_in_their_units():
    assert "burglary ran 2.0 lower than expected" in SCORE.sentence()
    assert "95% interval −3.0 to −1.0" in SCORE.sentence()


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        ("12% lower", "12% lower than expected"),
        ("the same", "the same as expected"),
        ("within 0.1 per 1,000", "within 0.1 per 1,000 of what was expected"),
        ("not measurable", "not measurable against what was expected"),
    ],
)
def test_every_gap_reads_well_against_the_expectation(gap, said):
    assert than_expected(gap) == said


@pytest.mark.parametrize(
    ("smallest", "said"),
    [(np.nan, "cannot be told from these data"), (np.inf, "no effect of any size would have been")],
)
def test_an_unknown_power_is_told_apart_from_none(smallest, said):
    assert said in replace(unclear(SCORE, -3.0, 1.0), smallest_effect=smallest).sentence()


def test_a_gap_that_rounding_alone_makes_is_none():
    met = replace(SCORE, estimate=4e-16, observed=3.0, counterfactual=3.0 - 4e-16)
    for said in (met.sentence(), met.short_sentence()):
        assert "urglary ran the same as expected" in said
        assert "within" not in said


@pytest.mark.parametrize(
    ("low", "high", "worth", "words"),
    [
        (-0.4, -0.1, None, "more than chance differences between areas usually make"),
        (-0.08, -0.02, 0.1, "less than the smallest effect worth having"),
        (-0.05, 0.06, 0.1, "evidence of no effect worth having"),
        (-0.05, 0.06, None, "We cannot tell whether there was an effect"),
        (-0.3, 0.2, 0.1, "We cannot tell whether there was an effect"),
    ],
)
def test_no_evidence_is_told_from_evidence_of_no_effect_worth_having(low, high, worth, words):
    assert words in unclear(EFFECT, low, high).sentence(worth_having=worth)


def test_what_could_have_been_found_is_said_where_nothing_was():
    assert "is a fall of 17%" in unclear(EFFECT, -0.3, 0.2).sentence()
    assert "one of 2.0" in unclear(SCORE, -1.0, 2.0).sentence()
    hopeless = replace(unclear(EFFECT, -0.3, 0.2), smallest_effect=np.inf, smallest_relative=np.inf)
    assert "no effect of any size" in hopeless.sentence()


@given(
    relative=st.floats(-0.99, 5),
    below=st.floats(0, 1),
    above=st.floats(0, 5),
    maryland=st.integers(1, 3),
    worth=st.one_of(st.none(), st.floats(0.01, 1)),
)
def test_below_maryland_four_nothing_is_said_to_be_caused(relative, below, above, maryland, worth):
    effect = replace(
        EFFECT,
        relative=relative,
        relative_low=max(relative - below, -1.0),
        relative_high=relative + above,
        maryland=maryland,
    )
    assert causal_words(effect.sentence(worth_having=worth)) == []
    assert causal_words(effect.short_sentence()) == []
    assert "nan" not in effect.sentence(worth_having=worth)


def test_open_ends_and_missing_sizes_are_said_to_be():
    assert "no limit" in replace(EFFECT, relative_high=np.inf).sentence()
    assert "open on both sides" in unclear(EFFECT, -np.inf, np.inf).sentence()
    assert "could not be estimated" in replace(EFFECT, estimate=np.nan).sentence()


def test_a_single_period_after_the_start_is_named_alone():
    short = replace(EFFECT, paths=EFFECT.paths.head(16))
    assert short.sentence().startswith("In April 2008, burglary")


def test_a_size_that_rounds_to_nothing_is_the_same_as_expected():
    assert "ran the same as expected" in replace(EFFECT, relative=0.0001).sentence()


def test_an_outcome_without_a_label_goes_by_its_name():
    assert "anti social behaviour" in replace(EFFECT, outcome="anti_social_behaviour").sentence()
    assert "thefts of cars" in replace(EFFECT, label="thefts of cars").sentence()


def test_the_short_sentence_leaves_out_the_workings():
    said = EFFECT.short_sentence()
    assert len(said) < 120
    assert said.startswith("Burglary ran 25% lower")


def test_a_path_is_told_by_its_levels_before_and_after_and_the_one_expected():
    from boroughs import borough, question_of

    made = borough(3, effect=-0.8)
    found = estimate(question_of(made).named(place="Mill Estate"))
    paths = found.paths.set_index("period")
    levels = [
        paths.loc[: made.start - 1, "treated"].mean(),
        *paths.loc[made.start :, ["treated", "comparison"]].mean(),
    ]
    said = found.path_sentence()
    assert said.startswith("Mill Estate stood at")
    told = [float(x) for x in re.findall(r"([\d.]+) per 1,000 a year", said)]
    assert told == pytest.approx(levels, abs=0.051)


def test_an_effect_without_a_path_says_that_there_is_none():
    assert "no path" in EffectEstimate("crime", "any", -1.0).path_sentence()
