"""What the plan, the agencies and the gaps in the evidence say, with and without the tables."""

from __future__ import annotations

import pytest
from small_study import small_tables, write_small_study

from lsp_analysis import area_brief, open_study, wording
from lsp_analysis.standing.agencies.agenda import (
    activity_sentence,
    evidence_gaps,
    plan_sentence,
)


@pytest.fixture
def bare(tmp_path):
    tables = {
        k: v for k, v in small_tables().items() if k in ("areas", "indicators", "observations")
    }
    study = open_study(write_small_study(tmp_path / "bare", tables))
    return area_brief(study, study.small_areas()["area_code"].iloc[0])


def test_the_plan_sentence_counts_every_target_once(brief):
    progress = brief.plan
    assert f"{len(progress.table)} targets" in plan_sentence(brief)


def test_measures_off_track_that_are_worse_here_are_counted_once_each(brief):
    off = brief.plan.table[brief.plan.table["status"].isin(["missed", "moving away", "behind"])]
    worse = brief.profile.table.index[brief.profile.table["verdict"] == "worse"]
    both = len(set(off["indicator_id"]) & set(worse))
    assert 1 < both < len(off)
    said = f"; {wording.in_words(both)} of their measures are worse here too."
    assert plan_sentence(brief).endswith(said)


def test_activity_gives_the_programmes_cost_a_head(brief):
    people, _ = brief.population()
    assert f"£{420_000 / people:.0f} a head" in activity_sentence(brief)


def test_nothing_is_missing_from_the_demo_study(brief):
    assert evidence_gaps(brief) is None


def test_a_bare_study_names_each_table_it_lacks(bare):
    said = evidence_gaps(bare)
    for table in ("deprivation", "resources", "populations"):
        assert f'"{table}"' in said
    assert 'no table "plan"' in plan_sentence(bare)
    assert "does not record what agencies did" in activity_sentence(bare)
