"""What moved around the neighbourhood, and which areas it is compared with."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from boroughs import ask, asked_of, borough, question_of, score_question, scores, times
from claims import causal_words
from pictures import assert_fit_for_a_page
from shapely.geometry import box

from lsp_analysis import Question
from lsp_analysis.effects import (
    displacement_quotient,
    weighted_displacement_difference,
)
from lsp_analysis.effects.checks.all_checks import (
    small_counts,
)
from lsp_analysis.effects.checks.around import (
    displacement,
    metres_away,
    rings,
    spillover,
    steps_away,
)
from lsp_analysis.effects.checks.comparators import (
    comparison_choice,
    contaminated_comparators,
    leave_one_out,
    other_choices,
)
from lsp_analysis.errors import PanelError, ParameterError

CALM = {"mean_count": 40, "overdispersion": 0.02, "autocorrelation": 0.0}


def after(question: Question) -> np.ndarray:
    return question.event_time >= 0


# Around the neighbourhood -------------------------------------------------------------------------


def grid_map(codes) -> gpd.GeoDataFrame:
    """Squares of 400 m side by side in ten columns, in metres."""
    squares = [box(400 * (i % 10), 400 * (i // 10), 400 * (i % 10 + 1), 400 * (i // 10 + 1))
               for i in range(len(codes))]  # fmt: skip
    return gpd.GeoDataFrame({"area_code": codes}, geometry=squares, crs=27700)


def test_what_moved_next_door_is_found_in_the_first_ring():
    question = question_of(borough(3, effect=-0.5, n_areas=170, **CALM))
    found = spillover(ask(times(question, question.ring, after(question), 1.5)))
    assert found.status == "failed"
    assert found.table["estimate"][0] == pytest.approx(50, abs=20)
    assert "Next door it was" in found.finding


@pytest.mark.slow
def test_where_nothing_moved_rings_seldom_fail():
    statuses = [spillover(asked_of(borough(s, effect=-0.5))).status for s in range(10)]
    assert statuses.count("failed") <= 2


def test_borders_are_counted_from_the_neighbourhood_outwards():
    question = question_of(borough(4))
    away = steps_away(question)
    assert (away[question.treated] == 0).all()
    assert ((away == 1) == question.ring).all()
    links = question.neighbours.tocoo()
    assert (np.abs(away[links.row] - away[links.col]) <= 1).all()


def test_distance_runs_from_the_boundary_to_a_point_inside():
    question = question_of(borough(3))
    geometry = grid_map(question.areas)
    away = metres_away(question, geometry)
    home = int(np.flatnonzero(question.treated)[0])
    assert away[home] == 0
    assert away[home + 1 if home % 10 < 9 else home - 1] == pytest.approx(200)
    found = list(rings(question, geometry))
    together = np.sum([ring for _, ring, _ in found], axis=0)
    assert (together == ((away > 0) & (away <= 1500))).all()
    assert [label for label, *_ in found][:2] == ["0 to 500 m away", "500 to 1,000 m away"]
    other = question.areas[~question.treated][0]
    fewer = metres_away(question, geometry[geometry["area_code"] != other])
    assert np.isinf(fewer[question.areas == other]).all()
    twice = gpd.GeoDataFrame(pd.concat([geometry, geometry.iloc[:2]], ignore_index=True))
    with pytest.raises(PanelError, match="2 rows of areas that it has already"):
        metres_away(question, twice)


def test_without_neighbours_or_boundaries_rings_cannot_be_told():
    found = spillover(asked_of(borough(3), neighbours=None))
    assert found.status == "too little to tell"
    assert "no neighbours were given" in found.finding


def test_the_example_of_wheeler_and_ratcliffe():
    found = weighted_displacement_difference((207, 110), (308, 318), (178, 157), (150, 140))
    both = found.loc["both"]
    assert found["estimate"].tolist() == [-107, -11, -118]
    assert both["error"] == pytest.approx(np.sqrt(1568))
    assert both["estimate"] / both["error"] == pytest.approx(-2.98, abs=0.005)
    assert [round(both["low"]), round(both["high"])] == [-196, -40]


def test_larger_controls_are_divided_out():
    level = weighted_displacement_difference((50, 40), (200, 180), sizes=(1, 2, 1, 1))
    assert level["estimate"].abs().max() == 0
    with pytest.raises(ParameterError, match="0 or more"):
        weighted_displacement_difference((10, -1), (5, 5))
    for odd in (("a", 1), (np.nan, 1), (3, 1, 4)):
        with pytest.raises(ParameterError, match="0 or more"):
            weighted_displacement_difference(odd, (5, 5))
    with pytest.raises(ParameterError, match=r"write 0\.95"):
        weighted_displacement_difference((2, 1), (3, 3), level=95)
    with pytest.raises(ParameterError, match="above 0"):
        weighted_displacement_difference((2, 1), (3, 3), sizes=(1, 1, 0, 1))


@pytest.mark.parametrize(
    ("near", "quotient"), [((100, 100), 0.0), ((100, 150), -1.0), ((100, 75), 0.5)]
)
def test_the_quotient_sets_change_next_door_against_the_gain(near, quotient):
    assert displacement_quotient((100, 50), near, (500, 500)) == pytest.approx(quotient)
    assert np.isnan(displacement_quotient((100, 110), near, (500, 500)))


def test_a_gain_that_stays_passes_and_one_that_moved_fails():
    question = question_of(borough(3, effect=-1.6, level_sd=0.3, n_areas=170, **CALM))
    stays = displacement(ask(question))
    moved = displacement(ask(times(question, question.ring, after(question), 1.5)))
    assert stays.status != "failed"
    assert moved.status == "failed"
    events = stays.table["estimate"]
    assert events[2] == pytest.approx(events[:2].sum(), rel=0.1)
    assert causal_words(stays.sentence()) == []
    assert_fit_for_a_page(stays.plot())


def test_displacement_of_nothing_scores_or_without_a_map_is_not_looked_at():
    assert "nothing to ask" in displacement(asked_of(borough(5))).finding
    assert "not a count" in displacement(ask(score_question())).finding
    assert "no neighbours" in displacement(asked_of(borough(3), neighbours=None)).finding


def test_stocks_are_not_held_against_what_chance_alone_would_make():
    made = borough(3, effect=-0.5, mean_count=20)
    months = asked_of(made, kind="stock")
    found = small_counts(months)
    assert "chance alone" not in found.finding
    assert "the same people counted again" in found.finding
    assert displacement(months).table[["low", "high"]].iloc[-1].isna().all()


# Who it is compared with --------------------------------------------------------------------------


def plain() -> Question:
    return question_of(borough(4, effect=-1.0, mean_count=20))


def test_no_single_area_matters_among_many_and_one_does_among_few():
    assert leave_one_out(ask(plain())).status == "passed"
    panel, given = scores(n_areas=24, effect=-15.0)
    late = (panel["area_code"] == "A007") & (panel["period"] >= "2000")
    odd = panel.assign(score=panel["score"] + 100.0 * late)
    found = leave_one_out(ask(Question.from_frame(odd, **given)))
    assert found.status == "failed"
    assert found.table["label"][0] == "without A007"


def test_with_two_comparison_areas_none_can_be_left_out():
    made = borough(4)
    here = made.treated[0]
    others = [code for code in made.panel["area_code"].unique() if code != here][:2]
    few = made.panel[made.panel["area_code"].isin([here, *others])]
    found = leave_one_out(asked_of(replace(made, panel=few), neighbours=None))
    assert found.status == "too little to tell"
    assert "two comparison areas" in found.finding


def test_other_choices_of_areas_leave_a_plain_effect_standing():
    asked = ask(plain())
    found = comparison_choice(asked)
    assert found.status == "passed"
    assert len(found.table) == 1 + len(other_choices(asked)) == 6
    assert_fit_for_a_page(found.plot())


def test_a_choice_that_turns_the_effect_fails():
    question = plain()
    away = steps_away(question)
    far = question.comparison & (away > np.median(away[question.comparison]))
    found = comparison_choice(ask(times(question, far, after(question), 0.2)))
    assert found.status == "failed"
    by_choice = found.table.set_index("label")["estimate"]
    assert by_choice["nearest half"] < by_choice["farthest half"] - 30


def with_programme(question: Question, area: str, start: str, members=None) -> Question:
    table = pd.DataFrame({"name": ["Wardens"], "area_code": [area], "start": [start]})
    known = {"interventions": table, "members": members or {}}
    return replace(question, context=dict(question.context) | known)


def test_programmes_elsewhere_are_looked_for_and_taken_out():
    question = plain()
    other = str(question.areas[question.comparison][0])
    found = contaminated_comparators(ask(with_programme(question, other, "2005-08-01")))
    assert found.status == "passed"
    assert found.table["label"].tolist() == ["Wardens"]
    assert "one comparison area" in found.finding


def test_a_programme_that_moves_its_areas_contaminates():
    question = question_of(borough(4, effect=-0.7, mean_count=20))
    touched = question.comparison & (np.arange(len(question.areas)) % 2 == 0)
    moved = times(question, touched, after(question), 0.3)
    members = {"elsewhere": list(question.areas[touched])}
    asked = ask(with_programme(moved, "elsewhere", "2005-08-01", members))
    assert contaminated_comparators(asked).status == "failed"


def test_something_else_in_the_neighbourhood_fails_and_its_own_programme_does_not():
    question = plain()
    own = str(question.areas[question.treated][0])
    prompt, later = (
        contaminated_comparators(ask(with_programme(question, own, date)))
        for date in (f"{question.start}-01", "2006-05-01")
    )
    assert prompt.status == "passed"
    assert later.status == "failed"
    assert "Wardens" in later.finding


def test_what_happens_in_the_whole_borough_is_nobodys_contamination():
    question = plain()
    events = pd.DataFrame({"label": ["Recession"], "area_code": ["X"], "date": ["2005-09-15"]})
    known = {"events": events, "members": {"X": list(question.areas)}}
    assert contaminated_comparators(ask(replace(question, context=known))).status == "passed"
    assert contaminated_comparators(ask(question)).status == "too little to tell"
