"""Questions built from a tidy table or a study: read rightly, or refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, codes, counts

from lsp_analysis import Question, open_study
from lsp_analysis.errors import AreaError, LspError, PanelError, ParameterError, StudyError
from lsp_analysis.resources import study_path

PLACE = "Hall i' th' Wood"
COUNTS = {"outcome": "events", "population": "people"}


def world() -> pd.DataFrame:
    return counts(n_areas=12, n_periods=24, n_treated=1, seed=3)


def asked(frame: Any = None, **changes: Any) -> Question:
    given = {"outcome": "rate", "treated": codes(1), "start": START} | changes
    return Question.from_frame(world() if frame is None else frame, **given)


def refused(words: str, frame: Any = None, **changes: Any) -> None:
    with pytest.raises(LspError, match=words) as refusal:
        asked(frame, **changes)
    said = str(refusal.value)
    assert said.endswith((".", "?")), said
    assert 30 < len(said) < 420, said


def one_cell(frame: pd.DataFrame, value: Any) -> pd.DataFrame:
    return frame.assign(rate=frame["rate"].astype(object).where(frame.index != 5, value))


def mixed(frame: pd.DataFrame, other: Callable[[pd.Period], Any]) -> pd.DataFrame:
    period = [p if k % 2 else other(p) for k, p in enumerate(frame["period"])]
    return frame.assign(period=pd.Series(period, dtype=object))


PANELS: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "nothing": (lambda f: 7, "The panel is a int"),
    "a dictionary": (lambda f: f.to_dict("list"), "The panel is a dict"),
    "no rows": (lambda f: f.iloc[:0], "no rows"),
    "no outcome": (lambda f: f.drop(columns="rate"), "no column 'rate'"),
    "no areas": (lambda f: f.drop(columns="area_code"), "no column 'area_code'"),
    "labels in the index": (lambda f: f.set_index(["area_code", "period"]), "no column"),
    "two columns of the outcome": (lambda f: pd.concat([f, f[["rate"]]], axis=1), "2 columns"),
    "columns of two levels": (lambda f: pd.concat({"a": f}, axis=1), "2 levels"),
    "a word": (lambda f: one_cell(f, "lots"), "not a number in 1 of"),
    "infinity": (lambda f: one_cell(f, np.inf), "infinite in 1 of"),
    "dates": (lambda f: f.assign(rate=pd.Timestamp("2009-01-01")), "not numbers"),
    "spans of time": (lambda f: f.assign(rate=pd.to_timedelta(f["rate"], "D")), "not numbers"),
    "complex numbers": (lambda f: f.assign(rate=f["rate"] + 1j), "not numbers"),
    "lists": (lambda f: f.assign(rate=[[1]] * len(f)), "not a number"),
    "sizes beyond calculation": (lambda f: f.assign(rate=f["rate"] * 1e200), "calculated with"),
    "sizes below calculation": (lambda f: f.assign(rate=f["rate"] * 1e-200), "calculated with"),
    "no value": (lambda f: f.assign(rate=np.nan), "No row has a value"),
    "one value throughout": (lambda f: f.assign(rate=3.0), "the same in every area"),
    "no value before": (lambda f: f.assign(rate=f["rate"].where(f["period"] >= START)), "0% of"),
    "an area without a code": (
        lambda f: f.assign(area_code=f["area_code"].where(f.index != 5)), "no area_code"),
    "a row without a period": (
        lambda f: f.assign(period=f["period"].where(f.index != 5)), "no period"),
    "codes in lists": (
        lambda f: f.assign(area_code=[[c] for c in f["area_code"]]), "cannot stand for an area"),
    "months and quarters": (lambda f: mixed(f, lambda p: p.asfreq("Q")), "several kinds"),
    "periods and text": (lambda f: mixed(f, str), "several kinds"),
    "days and dates": (
        lambda f: mixed(f.assign(period=f["period"].dt.start_time), lambda d: d.to_period("D")),
        "several kinds"),
    "row numbers": (lambda f: f.assign(period=f["period"].dt.month), "does not say when"),
    "text that is no date": (lambda f: f.assign(period="spring"), "does not say when"),
    "a row twice": (lambda f: pd.concat([f, f.iloc[[5]]]), "repeat an"),
    "one period": (lambda f: f[f["period"] == START], "no periods before"),
}  # fmt: skip


@pytest.mark.parametrize("what", PANELS)
def test_a_table_that_no_method_can_use_is_refused(what):
    change, words = PANELS[what]
    refused(words, change(world()))


KEYWORDS: dict[str, tuple[dict[str, Any], str]] = {
    "outcomes in a list": ({"outcome": ["rate"]}, "not the name of a column"),
    "no outcome": ({"outcome": None}, "no column None"),
    "the codes for an outcome": ({"outcome": "area_code"}, "not a number"),
    "a start before all": ({"start": "1990-01"}, "no periods before"),
    "a start after all": ({"start": "2030-01"}, "nothing to evaluate yet"),
    "no start": ({"start": None}, "No start was given"),
    "an empty start": ({"start": ""}, "No start was given"),
    "a start that is no time": ({"start": pd.NaT}, "No start was given"),
    "a season for a start": ({"start": "spring"}, "not a month, quarter or year"),
    "starts in a list": ({"start": ["2009-01"]}, "not a month, quarter or year"),
    "a start that is true": ({"start": True}, "not a month, quarter or year"),
    "an area that is not there": ({"treated": ["E999"]}, "E999"),
    "an area misspelt": ({"treated": ["e000"]}, 'Did you mean "E000"'),
    "no area": ({"treated": []}, "No treated area"),
    "areas in a list of lists": ({"treated": [["E000"]]}, "no area code"),
    "areas in a table": ({"treated": pd.DataFrame({"code": ["E000"]})}, "a table of 1 rows"),
    "true and false": ({"treated": [True, False]}, "true and false"),
    "a number for an area": ({"treated": 7}, "Codes there are text"),
    "people that are the outcome": ({"population": "rate"}, "both outcome and population"),
    "a kind that is none": ({"kind": "event"}, 'Did you mean "events"'),
    "neighbours that are a number": ({"neighbours": 7}, "no pair of codes"),
    "neighbours in threes": ({"neighbours": [("E000", "E001", "E002")]}, "no pair of codes"),
    "neighbours of elsewhere": ({"neighbours": [("W1", "W2")]}, "holds an area of the panel"),
}


@pytest.mark.parametrize("what", KEYWORDS)
def test_a_keyword_that_cannot_be_meant_is_refused(what):
    changes, words = KEYWORDS[what]
    refused(words, **changes)


@pytest.mark.parametrize("level", [0, 1, 1.5, -0.1, 95, "0.95", None, float("nan"), [0.95], True])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(ParameterError, match="not a number between 0 and 1"):
        replace(asked(), level=level)


@pytest.mark.parametrize(
    ("people", "words"),
    [(0, "zero or less in 1"), (-5, "zero or less in 1"), (1e7, "as when one is in thousands")],
)
def test_a_population_that_cannot_be_is_refused(people, words):
    frame = world()
    frame["people"] = frame["people"].where(frame.index != 5, people)
    refused(words, frame, **COUNTS)


def test_counts_below_zero_are_refused():
    frame = world().assign(events=lambda f: f["events"].where(f.index != 5, -1))
    refused("1 counts below zero", frame, **COUNTS)


SAME: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "numbers as text": lambda f: f.assign(rate=f["rate"].map(repr)),
    "numbers as objects": lambda f: f.astype({"rate": object}),
    "decimal numbers": lambda f: f.assign(rate=f["rate"].map(lambda x: Decimal(repr(x)))),
    "areas as categories": lambda f: f.astype({"area_code": "category"}),
    "dates": lambda f: f.assign(period=f["period"].dt.to_timestamp()),
    "last days": lambda f: f.assign(period=f["period"].dt.to_timestamp(how="end")),
    "dates of a time zone": lambda f: f.assign(
        period=f["period"].dt.to_timestamp().dt.tz_localize("Europe/London")
    ),
    "periods as objects": lambda f: f.astype({"period": object}),
    "periods as text": lambda f: f.assign(period=f["period"].astype(str)),
    "dates as objects": lambda f: f.assign(
        period=f["period"].dt.to_timestamp().dt.date.astype(object)
    ),
    "numbers that may be missing": lambda f: f.convert_dtypes(),
    "columns of another make": lambda f: f.assign(period=f["period"].astype(str)).convert_dtypes(
        dtype_backend="pyarrow"
    ),
    "rows in any order": lambda f: f.sample(frac=1, random_state=1),
    "labels in the index as well": lambda f: f.set_index(["area_code", "period"], drop=False),
}


@pytest.mark.parametrize("what", SAME)
def test_other_ways_of_writing_the_same_change_nothing(what):
    expected, found = asked(), asked(SAME[what](world()))
    assert list(found.areas) == list(expected.areas)
    assert found.dates.equals(expected.dates)
    assert found.start == expected.start
    np.testing.assert_allclose(found.outcome, expected.outcome)


@pytest.mark.parametrize(
    ("labels", "freq", "first"),
    [
        ([2004, 2007, 2010], "Y-DEC", "2004"),
        (["2007/08", "2008/09", "2010/11"], "Y-MAR", "2008"),
        (["2008Q1", "2008Q2", "2008Q4"], "Q-DEC", "2008Q1"),
        (pd.to_datetime(["2008-02-01", "2008-05-01", "2008-11-01"]), "Q-JAN", "2009Q1"),
        (pd.to_datetime(["2008-04-01", "2009-04-01", "2011-04-01"]), "Y-MAR", "2009"),
        (pd.to_datetime(["2008-04-07", "2008-04-14", "2008-05-05"]), "W-SUN", None),
        (pd.to_datetime(["2008-04-07", "2008-04-09", "2008-05-05"]), "D", "2008-04-07"),
    ],
)
def test_dates_are_true_and_may_have_gaps(labels, freq, first):
    frame = pd.DataFrame(
        {"area_code": np.repeat(["a", "b"], 3), "period": [*labels, *labels], "y": range(6)}
    )
    found = Question.from_frame(frame, "y", ["a"], labels[2])
    assert found.dates.freqstr == freq
    assert first is None or str(found.dates[0]) == first
    gaps = np.diff(found.event_time)
    assert gaps[0] != 0
    assert found.event_time[-1] == 0


def test_fortnights_make_a_rate_a_year_and_have_no_part_in_a_share():
    def per(kind, freq):
        weeks = pd.period_range("2008-01-06", periods=4, freq=freq)
        frame = pd.DataFrame({"area_code": np.repeat(["a", "b"], 4), "period": [*weeks, *weeks]})
        frame = frame.assign(n=range(8), people=9)
        return Question.from_frame(frame, "n", ["a"], weeks[2], population="people", kind=kind).per

    assert per("share", "2W-SUN") == 100
    assert per("events", "2W-SUN") == pytest.approx(per("events", "W-SUN") / 2)
    assert per("events", "14D") == pytest.approx(per("events", "2W-SUN"))
    assert per("events", "24h") == pytest.approx(per("events", "D"))


def test_words_that_are_no_text_are_refused_by_their_own_name():
    for name in ("label", "unit", "place"):
        with pytest.raises(ParameterError, match=f"^{name}=3 is not text"):
            asked().named(**{name: 3})


def test_a_count_over_people_is_events_and_its_rate_is_compared():
    found = asked(**COUNTS)
    frame = world()
    assert (found.kind, found.counted, found.per) == ("events", True, 12_000)
    own = frame[frame["area_code"] == "E000"]
    expected = 12_000 * own["events"] / own["people"]
    np.testing.assert_allclose(found.level_of(found.treated), expected)
    assert asked(outcome="rate", population="people").kind == "mean"


def test_a_period_in_which_it_began_belongs_to_neither_side():
    found = asked(start="2009-01-15")
    assert found.start == pd.Period("2009-02", "M")
    assert START not in found.dates
    assert "is left out" in found.cautions[0]


def test_a_roll_out_has_a_start_of_its_own_in_every_area():
    found = asked(treated=None, start={"E000": "2009-01", "E001": "2009-06"})
    assert found.start == START
    assert list(found.areas[found.treated]) == ["E000", "E001"]
    assert found.first_treated.isna().sum() == len(found.areas) - 2


def test_a_column_may_mark_the_treated_and_must_switch_on_at_the_start():
    frame = world()
    mark = frame["area_code"].isin(codes(2)) & (frame["period"] >= START)
    found = asked(frame.assign(on=mark), treated="on")
    assert list(found.areas[found.treated]) == codes(2)
    refused("switches on from 2009-01", frame.assign(on=mark), treated="on", start="2009-03")
    refused("only 0 and 1", frame.assign(on=2), treated="on")


def test_neighbours_of_the_treated_are_not_compared_with():
    found = asked(neighbours=[("E000", "E001"), ("E001", "E002"), ("E001", "elsewhere")])
    assert list(found.areas[found.ring]) == ["E001"]
    assert not found.comparison[[0, 1]].any()
    kept = found.among(np.arange(len(found.areas)) != 2)
    assert kept.neighbours.sum() == 2


def test_what_a_method_needs_is_said_in_one_sentence():
    found = asked()
    with pytest.raises(PanelError, match="needs 20 or more"):
        found.need(before=20)
    with pytest.raises(PanelError, match="this method needs 50"):
        found.need(comparisons=50)
    frame = world()
    gap = frame["rate"].where(~((frame["area_code"] == "E000") & (frame["period"] == START)))
    with pytest.raises(PanelError, match="missing in E000"):
        asked(frame.assign(rate=gap)).need(complete=True)


@pytest.fixture(scope="module")
def study():
    return open_study(study_path("bolton_demo"))


def test_a_study_asks_about_a_rate_as_counts_over_people(study):
    found = study.question("antisocial_behaviour", PLACE, start="2008-04")
    assert (found.kind, found.counted, found.per) == ("events", True, 12_000)
    assert found.start == pd.Period("2008-04", "M")
    assert list(found.areas[found.treated]) == ["E01004802"]
    assert found.ring.sum() == 6
    other = study.question("burglary", PLACE, start="2008-04")
    assert other.context["geometry"] is found.context["geometry"]


def test_a_study_leaves_out_the_year_of_the_start_and_says_so(study):
    found = study.question("deaths", PLACE, start="2008-04")
    assert found.start == pd.Period("2009", "Y")
    assert "2008" not in found.dates.astype(str)
    assert "is left out" in found.cautions[0]


def test_data_that_begin_too_late_get_a_placebo_date_and_say_so(study):
    found = study.question("antisocial_behaviour", PLACE, start="1999-01")
    assert found.placebo_date
    assert "placebo date" in found.cautions[0]


def test_unknown_indicators_areas_and_starts_are_refused(study):
    with pytest.raises(StudyError, match='Did you mean "burglary"'):
        study.question("burglery", PLACE, start="2008-04")
    with pytest.raises(AreaError):
        study.question("burglary", "Atlantis", start="2008-04")
    with pytest.raises(ParameterError, match="not a month, quarter or year"):
        study.question("burglary", PLACE, start="soon")
    with pytest.raises(PanelError, match="nothing to evaluate yet"):
        study.question("burglary", PLACE, start="2030-01")
