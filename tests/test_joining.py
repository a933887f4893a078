"""Agencies side by side: outcomes, work, money, assets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_study import small_tables, write_small_study

from lsp_analysis import area_brief, open_study, wording
from lsp_analysis.errors import PanelError, StudyError
from lsp_analysis.standing.agencies import agenda


@pytest.fixture
def bare(tmp_path):
    kept = ("areas", "indicators", "observations")
    tables = {name: table for name, table in small_tables().items() if name in kept}
    study = open_study(write_small_study(tmp_path / "bare", tables))
    return area_brief(study, "E01000001")


def test_each_theme_counts_its_indicators_and_its_worse_ones(brief):
    table = agenda.joined_up(brief).table
    assert table["indicators"].sum() == 12
    assert table["worse"].sum() == (brief.profile.table["verdict"] == "worse").sum()
    assert table["tied_gbp"].sum() == 420_000


def test_work_recorded_for_the_neighbourhood_is_found_from_its_small_area(brief):
    small = brief.about("E01004802")
    assert "hall-i-th-wood" in agenda.codes_of(small)
    assert agenda.activity(small).table["interventions"].sum() == 1


def test_the_nearest_asset_of_each_kind_is_listed_once(brief):
    near = agenda.assets_table(brief).frame
    assert near["Kind"].is_unique
    assert near["Kilometres"].is_monotonic_decreasing


def test_the_nearest_asset_of_each_kind_is_found_by_looking_at_all(brief):
    assets = brief.study.read("assets").dropna(subset=["x", "y"])
    codes = [*brief.area.members, *brief.comparators["the rest of the borough"]]
    shapes = brief.study.geometry(codes).set_index("area_code").geometry.representative_point()
    far = {
        code: np.hypot(assets["x"] - spot.x, assets["y"] - spot.y).groupby(assets["kind"]).min()
        for code, spot in shapes.items()
    }
    table = pd.DataFrame(far)
    own = table[list(brief.area.members)].min(axis=1)
    nearer = table.drop(columns=list(brief.area.members)).lt(own, axis=0).sum(axis=1)
    near = agenda.assets_table(brief).frame.set_index("Kind")
    assert near["Kilometres"].to_dict() == pytest.approx((own / 1000).to_dict())
    said = near["Small areas with one nearer"].to_dict()
    rest = len(codes) - len(brief.area.members)
    assert said == {kind: wording.of_total(int(n), rest) for kind, n in nearer.items()}


def test_a_study_without_themes_or_tables_says_so(bare):
    with pytest.raises(PanelError, match="theme"):
        agenda.joined_up(bare)
    for ask in (agenda.activity, agenda.spending, agenda.assets_table):
        with pytest.raises(StudyError, match="has no table"):
            ask(bare)
    with pytest.raises(StudyError, match="no table plan"):
        agenda.plan_by_agency(bare)
