"""A request is checked before anything starts, and every report has a name of its own."""

import pickle

import pytest
from report_templates import write_template
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis.errors import AreaError, ParameterError, ReportError, StudyError
from lsp_analysis.reports.job.request import JobMaker
from lsp_analysis.reports.job.template import load_template

HOSTILE = [
    "<script>alert(1)</script>",
    'quo"te\nnew line',
    "../../../etc/passwd",
    "\u202eright to left " + "x" * 300,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("job") / "study")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return load_template(write_template(tmp_path_factory.mktemp("job")))


@pytest.fixture
def maker(folder, tmp_path):
    return JobMaker(folder, out=tmp_path / "out")


def test_a_job_says_what_its_page_is_about(maker, template):
    job = maker.make("HALL I'TH'WOOD", template, {"top": "2"})
    assert job.about["area"] == {
        "name": "Hall i’ th’ Wood",
        "code": "N1",
        "kind": "Neighbourhood",
        "members": ["E01000001"],
        "vintage": "2011",
    }
    assert job.about["parameters"]["top"] == 2
    assert job.about["parameters"]["area"] == "Hall i’ th’ Wood"
    assert job.values["area"] == "N1"
    assert not maker.out.exists()


def test_a_job_survives_being_sent_to_another_process(maker, template):
    job = maker.make("N1", template)
    assert pickle.loads(pickle.dumps(job)) == job


def test_areas_of_one_name_have_reports_of_their_own(maker, template):
    names = [maker.make(code, template).name for code in ("N1", "E02000001", "E01000001")]
    assert names[:2] == ["hall-i-th-wood--small", "hall-i-th-wood-e02000001--small"]
    assert len(set(names)) == 3


def test_hostile_names_make_harmless_and_different_paths(tmp_path, template):
    tables = small_tables()
    areas = tables["areas"].set_index(["area_code", "code_vintage"])
    for code, name in zip(LSOAS, HOSTILE, strict=True):
        areas.loc[(code, 2011), "area_name"] = name
    tables["areas"] = areas.reset_index()
    maker = JobMaker(write_small_study(tmp_path / "study", tables), out=tmp_path / "out")
    names = [maker.make(code, template).name for code in LSOAS]
    assert len(set(names)) == 4
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert 0 < len(name) < 100


def test_what_the_report_depends_on_changes_its_key(folder, template, maker, tmp_path):
    key = maker.make("N1", template).key
    assert JobMaker(folder, out=tmp_path / "other").make("N1", template).key == key
    assert maker.make("E01000002", template).key != key
    assert maker.make("N1", template, {"top": 2}).key != key
    tables = small_tables()
    tables["observations"].loc[0, "numerator"] = 2
    changed = write_small_study(tmp_path / "changed", tables)
    assert JobMaker(changed, out=tmp_path / "out").make("N1", template).key != key


def test_a_study_file_that_is_gone_is_told(tmp_path):
    folder = write_small_study(tmp_path / "study")
    (folder / "observations.csv").unlink()
    with pytest.raises(StudyError, match="cannot be read"):
        JobMaker(folder, out=tmp_path)


def test_reports_inside_a_study_are_refused(folder):
    with pytest.raises(ReportError, match="Choose a folder outside it"):
        JobMaker(folder, out=folder / "reports")


def test_an_unknown_area_is_told_with_the_nearest(maker, template):
    with pytest.raises(AreaError, match="Did you mean"):
        maker.make("Hall ith Wod", template)


def test_a_code_of_another_vintage_is_told_with_what_became_of_it(maker, template):
    with pytest.raises(AreaError, match="In those it is E01000003 and E01000004"):
        maker.make("E01000009", template)


def test_a_format_that_is_not_known_is_told(maker, template):
    with pytest.raises(ParameterError, match="Did you mean"):
        maker.make("N1", template, formats=["htm"])
