"""One missing thing costs one report at most: the batch goes on, and says which and why."""

import pandas as pd
from shapely.geometry import Polygon
from small_study import LSOAS, small_tables, squares, write_small_study

from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import run_reports


def odd_study(folder):
    """One name for four areas, of which one has no outline, one a crossed one and one no data; an
    outcome of one period; no residents, no plan and no deprivation."""
    tables = small_tables()
    small = tables["areas"]["area_type"] == "lsoa"
    tables["areas"].loc[small, "area_name"] = "Same name"
    rows = tables["observations"]
    rows = rows[rows["area_code"] != LSOAS[3]]
    first = rows[(rows["indicator_id"] == "burglary") & (rows["period_start"] == "2008-01-01")]
    once = first.assign(indicator_id="once")
    tables["observations"] = pd.concat([rows, once], ignore_index=True)
    about = tables["indicators"]
    named = about.iloc[:1].assign(indicator_id="once", name="Once")
    tables["indicators"] = pd.concat([about, named], ignore_index=True)
    for name in ("populations", "plan", "deprivation"):
        del tables[name]
    shapes = squares()
    shapes = shapes[shapes["area_code"] != LSOAS[0]].reset_index(drop=True)
    at = shapes.index[shapes["area_code"] == LSOAS[1]][0]
    west, south, east, north = shapes.geometry[at].bounds
    corners = [(west, south), (east, north), (east, south), (west, north)]
    shapes.loc[at, "geometry"] = Polygon(corners)
    return write_small_study(folder, tables, geometry=shapes)


def test_areas_that_lack_something_stop_no_other_report(tmp_path):
    batch = run_reports(odd_study(tmp_path / "study"), [Entry(every_area=True)], out=tmp_path / "o")
    assert [record.area_code for record in batch.failed] == [LSOAS[3]]
    assert "has a value for Same name (E01000004)" in batch.failed[0].reason
    assert len({record.name for record in batch.records}) == len(LSOAS)
    index = batch.index.read_text(encoding="utf-8")
    assert all(code in index for code in LSOAS)
