"""Work an experiment out again as an outsider would: ``python outsider.py FOLDER VERIFY_DRAW``.

From ``protocol.html``, ``data.csv``, ``codebook.csv`` and ``docs/verify_draw.py`` alone, with
Python's standard library and NumPy; neither the package nor pandas is imported. Prints the draw's
arms, the estimate and the p-value as one JSON object.
"""

import csv
import hashlib
import html.parser
import itertools
import json
import math
import re
import runpy
import sys
from pathlib import Path

import numpy as np

LISTED = 200_000


class Page(html.parser.HTMLParser):
    """Text of a page, and the rows of its tables."""

    def __init__(self, source):
        super().__init__()
        self.text, self.rows, self.cell = [], [], None
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("".join(self.cell).strip())
            self.cell = None

    def handle_data(self, data):
        self.text.append(data)
        if self.cell is not None:
            self.cell.append(data)


def read(file):
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def asked(page, question):
    """The protocol's answer beside a question that begins so; empty if it has none."""
    found = [row[1] for row in page.rows if len(row) == 2 and row[0].startswith(question)]
    return found[0] if found else ""


def units_of(page):
    """The list of units of the protocol, in order."""
    start = next(n for n, row in enumerate(page.rows) if row and row[0].lower() == "unit")
    names = [name.lower() for name in page.rows[start]]
    body = itertools.takewhile(lambda row: len(row) == len(names), page.rows[start + 1 :])
    return [dict(zip(names, row, strict=True)) for row in body]


def numbers(rows, name):
    return np.array([float(row[name]) if row[name] else math.nan for row in rows])


def t_of(outcome, exposure, terms):
    """Coefficient over its HC2 standard error, and the coefficient."""
    design = np.column_stack([exposure, terms])
    left, sizes, right = np.linalg.svd(design, full_matrices=False)
    keep = sizes > sizes[0] * 1e-10
    inverse = (right[keep].T / sizes[keep]) @ left[:, keep].T
    slopes = inverse @ outcome
    residual = outcome - design @ slopes
    leverage = (left[:, keep] ** 2).sum(axis=1)
    free = np.where(leverage < 1 - 1e-9, 1 - leverage, np.inf)
    error = math.sqrt(((inverse[0] ** 2) * residual**2 / free).sum())
    return slopes[0] / error, slopes[0]


def main(folder, verify_draw):
    folder, tools = Path(folder), runpy.run_path(verify_draw)
    page = Page((folder / "protocol.html").read_text(encoding="utf-8"))
    told = " ".join(page.text)
    data, codebook = read(folder / "data.csv"), read(folder / "codebook.csv")
    meaning = {row["column"]: row["meaning"] for row in codebook}
    outcome_name = next(n for n, text in meaning.items() if text.startswith("primary outcome"))
    adjusted = [name for name, text in meaning.items() if "adjusted for" in text]
    wedge = "period" in data[0]

    # The draw: units, blocks and numbers of each arm from the protocol; the seed printed there.
    units = units_of(page)
    strata = [name.strip() for name in asked(page, "Columns within which").split(",") if name]
    strata = [name for name in strata if name in units[0]]
    blocks = tools["numbered"]([tuple(one[name] for name in strata) for one in units])
    arms = (
        sorted({row["arm"] for row in data})
        if wedge
        else re.findall(r"\((?:control|arm) (\w+)\)", told)
    )
    place = {arm: n for n, arm in enumerate(arms)}
    arm_of = {row["unit"]: place[row["arm"]] for row in data}
    observed = [arm_of[one["unit"]] for one in units]
    shares = [observed.count(n) for n in range(len(arms))] if wedge else [1] * len(arms)
    labels = tools["labels_of"](blocks, shares)
    if wedge:
        labels = [arm for arm, n in enumerate(shares) for _ in range(n)]
    [seed] = re.findall(r"Seed: ([0-9a-f]{64})", told)
    drawn = tools["permuted"](blocks, labels, seed)

    # The estimate: a regression on the exposure, covariates, blocks (wedge: units and periods).
    place = {one["unit"]: n for n, one in enumerate(units)}
    unit = np.array([place[row["unit"]] for row in data])
    periods = list(dict.fromkeys(row.get("period", "") for row in data))
    period = np.array([periods.index(row.get("period", "")) for row in data])
    outcome, weight = numbers(data, outcome_name), numbers(data, "weight")
    used = np.isfinite(outcome) & (weight > 0)
    root = np.sqrt(weight[used])
    columns = [np.ones(len(data)), *(numbers(data, name) for name in adjusted)]
    groups = [unit, period] if wedge else [np.array(blocks)[unit]]
    columns += [group == one for group in groups for one in sorted(set(group))]
    terms = np.column_stack(columns).astype(float)[used] * root[:, None]

    def statistic(row):
        own = np.array(row)[unit]
        exposure = (period >= own + 1 if wedge else own == 1).astype(float)
        return t_of(outcome[used] * root, exposure[used] * root, terms)

    # The p-value: over all allocations, or as many as the protocol says, with the key it says.
    draws = int(re.search(r"([\d,]+) drawn with the key", told)[1].replace(",", ""))
    if tools["ways"](blocks, labels) <= min(LISTED, 21 * draws):
        rows = list(tools["every"](blocks, labels))
    else:
        key = hashlib.sha256(",".join(map(str, observed)).encode()).hexdigest()
        rows = [observed] + [tools["permuted"](blocks, labels, key, n) for n in range(draws)]
    own, estimate = statistic(observed)
    found = np.array([abs(statistic(row)[0]) for row in rows])
    p = float((found >= abs(own) * (1 - 1e-9)).mean())
    assert "lsp_analysis" not in sys.modules
    print(json.dumps({"drawn": drawn == observed, "estimate": estimate, "p_value": p}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
