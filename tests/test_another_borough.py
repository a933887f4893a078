"""What pages once got wrong, on a borough of real files for which nothing was prepared."""

import numpy as np
import pandas as pd
import pytest

from lsp_analysis import area_brief, open_study
from lsp_analysis.reports.view.changes import clear_gap_changes, gap_moves, gap_words
from lsp_analysis.standing.agencies.agenda import NOTHING, priorities
from lsp_analysis.standing.comparison.measured import read_panels


@pytest.fixture(scope="module")
def study(real_bury):
    return open_study(real_bury)


@pytest.fixture(scope="module")
def briefs(study):
    panels, _ = read_panels(study)
    codes = sorted(study.small_areas()["area_code"])[::6]
    return [area_brief(study, code, panels=panels) for code in codes]


def altered(study, change):
    """The page of one area with its claimants altered."""
    panel = study.panel("claimants")
    code = sorted(study.small_areas()["area_code"])[3]
    return area_brief(study, code, panels={"claimants": change(panel.assign(note=""))})


def test_nothing_is_compared_across_a_recorded_break(study):
    def broken(panel):
        after = panel["period"] >= pd.Period("2018", "Y")
        numbers = panel[["numerator", "value"]].mul(1 + 0.35 * after, axis=0)
        panel = panel.assign(numerator=numbers["numerator"].round(), value=numbers["value"])
        return panel.assign(note=np.where(panel["period"] == pd.Period("2018", "Y"), "break", ""))

    brief = altered(study, broken)
    assert brief.gap("claimants").change().when[0] == "2018"
    assert str(brief.profile.table.loc["claimants", "since"]) == "2018"
    assert brief.series("claimants")["period"].min() == pd.Period("2018", "Y")
    assert "Counted differently from here on" in set(brief.events("claimants")["label"])


def test_a_fall_in_the_share_placed_makes_no_area_better(study):
    def fewer_placed(panel):
        last = panel["period"] == panel["period"].max()
        placed = np.where(last, 0.8, 1.0)
        numerator = (panel["numerator"] * placed).round()
        value = numerator / panel["denominator"] * 100
        return panel.assign(numerator=numerator, value=value, coverage=placed)

    brief = altered(study, fewer_placed)
    row = brief.profile.table.loc["claimants"]
    assert row["change_verdict"] == "not comparable"
    assert row["coverage"] == pytest.approx(0.8)
    assert "80% of cases could be placed" in row["caution"]
    assert not clear_gap_changes(brief)


def test_what_is_not_singled_out_is_never_said_to_need_nothing(briefs):
    assert "ask residents" in NOTHING
    assert "call" not in NOTHING
    quiet = 0
    for brief in briefs:
        table, chosen = brief.profile.table, set(priorities(brief).index)
        assert set(table.index[table["verdict"] == "worse"]) <= chosen
        untested = table[(table["verdict"] == "not comparable") & (table["polarity"] != "none")]
        worst = untested.index[untested["rank"] <= untested["of"] / 10]
        assert set(worst) <= chosen
        quiet += not chosen
    assert 0 < quiet < len(briefs)


def test_a_gap_that_crosses_zero_changes_by_its_size_and_its_side_is_said(study):
    panels, crossed = {"claimants": study.panel("claimants")}, 0
    for code in sorted(study.small_areas()["area_code"]):
        brief = area_brief(study, code, panels=panels)
        for move in gap_moves(brief):
            was, now = move.change.gap_start, move.change.gap_end
            assert move.change.change == pytest.approx(abs(now) - abs(was))
            words = gap_words([move])
            if was * now < 0:
                worse = move.last > 0
                sides = ("better", "worse") if worse else ("worse", "better")
                assert f"from {sides[0]} than the rest to {sides[1]}" in words
                crossed += 1
            else:
                assert ("advantage" in words) == (move.last < 0)
    assert crossed
