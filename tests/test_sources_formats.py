"""Tables are told by their headings; their rows are read whole or the fault is named."""

from pathlib import Path

import native_files as native
import pytest

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import formats
from lsp_analysis.sources.formats import read_layouts, recognise, year_of
from lsp_analysis.study.add.grids import open_grids

[PLAIN] = read_layouts(r"""
title = "A table of {year}"
publisher = "Somebody"
kind = "plain"
headings = { area_code = 'lsoa(?P<year>\d\d)cd', amount = "amount" }
optional = { note = "note" }
unless = "postcode"
""")
HEADING = ["LSOA11CD", "Amount"]
SUFFIXES = (*formats.TEXT_SUFFIXES, ".xlsx")


def find_tables(folder, known):
    grids = [grid for path in formats.find_files(folder, SUFFIXES) for grid in open_grids(path)]
    return [one for grid in grids if (one := recognise(grid, (), known))]


def only(folder):
    [found] = find_tables(folder, [PLAIN])
    return found


def write(tmp_path, *rows, encoding="utf-8", heading=HEADING):
    native.write_rows(tmp_path / "table.csv", [heading, *rows], encoding=encoding)
    return only(tmp_path)


def named(path, sheet="", above="", folders=()):
    return [sheet, above, Path(path).name, *folders]


@pytest.mark.parametrize(
    "heading",
    [["lsoa11cd", "amount"], ["\ufeffLSOA11CD", " Amount "], ["x", "AMOUNT", "LSOA11CD", "y"]],
)
def test_case_spaces_order_and_byte_order_marks_do_not_matter(tmp_path, heading):
    found = write(tmp_path, ["E1", "2", "E3", "4"][: len(heading)], heading=heading)
    assert found.year == 2011
    assert found.title == "A table of 2011"


@pytest.mark.parametrize("heading", [["LSOA11CD"], ["LSOA11CD", "Amounts"], [*HEADING, "postcode"]])
def test_other_headings_are_another_table(tmp_path, heading):
    native.write_rows(tmp_path / "table.csv", [heading, ["a"] * len(heading)])
    assert find_tables(tmp_path, [PLAIN]) == []


def test_title_rows_above_the_headings_are_passed_over(tmp_path):
    title = [["A title", ""], [], ["Year", "2014"]]
    native.write_workbook(
        tmp_path / "book.xlsx", {"One": [*title, HEADING, ["E1", 2.5]], "Two": []}
    )
    found = only(tmp_path)
    assert found.heading_row == 4
    assert found.rows()["amount"].tolist() == ["2.5"]


def test_hidden_and_lock_files_are_left_out(tmp_path):
    for name in (".hidden/a.csv", "~$b.csv", "sub/c.csv"):
        native.write_rows(tmp_path / name, [HEADING, ["E1", 1]])
    assert [path.name for path in formats.find_files(tmp_path, (".csv",))] == ["c.csv"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_encodings_publishers_use(tmp_path, encoding):
    found = write(tmp_path, ["E1", "Hall i’ th’ Wood"], encoding=encoding)
    assert found.rows()["amount"].tolist() == ["Hall i’ th’ Wood"]


@pytest.mark.parametrize("tail", [b"E2,\x81\x8d\n", b"E2,\x00\n"])
def test_text_in_no_known_encoding_is_refused(tmp_path, tail):
    write(tmp_path, ["E1", "1"])
    path = tmp_path / "table.csv"
    path.write_bytes(path.read_bytes() + tail)
    with pytest.raises(SourceError, match=r"table\.csv is in no encoding"):
        only(tmp_path)


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("E2", "row 3 has 1 cells and the headings 2"),
        ("E2,1,3\n", "row 3 has 3 cells"),
        ('E2,"1', "row 3: a quotation mark is not closed"),
    ],
)
def test_a_row_of_another_length_is_named_with_its_line(tmp_path, tail, message):
    found = write(tmp_path, ["E1", "1"])
    with (tmp_path / "table.csv").open("a") as file:
        file.write(tail)
    with pytest.raises(SourceError, match=message):
        found.rows()


@pytest.mark.parametrize("tail", ["E2", "Notes", "E2\nE3,3\n", "Source: here\n"])
def test_a_short_row_of_another_area_is_no_fault_where_the_rows_wanted_are_there(tmp_path, tail):
    found = write(tmp_path, ["E1", "1"])
    with (tmp_path / "table.csv").open("a") as file:
        file.write(tail)
    assert found.rows(["E1"])["amount"].tolist() == ["1"]


def test_a_last_row_that_is_not_ended_is_a_cut_when_the_rows_wanted_are_not_there(tmp_path):
    found = write(tmp_path, ["E1", "1"])
    assert found.rows(["E9"]).empty
    with (tmp_path / "table.csv").open("a") as file:
        file.write("E2,1")
    assert len(found.rows(["E1"])) == 1
    with pytest.raises(SourceError, match="breaks off in its last row"):
        found.rows(["E9"])


def test_blank_rows_and_blank_cells_at_the_end_are_no_fault(tmp_path):
    found = write(tmp_path, ["E1", "1", ""], [], ["", ""], ["E2", "2"])
    assert found.rows()["area_code"].tolist() == ["E1", "E2"]


def test_only_the_rows_asked_for_are_kept(tmp_path):
    found = write(tmp_path, ["E1", "1"], ["E2", "2"], ["E3", "3"])
    assert found.rows(["E3", "E1"])["row"].tolist() == [2, 4]


def test_numbers_lose_their_commas_and_marks_for_missing_stay_missing(tmp_path):
    cells = ["7,694", " 1.5 ", "", "*", "..", "[x]"]
    found = write(tmp_path, *[[f"E{n}", cell] for n, cell in enumerate(cells)])
    made = found.numbers(found.rows(), "amount")
    assert made.dropna().tolist() == [7694.0, 1.5]


def test_a_cell_that_is_no_number_is_named_with_its_row(tmp_path):
    found = write(tmp_path, ["E1", "1"], ["E2", "12a"])
    with pytest.raises(SourceError, match=r'table\.csv, row 3: "12a" is not a number'):
        found.numbers(found.rows(), "amount")


def test_a_repeated_code_is_refused(tmp_path):
    found = write(tmp_path, ["E1", "1"], ["E2", "2"], ["E1", "3"])
    with pytest.raises(SourceError, match="E1 more than once, again in row 4"):
        found.refuse_repeats(found.rows())


@pytest.mark.parametrize(
    ("table", "year"),
    [
        (named("ADI_claimant_counts_2013_gm.csv"), 2013),
        (named("x/claimants.csv", folders=("2016", "from 2020")), 2016),
        (named("population17_lsoa11.csv"), 2017),
        (named("SAPE20DT1-mid-2017.xlsx", sheet="Mid-2016 Persons"), 2016),
        (named("data.xlsx", above="Mid-2014 population estimates"), 2014),
    ],
)
def test_the_year_comes_from_the_nearest_name_that_has_one(table, year):
    assert year_of(table, "a file") == year


@pytest.mark.parametrize("name", ["claimants.csv", "2013-2014.csv", "E01004802.csv"])
def test_a_name_without_one_year_is_refused_with_what_to_do(name):
    with pytest.raises(SourceError, match="Put the year, and no other, in the file's name"):
        year_of(named(name), name)
