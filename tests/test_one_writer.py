"""A study has one writer at a time, under whatever name its folder is given."""

import os
import shutil
import threading
import warnings

import pytest
from small_study import LSOAS, write_small_study

from lsp_analysis import durable
from lsp_analysis.errors import RepairNotice, StudyError
from lsp_analysis.study import add_table, check_study, new_study, open_study


@pytest.fixture
def study(tmp_path):
    return write_small_study(tmp_path / "st", record_hashes=True)


def table(folder, name="fruit"):
    file = folder / f"{name}.csv"
    file.write_text(f"code,month,count,population\n{LSOAS[0]},2008-01,3,1000\n", encoding="utf-8")
    return file


@pytest.mark.slow
def test_of_many_who_add_at_once_none_is_lost(study, tmp_path):
    files = [table(tmp_path, f"fruit_{k}") for k in range(8)]
    adding = [threading.Thread(target=add_table, args=(study, file)) for file in files]
    for one in adding:
        one.start()
    for one in adding:
        one.join()
    found = set(open_study(study).indicators()["indicator_id"])
    assert {f"fruit_{k}" for k in range(8)} <= found
    assert check_study(study, today="2030-01-01") == []
    assert sorted(os.listdir(tmp_path)) == sorted([*(f.name for f in files), "st"])


@pytest.mark.parametrize("spelling", [".", "../st", "inner/..", "../link"])
def test_a_study_is_the_same_under_every_spelling_of_its_path(
    study, tmp_path, monkeypatch, spelling
):
    file = table(tmp_path)
    (study / "inner").mkdir()
    (tmp_path / "link").symlink_to(study)
    monkeypatch.chdir(study)
    add_table(spelling, file)
    assert "fruit" in set(open_study(study)._indicators["indicator_id"])
    assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["fruit.csv", "link", "st"]


def test_from_a_folder_inside_the_study_the_study_is_dot_dot(study, tmp_path, monkeypatch):
    (study / "inner").mkdir()
    monkeypatch.chdir(study / "inner")
    add_table("..", table(tmp_path))
    assert (study / "inner").is_dir()
    assert "fruit" in set(open_study(study).indicators()["indicator_id"])


def test_a_path_that_no_system_takes_is_a_sentence(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for path in ("a\0b", tmp_path / "loop", tmp_path / "nowhere", tmp_path / ("a" * 300)):
        for use in (open_study, new_study, check_study):
            with pytest.raises(StudyError):
                use(path)
    assert not (tmp_path / "gone").exists()


def test_a_reader_is_told_when_the_study_was_written_meanwhile(study, tmp_path):
    opened = open_study(study)
    assert len(opened.small_areas()) == 4
    add_table(study, table(tmp_path))
    with pytest.raises(StudyError, match="was written again after it was opened"):
        opened.indicators()


@pytest.mark.parametrize("exchange", [True, False])
def test_what_a_killed_writer_leaves_is_finished_by_whoever_opens_the_study(
    study, tmp_path, monkeypatch, exchange
):
    stage, aside = durable._places(study)
    stage.parent.mkdir()
    if exchange:  # killed before the exchange: the new version is not whole
        stage.mkdir()
        (stage / "areas.csv").write_text("half")
    else:  # killed between two renames: there is no study under its name
        shutil.copytree(study, stage)
        os.rename(study, aside)
    with pytest.warns(RepairNotice, match="was cut short"):
        assert check_study(study, today="2030-01-01") == []
    assert os.listdir(tmp_path) == ["st"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_study(study)
