"""How fast reports are made, beside papermill and the bare work: ``python benchmarks/batch.py``.

Four ways to make the same reports from the same notebook, each in processes of its own and with
all costs included, imports and start-up too:

- loop: a papermill loop, one kernel after another;
- pool: two such loops side by side;
- ours: ``lsp-analysis reports`` with two workers, pages, tables, index and manifest included;
- floor: the bare cells in two warm processes, with no kernel, no page and nothing written.

Prints seconds for each number of reports, how many times faster than the loop that is, the seconds
one further report costs, and what share of the floor's pace that is. All four ways are timed in
turn on the same areas, and again for each round (``--rounds``), of which the middle one counts.

``--small`` takes a notebook of a sentence, two figures and a table, some 1.4 seconds of work in a
fresh kernel once its libraries are there, in place of the area report.

``--every`` makes a report on every small area of the study instead, and prints seconds and bytes.
``--memory 1000`` makes that many reports from a small notebook, and prints what the process that
makes them, its forks and the process that asks for them hold as they go: neither may grow.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import psutil
from nbformat.v4 import new_code_cell, new_notebook

from lsp_analysis import open_study
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.reports.run.runner import Workers, run_reports

WORKERS = 2
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

LOOP = """
import json, logging, sys, time
began = time.perf_counter()
template, study, out, codes = sys.argv[1:]
import papermill
logging.getLogger("papermill").setLevel(logging.ERROR)
for code in json.loads(codes):
    papermill.execute_notebook(
        template, f"{out}/{code}.ipynb", {"study": study, "area": code}, progress_bar=False
    )
    print(time.perf_counter() - began, flush=True)
"""

OURS = """
import json, sys, time
began = time.perf_counter()
template, study, out, codes = sys.argv[1:]
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import Workers, run_reports
batch = run_reports(
    study, [Entry(json.loads(codes), template=template)], out=out, workers=Workers(2)
)
assert not batch.failed, batch.sentence()
"""

FLOOR = """
import ast, json, sys, time
began = time.perf_counter()
template, study, out, codes = sys.argv[1:]
import matplotlib
matplotlib.use("agg")
import IPython, builtins, nbformat
builtins.display = lambda *shown, **more: [one._repr_html_() for one in shown]
cells = [c for c in nbformat.read(template, 4).cells if c.cell_type == "code" and c.source]

def run(source, space):
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), space)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), space)
        getattr(value, "_repr_html_", str)()

for code in json.loads(codes):
    space = {}
    for cell in cells:
        run(cell.source, space)
        if "parameters" in cell.metadata.get("tags", []):
            space |= {"study": study, "area": code}
    print(time.perf_counter() - began, flush=True)
"""


def seconds(script: str, template: Path, study: Path, out: Path, shares: list[list[str]]) -> float:
    """Wall time of `script` run once for each share of the areas, all at the same time."""
    began = time.perf_counter()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, template, study, out, json.dumps(share)],
            env={**os.environ, **ONE_THREAD},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for share in shares
    ]
    if any(process.wait() for process in running):
        raise SystemExit("A run failed, so its time says nothing. Run its script by itself.")
    return time.perf_counter() - began


def measure(template: Path, study: Path, codes: list[str]) -> dict[str, float]:
    """Seconds that each way takes for the areas `codes`."""
    halves = [codes[0::WORKERS], codes[1::WORKERS]]
    ways = {"loop": (LOOP, [codes]), "pool": (LOOP, halves)}
    ways |= {"ours": (OURS, [codes]), "floor": (FLOOR, halves)}
    took = {}
    for way, (script, shares) in ways.items():
        with tempfile.TemporaryDirectory() as out:
            took[way] = seconds(script, template, study, Path(out), shares)
            print(f"{way}: {len(codes)} reports in {took[way]:.1f} s", file=sys.stderr)
    return took


def table(took: dict[int, dict[str, float]]) -> pd.DataFrame:
    """Seconds by number of reports, and what follows from them."""
    frame = pd.DataFrame(took)
    few, many = min(took), max(took)
    shown = frame.add_prefix("s for ").round(1)
    for number in took:
        shown[f"times loop, {number}"] = (frame.loc["loop", number] / frame[number]).round(1)
    if many > few:
        each = (frame[many] - frame[few]) / (many - few)
        each = each.where(each > 0)  # else the machine did other work, and nothing can be told
        shown["s each further"] = each.round(2)
        shown["a minute"] = (60 / each).round(1)
        shown["% of floor"] = (100 * each["floor"] / each).round()
    return shown


def every_area(template: Path, study: Path) -> pd.DataFrame:
    """One report on every small area, with all its costs."""
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        every = [Entry(every_area=True, template=template)]
        batch = run_reports(study, every, out=out, workers=Workers(WORKERS))
        took = time.perf_counter() - began
        if batch.failed:
            print(batch.sentence(), file=sys.stderr)
        sizes = [record.page.stat().st_size for record in batch.records if record.page]
    facts = {
        "reports": len(batch.records),
        "failed": len(batch.failed),
        "minutes": round(took / 60, 2),
        "s each": round(took / len(batch.records), 2),
        "largest page, kB": round(max(sizes, default=0) / 1000),
    }
    return pd.DataFrame(facts, index=["every area"])


SMALL = (
    'study: str = "bolton_demo"\narea: str = ""',
    """from lsp_analysis import open_study, show
from lsp_analysis.figures.style import new_axes
from lsp_analysis.wording import Sentence
data = open_study(study)
place = data.area(area)
panel = data.panel(data.indicators()["indicator_id"].iloc[0])
rows = panel[panel["area_code"].isin(place.members)]""",
    """ax = new_axes()
_ = ax.plot(rows["value"].to_numpy())
show(ax, alt=f"{place.name} through time.", data=rows)""",
    'Sentence(f"{place.name} has {len(rows)} values.")',
)


PLAIN = (
    'study: str = "bolton_demo"\narea: str = ""',
    """from lsp_analysis import area_brief, open_study, show
data = open_study(study)
brief = area_brief(data, data.area(area))""",
    "brief.headline()",
    "show(brief.profile.plot(), note=data.note)",
    "brief.profile_table()",
)


def notebook(sources: Sequence[str], path: Path) -> Path:
    """A notebook of code cells, the first with its parameters, written to `path`."""
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def memory(study: Path, codes: list[str], number: int) -> pd.DataFrame:
    """Megabytes held after each tenth of `number` reports from a small notebook."""
    seen: list[dict[str, float]] = []

    def look(line: str) -> None:
        done = int(line.split()[0])
        if done % max(1, number // 10) == 0:
            seen.append({"reports": done, **held()})

    with tempfile.TemporaryDirectory() as work:
        template = notebook(SMALL, Path(work) / "small.ipynb")
        entries = [
            Entry(codes, template=template, name=f"round-{turn}")
            for turn in range(-(-number // len(codes)))
        ]
        entries[-1] = replace(entries[-1], areas=codes[: number - len(codes) * (len(entries) - 1)])
        out = Path(work) / "out"
        batch = run_reports(study, entries, out=out, workers=Workers(WORKERS), progress=look)
        if batch.failed:
            raise SystemExit(batch.sentence())
        frame = pd.DataFrame(seen).set_index("reports")
        forks = [record.run["megabytes"] for record in batch.records]
    tenth = max(1, number // 10)
    frame["largest fork"] = [max(forks[i * tenth : (i + 1) * tenth]) for i in range(len(frame))]
    return frame


def held() -> dict[str, float]:
    """Megabytes that this process and the warm parent hold, and how many files are open."""
    own = psutil.Process()
    children = [child for child in own.children() if child.status() != psutil.STATUS_ZOMBIE]
    return {
        "this process": round(own.memory_info().rss / 1e6),
        "warm parent": round(max(child.memory_info().rss for child in children) / 1e6),
        "open files": own.num_fds() + max(child.num_fds() for child in children),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time batches of reports.")
    parser.add_argument("--study", default="bolton_demo")
    parser.add_argument("--template", default="report_area")
    parser.add_argument("--small", action="store_true", help="a small notebook for each report")
    parser.add_argument("--reports", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--rounds", type=int, default=1, help="take the middle of so many")
    parser.add_argument("--every", action="store_true", help="a report on every small area")
    parser.add_argument("--memory", type=int, metavar="N", help="memory held over N small reports")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        if arguments.small:
            arguments.template = notebook(PLAIN, Path(work) / "plain.ipynb")
        answer(arguments)


def answer(arguments: argparse.Namespace) -> None:
    """Measure and print what was asked for."""
    study = open_study(arguments.study)
    template, path = load_template(arguments.template), study.path.resolve()
    codes = study.small_areas()["area_code"].tolist()
    if arguments.every or arguments.memory:
        if arguments.every:
            print(every_area(template.path, path).to_string())
        if arguments.memory:
            print(memory(path, codes, arguments.memory).to_string())
        return
    took = {}
    for number in sorted(arguments.reports):
        rounds = [measure(template.path, path, codes[:number]) for _ in range(arguments.rounds)]
        took[number] = {way: statistics.median(one[way] for one in rounds) for way in rounds[0]}
    print(table(took).to_string())


if __name__ == "__main__":
    main()
