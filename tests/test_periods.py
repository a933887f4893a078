"""Texts of periods are read as their writers meant them, or not at all."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.errors import SourceError
from lsp_analysis.study.periods import parse_period, read_span, spans_of, within_year, year_kind
from lsp_analysis.study.schema import listed

STORED = {
    "2008": pd.Period("2008", "Y"),
    "2008/09": pd.Period("2009", "Y-MAR"),
    "1999/00": pd.Period("2000", "Y-MAR"),
    "2008-04": pd.Period("2008-04", "M"),
    "2008-09": pd.Period("2008-09", "M"),
    "2008 Q2": pd.Period("2008Q2"),
    "2008-Q2": pd.Period("2008Q2"),
    "2008q2": pd.Period("2008Q2"),
}
TOLERATED = {
    "Apr-08": pd.Period("2008-04", "M"),
    "apr 08": pd.Period("2008-04", "M"),
    "Sept-08": pd.Period("2008-09", "M"),
    "April 2008": pd.Period("2008-04", "M"),
    "2008 April": pd.Period("2008-04", "M"),
    "04/2008": pd.Period("2008-04", "M"),
    "200804": pd.Period("2008-04", "M"),
    "Jan-99": pd.Period("1999-01", "M"),
    "Q2 2008": pd.Period("2008Q2"),
    "2008-2009": pd.Period("2009", "Y-MAR"),
    "2008/2009": pd.Period("2009", "Y-MAR"),
    "2008/9": pd.Period("2009", "Y-MAR"),
    "FY2008/09": pd.Period("2009", "Y-MAR"),
    "FY 2008-09": pd.Period("2009", "Y-MAR"),
}
NOTHING = [
    "",
    "2008/10",
    "2007/09",
    "2008-02-31",
    "31/02/2008",
    "08",
    "spring",
    "Q5 2008",
]


@pytest.mark.parametrize("row", listed("periods.csv"), ids=lambda row: row["example"])
def test_every_form_of_a_period_reads_its_example(row):
    assert read_span(row["example"]) is not None


def days(period):
    return period.start_time.date(), period.end_time.date()


@pytest.mark.parametrize(("text", "expected"), [*STORED.items(), *TOLERATED.items()])
def test_a_text_names_its_period(text, expected):
    if text not in TOLERATED:
        assert parse_period(text) == expected
        assert parse_period(f"  {text.upper()} ") == expected
    (found,) = spans_of([f" {text.upper()} "], "Month").values()
    assert (found.start, found.end) == days(expected)


@pytest.mark.parametrize("text", TOLERATED)
def test_a_studys_own_files_have_one_way_of_writing(text):
    assert parse_period(text) is None


@pytest.mark.parametrize("text", NOTHING)
def test_what_names_no_period_is_none(text):
    assert parse_period(text) is None
    assert read_span(text) is None


@given(st.integers(1950, 2060), st.integers(1, 12))
def test_months_written_by_pandas_are_read_back(year, month):
    period = pd.Period(year=year, month=month, freq="M")
    assert parse_period(str(period)) == period
    assert read_span(f"{period:%B %Y}") == days(period)


@given(st.text())
def test_any_text_is_a_period_or_nothing(text):
    assert isinstance(parse_period(text), pd.Period | None)
    span = read_span(text)
    assert span is None or span.start <= span.end


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2019/20 Q1", "2019-04-01", "2019-06-30"),
        ("Q4 2019/20", "2020-01-01", "2020-03-31"),
        ("Apr-Jun 2019", "2019-04-01", "2019-06-30"),
        ("Oct 2019 - Dec 2019", "2019-10-01", "2019-12-31"),
        ("2018\u201319", "2018-04-01", "2019-03-31"),
        ("Year ending Mar 2019", "2018-04-01", "2019-03-31"),
        ("12 months to 31 December 2019", "2019-01-01", "2019-12-31"),
        ("2016 - 18", "2016-01-01", "2018-12-31"),
        ("2016/17 - 18/19", "2016-04-01", "2019-03-31"),
        ("Academic year 2018/19", "2018-09-01", "2019-08-31"),
        ("1 April 2018 to 31 March 2019", "2018-04-01", "2019-03-31"),
        ("2021/22 (p)", "2021-04-01", "2022-03-31"),
        ("2021/22 [r]", "2021-04-01", "2022-03-31"),
    ],
)
def test_quarters_and_years_in_words_are_read(text, first, last):
    assert tuple(map(str, read_span(text))) == (first, last)


@pytest.mark.parametrize("texts", [["200708", "200809"], ["2006-07", "2007-08"], ["200708"]])
def test_years_that_may_be_months_are_asked_about_and_the_answer_is_taken(texts):
    with pytest.raises(SourceError, match=r"--freq M \(months\), Y-MAR"):
        spans_of(texts, "time_period", place="t.csv")
    for freq, month in (("Y-AUG", 9), ("Y-MAR", 4)):
        assert all(span.start.month == month for span in spans_of(texts, freq=freq).values())
    assert all(span.months == 1 for span in spans_of(texts, freq="M").values())
    assert all(span.months == 12 for span in spans_of(texts, kind="academic").values())


def test_a_financial_year_in_one_number_is_asked_about():
    with pytest.raises(SourceError, match="that of its start or of its end"):
        spans_of(["2018", "2019"], "Financial year")


def test_months_of_which_one_in_three_is_there_are_asked_about():
    texts = ["Dec 1995", "Mar 1996", "Jun 1996"]
    with pytest.raises(SourceError, match="only one in 3"):
        spans_of(texts, "date")
    assert [span.months for span in spans_of(texts, "date", freq="Y").values()] == [12, 12, 12]
    assert [span.months for span in spans_of(texts, "Month").values()] == [1, 1, 1]


def test_one_day_for_a_period_is_asked_about():
    with pytest.raises(SourceError, match="does not say how long it is"):
        spans_of(["2008-04-01"], "date")
    assert str(spans_of(["01/04/2008"], freq="Y-MAR")["01/04/2008"].end) == "2009-03-31"


@pytest.mark.parametrize("text", ["Mayor 2021", "Market 2019", "Junction 2020", "Decent 2018"])
def test_a_word_that_begins_as_a_month_does_is_no_month(text):
    assert read_span(text) is None


@pytest.mark.parametrize(
    ("year", "identifier", "first", "months"),
    [
        ("201819", "Academic year Q1", "2018-09-01", 3),
        ("201920", "Financial year Q4", "2020-01-01", 3),
        ("2019", "Calendar year Q1", "2019-01-01", 3),
        ("201920", "Financial year Part 1 (April to September)", "2019-04-01", 6),
        ("201920", "Financial year Part 2 (October to March)", "2019-10-01", 6),
        ("2020", "January", "2020-01-01", 1),
    ],
)
def test_a_part_of_a_year_that_a_column_beside_it_names_is_not_the_year(
    year, identifier, first, months
):
    text = within_year(year, identifier, "a.csv")
    span = read_span(text, year_kind(identifier))
    assert (str(span.start), span.months) == (first, months)


@pytest.mark.parametrize("identifier", ["Autumn term", "Week 12", "Reporting year"])
def test_a_part_of_a_year_of_unknown_months_is_refused(identifier):
    with pytest.raises(SourceError, match="first and last month are not known"):
        within_year("201819", identifier, "a.csv")
    assert within_year("201819", "Academic year", "a.csv") == "201819"
