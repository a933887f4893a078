"""Periods as users have them: dates, years, text; and the start among them."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.effects.periods import as_period, as_start, in_periods
from lsp_analysis.errors import PanelError, ParameterError


def read(values) -> pd.Series:
    return in_periods(pd.DataFrame({"period": values}))["period"]


@pytest.mark.parametrize(
    ("freq", "kind", "first_day"),
    [
        ("MS", "M", "2008-04-01"),
        ("ME", "M", "2008-04-01"),
        ("QS", "Q-DEC", "2008-04-01"),
        ("QE", "Q-DEC", "2008-04-01"),
        ("QS-FEB", "Q-JAN", "2008-05-01"),
        ("QE-JAN", "Q-JAN", "2008-02-01"),
        ("YS-APR", "Y-MAR", "2008-04-01"),
        ("YE-MAR", "Y-MAR", "2008-04-01"),
        ("YE", "Y-DEC", "2008-01-01"),
    ],
)
def test_first_and_last_days_are_the_months_quarters_and_years_they_stand_for(
    freq, kind, first_day
):
    found = read(pd.date_range("2008-04-01", periods=5, freq=freq))
    assert found.dtype == f"period[{kind}]"
    assert found[0].start_time == pd.Timestamp(first_day)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2008-04", "2008-05"], "M"),
        (["2008Q1", "2008Q2"], "Q-DEC"),
        (["2008/09", "2009/10"], "Y-MAR"),
        (["2008", "2009"], "Y-DEC"),
        ([2008, 2009], "Y-DEC"),
        ([2008.0, 2009.0], "Y-DEC"),
        (["2008-04-01", "2008-05-01"], "M"),
        ([datetime.date(2008, 4, 1), datetime.date(2009, 4, 1)], "Y-MAR"),
        ([pd.Period("2008-04"), pd.Period("2008-05")], "M"),
    ],
)
def test_years_text_and_dates_become_periods(values, kind):
    assert read(values).dtype == f"period[{kind}]"


def test_numbers_that_are_no_years_and_days_stay_as_they_are():
    assert read([1, 2, 3]).tolist() == [1, 2, 3]
    assert read(pd.date_range("2008-04-03", periods=3)).dtype.kind == "M"


@pytest.mark.parametrize("values", [["Jan 2008", "Feb 2008"], ["2008", "2008-04"], ["2008/10"]])
def test_text_that_does_not_say_when_is_refused(values):
    with pytest.raises(PanelError, match="does not say when it was"):
        read(values)


def test_a_missing_period_is_refused():
    with pytest.raises(PanelError, match="one row of the panel has no period"):
        read([pd.Period("2008-04"), pd.NaT])


@pytest.mark.parametrize(
    "start",
    ["2008-04", "2008Q2", "2008/09", "2008-04-01", pd.Period("2008-04"), pd.Timestamp(2008, 4, 1),
     datetime.date(2008, 4, 1), np.datetime64("2008-04-01")],
)  # fmt: skip
def test_a_start_may_come_in_any_of_these_forms(start):
    months = pd.period_range("2008-01", periods=12, freq="M")
    assert as_start(start, months) == pd.Period("2008-04", "M")


def test_a_year_is_its_first_month_and_a_number_that_is_no_year_is_refused():
    months = pd.period_range("2008-01", periods=12, freq="M")
    assert as_start(2008, months) == as_start(2008.0, months) == pd.Period("2008-01", "M")
    for start in (12, 2008.5, "soon", ["2008-04"]):
        with pytest.raises(ParameterError, match="not a period like those"):
            as_start(start, months)


@pytest.mark.parametrize("start", [None, pd.NaT, float("nan")])
def test_no_start_is_said_to_be_none(start):
    with pytest.raises(ParameterError, match="No start was given"):
        as_start(start, pd.period_range("2008-01", periods=12, freq="M"))


def test_a_start_in_months_is_not_taken_for_a_place_among_numbers():
    with pytest.raises(ParameterError):
        as_start("2008-04", pd.Index([1, 2, 3]))
    assert as_start("2", pd.Index([1, 2, 3])) == 2


def test_text_is_read_as_the_period_it_names():
    assert as_period("2008/09") == pd.Period("2009", "Y-MAR")
    assert as_period(2019) == pd.Period("2019", "Y")
