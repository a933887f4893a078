"""Publishers' files become a study: Bolton's real ones, and those of an invented borough."""

import gzip
import json
import shutil

import geopandas
import native_files as native
import pandas as pd
import pytest

from lsp_analysis import open_study
from lsp_analysis.errors import SourceError, StudyError
from lsp_analysis.sources import import_study
from lsp_analysis.study.check.whole_study import check_study

ESTATE = "E01004802"
PUBLISHED_RANKS = {2004: 1856, 2007: 674, 2010: 924, 2015: 1144, 2019: 996, 2025: 1626}
# The four small areas of Hall i' th' Wood: rank of 32,482 (2004 to 2010), 32,844 or
# 33,755 (2025), and decile.
ESTATE_AND_NEIGHBOURS = {
    "E01004802": ([1856, 674, 924, 1144, 996, 1626], [1, 1, 1, 1, 1, 1]),
    "E01004926": ([2328, 2148, 856, 1370, 1265, 1619], [1, 1, 1, 1, 1, 1]),
    "E01004927": ([728, 326, 462, 2462, 1837, 1865], [1, 1, 1, 1, 1, 1]),
    "E01004929": ([6218, 5637, 4632, 6766, 5417, 10043], [2, 2, 2, 3, 2, 3]),
}


@pytest.fixture(scope="module")
def real():
    from conftest import shared_path

    return shared_path("real")


@pytest.fixture(scope="module")
def bolton(real_bolton):
    return open_study(real_bolton)


@pytest.fixture
def folder(tmp_path):
    return native.write_all(tmp_path / "native")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The study of all files as they are, to be looked at only."""
    top = tmp_path_factory.mktemp("whole")
    return open_study(imported(native.write_all(top / "native"), top))


def imported(folder, tmp_path, **more):
    return import_all(folder, tmp_path, **more).path


def import_all(folder, tmp_path, **more):
    return import_study(folder, borough=native.BOROUGH, out=tmp_path / "study", **more)


def told(folder, tmp_path, **more):
    """What is said of the files that could not be read; the study is written without them."""
    done = import_all(folder, tmp_path, **more)
    assert check_study(done.path) == []
    said = "\n".join(f"{place}: {why}" for place, why in done.problems.items())
    assert all(why in (done.path / "IMPORT.md").read_text() for why in done.problems.values())
    assert not said or "could not be read" in done.sentence()
    return said


def refusal(folder, tmp_path, **more):
    """The message of the error, after which nothing may be left behind."""
    with pytest.raises(SourceError) as error:
        imported(folder, tmp_path, **more)
    assert not (tmp_path / "study").exists()
    assert not list(tmp_path.glob(".study*"))
    return str(error.value)


def test_bolton_has_its_published_numbers_of_areas(bolton):
    counts = bolton.areas().groupby(["area_type", "code_vintage"]).size()
    assert counts["lsoa", 2001] == 175
    assert counts["lsoa", 2011] == 177
    assert counts["msoa"].sum() == 35
    assert counts["ward"].sum() == 20
    small = bolton.areas("lsoa")
    assert counts["lsoa", 2021] == 177
    assert (small["area_code"].value_counts() == 3).sum() == 173


@pytest.mark.parametrize("code", ESTATE_AND_NEIGHBOURS)
def test_the_neighbourhood_has_its_published_ranks_and_deciles(bolton, code):
    rows = bolton.deprivation().query("area_code == @code").sort_values("edition")
    ranks, deciles = ESTATE_AND_NEIGHBOURS[code]
    assert rows["rank"].tolist() == ranks
    assert rows["decile"].tolist() == deciles


def test_the_estate_has_its_published_ranks_under_the_codes_of_each_edition(bolton):
    rows = bolton.deprivation().query("area_code == @ESTATE").set_index("edition")
    assert rows["rank"].to_dict() == PUBLISHED_RANKS
    assert rows["code_vintage"].to_dict() == {
        2004: 2001,
        2007: 2001,
        2010: 2001,
        2015: 2011,
        2019: 2011,
        2025: 2021,
    }
    assert rows["data_year"].to_dict() == {
        2004: 2001,
        2007: 2005,
        2010: 2008,
        2015: 2012,
        2019: 2015,
        2025: 2022,
    }
    assert rows["score"].round(2).to_dict() == pytest.approx(
        {2004: 52.43, 2007: 62.51, 2010: 58.92, 2015: 57.68, 2019: float("nan"), 2025: 54.78},
        nan_ok=True,
    )


def test_the_imported_study_passes_its_own_check(bolton):
    gaps = [problem for problem in check_study(bolton.path) if "in any area" not in str(problem)]
    assert gaps == []  # one published series skips the months from January to October 2023


def test_the_neighbourhood_is_the_estate_and_its_wide_definition_the_msoa(bolton):
    estate = bolton.area("Hall i\u2019 th\u2019 Wood")
    assert estate.area_type == "neighbourhood"
    assert estate.is_pilot
    assert estate.members == (ESTATE,)
    wide = bolton.area("Hall i' th' Wood (wide)")
    assert not wide.is_pilot
    assert wide.members == bolton.area("E02000993").members
    assert len(wide.members) == 4


def test_larger_areas_share_out_the_small_areas_of_both_vintages(bolton):
    members = bolton.read("area_members").merge(bolton.areas(), on="area_code")
    for kind in ("msoa", "ward", "borough"):
        shares = members[members["area_type"] == kind].groupby(["code_vintage_x", "member_code"])
        assert shares["weight"].sum().to_numpy() == pytest.approx(1.0)
        assert shares.ngroups == 175 + 177 + 177


def test_claimants_are_an_average_month_over_residents_of_sixteen_and_over(bolton, real):
    indicator = bolton.indicator("claimants")
    assert (indicator.kind, indicator.unit) == ("stock", "percent")
    panel = bolton.panel("claimants")
    assert len(panel) == 177 * 10
    ages = pd.read_csv(real / "population" / "population17_lsoa11_gm.csv", index_col="lsoa11_code")
    adults = ages.loc[:, "16":"90+"].sum(axis=1)
    in_2017 = panel[panel["period"] == "2017"].set_index("area_code")["denominator"]
    assert in_2017.eq(adults.reindex(in_2017.index)).all()
    file = real / "panel-lsoa-claimants" / "ADI_claimant_counts_2017_gm.csv"
    published = pd.read_csv(file, index_col="area_code")["claimant_count"]
    average = panel[panel["period"] == "2017"].set_index("area_code")["numerator"]
    assert (average * 12).to_numpy() == pytest.approx(published.reindex(average.index).to_numpy())
    noted = panel[panel["note"] == "estimated"]["period"].astype(str).unique()
    assert list(noted) == ["2021", "2022"]


def test_boundaries_are_valid_polygons_in_metres_of_the_right_size(bolton):
    shapes = bolton.geometry(bolton.small_areas()["area_code"])
    assert len(shapes) == 177
    assert shapes.crs.to_epsg() == 27700
    assert shapes.is_valid.all()
    assert shapes.area.sum() / 1e6 == pytest.approx(
        139.8, abs=0.5
    )  # the borough, square kilometres
    assert len(bolton.geometry()) == 177 + 35 + 20


def test_each_file_used_is_named_with_publisher_licence_and_hash(bolton):
    sources = bolton.descriptor["sources"]
    assert len({source["path"] for source in sources}) == len(sources) > 60
    assert all("/" not in source["path"] and len(source["hash"]) == 71 for source in sources)
    text = json.dumps(sources)
    assert "imd2010eng_gm.csv" in text
    assert "imd2010englsoa2011_gm.csv" not in text
    assert "Open Government Licence" in bolton.attribution
    assert "Parliamentary" in bolton.attribution
    assert "OS data" in bolton.attribution


@pytest.mark.slow
def test_a_borough_without_boundaries_is_imported_and_says_what_is_unavailable(real, tmp_path):
    for name in ("lookups", "boundaries", "deprivation", "population", "panel-lsoa-claimants"):
        shutil.copytree(real / name, tmp_path / "files" / name)
    study = open_study(import_study(tmp_path / "files", borough="E08000002", out=tmp_path / "bury"))
    assert not study.has("geometry")
    assert len(study.small_areas()) == 120
    assert "maps and neighbouring areas are unavailable" in (study.path / "IMPORT.md").read_text()
    assert [p for p in check_study(study.path) if "in any area" not in str(p)] == []


def test_publishers_forms_under_other_names_give_the_same_tables(whole):
    study = whole
    assert check_study(study.path) == []
    ranks = study.deprivation().set_index(["area_code", "edition"])["rank"]
    assert ranks.groupby("edition").size().to_dict() == dict.fromkeys(
        [2004, 2007, 2010, 2015, 2019], 6
    )
    assert all(rank == native.RANKS[code] for (code, _), rank in ranks.items())
    assert sorted(study.small_areas()["area_code"]) == native.NEW
    assert study.area("Mill End").members == tuple(native.NEW[:3])
    assert len(study.panel("claimants")) == 12
    assert study.geometry().is_valid.all()


def test_the_neighbour_in_the_same_files_is_left_out(whole):
    for table in ("areas", "deprivation", "observations", "populations"):
        assert not whole.read(table)["area_code"].isin(native.OTHERS).any()


def test_split_and_merged_areas_are_translated_by_where_residents_live(folder, tmp_path):
    native.write_rows(  # one neighbourhood drawn in 2011, one in 2001
        tmp_path / "own.csv",
        [
            list(native_headings()),
            ["half", "Half", "core", "true", "E01095001", "2011", "1", ""],
            ["merged", "Merged", "wide", "", "E01090003", "2001", "", ""],
        ],
    )
    shutil.rmtree(folder / "2014")
    (folder / "ages.xlsx").unlink()
    study = open_study(imported(folder, tmp_path, neighbourhoods=tmp_path / "own.csv"))
    members = study.read("area_members").set_index(["area_code", "member_code", "code_vintage"])
    assert members.loc[("half", "E01090005", 2001), "weight"] == pytest.approx(
        1500 / 3100, abs=1e-5
    )
    assert members.loc[("merged", "E01095003", 2011), "weight"] == pytest.approx(0.5)


def native_headings():
    from lsp_analysis.sources.ons.areas import COLUMNS

    return COLUMNS


def test_files_may_be_packed_and_the_import_is_the_same_twice(folder, tmp_path):
    plain = folder / "indices" / "all" / "e.csv"
    (folder / "e.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    first = imported(folder, tmp_path)
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    again = {path.name: path.read_bytes() for path in imported(folder, tmp_path).iterdir()}
    assert again == before
    assert "deprivation.csv" in before


def test_files_that_were_not_used_are_named_with_the_reason(folder, tmp_path):
    native.write_rows(folder / "notes" / "own.csv", [["name", "number"], ["x", 1]])
    (folder / "packed.zip").write_bytes(b"PK")
    (folder / "cut.geojson").write_text('{"type": "FeatureCollection", "features": [')
    done = import_all(folder, tmp_path)
    assert "has no table with a column for the area's code" in done.problems["own.csv"]
    assert "packed.zip cannot be unpacked" in done.problems["packed.zip"]
    assert "no boundaries" in done.spare["cut.geojson"]
    said = (done.path / "IMPORT.md").read_text(encoding="utf-8")
    _, unread = said.split("## Not read")
    assert all(f"- `{name}`: " in unread for name in ("own.csv", "packed.zip", "cut.geojson"))
    used = {source["path"] for source in open_study(done.path).descriptor["sources"]}
    assert not [name for name in used if f"{name}`" in unread]


def test_a_folder_that_is_no_study_is_never_replaced(folder, tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "letters.txt").write_text("keep")
    with pytest.raises(StudyError, match="not a study"):
        imported(folder, tmp_path)
    assert (tmp_path / "study" / "letters.txt").read_text() == "keep"


def test_a_folder_without_known_formats_is_refused(tmp_path):
    native.write_rows(tmp_path / "none" / "a.csv", [["name", "number"], ["x", 1]])
    assert "has no lookup of LSOAs to boroughs" in refusal(tmp_path / "none", tmp_path)
    assert "There is no folder" in refusal(tmp_path / "nowhere", tmp_path)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("E07000910", 'or "E07000901"?'),
        ("Ambleford", 'Did you mean "E07000901"'),
        ("XYZ", "E07000901 Ambleford, E07000902 Otherham"),
    ],
)
def test_an_unknown_borough_is_answered_with_those_listed(folder, tmp_path, asked, hint):
    with pytest.raises(SourceError) as error:
        import_study(folder, borough=asked, out=tmp_path / "study")
    assert hint in str(error.value)


CUT_TOGETHER = [
    ["geography/codes.csv"],
    ["geography/output areas.csv"],
    ["geography/wards.csv"],
    ["indices/all/b.csv", "indices/all/d.csv", "indices/all/e.csv", "2014/claimants.csv"],
]
CUTS = [(2, 12), (5, 0), (2, 0), (5, 12)]  # whole rows, and letters of the next


@pytest.mark.parametrize(
    ("names", "whole_rows", "length"),
    [  # every file in the quick tests, and every cut
        pytest.param(names, *cut, marks=[] if CUTS.index(cut) == place else [pytest.mark.slow])
        for place, names in enumerate(CUT_TOGETHER)
        for cut in CUTS
    ],
)
def test_a_table_cut_within_a_row_or_between_rows_is_named(
    folder, tmp_path, names, whole_rows, length
):
    lines = {folder / name: (folder / name).read_bytes().splitlines(True) for name in names}
    for path, rows in lines.items():
        path.write_bytes(b"".join([*rows[:whole_rows], rows[whole_rows][:length]]))
    said = told(folder, tmp_path)
    assert [path.name for path in lines if path.name not in said] == []


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_boundaries_and_workbooks_cut_short_are_named(folder, tmp_path, share):
    cut = [folder / name for name in ("maps/areas.geojson", "indices/all/a.xlsx", "ages.xlsx")]
    for path in cut:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
    said = told(folder, tmp_path)
    assert [path.name for path in cut if path.name not in said] == []


def test_a_cut_packed_file_and_an_empty_one_are_named(folder, tmp_path):
    plain = folder / "indices" / "all" / "e.csv"
    packed = gzip.compress(plain.read_bytes())
    (folder / "e.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert "e.csv.gz cannot be unpacked" in told(folder, tmp_path)
    (folder / "e.csv.gz").write_bytes(b"")
    assert "e.csv.gz is empty" in told(folder, tmp_path)


def test_an_edition_that_lacks_areas_says_how_many_and_which(folder, tmp_path):
    rows = native.later_rows(2019, score=False, thousands=True)
    native.write_rows(folder / "indices" / "all" / "e.csv", rows[:4])
    message = told(folder, tmp_path)
    assert "no row for 3 of the borough's 6 areas" in message
    assert "E01095001" in message


def test_an_edition_of_another_borough_only_is_left_out_with_a_note(folder, tmp_path):
    rows = native.later_rows(2019, score=False, thousands=True)
    native.write_rows(folder / "indices" / "all" / "e.csv", [rows[0], *rows[-2:]])
    study = imported(folder, tmp_path)
    assert "No Index of Deprivation 2019" in (study / "IMPORT.md").read_text()


def test_copies_that_disagree_are_refused_and_renamed_copies_give_way(folder, tmp_path):
    rows = native.later_rows(2019, score=False, thousands=True)
    rows[1][4] = "1"
    other = native.write_rows(folder / "copy.csv", rows)
    message = told(folder, tmp_path)
    assert "copy.csv" in message
    assert "e.csv" in message
    assert "differ in the rank of 1 areas, first E01090001" in message
    other.unlink()
    heading = ["lsoa11_code", "lad19_code", "IMD_score", "IMD_rank"]
    renamed = [[code, "", 1, 7] for code in native.NEW]
    native.write_rows(folder / "renamed.csv", [heading, *renamed])
    study = open_study(imported(folder, tmp_path))
    assert not study.deprivation(edition=2019)["rank"].eq(7).any()
    notes = (study.path / "IMPORT.md").read_text()
    assert "renamed.csv differs in 6 areas from e.csv, which is the publisher's own file" in notes


def test_an_index_that_others_adjusted_to_later_areas_is_told_and_never_used(folder, tmp_path):
    heading = ["LSOA11CD", "LSOA11NM", "IMD 2010 adjusted", "National decile2", "imd_rank"]
    rows = [[code, "", 20.5, 1, 32_700] for code in native.NEW]
    native.write_rows(folder / "adjusted.csv", [heading, *rows])
    (folder / "indices" / "all" / "c.xlsx").unlink()
    done = import_all(folder, tmp_path)
    assert 2010 not in set(open_study(done.path).deprivation()["edition"])
    assert "the published edition is read" in done.spare["adjusted.csv"]
    assert any("No Index of Deprivation 2010" in note for note in done.notes)


def test_without_a_lookup_of_2001_the_early_editions_are_left_out(folder, tmp_path):
    (folder / "geography" / "codes.csv").unlink()
    study = open_study(imported(folder, tmp_path))
    assert sorted(study.deprivation()["edition"].unique()) == [2015, 2019]
    assert check_study(study.path) == []


def test_a_borough_whose_code_is_newer_than_the_lookups_is_found_by_its_areas(folder, tmp_path):
    heading = ["LSOA11CD", "LSOA11NM", "LSOA21CD", "LSOA21NM", "CHGIND", "LAD22CD", "LAD22NM"]
    rows = [[code, native.NAMES[code], code, "", "U", "E06000999", "Amble"] for code in native.NEW]
    native.write_rows(folder / "later.csv", [heading, *rows])
    study = open_study(import_study(folder, borough="E06000999", out=tmp_path / "study"))
    assert study.deprivation().groupby("edition").size().eq(6).all()
    assert study.area("Amble").members == tuple(native.NEW)
    assert check_study(study.path) == []


def test_with_a_lookup_of_codes_alone_there_is_still_a_study(folder, tmp_path):
    for part in ("output areas.csv", "wards.csv", "names.csv"):
        (folder / "geography" / part).unlink()
    for part in ("2014", "2015", "maps", "indices"):
        shutil.rmtree(folder / part)
    (folder / "ages.xlsx").unlink()
    study = open_study(imported(folder, tmp_path))
    assert len(study.small_areas()) == 6
    assert "no wards" in (study.path / "IMPORT.md").read_text()


def test_of_lookups_that_disagree_on_the_borough_the_shorter_one_is_told(folder, tmp_path):
    rows = (folder / "geography" / "output areas.csv").read_text().splitlines(keepends=True)
    (folder / "geography" / "output areas.csv").write_text("".join(rows[:-2]))
    message = told(folder, tmp_path)
    assert "output areas.csv has no row for 1 of the borough's 6 areas" in message
    assert "wards.csv has more LSOAs of 2011" in message
    assert len(open_study(tmp_path / "study").small_areas()) == 6


def test_boundaries_of_some_areas_only_are_refused(folder, tmp_path):
    path = folder / "maps" / "areas.geojson"
    geopandas.read_file(path).head(4).to_file(path, driver="GeoJSON")
    assert "no polygon for 2 of the borough's 6 areas" in told(folder, tmp_path)


@pytest.mark.parametrize("vintage", [2001, 2011, 2021])
def test_msoas_known_in_one_year_of_codes_are_there_in_every_other(folder, tmp_path, vintage):
    native.write_later_lookup(folder)
    study = open_study(imported(folder, tmp_path, vintage=vintage))
    msoas = study.areas("msoa")["area_code"].tolist()
    assert msoas == sorted(set(native.MSOA.values()))
    parts = [study.area(code).members for code in msoas]
    small = set(study.small_areas()["area_code"])
    assert set().union(*parts) == small
