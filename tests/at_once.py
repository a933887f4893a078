"""Let twenty processes make the same kind of change at once, and print how each ended.

Called as a program with the name of a change and a folder; see `test_at_once`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from crash_points import command, load

MANY = 20


def add(folder: Path, k: int) -> int:
    return command("add", str(folder / "study"), str(folder / f"t{k}.csv"))


def register(folder: Path, k: int) -> int:
    return command("design", "register", str(folder / "trial"), "--note", f"note {k}")


def draw(folder: Path, k: int) -> int:
    return command("design", "draw", str(folder / "trial"), "--text", f"Lottery: {k}")


def record(folder: Path, k: int) -> int:
    """Every fifth opens another outcomes file, and the others put a decision on record."""
    trial = folder / "trial"
    if k % 5 == 0:
        return command("design", "analyse", str(trial), str(trial / f"outcomes-{k}.csv"))
    words = ["--arm", "wardens", "--decision", "adapt", "--reason", f"reason {k}", "--by", "board"]
    return command("design", "decide", str(trial), *words)


def report(folder: Path, k: int) -> int:
    """What a report's process writes at its end, and the index; two processes to a report."""
    from dataclasses import replace

    from lsp_analysis.reports.job.manifest import MADE, record_of
    from lsp_analysis.reports.job.request import JobMaker
    from lsp_analysis.reports.job.template import load_template
    from lsp_analysis.reports.page.index import write_index
    from lsp_analysis.reports.run.finishing import put_in_place

    maker = JobMaker(folder / "study", out=folder / "out")
    job = maker.make("N1", load_template(folder / "small.ipynb"))
    job = replace(job, name=f"page-{k // 2}")
    for turn in range(3):
        written = {f"{job.name}.html": f"{k}, {turn}".encode()}
        files = {f"{job.name}/{n}": hashlib.sha256(c).hexdigest() for n, c in written.items()}
        put_in_place(job, written, record_of(job, status=MADE, files=files))
        if write_index(maker.out, maker.study).sentence():
            return 7
    return 0


def run(change: str, folder: Path) -> list[int]:
    """Exit statuses of all of them; each begins when the last is there."""
    reader, writer = os.pipe()
    children = []
    for k in range(MANY):
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            os.read(reader, 1)  # until the writer's end is closed
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(os.open(folder / f"said-{k}", os.O_WRONLY | os.O_CREAT), 2)
            code = 99
            try:
                code = globals()[change](folder, k)
            finally:
                os._exit(code)
        children.append(pid)
    os.close(writer)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]


if __name__ == "__main__":
    load()
    print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
