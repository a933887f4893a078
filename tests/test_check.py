"""The check finds every kind of damage, where it is, and nothing in a sound study."""

from __future__ import annotations

import shutil
import time

import numpy as np
import pandas as pd
import pytest
from small_study import (
    BOROUGH,
    LSOAS,
    add_column,
    found,
    read_rows,
    row_of,
    set_cell,
    small_tables,
    write_rows,
    write_small_study,
)

from lsp_analysis.study import check_study, write_study
from lsp_analysis.study.check.whole_study import problems_frame, render


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("sound") / "study")


@pytest.fixture
def study(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "study")


def test_a_sound_study_has_no_problems(sound):
    assert check_study(sound) == []
    assert render([]) == "No problems found."


# table, the cell's row and column, what is written there, and part of the sentence expected.
CELLS = [
    # numbers
    ("observations", 6, "numerator", "-3", "below zero"),
    ("observations", 7, "denominator", "-1500", "below zero"),
    ("populations", 3, "population", "-4", "below zero"),
    ("observations", 65, "numerator", "1200", "larger than the denominator"),
    ("observations", 9, "denominator", "0", "denominator is zero"),
    ("observations", 10, "value", "77.1", "not numerator / denominator x multiplier"),
    ("observations", 5, "value", "0.000666667", "another unit"),
    ("observations", 87, "value", "0.61", "share of 1 among percentages"),
    ("observations", 88, "value", "160", "beyond 100 percent"),
    ("observations", 89, "lower95", "70", "lower end is above its upper end"),
    ("observations", 90, "lower95", "61.5", "does not bracket"),
    ("observations", 91, "upper95", "59.9", "does not bracket"),
    ("observations", 12, "numerator", "2.5", "no decimals"),
    ("populations", 3, "population", "1400.5", "no decimals"),
    ("deprivation", 2, "rank", "0", "begins at 1"),
    ("indicators", 3, "multiplier", "1", "has the multiplier 100"),
    # spreadsheet damage
    ("populations", 3, "period", "Jan-05", "rewrote"),
    ("populations", 3, "period", "39448", "serial number"),
    ("plan", 2, "baseline_period", "01/09/2006", "with slashes"),
    ("plan", 2, "baseline_period", "2006/09", "does not name a period"),
    ("areas", 3, "area_name", "\u00a0Anytown 001B", "blanks before or after"),
    ("areas", 3, "area_name", "Hall iâ€™ thâ€™ Wood", "mojibake"),
    ("areas", 3, "area_name", "CafÃ© Row", "mojibake"),
    ("areas", 3, "is_pilot", "maybe", "neither true nor false"),
    ("areas", 3, "code_vintage", "2011.5", "whole number"),
    ("areas", 3, "area_name", "Any\x00town", "control character"),
    # keys, words, references
    ("indicators", 2, "polarity", "", "polarity is missing"),
    ("indicators", 2, "unit", "percents", 'Did you mean "percent"'),
    ("indicators", 2, "name", "", "blank"),
    ("areas", 3, "area_code", "", "blank"),
    ("observations", 13, "indicator_id", "burglery", 'Did you mean "burglary"'),
    ("plan", 2, "indicator_id", "robbery", "no such indicator_id"),
    ("events", 2, "intervention_id", "scheme", "no such intervention_id"),
    # areas
    ("observations", 3, "area_code", "E01999999", "1 rows would be lost in a join"),
    ("observations", 4, "area_code", "E01000009", "of the lsoa list of 2001"),
    ("deprivation", 2, "code_vintage", "2021", "E01000001 is no code of the list of 2021"),
    ("interventions", 2, "area_code", "N9", "no such code"),
    ("area_members", 2, "member_code", "E01777777", "no such code"),
    ("area_members", 2, "weight", "1.5", "between 0 and 1"),
    ("area_members", 2, "weight", "0.5", "add up to 0.5, not 1"),
    ("code_lookup", 4, "weight", "0.9", "add up to 1.3, not 1"),
    ("areas", 3, "borough_code", "E08000001", "does not nest in a borough"),
    ("observations", 56, "numerator", "99", "add up to"),
    ("area_members", 7, "member_code", "E01000001", "among its own comparators"),
    ("areas", 12, "is_pilot", "true", "their own comparators"),
    # time
    ("observations", 41, "period_end", "2099-04-30", "future"),
    ("events", 2, "date", "2099-01-01", "future"),
    ("populations", 3, "period", "2099", "future"),
    ("deprivation", 2, "edition", "2099", "future"),
    ("observations", 17, "period_end", "2008-03-31", "ends before it starts"),
    ("observations", 29, "period_start", "2008-03-15", "has ended"),
    ("plan", 2, "baseline_period", "2008/09", "after the start of the programme"),
    ("plan", 2, "baseline_period", "2011/12", "not before the date the target is due"),
    ("interventions", 2, "end", "2007-01-01", "end is before the start"),
]

# The same in rows of their own of the table observations, all at once: column, text, problem.
WRITTEN = [
    ("numerator", "1,234", "thousands commas"),
    ("numerator", "#N/A", "spreadsheet's error"),
    ("numerator", "12%", "percent sign"),
    ("numerator", "many", "not a number"),
    ("numerator", "Jan-05", "rewrote"),
    ("period_start", "Apr-08", "rewrote"),
    ("period_start", "39539", "serial number"),
    ("period_start", "01/04/2008", "with slashes"),
    ("period_start", "2008/09", "financial year"),
    ("period_start", "2008-02-31", "not a date"),
    ("area_code", "1E+05", "scientific form"),
    ("age", "Oct-14", "took this code or band for a date"),
    ("age", "5-Sep", "took this code or band for a date"),
    ("area_code", "E01000001 ", "blanks before or after"),
    ("denominator", "1 500", "thousands commas"),
    ("denominator", "£1500", "currency sign"),
    ("denominator", "1.5E+03", "digits may be lost"),
    ("numerator", "1e400", "not a number"),
    ("numerator", "٣", "not a number"),
    ("numerator", "−3", "instead of a minus sign"),
    ("area_code", "E01\u00a0000001", "cannot be seen (U+00A0)"),
    ("area_code", "E01000001\u200b", "cannot be seen (U+200B)"),
]


ALONE = {"areas", "indicators"}  # damage there is felt in other tables
OF_ROWS = {"observations"}  # where rows are many and damage of one is not felt in the next


def together(cells):
    """Cells in groups, each of a table or row of its own, whose damage the check finds at once."""

    def place(cell):
        return cell[:2] if cell[0] in OF_ROWS else cell[0]

    groups = []
    for cell in cells:
        free = [
            g for g in groups if not {c[0] for c in g} & ALONE and place(cell) not in map(place, g)
        ]
        if cell[0] in ALONE or not free:
            groups.append([cell])
        else:
            free[0].append(cell)
    return groups


@pytest.mark.parametrize(
    "cells",
    [
        [("observations", row, *cell) for row, cell in enumerate(WRITTEN, start=3)],
        *together(CELLS),
    ],
    ids=lambda cells: "; ".join(f"{c[0]}-{c[2]}-{c[3]}" for c in cells[:5]),
)
def test_a_damaged_cell_is_found_where_it_is(study, cells):
    for table, row, column, value, _ in cells:
        if column not in read_rows(study / f"{table}.csv")[0]:
            add_column(study, table, column)
        set_cell(study, table, row, column, value)
    told = check_study(study)
    for table, row, column, value, phrase in cells:
        at = (f"{table}.csv", row, column)
        hits = [p for p in told if (p.file, p.row, p.column) == at and phrase in p.problem]
        assert len(hits) == 1, render(told)
        assert hits[0].value == value
        assert hits[0].remedy


def test_every_mark_of_publishers_for_missing_is_known(study):
    marks = ["*", "c", "-", ":", "<5", "< 5", "≤5", "..", "…", "—", "[x]", "[z]", "NULL"]
    for row, mark in enumerate(marks, start=5):
        set_cell(study, "observations", row, "numerator", mark)
    hits = found(study, file="observations.csv", column="numerator", problem="publisher's mark")
    assert {hit.row: hit.value for hit in hits} == dict(enumerate(marks, start=5))


def test_the_cells_damaged_are_those_meant(sound):
    assert row_of(sound, "observations", area_code=LSOAS[0], period_start="2008-04-01") == 5
    assert row_of(sound, "observations", area_code=BOROUGH, period_start="2008-07-01") == 56
    assert row_of(sound, "observations", indicator_id="smoking") < 65
    assert row_of(sound, "observations", indicator_id="health") < 87
    assert row_of(sound, "area_members", area_code="C1") == 7
    assert row_of(sound, "areas", area_code=BOROUGH) == 12


def test_all_problems_come_at_once(study):
    set_cell(study, "observations", 5, "numerator", "-3")
    set_cell(study, "indicators", 2, "polarity", "")
    set_cell(study, "populations", 3, "period", "Jan-05")
    (study / "plan.csv").write_bytes(b"\xff\xfe\x00")
    (study / "deprivation.csv").unlink()
    files = {problem.file for problem in check_study(study)}
    assert files >= {
        "observations.csv",
        "indicators.csv",
        "populations.csv",
        "plan.csv",
        "deprivation.csv",
    }


def test_a_repeated_key_names_the_row_it_repeats(study):
    rows = read_rows(study / "observations.csv")
    write_rows(study / "observations.csv", [*rows, rows[4]])
    last = len(rows) + 1
    (problem,) = found(study, file="observations.csv", row=last, problem="repeats that of row 5")
    assert problem.column == "indicator_id, area_code, period_start, period_end, sex, age, group"


def test_a_period_one_area_lacks_is_missing(study):
    rows = read_rows(study / "observations.csv")
    write_rows(study / "observations.csv", rows[:4] + rows[5:])
    (problem,) = found(study, problem="has no 2008-04 for area E01000001")
    assert (problem.file, problem.row) == ("observations.csv", 2)


def test_a_period_no_area_has_is_missing(study):
    rows = read_rows(study / "observations.csv")
    place = rows[0].index("period_start")
    write_rows(study / "observations.csv", [row for row in rows if row[place] != "2008-04-01"])
    (problem,) = found(study, problem="has no 2008-04 in any area")
    assert (problem.file, problem.row) == ("observations.csv", 4)


def test_rolling_periods_are_one_problem(tmp_path):
    tables = small_tables()
    rolling = tables["observations"].query("indicator_id == 'smoking'").copy()
    rolling["period_end"] += pd.DateOffset(years=2)
    others = tables["observations"].query("indicator_id != 'smoking'")
    tables["observations"] = pd.concat([others, rolling])
    folder = write_small_study(tmp_path / "study", tables)
    (problem,) = found(folder, problem="rolling periods of 36 months every 12")
    assert problem.column == "period_start"


def test_editions_years_apart_are_not_missing_periods(tmp_path):
    tables = small_tables()
    rows = tables["observations"].query("indicator_id == 'health'")
    years = rows["period_end"].dt.year
    tables["observations"] = pd.concat(
        [tables["observations"].drop(rows.index), rows[years.isin([2004, 2006, 2008])]]
    )
    assert check_study(write_small_study(tmp_path / "study", tables)) == []


def test_months_beside_years_in_one_indicator_are_found(tmp_path):
    tables = small_tables()
    rows = tables["observations"]
    rows.loc[rows["indicator_id"] == "smoking", "indicator_id"] = "burglary"
    folder = write_small_study(tmp_path / "study", tables)
    assert found(folder, column="period_start", problem="mixes periods of several lengths")


@pytest.mark.parametrize("factor", [100, 0.01])
def test_per_1000_beside_per_100000_is_found_without_parts(tmp_path, factor):
    tables = small_tables()
    tables["indicators"].loc[2, ["unit", "value_type", "multiplier"]] = ["per_1000", "rate", 1000]
    rows = tables["observations"]
    at = rows.index[rows["indicator_id"] == "health"][3]
    rows.loc[at, ["value", "lower95", "upper95"]] *= factor
    folder = write_small_study(tmp_path / "study", tables)
    (problem,) = found(folder, problem="per 1,000 among values per 100,000")
    assert (problem.row, problem.column) == (at + 2, "value")


def test_a_rounded_value_is_not_a_wrong_value(study):
    set_cell(study, "observations", 5, "value", "0.67")
    set_cell(study, "observations", 6, "value", "1.3")
    assert check_study(study) == []


def test_an_estimated_count_may_have_decimals(study):
    row = row_of(study, "observations", indicator_id="smoking")
    set_cell(study, "observations", row, "numerator", "299.5")
    assert found(study, row=row, problem="no decimals")
    set_cell(study, "observations", row, "note", "estimated")
    assert check_study(study) == []


def test_a_row_without_number_or_reason_is_found(study):
    row = row_of(study, "observations", note="suppressed")
    set_cell(study, "observations", row, "note", "")
    (problem,) = check_study(study)
    assert (problem.row, problem.column) == (row, "note")


def test_a_member_of_another_borough_does_not_nest(tmp_path):
    tables = small_tables()
    extra = tables["areas"].iloc[[0, -1]].assign(is_pilot=False)
    extra["area_code"] = ["E01000077", "E08000077"]
    extra["borough_code"] = ["E08000077", None]
    tables["areas"] = pd.concat([tables["areas"], extra], ignore_index=True)
    member = pd.DataFrame([("N1", "E01000077", 2011, 1.0)], columns=list(tables["area_members"]))
    tables["area_members"] = pd.concat([tables["area_members"], member], ignore_index=True)
    folder = write_small_study(tmp_path / "study", tables)
    (problem,) = found(folder, file="area_members.csv", problem="lies in borough E08000077")
    assert (problem.row, problem.column) == (10, "member_code")


def test_problems_make_a_table_and_lines(study):
    set_cell(study, "observations", 5, "numerator", "-3")
    problems = found(study, problem="below zero")
    frame = problems_frame(problems)
    assert list(frame) == ["file", "row", "column", "value", "problem", "remedy"]
    assert frame.loc[0, "row"] == 5
    line, count = render(problems).splitlines()
    assert line.startswith("observations.csv, row 5, numerator = -3: A count cannot be below zero.")
    assert count == "1 problem in 1 file."


def test_a_hostile_cell_prints_on_one_line(study):
    set_cell(study, "indicators", 2, "polarity", "x\ny\x1b[31m\u202e")
    line = str(found(study, file="indicators.csv", row=2)[0])
    assert line.isprintable()


@pytest.mark.slow
def test_a_quarter_of_a_million_rows_take_seconds(tmp_path):
    codes = [f"E0100{number:04d}" for number in range(177)]
    months = pd.period_range("2003-01", periods=120, freq="M")
    ids = [f"i{number}" for number in range(12)]
    keys = pd.MultiIndex.from_product([ids, codes, range(120)]).to_frame(index=False)
    at = keys[2].to_numpy()
    rng = np.random.default_rng(1)
    observations = pd.DataFrame(
        {
            "indicator_id": keys[0],
            "area_code": keys[1],
            "period_start": months.start_time[at],
            "period_end": months.end_time.normalize()[at],
            "numerator": rng.poisson(8.0, len(keys)),
            "denominator": 1500,
        }
    )
    areas = pd.DataFrame(
        {"area_code": codes, "area_name": codes, "area_type": "lsoa", "code_vintage": 2011}
    )
    indicators = pd.DataFrame(
        {
            "indicator_id": ids,
            "name": ids,
            "unit": "per_1000",
            "value_type": "rate",
            "multiplier": 1000,
            "polarity": "none",
        }
    )
    tables = {"areas": areas, "indicators": indicators, "observations": observations}
    folder = write_study(tmp_path / "study", tables, about={"name": "large", "title": "Large"})
    before = time.process_time()
    assert check_study(folder) == []
    assert time.process_time() - before < 20


@pytest.mark.parametrize("column", ["area_code", "code_vintage", "borough_code"])
@pytest.mark.parametrize("table", ["areas", "area_members", "deprivation", "observations"])
def test_a_column_emptied_or_a_table_without_rows_does_not_stop_the_check(study, table, column):
    header, *rows = read_rows(study / f"{table}.csv")
    if column in header:
        at = header.index(column)
        write_rows(study / f"{table}.csv", [header, *([*r[:at], "", *r[at + 1 :]] for r in rows)])
        assert isinstance(check_study(study), list)
    write_rows(study / f"{table}.csv", [header])
    assert isinstance(check_study(study), list)
