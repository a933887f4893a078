"""The partnership's own neighbourhood file: what may stand in it, and what may not."""

import native_files as native
import pandas as pd
import pytest
from conftest import ROOT

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.ons.areas import COLUMNS, read_neighbourhoods
from lsp_analysis.sources.ons.geography import Geography

ROW = {
    "neighbourhood_code": "mill-end",
    "neighbourhood_name": "Mill End",
    "definition": "core",
    "is_pilot": "true",
    "member_code": "E01090001",
    "code_vintage": "2011",
    "weight": "1",
    "source": "the residents' association",
}


@pytest.fixture
def geography():
    vintages = [(code, 2001) for code in native.OLD] + [(code, 2011) for code in native.NEW]
    small = pd.DataFrame(vintages, columns=["area_code", "code_vintage"])
    return Geography(native.BOROUGH, "Ambleford", small, pd.DataFrame(), 2011)


def write(tmp_path, *changes):
    rows = [[*{**ROW, **change}.values()] for change in changes]
    return native.write_rows(tmp_path / "own.csv", [list(COLUMNS), *rows])


def test_blank_weight_is_the_whole_area_and_blank_is_pilot_is_no(tmp_path, geography):
    path = write(
        tmp_path, {"weight": "", "is_pilot": ""}, {"member_code": "E01090002", "is_pilot": ""}
    )
    rows = read_neighbourhoods(path, geography)
    assert rows["weight"].tolist() == [1.0, 1.0]
    assert rows["is_pilot"].tolist() == [False, False]


def test_blank_rows_are_passed_over_and_counted(tmp_path, geography):
    path = native.write_rows(tmp_path / "own.csv", [[], list(COLUMNS), [], [*ROW.values()]])
    assert read_neighbourhoods(path, geography)["row"].tolist() == [4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": "0"}, 'line 2: weight is "0" and should be a number above 0 and up to 1'),
        ({"weight": "half"}, "a number above 0"),
        ({"is_pilot": "perhaps"}, "should be true or false"),
        ({"code_vintage": "2021"}, "should be 2001 or 2011"),
        ({"definition": "middling"}, "should be core or wide"),
        ({"neighbourhood_code": ""}, "should be a short code"),
        (
            {"member_code": "E01090009"},
            'is not an LSOA of 2011 in Ambleford .* Did you mean "E0109000',
        ),
        ({"member_code": "E01090003"}, "It is a code of 2001: correct code_vintage"),
    ],
)
def test_a_cell_that_cannot_be_is_named_with_its_line(tmp_path, geography, change, message):
    with pytest.raises(SourceError, match=message):
        read_neighbourhoods(write(tmp_path, change), geography)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "line 3: E01090001 is in mill-end already"),
        ({"member_code": "E01090002", "is_pilot": "false"}, "line 3: mill-end has another name"),
        ({"neighbourhood_code": "b", "neighbourhood_name": "MILL END"}, "the name of another"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(tmp_path, geography, change, message):
    with pytest.raises(SourceError, match=message):
        read_neighbourhoods(write(tmp_path, {}, change), geography)


def test_a_missing_file_column_or_row_is_said(tmp_path, geography):
    with pytest.raises(SourceError, match="There is no neighbourhood file"):
        read_neighbourhoods(tmp_path / "none.csv", geography)
    bare = native.write_rows(tmp_path / "bare.csv", [list(COLUMNS)[:-1], ["x"] * 7])
    with pytest.raises(SourceError, match="no column source"):
        read_neighbourhoods(bare, geography)
    with pytest.raises(SourceError, match="has no rows"):
        read_neighbourhoods(write(tmp_path), geography)
    uneven = native.write_rows(tmp_path / "uneven.csv", [list(COLUMNS), ["x"] * 9])
    with pytest.raises(SourceError, match="line 2 has not one cell for each"):
        read_neighbourhoods(uneven, geography)


def test_the_file_that_ships_flags_the_estate_alone_as_pilot():
    rows = pd.read_csv(ROOT / "data" / "neighbourhoods" / "bolton.csv")
    assert rows.columns.tolist() == list(COLUMNS)
    assert rows.loc[rows["is_pilot"], "member_code"].tolist() == ["E01004802"]
    assert rows.groupby("definition").size().to_dict() == {"core": 1, "wide": 4}
