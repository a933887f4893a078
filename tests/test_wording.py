"""Numbers in words: what a careful editor would write."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (7, "7"),
        (7.0, "7"),
        (1234, "1,234"),
        (1234567.8, "1,234,568"),
        (12.34, "12.3"),
        (999.96, "1,000.0"),
        (0.5, "0.50"),
        (0.0321, "0.032"),
        (-4, "−4"),
        (-4.25, "−4.2"),
        (1e-12, "0"),
        (None, "not available"),
        (float("nan"), "not available"),
        (pd.NA, "not available"),
        (pd.NaT, "not available"),
        (float("inf"), "infinity"),
        (np.int64(12000), "12,000"),
        (np.float32(2.5), "2.5"),
    ],
)
def test_a_number_is_rounded_for_reading(x, text):
    assert wording.number(x) == text


def test_a_number_that_rounds_to_zero_loses_its_minus_sign():
    assert wording.number(-0.04, 1) == "0.0"


@given(st.floats(-1e12, 1e12))
def test_a_number_never_holds_a_hyphen_and_reads_back_close_to_itself(x):
    text = wording.number(x)
    assert "-" not in text
    back = float(text.replace(",", "").replace("−", "-"))
    assert back == pytest.approx(x, rel=0.06, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "unit", "text"),
    [
        (12.3, "percent", "12.3%"),
        (12, "percent", "12.0%"),
        (0.04, "percent", "0.040%"),
        (45.06, "per_1000", "45.1 per 1,000"),
        (2310.2, "per_100000", "2,310 per 100,000"),
        (1204, "count", "1,204"),
        (52.4, "score", "52.4"),
        (78.21, "years", "78.2 years"),
        (2.4, "mean", "2.4"),
        (3.25, "crimes per 1,000 residents", "3.2 crimes per 1,000 residents"),
        (None, "percent", "not available"),
    ],
)
def test_a_quantity_carries_its_unit(x, unit, text):
    assert wording.quantity(x, unit) == text


@pytest.mark.parametrize(
    ("x", "unit", "text"),
    [
        (-3.2, "percent", "fell by 3.2 percentage points"),
        (4.0, "per_1000", "rose by 4.0 per 1,000"),
        (0, "percent", "did not change"),
        (-12, "count", "fell by 12"),
        (1.25, "years", "rose by 1.2 years"),
        (float("nan"), "percent", "changed by an unknown amount"),
    ],
)
def test_a_change_has_a_verb_a_size_and_a_unit(x, unit, text):
    assert wording.change(x, unit) == text


def test_a_change_too_small_to_show_is_not_called_none():
    assert wording.change(1e-9, "percent") == "changed by less than 0.000001 percentage points"
    assert wording.percent_change(1e-6) == "changed by less than 0.1%"


def test_percentage_points_and_per_cent_are_told_apart():
    assert wording.change(-5, "percent") == "fell by 5.0 percentage points"
    assert wording.percent_change(-0.25) == "fell by 25%"
    assert wording.percent_change(0.034) == "rose by 3.4%"
    assert wording.unit_label("percent") == "Per cent"
    assert wording.change_label("percent") == "Percentage points"
    assert wording.change_label("per_1000") == "Per 1,000"


@pytest.mark.parametrize(
    ("x", "unit", "text"),
    [
        (3.2, "percent", "3.2 percentage points higher"),
        (-4, "per_1000", "4.0 per 1,000 lower"),
        (0, "score", "the same"),
        (None, "score", "not comparable"),
    ],
)
def test_a_gap_says_which_way_it_goes(x, unit, text):
    assert wording.compared(x, unit) == text


def test_a_difference_is_signed_on_both_sides():
    assert wording.difference(4, "percent") == "+4.0 percentage points"
    assert wording.difference(-4, "percent") == "−4.0 percentage points"
    assert wording.difference(0.0, "score") == "0.0"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1.2, 3.4, "percent"), "95% interval 1.2% to 3.4%"),
        ((-1.2, 3.4, "per_1000"), "95% interval −1.2 to 3.4 per 1,000"),
        ((1, 3, "count"), "95% interval 1 to 3"),
        ((1.2, 3.4, "years", 0.998), "99.8% interval 1.2 to 3.4 years"),
        ((float("nan"), 3.4, "percent"), "95% interval up to 3.4%"),
        ((1.2, float("inf"), "percent"), "95% interval 1.2% or more"),
        ((None, None, "percent"), "95% interval not available"),
    ],
)
def test_an_interval_says_its_level_and_both_ends(arguments, text):
    assert wording.interval(*arguments) == text


def test_an_interval_of_a_change_is_in_percentage_points():
    text = wording.interval(-5.1, -1.3, "percent", of_change=True)
    assert text == "95% interval −5.1 to −1.3 percentage points"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.03, "p = 0.03"),
        (0.0304, "p = 0.03"),
        (0.0346, "p = 0.035"),
        (0.2, "p = 0.20"),
        (0.0996, "p = 0.10"),
        (0.0499, "p = 0.0499"),
        (0.05, "p = 0.05"),
        (0.00012, "p < 0.001"),
        (0.999, "p > 0.99"),
        (None, "p not available"),
    ],
)
def test_a_p_value_is_short_and_never_nought(p, text):
    assert wording.p_value(p) == text


@given(st.floats(0.001, 0.99))
def test_a_p_value_is_never_rounded_across_five_per_cent(p):
    shown = float(wording.p_value(p).removeprefix("p = "))
    assert (shown < 0.05) == (p < 0.05)


def test_a_p_value_outside_its_range_is_refused():
    with pytest.raises(ParameterError, match="between 0 and 1"):
        wording.p_value(1.2)


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (pd.Period("2008-04", freq="M"), "April 2008"),
        (pd.Period("2008", freq="Y"), "2008"),
        (pd.Period("2009", freq="Y-MAR"), "2008/09"),
        (pd.Period("2000", freq="Y-MAR"), "1999/00"),
        (pd.Period("2008Q2", freq="Q"), "2008 Q2"),
        (pd.Period("2008Q1", freq="Q-MAR"), "2007/08 Q1"),
        ("2008-04", "April 2008"),
        ("2008Q2", "2008 Q2"),
        ("2008-04-01", "1 April 2008"),
        ("2008-13-45", "2008-13-45"),
        ("2008/09", "2008/09"),
        (2008, "2008"),
        (2008.0, "2008"),
        (dt.date(2008, 4, 1), "1 April 2008"),
        (pd.Timestamp("2008-04-01"), "1 April 2008"),
        (pd.NaT, "not available"),
    ],
)
def test_a_period_reads_as_people_say_it(period, text):
    assert wording.period(period) == text


def test_lists_counts_and_ranks_read_as_english():
    assert wording.and_list([]) == ""
    assert wording.and_list(["a"]) == "a"
    assert wording.and_list(["a", "b", "c"]) == "a, b and c"
    assert wording.and_list(["a", "b"], last="or") == "a or b"
    assert [wording.counted(n, "area") for n in (0, 1, 9, 12)] == [
        "no areas",
        "one area",
        "nine areas",
        "12 areas",
    ]
    assert wording.counted(2, "analysis", "analyses") == "two analyses"
    assert [wording.times(n) for n in (0, 1, 2, 3, 12, 1.8)] == [
        "never",
        "once",
        "twice",
        "three times",
        "12 times",
        "1.8 times",
    ]
    assert [wording.of_total(k, 177) for k in (0, 3, 177)] == ["none of 177", "3 of 177", "all 177"]
    assert [wording.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "102nd",
        "111th",
    ]


def test_a_sentence_shows_itself_as_an_escaped_paragraph():
    sentence = wording.Sentence("Hall <b>i'</b> & th' Wood")
    assert sentence == "Hall <b>i'</b> & th' Wood"
    assert sentence._repr_html_() == "<p>Hall &lt;b&gt;i&#x27;&lt;/b&gt; &amp; th&#x27; Wood</p>"


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("Anti-social behaviour", "anti-social behaviour"),
        ("Residents claiming Jobseeker's Allowance", "residents claiming Jobseeker's Allowance"),
        ("Five good GCSEs with English", "five good GCSEs with English"),
        ("Child BMI above the 95th centile", "child BMI above the 95th centile"),
        ("Per 1,000", "per 1,000"),
        ("A", "a"),
        ("", ""),
    ],
)
def test_a_name_inside_a_sentence_loses_its_capital(name, inside):
    assert wording.inside(name) == inside


@pytest.mark.parametrize(
    "name",
    ["NEET", "GCSE passes", "A&E attendances", "PM2.5", "Jobseeker's claims", "Universal Credit"],
)
def test_abbreviations_and_proper_names_keep_their_capital_inside_a_sentence(name):
    assert wording.inside(name) == name
