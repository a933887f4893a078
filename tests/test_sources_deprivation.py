"""The Indices of Deprivation: which edition a table is, and the tenths made from its ranks."""

import native_files as native
import pandas as pd
import pytest

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import deprivation
from lsp_analysis.sources.formats import find_files, layouts, recognise
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import open_grids

CODES = {2001: native.OLD, 2011: native.NEW}


def find_tables(folder):
    grids = [grid for path in find_files(folder, (".csv", ".xlsx")) for grid in open_grids(path)]
    known = [layout for layout in layouts() if layout.kind.startswith("deprivation")]
    return [one for grid in grids if (one := recognise(grid, (), known))]


def editions(folder):
    return [found.year for found in find_tables(folder)]


@pytest.mark.parametrize(
    ("name", "first", "edition"),
    [
        ("download.csv", "SOA", 2004),
        ("download.csv", "LSOA", 2007),
        ("download.csv", "LSOA CODE", 2010),
        ("ID 2004 scores.csv", "LSOA", 2004),
        ("from 2004 to 2010.csv", "LSOA", 2007),
    ],
)
def test_an_early_edition_is_told_by_its_file_or_its_first_heading(tmp_path, name, first, edition):
    native.write_rows(tmp_path / name, native.early_rows(first, "LA CODE"))
    assert editions(tmp_path) == [edition]


@pytest.mark.parametrize(
    ("authorities", "expected"), [(2013, [2015]), (2019, [2019]), (2024, [2025]), (2021, [])]
)
def test_a_later_edition_is_told_by_the_year_of_its_authorities(tmp_path, authorities, expected):
    rows = native.later_rows(authorities, score=True, thousands=True)
    native.write_rows(tmp_path / "f.csv", rows)
    assert editions(tmp_path) == expected


def test_tenths_are_those_published(shared):
    folder = shared("real") / "deprivation"
    published = pd.read_csv(folder / "imd2015_england_lsoa11_gm.csv")
    made = deprivation.decile(published["IMD_rank"], 32_844)
    assert made.eq(published["IMD_decile"]).all()
    file_1 = "File_1_-_IMD2019_Index_of_Multiple_Deprivation_gm.csv"
    published = pd.read_csv(folder / file_1, thousands=",").iloc[:, -2:]
    assert deprivation.decile(published.iloc[:, 0], 32_844).eq(published.iloc[:, 1]).all()


def test_tenths_are_as_equal_as_they_can_be():
    tenths = deprivation.decile(pd.Series(range(1, 32_483)), 32_482)
    sizes = tenths.value_counts()
    assert sorted(sizes.index) == list(range(1, 11))
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("rank", [0, 32_845, ""])
def test_a_rank_no_area_can_have_is_refused(tmp_path, rank):
    rows = native.later_rows(2019, score=False, thousands=False)
    rows[3][4] = rank
    native.write_rows(tmp_path / "f.csv", rows)
    register = Register()
    found = find_tables(tmp_path)
    assert deprivation.import_deprivation(found, CODES, register).empty
    assert "f.csv, row 4: rank" in register.problems["f.csv"]


def test_ranks_that_do_not_follow_the_scores_are_refused(tmp_path):
    rows = native.later_rows(2019, score=True, thousands=False)
    for place, row in enumerate(rows[1:]):
        row[4], row[6] = 60 - place, ""
    native.write_rows(tmp_path / "f.csv", rows)
    found = find_tables(tmp_path)
    assert len(deprivation.import_deprivation(found, CODES, Register())) == 6
    rows[4][5] = str(rows[4][5])[:2]  # as if cut within the cell
    native.write_rows(tmp_path / "f.csv", rows)
    register = Register()
    assert deprivation.import_deprivation(found, CODES, register).empty
    assert "row 5: rank 92 of E01095001 does not follow the scores" in register.problems["f.csv"]


def test_of_two_copies_the_one_with_scores_is_used(tmp_path):
    native.write_rows(tmp_path / "a.csv", native.later_rows(2019, score=False, thousands=True))
    native.write_rows(tmp_path / "b.csv", native.later_rows(2019, score=True, thousands=False))
    register = Register()
    made = deprivation.import_deprivation(find_tables(tmp_path), CODES, register)
    assert made["score"].eq(30.25).all()
    assert [source["path"] for source in register.sources] == ["b.csv"]
    assert "a.csv says the same as b.csv, which comes first and was used." in register.notes


@pytest.mark.parametrize("swapped", [(4, 5), (5, 6)], ids=["score and rank", "rank and decile"])
def test_columns_that_changed_places_are_told_and_not_taken(tmp_path, swapped):
    rows = native.later_rows(2019, score=True, thousands=False)
    one, other = swapped
    for row in rows[1:]:
        row[one], row[other] = row[other], row[one]
    native.write_rows(tmp_path / "f.csv", rows)
    register = Register()
    assert deprivation.import_deprivation(find_tables(tmp_path), CODES, register).empty
    assert "f.csv, row 2: rank" in register.problems["f.csv"]


def test_ranks_of_domains_are_told_and_never_offered_as_measures(tmp_path):
    ranked = native.later_rows(2019, score=False, thousands=False)
    ranked = [[*row, "Income Rank" if not at else 100 * at] for at, row in enumerate(ranked)]
    native.write_rows(tmp_path / "file2.csv", ranked)
    (found,) = find_tables(tmp_path)
    table = deprivation.read_domains(found, CODES)
    assert table.cells.empty
    assert "no measures" in table.account.problem
    scored = [[*row, "Income Score" if not at else 1 / at] for at, row in enumerate(ranked)]
    native.write_rows(tmp_path / "file2.csv", scored)
    (found,) = find_tables(tmp_path)
    cells = deprivation.read_domains(found, CODES).cells
    assert cells["indicator_name"].unique().tolist() == ["Income: score in the Indices of 2019"]
    tenths = [[*row, "Income Decile" if not at else 1] for at, row in enumerate(scored)]
    tenths[3].pop(4)  # a cell is lacking, so that those after it are under the wrong headings
    native.write_rows(tmp_path / "file2.csv", tenths)
    (found,) = find_tables(tmp_path)
    with pytest.raises(SourceError, match=r"row 4 has .* cells and the headings"):
        deprivation.read_domains(found, CODES)
    scored[3][-2] = 999  # a rank that is not that of its score
    native.write_rows(tmp_path / "file2.csv", scored)
    (found,) = find_tables(tmp_path)
    with pytest.raises(SourceError, match="does not follow the scores"):
        deprivation.read_domains(found, CODES)
