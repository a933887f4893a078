"""An area in short: what changed, its first line, and its small areas beside their neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_study import small_tables, write_small_study

from lsp_analysis import area_brief, open_study
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.change.process import signals
from lsp_analysis.standing.place.other_areas import rug


@pytest.fixture(scope="module")
def moved(brief):
    return signals(brief, since="2008-04")


def test_what_changed_names_each_clear_change_and_counts_the_others(brief):
    table = brief.profile.table
    clear = table[table["change_verdict"].isin(["better", "worse", "higher", "lower"])]
    said = brief.profile.changed()
    assert all(name in said for name in clear["name"])
    unclear = (table["change_verdict"] == "no clear difference").sum()
    assert f"The other {unclear} indicators" in said


def test_a_change_that_cannot_be_judged_is_not_called_none(brief):
    blank = {"change_low": np.nan, "change_high": np.nan, "change_verdict": "not comparable"}
    said = replace(brief.profile, table=brief.profile.table.assign(**blank)).changed()
    assert "cannot be told" in said
    assert "Nothing changed" not in said


def test_the_headline_names_its_comparator_once(brief):
    assert brief.headline().count("the rest of the borough") == 1


def test_a_study_without_boundaries_sets_the_area_beside_those_as_deprived(tmp_path):
    tables = small_tables()
    observations = tables["observations"]
    events = observations["indicator_id"] == "burglary"
    tables["observations"] = observations[events]
    study = open_study(write_small_study(tmp_path / "flat", tables, geometry=None))
    brief = area_brief(study, study.small_areas()["area_code"].iloc[0])
    said = rug(brief).sentence()
    assert "as deprived on" in said
    assert "next door" not in said


def test_rates_without_counts_are_left_out_of_the_rug_with_a_reason(tmp_path):
    tables = small_tables()
    bare = dict.fromkeys(("numerator", "denominator", "lower95", "upper95"), np.nan)
    tables["observations"] = tables["observations"].assign(**bare)
    study = open_study(write_small_study(tmp_path / "bare", tables))
    brief = area_brief(study, study.small_areas()["area_code"].iloc[0])
    with pytest.raises(PanelError, match="can be compared"):
        rug(brief)
