"""An analyst's own table gets into a study whole and sound, or not at all."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pandas as pd
import pytest
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis.errors import ParameterError, StudyError
from lsp_analysis.study import add_table, check_study, open_study
from lsp_analysis.study.add import own_table
from lsp_analysis.study.add.adding import places_of
from lsp_analysis.study.add.layouts import Answers

HEADER = "Code,Period,Numerator,Denominator"


@pytest.fixture
def study(tmp_path):
    return write_small_study(tmp_path / "study", record_hashes=True)


def csv_file(tmp_path, *lines, name="Teenage Mothers.csv", encoding="utf-8"):
    file = tmp_path / name
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


def rows(period="2008", numerator=12, denominator=200, codes=LSOAS):
    return [f"{code},{period},{numerator},{denominator}" for code in codes]


def snapshot(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_a_plain_table_becomes_an_indicator(study, tmp_path):
    added = add_table(study, csv_file(tmp_path, HEADER, *rows()))
    assert (added.indicator_ids, added.rows, added.areas) == (("teenage_mothers",), 4, 4)
    assert "Added 4 rows of teenage_mothers" in str(added)
    opened = open_study(study)
    indicator = opened.indicator("teenage_mothers")
    assert (indicator.name, indicator.unit, indicator.value_type, indicator.polarity) == (
        "Teenage Mothers",
        "percent",
        "proportion",
        "none",
    )
    panel = opened.panel("teenage_mothers")
    assert panel["value"].tolist() == [6.0] * 4
    assert panel["period"].dtype == "period[Y-DEC]"
    assert check_study(study) == []


def test_what_was_there_is_there_still(study, tmp_path):
    before = snapshot(study)
    panel = open_study(study).panel("burglary")
    add_table(study, csv_file(tmp_path, HEADER, *rows()))
    after = snapshot(study)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"observations.csv", "indicators.csv", "datapackage.json"}
    pd.testing.assert_frame_equal(open_study(study).panel("burglary"), panel)


@pytest.mark.parametrize(
    "header",
    [
        "lsoa code,year,count,population",
        "LSOA11CD,Time Period,NUMBER,Pop",
        "area_code,Date,n,denom",
        '"Area Code"," Financial Year ",Num,Base',
        "Code;Period;Numerator;Denominator",
        "Code\tPeriod\tNumerator\tDenominator",
    ],
)
def test_usual_headings_are_understood(study, tmp_path, header):
    mark = next((mark for mark in ";\t" if mark in header), ",")
    period = "2008/09" if "Financial" in header else "2008"
    lines = [header, *(line.replace(",", mark) for line in rows(period))]
    assert add_table(study, csv_file(tmp_path, *lines)).rows == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2008", "2008"),
        ("2008/09", "2009"),
        ("2008-04", "2008-04"),
        ("2008 Q2", "2008Q2"),
        ("Apr-08", "2008-04"),
        ("April 2008", "2008-04"),
        ("2008-2009", "2009"),
    ],
)
def test_usual_periods_are_understood(study, tmp_path, text, expected):
    add_table(study, csv_file(tmp_path, HEADER, *rows(text)))
    assert {str(period) for period in open_study(study).panel("teenage_mothers")["period"]} == {
        expected
    }


def test_a_day_needs_the_length_of_its_period(study, tmp_path):
    file = csv_file(tmp_path, HEADER, *rows("01/04/2008"))
    with pytest.raises(StudyError, match="does not say how long it is"):
        add_table(study, file)
    add_table(study, file, answers=Answers(freq="Y-MAR"))
    assert open_study(study).panel("teenage_mothers")["period"].dtype == "period[Y-MAR]"


@pytest.mark.parametrize(
    ("cells", "facts", "values"),
    [
        ("12,13.5", {"unit": "percent"}, [12, 13.5]),
        ("12%,13.5 %", {}, [12, 13.5]),
        ("12,<5", {"unit": "count"}, [12, None]),
        ("12,", {"unit": "count"}, [12]),
    ],
)
def test_periods_in_columns_become_rows(study, tmp_path, cells, facts, values):
    lines = ['"Table" 1', "LSOA11CD,LSOA name,2006/07,2007/08", f"{LSOAS[0]},Anytown,{cells}"]
    file = csv_file(tmp_path, *lines, "Source: the council")
    added = add_table(study, file, indicator_id="own", **facts)
    assert added.rows == len(values)
    panel = open_study(study).panel("own").sort_values("period")
    assert panel["value"].astype(object).where(panel["value"].notna(), None).tolist() == values
    assert [f"{p:%Y}" for p in panel["period"]] == ["2007", "2008"][: len(values)]
    assert check_study(study) == []


def test_a_fault_in_such_a_table_is_told_where_it_stands(study, tmp_path):
    file = csv_file(tmp_path, "code,2006,2007", f"{LSOAS[0]},3,many")
    with pytest.raises(StudyError, match=r"row 2, 2007 = many"):
        add_table(study, file, unit="count")


def test_a_workbooks_percentages_are_not_taken_for_shares(study, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["code", "year", "percent"])
    book.active.append([LSOAS[0], 2006, 0.125])
    book.active["C2"].number_format = "0.0%"
    book.save(tmp_path / "own.xlsx")
    add_table(study, tmp_path / "own.xlsx")
    assert open_study(study).panel("own")["value"].tolist() == [12.5]


def test_percentages_are_not_taken_for_another_unit(study, tmp_path):
    file = csv_file(tmp_path, "code,year,rate", f"{LSOAS[0]},2006,12%")
    with pytest.raises(StudyError, match="percent signs"):
        add_table(study, file, unit="per_1000")


@pytest.mark.parametrize("heading", ["Year", "Financial year"])
def test_a_split_year_in_a_column_of_years_is_no_month(study, tmp_path, heading):
    file = csv_file(tmp_path, f"code,{heading},count", f"{LSOAS[0]},2006-07,3")
    added = add_table(study, file)
    assert (f"{added.first:%Y-%m}", f"{added.last:%Y-%m}") == ("2006-04", "2007-03")


def test_split_years_that_may_be_months_are_asked_about(study, tmp_path):
    lines = [f"{LSOAS[0]},2006-07,3", f"{LSOAS[0]},2007-08,3"]
    file = csv_file(tmp_path, "code,period,count", *lines)
    with pytest.raises(StudyError, match="months or years to March"):
        add_table(study, file)
    assert f"{add_table(study, file, answers=Answers(freq='Y-MAR')).last:%Y-%m}" == "2008-03"


@pytest.mark.parametrize(
    ("lines", "phrase"),
    [
        (["code,year,count", f"{LSOAS[0]},2006,1,234"], "row 2 has 4 cells"),
        (["code,year,count,Count", f"{LSOAS[0]},2006,1,2"], "several columns"),
        (["code,year,count", f'{LSOAS[0]},2006,"1', f"{LSOAS[1]},2006,2"], "row 2: a quotation"),
    ],
)
def test_numbers_that_may_stand_in_the_wrong_column_are_refused(study, tmp_path, lines, phrase):
    before = snapshot(study)
    with pytest.raises(StudyError, match=phrase):
        add_table(study, csv_file(tmp_path, *lines))
    assert snapshot(study) == before


def test_titles_sources_marks_commas_and_cp1252_are_taken_in_stride(study, tmp_path):
    lines = [
        "Teenage mothers – by area,,,",
        ",,,",
        HEADER,
        'e01000001,2008,"1,012","20,000"',
        "E01000002,2008,*,150",
        "E01000003 ,2008,<5,150",
        "E01000004,2008,10,150",
        "",
        "Source: the Trust’s own records,,,",
    ]
    added = add_table(study, csv_file(tmp_path, *lines, encoding="cp1252"))
    assert added.missing == 2
    panel = open_study(study).panel("teenage_mothers")
    assert panel["numerator"].tolist()[0] == 1012
    assert panel["note"].tolist() == ["", "suppressed", "suppressed", ""]
    assert check_study(study) == []


def test_a_workbook_is_read_with_its_dates_and_whole_numbers(study, tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active.append(["See the next sheet"])
    sheet = book.create_sheet("Data")
    sheet.append(["LSOA", "Month", "Count", "Population"])
    for code in LSOAS:
        sheet.append([code, dt.datetime(2008, 4, 1), 12.0, 1500])
        sheet.cell(sheet.max_row, 2).number_format = "mmm-yy"
    book.save(tmp_path / "Thefts.xlsx")
    add_table(study, tmp_path / "Thefts.xlsx", unit="per_1000", theme="Safe")
    opened = open_study(study)
    assert opened.panel("thefts")["value"].tolist() == [8.0] * 4
    assert opened.panel("thefts")["period"].dtype == "period[M]"
    indicator = opened.indicator("thefts")
    assert (indicator.multiplier, indicator.theme) == (1000, "Safe")
    with pytest.raises(StudyError, match='no sheet "Sheet9"; it has Notes, Data'):
        add_table(study, tmp_path / "Thefts.xlsx", answers=Answers(sheet="Sheet9"))


def test_a_column_of_indicators_makes_several(study, tmp_path):
    lines = [f"Indicator,{HEADER}"]
    lines += [f"{name},{row}" for name in ("Births", "Adults who smoke") for row in rows("2009/10")]
    added = add_table(study, csv_file(tmp_path, *lines))
    assert added.indicator_ids == ("births", "smoking")
    assert len(open_study(study).panel("smoking")) == 24


def test_a_table_without_denominators_is_of_counts(study, tmp_path):
    lines = ["code,period,count", *(f"{code},2008,7" for code in LSOAS)]
    add_table(study, csv_file(tmp_path, *lines))
    assert open_study(study).indicator("teenage_mothers").unit == "count"


def test_values_alone_need_their_unit(study, tmp_path):
    file = csv_file(tmp_path, "code,period,value", *(f"{code},2008,71.2" for code in LSOAS))
    with pytest.raises(StudyError, match="their unit cannot be told"):
        add_table(study, file)
    add_table(study, file, unit="years", polarity="high_is_good", name="Healthy life")
    assert open_study(study).panel("healthy_life")["value"].tolist() == [71.2] * 4


BAD = {
    "an unknown code": (["E01999999,2008,1,10"], "LSOA Code = E01999999: The table areas has no"),
    "no number": (["E01000001,2008,many,10"], "Number = many: This is not a number"),
    "below zero": (["E01000001,2008,-1,10"], "cannot be below zero"),
    "more than all": (["E01000001,2008,11,10"], "larger than the denominator"),
    "no period": (["E01000001,spring,1,10"], "Year = spring: This is not a date"),
    "the future": (["E01000001,2099,1,10"], "lies in the future"),
    "a repeated row": (["E01000001,2007,1,10"] * 2, "repeats that of row 5"),
    "a damaged code": (["1E+05,2007,1,10"], "scientific form"),
    "a blank code": ([",2007,1,10"], "The cell is blank"),
}


@pytest.mark.parametrize("kind", BAD)
def test_an_unsound_table_changes_nothing_and_says_which_row(study, tmp_path, kind):
    lines, phrase = BAD[kind]
    before = snapshot(study)
    header = "LSOA Code,Year,Number,Total"
    file = csv_file(tmp_path, header, *rows("2006", codes=LSOAS[:3]), *lines)
    with pytest.raises(StudyError) as raised:
        add_table(study, file)
    said = str(raised.value)
    assert said.splitlines()[0].endswith("; the study is unchanged.")
    assert "Teenage Mothers.csv, row " in said
    assert phrase in said
    assert snapshot(study) == before
    assert {file.name for file in tmp_path.iterdir()} == {"study", "Teenage Mothers.csv"}


def test_rows_are_added_once_unless_they_are_to_be_replaced(study, tmp_path):
    add_table(study, csv_file(tmp_path, HEADER, *rows()))
    with pytest.raises(StudyError, match="has this indicator, area and period already"):
        add_table(study, csv_file(tmp_path, HEADER, *rows(numerator=20)))
    add_table(study, csv_file(tmp_path, HEADER, *rows(numerator=20)), replace=True)
    assert open_study(study).panel("teenage_mothers")["value"].tolist() == [10.0] * 4


def test_another_year_is_added_and_another_length_is_not(study, tmp_path):
    add_table(study, csv_file(tmp_path, HEADER, *rows("2008")))
    add_table(study, csv_file(tmp_path, HEADER, *rows("2009")))
    assert len(open_study(study).panel("teenage_mothers")) == 8
    with pytest.raises(StudyError, match="periods of another length"):
        add_table(study, csv_file(tmp_path, HEADER, *rows("2009-04")))


def test_gaps_are_told_and_do_not_stop(study, tmp_path):
    lines = rows("2007") + rows("2008", codes=LSOAS[:3])
    added = add_table(study, csv_file(tmp_path, HEADER, *lines))
    assert len(added.gaps) == 1
    assert "has no 2008 for area E01000004" in str(added)


@pytest.mark.parametrize(
    ("name", "content", "phrase"),
    [
        ("x.csv", "", "is empty"),
        ("x.csv", "a,b\n1,2\n", "its first row is: a, b"),
        ("x.csv", HEADER, "no rows below it"),
        ("x.xlsx", "PK\x03\x04 not a workbook", "cannot be read"),
        ("x.pdf", "%PDF", "neither CSV nor XLSX"),
    ],
)
def test_a_file_of_another_kind_is_one_sentence(study, tmp_path, name, content, phrase):
    before = snapshot(study)
    with pytest.raises(StudyError, match=phrase):
        add_table(study, csv_file(tmp_path, content, name=name))
    with pytest.raises(StudyError, match="There is no file"):
        add_table(study, tmp_path / "nothing.csv")
    assert snapshot(study) == before


def test_facts_are_checked_by_name_and_value(study, tmp_path):
    file = csv_file(tmp_path, HEADER, *rows())
    with pytest.raises(ParameterError, match='Did you mean "polarity"'):
        add_table(study, file, polarty="none")
    with pytest.raises(ParameterError, match='"per_1000"'):
        add_table(study, file, unit="per_100")
    with pytest.raises(ParameterError, match='smoking with unit "percent" already'):
        add_table(study, file, indicator_id="smoking", unit="per_1000")


def test_marks_in_the_study_keep_their_text(tmp_path):
    study = write_small_study(tmp_path / "study")
    file = study / "observations.csv"
    lines = file.read_text("utf-8").splitlines()
    lines[1] = lines[1].replace(",1,1500,", ",*,1500,")
    file.write_text("\n".join(lines) + "\n", "utf-8")
    add_table(study, csv_file(tmp_path, HEADER, *rows()))
    assert ",*,1500," in file.read_text("utf-8").splitlines()[1]


def test_a_study_in_parquet_is_added_to(tmp_path, monkeypatch):
    monkeypatch.setattr("lsp_analysis.study.write.PARQUET_FROM_ROWS", 10)
    monkeypatch.setattr("lsp_analysis.study.add.adding.PARQUET_FROM_ROWS", 10)
    study = write_small_study(tmp_path / "study", small_tables())
    before = open_study(study).panel("smoking")
    add_table(study, csv_file(tmp_path, HEADER, *rows()))
    assert (study / "observations.parquet").is_file()
    opened = open_study(study)
    assert len(opened.panel("teenage_mothers")) == 4
    pd.testing.assert_frame_equal(opened.panel("smoking"), before)


@pytest.mark.parametrize("piece", [1, 3, 4])
def test_a_table_is_read_alike_in_pieces_of_any_size(study, tmp_path, monkeypatch, piece):
    """Rows of several areas and years, remarks between them, a misspelt code, a short row."""
    known = LSOAS[:3]
    lines = [HEADER, *rows("2007", codes=known), "Source: a survey,,,", *rows("2008", codes=known)]
    lines += [f"{LSOAS[0]},2009,1,9", *rows("2010", codes=known), "E01004899,2010,3,200,"]
    file = csv_file(tmp_path, *lines)
    places = places_of(open_study(study))
    (whole,) = own_table.read_own_tables(file, places)
    monkeypatch.setattr("lsp_analysis.study.add.rows.PIECE", piece)
    (parts,) = own_table.read_own_tables(file, places)
    pd.testing.assert_frame_equal(parts.cells, whole.cells)
    pd.testing.assert_frame_equal(parts.places, whole.places)
    assert parts.account == whole.account
    assert len(whole.cells) == 11
    assert "E01004899" in set(whole.cells["area_code"])
