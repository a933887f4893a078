"""What goes wrong at night: every report made or its failure told, nothing lost, nothing false."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest
from report_templates import CELLS, EXPECT, notebook, write_template
from small_study import LSOAS, write_small_study

from lsp_analysis.reports.fork import forked
from lsp_analysis.reports.fork.forked import WarmParent, can_fork, make_with
from lsp_analysis.reports.job.request import JobMaker, Limits
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.reports.run.runner import Workers, make_reports

AMPLE = Limits(600, 3000)
HANG = "import time\nwhile True:\n    try: time.sleep(1)\n    except BaseException: pass"
EAT = "import mmap\nm = mmap.mmap(-1, 2 * 10**9)\nfor i in range(0, len(m), 4096): m[i] = 1"
FAULTS = {
    "nothing": ("1", "", AMPLE),
    "a cell fails": ("1/0", "ZeroDivisionError: division by zero.", AMPLE),
    "a syntax error": ("1 +", "SyntaxError", AMPLE),
    "a house error": ("opened.indicator('burglery')", 'Did you mean "burglary"', AMPLE),
    "sys.exit(0)": ("import sys; sys.exit(0)", "left early", AMPLE),
    "os._exit(0)": ("import os; os._exit(0)", "exit status 0|died", AMPLE),
    "killed": ("import os; os.kill(os.getpid(), 9)", "was killed|died", AMPLE),
    "a hang": (HANG, "stopped after 2 seconds", Limits(2, 3000)),
    "memory": (f"{EAT}\nimport time; time.sleep(900)", "900 MB", Limits(600, 900)),
    "recursion": ("def f(): f()\nf()", "RecursionError", AMPLE),
    "a thread": ("import threading as t; t.Thread(target=lambda: 1/0).start()", "", AMPLE),
    "a fork": ("import os; os.fork()", "", AMPLE),
    "closed files": ("import os; os.closerange(3, 64)", "could not hand over|died", AMPLE),
    "taken files": (
        "import os; os.closerange(3, 64)\nheld = [open(str(i), 'wb') for i in range(8)]",
        "could not hand over|died",
        AMPLE,
    ),
    "no built-ins": ("import builtins; builtins.len = None", "could not hand over|died", AMPLE),
    "no output": ("import sys; sys.stdout = None", "failed with AttributeError", AMPLE),
    "a crash": ("import ctypes; ctypes.string_at(0)", "crashed (SIGSEGV)|died", AMPLE),
    "a signal without a name": ("import os; os.kill(os.getpid(), 40)", "signal 40|died", AMPLE),
    "an empty figure": ("show(new_axes(), alt='Nothing.')", "Nothing is drawn", AMPLE),
    "no words": ("import matplotlib.pyplot as plt\nplt.plot([1]);", "no text for readers", AMPLE),
}
SKIPPED_IN_KERNELS = {
    "a fork",  # it upsets ipykernel's own sockets
    *("closed files", "taken files", "a signal without a name"),  # only forks answer by a pipe
    "no built-ins",  # ipykernel stops answering, which the deadline tells
    "no output",  # ipykernel puts up with it
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("faults") / "study")


def jobs_of(folder, work, faults):
    jobs = []
    for place, (cell, _, limits) in enumerate(faults.values()):
        path = write_template(work, [*CELLS, cell], name=f"fault{place}", expect=EXPECT)
        jobs.append(
            JobMaker(folder, out=work / "out", limits=limits).make("N1", load_template(path))
        )
    return jobs


def check(jobs, faults, results):
    results = {job.name: result for job, result in results}
    assert set(results) == {job.name for job in jobs}
    for job, (fault, (_, said, _)) in zip(jobs, faults.items(), strict=True):
        result = results[job.name]
        if said:
            assert isinstance(result, str), fault
            assert any(part in result for part in said.split("|")), (fault, result)
            assert "\n" not in result
            assert not (job.folder / job.name).exists()
        else:
            assert not isinstance(result, str), (fault, result)
            assert result.page.is_file()


@pytest.mark.slow
def test_in_kernels_every_fault_is_told_and_stops_no_other_report(folder, tmp_path):
    faults = {name: fault for name, fault in FAULTS.items() if name not in SKIPPED_IN_KERNELS}
    jobs = jobs_of(folder, tmp_path, faults)
    check(jobs, faults, make_reports(jobs, Workers(3, "kernel")))


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    if not can_fork():
        pytest.skip("needs fork")
    parent = WarmParent([str(write_template(tmp_path_factory.mktemp("warm")))])
    yield parent
    parent.close()


@pytest.mark.slow
def test_in_forks_every_fault_is_told_and_stops_no_other_report(parent, folder, tmp_path):
    jobs = jobs_of(folder, tmp_path, FAULTS)
    check(jobs, FAULTS, make_with(parent, jobs, 3))
    assert not (tmp_path / "out" / ".lsp").exists()


LEAVE = """import subprocess
start = "for i in $(seq 10); do setsid sleep 60 >/dev/null 2>&1 & echo $!; done"
orphans = subprocess.run(["sh", "-c", start], capture_output=True, text=True).stdout
children = [subprocess.Popen(["setsid", "sleep", "60"]) for _ in range(10)]
open({path!r}, "w").write(orphans + "\\n".join(str(child.pid) for child in children))
{then}
"""


@pytest.fixture(params=["fork", "kernel"] if can_fork() else ["kernel"])
def made(request):
    """`made(jobs)`: results by each engine, two reports at a time."""
    if request.param == "kernel":
        return lambda jobs: make_reports(jobs, Workers(2, "kernel"))
    parent = request.getfixturevalue("parent")
    return lambda jobs: make_with(parent, jobs, 2)


@pytest.mark.slow
def test_what_a_report_leaves_running_ends_with_it_however_it_ends(made, folder, tmp_path):
    left = {"done": "", "died": "import os; os._exit(0)"}
    faults = {
        how: (LEAVE.format(path=str(tmp_path / how), then=then), then and "left|died", AMPLE)
        for how, then in left.items()
    }
    jobs = jobs_of(folder, tmp_path, faults)
    check(jobs, faults, made(jobs))
    for how in left:
        pids = [int(pid) for pid in (tmp_path / how).read_text().split()]
        assert len(pids) == 20
        assert not [pid for pid in pids if is_alive(pid)], how


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_report_killed_once_by_another_hand_is_made_at_the_second_try(parent, folder, tmp_path):
    cell = (
        f"import os, pathlib\nif not (f := pathlib.Path({str(tmp_path / 'flag')!r})).exists():\n"
        "    f.touch(); os.kill(os.getpid(), 9)"
    )
    once = {"once": (cell, "", AMPLE)}
    jobs = jobs_of(folder, tmp_path, once)
    check(jobs, once, make_with(parent, jobs, 1))


def test_a_notebook_that_kills_the_parent_costs_no_other_report(parent, folder, tmp_path):
    faults = {
        "at work": ("import time; time.sleep(0.3)", "", AMPLE),
        "the killer": ("import os; os.kill(os.getppid(), 9)", "was killed", AMPLE),
        "waiting": ("1", "", AMPLE),
    }
    jobs = jobs_of(folder, tmp_path, faults)
    check(jobs, faults, make_with(parent, jobs, 2))


@pytest.mark.slow
def test_a_folder_for_scratch_that_goes_or_cannot_be_used_costs_no_more_than_it_must(
    parent, folder, tmp_path
):
    any_report = {"any": ("1", "", AMPLE)}
    check(jobs := jobs_of(folder, tmp_path, any_report), any_report, make_with(parent, jobs, 1))
    first, scratch = parent.pid, Path(parent._scratch)
    shutil.rmtree(scratch)
    check(jobs, any_report, make_with(parent, jobs, 1))
    shutil.rmtree(scratch)
    scratch.touch()
    [(_, told)] = make_with(parent, jobs, 1)
    assert "could not be started (Not a directory)" in told
    scratch.unlink()
    check(jobs, any_report, make_with(parent, jobs, 1))
    assert parent.pid == first


def test_no_report_sees_what_another_did(parent, folder, tmp_path):
    cell = (
        "import builtins, os, pandas\n"
        "assert not hasattr(builtins, 'seen') and not os.environ.get('SEEN')\n"
        "builtins.seen = True; os.environ['SEEN'] = '1'; pandas.DataFrame = None\n"
        "assert not os.listdir('.'); open('left', 'w').close()"
    )
    faults = {str(number): (cell, "", AMPLE) for number in range(4)}
    jobs = jobs_of(folder, tmp_path, faults)
    check(jobs, faults, make_with(parent, jobs, 2))


def test_the_parent_has_one_thread_and_opens_no_socket(parent, folder, tmp_path):
    any_report = {"any": ("1", "", AMPLE)}
    jobs = jobs_of(folder, tmp_path, any_report)
    check(jobs, any_report, make_with(parent, jobs, 1))
    process = Path(f"/proc/{parent.pid}")
    assert len(list((process / "task").iterdir())) == 1
    opened = [str(path.readlink()) for path in (process / "fd").iterdir()]
    assert not [name for name in opened if name.startswith("socket")]


STARTER = """
import time
from lsp_analysis.reports.fork.forked import WarmParent
parent = WarmParent()
parent.start()
print(parent.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not can_fork(), reason="needs fork")
@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("raise SystemExit(3)", "could not start (exit status 3)"),
        ("import time; time.sleep(60)", "was not ready within"),
    ],
)
def test_a_parent_that_cannot_start_fails_every_report_and_soon(
    folder, tmp_path, monkeypatch, start, said
):
    monkeypatch.setattr(forked, "START", start)
    monkeypatch.setattr(forked, "READY_WITHIN", 1.0)
    template = load_template(write_template(tmp_path))
    maker = JobMaker(folder, out=tmp_path / "out")
    jobs = [maker.make(area, template) for area in ("N1", *LSOAS)]
    results = {job.name: told for job, told in make_reports(jobs, Workers(2, "fork"))}
    assert set(results) == {job.name for job in jobs}
    assert all(said in told for told in results.values())


def test_a_notebook_of_whatever_kernel_runs_in_this_python(made, folder, tmp_path):
    jobs = []
    maker = JobMaker(folder, out=tmp_path / "out")
    for name, spec in [("nameless", None), ("strange", {"name": "no-such", "display_name": "?"})]:
        book = notebook()
        book.metadata.pop("kernelspec")
        if spec:
            book.metadata["kernelspec"] = spec
        nbformat.write(book, tmp_path / f"{name}.ipynb")
        jobs.append(maker.make("N1", load_template(tmp_path / f"{name}.ipynb")))
    results = [told for _, told in made(jobs)]
    assert not [told for told in results if isinstance(told, str)]


@pytest.mark.slow
@pytest.mark.skipif(not can_fork(), reason="needs fork")
def test_the_parent_ends_with_the_process_that_started_it():
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE)
    parent = psutil.Process(int(starter.stdout.readline()))
    starter.kill()
    starter.wait()
    parent.wait(timeout=600)
    assert not parent.is_running()


@pytest.mark.parametrize("what", ["study", "template", "nothing"])
def test_a_report_is_not_passed_off_as_made_from_what_changed_meanwhile(parent, tmp_path, what):
    study = write_small_study(tmp_path / "study")
    target = study / "datapackage.json" if what == "study" else tmp_path / "small.ipynb"
    edit = "" if what == "nothing" else " + ' '"
    cell = (
        f"from pathlib import Path; path = Path(share_of)\npath.write_text(path.read_text(){edit})"
    ).replace("share_of", repr(str(target)))
    template = load_template(write_template(tmp_path, [*CELLS, cell], expect=EXPECT))
    job = JobMaker(study, out=tmp_path / "out").make("N1", template)
    [(_, told)] = make_with(parent, [job], workers=1)
    if what == "nothing":
        assert not isinstance(told, str)
    else:
        assert f"The {what} was changed while the report was being made" in told
        assert not (tmp_path / "out" / job.name).exists()
