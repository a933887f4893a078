"""What ships with the package is found by name, from any folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from lsp_analysis.errors import LspError, StudyError
from lsp_analysis.resources import copy_notebooks, resource, shipped_studies, study_path


def test_the_sample_study_is_found_by_its_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "bolton_demo" in shipped_studies()
    assert (study_path("bolton_demo") / "datapackage.json").is_file()


def test_a_folder_of_the_readers_own_wins_over_a_shipped_study_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bolton_demo").mkdir()
    assert study_path("bolton_demo") == Path("bolton_demo")


@pytest.mark.parametrize("name", ["", ".", "..", "nowhere", "../data/bolton_demo", "a/bolton_demo"])
def test_a_path_is_left_as_it_came(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert study_path(name) == Path(name)


def test_a_path_object_never_means_a_shipped_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert study_path(Path("bolton_demo")) == Path("bolton_demo")


def test_what_does_not_ship_is_named():
    with pytest.raises(LspError, match=r"notebooks/nothing\.ipynb does not ship"):
        resource("notebooks/nothing.ipynb")


def test_notebooks_are_copied_and_never_overwritten(tmp_path):
    copied = copy_notebooks(tmp_path / "mine")
    assert {path.name for path in copied} >= {"00_start_here.ipynb", "report_area.ipynb"}
    assert copy_notebooks(tmp_path / "mine") == copied
    copied[0].write_text("changed", encoding="utf-8")
    with pytest.raises(StudyError, match="is there already and differs"):
        copy_notebooks(tmp_path / "mine")
    assert copied[0].read_text(encoding="utf-8") == "changed"


def test_the_package_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "lsp_analysis", "notebooks", str(tmp_path / "mine")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Next: jupyter lab" in done.stdout
    assert (tmp_path / "mine" / "02_area_profile.ipynb").is_file()
