"""Agencies' records become counts by area and period, and nothing else leaves them."""

from __future__ import annotations

import hashlib
import hmac
import itertools

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.cli import main
from lsp_analysis.disclosure.extracts import SEVERAL, aggregate_extracts, write_counts
from lsp_analysis.errors import DisclosureError
from lsp_analysis.resources import study_path

AREAS = ["E01004766", "E01004786", "E01004802"]
SECRET = b"a secret of sixteen bytes or more"


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(SECRET)
    return path


def records(seed, agency, n=600, people=80):
    """Records of people in three areas and two quarters, ids as an agency writes them."""
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2009-01-01") + pd.to_timedelta(rng.integers(0, 181, n), unit="D")
    number = rng.integers(0, people, n)
    return pd.DataFrame(
        {
            "person_id": [f"NHS {x:04d}" for x in number],
            "date": day.strftime("%Y-%m-%d"),
            "area_code": np.array(AREAS)[number % 3],
            "agency": agency,
            "type": rng.choice(["a", "b"], n),
        }
    )


def written(folder, name, frame):
    folder.mkdir(exist_ok=True)
    path = folder / name
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def extract(tmp_path):
    return written(tmp_path, "police.csv", records(1, "Police"))


def test_counts_and_overlap_are_those_of_a_recount_by_hand(tmp_path, key):
    frames = [records(1, "Police"), records(2, "Housing")]
    files = [written(tmp_path, f"{i}.csv", frame) for i, frame in enumerate(frames)]
    # The same person written in another way by the second agency is one person all the same.
    second = frames[1].assign(person_id=" " + frames[1]["person_id"].str.lower())
    files[1] = written(tmp_path, "1.csv", second)
    found = aggregate_extracts(files, key_file=key, profile="open").table
    rows = pd.concat(frames)
    rows["start"] = pd.to_datetime(rows["date"]).dt.to_period("Q").dt.start_time.astype(str)
    for line in found[found["agency"] != SEVERAL].itertuples():
        same = rows[["area_code", "start", "agency", "type"]] == [
            line.area_code,
            line.period_start,
            line.agency,
            line.type,
        ]
        assert int(line.count) == same.all(axis=1).sum()
    groups = rows.groupby(["area_code", "start"])
    for line in found[found["agency"] == SEVERAL].itertuples():
        own = groups.get_group((line.area_code, line.period_start))
        sets = [set(part["person_id"]) for _, part in own.groupby("agency")]
        assert int(line.count) == len(sets[0] & sets[1])
    assert len(found) == len(set(itertools.product(AREAS, range(2), range(5))))


def test_few_people_are_withheld_however_many_records_they_have(tmp_path, key):
    frame = records(1, "Police").assign(person_id="one and the same", area_code=AREAS[0], type="")
    counts = aggregate_extracts([written(tmp_path, "x.csv", frame)], key_file=key)
    assert set(counts.table["count"]) == {"*"}
    assert "2 of 2 counts are withheld" in counts.sentence()


def test_what_cannot_be_placed_is_counted_and_told(tmp_path, key):
    frame = records(1, "Police").drop(columns="area_code").assign(postcode="BL1 8SW")
    frame.loc[:99, "postcode"] = "zz9 9zz"
    codes = pd.DataFrame({"postcode": ["bl18sw"], "area_code": [AREAS[0]]})
    counts = aggregate_extracts(
        [written(tmp_path, "x.csv", frame)],
        key_file=key,
        postcodes=written(tmp_path, "codes.csv", codes),
    )
    assert counts.unplaced == 100
    assert "100 could not be placed" in counts.sentence()


def test_neither_ids_nor_their_hashes_nor_the_key_are_written(tmp_path, key, extract, capsys):
    out = tmp_path / "counts.csv"
    words = ["aggregate", str(extract), "--key-file", str(key), "--out", str(out)]
    assert main(words) == 0
    text = out.read_text(encoding="utf-8") + capsys.readouterr().out
    assert SECRET.decode() not in text
    for person in set(pd.read_csv(extract)["person_id"]):
        digest = hmac.new(SECRET, person.casefold().encode(), hashlib.sha256).hexdigest()
        assert person not in text
        assert digest not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counts.csv", "key", "police.csv"]
    assert main(words) == 1  # what is there is not replaced
    assert "is there already" in capsys.readouterr().err


def test_records_and_their_counts_never_lie_in_a_study(tmp_path, key):
    study = tmp_path / "study"
    study.mkdir()
    (study / "datapackage.json").write_text("{}")
    inside = written(study, "police.csv", records(1, "Police"))
    with pytest.raises(DisclosureError, match="lies in the study folder"):
        aggregate_extracts([inside], key_file=key)
    secret = study / "key"
    secret.write_bytes(SECRET)
    outside = written(tmp_path, "police.csv", records(1, "Police"))
    with pytest.raises(DisclosureError, match="lies in the study folder"):
        aggregate_extracts([outside], key_file=secret)
    link = tmp_path / "innocent"
    link.symlink_to(secret)
    with pytest.raises(DisclosureError, match="lies in the study folder"):
        aggregate_extracts([outside], key_file=link)


def changed(**columns):
    return lambda frame: frame.assign(**columns)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed(date="31/03/2009"), "600 of 600 dates .* first in line 2"),
        (changed(date="2009-02-30"), "are not days up to today"),
        (changed(date="2999-01-01"), "are not days up to today"),
        (changed(date=""), "are not days up to today"),
        (changed(person_id=" "), "600 of 600 records of .* have no person_id, first in line 2"),
        (changed(area_code="E09000001"), "give a list of postcodes"),
        (lambda frame: frame.drop(columns="date"), "has no column date"),
        (lambda frame: frame.drop(columns=["agency", "person_id"]), "no column person_id or"),
        (lambda frame: frame.assign(DATE=frame["date"]), 'has two columns "date"'),
        (lambda frame: frame.iloc[:0], "has no records"),
    ],
)
def test_a_bad_extract_is_refused_in_a_sentence_and_nothing_is_written(
    tmp_path, key, capsys, monkeypatch, change, said
):
    monkeypatch.chdir(tmp_path)
    bad = written(tmp_path, "bad.csv", change(records(1, "Police")))
    before = sorted(tmp_path.iterdir())
    assert main(["aggregate", str(bad), "--key-file", str(key)]) == 1
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert len(told.err.strip().splitlines()) == 1
    with pytest.raises(DisclosureError, match=said):
        aggregate_extracts([bad], key_file=key)
    assert sorted(tmp_path.iterdir()) == before


def test_postcodes_of_elsewhere_are_refused(tmp_path, key):
    frame = records(1, "Police").drop(columns="area_code").assign(postcode="SW1A 1AA")
    codes = pd.DataFrame({"postcode": ["BL1 8SW"], "area_code": [AREAS[0]]})
    with pytest.raises(DisclosureError, match="None of 600 records lies in a known small area"):
        aggregate_extracts(
            [written(tmp_path, "x.csv", frame)],
            key_file=key,
            postcodes=written(tmp_path, "codes.csv", codes),
        )


def test_a_key_is_needed_and_must_be_long(tmp_path, extract, monkeypatch):
    monkeypatch.delenv("LSP_ANALYSIS_KEY", raising=False)
    with pytest.raises(DisclosureError, match="There is no key"):
        aggregate_extracts([extract])
    with pytest.raises(DisclosureError, match="cannot be read"):
        aggregate_extracts([extract], key_file=tmp_path / "missing")
    monkeypatch.setenv("LSP_ANALYSIS_KEY", "short")
    with pytest.raises(DisclosureError, match="could be guessed"):
        aggregate_extracts([extract])
    monkeypatch.setenv("LSP_ANALYSIS_KEY", SECRET.decode())
    assert aggregate_extracts([extract]).records == 600


def test_a_row_of_more_cells_than_headings_is_refused(tmp_path, key):
    bad = tmp_path / "bad.csv"
    bad.write_text("person_id,date,area_code,agency\np1,2009-01-01,E01004766,Police,x,y\n")
    with pytest.raises(DisclosureError, match="more cells than there are headings"):
        aggregate_extracts([bad], key_file=key)


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "a,b\n2", "Ж" * 300])
def test_hostile_ids_and_names_do_no_harm(tmp_path, key, hostile):
    frame = records(1, hostile).assign(type=hostile)
    frame["person_id"] = hostile + frame["person_id"]
    out = write_counts(
        aggregate_extracts([written(tmp_path, "x.csv", frame)], key_file=key, profile="open"),
        tmp_path / "counts.csv",
    )
    table = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert table["count"].astype(int).sum() == 600
    for column in ("agency", "type"):
        assert not table[column].str.match(r"\s*[=+\-@]").any()


def test_counting_leaves_the_sample_study_alone(tmp_path, key, extract):
    before = {p: p.stat().st_mtime_ns for p in study_path("bolton_demo").iterdir()}
    aggregate_extracts([extract], key_file=key)
    assert {p: p.stat().st_mtime_ns for p in study_path("bolton_demo").iterdir()} == before
