"""A study of many boroughs: a page reads its own, and says what it would say without the others."""

from __future__ import annotations

import importlib.util
import json
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from lsp_analysis import area_brief, open_study, programme_effects, programme_in
from lsp_analysis.effects import check_all
from lsp_analysis.errors import StudyError
from lsp_analysis.reports.fork.kept import KeptStudy
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import Workers, run_reports
from lsp_analysis.study import write
from lsp_analysis.study.add.adding import add_table
from lsp_analysis.study.check import whole_study
from lsp_analysis.study.check.whole_study import check_study
from lsp_analysis.study.write import write_study

MONTHS, SIZE = 48, 70


def growth():
    """The benchmark's writer of studies, with boroughs of 70 areas."""
    file = Path(__file__).parents[1] / "benchmarks" / "growth.py"
    spec = importlib.util.spec_from_file_location("growth", file)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    made.BOROUGH, made.PILOT = SIZE, 30
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A country of three boroughs, the first of them cut out, and the code of the pilot."""
    top, maker = tmp_path_factory.mktemp("world"), growth()
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(write, "PARQUET_FROM_ROWS", 1_000)
        country = open_study(maker.make(top, 3 * SIZE, 3, MONTHS))
    borough = maker.borough_code(0)
    areas = country.areas()
    codes = areas.loc[areas["borough_code"] == borough, "area_code"]
    tables = {}
    for name in ("areas", "deprivation", "indicators", "interventions", "observations"):
        rows = country.read(name)
        tables[name] = rows[rows["area_code"].isin(codes)] if "area_code" in rows else rows
    about = {name: country.descriptor[name] for name in ("name", "title", "lsp:simulated")}
    write_study(top / "alone", tables, country.geometry(codes), about=about)
    return country, open_study(top / "alone"), maker.pilot(3 * SIZE)


def test_the_country_lies_in_parts_by_borough(world):
    country, pilot = open_study(world[0].path), world[2]
    files = country.files("observations")
    assert len(files) == len(country.files("geometry")) == 3
    part = country.around(pilot)
    assert [*part.files("observations")] == [next(iter(files))]
    assert part.around(pilot) is part is country.around(part.area(pilot))
    area_brief(country, pilot)
    assert not country.digests.keys() & {str(file) for file in [*files][1:]}
    assert part.digests.keys() & {str(next(iter(files)))}


def test_what_parts_hold_is_what_was_written(world):
    country, *_ = world
    rows = country.read("observations")
    assert len(rows) == 3 * SIZE * 3 * MONTHS
    assert not rows.duplicated().any()
    one = country.read("observations", where={"area_code": rows["area_code"].iloc[-1]})
    assert len(one) == 3 * MONTHS


@pytest.mark.parametrize("keep", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_borough_says_in_its_country_what_it_says_alone(world, keep):
    country, alone, pilot = world
    if keep:
        country = KeptStudy(country).gather()
        part = pickle.loads(pickle.dumps(country.around(pilot).gather()))
        assert_frame_equal(part.panel("i01"), alone.panel("i01"))
    found = []
    for study in (country, alone):
        programme = programme_in(study, pilot)
        effects = programme_effects(study, programme, primary="i00")
        brief = area_brief(study, pilot)
        checks = check_all(study.question("i00", pilot, "2008-04"))
        tables = [effects.summary_frame(), brief.profile.table, checks.summary_frame()]
        found.append([programme, *tables, effects.primary.sentence(), brief.headline()])
    for mine, theirs in zip(*found, strict=True):
        if isinstance(mine, pd.DataFrame):
            assert_frame_equal(mine, theirs, check_exact=True)
        else:
            assert mine == theirs


@pytest.mark.slow
def test_a_page_of_a_borough_is_the_same_page_in_its_country(world, tmp_path):
    country, alone, pilot = world
    files = []
    for name, study in (("country", country), ("alone", alone)):
        batch = run_reports(study.path, [Entry([pilot])], out=tmp_path / name, workers=Workers(1))
        assert not batch.failed, batch.sentence()
        folder = batch.records[0].page.parent
        files.append({file.name: file.read_bytes() for file in folder.rglob("*.csv")})
        assert "unkept" not in batch.records[0].run
    assert files[0] == files[1]
    assert len(files[0]) > 3


def test_a_small_borough_is_compared_with_those_nearest_in_deprivation(tmp_path):
    maker = growth()
    maker.BOROUGH, maker.PILOT = 30, 12
    study = open_study(maker.make(tmp_path, 150, 1, MONTHS))
    areas = study.areas()
    homes = areas.set_index("area_code")["borough_code"]
    ranks = study.read("deprivation").set_index("area_code")["rank"]
    means = ranks.groupby(homes).mean()
    own = homes[maker.pilot(150)]
    nearest = (means - means[own]).abs().sort_values().index[1:3]
    question = study.question("i00", maker.pilot(150), "2008-04")
    assert set(homes[question.areas]) == {own, *nearest}
    assert len(question.areas) == 90
    names = areas.set_index("area_code").loc[sorted(nearest), "area_name"]
    said = f"those of {names.iloc[0]} and {names.iloc[1]}, nearest to it in deprivation"
    assert any(said in caution for caution in question.cautions)
    brief = area_brief(study, maker.pilot(150))
    assert set(homes[brief.panels["i00"]["area_code"]]) == {own}


def test_without_ranks_it_is_compared_with_the_next_boroughs_and_says_so(tmp_path):
    maker = growth()
    maker.BOROUGH, maker.PILOT = 30, 12
    folder = maker.make(tmp_path, 150, 1, MONTHS)
    told = json.loads((folder / "datapackage.json").read_text("utf-8"))
    told["resources"] = [one for one in told["resources"] if one["name"] != "deprivation"]
    (folder / "datapackage.json").write_text(json.dumps(told), encoding="utf-8")
    study = open_study(folder)
    question = study.question("i00", maker.pilot(150), "2008-04")
    homes = study.areas().set_index("area_code")["borough_code"]
    assert set(homes[question.areas]) == {maker.borough_code(number) for number in range(3)}
    said = "those of Borough 1 and Borough 2, the next by code, as there are no ranks"
    assert any(said in caution for caution in question.cautions)


def test_a_place_in_several_boroughs_is_read_with_all_of_them(world):
    country, _, pilot = world
    codes = country.small_areas()["area_code"]
    both = country.area(pilot)
    both = type(both)("X", "X", "group", 2011, both.borough_code, (pilot, codes.iloc[-1]))
    assert len(country.around(both).boroughs) == 2
    everywhere = type(both)("Y", "Y", "group", 2011, "", tuple(codes[:: SIZE // 2]))
    assert country.around(everywhere) is country
    assert np.isin(codes, [*country.codes]).all()


def damaged(rows):
    """Observations with a mistake of every kind that rules, keys, codes and periods tell."""
    rows = rows.astype({"numerator": float}).assign(value=np.nan, note="").reset_index(drop=True)
    rows.loc[5, "numerator"] = -1.0
    rows.loc[6, "area_code"] = "E01999999"
    rows.loc[7, "indicator_id"] = "i77"
    rows.loc[8, "period_end"] = pd.Timestamp("2005-01-31")
    rows.loc[9, "value"] = 12.5
    rows.loc[10, "denominator"] = 0
    rows.loc[11, "numerator"] = 2.5
    rows.loc[[12, 13], "numerator"] = np.nan
    return pd.concat([rows.drop(index=40), rows.loc[[60]]], ignore_index=True)


def join_parts(folder):
    """Observations in one Parquet file, as older versions wrote them."""
    told = json.loads((folder / "datapackage.json").read_text("utf-8"))
    (resource,) = [one for one in told["resources"] if one["name"] == "observations"]
    joined = pd.concat([pd.read_parquet(folder / path) for path in resource["path"]])
    joined.to_parquet(folder / "observations.parquet", index=False)
    resource["path"] = "observations.parquet"
    del resource["lsp:files"]
    shutil.rmtree(folder / "observations")
    (folder / "datapackage.json").write_text(json.dumps(told), encoding="utf-8")


def test_a_study_in_parts_is_checked_as_one_in_one_file_is(world, tmp_path):
    _, alone, _ = world
    tables = {name: alone.read(name) for name in ("areas", "indicators", "interventions")}
    rows = damaged(alone.read("observations"))
    twin = rows.assign(area_code=rows["area_code"].str.replace("E010000", "E010009"))
    twin.loc[twin["area_code"] == "E01999999", "area_code"] = "E01999998"
    areas = tables["areas"]
    own = areas[areas["area_type"] == "lsoa"]
    code = own["area_code"].str.replace("E010000", "E010009")
    own = own.assign(area_code=code, area_name=code, borough_code="E08000001", is_pilot=False)
    top = areas[areas["area_type"] == "borough"].assign(
        area_code="E08000001", borough_code="E08000001"
    )
    tables["areas"] = pd.concat([areas, top.assign(area_name="Other"), own])
    tables["observations"] = pd.concat([rows, twin], ignore_index=True)
    found = {}
    for name, most in (("one", 10**9), ("large", 1_000), ("parts", 1_000)):
        with pytest.MonkeyPatch.context() as changed:
            changed.setattr(write, "PARQUET_FROM_ROWS", most)
            folder = write_study(tmp_path / name, tables, about={"name": name})
            if name == "large":
                join_parts(folder)
            changed.setattr(whole_study, "LARGE", 1_000)
            problems = check_study(folder)
        if name == "large":
            assert any("observations.parquet" in one.file for one in problems)
        said = [re.sub("row [0-9]+|[0-9]+ rows", "rows", one.problem) for one in problems]
        found[name] = {
            (one.column, text, one.remedy, one.value.removesuffix(".0"))
            for one, text in zip(problems, said, strict=True)
        }
    assert found["parts"] == found["large"] == found["one"]
    assert len(problems) > 16
    for one in problems:
        if one.file.startswith("observations/") and one.row and "," not in one.column:
            there = pd.read_parquet(folder / one.file).iloc[one.row - 2]
            value = there[one.column]
            assert one.value in (str(value), f"{value:%Y-%m-%d}" if "period" in one.column else "")


@pytest.mark.slow
def test_rows_in_the_part_of_another_borough_are_told(world, tmp_path):
    folder = shutil.copytree(world[0].path, tmp_path / "moved")
    parts = sorted((folder / "observations").iterdir())
    rows = pd.read_parquet(parts[1])
    rows.iloc[3, rows.columns.get_loc("area_code")] = "E01000002"
    rows.to_parquet(parts[1], index=False)
    (told,) = [problem for problem in check_study(folder) if "another borough" in problem.problem]
    found = (told.file, told.row, told.column, told.value)
    assert found == ("observations/e08000001.parquet", 5, "area_code", "E01000002")
    shutil.copy(parts[0], parts[0].with_name("e08000000-2.parquet"))
    listed = json.loads((folder / "datapackage.json").read_text("utf-8"))
    (resource,) = [one for one in listed["resources"] if one["name"] == "observations"]
    twice = {"path": "observations/e08000000-2.parquet", "borough": "E08000000"}
    resource["path"].append(twice["path"])
    resource["lsp:files"].append(twice)
    (folder / "datapackage.json").write_text(json.dumps(listed), encoding="utf-8")
    again = [one for one in check_study(folder) if one.file == twice["path"]]
    assert len(again) == SIZE * 3 * MONTHS
    assert "repeats that of row 2 of observations/e08000000.parquet" in again[0].problem


@pytest.mark.slow
def test_an_added_table_is_new_parts_and_nothing_else_is_written(world, tmp_path):
    folder = shutil.copytree(world[0].path, tmp_path / "study")
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet")}
    table = Path(f"{world[0].path}.csv")
    added = add_table(folder, table)
    assert added.rows == 3 * SIZE * MONTHS
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert len(open_study(folder).files("observations")) == 6
    assert not check_study(folder)
    given = pd.read_csv(table)
    panel = open_study(folder).panel("added")
    assert (
        panel["numerator"].tolist()
        == given.sort_values(["area_code", "period"])["numerator"].tolist()
    )
    with pytest.raises(StudyError, match="was not added, for it has 10080 problems"):
        add_table(folder, table)
    more = given[given["area_code"] == world[2]].assign(numerator=7)
    more.to_csv(tmp_path / "again.csv", index=False)
    add_table(folder, tmp_path / "again.csv", replace=True)
    after = open_study(folder).panel("added").set_index("area_code")["numerator"]
    assert after.loc[world[2]].eq(7).all()
    assert len(after) == len(panel)
    others = after.drop(world[2]).to_numpy()
    assert (others == panel.loc[panel["area_code"] != world[2], "numerator"]).all()
    assert not check_study(folder)
    assert world[0].path.stat()
    assert not check_study(world[0].path)
