"""Asked to end, a command ends all it started, keeps what was there, and says so by its code."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest
from report_templates import CELLS, write_template
from small_study import write_small_study

from lsp_analysis.durable import as_interrupts
from lsp_analysis.reports.fork.forked import can_fork

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
CLI = "import sys; from lsp_analysis.cli import main; sys.exit(main())"
QUICK = [("kernel", "SIGTERM")]  # that a batch in forks ends by SIGINT is seen in test_batch
SLOW = [("fork", how) for how in ("SIGINT", "SIGTERM", "SIGHUP")]
SLOW = [pytest.param(*one, marks=pytest.mark.slow) for one in SLOW]


@pytest.fixture(autouse=True)
def a_terminal_that_can_close():
    """Processes are started as in a terminal, even where ``nohup`` runs the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("interrupts") / "study")


@pytest.fixture
def template(tmp_path):
    """A report that says when it is at work, and then takes very long, if not told to end."""
    wait = (
        "import pathlib, time\n"
        f"folder = pathlib.Path({str(tmp_path)!r}); (folder / 'begun').touch()\n"
        "while not (folder / 'enough').exists(): time.sleep(0.05)"
    )
    return write_template(tmp_path, [*CELLS, wait])


def begin(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-c", CLI, *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def wait_for(path, run):
    """Wait until `path` is there, however long that takes, as long as `run` is at work on it."""
    while not path.exists():
        assert run.poll() is None, f"{path.name} never came: {run.stderr.read()}"
        time.sleep(0.05)


def end(run, how):
    """Exit code, what was said, and which of its processes are still there."""
    family = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(getattr(signal, how))
    _, said = run.communicate()
    _, alive = psutil.wait_procs(family, timeout=600)
    return run.returncode, said, alive


@pytest.mark.parametrize(("engine", "how"), [*QUICK, *SLOW] if can_fork() else QUICK)
def test_a_report_asked_to_end_leaves_no_process_and_no_file(
    folder, template, tmp_path, engine, how
):
    words = ["--area", "N1", "--template", template, "--out", tmp_path / "out", "--engine", engine]
    run = begin("report", folder, *words)
    wait_for(tmp_path / "begun", run)
    code, said, alive = end(run, how)
    assert (code, alive) == (130, [])
    assert said.splitlines()[-1] == (
        "lsp-analysis: interrupted. No report was made; one that was there before is as it was."
    )
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wait", [0.7, pytest.param(2.0, marks=pytest.mark.slow)])
def test_a_report_asked_to_end_while_it_warms_up_does_so_at_once(folder, template, tmp_path, wait):
    run = begin("report", folder, "--area", "N1", "--template", template, "--out", tmp_path / "out")
    time.sleep(wait)
    code, _, alive = end(run, "SIGTERM")  # the report itself would take a quarter of an hour
    # Killed before Python has read the command; or by SIGINT, as Python ends where the request
    # came while a compiled library was being loaded: 130 to a shell too.
    assert code in (130, -signal.SIGTERM, -signal.SIGINT)
    assert alive == []
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_closed_terminal_ends_a_batch_like_ctrl_c_unless_it_was_told_to_stay(
    folder, template, tmp_path
):
    words = ["reports", folder, "--areas", "N1", "--template", template, "--out"]
    run = begin(*words, tmp_path / "out")
    wait_for(tmp_path / "begun", run)
    code, said, alive = end(run, "SIGHUP")
    assert (code, alive) == (130, [])
    assert "--resume goes on from there" in said
    assert (tmp_path / "out" / "index.html").is_file()
    (tmp_path / "begun").unlink()
    with as_nohup():
        staying = begin(*words, tmp_path / "again")
    wait_for(tmp_path / "begun", staying)
    staying.send_signal(signal.SIGHUP)
    (tmp_path / "enough").touch()
    _, said = staying.communicate()
    assert staying.returncode == 0
    assert "1 of 1" in said


@contextmanager
def as_nohup():
    """Start processes as ``nohup`` does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def ask_twice(done):
    with as_interrupts():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            done.append("tidied up")


def fail_when_asked(asked):
    with as_interrupts():
        try:
            if asked:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
        finally:
            raise ImportError("what was being loaded")


@pytest.mark.parametrize(("asked", "raised"), [(True, KeyboardInterrupt), (False, ImportError)])
def test_an_error_that_follows_a_request_is_an_interruption_and_no_other_is(asked, raised):
    with pytest.raises(raised):
        fail_when_asked(asked)


def test_a_second_request_does_not_stop_the_tidying_up_and_handlers_come_back():
    before, done = signal.getsignal(signal.SIGTERM), []
    with pytest.raises(KeyboardInterrupt):
        ask_twice(done)
    assert done == ["tidied up"]
    assert signal.getsignal(signal.SIGTERM) is before
