"""An outsider's attack on finished pages: which small counts do they give back?

Reads only published files: the folder of pages, and the table of counts that lies beside them.
Nothing here comes from the package; run by itself, ``python tests/attack_on_pages.py FOLDER
INDICATOR ...`` prints what it claims to know (sums only of the indicators named: they take long).
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.stats import chi2

SMALL = range(1, 8)
LONG = re.compile(r"(?<![\w.])\d+\.\d{5,}(?![\w.])")
ROW = re.compile(r"<tr>(.*?)</tr>", re.S)
CELL = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.S)
PICTURE = re.compile(r"<svg[^>]*aria-label=\"([^\"]*?):[^>]*>(.*?)</svg>", re.S)
POINTS = re.compile(r'<polyline class="line here" points="([^"]*)"')
DOT = re.compile(r'<circle class="dot" cx="([\d.]+)%?" cy="([\d.]+)"')
WIDTH = 3  # narrowest range allowed of a count from 1 to 7


class Published:
    """What the table of counts beside the pages says."""

    def __init__(self, release: Path):
        self.rows = pd.read_csv(release / "observations.csv")
        self.rows["year"] = pd.to_datetime(self.rows["period_start"]).dt.year
        self.indicators = pd.read_csv(release / "indicators.csv").set_index("indicator_id")
        self.people = self.rows.set_index(["indicator_id", "area_code", "year"])["denominator"]
        self.withheld = set(
            self.rows[self.rows["note"] == "suppressed"][
                ["indicator_id", "area_code", "year"]
            ].itertuples(index=False, name=None)
        )
        members = pd.read_csv(release / "area_members.csv")
        areas = pd.read_csv(release / "areas.csv")
        self.groups = members.groupby("area_code")["member_code"].agg(list).to_dict()
        small = areas[areas["area_type"] == "lsoa"]
        self.groups |= small.groupby("borough_code")["area_code"].agg(list).to_dict()

    def bases(self, indicator, area, year):
        """The people a rate may be of: as shown, to within its rounding, or anything."""
        people = self.people.get((indicator, area, year), np.nan)
        if people != people:
            return list(range(8, 200))
        part = self.indicators["kind"][indicator] in ("share", "stock")
        return [people + step for step in range(-2, 3)] if part else [people]

    def scale(self, indicator):
        """What a rate is per."""
        return float(self.indicators["multiplier"][indicator])


def limits(count, people):
    """Rates and their 95% limits by Wilson, Byar and the exact method, for each count."""
    z, share = 1.959963984540054, count / people
    middle = (share + z * z / 2 / people) / (1 + z * z / people)
    half = np.sqrt(np.maximum(share * (1 - share) / people + z * z / 4 / people**2, 0))
    half = z * half / (1 + z * z / people)
    byar = [
        count * (1 - 1 / (9 * count) - z / 3 / np.sqrt(count)) ** 3 / people,
        (count + 1) * (1 - 1 / (9 * count + 9) + z / 3 / np.sqrt(count + 1)) ** 3 / people,
    ]
    exact = [
        chi2.ppf(0.025, 2 * count) / 2 / people,
        chi2.ppf(0.975, 2 * count + 2) / 2 / people,
    ]
    return share, [(middle - half, middle + half), tuple(byar), tuple(exact)]


def from_numbers(text, code, known):
    """Counts whose rate, or a limit of it, stands in a file with many digits."""
    seen = np.unique([float(x) for x in LONG.findall(text)])
    for indicator, area, year in known.withheld:
        if area != code:
            continue
        bases, scale = known.bases(indicator, code, year), known.scale(indicator)
        for base in bases:
            for count in SMALL:
                share, pairs = limits(count, base)
                ends = [end for pair in pairs for end in pair]
                for value in [share, *ends] if len(bases) == 1 else ends:  # 2/7 is 10/35 as well
                    at = np.searchsorted(seen, value * scale)
                    near = seen[max(at - 1, 0) : at + 1]
                    if value > 0 and (abs(near / (value * scale) - 1) < 1e-8).any():
                        yield indicator, code, year, count


def from_printed(text, code, known):
    """Counts that are the only ones with a rate and limits as a table prints them."""
    names = known.indicators["name"].to_dict()
    for row in ROW.findall(text):
        cells = [html.unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in CELL.findall(row)]
        for indicator in (name for name, label in names.items() if label in cells):
            years = [
                int(cell[:4]) for cell in cells if re.fullmatch(r"(?:19|20)\d\d(/\d\d)?", cell)
            ]
            numbers = [cell.replace(",", "").rstrip("%") for cell in cells]
            digits = [cell if re.fullmatch(r"\d+(\.\d+)?", cell) else "" for cell in numbers]
            for year in years:
                bases, scale = known.bases(indicator, code, year), known.scale(indicator)
                for three in zip(digits, digits[1:], digits[2:], strict=False):
                    if all(three) and three[0] != str(year):
                        yield from solved(three, bases, scale, (indicator, code, year))


def solved(three, bases, scale, where):
    """The counts that answer a value and its two limits, if all of them are small."""
    values = [float(x) for x in three]
    slack = [0.51 * 10.0 ** -len(x.partition(".")[2]) for x in three]
    found = set()
    for base in bases:
        for count in {round(values[0] / scale * base) + step for step in (-1, 0, 1)}:
            if count > 0:
                share, pairs = limits(count, base)
                for low, high in pairs:
                    told = np.abs(np.array([share, low, high]) * scale - values)
                    if (told <= slack).all():
                        found.add(count)
    if found and max(found) <= max(SMALL):
        yield from ((*where, count) for count in found)


def from_pictures(text, code, known):
    """Counts of withheld years that are drawn: heights are fitted to the years that are shown."""
    names = {label: name for name, label in known.indicators["name"].items()}
    values = known.rows.set_index(["indicator_id", "area_code", "year"])["value"]
    for label, drawing in PICTURE.findall(text):
        indicator = names.get(html.unescape(label))
        if not indicator:
            continue
        own = values.get(indicator).get(code)
        if own is None:
            continue
        points = [
            tuple(map(float, p.split(","))) for s in POINTS.findall(drawing) for p in s.split()
        ]
        points += [tuple(map(float, p)) for p in DOT.findall(drawing)]
        own = own[~own.index.duplicated()].sort_index()
        right = 100.0 if "%" in drawing else 130.0
        left = 0.0 if "%" in drawing else 2.0
        place = {
            round((x - left) / (right - left) * (len(own) - 1)): y for x, y in points if x <= right
        }
        drawn = pd.Series({own.index[at]: y for at, y in place.items() if 0 <= at < len(own)})
        fit = own[own.notna()].index.intersection(drawn.index)
        if drawn[fit].nunique() < 2:
            continue
        slope, start = np.polyfit(drawn[fit], own[fit], 1)
        for year in drawn.index.difference(own[own.notna()].index):
            people = known.people.get((indicator, code, year), np.nan)
            count = (slope * drawn[year] + start) * people
            count = count / known.scale(indicator)
            if count == count and 0.5 < count < 7.5:
                yield indicator, code, int(year), round(count)


def from_sums(known, indicators):
    """Counts that sums over areas fix too narrowly, by two linear programs each."""
    asked = known.rows[known.rows["indicator_id"].isin(indicators)]
    for (indicator, year), rows in asked.groupby(["indicator_id", "year"]):
        rows = rows.drop_duplicates("area_code").reset_index(drop=True)
        hidden = (rows["note"] == "suppressed").to_numpy()
        rows = rows[hidden | rows["numerator"].notna().to_numpy()].reset_index(drop=True)
        hidden = (rows["note"] == "suppressed").to_numpy()
        place = {area: i for i, area in enumerate(rows["area_code"])}
        totals = [code for code in known.groups if code in place]
        lines = np.zeros((len(totals), len(rows)))
        for line, code in enumerate(totals):
            lines[line, [place[m] for m in known.groups[code] if m in place]] = 1.0
            lines[line, place[code]] -= 1.0
        shown = rows["numerator"].fillna(0).to_numpy()
        low = np.where(hidden, 1, np.where(shown > 0, np.maximum(shown - 2, 8), 0))
        high = np.where(hidden, np.inf, np.where(shown > 0, shown + 2, 0))
        whole = known.indicators["kind"][indicator] in ("share", "stock")
        area = ~rows["area_code"].isin(totals).to_numpy()
        high = np.where(hidden & area & (not whole), 7, high)
        bounds = list(zip(low, np.where(np.isinf(high), None, high), strict=True))
        for cell in np.flatnonzero(hidden & area):
            aim = np.zeros(len(rows))
            aim[cell] = 1.0
            ends = [
                linprog(s * aim, A_eq=lines, b_eq=np.zeros(len(totals)), bounds=bounds)
                for s in (1, -1)
            ]
            assert ends[0].status == 0
            if ends[1].status == 0 and -ends[1].fun - ends[0].fun < WIDTH - 1e-6:
                yield indicator, rows["area_code"][cell], int(year), round(ends[0].fun)


def from_ranks(text, known):
    """Indicators whose rank is among more areas than have a value shown."""
    latest = known.rows[known.rows["value"].notna()]
    latest = latest[~latest["area_code"].isin(known.groups)]
    for row in ROW.findall(text):
        cells = [html.unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in CELL.findall(row)]
        for indicator in set(cells) & set(known.indicators.index):
            years = [int(c[:4]) for c in cells if re.fullmatch(r"(?:19|20)\d\d(/\d\d)?", c)]
            then = latest[(latest["indicator_id"] == indicator) & latest["year"].isin(years)]
            ranks = [int(c) for c in cells if re.fullmatch(r"\d{1,3}", c)]
            if years and ranks and max(ranks) > then["area_code"].nunique():
                yield indicator, "rank", years[0], 0


def attack(pages: Path, release: Path | None = None, *, sums=()):
    """All claims, each (indicator, area, year, count), by the way in which they were found."""
    known, claims = Published(release or pages / "_release"), defaultdict(set)
    lines = (pages / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if "area_code" in record]
    shared = "\n".join(read(file) for file in pages.glob("*.*"))
    for record in records:
        code = record["members"][0] if len(record["members"]) == 1 else record["area_code"]
        files = [file for file in (pages / record["name"]).rglob("*.*") if file.is_file()]
        files += list((pages / "logs").glob(f"{record['name']}.*"))
        texts = {file: read(file) for file in files}
        for text in texts.values():
            claims["numbers"] |= set(from_numbers(text, code, known))
            claims["printed"] |= set(from_printed(text, code, known))
            claims["pictures"] |= set(from_pictures(text, code, known))
            claims["ranks"] |= set(from_ranks(text, known))
        claims["numbers"] |= set(from_numbers(shared, code, known))
    claims["sums"] |= set(from_sums(known, sums))
    return claims


def read(file: Path) -> str:
    """Text of a file; a notebook's as its cells and outputs have it."""
    text = file.read_text(encoding="utf-8", errors="ignore")
    if file.suffix == ".ipynb":
        parts = []
        for cell in json.loads(text)["cells"]:
            for output in cell.get("outputs", []):
                for content in output.get("data", {}).values():
                    parts.append(
                        content if isinstance(content, str) else "".join(map(str, content))
                    )
        return "\n".join([text, *parts])
    return text


if __name__ == "__main__":
    for way, found in attack(Path(sys.argv[1]), sums=sys.argv[2:]).items():
        print(way, len(found), sorted(found)[:5])
