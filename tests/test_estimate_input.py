"""What a sceptic would hand to `estimate`: each gives a valid answer, or one sentence why not."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from boroughs import asked, borough, scores

from lsp_analysis.effects.one_area.estimation import estimate
from lsp_analysis.errors import AreaError, LspError, PanelError, ParameterError
from lsp_analysis.verdicts import causal_words

MADE = borough(3)
PANEL = MADE.panel
HERE = MADE.treated[0]
OTHERS = [code for code in PANEL["area_code"].unique() if code != HERE]
AFTER = PANEL["period"] >= MADE.start
YEARS = (
    PANEL.assign(period=PANEL["period"].dt.year)
    .groupby(["area_code", "period"], as_index=False)[["count", "population"]]
    .sum()
)


def ask(panel=PANEL, **changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return estimate(panel, **asked(MADE) | changes)


def same(found, other=None) -> bool:
    other = other or ask()
    names = ("estimate", "low", "high", "p_value", "smallest_effect")
    return all(math.isclose(getattr(found, n), getattr(other, n)) for n in names)


@pytest.mark.parametrize("kind", [str, tuple, set, pd.Index, np.array], ids=lambda k: k.__name__)
def test_the_treated_may_come_as_any_collection_or_one_code(kind):
    assert same(ask(treated=HERE if kind is str else kind([HERE])))


@pytest.mark.parametrize(
    "neighbours",
    [
        [list(pair) for pair in MADE.neighbours],
        set(MADE.neighbours),
        np.array(MADE.neighbours),
        pd.DataFrame(MADE.neighbours, columns=["area_code", "neighbour"]),
        pd.DataFrame(MADE.neighbours).assign(metres=1.0),
        (pair for pair in MADE.neighbours),
    ],
    ids=["lists", "set", "array", "frame", "wide frame", "generator"],
)
def test_neighbours_may_come_as_any_pairs(neighbours):
    assert same(ask(neighbours=neighbours))


@pytest.mark.parametrize(
    "panel",
    [
        PANEL.sample(frac=1, random_state=1),
        PANEL.assign(note="x", other=1.0),
        PANEL.assign(area_code=PANEL["area_code"].astype("category")),
        PANEL.assign(area_code=pd.Categorical(PANEL["area_code"], [HERE, *OTHERS, "nowhere"])),
        PANEL.assign(period=PANEL["period"].astype(str)),
        PANEL.assign(period=PANEL["period"].dt.to_timestamp()),
        PANEL.assign(period=[period.start_time.date() for period in PANEL["period"]]),
        PANEL.assign(count=PANEL["count"].astype(str)),
        PANEL.assign(count=PANEL["count"].astype("Int64")),
    ],
    ids=["shuffled", "extra", "category", "unused", "text", "dates", "days", "numbers", "Int64"],
)
def test_the_same_panel_in_other_clothes_gives_the_same_answer(panel):
    assert same(ask(panel))


@pytest.mark.parametrize("start", ["2006", 2006, pd.Period("2006-01", "M"), "2006-01-01"])
def test_years_as_numbers_are_years(start):
    found = ask(YEARS, start=start)
    assert found.start == pd.Period("2006", "Y")
    assert "a year" in found.sentence()


@pytest.mark.parametrize(
    "panel",
    [
        PANEL.assign(count=PANEL["count"].where((PANEL["area_code"] != HERE) | AFTER, 0)),
        PANEL.assign(count=PANEL["count"].where((PANEL["area_code"] != HERE) | ~AFTER, 0)),
        PANEL.assign(count=PANEL["count"].where(PANEL["area_code"] != HERE, 0)),
        PANEL.assign(count=PANEL["count"] * 10**9, population=PANEL["population"] * 10**9),
        PANEL.assign(count=PANEL["count"].where(PANEL.index % 331 != 0)),
        PANEL.assign(population=PANEL["population"].where(PANEL.index % 331 != 0)),
        PANEL[(PANEL["area_code"] != HERE) | AFTER | (PANEL["period"].dt.month < 9)],
        PANEL[PANEL["area_code"].isin([HERE, *OTHERS[:12]])],
        PANEL[PANEL["area_code"].isin([HERE, *OTHERS[-2:]])],
        PANEL[PANEL["period"] <= MADE.start],
        PANEL[PANEL["period"] >= MADE.start - 2],
    ],
    ids=["none before", "none after", "none ever", "huge", "gaps", "no people", "own gaps",
         "13 areas", "3 areas", "one month after", "two months before"],
)  # fmt: skip
def test_an_answer_hangs_together_however_odd_the_panel(panel):
    found = ask(panel)
    assert found.p_value == pytest.approx(
        round(found.p_value * (found.n_placebos + 1)) / (found.n_placebos + 1)
    )
    assert found.p_value >= found.finest_p > 0
    assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)
    assert found.low <= found.estimate <= found.high
    for said in (found.sentence(), found.sentence(worth_having=0.1), found.cautions()):
        assert not {"nan", "inf"} & set(said.replace("(", " ").replace("%", " ").split())
        assert not causal_words(said)
    found.plot()


def test_two_neighbourhoods_apart_are_judged_as_one_group_and_said_to_be():
    apart = [HERE, OTHERS[40]]
    found = ask(treated=apart)
    assert found.n_treated == 2
    assert any("do not form one piece" in warning for warning in found.warnings)


def test_fewer_placebos_than_the_level_needs_find_nothing_of_any_size():
    found = ask(PANEL[PANEL["area_code"].isin([HERE, *OTHERS[:12]])])
    assert math.isinf(found.smallest_effect)
    assert math.isinf(found.smallest_relative)
    assert "no effect of any size" in found.sentence()
    assert "open on both sides" in found.sentence()


def test_a_past_of_less_than_half_a_year_lowers_the_level_of_the_design():
    found = ask(PANEL[PANEL["period"] >= MADE.start - 3])
    assert found.maryland == 2
    assert any("less than half a year" in warning for warning in found.warnings)
    assert ask().maryland == 3


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"treated": None}, AreaError, "No treated area"),
        ({"treated": []}, AreaError, "No treated area"),
        ({"treated": [HERE, *OTHERS]}, PanelError, "No comparison is left"),
        ({"start": None}, ParameterError, "No start"),
        ({"start": 12}, ParameterError, "not a period like"),
        ({"neighbours": ["ab", "cd"]}, ParameterError, "'ab', which is no pair"),
        ({"neighbours": [(HERE, OTHERS[0], 1)]}, ParameterError, "no pair"),
        ({"neighbours": {HERE: OTHERS[0]}}, ParameterError, "no pair"),
        ({"neighbours": 5}, ParameterError, "no pair"),
        ({"neighbours": [("x", "y")]}, ParameterError, "holds an area of the panel"),
        ({"level": 95}, ParameterError, "between 0 and 1"),
        ({"level": "0.95"}, ParameterError, "between 0 and 1"),
    ],
)
def test_keywords_that_cannot_be_meant_are_refused(changes, error, words):
    with pytest.raises(error, match=words):
        ask(**changes)


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        ([1, 2], "is a list"),
        (PANEL.assign(count=0), "0 in every comparison area"),
        (PANEL.assign(count=5, population=100), "the same in all"),
        (PANEL.assign(count=PANEL["count"].where(PANEL.index != 9, -1)), "below zero"),
        (PANEL.assign(count=PANEL["count"].where(PANEL.index != 9, np.inf)), "infinite in 1 of"),
        (PANEL.assign(population=PANEL["population"].where(PANEL.index != 9, 0)), "zero or less"),
        (PANEL.assign(count=PANEL["count"].astype(str).where(PANEL.index != 9, "*")), "number"),
        (PANEL.assign(area_code=PANEL["area_code"].where(PANEL.index != 9)), "no area_code"),
        (PANEL.assign(count=PANEL["count"].where(PANEL.index % 37 != 9)), "None of the"),
        (PANEL.assign(period="spring"), "does not say when"),
        (pd.concat([PANEL, PANEL.head(3)]), "3 rows repeat"),
        (pd.concat([PANEL, PANEL[["count"]]], axis=1), "2 columns 'count'"),
        (PANEL.set_index("period"), "no column 'period'"),
        (PANEL[PANEL["period"] >= MADE.start - 1], "one period before"),
    ],
    ids=["list", "zeros", "constant", "negative", "infinite", "nobody", "text", "no code", "holes",
         "season", "repeated", "doubled", "indexed", "one before"],
)  # fmt: skip
def test_panels_that_cannot_answer_are_refused_in_one_sentence_or_two(panel, words):
    with pytest.raises(PanelError, match=words) as refusal:
        ask(panel)
    assert len(str(refusal.value)) < 300


def test_a_share_without_a_population_is_answered_in_its_own_units():
    panel, question = scores()
    found = estimate(panel, **question, unit="percent")
    assert "percentage points" in found.sentence(worth_having=0.5)
    assert isinstance(found.summary_frame(), pd.DataFrame)
    with pytest.raises(LspError):
        estimate(panel, **question | {"outcome": "scroe"})


@pytest.mark.parametrize("population", [None, "weight"])
@pytest.mark.parametrize("side", ["before", "after", "both"])
def test_an_area_without_a_score_on_one_side_takes_no_part(population, side):
    panel, question = scores()
    other = sorted(set(panel["area_code"]) - set(question["treated"]))[3]
    here = panel["area_code"] == other
    after = panel["period"] >= question["start"]
    gone = here & {"before": ~after, "after": after, "both": here}[side]
    panel = panel.assign(score=panel["score"].mask(gone), weight=100 + panel["score"].rank())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gap = estimate(panel, **question, population=population)
    without = estimate(panel[~here], **question, population=population)
    assert gap.p_value == without.p_value
    assert math.isclose(gap.estimate, without.estimate, abs_tol=0.01)  # its past is next door


def test_a_code_that_is_a_number_among_codes_of_text_is_told_so():
    numbered = PANEL.assign(area_code=PANEL["area_code"].str[1:].astype(int))
    with pytest.raises(AreaError, match=r"Codes there are a number.* is text"):
        ask(numbered, treated=["07"], neighbours=None)


def test_months_that_were_all_zero_are_no_occasion_for_a_false_alarm():
    began = PANEL["period"] >= MADE.start - 12
    found = ask(PANEL.assign(count=PANEL["count"].where(began, 0)))
    assert 0 < found.false_alarms.trials < ask().false_alarms.trials


def test_as_many_placebos_as_the_level_needs_are_not_said_to_find_nothing():
    ten = PANEL[PANEL["area_code"].isin([HERE, *OTHERS[:9]])]
    found = ask(ten, neighbours=None, level=0.9)
    assert found.n_placebos == 9
    assert math.isfinite(found.high)
    assert not [text for text in found.warnings if "no effect of any size" in text]


def test_a_count_with_a_few_parts_of_events_is_said_to_be_read_as_a_rate():
    spoilt = PANEL.assign(count=PANEL["count"] + np.where(PANEL.index < 3, 0.5, 0.0))
    told = [text for text in ask(spoilt).warnings if "not whole" in text]
    assert told[0].startswith("Three values of the outcome are not whole")
    rates = PANEL.assign(count=PANEL["count"] / PANEL["population"])
    for panel, changes in ((PANEL, {}), (rates, {}), (spoilt, {"population": None})):
        assert not [text for text in ask(panel, **changes).warnings if "not whole" in text]
