"""Street files of data.police.uk become monthly counts by small area, each crime once."""

from __future__ import annotations

import native_files as native
import pytest

from lsp_analysis import open_study
from lsp_analysis.sources import import_study
from lsp_analysis.study.check.whole_study import check_study

BURGLARY, DISORDER = "burglary", "anti_social_behaviour"
TOGETHER = "all_crime_and_anti_social_behaviour"
MONTHS = ("2014-01", "2014-02", "2014-03")
HOME, QUIET = native.NEW[0], native.NEW[-1]  # the quiet one has no crime at all
BOLTON_BURGLARIES = 9_402  # rows of the real file, all of them inside Bolton


def write_place(folder):
    """What the police files are read beside: codes, populations and boundaries."""
    native.write_lookups(folder)
    native.write_population(folder)
    native.write_boundaries(folder / "maps")
    return folder


def write_files(folder):
    made = write_place(folder)
    for month in MONTHS:
        native.write_street(made, month, native.street_month(month))
    return made


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "native")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The study of all files as they are, to be looked at only."""
    top = tmp_path_factory.mktemp("police")
    return imported(write_files(top / "native"), top)


def imported(folder, tmp_path):
    return open_study(import_study(folder, borough=native.BOROUGH, out=tmp_path / "study").path)


def counts(study, indicator=BURGLARY):
    return study.panel(indicator).pivot_table("numerator", "period", "area_code")


def notes(study):
    return (study.path / "IMPORT.md").read_text()


def refusal(folder, tmp_path):
    """What is said of the one file that could not be read."""
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    (said,) = done.problems.values()
    return said


def test_every_area_has_every_month_and_zero_where_nothing_happened(whole):
    assert check_study(whole.path) == []
    found = counts(whole)
    assert found.shape == (3, 6)
    assert found[QUIET].tolist() == [0, 0, 0]
    assert (found.drop(columns=QUIET) == 2).all(axis=None)
    assert counts(whole, DISORDER)[HOME].tolist() == [4, 4, 4]
    assert counts(whole, TOGETHER)[HOME].tolist() == [6, 6, 6]


def test_a_rate_is_the_crimes_of_the_month_over_residents_of_the_nearest_year(whole):
    study = whole
    indicator = study.indicator(BURGLARY)
    assert (indicator.value_type, indicator.polarity) == ("rate", "low_is_good")
    row = study.panel(BURGLARY).iloc[0]
    assert row["denominator"] == len(native.AGES)  # one resident of each age
    assert row["value"] == pytest.approx(1000 * 2 / len(native.AGES))
    assert "2014 over mid-2014" in notes(study)
    definition = study.indicators().set_index("indicator_id").loc[BURGLARY, "definition"]
    assert "anchor points" in definition


def test_without_populations_the_indicators_are_counts(folder, tmp_path):
    (folder / "ages.xlsx").unlink()
    study = imported(folder, tmp_path)
    assert study.indicator(BURGLARY).value_type == "count"
    assert check_study(study.path) == []
    assert "in counts, not rates" in notes(study)


def test_files_that_overlap_change_nothing(whole, folder, tmp_path):
    alone = counts(whole, TOGETHER)
    native.write_street(folder / "again", MONTHS[0], native.street_month(MONTHS[0])[:20])
    study = imported(folder, tmp_path)
    assert counts(study, TOGETHER).equals(alone)
    assert "20 crimes stood in the police files more than once" in notes(study)


def test_crimes_without_an_id_that_look_alike_in_one_file_are_all_counted(folder, tmp_path):
    more = [native.street_row(MONTHS[0], "Anti-social behaviour", HOME) for _ in range(5)]
    native.write_street(folder, MONTHS[0], native.street_month(MONTHS[0]) + more)
    assert counts(imported(folder, tmp_path), DISORDER)[HOME].tolist() == [9, 4, 4]


def test_a_month_without_a_file_is_missing_and_not_nought(folder, tmp_path):
    (folder / MONTHS[1] / f"{MONTHS[1]}-mid-street.csv").unlink()
    study = imported(folder, tmp_path)
    assert sorted(map(str, counts(study).index)) == [MONTHS[0], MONTHS[2]]
    assert f"no file of the borough for {MONTHS[1]}" in notes(study)


def test_a_file_without_rows_makes_no_month_of_noughts(folder, tmp_path):
    native.write_street(folder, MONTHS[1], [])
    study = imported(folder, tmp_path)
    assert len(counts(study)) == 2
    assert f"{MONTHS[1]}-mid-street.csv holds no crimes" in notes(study)


def test_a_part_of_a_month_is_left_out_and_told(folder, tmp_path):
    native.write_street(folder, MONTHS[1], native.street_month(MONTHS[1])[:6])
    study = imported(folder, tmp_path)
    assert len(counts(study)) == 2
    assert f"Recorded crime of {MONTHS[1]} has 6 crimes" in notes(study)


def test_a_type_that_a_month_lacks_altogether_is_missing_there(folder, tmp_path):
    rows = [row for row in native.street_month(MONTHS[1]) if row[0]]
    native.write_street(folder, MONTHS[1], rows)
    study = imported(folder, tmp_path)
    assert len(counts(study, BURGLARY)) == 3
    assert len(counts(study, DISORDER)) == len(counts(study, TOGETHER)) == 2
    assert f"Anti-social behaviour: no crime at all in {MONTHS[1]}" in notes(study)


def test_a_type_named_anew_is_not_at_nought_before(folder, tmp_path):
    rows = native.street_month(MONTHS[2])
    for row in rows:
        row[9] = row[9].replace("Burglary", "Breaking in")
    native.write_street(folder, MONTHS[2], rows)
    study = imported(folder, tmp_path)
    assert [str(month) for month in counts(study, BURGLARY).index] == list(MONTHS[:2])
    assert [str(month) for month in counts(study, "breaking_in").index] == [MONTHS[2]]


def test_another_force_with_a_few_crimes_over_the_border_covers_nothing(folder, tmp_path):
    before = counts(imported(folder, tmp_path), TOGETHER)
    force = "Next Door Police"
    rows = [native.street_row("2013-12", "Burglary", HOME, "abroad", force=force)]
    rows += [native.street_row("2013-12", "Burglary", "E01080001", f"o{n}", force=force)
             for n in range(40)]  # fmt: skip
    native.write_street(folder, "2013-12", rows, "next-door")
    study = imported(folder, tmp_path)
    assert counts(study, TOGETHER).equals(before)
    assert "Next Door Police: one crime in 1 of the borough's 6 small areas" in notes(study)
    used, not_used = notes(study).split("## Not needed")
    assert "next-door-street.csv`" not in used
    assert "next-door-street.csv`" in not_used


def test_files_of_another_borough_are_only_named_as_not_used(tmp_path):
    folder = write_place(tmp_path / "native")
    before = notes(imported(folder, tmp_path))
    rows = [native.street_row("2014-01", "Burglary", "E01080001", f"o{n}") for n in range(40)]
    native.write_street(folder, "2014-01", rows)
    study = imported(folder, tmp_path)
    assert BURGLARY not in study.indicators()["indicator_id"].tolist()
    used, not_used = notes(study).split("## Not needed")
    assert before.startswith(used.rstrip())
    assert "2014-01-mid-street.csv`" in not_used


def test_a_later_code_is_placed_by_its_point_and_a_blank_point_is_told(folder, tmp_path):
    rows = native.street_month(MONTHS[0], each=10)
    rows[0][7] = "E01099999"  # a code of 2021, its point where it was
    lost = native.street_row(MONTHS[0], "Burglary", HOME, "lost")
    lost[4:6], lost[7] = ["", ""], "E01099998"
    nowhere = native.street_row(MONTHS[0], "Burglary", HOME, "nowhere")
    nowhere[4:9] = ["", "", "No Location", "", ""]
    native.write_street(folder, MONTHS[0], [*rows, lost, nowhere])
    study = imported(folder, tmp_path)
    assert counts(study)[HOME].tolist() == [10, 2, 2]
    assert "LSOAs of 2011, placed by the boundaries: 1." in notes(study)
    assert "(first E01099998) and no point inside the boundaries, not counted: 1." in notes(study)
    assert "those in the borough are not counted: 1." in notes(study)


def test_an_area_whose_code_changed_is_not_at_nought_for_want_of_boundaries(folder, tmp_path):
    rows = native.street_month(MONTHS[2])
    for row in rows:
        row[7] = row[7].replace(HOME, "E01099999")
    native.write_street(folder, MONTHS[2], rows)
    assert counts(imported(folder, tmp_path))[HOME].tolist() == [2, 2, 2]
    (folder / "maps" / "areas.geojson").unlink()
    study = imported(folder, tmp_path)
    assert counts(study)[HOME].tolist() == [2, 2]
    assert f"could not be placed: {MONTHS[2]}." in notes(study)


def write_points(folder, heading=("Month", "Crime.type", "Longitude", "Latitude")):
    """Two burglaries in every area, one outside, and one without coordinates, in one month."""
    rows = [["2014-04", "Burglary", *native.anchor_point(code)] for code in native.NEW * 2]
    rows += [["2014-04", "Burglary", -4.5, 55.5], ["2014-04", "Burglary", "", "NA"]]
    return native.write_rows(folder / "points.csv", [list(heading), *rows])


def test_points_are_placed_by_the_boundaries_and_those_outside_are_told(tmp_path):
    folder = write_place(tmp_path / "native")
    write_points(folder)
    study = imported(folder, tmp_path)
    assert counts(study).iloc[0].tolist() == [2] * 6
    assert "12 of 14 points were placed" in notes(study)
    assert "1 lie outside the borough and 1 have no coordinates" in notes(study)


def test_points_without_boundaries_are_not_used_and_told(tmp_path):
    folder = write_place(tmp_path / "native")
    write_points(folder)
    (folder / "maps" / "areas.geojson").unlink()
    study = imported(folder, tmp_path)
    assert BURGLARY not in study.indicators()["indicator_id"].tolist()
    assert "cannot be placed without the borough's boundaries" in notes(study)


def test_points_of_a_month_that_street_files_hold_are_not_added_to_it(folder, tmp_path):
    path = write_points(folder)
    path.write_text(path.read_text().replace("2014-04", MONTHS[0]))
    assert counts(imported(folder, tmp_path))[HOME].tolist() == [2, 2, 2]


@pytest.mark.parametrize("column", ["Crime type", "Month"])
def test_a_street_file_without_a_column_is_refused_by_name(column, folder, tmp_path):
    heading = [name for name in native.STREET_HEADING if name != column]
    at = native.STREET_HEADING.index(column)
    rows = [row[:at] + row[at + 1 :] for row in native.street_month(MONTHS[0])]
    native.write_rows(folder / "cut.csv", [heading, *rows])
    said = refusal(folder, tmp_path)
    assert "cut.csv" in said
    assert column in said


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [(1, "2014-13", "is not a month"), (1, "", "is not a month"), (4, "west", "not a number"),
     (9, "", "no crime type")],
)  # fmt: skip
def test_a_damaged_cell_is_told_with_its_row(column, text, said, folder, tmp_path):
    rows = native.street_month(MONTHS[0])
    rows[3][column] = text
    native.write_street(folder, MONTHS[0], rows)
    message = refusal(folder, tmp_path)
    assert said in message
    assert "row 5" in message


def test_a_file_cut_in_a_row_is_refused(folder, tmp_path):
    path = folder / MONTHS[0] / f"{MONTHS[0]}-mid-street.csv"
    path.write_text(path.read_text()[:-40])
    assert "cut or damaged" in refusal(folder, tmp_path)


def test_boltons_burglaries_are_all_placed_in_its_areas_and_months(real_bolton):
    study = open_study(real_bolton)
    found = counts(study)
    assert found.shape == (36, 177)
    assert found.sum(axis=None) == BOLTON_BURGLARIES
    assert "Cleveland" not in notes(study)
    recorded = study.indicators().query("source == 'Street-level crime, data.police.uk'")
    assert recorded["indicator_id"].tolist() == [BURGLARY]


def test_points_whose_coordinates_were_rounded_are_refused(tmp_path):
    folder = write_place(tmp_path / "native")
    path = write_points(folder)
    rows = [["2014-04", "Burglary", -2.43, 53.58] for _ in native.NEW]
    native.write_rows(path, [["Month", "Crime.type", "Longitude", "Latitude"], *rows])
    assert "coordinates of 2 decimals" in refusal(folder, tmp_path)
