"""What a study's own tables become before they are compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis import area_brief, open_study


def study_with(folder, **columns):
    """The small study's monthly burglaries with further columns in its observations."""
    tables = small_tables()
    rows = tables["observations"]
    rows = rows[rows["indicator_id"] == "burglary"].reset_index(drop=True)
    tables["observations"] = rows.assign(**{name: make(rows) for name, make in columns.items()})
    return open_study(write_small_study(folder, tables))


def test_published_intervals_reach_the_verdict(tmp_path):
    value = {"value": lambda rows: np.where(rows["area_code"] == LSOAS[0], 9.0, 3.0)}
    ends = {
        "lower95": lambda rows: np.where(rows["area_code"] == LSOAS[0], 7.0, 2.5),
        "upper95": lambda rows: np.where(rows["area_code"] == LSOAS[0], 11.0, 3.5),
    }
    blank = dict.fromkeys(("numerator", "denominator"), lambda rows: np.nan)
    row = (
        area_brief(study_with(tmp_path / "told", **value, **ends, **blank), LSOAS[0])
        .profile.table.loc["burglary"]
    )  # fmt: skip
    assert (row["kind"], row["verdict"]) == ("published", "worse")
    bare = area_brief(study_with(tmp_path / "bare", **value, **blank), LSOAS[0])
    without = bare.profile.table.loc["burglary"]
    assert without["verdict"] == "not comparable"
    assert "without an interval" in without["reason"]


def test_a_change_of_coverage_starts_the_series_afresh(tmp_path):
    late = pd.Timestamp("2008-07-01")
    study = study_with(
        tmp_path / "s",
        coverage=lambda rows: np.where(pd.to_datetime(rows["period_start"]) < late, 1.0, 0.8),
    )
    one = area_brief(study, LSOAS[0]).measured("burglary")
    assert str(one._since(LSOAS[:1])) == "2008-07"
