"""Whatever the numbers, a sentence claims no cause, contradicts nothing, and reads as one."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from claims import causal_words
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.effects.result import EffectEstimate

MONTHS = pd.period_range("2007-01", periods=36, freq="M")
ENDS = st.one_of(st.floats(-0.999, 30), st.just(np.inf), st.just(-1.0))
ODD = re.compile(r"\bnan\b|\binf\b|infinity|  |\.\.|None|the same than| ,|\(\)")


@st.composite
def effects(draw):
    """Any effect on a count or a score, its interval open, missing or on either side of zero."""
    ends = sorted(draw(st.one_of(st.tuples(ENDS, ENDS), st.just((np.nan, np.nan)))))
    share = draw(st.floats(-0.999, 30))
    known = [end for end in ends if np.isfinite(end)]
    if known and not np.isnan(ends).any():
        share = float(np.clip(share, ends[0], ends[1]))
    scale = 10.0
    return EffectEstimate(
        outcome="burglary",
        method="any",
        estimate=scale * share,
        low=scale * ends[0],
        high=scale * ends[1],
        relative=share,
        relative_low=ends[0],
        relative_high=ends[1],
        p_value=draw(st.one_of(st.floats(1e-4, 1), st.just(np.nan))),
        level=draw(st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])),
        multiplicative=draw(st.booleans()),
        polarity=draw(st.sampled_from(["", "low_is_good", "high_is_good"])),
        maryland=draw(st.integers(1, 5)),
        start=MONTHS[15],
        observed=scale * (1 + share),
        counterfactual=scale,
        smallest_effect=draw(st.sampled_from([0.5, 8.0, np.inf, np.nan])),
        smallest_relative=0.4,
        unit=draw(st.sampled_from(["", "a month", "percent", "per_1000", "score"])),
        inference="rank among 170 placebo neighbourhoods",
        paths=pd.DataFrame({"period": MONTHS, "treated": 1.0, "comparison": 1.0}),
    )


WORTH = st.one_of(st.none(), st.floats(0.01, 20))


@given(effect=effects(), worth=WORTH)
def test_no_sentence_claims_a_cause_or_has_a_hole_in_it(effect, worth):
    for said in (effect.sentence(worth_having=worth), effect.short_sentence()):
        assert effect.maryland >= 4 or not causal_words(said)
        assert not ODD.search(said), said
        assert said.endswith(".")


@given(effect=effects(), worth=WORTH)
def test_exactly_one_of_the_verdicts_is_given_and_it_follows_from_the_interval(effect, worth):
    said = effect.sentence(worth_having=worth)
    verdicts = {
        "difference": "more than chance differences between areas usually make" in said,
        "small": "less than the smallest effect worth having" in said,
        "none worth having": "That is evidence of no effect worth having" in said,
        "no evidence": "We cannot tell whether there was an effect: " in said,
    }
    assert sum(verdicts.values()) == 1, said
    low, high = (
        (effect.relative_low, effect.relative_high)
        if effect.multiplicative
        else (effect.low, effect.high)
    )
    clear = low > 0 or high < 0
    small = worth is not None and -worth < low and high < worth
    expected = {
        (True, False): "difference",
        (True, True): "small",
        (False, True): "none worth having",
        (False, False): "no evidence",
    }[bool(clear), bool(small)]
    assert verdicts[expected], said


@given(effect=effects())
def test_better_and_worse_follow_from_the_direction_and_the_good_side(effect):
    said = effect.sentence()
    clear = "more than chance differences" in said
    if not (clear and effect.polarity):
        assert "for the better" not in said
        assert "for the worse" not in said
        return
    low = effect.relative_low if effect.multiplicative else effect.low
    rose = low > 0
    better = rose == (effect.polarity == "high_is_good")
    assert f", and for the {'better' if better else 'worse'};" in said


@pytest.mark.parametrize(("level", "words"), [(0.999, "99.9% interval"), (0.8, "80% interval")])
def test_the_level_is_given_as_it_is(level, words):
    effect = EffectEstimate(
        outcome="burglary", method="any", estimate=-2, low=-3, high=-1, relative=-0.2,
        relative_low=-0.3, relative_high=-0.1, observed=8, counterfactual=10, level=level,
    )  # fmt: skip
    assert words in effect.sentence()
    assert words in replace(effect, multiplicative=True).sentence()


def test_a_rise_from_next_to_nothing_is_told_in_times():
    effect = EffectEstimate(
        outcome="burglary", method="any", estimate=18, low=3, high=np.inf, relative=280.0,
        relative_low=51.0, relative_high=np.inf, observed=18.1, counterfactual=0.06,
        multiplicative=True,
    )  # fmt: skip
    assert "281 times higher than expected" in effect.sentence()
    assert "52 times higher to no limit" in effect.sentence()
