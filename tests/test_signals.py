"""Which indicators moved, and seasons taken out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.standing.change.process import (
    process_of,
    signals,
    without_seasons,
)

MONTHS = pd.period_range("2003-01", periods=72, freq="M")
SEASON = 1 + 0.3 * np.sin(2 * np.pi * np.arange(72) / 12)


def series(values) -> pd.DataFrame:
    return pd.DataFrame({"period": MONTHS, "value": values})


def test_a_season_shared_with_the_reference_is_taken_out():
    flat = without_seasons(series(10 * SEASON), series(4 * SEASON))["value"]
    assert np.ptp(flat) < 0.05 * np.ptp(10 * SEASON)


def test_a_step_survives_the_seasons():
    stepped = np.where(np.arange(72) < 36, 10.0, 5.0) * SEASON
    made = without_seasons(series(stepped), series(4 * SEASON))["value"]
    assert made[:36].mean() / made[36:].mean() == pytest.approx(2, rel=0.02)


def test_years_have_no_seasons_to_take_out():
    years = pd.DataFrame({"period": pd.period_range("2003", periods=6, freq="Y"), "value": 1.0})
    assert without_seasons(years, years) is years


def test_limits_of_the_past_are_worked_out_before_the_change_and_carry_no_target(brief):
    chart = process_of(brief, "antisocial_behaviour", settled_before="2008-04")
    early = chart.points[chart.points["period"] < pd.Period("2008-04", "M")]
    assert chart.points["mean"].iloc[0] == pytest.approx(early["value"].mean())
    assert chart.target is None


def test_rebasing_starts_the_limits_afresh_at_the_change_only(brief):
    chart = process_of(brief, "antisocial_behaviour", rebase="2008-04")
    changed = chart.points["mean"].diff().fillna(0) != 0
    assert chart.points.loc[changed, "period"].astype(str).tolist() == ["2008-04"]
    assert chart.target == brief.plan.last_targets["antisocial_behaviour"]


def test_the_sentence_counts_what_the_table_shows(brief):
    found = signals(brief, since="2008-04")
    moved = found.table["variation"].isin(["improving", "getting worse"]).sum()
    assert f"{moved} of 12 indicators" in found.sentence()
    assert "before April 2008" in found.sentence()


def test_a_change_before_the_data_begin_is_not_claimed_as_what_is_usual(brief):
    assert "their usual variation" in signals(brief, since="1990-01").sentence()
