"""Each report is found whole, whatever happens while it is written."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from lsp_analysis import durable
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job import manifest


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


OLD = {"a.html": b"old", "tables/b.csv": b"old"}
NEW = {"a.html": b"new", "tables/c.csv": b"new"}


def put(out, wanted):
    with durable.locked(out, "one"):
        durable.replace_folder(out, "one", wanted)


def test_a_folder_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path):
    put(tmp_path, OLD)
    put(tmp_path, NEW)
    assert content(tmp_path / "one") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_where_folders_cannot_be_exchanged_in_one_step_two_do(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "_exchange", lambda one, other: False)
    put(tmp_path, OLD)
    put(tmp_path, NEW)
    assert content(tmp_path / "one") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("step", ["_flush_tree", "_exchange", "_swap"])
def test_a_fault_at_any_step_leaves_the_old_report(tmp_path, monkeypatch, step):
    put(tmp_path, OLD)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, step, fail)
    with pytest.raises(OSError, match="No space"):
        put(tmp_path, NEW)
    assert content(tmp_path / "one") == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


WRITE_FOR_EVER = """
    import sys
    from pathlib import Path
    from lsp_analysis import durable
    out = Path(sys.argv[1])
    for n in range(10**9):
        mark = str(n).encode() * 2000
        with durable.locked(out, "one"):
            durable.replace_folder(out, "one", {"a.html": mark, "b.ipynb": mark})
        print(n, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_one_whole_report(tmp_path):
    for pause in (0.0, 0.003, 0.011, 0.017, 0.023):
        script = [sys.executable, "-c", textwrap.dedent(WRITE_FOR_EVER), str(tmp_path)]
        writer = subprocess.Popen(script, stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(pause)
        writer.kill()
        writer.wait()
        found = content(tmp_path / "one")
        assert set(found) == {"a.html", "b.ipynb"}
        assert found["a.html"] == found["b.ipynb"] != b""
        durable.sweep(tmp_path)
        put(tmp_path, OLD)  # no lock outlives its process
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_two_writers_take_turns(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with durable.locked(tmp_path, "one"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_stays_taken_is_told_in_a_sentence(tmp_path):
    again = durable.locked(tmp_path, "one", patience=0.05, error=ReportError)
    told = pytest.raises(ReportError, match="Another process has been writing one")
    with durable.locked(tmp_path, "one"), told, again:
        pass


def test_a_file_is_replaced_and_no_draft_is_left(tmp_path):
    durable.replace_file(tmp_path / "index.html", b"old")
    durable.replace_file(tmp_path / "index.html", b"new")
    assert (tmp_path / "index.html").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "manifest.jsonl"
    durable.append_line(path, "one")
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        durable.append_line(path, "two")
    assert path.read_text() == "one\n"


def test_a_folder_that_can_be_written_is_not_touched_by_the_check(tmp_path):
    manifest.check_writable(tmp_path / "not" / "yet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(ReportError, match="is a file"):
        manifest.check_writable(tmp_path / "out" / "deeper")


@pytest.mark.skipif(not os.access("/proc/version", os.R_OK), reason="needs a read-only folder")
def test_a_read_only_folder_is_told_before_any_work():
    from pathlib import Path

    with pytest.raises(ReportError, match="cannot be written"):
        manifest.check_writable(Path("/proc/lsp"))


def test_a_link_to_nowhere_in_place_of_the_workshop_is_an_error_and_no_endless_wait(tmp_path):
    (tmp_path / durable.WORKSHOP).symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError), durable.locked(tmp_path, "study"):
        pass
