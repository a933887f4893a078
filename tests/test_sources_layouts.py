"""Tables made in the layouts that publishers document: each becomes the numbers counted by hand."""

from __future__ import annotations

import native_files as native
import pandas as pd
import pytest

from lsp_analysis import open_study
from lsp_analysis.sources import import_study
from lsp_analysis.sources.formats import layouts
from lsp_analysis.study.add.places import Places


@pytest.fixture
def folder(tmp_path):
    """Lookups alone, to 2021 too."""
    native.write_lookups(tmp_path / "native")
    native.write_later_lookup(tmp_path / "native")
    return tmp_path / "native"


def imported(folder, tmp_path, **more):
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study", **more)
    assert done.problems == {}
    return done, open_study(done.path)


def test_every_publishers_file_describes_tables_that_nobody_else_describes():
    known = [(one.kind, one.title, one.headings, one.named, one.parts) for one in layouts()]
    assert all(title and (one.indicator or one.kind) for one in layouts() for title in [one.title])
    assert len(known) > 20
    assert not [one for place, one in enumerate(known) if one in known[:place]]


@pytest.mark.parametrize("year", [2021, 2024])
def test_estimates_by_sex_and_age_on_codes_of_2021(folder, tmp_path, year):
    heads = ["LAD 2021 Code", "LAD 2021 Name", "LSOA 2021 Code", "LSOA 2021 Name", "Total"]
    ages = [f"{sex}{age}" for sex in "FM" for age in range(91)]
    rows = [["A", "Ambleford", code, code, 182 * 2, *[2] * 182] for code in native.LATER]
    sheet = [["Small area population estimates"], [], [], [*heads, *ages], *rows]
    native.write_workbook(folder / "sapelsoasyoa.xlsx", {f"Mid-{year} LSOA 2021": sheet})
    _, study = imported(folder, tmp_path, vintage=2021)
    people = study.read("populations")
    assert people["period"].unique().tolist() == [str(year)]
    assert people["population"].sum() == 6 * 364
    assert people[people["age_band"] == "90+"]["population"].tolist() == [4] * 6
    assert people[people["age_band"] == "15-19"]["population"].tolist() == [20] * 6


def test_estimates_that_lack_an_age_are_refused(folder, tmp_path):
    ages = [f"{sex}{age}" for sex in "FM" for age in range(91) if age != 17]
    rows = [[code, 360, *[2] * 180] for code in native.LATER]
    sheet = [["LSOA 2021 Code", "Total", *ages], *rows]
    native.write_workbook(folder / "sape.xlsx", {"Mid-2022 LSOA 2021": sheet})
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    (said,) = done.problems.values()
    assert "has no column for the ages f17, m17" in said


def test_gas_of_several_years_in_sheets(folder, tmp_path):
    heads = ["Local authority code", "Local authority", "MSOA code",
             "Middle layer super output area", "LSOA code", "Lower layer super output area",
             "Number of\nmeters",
             "Total \nconsumption\n(kWh)", "Mean \nconsumption\n(kWh per meter)",
             "Median \nconsumption\n(kWh per meter)"]  # fmt: skip
    book = {"Contents": [["Sub-national gas consumption"]]}
    for year, mean in ((2021, 12_000), (2022, 11_000)):
        place = ["E07000901", "Ambleford", "E02090001", "Ambleford 001"]
        rows = [[*place, code, code, 100, 100 * mean, mean, mean - 500] for code in native.NEW]
        book[str(year)] = [[f"Domestic gas by LSOA, {year}"], heads, *rows]
    native.write_workbook(folder / "LSOA_domestic_gas_2021-22.xlsx", book)
    _, study = imported(folder, tmp_path)
    panel = study.panel("domestic_gas_use")
    assert panel.groupby("period")["value"].unique().map(list).tolist() == [[12_000], [11_000]]
    assert len(panel) == 12
    assert study.indicator("domestic_gas_use").kind == "mean"


def test_patients_of_several_practices_are_added_up(folder, tmp_path):
    heads = ["PUBLICATION", "EXTRACT_DATE", "PRACTICE_CODE", "PRACTICE_NAME", "LSOA_CODE", "SEX",
             "NUMBER_OF_PATIENTS"]  # fmt: skip
    rows = [
        ["GP_PRAC_PAT_LIST", "01APR2024", practice, "Surgery", code, "ALL", 100 + place]
        for place, code in enumerate(native.NEW)
        for practice in ("P81001", "P81002")
    ]
    native.write_rows(folder / "gp-reg-pat-prac-lsoa-all.csv", [heads, *rows])
    done, study = imported(folder, tmp_path)
    panel = study.panel("registered_patients").set_index("area_code")
    assert panel["value"].tolist() == [2 * (100 + place) for place in range(6)]
    assert str(panel["period"].iloc[0]) == "2024-04"
    assert "12 rows added up to 6" in done.sentence()


def test_outcomes_of_crimes_are_counted_by_month(folder, tmp_path):
    heads = ["Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude",
             "Location", "LSOA code", "LSOA name", "Outcome type"]  # fmt: skip
    rows = [
        [f"{month}{code}{n}", month, "Mid Police", "Mid Police", -2.4, 53.6, "On or near", code,
         native.NAMES[code], "Suspect charged"]
        for month in ("2024-01", "2024-02") for code in native.NEW for n in range(2)
    ]  # fmt: skip
    native.write_rows(folder / "2024-01-mid-outcomes.csv", [heads, *rows])
    _, study = imported(folder, tmp_path)
    panel = study.panel("outcome_suspect_charged")
    assert panel["value"].tolist() == [2.0] * 12


def test_a_postcode_directory_gives_the_areas_of_a_borough(tmp_path):
    heads = ["pcd", "pcd2", "pcds", "dointr", "doterm", "oslaua", "osward", "oa11", "lsoa11",
             "msoa11", "lsoa21", "msoa21"]  # fmt: skip
    rows = [
        [f"AM{n} 1A{x}", "", f"AM{n} 1A{x}", "198001", "", native.BOROUGH, "E05090001", "E00090001",
         code, native.MSOA[code], code, native.MSOA[code]]
        for n, code in enumerate(native.NEW) for x in "AB"
    ]  # fmt: skip
    native.write_rows(tmp_path / "native" / "ONSPD_FEB_2024_UK.csv", [heads, *rows])
    _, study = imported(tmp_path / "native", tmp_path)
    assert study.small_areas()["area_code"].tolist() == sorted(native.NEW)
    assert len(study.areas("msoa")) == 2


def test_ranks_and_years_of_data_are_told_and_not_offered(folder, tmp_path):
    heads = ["LSOA code", "Period", "Fires", "Fires rank", "Years of data"]
    rows = [[code, 2024, 3, place, 5] for place, code in enumerate(native.NEW)]
    native.write_rows(folder / "fires.csv", [heads, *rows])
    done, study = imported(folder, tmp_path)
    assert study.indicators()["name"].tolist() == ["Fires"]
    assert 'columns not read: "Fires rank", "Years of data"' in done.sentence()


def test_hidden_sheets_and_merged_cells_are_told(folder, tmp_path):
    import openpyxl

    heads = [["Area", "2023", ""], ["LSOA code", "Numerator", "Denominator"]]
    path = native.write_workbook(
        folder / "council.xlsx",
        {"Data": [*heads, *[[code, 5, 50] for code in native.NEW]], "Draft": [["x"]]},
    )
    book = openpyxl.load_workbook(path)
    book["Data"].merge_cells("B1:C1")
    book["Draft"].sheet_state = "hidden"
    book.save(path)
    done, study = imported(folder, tmp_path)
    assert "left out hidden sheets: Draft" in done.sentence()
    assert "1 ranges of merged cells filled" in done.sentence()
    assert study.read("observations")["denominator"].tolist() == [50] * 6


def test_as_many_rows_as_one_answer_has_are_suspected(folder, tmp_path):
    codes = [*native.NEW, *(f"E01{n:06d}" for n in range(24_994))]
    frame = pd.DataFrame({"GEOGRAPHY_CODE": codes, "DATE_NAME": "2023", "OBS_VALUE": 1})
    frame.assign(MEASURES_NAME="Value", VARIABLE_NAME="Claimants").to_csv(
        folder / "nomis.csv", index=False
    )
    done, _ = imported(folder, tmp_path)
    assert "exactly 25,000 rows, as many as one answer of Nomis has" in done.sentence()


def test_a_census_table_made_to_order_gives_each_answer_over_those_it_applies_to(folder, tmp_path):
    area = "Lower layer Super Output Areas"
    asked = "Car or van availability (3 categories)"
    heads = [f"{area} Code", area, f"{asked} Code", asked, "Observation"]
    answers = [(-8, "Does not apply", 50), (0, "No cars", 20), (1, "1 or more cars", 60)]
    rows = [[code, code, *answer] for code in native.LATER for answer in answers]
    native.write_rows(folder / "custom-filtered-2023-05-01.csv", [heads, *rows])
    done, study = imported(folder, tmp_path, vintage=2021)
    names = study.indicators()["name"].tolist()
    assert names == ["Car or van availability: No cars", "Car or van availability: 1 or more cars"]
    observed = study.read("observations")
    assert observed.groupby("indicator_id")["numerator"].sum().tolist() == [6 * 60, 6 * 20]
    assert (observed["denominator"] == 80).all()
    assert (observed["period_start"].dt.year == 2021).all()
    assert "left out 6 rows that do not apply" in done.sentence()


def test_months_as_stat_xplore_writes_them_are_one_series(folder, tmp_path):
    heads = ["Month", "202201 (Jan-22)", "202202 (Feb-22)"]
    rows = [[native.NAMES[code], 10, 20] for code in native.NEW]
    title = [["Counting: People on Universal Credit"], []]
    under = ["National - Regional - LA - OAs", *["People on Universal Credit"] * 2]
    native.write_rows(folder / "people.csv", [*title, heads, under, *rows])
    _, study = imported(folder, tmp_path)
    panel = study.panel("people_on_universal_credit")
    assert panel.groupby("period")["value"].sum().tolist() == [60, 120]


def test_codes_and_ranks_are_no_measures_and_a_column_without_a_period_is_told(folder, tmp_path):
    heads = ["LSOA code", "Old LA code", "Rank of average score", "Pupils (Jan 2021)", "% FSM"]
    rows = [[code, 350, 7, 100 + place, "9.5%"] for place, code in enumerate(native.NEW)]
    native.write_rows(folder / "pupils.csv", [heads, *rows])
    done, study = imported(folder, tmp_path)
    assert study.indicators()["name"].tolist() == ["Pupils"]
    assert str(study.panel("pupils")["period"].iloc[0]) == "2021-01"
    assert 'others name a period in their heading and they do not: "% FSM"' in done.sentence()


def test_denominators_of_the_indices_and_files_of_other_kinds_are_left_out_and_told(
    folder, tmp_path
):
    heads = ["LSOA code (2011)", "Total population: mid 2015 (excluding prisoners)",
             "Dependent Children aged 0-15: mid 2015 (excluding prisoners)"]  # fmt: skip
    rows = [[code, 1500, 300] for code in native.NEW]
    native.write_rows(folder / "File_6.csv", [heads, *rows])
    (folder / "counts.txt").write_text("a,b\n1,2\n")
    (folder / "downloads.csv").write_text("name,file,address\na,b.csv,https://x\n")
    done, study = imported(folder, tmp_path)
    assert study.indicators().empty
    assert "no measures of their own" in done.spare["File_6.csv"]
    assert "does not end as that of a table" in done.spare["counts.txt"]


def test_an_indicator_is_named_by_what_its_file_is_called_without_places_and_dates(
    folder, tmp_path
):
    for year in (2021, 2022):
        rows = [[code, year, 5] for code in native.NEW]
        name = f"gm_fires_by_lsoa_{year}.csv"
        native.write_rows(folder / name, [["LSOA code", "Year", "Value"], *rows])
    _, study = imported(folder, tmp_path)
    assert study.indicators()["name"].tolist() == ["Fires"]
    assert study.panel("fires")["period"].nunique() == 2


def test_a_date_of_release_is_not_the_period(folder, tmp_path):
    title = [["Fires, March 2021"], ["Released by the council in June 2022"], []]
    rows = [[code, 5, 50] for code in native.NEW]
    native.write_rows(folder / "a.csv", [*title, ["LSOA", "Numerator", "Denominator"], *rows])
    _, study = imported(folder, tmp_path)
    assert study.read("observations")["period_end"].astype(str).unique().tolist() == ["2021-03-31"]


def test_a_total_that_its_answers_do_not_make_up_is_refused_in_any_table(folder, tmp_path):
    heads = ["date", "geography", "geography code", "Tenure: Total: All households",
             "Tenure: Owned", "Tenure: Rented"]  # fmt: skip
    rows = [[2021, code, code, 100, 60, 40] for code in native.LATER]
    path = native.write_rows(folder / "census2021-ts054-lsoa.csv", [heads, *rows])
    _, study = imported(folder, tmp_path, vintage=2021)
    assert (study.read("observations")["denominator"] == 100).all()
    rows[2][3] = 100_000
    native.write_rows(path, [heads, *rows])
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study", vintage=2021)
    assert "row 4: the answers and their total" in done.problems[path.name]


def test_numbers_in_thousands_keep_their_three_decimals(folder, tmp_path):
    rows = [[code, 2021, f"{place + 1}.{place}25"] for place, code in enumerate(native.NEW)]
    heads = ["LSOA code", "Year", "Population (thousands)"]
    native.write_rows(folder / "people.csv", [heads, *rows])
    _, study = imported(folder, tmp_path)
    assert study.read("observations")["value"].tolist() == [
        1.025,
        2.125,
        3.225,
        4.325,
        5.425,
        6.525,
    ]


def test_energy_as_headed_before_2015_is_over_its_meters(folder, tmp_path):
    heads = ["LSOA Code", "Total number of domestic electricity meters",
             "Total domestic electricity consumption (kWh)",
             "Average domestic electricity consumption per meter (kWh)"]  # fmt: skip
    rows = [[code, 100, 100 * 4000, 4000] for code in native.NEW]
    native.write_rows(folder / "LSOA_domestic_electricity_2013.csv", [heads, *rows])
    _, study = imported(folder, tmp_path)
    assert study.panel("domestic_electricity_use")["value"].tolist() == [4000.0] * 6


def test_a_list_of_boroughs_is_one_though_a_ward_is_called_like_some_borough():
    areas = pd.DataFrame(
        {
            "area_code": [*(f"E0500{n:04d}" for n in range(32)), "E08000901"],
            "area_name": [*(f"Ward {n}" for n in range(31)), "Stafford", "Ambleford"],
            "area_type": ["ward"] * 32 + ["borough"],
            "code_vintage": 2011,
        }
    )
    lookup = pd.DataFrame(columns=["from_code", "to_code", "from_vintage", "to_vintage"])
    places = Places(areas, lookup, 2011)
    boroughs = ["Stafford", "Ambleford", *(f"Borough {n}" for n in range(300))]
    assert places.codes_of(boroughs, "a.csv") == {"Ambleford": "E08000901"}
    wards = places.codes_of(["Ward 1", "Ward 2", "Ambleford"], "a.csv")
    assert wards == {"Ward 1": "E05000001", "Ward 2": "E05000002"}


def test_a_table_of_postcodes_says_that_it_needs_a_directory(folder, tmp_path):
    rows = [["{A-1}", 120_000, "2021-03-01 00:00", "BL1 8UA", "T", "N"] for _ in range(3)]
    native.write_rows(folder / "pp-2021.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert "postcodes and no codes of areas" in done.problems["pp-2021.csv"]


@pytest.mark.parametrize(
    "answers", [(98, 97, 99, 96, 98, 30), (100, 100, 100, 100, "c", 100)], ids=["part", "withheld"]
)
def test_answers_that_are_not_all_of_a_total_or_withheld_are_no_damage(folder, tmp_path, answers):
    heads = ["LSOA code", "Year", "Total households", "With internet", "With neither"]
    rows = [
        [c, 2021, 100, n, "c" if n == "c" else 0] for c, n in zip(native.NEW, answers, strict=True)
    ]
    native.write_rows(folder / "internet.csv", [heads, *rows])
    _, study = imported(folder, tmp_path)
    assert study.read("observations")["denominator"].tolist() == [100] * 12


@pytest.mark.parametrize("mark", ["", "c"])
def test_a_table_whose_counts_are_all_withheld_is_taken_or_refused_in_a_sentence(
    folder, tmp_path, mark
):
    rows = [[code, 2021, mark, 100] for code in native.NEW]
    heads = ["LSOA code", "Year", "Numerator", "Denominator"]
    native.write_rows(folder / "claimant households.csv", [heads, *rows])
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert "unexpected" not in " ".join(done.problems.values())
    rows = [one.rows for one in done.accounts if one.file == "claimant households.csv"]
    assert done.problems or rows == [len(native.NEW)]


def test_a_table_of_another_borough_by_name_is_not_needed(folder, tmp_path):
    rows = [["Elsewhere East", 2019, 4], ["Elsewhere West", 2019, 5]]
    native.write_rows(folder / "wards.csv", [["Ward name", "Year", "Count"], *rows])
    native.write_rows(folder / "months.csv", [["Month", "Count"], ["2019-01", 4]])
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    assert "none of its areas is one of the study's (2 by name" in done.spare["wards.csv"]
    assert set(done.problems) == {"months.csv"}  # it has no areas at all


@pytest.mark.parametrize("heads", [["Year", "Month"], ["Period"]])
def test_periods_that_only_other_areas_have_are_told(folder, tmp_path, heads):
    periods = (
        [["2019", "March"], ["2019", "April"]] if len(heads) == 2 else [["Mar-19"], ["Apr-19"]]
    )
    others = [f"E010990{number}" for number in range(10, 20)]
    rows = [[code, *period, 5] for period in periods for code in (*native.NEW, *others)]
    kept = [row for row in rows if row[0] in others or row[1:-1] == periods[0]]
    native.write_rows(folder / "fires.csv", [["LSOA code", *heads, "Count"], *kept])
    done, _ = imported(folder, tmp_path)
    (account,) = done.accounts
    assert f'only other areas have rows of "{" ".join(periods[1])}"' in " ".join(account.notes)


@pytest.mark.parametrize(
    "rows",
    [
        [["LSOA code", "Year", "Count"]],
        [["Notes"], ["nothing"]],
        [["LSOA code", "Year", "Count", "Number"], [native.NEW[0], 2019, 1, 2]],
        [["LSOA code", "Year", "Count"], [native.NEW[0], 2019, "1O3"]],
        [["LSOA code", "Count"], [native.NEW[0], 3]],
        [["LSOA code", "Year", "Count"], [native.NEW[0], 2019, '"3\n4,5,6\n7']],
    ],
)
def test_a_reason_names_the_file_and_no_folder(folder, tmp_path, rows):
    native.write_rows(folder / "sub" / "own.csv", rows)
    done = import_study(folder, borough=native.BOROUGH, out=tmp_path / "study")
    (said,) = done.problems.values()
    assert "own.csv" in said
    assert str(tmp_path) not in said
