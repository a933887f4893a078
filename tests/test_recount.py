"""An independent recount of what a page says: pandas and SciPy alone, on the study's own files.

Nothing of the package takes part in the recount: periods are joined, rates standardised, intervals,
tests, ranks, gaps and verdicts worked out again by another route, for 20 areas of the demonstration
and 20 of the real study, and then held against the verdict rows and the table as printed.
"""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REAL_INDICATORS, ROOT
from scipy import optimize, stats

from lsp_analysis import area_brief, open_study

LEVEL, ALPHA = 0.95, 0.05
ESP = 500 * np.array([10, 11, 11, 11, 12, 12, 13, 14, 14, 14, 14, 13, 12, 11, 10, 8, 5, 3, 2.0])
KINDS = {"rate": "events", "count": "events", "proportion": "share", "person_periods": "stock"}
KINDS |= {"mean": "mean", "score": "mean", "dsr": "standardised"}
FOLLOWS_AGE = re.compile(
    r"\bdeath|mortality|admission|cancer|stroke|\bheart\b|long[- ]term (ill|cond)|disab|"
    r"bad .*health",
    re.I,
)


class Files:
    """The tables of a study folder as pandas reads them."""

    def __init__(self, folder: Path) -> None:
        listed = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        self.paths = {one["name"]: folder / one["path"] for one in listed["resources"]}
        self.small_type = listed.get("lsp:small_area_type", "lsoa")
        self.vintage = str(listed.get("lsp:code_vintage", 2011))
        areas = self.read("areas")
        small = areas[(areas["area_type"] == self.small_type)]
        small = small[small["code_vintage"].astype(str) == self.vintage]
        self.small = sorted(small["area_code"])
        self.borough = small.set_index("area_code")["borough_code"].to_dict()
        self.observations = self.read("observations")
        for end in ("period_start", "period_end"):
            self.observations[end] = pd.to_datetime(self.observations[end])
        self.indicators = self.read("indicators").set_index("indicator_id")

    def read(self, name: str) -> pd.DataFrame:
        path = self.paths[name]
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)

    def members(self, code: str) -> list[str]:
        if code in self.borough:
            return [code]
        rows = self.read("area_members")
        rows = rows[
            (rows["area_code"] == code) & (rows["code_vintage"].astype(str) == self.vintage)
        ]
        return sorted(rows["member_code"])


def fact(row: pd.Series, name: str, default):
    value = row.get(name, default)
    return default if pd.isna(value) else value


class Recount:
    """One indicator of a study, recounted."""

    def __init__(self, files: Files, indicator_id: str) -> None:
        row = files.indicators.loc[indicator_id]
        rows = files.observations[files.observations["indicator_id"] == indicator_id]
        for column in ("sex", "age", "group"):
            if column in rows:
                rows = rows[rows[column].fillna("all") == "all"]
        self.files, self.id = files, indicator_id
        self.unit, self.multiplier = row["unit"], float(row["multiplier"])
        self.polarity, self.name = row["polarity"], row["name"]
        self.margin = float(fact(row, "margin", np.nan))
        self.kind = fact(row, "kind", KINDS[row["value_type"]])
        counted = self.kind in ("events", "stock", "share")
        named = bool(FOLLOWS_AGE.search(self.name)) and counted
        self.age_related = counted and str(fact(row, "age_related", named)).lower() == "true"
        if counted and rows["numerator"].isna().all():
            self.kind, self.age_related = "published", False
        self.counted = self.kind in ("events", "stock", "share")
        self.table = self.by_year(rows[rows["area_code"].isin(files.small)])
        self.ages = self.by_age() if self.age_related else None

    def by_year(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of whole years, by the year they end in."""
        days = (rows["period_end"] - rows["period_start"]).dt.days + 1
        months = (days / 30.4).round().astype(int).mode().iloc[0]
        rows = rows.assign(note=rows.get("note", pd.Series("", index=rows.index)).fillna(""))
        per_year = 12 // min(months, 12)
        # A rate is per person-year.
        part = 1 / per_year if self.kind == "events" else 1.0
        rows = rows.assign(denominator=rows["denominator"].astype(float) * part)
        if "value" not in rows or rows["value"].isna().all():
            rows = rows.assign(value=np.nan)
        if self.counted and self.unit != "count":
            given = rows["value"] if self.kind != "events" else rows["value"] / part
            own = rows["numerator"] / rows["denominator"] * self.multiplier
            rows["value"] = own.fillna(given)
        self.breaks = sorted(set(rows.loc[rows["note"].str.contains("break"), "period_start"]))
        if per_year == 1:
            return rows.assign(year=rows["period_end"].dt.year)
        out = []
        for (code, year), months_of in rows.groupby(["area_code", rows["period_start"].dt.year]):
            if len(months_of) != per_year or months_of["numerator"].isna().any():
                continue
            sums = months_of[["numerator", "denominator"]].sum()
            if self.kind == "stock":
                sums = months_of[["numerator", "denominator"]].mean()
            value = sums["numerator"] / sums["denominator"] * self.multiplier
            first = pd.Timestamp(year=year, month=1, day=1)
            out.append((code, year, sums["numerator"], sums["denominator"], value, first, ""))
        columns = ["area_code", "year", "numerator", "denominator", "value", "period_start", "note"]
        return pd.DataFrame(out, columns=columns)

    def by_age(self) -> tuple[pd.DataFrame, pd.DataFrame] | None:
        rows = self.files.observations
        rows = rows[(rows["indicator_id"] == self.id) & (rows["age"].fillna("all") != "all")]
        if rows.empty or "populations" not in self.files.paths:
            return None
        people = self.files.read("populations")
        keys = ["area_code", "year", "band"]

        def banded(frame, ages):
            return frame.assign(band=frame[ages].str.extract(r"(\d+)")[0].astype(int) // 5)

        events = banded(rows.assign(year=rows["period_start"].dt.year), "age")
        events = events.groupby(keys)["numerator"].sum()
        people = banded(people[people["age_band"].fillna("all") != "all"], "age_band")
        people = people.assign(year=people["period"].astype(str).str[:4].astype(int))
        return events, people.groupby(keys)["population"].sum()

    def standardised(self, codes: list[str], years: list[int]) -> dict[str, float]:
        """Directly standardised rate of a group, with Dobson's interval."""
        events, people = (
            part[part.index.isin(codes, level=0) & part.index.isin(years, level=1)]
            .groupby("band").sum().reindex(range(19), fill_value=0.0)
            for part in self.ages
        )  # fmt: skip
        total = float(events.sum())
        rate = float((ESP / 100_000 * events / people).sum())
        variance = float(((ESP / 100_000) ** 2 * events / people**2).sum())
        low, high = poisson_interval(total)
        stretch = np.sqrt(variance / total)
        return {
            "value": rate * self.multiplier, "events": total,
            "low": (rate + stretch * (low - total)) * self.multiplier,
            "high": (rate + stretch * (high - total)) * self.multiplier,
            "x": rate**2 / variance, "t": rate / variance,
        }  # fmt: skip

    def group(self, codes: list[str], year: int) -> dict[str, float]:
        rows = self.table[(self.table["year"] == year) & self.table["area_code"].isin(codes)]
        if self.counted:
            rows = rows.dropna(subset=["numerator"])
            x, t = rows["numerator"].sum(), rows["denominator"].sum()
            interval = poisson_interval(x) if self.kind == "events" else wilson(x, t)
            low, high = (np.array(interval) / (t if self.kind == "events" else 1)) * self.multiplier
            return {"value": x / t * self.multiplier, "x": x, "t": t, "low": low, "high": high}
        rows = rows.dropna(subset=["value"])
        weights = rows["denominator"]
        weights = np.ones(len(rows)) if weights.isna().any() else weights
        return {"value": float(np.average(rows["value"], weights=weights))}

    def since(self) -> pd.Timestamp:
        return max([at for at in self.breaks if at > self.table["period_start"].min()],
                   default=pd.Timestamp("1900-01-01"))  # fmt: skip

    def row(self, own: list[str], rest: list[str]) -> dict[str, object] | None:
        """What the page should say of the area beside the rest of its borough; None without a
        value."""
        if self.age_related and self.ages is not None:
            return self.standardised_row(own, rest)
        mine = self.table[self.table["area_code"].isin(own)].dropna(subset="value")
        whole = mine.groupby("year")["area_code"].nunique()
        if not (whole == len(own)).any():
            return None
        year = int(whole.index[whole == len(own)].max())
        here, there = self.group(own, year), self.group(rest, year)
        each = self.table[(self.table["year"] == year)].set_index("area_code")["value"]
        found = {"years": (year, year), "here": here, "there": there}
        found |= self.place(here["value"], each.reindex(rest).dropna())
        if self.age_related:
            return found | {"p": np.nan, "why": "age"}
        if self.kind in ("stock", "share") and here["x"] > here["t"]:
            return found | {"p": np.nan, "why": "more counted than there are"}
        if self.counted:
            return found | self.contrast(here, there)
        if len(own) == 1:
            return found | {"p": np.nan, "why": "spread"}
        return found | {"p": None}

    def standardised_row(self, own: list[str], rest: list[str]) -> dict[str, object]:
        known = sorted(set(self.ages[0].index.get_level_values(1))
                       & set(self.ages[1].index.get_level_values(1)))  # fmt: skip
        for n in range(1, 6):
            years = known[-n:]
            here = self.standardised(own, years)
            if here["events"] >= 20:
                break
        there = self.standardised(rest, years)
        each = {code: self.standardised([code], years) for code in rest}
        values = pd.Series({c: v["value"] for c, v in each.items() if v["events"] >= 10})
        found = {"years": (years[0], years[-1]), "here": here, "there": there}
        if here["events"] < 10:
            return found | {"p": np.nan, "why": "few", "value": np.nan}
        found |= self.place(here["value"], values) | self.contrast(here, there, rates=True)
        return found | {"expected": here["events"] * there["value"] / here["value"]}

    def place(self, value: float, others: pd.Series) -> dict[str, int]:
        worse = others < value if self.polarity == "high_is_good" else others > value
        if self.polarity == "high_is_good":
            worse = others < value
        return {"rank": 1 + int(worse.sum()), "of": 1 + len(others)}

    def contrast(self, here: dict, there: dict, *, rates: bool = False) -> dict[str, float]:
        x1, t1, x2, t2 = here["x"], here["t"], there["x"], there["t"]
        if rates or self.kind == "events":
            made = compare_rates(x1, t1, x2, t2, LEVEL)
            close = compare_rates(x1, t1, x2, t2, 0.90)
            expected = t1 * there["value"] / self.multiplier
        else:
            counts = [round(round(part, 6)) for part in (x1, t1, x2, t2)]
            made, close = compare_shares(*counts, LEVEL), compare_shares(*counts, 0.90)
            share = there["value"] / self.multiplier
            expected = t1 * min(share, 1 - share)
        scaled = {name: made[name] * self.multiplier for name in ("low", "high")}
        closest = (close["low"] * self.multiplier, close["high"] * self.multiplier)
        return {"p": made["p"], "difference": scaled, "close": closest, "expected": expected}


def poisson_interval(x: float) -> tuple[float, float]:
    if x < 10:
        return (stats.chi2.ppf(0.025, 2 * x) / 2 if x else 0.0), stats.chi2.ppf(
            0.975, 2 * x + 2
        ) / 2
    z = stats.norm.ppf(0.975)
    low = x * (1 - 1 / (9 * x) - z / (3 * np.sqrt(x))) ** 3
    return low, (x + 1) * (1 - 1 / (9 * (x + 1)) + z / (3 * np.sqrt(x + 1))) ** 3


def wilson(x: float, n: float) -> tuple[float, float]:
    """Roots of the score equation (p - x/n)^2 = z^2 p (1 - p) / n."""
    z2, share = stats.norm.ppf(0.975) ** 2, x / n
    roots = np.roots([1 + z2 / n, -(2 * share + z2 / n), share**2])
    return tuple(sorted(np.real(roots)))


def compare_rates(x1, t1, x2, t2, level) -> dict[str, float]:
    """Clopper and Pearson's limits of the area's share of all events, by the beta distribution."""
    tail, total, equal = (1 - level) / 2, x1 + x2, t1 / (t1 + t2)
    low = stats.beta.ppf(tail, x1, x2 + 1) if x1 else 0.0
    high = stats.beta.ppf(1 - tail, x1 + 1, x2)
    above = stats.beta.cdf(equal, x1, x2 + 1) if x1 else 1.0
    below = stats.beta.sf(equal, x1 + 1, x2)
    ends = [share * total / t1 - (1 - share) * total / t2 for share in (low, high)]
    return {"p": min(1, 2 * min(above, below)), "low": ends[0], "high": ends[1]}


def compare_shares(x1, n1, x2, n2, level) -> dict[str, float]:
    """Fisher's test, and the limits of the odds ratio by SciPy's noncentral hypergeometric law."""
    total, tail = x1 + x2, (1 - level) / 2
    fixed = stats.hypergeom(n1 + n2, total, n1)
    p = min(1, 2 * min(fixed.cdf(x1), fixed.sf(x1 - 1)))

    def shares(log_odds):
        """Shares whose odds have this ratio, with `total` expected in all."""
        odds = np.exp(log_odds)

        def left(own):
            return n1 * own + n2 * own / (own + odds * (1 - own)) - total

        own = optimize.brentq(left, 1e-12, 1 - 1e-12, xtol=1e-14)
        return own - (total - n1 * own) / n2

    def at(log_odds, upper):
        law = stats.nchypergeom_fisher(n1 + n2, total, n1, np.exp(log_odds))
        return (law.sf(x1 - 1) if upper else law.cdf(x1)) - tail

    start = np.log((x1 + 0.5) * (n2 - x2 + 0.5) / ((n1 - x1 + 0.5) * (x2 + 0.5)))
    reach = 8 * np.sqrt(sum(1 / (part + 0.5) for part in (x1, n1 - x1, x2, n2 - x2)))
    low = -(n2 and min(total, n2) / n2) if x1 == 0 else None
    ends = [
        low
        if end and x1 == 0
        else shares(optimize.brentq(at, start - reach, start + reach, (end,)))
        for end in (True, False)
    ]
    return {"p": p, "low": ends[0], "high": ends[1]}


def adjusted(p: list[float]) -> list[float]:
    """Benjamini and Hochberg's adjustment, written out."""
    known = sorted((value, at) for at, value in enumerate(p) if not np.isnan(value))
    out, least = [np.nan] * len(p), 1.0
    for place, (value, at) in reversed(list(enumerate(known, start=1))):
        least = min(least, value * len(known) / place)
        out[at] = least
    return out


def verdict(found: dict, one: Recount, p_adjusted: float) -> str:
    if found.get("why") == "few":
        return "too few to say"
    if found.get("why"):
        return "not comparable"
    if p_adjusted <= ALPHA:
        above = found["here"]["value"] > found["there"]["value"]
        good = one.polarity == "high_is_good"
        if one.polarity == "none":
            return "higher" if above else "lower"
        return "better" if above == good else "worse"
    if -one.margin < found["close"][0] and found["close"][1] < one.margin:
        return "close to it"
    return "too few to say" if found["expected"] < 10 else "no clear difference"


@pytest.fixture(scope="module")
def demo() -> Path:
    return ROOT / "data" / "bolton_demo"


def chosen_areas(files: Files) -> list[str]:
    """Seventeen small areas spread over the borough, and three MSOAs."""
    areas = files.read("areas")
    larger = sorted(areas.loc[areas["area_type"] == "msoa", "area_code"])[5:35:10]
    return [*files.small[:: len(files.small) // 17 + 1], *larger][-20:]


@pytest.mark.parametrize("which", ["demo", "real_bolton"])
def test_every_value_interval_rank_and_verdict_is_the_recounted_one(which, request):
    folder = request.getfixturevalue(which)
    files, study = Files(folder), open_study(folder)
    brief = area_brief(study, files.small[0])
    wanted = brief.panels if which == "demo" else REAL_INDICATORS
    brief = area_brief(study, files.small[0], panels={name: brief.panels[name] for name in wanted})
    recounts = {name: Recount(files, name) for name in wanted}
    seen = set()
    for code in chosen_areas(files):
        own = files.members(code)
        rest = [
            c for c in files.small if c not in own and files.borough[c] == files.borough[own[0]]
        ]
        table = brief.profile_of(study.area(code)).table
        found = {name: one.row(own, rest) for name, one in recounts.items()}
        tested = {name: row for name, row in found.items() if row["p"] is not None}
        p = dict(zip(tested, adjusted([row["p"] for row in tested.values()]), strict=True))
        if len(tested) < len(found):  # means judged by their spread are not recounted here
            p = table["p_adjusted"].to_dict()
        for name, row in found.items():
            page = table.loc[name]
            about = f"{name} in {code}"
            assert (page["first"].year, page["period"].year) == row["years"], about
            if row.get("why") != "few":
                assert page["value"] == pytest.approx(row["here"]["value"]), about
                assert (page["rank"], page["of"]) == (row["rank"], row["of"]), about
            assert page["comparator_value"] == pytest.approx(row["there"]["value"]), about
            if row["p"] is None:
                continue
            said = verdict(row, recounts[name], p[name])
            assert page["verdict"] == said, about
            seen.add(said)
            if "why" in row:
                continue
            assert page["p_adjusted"] == pytest.approx(p[name], rel=1e-5, abs=1e-12), about
            limits = [row["difference"][end] for end in ("low", "high")]
            given = [page["difference_low"], page["difference_high"]]
            assert given == pytest.approx(limits, rel=1e-5, abs=1e-6 * recounts[name].multiplier), (
                about
            )
            assert [page["low"], page["high"]] == pytest.approx(
                [row["here"]["low"], row["here"]["high"]], rel=1e-6, abs=1e-9
            ), about
    if which == "demo":
        assert {"worse", "better", "no clear difference", "too few to say"} <= seen


def test_the_printed_table_has_the_recounted_numbers(demo):
    files = Files(demo)
    brief = area_brief(open_study(demo), "E01004802")
    rows = pd.read_html(StringIO(brief.shown_table()._repr_html_()))[0].set_index("Indicator")
    rest = [code for code in files.small if code != "E01004802"]
    for name in ("antisocial_behaviour", "jobseekers", "deaths", "burglary"):
        one = Recount(files, name)
        found = one.row(["E01004802"], rest)
        shown = rows.loc[one.name]
        numbers = [float(n.replace(",", "")) for n in re.findall(r"[\d,]+\.?\d*", shown.iloc[1])]
        here = found["here"]
        assert numbers[0] == pytest.approx(here["value"], abs=0.06 if here["value"] < 1000 else 0.6)
        assert [numbers[-2], numbers[-1]] == pytest.approx([here["low"], here["high"]], abs=0.06)
        assert str(found["years"][1]) in shown.iloc[0]
        unit = {"jobseekers": "%", "deaths": "per 100,000 residents a year"}
        assert unit.get(name, "a year") in shown.iloc[1]


def test_gaps_and_their_change_are_the_recounted_ones(demo):
    files, study = Files(demo), open_study(demo)
    for code in ("E01004802", "E02000993", "E01004766"):
        own = files.members(code)
        rest = [c for c in files.small if c not in own]
        brief = area_brief(study, code)
        for name in ("antisocial_behaviour", "jobseekers", "child_poverty", "fly_tipping"):
            one, change = Recount(files, name), brief.gap(name).change()
            starts = one.table.groupby("year")["period_start"].min()
            years = starts.index[starts >= one.since()]
            gaps = []
            for year in (years[0], years[-1]):
                here, there = one.group(own, year), one.group(rest, year)
                limits = one.contrast(here, there)["difference"]
                gaps.append((here["value"] - there["value"], limits["low"], limits["high"]))
            assert (change.start.year, change.end.year) == (years[0], years[-1])
            assert [change.gap_start, change.gap_end] == pytest.approx([gaps[0][0], gaps[1][0]])
            sizes = [size(*gap) for gap in gaps]
            assert change.change == pytest.approx(abs(gaps[1][0]) - abs(gaps[0][0]))
            low = change.change - np.hypot(sizes[1][0] - sizes[1][1], sizes[0][2] - sizes[0][0])
            assert change.change_low == pytest.approx(low, rel=1e-4)


def size(gap: float, low: float, high: float) -> tuple[float, float, float]:
    nearest = 0.0 if low < 0 < high else min(abs(low), abs(high))
    return abs(gap), nearest, max(abs(low), abs(high))
