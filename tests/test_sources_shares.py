"""Census tables and fuel poverty become indicators, on whichever codes they were counted."""

from __future__ import annotations

import native_files as native
import pandas as pd
import pytest

from lsp_analysis import open_study
from lsp_analysis.sources import import_study
from lsp_analysis.study.check.whole_study import check_study

WHOLE, SPLIT, PARTS = "E01090001", "E01090002", ("E01090006", "E01095001")


def write_files(folder):
    made = native.write_all(folder)
    native.write_later_lookup(made / "geography")
    native.write_census(made / "census")
    native.write_fuel_poverty(made)
    return made


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "native")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study of all files as they are, to be looked at only."""
    top = tmp_path_factory.mktemp("shares")
    folder = write_files(top / "native")
    return open_study(import_study(folder, borough=native.BOROUGH, out=top / "study").path)


def health(study) -> pd.DataFrame:
    return study.panel("bad_health").set_index("area_code")


def test_the_study_has_an_indicator_for_each_table_and_no_problem(study):
    names = ["bad_health", "claimants", "fuel_poverty", "no_central_heating"]
    assert sorted(study.indicators()["indicator_id"]) == names
    assert check_study(study.path) == []
    assert sorted(health(study).index) == sorted(native.NEW)


def test_counts_of_2021_come_back_to_the_areas_of_2011(study):
    found = health(study)
    # 40 in bad and 10 + n in very bad health of 1,000 + n residents, n counting the areas of 2021.
    assert found.loc[WHOLE, ["numerator", "denominator"]].tolist() == [50, 1000]
    assert found.loc[SPLIT, ["numerator", "denominator"]].tolist() == [51 + 52, 1001 + 1002]
    assert found.loc[SPLIT, "value"] == pytest.approx(100 * 103 / 2003)


def test_an_area_that_merged_is_shared_out_by_residents_and_says_so(study):
    found = health(study).loc[list(PARTS)]
    assert found["note"].tolist() == ["estimated"] * 2
    said = (study.path / "IMPORT.md").read_text()
    assert "codes of 2021 carried over to 2011: 3 unchanged, 1 split, 2 merged" in said
    assert found["denominator"].sum() == pytest.approx(1003, abs=1)
    people = study.read("populations").groupby("area_code")["population"].sum()
    share = people[PARTS[0]] / people[list(PARTS)].sum()
    assert found.loc[PARTS[0], "denominator"] == pytest.approx(1003 * share, abs=1)


def test_a_count_of_2011_needs_no_lookup(study):
    heating = study.panel("no_central_heating").set_index("area_code")
    assert heating["value"].tolist() == [100 * 10 * n / 400 for n in range(6)]
    assert heating["period"].astype(str).unique().tolist() == ["2011"]


def test_without_a_lookup_of_2021_its_tables_are_left_out_and_the_notes_say_so(folder, tmp_path):
    (folder / "geography" / "codes of 2021.csv").unlink()
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    study = open_study(done.path)
    assert "bad_health" not in set(study.indicators()["indicator_id"])
    said = (study.path / "IMPORT.md").read_text()
    assert "health.csv (Census 2021, table TS037)" in said
    assert "its codes are of another year" in said


def test_modelled_figures_are_averaged_by_households_and_get_no_interval_from_counts(study):
    poverty = study.panel("fuel_poverty")
    assert study.indicator("fuel_poverty").value_type == "score"
    assert poverty["numerator"].isna().all()
    assert poverty["denominator"].tolist() == [500] * 6
    assert poverty["value"].tolist() == [10 + 2 * n for n in range(6)]


def test_a_cut_census_table_stops_the_import(folder, tmp_path):
    path = folder / "census" / "health.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]))
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert "has no row for 3 of the borough's 6 areas" in done.problems["health.csv"]
    assert "bad_health" not in open_study(done.path).indicators()["indicator_id"].tolist()


def test_a_proportion_that_is_not_its_count_stops_the_import(folder, tmp_path):
    heading = ["LSOA Code", "Number of households", "Number of households in fuel poverty"]
    rows = [[code, 500, 50, 10] for code in native.NEW]
    rows[2][3] = 12
    table = [["Fuel poverty 2021"], [*heading, "Proportion of households fuel poor (%)"], *rows]
    native.write_workbook(folder / "fuel.xlsx", {"Table 3": table})
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    (said,) = done.problems.values()
    assert 'row 5: "Proportion of households fuel poor (%)" is not' in said
