"""Texts of periods are read as their writers meant them, or not at all."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.study.periods import parse_period

STORED = {
    "2008": pd.Period("2008", "Y"),
    "2008/09": pd.Period("2009", "Y-MAR"),
    "1999/00": pd.Period("2000", "Y-MAR"),
    "2008-04": pd.Period("2008-04", "M"),
    "2008-09": pd.Period("2008-09", "M"),
    "2008 Q2": pd.Period("2008Q2"),
    "2008-Q2": pd.Period("2008Q2"),
    "2008q2": pd.Period("2008Q2"),
    "2008-04-01": pd.Period("2008-04-01", "D"),
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
    "01/04/2008": pd.Period("2008-04-01", "D"),
}
NOTHING = [
    "",
    "2008/10",
    "2007/09",
    "2008-13",
    "2008-02-31",
    "31/02/2008",
    "08",
    "spring",
    "Q5 2008",
]


@pytest.mark.parametrize(("text", "expected"), [*STORED.items(), *TOLERATED.items()])
def test_a_text_names_its_period(text, expected):
    assert parse_period(text, tolerant=True) == expected
    assert parse_period(f"  {text.upper()} ", tolerant=True) == expected


@pytest.mark.parametrize("text", TOLERATED)
def test_a_studys_own_files_have_one_way_of_writing(text):
    assert parse_period(text) is None


@pytest.mark.parametrize("text", NOTHING)
def test_what_names_no_period_is_none(text):
    assert parse_period(text, tolerant=True) is None


@given(st.integers(1950, 2060), st.integers(1, 12))
def test_months_written_by_pandas_are_read_back(year, month):
    period = pd.Period(year=year, month=month, freq="M")
    assert parse_period(str(period)) == period
    assert parse_period(f"{period:%B %Y}", tolerant=True) == period


@given(st.text())
def test_any_text_is_a_period_or_nothing(text):
    assert isinstance(parse_period(text, tolerant=True), pd.Period | None)
