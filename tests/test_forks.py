"""Functions in forks: whole answers only, limits from outside, nothing left behind."""

import itertools
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path

import pytest

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.fork.forked import WarmParent, can_fork
from lsp_analysis.reports.job.request import Limits

pytestmark = pytest.mark.skipif(not can_fork(), reason="needs fork")
if can_fork():
    from lsp_analysis.reports.fork.forks import Forks


AMPLE = Limits(300, 4000)


def outcome_of(work, limits=AMPLE):
    forks = Forks()
    forks.start("ticket", work, limits)
    done = []
    while not done:
        done, _ = forks.collect(30)
    [(ticket, outcome)] = done
    assert ticket == "ticket"
    assert len(forks) == 0
    return outcome


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def hog():
    held = mmap.mmap(-1, 900_000_000)  # shared memory, which no limit from within counts
    for place in range(0, len(held), 4096):
        held[place] = 1
    time.sleep(900)


def swallow_interrupts():
    while True:
        try:
            time.sleep(1)
        except BaseException:
            continue


def test_an_answer_of_any_length_comes_back_whole():
    answer = os.urandom(3_000_000)
    assert outcome_of(lambda: answer).answer == answer


def test_a_house_error_is_told_in_its_own_words():
    def fail():
        raise ReportError("Nothing to show. Add a figure.")

    assert outcome_of(fail).fault == "Nothing to show. Add a figure."


def test_any_other_error_is_told_by_its_name():
    assert outcome_of(lambda: 1 / 0).fault == "ZeroDivisionError: division by zero."


@pytest.mark.parametrize(
    ("leave", "fault"),
    [
        (lambda: os._exit(0), "exit status 0"),
        (lambda: sys.exit(0), "SystemExit"),
        (lambda: os.kill(os.getpid(), signal.SIGUSR1), "SIGUSR1"),
    ],
)
def test_leaving_early_is_no_success(leave, fault):
    assert fault in outcome_of(leave).fault


def test_a_fork_that_another_hand_kills_is_worth_a_second_try():
    killed = outcome_of(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert killed.killed
    assert "killed" in killed.fault
    assert not outcome_of(lambda: os._exit(3)).killed


def test_a_hang_that_swallows_interrupts_meets_its_deadline():
    stopped = outcome_of(swallow_interrupts, Limits(0.5, 4000))
    assert stopped.fault == "It was stopped after 0.5 seconds, its deadline."
    assert not stopped.killed


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_jump_of_the_clock_on_the_wall_neither_ends_nor_prolongs_a_report(monkeypatch, jump):
    wall = itertools.count(1.8e9, jump)
    monkeypatch.setattr(time, "time", lambda: next(wall))
    assert outcome_of(lambda: time.sleep(0.5) or b"done", Limits(300, 4000)).answer == b"done"
    assert "its deadline" in outcome_of(swallow_interrupts, Limits(0.5, 4000)).fault


def test_memory_is_limited_from_outside():
    stopped = outcome_of(hog, Limits(300, 500))
    assert "500 MB" in stopped.fault
    assert not stopped.killed


def test_memory_beyond_all_reason_is_refused_at_once():
    assert "memory" in outcome_of(lambda: bytes(bytearray(8_000_000_000)), Limits(300, 500)).fault


def test_what_a_fork_started_ends_with_it(tmp_path):
    def start_and_leave():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)"])
        (tmp_path / "pid").write_text(str(child.pid))
        return b"done"

    assert outcome_of(start_and_leave).answer == b"done"
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 600  # of the quarter of an hour it would live by itself
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_alive(pid)


def test_a_child_that_comes_back_from_a_fork_answers_nothing():
    def fork_and_return():
        return b"child" * 10 if os.fork() == 0 else b"parent"

    assert outcome_of(fork_and_return).answer == b"parent"


def test_what_one_fork_does_neither_the_parent_nor_another_sees():
    seen = []

    def add():
        seen.append(1)
        return str(len(seen)).encode()

    assert [outcome_of(add).answer for _ in range(2)] == [b"1", b"1"]
    assert seen == []


def test_many_forks_at_once_each_get_their_own_answer():
    forks, answers = Forks(), {}
    for number in range(12):
        forks.start(number, lambda number=number: str(number).encode() * 50_000, AMPLE)
    while forks:
        done, _ = forks.collect(10)
        answers.update({ticket: outcome.answer for ticket, outcome in done})
    assert answers == {number: str(number).encode() * 50_000 for number in range(12)}


def test_a_forks_own_output_goes_to_its_log(tmp_path):
    forks = Forks()
    log = str(tmp_path / "log")
    forks.start(1, lambda: os.write(2, b"from below") and b"", AMPLE, log)
    while forks:
        forks.collect(10)
    assert (tmp_path / "log").read_bytes() == b"from below"


def test_a_warm_parent_that_is_killed_within_a_reply_has_ended():
    parent = WarmParent()
    parent._process = subprocess.Popen(["true"])
    parent._ready = True
    (_, parent._requests), (parent._replies, writer) = Pipe(False), Pipe(False)
    os.write(writer.fileno(), struct.pack("!i", 100) + b"only a part")
    writer.close()
    assert parent.listen(5) is None
