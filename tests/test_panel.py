"""Panels have one row per area and period; wholes are sums over sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_study import burglary, smoking

from lsp_analysis.errors import PanelError
from lsp_analysis.study.indicator import COLUMNS, Indicator, period_kinds, tidy_panel

BURGLARY = Indicator("burglary", "Burglary", "per_1000", "rate", 1000.0)
SMOKING = Indicator("smoking", "Smoking", "percent", "proportion", 100.0)


def observations(*rows, indicator_id="burglary"):
    columns = ["area_code", "period_start", "period_end", "numerator", "denominator"]
    return pd.DataFrame(rows, columns=columns).assign(indicator_id=indicator_id)


def kind(start, end):
    return period_kinds(pd.Series([start]), pd.Series([end]))[0]


class TestPeriods:
    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            ("2008-02-01", "2008-02-29", "M"),
            ("2008-04-01", "2008-06-30", "Q-DEC"),
            ("2008-01-01", "2008-12-31", "Y-DEC"),
            ("2008-04-01", "2009-03-31", "Y-MAR"),
            ("2008-09-01", "2009-08-31", "Y-AUG"),
            ("2008-02-01", "2008-04-30", ""),
            ("2008-02-01", "2008-02-28", ""),
            ("2008-01-01", "2010-12-31", "3Y-DEC"),
            ("2008-01-01", "2010-11-30", ""),
            ("2008-06-30", "2008-06-30", ""),
            ("2009-01-01", "2008-12-31", ""),
        ],
    )
    def test_a_period_is_known_by_its_first_and_last_day(self, start, end, expected):
        assert kind(start, end) == expected

    @given(
        st.integers(1990, 2030),
        st.integers(1, 12),
        st.sampled_from(["M", "Q-DEC", "Y-DEC", "Y-MAR", "Y-AUG"]),
    )
    def test_every_period_of_pandas_is_known_again(self, year, month, freq):
        period = pd.Period(pd.Timestamp(year, month, 1), freq=freq)
        assert kind(period.start_time, period.end_time.normalize()) == freq

    def test_financial_years_make_a_panel_of_years_to_march(self):
        panel = tidy_panel(smoking(), SMOKING)
        assert panel["period"].dtype == "period[Y-MAR]"
        assert panel["period"].min() == pd.Period("2004", "Y-MAR")

    def test_mixed_periods_are_refused(self):
        year = observations(("E01000001", "2008-01-01", "2008-12-31", 30, 1500))
        rows = pd.concat([burglary(), year])
        with pytest.raises(PanelError, match=r"2 kinds: M, Y-DEC. Make them two indicators"):
            tidy_panel(rows, BURGLARY)

    def test_rolling_and_odd_periods_are_refused(self):
        rolling = observations(
            ("a", "2008-01-01", "2008-12-31", 1, 10), ("a", "2008-02-01", "2009-01-31", 1, 10)
        )
        with pytest.raises(PanelError, match="mixes periods"):
            tidy_panel(rolling, BURGLARY)
        odd = observations(("a", "2008-01-01", "2010-11-30", 1, 10))
        with pytest.raises(PanelError, match=r"1 of 1 periods .* are not a month"):
            tidy_panel(odd, BURGLARY)


class TestTidyPanel:
    def test_values_are_worked_out_where_they_are_not_given(self):
        panel = tidy_panel(smoking(), SMOKING)
        known = panel.dropna()
        assert list(panel) == COLUMNS
        assert np.allclose(known["value"], known["numerator"] / known["denominator"] * 100)
        assert panel["value"].isna().sum() == 1
        assert panel.loc[panel["value"].isna(), "note"].tolist() == ["suppressed"]

    def test_a_given_value_is_kept(self):
        rows = observations(("a", "2008-01-01", "2008-01-31", 1, 3)).assign(value=333.3)
        assert tidy_panel(rows, BURGLARY)["value"].tolist() == [333.3]

    def test_nobody_to_count_from_is_a_missing_value(self):
        rows = observations(("a", "2008-01-01", "2008-01-31", 0, 0))
        assert tidy_panel(rows, BURGLARY)["value"].isna().all()

    def test_a_count_needs_no_denominator(self):
        count = Indicator("burglary", "Burglaries", "count", "count")
        rows = observations(("a", "2008-01-01", "2008-01-31", 7, None))
        assert tidy_panel(rows, count)["value"].tolist() == [7.0]

    def test_groups_of_people_are_left_out(self):
        rows = burglary().assign(sex="all")
        girls = rows.assign(sex="female")
        assert len(tidy_panel(pd.concat([rows, girls]), BURGLARY)) == len(rows)

    def test_order_of_rows_does_not_matter(self):
        mixed = burglary().sample(frac=1.0, random_state=1)
        pd.testing.assert_frame_equal(tidy_panel(mixed, BURGLARY), tidy_panel(burglary(), BURGLARY))

    def test_a_repeated_row_is_refused(self):
        rows = burglary()
        with pytest.raises(PanelError, match=r"1 rows .* \(E01000001, 2008-01\)"):
            tidy_panel(pd.concat([rows, rows.head(1)]), BURGLARY)

    @pytest.mark.parametrize("rows", [burglary().head(0), burglary().assign(indicator_id="other")])
    def test_nothing_to_show_is_one_sentence(self, rows):
        with pytest.raises(PanelError, match='no observations of "burglary"'):
            tidy_panel(rows, BURGLARY)
