"""A study that remembers gives the answers of one that reads, and keeps callers apart."""

import inspect
import pickle

import pytest
from pandas.testing import assert_frame_equal
from small_study import write_small_study

from lsp_analysis import open_study
from lsp_analysis.reports.fork.kept import KeptStudy, keep_open
from lsp_analysis.standing.place.brief import area_brief
from lsp_analysis.study import folder as stored
from lsp_analysis.study import store
from lsp_analysis.study.store import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return open_study(write_small_study(tmp_path_factory.mktemp("kept") / "study"))


@pytest.fixture(params=["fresh", "sent to another process"])
def kept(study, request):
    made = KeptStudy(study).gather()
    return made if request.param == "fresh" else pickle.loads(pickle.dumps(made))


def test_its_answers_are_those_of_the_study(study, kept):
    for _ in range(2):
        assert_frame_equal(kept.panel("burglary"), study.panel("burglary"))
        assert_frame_equal(kept.neighbours(), study.neighbours())
        assert_frame_equal(kept.read("plan"), study.read("plan"))
        assert_frame_equal(kept.read("plan", ["target"]), study.read("plan", ["target"]))
        where = {"area_code": "E01000001"}
        assert_frame_equal(
            kept.read("observations", where=where), study.read("observations", where=where)
        )
        assert kept.geometry().equals(study.geometry())
        assert kept.area("N1") == study.area("N1")
        assert kept.title == study.title


def test_what_one_caller_changes_no_other_sees(study, kept):
    for frame in (kept.panel("burglary"), kept.neighbours(), kept.read("plan")):
        frame.iloc[:, 0] = None
        frame["more"] = 1
    assert_frame_equal(kept.panel("burglary"), study.panel("burglary"))
    assert_frame_equal(kept.neighbours(), study.neighbours())
    assert_frame_equal(kept.read("plan"), study.read("plan"))


def test_what_all_areas_share_is_worked_out_once_and_only_by_a_study_that_remembers(study, kept):
    made = []
    for asked in (kept, study):
        made.append([asked.once("a list", list) for _ in range(2)])
    assert made[0][0] is made[0][1]
    assert made[1][0] is not made[1][1]
    assert kept.indicator("burglary") is kept.indicator("burglary")
    assert repr(kept.indicator("burglary")) == repr(study.indicator("burglary"))


def test_the_pages_of_two_areas_share_the_plan_and_nothing_of_their_own(study, kept):
    for code in study.small_areas()["area_code"]:
        one, other = area_brief(kept, code), area_brief(study, code)
        assert_frame_equal(one.plan.table, other.plan.table)
        assert_frame_equal(one.profile.table, other.profile.table)
    assert one.plan is area_brief(kept, "E01000001").plan
    assert one.about("E01000001").plan is not one.plan  # its panels may be anybody's


def test_it_reads_nothing_twice(kept, monkeypatch):
    monkeypatch.setattr(stored, "scan_table", lambda *_, **__: pytest.fail("it read again"))
    kept.panel("burglary")
    kept.small_areas()


def test_a_study_without_boundaries_is_gathered_too(tmp_path):
    folder = write_small_study(tmp_path / "study")
    (folder / "geometry.geojson").unlink()
    assert len(KeptStudy(open_study(folder)).gather().panel("burglary"))


def test_a_study_that_is_kept_open_is_given_to_whoever_opens_its_folder(study, monkeypatch):
    monkeypatch.setattr(store, "KEPT", {})
    kept = KeptStudy(study)
    keep_open(kept)
    assert open_study(study.path) is kept
    assert open_study(str(study.path / ".." / study.path.name)) is kept


def test_it_takes_every_argument_that_a_study_takes():
    public = [name for name in vars(KeptStudy) if not name.startswith("_") and hasattr(Study, name)]
    assert {"panel", "read"} <= set(public)
    for name in public:
        own, plain = (
            inspect.signature(getattr(one, name)).parameters for one in (KeptStudy, Study)
        )
        assert list(own) == list(plain), name
