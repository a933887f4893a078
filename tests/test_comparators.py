"""Who the neighbourhood is compared with, and whether it matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boroughs import asked, borough, case_of, scores, small_map
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.case import open_case, sized
from lsp_analysis.effects.checks.comparators import (
    among,
    comparison_choice,
    comparison_choices,
    contaminated_comparators,
    leave_one_out,
    steps_away,
)

CASE = case_of(borough(4, effect=-0.7, mean_count=20))


def test_leaving_out_an_area_gives_what_a_panel_without_it_gives():
    found = leave_one_out(CASE)
    code = found.table["label"][0].removeprefix("without ")
    made = borough(4, effect=-0.7, mean_count=20)
    panel = made.panel[made.panel["area_code"] != code]
    without = sized(CASE, case_of(replace(made, panel=panel)).found)
    little = 0.02 * (without.high - without.low)
    assert found.table["estimate"][0] == pytest.approx(without.estimate, abs=little)
    whole = sized(CASE, CASE.found).estimate
    assert abs(whole - without.estimate) > 2 * abs(found.table["estimate"][0] - without.estimate)


def test_no_single_area_matters_among_many_and_one_does_among_few():
    assert leave_one_out(CASE).status == "passed"
    panel, question = scores(n_areas=24, effect=-15.0)
    late = (panel["area_code"] == "A007") & (panel["period"] >= "2000")
    odd = panel.assign(score=panel["score"] + 100.0 * late)
    found = leave_one_out(open_case(odd, **question))
    assert found.status == "failed"
    assert found.table["label"][0] == "without A007"


def test_borders_are_counted_from_the_neighbourhood_outwards():
    graph, away = small_map(), steps_away(CASE)
    assert (away[CASE.treated] == 0).all()
    assert ((away == 1) == (graph.matrix[CASE.treated].any(axis=0) & ~CASE.treated)).all()
    touching = graph.matrix & (np.abs(away[:, None] - away[None, :]) > 1)
    assert not touching.any()


def test_a_pool_among_fewer_areas_keeps_only_placebos_inside_them():
    case = case_of(borough(4, group_size=3))
    kept = case.pool.comparison & (np.arange(len(case.treated)) % 2 == 0)
    pool = among(case.pool, kept)
    assert not (pool.members[1:] & ~kept).any()
    assert (pool.members[0] == case.treated).all()


def test_other_choices_of_areas_leave_a_plain_effect_standing():
    plain = case_of(borough(4, effect=-1.0, mean_count=20))  # clear even among half as many areas
    found = comparison_choice(plain)
    assert found.status == "passed"
    assert len(found.table) == 1 + len(comparison_choices(plain)) == 6


def test_a_choice_that_turns_the_effect_fails():
    total = CASE.ledger.total.copy()
    far = comparison_choices(CASE)["farthest half"]
    total[np.ix_(far, np.arange(CASE.start, CASE.stop))] *= 0.2
    found = comparison_choice(replace(CASE, ledger=replace(CASE.ledger, total=total)))
    assert found.status == "failed"
    by_choice = found.table.set_index("label")["estimate"]
    assert by_choice["nearest half"] < 0 < by_choice["farthest half"]


def programmes(area: str, start: str) -> pd.DataFrame:
    return pd.DataFrame({"name": ["Wardens"], "area_code": [area], "start": [start]})


def test_programmes_elsewhere_are_looked_for_and_taken_out():
    other = str(CASE.ledger.codes[CASE.pool.comparison][0])
    found = contaminated_comparators(CASE, interventions=programmes(other, "2005-08-01"))
    assert found.status == "passed"
    assert found.table["label"].tolist() == ["Wardens"]
    assert "one comparison area" in found.finding


def test_a_programme_that_moves_its_areas_contaminates():
    touched = CASE.pool.comparison & (np.arange(len(CASE.treated)) % 2 == 0)
    total = CASE.ledger.total.copy()
    total[np.ix_(touched, np.arange(CASE.start, CASE.stop))] *= 0.3
    case = replace(CASE, ledger=replace(CASE.ledger, total=total))
    members = {"everywhere-else": list(case.ledger.codes[touched])}
    found = contaminated_comparators(
        case, interventions=programmes("everywhere-else", "2005-08-01"), members=members
    )
    assert found.status == "failed"


def test_something_else_in_the_neighbourhood_fails_and_its_own_programme_does_not():
    own = str(CASE.ledger.codes[CASE.treated][0])
    start = str(CASE.ledger.periods[CASE.start])
    prompt, later = (
        contaminated_comparators(CASE, interventions=programmes(own, date))
        for date in (f"{start}-01", "2006-05-01")
    )
    assert prompt.status == "passed"
    assert later.status == "failed"
    assert "Wardens" in later.finding


def test_what_happens_in_the_whole_borough_is_nobodys_contamination():
    events = pd.DataFrame({"label": ["Recession"], "area_code": ["X"], "date": ["2005-09-15"]})
    found = contaminated_comparators(CASE, events=events, members={"X": list(CASE.ledger.codes)})
    assert found.status == "passed"


def test_without_any_list_it_is_too_little_to_tell():
    assert contaminated_comparators(CASE).status == "too little to tell"


@pytest.mark.parametrize("check", [leave_one_out, comparison_choice])
def test_pictures_are_fit_for_a_page(check):
    assert_fit_for_a_page(check(CASE).plot())


def test_with_two_comparison_areas_none_can_be_left_out():
    made = borough(4)
    here = made.treated[0]
    others = [code for code in made.panel["area_code"].unique() if code != here][:2]
    few = made.panel[made.panel["area_code"].isin([here, *others])]
    case = open_case(few, **asked(made) | {"neighbours": None})
    found = leave_one_out(case)
    assert found.status == "too little to tell"
    assert "two comparison areas" in found.finding
