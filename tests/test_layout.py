"""Panels are read as they are meant, or refused in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, codes, panel

from lsp_analysis.effects.layout import as_start, grid, long_panel
from lsp_analysis.errors import PanelError, ParameterError

OPTIONS = {"outcome": "rate", "treated": ["E001"], "start": START}


@pytest.mark.parametrize(
    ("start", "periods", "expected"),
    [
        ("2009-01", pd.period_range("2008-01", periods=3, freq="M"), pd.Period("2009-01", "M")),
        (pd.Period("2009", "Y"), pd.period_range("2008-01", periods=3, freq="M"), START),
        ("2009Q2", pd.period_range("2008Q1", periods=3, freq="Q"), pd.Period("2009Q2", "Q")),
        ("2009-01-01", pd.date_range("2008-01-01", periods=3), pd.Timestamp("2009-01-01")),
        (1989, pd.Series([1970, 1971]), 1989),
        ("1989", pd.Series([1970, 1971]), 1989),
        (1989, pd.Series(["1970", "1971"]), "1989"),
        (pd.Period("2009-01", "M"), pd.Series(["2008-12", "2009-01"]), "2009-01"),
    ],
)
def test_a_start_is_put_into_the_kind_of_the_periods(start, periods, expected):
    assert as_start(start, pd.Series(periods)) == expected


def test_a_start_that_is_no_period_is_refused():
    with pytest.raises(ParameterError, match="not a period like"):
        grid(panel(), **(OPTIONS | {"start": "spring"}))
    with pytest.raises(ParameterError, match="cannot be compared"):
        grid(panel().assign(period=lambda f: [(p.year, p.month) for p in f["period"]]), **OPTIONS)


def test_dates_that_come_as_objects_are_dates():
    frame = panel()
    dates = frame["period"].dt.to_timestamp()
    found = grid(frame.assign(period=dates.dt.date), **OPTIONS)
    assert found.start_at == grid(frame, **OPTIONS).start_at
    assert list(found.periods) == sorted(dates.unique())


def test_a_grid_holds_every_value_in_its_place_however_the_rows_are_ordered():
    frame = panel().sample(frac=1, random_state=0)
    found = grid(frame, **OPTIONS)
    row = frame.iloc[17]
    assert found.outcomes[
        found.areas.get_loc(row["area_code"]), found.periods.get_loc(row["period"])
    ] == pytest.approx(row["rate"])
    assert found.areas[found.treated].tolist() == ["E001"]
    assert found.periods[found.start_at] == START
    assert found.treated_mean == pytest.approx(
        panel().query("area_code == 'E001'")["rate"].to_numpy()
    )


def test_a_long_panel_marks_treated_rows_from_the_start_on():
    frame, treated, start = long_panel(panel(), **(OPTIONS | {"treated": "E001"}))
    on = (frame["area_code"] == "E001") & (frame["period"] >= START)
    assert np.array_equal(frame["treatment"].to_numpy(), on.to_numpy(dtype=float))
    assert (treated, start) == (["E001"], START)


def test_the_first_gap_is_named():
    frame = panel()
    frame.loc[5, "rate"] = np.nan
    with pytest.raises(PanelError, match=r"1 of 720 .* missing, first \(E000, 2008-06\)"):
        grid(frame, **OPTIONS)


def test_areas_named_twice_are_counted_once():
    found = grid(panel(), **(OPTIONS | {"treated": ["E001", "E001", "E002"]}))
    assert found.treated.sum() == 2
    assert found.treated_name == "E001 + E002"


def test_all_areas_treated_leaves_nothing_to_compare_with():
    with pytest.raises(PanelError, match="nothing is left to compare"):
        grid(panel(), **(OPTIONS | {"treated": codes(30)}))
