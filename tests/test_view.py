"""What a page says: its first screen in few words, and equal numbers equal wherever they stand."""

import re

import numpy as np
import pandas as pd
import pytest

from lsp_analysis import area_brief, open_study, programme_effects, programme_in
from lsp_analysis.errors import ReportError
from lsp_analysis.reports import view
from lsp_analysis.reports.page.exporter import render_part
from lsp_analysis.reports.view.part import plain, rows_of


@pytest.fixture(scope="module")
def study():
    return open_study("bolton_demo")


def answers(study, name):
    place = study.area(name)
    programme = programme_in(study, place)
    brief = area_brief(study, place, start=programme.start or "2008-04")
    main = programme.primary_outcome or brief.main_indicator()
    return brief, programme_effects(study, programme, primary=main)


@pytest.fixture(scope="module")
def pilot(study):
    return answers(study, "Hall i' th' Wood")


@pytest.fixture(scope="module")
def elsewhere(study):
    return answers(study, "E01004803")


@pytest.fixture(params=["pilot", "elsewhere"])
def told(request):
    return request.getfixturevalue(request.param)


def words(text):
    return len(text.split())


def test_the_verdict_has_25_words_or_fewer_and_its_counts_are_those_of_the_table(told):
    brief, effects = told
    screen = view.first_screen(brief, effects).data
    table = brief.profile.table
    assert words(screen["verdict"]) <= 25
    assert sum(n for _, n, _ in screen["tally"]) == len(table)
    counts = {kind: n for kind, n, _ in screen["tally"]}
    assert counts.get("worse", 0) == (table["verdict"] == "worse").sum()
    assert screen["index"]["counts"] == counts


def test_the_first_screen_and_the_table_below_give_each_measure_the_same_values(told):
    brief, effects = told
    top = view.first_screen(brief, effects).data["table"]["rows"]
    below = view.all_measures(brief)
    rows = {row["name"]: row for theme in below.data["themes"] for row in theme["rows"]}
    for row in top:
        assert row == rows[row["name"]]
    assert len(below.frame) == len(brief.profile.table)


def test_small_lines_end_at_the_value_beside_them(told):
    brief, _ = told
    for row in rows_of(brief):
        values = row.series["value"].dropna()
        if len(values):
            assert values.iloc[-1] == pytest.approx(row.value)


def test_an_arrow_shortens_exactly_when_the_gap_shrinks(told):
    from lsp_analysis.reports.view.changes import gap_moves

    brief, _ = told
    moves = {move.name: move for move in gap_moves(brief)}
    for indicator_id in brief.panels:
        gap = brief.gap(indicator_id)
        if gap.name not in moves:
            continue
        change = gap.change()
        move = moves[gap.name]
        shrank = abs(move.last) < abs(move.first)
        assert shrank == (change.change < 0)
        side = -1 if gap.polarity == "high_is_good" else 1
        assert np.sign(move.last) == np.sign(side * change.gap_end)


def test_a_gap_in_the_areas_favour_is_never_told_as_one_against_it(told):
    from lsp_analysis.reports.view.changes import gap_moves, gap_words

    brief, _ = told
    for move in gap_moves(brief):
        words = gap_words([move])
        before, after = (at > 0 for at in (move.first, move.last))
        assert ("advantage" in words) == (not before and not after)
        assert ("from worse than the rest to better" in words) == (before and not after)
        assert ("from better than the rest to worse" in words) == (after and not before)


def test_nothing_is_told_of_the_time_before_a_break_and_the_chart_marks_it(study):
    panel = study.panel("jobseekers")
    at = panel["period"] == pd.Period("2007-01", "M")
    panel["note"] = np.where(at, "break", panel["note"].fillna(""))
    place = study.area("Hall i' th' Wood")
    brief = area_brief(study, place, panels={"jobseekers": panel})
    change = brief.gap("jobseekers").change()
    assert change.when == ("2007", "2012")
    figure = view.story(brief, "jobseekers")
    assert "Counted differently from here on" in [m[1] for m in figure.data["chart"]["moments"]]
    assert figure.frame["period"].tolist() == [str(year) for year in range(2007, 2013)]
    effects = programme_effects(study, programme_in(study, place), primary="jobseekers")
    unknown = view.first_screen(brief, effects).data["unknown"]
    assert ["Residents claiming Jobseeker's Allowance before 2007:",
            "counted or recorded otherwise."] in unknown  # fmt: skip


def test_the_pilot_is_told_alike_in_its_box_and_its_figure(study, pilot):
    brief, effects = pilot
    programme = programme_in(study, brief.area)
    box = view.first_screen(brief, effects).data["box"]
    figure = view.pilot_path(effects).data
    assert box["big"].split()[0] in figure["title"]  # "24%", said once in each
    here = figure["chart"]["series"][0]["values"]
    series = brief.series(programme.primary_outcome).set_index("period")["value"]
    assert here[-1] == pytest.approx(series.iloc[-1], rel=0.01)  # yearly means of yearly rates


def test_where_nothing_was_done_the_page_says_so_once(elsewhere):
    brief, effects = elsewhere
    assert view.pilot_path(effects) is None
    assert view.outcomes(effects) is None
    assert "No programme is on record" in view.first_screen(brief, effects).data["box"]["sure"][1]


def test_a_part_is_html_with_its_own_style_for_a_notebook(told):
    brief, effects = told
    bundle = view.first_screen(brief, effects)._repr_mimebundle_()
    assert bundle["text/plain"].startswith(("Worse", "Better", "Not clearly"))
    assert bundle["text/html"].startswith('<div class="lsp-part"><style>')
    assert re.search(r"<h1[^>]*>", bundle["text/html"])


def test_missing_and_infinite_numbers_become_none():
    told = plain({"a": [np.nan, np.inf, np.int64(3)], "b": True, "c": None, "d": np.float64(0.5)})
    assert told == {"a": [None, None, 3], "b": True, "c": None, "d": 0.5}


def test_names_in_a_part_are_text():
    chart = {"type": "bars", "rows": [], "label": "x"}
    told = {"question": "<i>q</i>", "title": "<b>x</b>", "subtitle": "", "chart": chart}
    html = render_part({"kind": "figure", **told})
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x" in html


def test_a_forecast_runs_on_from_the_last_value_and_names_no_agency_where_there_is_none(study):
    from lsp_analysis.standing.agencies.plan import TargetForecast

    plan = view.PlanView(study, as_at="2008-12-31")
    measure = next(iter(plan.odds))
    known = plan.series(measure)
    ahead = pd.period_range(known["period"].iloc[-1] + 1, periods=2)
    paths = pd.DataFrame({"period": ahead, "value": [1.0, 2], "low": [0.0, 1], "high": [2.0, 3]})
    plan.odds = {measure: TargetForecast(0.3, paths)}
    plan.progress.table["lead_agency"] = np.nan
    told = plan.least_likely().data
    lines = {line["role"]: list(line["values"]) for line in told["chart"]["series"]}
    gap = [None] * (len(known) - 1)
    assert lines["forecast"] == [*gap, known["value"].iloc[-1], 1.0, 2.0]
    assert np.isnan(lines["rest"][0])  # the plan's line begins with its baseline
    assert np.isfinite(lines["rest"][-2])
    assert told["note"] == "Lead agency: not named."


def test_the_plan_has_odds_only_for_targets_ahead_and_is_cut_at_its_date(study):
    plan = view.PlanView(study, as_at="2010-06-30")
    assert plan.values["period"].map(lambda p: p.end_time.year).max() <= 2010  # noqa: PD011
    rows = [row for theme in plan.measures().data["themes"] for row in theme["rows"]]
    assert len(rows) == study.read("plan")["indicator_id"].nunique()
    told = " ".join(f"{row['rank']} {row['word']} {row['about']}".lower() for row in rows)
    for status, n in plan.progress.table["status"].value_counts().items():
        assert told.count(status) >= n  # earlier targets stand behind the row of their measure
    assert "by lead agency" in plan.cover().data["name"]


@pytest.mark.parametrize(
    ("chosen", "as_at"),
    [
        ({"by": "lead_agency"}, ""),
        ({"by": "theme"}, "2008-12-31"),
        ({"by": "theme"}, "2010-12-31"),
        ({"by": "theme", "only": "Safe"}, ""),
    ],
)
def test_the_first_screen_of_the_plan_counts_what_its_table_lists(study, chosen, as_at):
    plan = view.PlanView(study, as_at=as_at, **chosen)
    screen, below = plan.cover().data, plan.measures().data
    rows = {row["name"]: row for theme in below["themes"] for row in theme["rows"]}
    counts = pd.Series([row["word"].lower() for row in rows.values()]).value_counts()
    assert {word: n for _, n, word in screen["tally"]} == counts.to_dict()
    grouped = [told for _, counted in screen["groups"]["rows"] for told in counted]
    assert pd.DataFrame(grouped).groupby(2)[1].sum().to_dict() == counts.to_dict()
    off = sum(counts.get(word, 0) for word in ("missed", "moving away", "behind"))
    assert words(screen["verdict"]) <= 25
    assert str(off) in screen["verdict"] or off in (0, 2)
    for row in screen["table"]["rows"]:
        assert row == rows[row["name"]]
    wanted = [row["kind"] for row in screen["table"]["rows"]]
    assert wanted[:1] != ["better"] or off == 0  # the exceptions come first
    assert len(screen["next"]["items"]) == min(3, off)


def test_the_pages_of_the_plan_give_each_measure_the_same_numbers(study):
    by_agency = view.PlanView(study, by="lead_agency").measures().data
    by_theme = view.PlanView(study, by="theme").measures().data
    rows = [
        sorted((r["name"], r["here"], r["rest"], r["rank"]) for t in d["themes"] for r in t["rows"])
        for d in (by_agency, by_theme)
    ]
    assert rows[0] == rows[1]


def test_a_page_on_the_borough_is_refused_for_less_with_the_right_template(study):
    with pytest.raises(ReportError, match="use the template report_area"):
        view.refuse_part(study, "Hall i' th' Wood", "report_highlight")
    view.refuse_part(study, "Bolton", "report_highlight")
    view.refuse_part(study, "", "report_highlight")


def test_a_value_that_all_areas_share_has_no_place(study):
    panel = study.panel("influence").assign(numerator=30.0, denominator=100.0, value=30.0)
    brief = area_brief(study, study.area("Hall i' th' Wood"), panels={"influence": panel})
    (row,) = rows_of(brief)
    assert brief.profile.table["rank"].tolist() == [1]
    assert (row.rank, row.here, row.rest) == ("", "30.0%", "30.0%")
