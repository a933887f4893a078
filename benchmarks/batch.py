"""How fast reports are made, beside papermill and the bare work: ``python benchmarks/batch.py``.

Four ways to make the same reports from the same notebook, each in processes of its own and with
all costs included, imports and start-up too:

- loop: a papermill loop, one kernel after another;
- pool: two such loops side by side;
- ours: ``lsp-analysis reports`` with two workers, pages, tables, index and manifest included;
- floor: the bare cells in two warm processes, with no kernel, no page and nothing written.

Prints seconds for each number of reports, how many times faster than the loop that is, the seconds
one further report costs, and what share of the floor's pace that is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from lsp_analysis import open_study
from lsp_analysis.reports.template import load_template

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
from lsp_analysis.reports.batch import run_reports
batch = run_reports(study, json.loads(codes), template=template, out=out, workers=2)
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
        shown["s each further"] = each.round(2)
        shown["a minute"] = (60 / each).round(1)
        shown["% of floor"] = (100 * each["floor"] / each).round()
    return shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time batches of reports.")
    parser.add_argument("--study", default="bolton_demo")
    parser.add_argument("--template", default="report_area")
    parser.add_argument("--reports", type=int, nargs="+", default=[16, 64])
    arguments = parser.parse_args()
    study = open_study(arguments.study)
    template = load_template(arguments.template)
    codes = study.small_areas()["area_code"].tolist()
    took = {}
    for number in sorted(arguments.reports):
        took[number] = measure(template.path, study.path.resolve(), codes[:number])
    print(table(took).to_string())


if __name__ == "__main__":
    main()
