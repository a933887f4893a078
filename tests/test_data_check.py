"""The check of a study, for a notebook."""

from __future__ import annotations

from small_study import set_cell, write_small_study

from lsp_analysis import open_study
from lsp_analysis.standing.study_check import data_check, funnel_of_areas, owners_table


def test_a_sound_study_has_no_problem_and_lacks_what_it_lacks(tmp_path):
    found = data_check(open_study(write_small_study(tmp_path / "sound")))
    assert "no problem found" in found.sentence()
    assert "does without resources, assets and sharing" in found.sentence()


def test_every_problem_is_counted_in_its_file(tmp_path):
    folder = write_small_study(tmp_path / "hurt")
    set_cell(folder, "observations", 2, "numerator", "-3")
    found = data_check(open_study(folder))
    assert len(found.problems) > 0
    assert f"{len(found.problems)} in observations.csv" in found.sentence()
    assert len(found.problems_table().frame) == len(found.problems)


def test_every_indicator_has_its_owner_listed(tmp_path):
    study = open_study(write_small_study(tmp_path / "sound"))
    assert len(owners_table(study).frame) == len(study.indicators())


def test_the_funnel_looks_at_counts_of_events_unless_another_is_wanted(tmp_path):
    folder = write_small_study(tmp_path / "sound")
    ids = open_study(folder).indicators()["indicator_id"].tolist()
    set_cell(folder, "indicators", 2, "value_type", "person_periods")
    study = open_study(folder)
    first = study.indicator(ids[0]).name
    known = study.indicators().set_index("name")["value_type"]
    assert known[funnel_of_areas(study).name] in ("rate", "proportion")
    assert funnel_of_areas(study).name != first
    assert funnel_of_areas(study, ids[0]).name == first
