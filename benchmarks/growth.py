"""How cost grows with the number of areas: ``python benchmarks/growth.py``.

Writes studies of square grids, 12 indicators by 60 months unless asked otherwise, in boroughs of
some 180 areas, and prints for each size the seconds and the most memory (MiB, of the process and
those it started) of what people do with a study, and the exponent of growth between the last two
sizes: 1 is growth in step with the number of areas, 0 none at all.

The cost of a page is the time of its own process in a batch of eight, the middle of the plain ones;
`a batch of eight` has all costs, the start and the index too. Every figure is of a process of its
own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lsp_analysis.study.write import write_study

BOROUGH, WIDE, SIDE = 180, 14, 1_000.0  # areas, areas in a row of a borough, metres
PILOT = 60  # which small area of the first borough
START = "2008-04"

ACTIONS = {
    "check": "from lsp_analysis.study.check.whole_study import check_study as f; print(len(f(s)))",
    "area_brief": "from lsp_analysis import area_brief as f; f(s, '{pilot}').profile",
    "estimate, no checks": "q = open_study(s).question('i00', '{pilot}', '2008-04'); "
    "from lsp_analysis.effects import estimate as f; f(q, checks=False)",
    "estimate with checks": "q = open_study(s).question('i00', '{pilot}', '2008-04'); "
    "from lsp_analysis.effects import estimate as f; f(q)",
    "add": "from lsp_analysis.study.add.adding import add_table as f; f(sys.argv[2], s + '.csv')",
}
RUN = """
import json, os, resource, sys, time
s = sys.argv[1]
from lsp_analysis import open_study
import geopandas, scipy.stats, pyarrow.parquet
began, cpu = time.perf_counter(), time.process_time()
{work}
seconds = time.perf_counter() - began
used = time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, peak, used]))
"""
PAGES = """
import json, resource, sys, time
s, out, *areas = sys.argv[1:]
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import Workers, run_reports
began = time.perf_counter()
batch = run_reports(s, [Entry(areas)], out=out, workers=Workers(1))
assert not batch.failed, batch.sentence()
print(json.dumps([time.perf_counter() - began, max(r.run["megabytes"] for r in batch.records),
                  {r.area_code: r.run["seconds"] for r in batch.records}]))
"""


def borough_code(number: int) -> str:
    """Code of a borough by its number."""
    return f"E08{number:06d}"


def codes_of(borough: int, count: int) -> list[str]:
    """Codes of a borough's small areas."""
    return [f"E01{BOROUGH * 2 * borough + at:06d}" for at in range(count)]


def sizes(n_areas: int) -> list[int]:
    """Small areas of each borough of a study."""
    boroughs = max(1, round(n_areas / BOROUGH))
    return [len(part) for part in np.array_split(np.arange(n_areas), boroughs)]


def observations(n_areas: int, n_indicators: int, n_months: int) -> Iterator[pd.DataFrame]:
    """Observations of one borough after the other."""
    months = pd.period_range("2005-04", periods=n_months, freq="M")
    starts, ends = months.start_time, months.end_time.normalize()
    for borough, count in enumerate(sizes(n_areas)):
        rng = np.random.default_rng(borough)
        codes = codes_of(borough, count)
        people = rng.integers(1_200, 1_900, count)
        frames = []
        for indicator in range(n_indicators):
            rate = rng.gamma(8, 0.001, (count, 1)) * np.exp(rng.normal(0, 0.1, n_months))
            cases = rng.poisson(rate * people[:, None])
            frame = pd.DataFrame({
                "indicator_id": f"i{indicator:02d}", "area_code": np.repeat(codes, n_months),
                "period_start": np.tile(starts, count), "period_end": np.tile(ends, count),
                "numerator": cases.ravel(), "denominator": np.repeat(people, n_months),
            })  # fmt: skip
            frames.append(frame)
        yield pd.concat(frames, ignore_index=True)


def make(folder: Path, n_areas: int, n_indicators: int = 12, n_months: int = 60) -> Path:
    """Write a study, and beside it a table of one more indicator for every area."""
    rows, cells = [], []
    across = math.ceil(math.sqrt(len(sizes(n_areas))))
    for borough, count in enumerate(sizes(n_areas)):
        own = borough_code(borough)
        rows.append((own, f"Borough {borough}", "borough", own))
        rows += [(c, f"Area {c[3:]}", "lsoa", own) for c in codes_of(borough, count)]
        at = np.arange(count)
        x = (at % WIDE + WIDE * (borough % across)) * SIDE + 300_000
        y = (at // WIDE + WIDE * (borough // across)) * SIDE + 100_000
        cells.append(shapely.box(x, y, x + SIDE, y + SIDE))
    areas = pd.DataFrame(rows, columns=["area_code", "area_name", "area_type", "borough_code"])
    small = areas["area_type"] == "lsoa"
    areas = areas.assign(code_vintage=2011, is_pilot=areas["area_code"] == pilot(n_areas))
    codes = areas.loc[small, "area_code"].to_numpy()
    rank = np.random.default_rng(1).permutation(len(codes)) + 1
    tables = {
        "areas": areas,
        "deprivation": pd.DataFrame({
            "area_code": codes, "code_vintage": 2011, "edition": 2007, "rank": rank,
            "decile": np.ceil(10 * rank / len(codes)).astype(int), "data_year": 2005,
        }),
        "indicators": pd.DataFrame({
            "indicator_id": [f"i{i:02d}" for i in range(n_indicators)],
            "name": [f"Offences of kind {i}" for i in range(n_indicators)],
            "definition": "simulated counts", "unit": "per_1000", "value_type": "rate",
            "multiplier": 1000.0, "polarity": "low_is_good", "aim": "both", "theme": "Safe",
            "lead_agency": "Police", "source": "simulated", "licence": "none",
            "disclosure_profile": "open",
        }),
        "interventions": pd.DataFrame({
            "intervention_id": ["p"], "name": ["the pilot"], "area_code": [pilot(n_areas)],
            "start": [f"{START}-01"], "agency": ["Council"], "theme": ["Safe"],
            "kind": ["patrols"], "primary_outcome": ["i00"],
        }),
    }  # fmt: skip
    each = observations(n_areas, n_indicators, n_months)
    several = len(sizes(n_areas)) > 1
    tables["observations"] = each if several else pd.concat(each, ignore_index=True)
    shapes = gpd.GeoDataFrame(
        {"area_code": codes}, geometry=np.concatenate(cells), crs="EPSG:27700"
    )
    about = {"name": "growth", "title": "Growth", "lsp:simulated": True}
    path = write_study(folder / f"study{n_areas}", tables, shapes, about=about)
    more = pd.concat(observations(n_areas, 1, n_months), ignore_index=True)
    more = pd.DataFrame({
        "area_code": more["area_code"], "period": more["period_start"].dt.strftime("%Y-%m"),
        "indicator": "added", "numerator": more["numerator"], "denominator": more["denominator"],
    })  # fmt: skip
    more.to_csv(f"{path}.csv", index=False)
    return path


def pilot(n_areas: int) -> str:
    """Code of the treated area."""
    return codes_of(0, sizes(n_areas)[0])[PILOT]


def run(script: str, *arguments: str) -> list:
    """What a script prints last, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    if done.returncode:
        return [math.nan, math.nan, (done.stderr.strip().splitlines() or ["killed"])[-1][:300]]
    return json.loads(done.stdout.splitlines()[-1])


def measure(path: Path, n_areas: int, wanted: list[str]) -> dict[str, list[float]]:
    """Seconds and MiB of everything that is wanted, by what it is."""
    took = {}
    for name, work in ACTIONS.items():
        with tempfile.TemporaryDirectory() as spare:
            if name == "add":  # which changes the study
                shutil.copytree(path, f"{spare}/study")
            if name in wanted:
                script = RUN.format(work=work.format(pilot=pilot(n_areas)))
                took[name] = run(script, str(path), f"{spare}/study")
    if "page" in wanted:
        with tempfile.TemporaryDirectory() as out:
            every = run(PAGES, str(path), out, pilot(n_areas), *codes_of(0, 7))
        took["a batch of eight"] = every[:2]
        if every[0] > 0:
            seconds = every[2]
            took["the pilot's page"] = [seconds.pop(pilot(n_areas)), every[1]]
            took["a page"] = [statistics.median(seconds.values()), every[1]]
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time what grows with the number of areas.")
    parser.add_argument("--areas", type=int, nargs="+", default=[177, 1_000, 5_000])
    parser.add_argument("--indicators", type=int, default=12)
    parser.add_argument("--months", type=int, default=60)
    parser.add_argument("--only", nargs="+", default=[*ACTIONS, "page"])
    parser.add_argument("--keep", type=Path, help="folder of the studies, made where missing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = arguments.keep or Path(work)
        folder.mkdir(parents=True, exist_ok=True)
        found = {}
        for size in sorted(arguments.areas):
            path = folder / f"study{size}"
            if not path.exists():
                make(folder, size, arguments.indicators, arguments.months)
            found[size] = measure(path, size, arguments.only)
            print(size, json.dumps(found[size]), file=sys.stderr, flush=True)
    frame = pd.DataFrame(
        {
            size: {name: f"{one[0]:.2f} s / {one[1]:,.0f} MiB" for name, one in took.items()}
            for size, took in found.items()
        }
    )
    if len(found) > 1:
        (few, less), (many, more) = list(found.items())[-2:]
        grown = {n: math.log(more[n][0] / less[n][0]) / math.log(many / few) for n in more}
        frame["exponent"] = pd.Series(grown).round(2)
    print(frame.to_string())


if __name__ == "__main__":
    main()
