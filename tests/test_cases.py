"""Tables in the layouts of publishers and councils become the right numbers, or a question."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from conftest import shared_path

from lsp_analysis.errors import StudyError
from lsp_analysis.sources import import_study
from lsp_analysis.study import add_table, open_study
from lsp_analysis.study.add.layouts import Answers

BOLTON, MANCHESTER = "E08000001", "E08000003"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A study of Bolton with areas and lookups alone."""
    out = tmp_path_factory.mktemp("cases")
    return import_study(shared_path("real") / "lookups", borough=BOLTON, out=out / "study").path


@pytest.fixture
def study(empty, tmp_path):
    return shutil.copytree(empty, tmp_path / "study")


def case(name):
    folder, _, file = name.partition("/")
    return next(shared_path("cases").glob(f"{folder}-*")) / file


def added(study, name, **more):
    """What was said, and the rows the table became, everybody together."""
    done = add_table(study, case(name), **more)
    return done, open_study(study).read("observations")


def first_rows(name, **more):
    return pd.read_csv(case(name), **more)


PERIODS = {
    "04/04d_dfe_time_period.csv": ("2007-09-01", "2008-08-31", 885),
    "04/27_dfe_int_fy.csv": ("2008-04-01", "2009-03-31", 354),
    "17/03a_quarter_fy.csv": ("2019-04-01", "2019-06-30", 708),
    "17/03c_quarter_aprjun.csv": ("2019-04-01", "2019-06-30", 354),
    "17/03e_year_and_month_cols.csv": ("2018-01-01", "2018-01-31", 531),
    "17/04b_fy_endash.csv": ("2018-04-01", "2019-03-31", 354),
    "17/04c_year_ending.csv": ("2018-04-01", "2019-03-31", 354),
    "17/04e_fingertips_3yr.csv": ("2016-01-01", "2018-12-31", 354),
    "19/03d_year_and_quarter_cols.csv": ("2018-01-01", "2018-03-31", 1416),
}


@pytest.mark.parametrize("name", PERIODS)
def test_periods_in_words_and_six_digits_are_those_meant(study, name):
    start, end, rows = PERIODS[name]
    _, observed = added(study, name)
    raw = first_rows(name)
    number = next(c for c in raw if c.casefold() in ("number", "count"))
    assert len(observed) == rows == len(raw)
    assert observed["numerator"].sum() == raw[number].sum()
    first = observed.sort_values(["period_start"]).iloc[0]
    assert (f"{first['period_start']:%Y-%m-%d}", f"{first['period_end']:%Y-%m-%d}") == (start, end)


def test_six_digits_without_a_hint_are_asked_about_with_the_line_to_type(study, tmp_path):
    raw = first_rows("04/27_dfe_int_fy.csv", dtype=str)
    raw.columns = ["LSOA code", "Period", "Count", "Population"]
    raw.to_csv(tmp_path / "asked.csv", index=False)
    with pytest.raises(StudyError, match=r'add STUDY "asked.csv" --freq M \(months\), Y-MAR'):
        add_table(study, tmp_path / "asked.csv")
    add_table(study, tmp_path / "asked.csv", answers=Answers(freq="Y-AUG"))
    start = open_study(study).read("observations")["period_start"].min()
    assert f"{start:%Y-%m-%d}" == "2008-09-01"


@pytest.mark.parametrize(
    ("name", "level", "codes"),
    [
        ("07/32_parent_msoa_and_lsoa.csv", "LSOA11CD", 3),
        ("07/34_lad_and_lsoa_one_area.csv", "LSOA11CD", 1),
        ("07/35_ward_and_lsoa_one_each.csv", "LSOA11CD", 20),
    ],
)
def test_of_two_columns_of_codes_the_smaller_areas_are_taken_and_named(study, name, level, codes):
    done, observed = added(study, name)
    assert f'codes of "{level}" (lsoa), not those of' in str(done)
    assert sorted(observed["area_code"].unique()) == sorted(first_rows(name)[level].unique())
    assert observed["area_code"].nunique() == codes


def test_two_columns_of_one_level_are_asked_about_and_the_answer_is_taken(study, tmp_path):
    raw = first_rows("07/32_parent_msoa_and_lsoa.csv")
    raw["LSOA21CD"] = raw["LSOA11CD"].to_numpy()[::-1]
    raw.to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(StudyError, match=r'--code-column "LSOA11CD"'):
        add_table(study, tmp_path / "two.csv")
    add_table(study, tmp_path / "two.csv", answers=Answers(code_column="LSOA11CD"))


def test_a_fingertips_file_keeps_its_id_and_name_and_is_shown_for_all_people(study):
    added(study, "06/11_fingertips_native.csv")
    opened = open_study(study)
    assert opened.indicator("93107").name == "Smoking prevalence at age 15"
    panel = opened.panel("93107", level="msoa")
    raw = first_rows("06/11_fingertips_native.csv")
    assert panel["numerator"].sum() == raw["Count"].sum()
    assert panel.set_index("area_code")["value"].to_dict() == pytest.approx(
        raw.set_index("Area Code")["Value"].to_dict()
    )


@pytest.mark.parametrize("name", ["06/12_sex_persons.csv", "06/12b_age_all.csv"])
def test_words_for_everybody_are_stored_as_all(study, name):
    added(study, name)
    opened = open_study(study)
    raw = first_rows(name)
    everybody = raw[raw["Sex"] == "Persons"] if "Sex" in raw else raw
    panel = opened.panel(opened.indicators()["indicator_id"].iloc[0])
    assert panel["numerator"].sum() == everybody["Count"].sum()


@pytest.mark.parametrize("name", ["08/14_merged_header.xlsx", "08/15_year_above.xlsx"])
def test_years_above_number_and_rate_are_read_as_years_by_number_and_rate(study, name):
    _, observed = added(study, name)
    heads = {"14": (2, 3), "15": (0, 1)}[name[3:5]]
    raw = pd.read_excel(case(name), header=list(heads))
    numbers = [c for c in raw if "Number" in str(c[1])]
    assert len(observed) == 354
    for year, column in zip((2018, 2019), numbers, strict=True):
        of_year = observed[observed["period_start"].dt.year == year]
        assert of_year["numerator"].sum() == raw[column].sum()


def test_codes_of_2001_are_carried_over_with_their_sum_and_a_count_of_what_moved(study):
    done, observed = added(study, "18/06b_2001codes.csv")
    assert observed["numerator"].sum() == pytest.approx(5996)
    assert observed["area_code"].nunique() == 177
    assert "codes of 2001 carried over to 2011: 173 unchanged, 2 split" in str(done)
    assert (observed["note"] == "estimated").sum() == 4


def test_a_problem_on_codes_carried_over_is_told_at_the_row_of_the_file(study, tmp_path):
    raw = first_rows("18/06b_2001codes.csv")
    at = len(raw) - 2
    raw["Count"] = raw["Count"].astype(str)
    raw.loc[raw.index[at], "Count"] = "-7"
    path = tmp_path / "crimes.csv"
    raw.to_csv(path, index=False)
    with pytest.raises(StudyError, match=f"row {at + 2}, Count"):
        add_table(study, path)


def test_codes_of_two_years_in_one_table_are_told(study, tmp_path):
    raw = first_rows("18/06b_2001codes.csv")
    raw = pd.concat([raw, raw.iloc[:1].assign(LSOA01CD="E01033217")])
    raw.to_csv(tmp_path / "mixed.csv", index=False)
    with pytest.raises(StudyError, match="mixes small-area codes of several years"):
        add_table(study, tmp_path / "mixed.csv")


def test_names_alone_are_matched_to_the_studys_names(study):
    _, observed = added(study, "19/07a_names_only.csv")
    assert observed["area_code"].nunique() == 177
    assert observed["numerator"].sum() == first_rows("19/07a_names_only.csv")["Count"].sum()


@pytest.mark.parametrize(("name", "level", "areas"), [("19/08_ward.csv", "ward", 20),
                                                      ("19/09_msoa.csv", "msoa", 35)])  # fmt: skip
def test_wards_and_msoas_are_kept_at_their_own_level(study, name, level, areas):
    done, observed = added(study, name)
    assert f"{areas} {level}" in str(done)
    assert observed["numerator"].sum() == first_rows(name)["Count"].sum()


def test_a_borough_total_is_no_small_area_and_checks_the_sum(study, tmp_path):
    done, observed = added(study, "19/10c_total_lad_and_england.csv")
    assert "177 lsoa, 1 borough" in str(done)
    assert "1 england: E92000001" in str(done)
    small = observed[observed["area_code"] != BOLTON]
    assert small["numerator"].sum() == 6046
    raw = case("19/10c_total_lad_and_england.csv").read_text().replace(",6046,", ",9046,")
    (tmp_path / "wrong.csv").write_text(raw)
    with pytest.raises(StudyError, match="add up to 6,046"):
        add_table(study, tmp_path / "wrong.csv", indicator_id="wrong")


@pytest.mark.parametrize(
    ("name", "facts"),
    [("19/25_nomis_title.csv", {"unit": "count"}), ("19/26_nomis_api.csv", {"unit": "count"})],
)
def test_nomis_queries_with_titles_and_from_the_api_are_read(study, name, facts):
    _, observed = added(study, name, **facts)
    months = observed.groupby("period_start")["numerator"].sum()
    assert months.index.strftime("%Y-%m").tolist() == ["2019-10", "2019-11"]
    assert observed.groupby("period_start").size().tolist() == [177, 177]


def test_a_rate_per_10000_is_told_by_its_heading(study):
    _, observed = added(study, "19/28_per10000.csv")
    opened = open_study(study)
    indicator = opened.indicator(observed["indicator_id"].iloc[0])
    assert (indicator.unit, indicator.multiplier) == ("per_10000", 10_000)
    assert opened.panel(indicator.indicator_id)["value"].eq(100).all()


def test_the_remarks_under_a_nomis_query_are_passed_over_and_the_import_goes_on(tmp_path):
    folder = shutil.copytree(shared_path("real") / "lookups", tmp_path / "in")
    shutil.copy(case("01/QS415UK.csv"), folder)
    done = import_study(folder, borough=BOLTON, out=tmp_path / "out")
    assert done.problems == {}
    panel = open_study(done.path).panel("no_central_heating")
    raw = pd.read_csv(case("01/QS415UK.csv"), skiprows=7, header=None).dropna(subset=[2])
    assert panel["numerator"].sum() == raw[3].sum()
    assert panel["denominator"].sum() == raw[2].sum()


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_fuel_poverty_on_codes_of_2021_is_carried_over_to_2011(tmp_path, kind):
    folder = shutil.copytree(shared_path("real") / "lookups", tmp_path / "in")
    names = {"xlsx": "sub-regional-fuel-poverty-tables.xlsx", "csv": "fuel-poverty-2020-lsoa.csv"}
    shutil.copy(case(f"14/{names[kind]}"), folder)
    done = import_study(folder, borough=MANCHESTER, out=tmp_path / "out")
    assert done.problems == {}
    opened = open_study(done.path)
    panel = opened.panel("fuel_poverty")
    assert set(panel["area_code"]) == set(opened.small_areas()["area_code"])
    assert "codes of 2021 carried over to 2011" in done.sentence()
    raw = first_rows("14/fuel-poverty-2020-lsoa.csv").set_index("LSOA Code")
    same = panel.set_index("area_code").loc["E01005061"]
    assert same["value"] == pytest.approx(raw.loc["E01005061"].iloc[-1])
    assert panel["denominator"].sum() == pytest.approx(raw["Number of households"].sum())
