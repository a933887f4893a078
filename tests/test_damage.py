"""Damage on purpose: what is wrong in a publisher's or a council's table is told, never taken."""

from __future__ import annotations

import native_files as native
import pandas as pd
import pytest

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import import_study
from lsp_analysis.study.add.headings import number_in, with_other_marks
from lsp_analysis.study.add.taking import facts_of

HEALTH = "General health: "
ANSWERS = ["Total: All usual residents", "Good health", "Bad health", "Very bad health"]
CENSUS = [["geography code", *(HEALTH + one for one in ANSWERS)]]
CENSUS += [[code, 1000 + at, 900, 60 + at, 40] for at, code in enumerate(native.NEW)]


@pytest.fixture
def said(tmp_path):
    """What an import says of one table of Census answers, one cell of which was changed."""

    def after(change):
        folder = tmp_path / "native"
        native.write_lookups(folder)
        rows = [list(row) for row in CENSUS]
        change(rows)
        native.write_rows(folder / "ts037.csv", rows)
        done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
        told = [*done.problems.values(), *(n for one in done.accounts for n in one.notes)]
        return " ".join(told), sum(one.rows for one in done.accounts)

    return after


def put(row, column, value):
    return lambda rows: rows[row].__setitem__(column, value)


def swap_headings(rows):
    rows[0][1], rows[0][2] = rows[0][2], rows[0][1]


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (put(3, 4, -21), 4),
        (put(3, 1, 1_002_000), 4),
        (put(2, 3, 5000), 3),
        (put(5, 1, ""), 6),
        (put(1, 2, "9O0"), 2),
        (swap_headings, 2),
    ],
    ids=["negative", "total x1000", "part above total", "blank total", "letter", "headings"],
)
def test_answers_and_total_that_do_not_fit_are_refused_with_their_row(said, change, row):
    told, taken = said(change)
    assert f"row {row}" in told
    assert taken == 0


def test_a_table_kept_with_some_of_its_answers_is_taken_however_areas_differ(said):
    def keep_bad_health(rows):
        for at, row in enumerate(rows):
            del row[2]
            if at:
                row[2], row[3] = 10 + 30 * at, 5 * at

    told, taken = said(keep_bad_health)
    assert "do not fit" not in told
    assert taken > 0


def test_answers_off_by_a_few_as_the_census_makes_them_are_taken(said):
    told, taken = said(put(3, 1, 999))
    assert "damaged" not in told
    assert taken == len(native.NEW)


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["1.459", "987", "2.103"], "1.459"),
        (["1.459,00", "987,00"], "1.459,00"),
        (["12,5", "3,25", "0,615"], "12,5"),
        (["1.234.567", "2.000.000"], "1.234.567"),
        (["35.062", "12.300", "0.512"], ""),
        (["1,459", "987", "2,103.5"], ""),
        (["1.5", "2", "3.25"], ""),
    ],
)
def test_marks_of_other_countries_are_found_and_our_own_are_not(cells, found):
    assert with_other_marks(cells) == found


def test_rates_that_happen_to_have_three_decimals_are_no_thousands():
    rates = ["1.751", "2.346", "1.112"]
    assert with_other_marks(rates, "homelessness_rate_per_1000_households") == ""
    assert with_other_marks(rates, "Median price paid") == "1.751"


def test_people_that_are_counted_in_three_decimals_are_no_score():
    def facts(*values):
        rows = pd.DataFrame({"value": values})
        return facts_of(rows, "HB_claimants", "w.csv", {}, percent=False, ask=False)

    with pytest.raises(SourceError, match=r'three decimals, such as "4\.838"'):
        facts("4.838", "", "21.470")
    assert facts("4.838", "21.47")["unit"] == "score"
    assert facts("4838", "21470")["unit"] == "count"


@pytest.mark.parametrize("text", ["1,459", "1 459", "1\u202f459", "1’459", "1'459"])
def test_marks_for_thousands_that_cannot_be_mistaken_are_read(text):
    assert number_in(text)[0] == "1459"


@pytest.mark.parametrize("text", ["0,615", "1,45", "1O3", "12,5"])
def test_what_is_no_number_is_never_read_as_one(text):
    assert number_in(text) is None


def test_a_number_far_beyond_all_others_is_pointed_at(tmp_path):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    rows = [["code", "year", "numerator", "denominator"]]
    rows += [[code, year, 5, 300] for code in native.NEW for year in (2018, 2019)]
    rows[4][3] = 300_000
    rows[6][3] = ""
    native.write_rows(folder / "own.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    (account,) = done.accounts
    (far,) = (note for note in account.notes if note.startswith("look at"))
    assert f"in {rows[4][0]}, 300,000" in far
    assert any(f"have no denominator: first {rows[6][0]}" in n for n in account.notes)


def test_a_rate_below_zero_is_refused_and_a_change_is_a_score(tmp_path):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    rows = [["code", "year", "Rate per 1,000"]] + [[code, 2019, 4.5] for code in native.NEW]
    rows[2][2] = -4.5
    native.write_rows(folder / "own.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert "cannot be below zero" in done.problems["own.csv"]


def test_a_comma_for_decimals_is_asked_about_in_one_sentence(tmp_path):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    rows = [["code", "year", "rate"]] + [[code, 2019, "4,5"] for code in native.NEW]
    native.write_rows(folder / "own.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert 'column "rate" has numbers such as "4,5"' in done.problems["own.csv"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(3, 2, -5), "-5: it is zero or below"),
        (put(3, 2, 0), "0: it is zero or below"),
        (put(3, 2, ""), "1 blank cells"),
    ],
    ids=["negative price", "zero price", "blank"],
)
def test_a_price_that_cannot_be_is_pointed_at(tmp_path, change, said):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    rows = [["code", "median price 2018", "median price 2019"]]
    rows += [[code, 120_000 + at, 130_000 + at] for at, code in enumerate(native.NEW)]
    change(rows)
    native.write_rows(folder / "own.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert any(said in note for account in done.accounts for note in account.notes)


def test_prices_with_dots_for_thousands_are_told_apart_from_decimals(tmp_path):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    rows = [["code", "year", "median price"]] + [[c, 2019, "172.064"] for c in native.NEW]
    native.write_rows(folder / "own.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert 'numbers such as "172.064"' in done.problems["own.csv"]


def test_rows_cut_off_are_noticed_where_other_areas_go_further(tmp_path):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    codes = [*native.OTHERS, *native.NEW]
    rows = [["code", "year", "count"]] + [[c, y, 5] for c in codes for y in (2017, 2018, 2019)]
    kept = [row for row in rows if row[0] not in native.NEW or row[1] != 2019]
    native.write_rows(folder / "own.csv", kept)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    (account,) = done.accounts
    assert any('only other areas have rows of "2019": ' in note for note in account.notes)


def test_cells_in_the_wrong_columns_make_no_indicator_called_by_a_number(tmp_path):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    rows = [["code", "year", "indicator", "rate"]]
    rows += [[code, 2019, "Smoking rate per 1,000", 4.5] for code in native.NEW]
    rows[3][2:] = [4.5, "Smoking rate per 1,000"]
    native.write_rows(folder / "own.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert 'an indicator that is called "4.5"' in done.problems["own.csv"]


def test_a_repeated_row_of_the_panel_that_shares_out_residents_is_told(tmp_path):
    folder = native.write_all(tmp_path / "native")
    panels = (path for path in sorted(folder.rglob("*.csv")))
    panel = next(path for path in panels if b"claimant_count" in path.read_bytes())
    lines = panel.read_text("utf-8-sig").splitlines()
    panel.write_text("\n".join([*lines, lines[1], ""]))
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert "repeats" in done.problems[panel.name]


def test_a_period_that_has_fewer_areas_than_others_is_pointed_at(tmp_path):
    folder = tmp_path / "native"
    native.write_lookups(folder)
    rows = [[code, year, 5] for year in (2021, 2022) for code in native.NEW]
    native.write_rows(folder / "fires.csv", [["LSOA code", "Year", "Fires"], *rows])
    whole = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert "cut off" not in whole.sentence()
    native.write_rows(folder / "fires.csv", [["LSOA code", "Year", "Fires"], *rows[:-2]])
    cut = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    said = "the period from 2022-01-01 has rows of 4 of the 6 areas (lsoa) that others have"
    assert said in cut.sentence()
