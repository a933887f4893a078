"""A study of many boroughs: a page reads its own, and says what it would say without the others."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from lsp_analysis import area_brief, open_study, programme_effects, programme_in
from lsp_analysis.effects import check_all
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.batch import run_reports
from lsp_analysis.reports.run.engines import Workers
from lsp_analysis.study import write
from lsp_analysis.study.kept import KeptStudy
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


@pytest.mark.parametrize("keep", [False, True])
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


def test_a_place_in_several_boroughs_is_read_with_all_of_them(world):
    country, _, pilot = world
    codes = country.small_areas()["area_code"]
    both = country.area(pilot)
    both = type(both)("X", "X", "group", 2011, both.borough_code, (pilot, codes.iloc[-1]))
    assert len(country.around(both).boroughs) == 2
    everywhere = type(both)("Y", "Y", "group", 2011, "", tuple(codes[:: SIZE // 2]))
    assert country.around(everywhere) is country
    assert np.isin(codes, [*country.codes]).all()
