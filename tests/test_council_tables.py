"""Tables as councils keep them: right numbers, or one sentence that says what to do."""

from __future__ import annotations

import shutil

import openpyxl
import pytest
from small_study import LSOAS, write_small_study

from lsp_analysis import open_study
from lsp_analysis.errors import LspError
from lsp_analysis.study.add.adding import add_table

ABOVE, BELOW = "Persistent absence\n", "Note: without special schools\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("kept") / "study")


@pytest.fixture
def add(kept, tmp_path):
    """What a table brings into a copy of the study: area, start, numerator, denominator, value."""

    def run(text, name="t.csv", encoding="utf-8", **facts):
        study = tmp_path / "study"
        shutil.copytree(kept, study)
        path = tmp_path / name
        if callable(text):
            text(path)
        else:
            path.write_bytes(text.encode(encoding))
        done = add_table(study, path, **facts)
        rows = open_study(study).read(
            "observations", where={"indicator_id": list(done.indicator_ids)}
        )
        return rows.set_index(["indicator_id", "area_code"]), done

    return run


def lines(heading, row, codes=LSOAS):
    return "\n".join([heading, *(row.format(c=code, n=at) for at, code in enumerate(codes)), ""])


def test_remarks_between_the_rows_and_a_title_above_are_passed_over(add):
    table = ABOVE + lines("LSOA code,Year,Absent,Population", "{c},2018/19,1{n},10{n}", LSOAS[:2])
    table += BELOW + lines("", "{c},2018/19,2{n},20{n}", LSOAS[2:]).strip() + "\nSource: census\n"
    rows, _ = add(table)
    assert rows["numerator"].tolist() == [10, 11, 20, 21]
    assert rows["denominator"].tolist() == [100, 101, 200, 201]
    assert set(rows["period_start"].astype(str)) == {"2018-04-01"}


def test_a_second_table_below_the_first_is_told_with_its_row(add):
    one = lines("LSOA code,Year,Fires", "{c},2018,{n}")
    other = lines("LSOA code,Year,False alarms", "{c},2019,9{n}")
    with pytest.raises(LspError, match="row 7 has headings again: a second table begins there"):
        add(one + "\n" + other, unit="count")


def test_a_second_column_of_years_is_no_measure(add):
    table = lines("LSOA code,Year,Fires,,Year,False alarms", "{c},2018,{n},,2018,9{n}")
    rows, done = add(table, unit="count")
    assert set(done.indicator_ids) == {"fires", "false_alarms"}
    assert rows.loc["false_alarms", "numerator"].tolist() == [90, 91, 92, 93]


def test_areas_side_by_side_are_told_to_be_turned(add):
    codes = [f"E0100000{n}" for n in range(1, 7)]
    table = f"Year,{','.join(codes)}\n2018,{','.join('123456')}\n"
    with pytest.raises(LspError, match="row 1 has areas side by side"):
        add(table, unit="count")


def test_a_name_misspelt_is_asked_about_and_not_left_out(add):
    names = [f"Anytown 001{letter}" for letter in "ABCD"]
    wrong = names[-1].replace("a", "aa", 1) + "e"
    table = lines("Area,Year,Visits", "{c},2018,{n}", [*names[:-1], wrong])
    with pytest.raises(LspError, match=f'Did you mean "{names[-1]}"'):
        add(table, unit="count")


def test_number_percent_and_interval_keep_to_one_unit(add):
    heading = "LSOA code,Year,Number,%,95% LCL,95% UCL"
    rows, _ = add(lines(heading, "{c},2018,1{n},2{n}.5,1{n}.5,3{n}.5"))
    assert rows["value"].tolist() == [20.5, 21.5, 22.5, 23.5]
    assert rows["lower95"].tolist() == [10.5, 11.5, 12.5, 13.5]
    assert rows["numerator"].isna().all() or rows["numerator"].tolist() == [10, 11, 12, 13]


@pytest.mark.parametrize("mark", ["[x]", "c", "..", "–", "*", "**", "low", "k", "u", "~", "#"])
def test_marks_are_missing_numbers_with_a_reason(add, mark):
    table = lines("LSOA code;Period;Deaths;Population", "{c};2018;1{n};100{n}")
    rows, done = add(table.replace(";10;", f";{mark};"), encoding="utf-16")
    assert done.missing == 1
    assert rows["note"].fillna("").ne("").tolist() == [True, False, False, False]


def test_a_formula_without_its_result_is_told_with_its_row(add):
    def write(path):
        book = openpyxl.Workbook()
        for row in [["LSOA code", "Year", "Rate"], [LSOAS[0], 2018, "=1/2"]]:
            book.active.append(row)
        book.save(path)

    with pytest.raises(LspError, match=r"row 2: the cell holds a formula without its result"):
        add(write, name="t.xlsx", unit="percent")


def test_rolling_three_year_headings_and_quarters_are_those_periods(add):
    rows, _ = add(lines("LSOA code,2013–15,2014–16", "{c},1{n}.5,2{n}.5"), unit="per_100000")
    spans = rows[["period_start", "period_end"]].astype(str).drop_duplicates().to_numpy().tolist()
    assert sorted(spans) == [["2013-01-01", "2015-12-31"], ["2014-01-01", "2016-12-31"]]
