"""A study's numbers worked out again from its files with pandas and SciPy, by another route.

Nothing of the package takes part: periods are joined, rates standardised, intervals, tests, ranks,
gaps, changes and verdicts worked out from the tables as pandas reads them.
"""

from __future__ import annotations

import functools
import json
import re
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import optimize, stats

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
        self.observations = self.read("observations").copy()
        for end in ("period_start", "period_end"):
            self.observations[end] = pd.to_datetime(self.observations[end])
        self.indicators = self.read("indicators").set_index("indicator_id")

    def read(self, name: str) -> pd.DataFrame:
        if name not in self._read:
            path = self.paths[name]
            parquet = path.suffix == ".parquet"
            self._read[name] = pd.read_parquet(path) if parquet else pd.read_csv(path)
        return self._read[name]

    @cached_property
    def _read(self) -> dict[str, pd.DataFrame]:
        return {}

    def rest(self, own: list[str]) -> list[str]:
        """The other small areas of the borough."""
        return [c for c in self.small if c not in own and self.borough[c] == self.borough[own[0]]]

    def members(self, code: str) -> list[str]:
        if code in self.borough:
            return [code]
        rows = self.read("area_members")
        rows = rows[
            (rows["area_code"] == code) & (rows["code_vintage"].astype(str) == self.vintage)
        ]
        return sorted(rows["member_code"])


def once(work):
    """A method whose answers for the same arguments are kept, as whole pages ask again."""

    @functools.wraps(work)
    def kept(self, *arguments):
        key = (work.__name__, *(tuple(a) if isinstance(a, list) else a for a in arguments))
        if key not in self.kept:
            self.kept[key] = work(self, *arguments)
        return self.kept[key]

    return kept


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
        self.files, self.id, self.kept = files, indicator_id, {}
        self.unit, self.multiplier = row["unit"], float(row["multiplier"])
        self.base = str(fact(row, "base", ""))
        self.about = [str(fact(row, name, "")) for name in ("definition", "source")]
        self.polarity, self.name = row["polarity"], row["name"]
        self.margin = float(fact(row, "margin", np.nan))
        self.unit_period = fact(row, "unit_period", "")
        self.kind = fact(row, "kind", KINDS[row["value_type"]])
        counted = self.kind in ("events", "stock", "share")
        named = bool(FOLLOWS_AGE.search(self.name)) and counted
        self.age_related = counted and str(fact(row, "age_related", named)).lower() == "true"
        if counted and rows["numerator"].isna().all():
            self.kind, self.age_related = "published", False
        self.counted = self.kind in ("events", "stock", "share")
        if self.kind in ("events", "standardised") and not self.unit_period:
            self.unit_period = "year"
        self.table = self.by_year(rows[rows["area_code"].isin(files.small)])
        self.ages = self.by_age() if self.age_related else None

    def by_year(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of whole years, by the year they end in."""
        days = (rows["period_end"] - rows["period_start"]).dt.days + 1
        months = (days / 30.4).round().astype(int).mode().iloc[0]
        rows = rows.assign(note=rows.get("note", pd.Series("", index=rows.index)).fillna(""))
        per_year = 12 // min(months, 12)
        self.readings = {12: "month", 4: "quarter"}.get(per_year, "")
        # A rate of events is per person and period of its unit, most often a person-year.
        in_unit = {"month": 1, "quarter": 3, "year": 12}.get(self.unit_period, np.nan)
        part = min(months, 12) / in_unit if self.kind == "events" else 1.0
        rows = rows.assign(denominator=rows["denominator"].astype(float) * part)
        if "value" not in rows or rows["value"].isna().all():
            rows = rows.assign(value=np.nan)
        if self.counted and self.unit != "count":
            given = rows["value"] if self.kind != "events" else rows["value"] / part
            own = rows["numerator"] / rows["denominator"] * self.multiplier
            rows["value"] = own.fillna(given)
        elif self.unit == "count":
            rows["value"] = rows["numerator"] / part
        self.breaks = sorted(set(rows.loc[rows["note"].str.contains("break"), "period_start"]))
        if "coverage" in rows and rows["coverage"].notna().any():
            placed = rows.groupby("period_start")["coverage"].mean()
            moved = np.flatnonzero(np.abs(placed - placed.iloc[-1]) > 0.05)
            self.breaks += list(placed.index[moved[-1:] + 1])
        if per_year == 1:
            return rows.assign(year=rows["period_end"].dt.year)
        parts = ["numerator", "denominator"]
        months_of = rows.assign(year=rows["period_start"].dt.year).groupby(["area_code", "year"])
        table = months_of[parts].mean() if self.kind == "stock" else months_of[parts].sum()
        table = table[months_of["numerator"].count() == per_year].reset_index()
        base = table["denominator"] if self.unit != "count" else part * per_year
        value = table["numerator"] / base * self.multiplier
        first = pd.to_datetime(table["year"].astype(str) + "-01-01")
        return table.assign(value=value, period_start=first, note="")

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
        people = people.groupby(keys)["population"].sum()
        return tuple(
            {key: wide.to_numpy(float) for key, wide in by_band(counts)}
            for counts in (events, people)
        )

    @once
    def standardised(self, codes: list[str], years: list[int]) -> dict[str, float]:
        """Directly standardised rate of a group, with Dobson's interval."""
        events, people = (
            sum(part[code, year] for code in codes for year in years) for part in self.ages
        )
        total = float(events.sum())
        rate = float((ESP / 100_000 * events / people).sum())
        variance = float(((ESP / 100_000) ** 2 * events / people**2).sum())
        low, high = poisson_interval(total)
        if total < 10:
            return dict.fromkeys(("value", "low", "high", "x", "t"), np.nan) | {"events": total}
        stretch = np.sqrt(variance / total)
        return {
            "value": rate * self.multiplier, "events": total,
            "low": (rate + stretch * (low - total)) * self.multiplier,
            "high": (rate + stretch * (high - total)) * self.multiplier,
            "x": rate**2 / variance, "t": rate / variance,
        }  # fmt: skip

    @once
    def of(self, codes: list[str]) -> pd.DataFrame:
        return self.table[self.table["area_code"].isin(codes)]

    @once
    def group(self, codes: list[str], year: int) -> dict[str, float]:
        rows = self.of(codes)
        rows = rows[rows["year"] == year]
        if self.counted:
            rows = rows.dropna(subset=["numerator"])
            x, t = rows["numerator"].sum(), rows["denominator"].sum()
            if self.unit == "count":
                low, high = poisson_interval(x)
                return {"value": x, "x": x, "t": np.nan, "low": low, "high": high}
            interval = poisson_interval(x) if self.kind == "events" else wilson(x, t)
            low, high = (np.array(interval) / (t if self.kind == "events" else 1)) * self.multiplier
            return {"value": x / t * self.multiplier, "x": x, "t": t, "low": low, "high": high}
        rows = rows.dropna(subset=["value"])
        weights = rows["denominator"]
        weights = np.ones(len(rows)) if weights.isna().any() else weights
        if "lower95" in rows and rows[["lower95", "upper95"]].notna().all(axis=None):
            own = (rows["upper95"] - rows["lower95"]) / 2 / stats.norm.ppf(0.975)
            value = float(np.average(rows["value"], weights=weights))
            se = float(np.sqrt(((weights * own) ** 2).sum()) / np.sum(weights))
            low, high = stats.norm(value, se).interval(0.95)
            return {"value": value, "se": se, "law": "normal", "low": low, "high": high}
        if len(rows) == 1:
            return {"value": float(rows["value"].iloc[0])}
        fitted = sm.WLS(rows["value"], np.ones(len(rows)), weights=weights).fit(cov_type="HC1")
        value, se = float(np.asarray(fitted.params)[0]), float(np.asarray(fitted.bse)[0])
        reach = stats.t.ppf(0.975, len(rows) - 1) * se
        return {"value": value, "se": se, "n": len(rows), "low": value - reach,
                "high": value + reach}  # fmt: skip

    @once
    def since(self) -> pd.Timestamp:
        return max([at for at in self.breaks if at > self.table["period_start"].min()],
                   default=pd.Timestamp("1900-01-01"))  # fmt: skip

    @property
    def by_ages(self) -> bool:
        return self.age_related and self.ages is not None

    @once
    def windows(self, own: list[str]) -> list[list[int]]:
        """Years taken together, the last window last: twenty events in it, at most five years."""
        years = [{year for _, year in part} for part in self.ages]
        known = sorted(years[0] & years[1])
        for n in range(1, 6):
            if self.standardised(own, known[-n:])["events"] >= 20:
                break
        return [known[end - n : end] for end in range(len(known), n - 1, -n)][::-1]

    @once
    def whole_years(self, own: list[str], since: pd.Timestamp) -> list[int]:
        """Years from `since` on in which every small area has a value, or nobody to count."""
        mine = self.of(own)
        nobody = (mine["numerator"] == 0) & (mine["denominator"] == 0)
        mine = mine[(mine["value"].notna() | nobody) & (mine["period_start"] >= since)]
        by = mine.groupby("year")
        whole = (by["area_code"].nunique() == len(own)) & (by["value"].count() > 0)
        return [int(year) for year in whole.index[whole]]

    @once
    def years(self, own: list[str]) -> list[list[int]]:
        """Years in which the whole area has a value since the last break, each a window."""
        if self.by_ages:
            windows = self.windows(own)
            return [w for w in windows if not np.isnan(self.standardised(own, w)["value"])]
        return [[year] for year in self.whole_years(own, self.since())]

    def side(self, codes: list[str], window: list[int]) -> dict[str, float]:
        return self.standardised(codes, window) if self.by_ages else self.group(codes, window[-1])

    def gap(self, own: list[str], rest: list[str]) -> dict[str, object] | None:
        """The gap in the first and the last year, and the change in its size (MOVER)."""
        windows = self.years(own)
        ends = []
        for window in (windows[0], windows[-1]):
            here, there = self.side(own, window), self.side(rest, window)
            limits = self.contrast(here, there)["difference"]
            ends.append((here["value"] - there["value"], limits["low"], limits["high"]))
        (was, was_low, was_high), (now, now_low, now_high) = (size(*end) for end in ends)
        low = now - was - np.hypot(now - now_low, was_high - was)
        high = now - was + np.hypot(now_high - now, was - was_low)
        return {
            "words": [self.when(windows[0], plain=True), self.when(windows[-1], plain=True)],
            "gaps": [ends[0][0], ends[1][0]], "change": now - was, "low": low, "high": high,
            "direction": "no clear change" if low <= 0 <= high
            else "narrowed" if now < was else "widened",
        }  # fmt: skip

    def change(self, own: list[str]) -> dict[str, object]:
        """The last year against the one before, and their test; a p of None without one."""
        windows = self.years(own)
        if len(windows) < 2 or windows[-2][-1] != windows[-1][0] - 1:
            return {"p": np.nan}
        before, now = (self.side(own, window) for window in windows[-2:])
        found = {"change": now["value"] - before["value"], "above": now["value"] > before["value"]}
        made = self.contrast(now, before)
        if not self.counted:
            return found | {"p": made["p"], "expected": np.inf}
        counts = sum(side.get("events", side["x"]) for side in (before, now))
        return found | {"p": made["p"], "expected": counts / 2}

    def trend(self, own: list[str]) -> str:
        """The recent trend in words, by a weighted regression of statsmodels (Fingertips)."""
        last = self.years(own)[-1][-1]
        every = self.windows(own) if self.by_ages else [
            [int(year)] for year in sorted(self.table.loc[
                self.table["period_start"] >= self.since(), "year"].unique()) if year <= last
        ]  # fmt: skip
        ends, years = [window[-1] for window in every[-5:]], self.years(own)
        known = [window in years for window in every[-5:]]
        sides = [self.side(own, window) for window in every[-5:]] if all(known) else []
        if len(sides) < 5 or len(set(np.diff(ends))) > 1 or any("low" not in s for s in sides):
            return "Cannot be calculated"
        value, width = (
            np.array(part)
            for part in zip(
                *((side["value"], side["high"] - side["low"]) for side in sides), strict=True
            )
        )
        if (width == 0).any():
            return "Cannot be calculated"

        def fitted(kept):
            time = sm.add_constant(np.arange(1.0, 6.0)[kept])
            found = sm.WLS(value[kept], time, weights=(3.92 / width[kept]) ** 2).fit()
            variance = np.asarray(found.normalized_cov_params)[1, 1]
            return float(np.asarray(found.params)[1]), variance

        slope, variance = fitted(np.arange(5))
        others = [fitted(np.delete(np.arange(5), at))[0] for at in range(5)]
        alike = len({one < 0 for one in [slope, *others]}) == 1
        if not alike or slope**2 / variance <= 9.54953570608324:
            return "No significant change"
        words = "Increasing" if slope > 0 else "Decreasing"
        if self.polarity == "none":
            return words
        good = (slope > 0) == (self.polarity == "high_is_good")
        return f"{words} and getting {'better' if good else 'worse'}"

    def when(self, window: list[int], *, plain: bool = False) -> str:
        """Years in words: "2012", "2011/12", "2011 to 2012", "average month of 2012"."""
        if len(window) > 1:
            return f"{window[0]} to {window[-1]}"
        starts = self.table.loc[self.table["year"] == window[0], "period_start"]
        split = starts.dt.month.iloc[0] != 1
        words = f"{window[0] - 1}/{window[0] % 100:02d}" if split else str(window[0])
        averaged = self.kind == "stock" and self.readings and not plain
        return f"average {self.readings} of {words}" if averaged else words

    @property
    def per(self) -> str:
        """The unit with its period, as beside a number."""
        a_year = f"a {self.unit_period}" if self.unit_period else ""
        if not self.unit.startswith("per_"):
            return a_year if self.unit == "count" else self.unit
        return " ".join(filter(None, (f"per {self.multiplier:,.0f}", self.base, a_year)))

    def row(self, own: list[str], rest: list[str]) -> dict[str, object] | None:
        """What the page should say of the area beside the rest of its borough; None without a
        value."""
        if self.by_ages:
            return self.standardised_row(own, rest)
        years = self.whole_years(own, pd.Timestamp("1900-01-01"))
        if not years:
            return None
        year = years[-1]
        here, there = self.group(own, year), self.group(rest, year)
        each = self.table[(self.table["year"] == year)].set_index("area_code")["value"]
        found = {"years": [year], "here": here, "there": there}
        found |= self.place(here["value"], each.reindex(rest).dropna())
        if self.age_related:
            return found | {"p": np.nan, "why": "age"}
        if self.kind in ("stock", "share") and here["x"] > here["t"]:
            return found | {"p": np.nan, "why": "more counted than there are"}
        made = self.contrast(here, there)
        return found | made | ({"why": "no test"} if np.isnan(made["p"]) else {})

    def standardised_row(self, own: list[str], rest: list[str]) -> dict[str, object]:
        years = self.windows(own)[-1]
        here, there = self.standardised(own, years), self.standardised(rest, years)
        each = {code: self.standardised([code], years) for code in rest}
        values = pd.Series({c: v["value"] for c, v in each.items()}).dropna()
        found = {"years": years, "here": here, "there": there}
        if here["events"] < 10:
            return found | {"p": np.nan, "why": "few", "value": np.nan}
        found |= self.place(here["value"], values) | self.contrast(here, there)
        return found | {"expected": here["events"] * there["value"] / here["value"]}

    def spread(self, here: dict, there: dict) -> dict[str, float]:
        """Welch's test, small areas being the units; the normal law with published intervals."""
        parts = [side["se"] ** 2 for side in (here, there)]
        law, se = stats.norm(), np.sqrt(sum(parts))
        if here.get("law") != "normal":
            lost = sum(v**2 / (side["n"] - 1) for v, side in zip(parts, (here, there), strict=True))
            law = stats.t(sum(parts) ** 2 / lost)
        gap = here["value"] - there["value"]
        ends = {end: gap + sign * law.ppf(0.975) * se for end, sign in (("low", -1), ("high", 1))}
        close = (gap - law.ppf(0.95) * se, gap + law.ppf(0.95) * se)
        return {"p": 2 * law.sf(abs(gap) / se), "difference": ends, "close": close,
                "expected": np.inf}  # fmt: skip

    def place(self, value: float, others: pd.Series) -> dict[str, int]:
        worse = others < value if self.polarity == "high_is_good" else others > value
        return {"rank": 1 + int(worse.sum()), "of": 1 + len(others)}

    def contrast(self, here: dict, there: dict) -> dict[str, float]:
        """The one test of two groups, or of two years, as the kind asks; p missing without one."""
        nothing = dict.fromkeys(("low", "high"), np.nan)
        if self.unit == "count" or not (self.counted or "se" in here):
            return {"p": np.nan, "difference": nothing, "close": (np.nan, np.nan),
                    "expected": np.inf}  # fmt: skip
        if not self.counted:
            return self.spread(here, there)
        x1, t1, x2, t2 = here["x"], here["t"], there["x"], there["t"]
        if self.by_ages or self.kind == "events":
            compare, counts = compare_rates, (x1, t1, x2, t2)
            expected = t1 * there["value"] / self.multiplier
        else:
            counts = [round(round(part, 6)) for part in (x1, t1, x2, t2)]
            compare, share = compare_shares, there["value"] / self.multiplier
            expected = t1 * min(share, 1 - share)
        made = compare(*counts, LEVEL)
        scaled = {name: made[name] * self.multiplier for name in ("low", "high")}
        closest = (np.nan, np.nan)
        if not np.isnan(self.margin):
            close = compare(*counts, 0.90)
            closest = (close["low"] * self.multiplier, close["high"] * self.multiplier)
        return {"p": made["p"], "difference": scaled, "close": closest, "expected": expected}


def shares_of_residents(rows: pd.DataFrame) -> pd.Series:
    """Per cent of residents by age band and sex, in the last period; nobody counted twice."""
    rows = rows[rows["period"] == rows["period"].max()]
    for column in ("sex", "age_band"):
        parts = rows[rows[column] != "all"]
        rows = parts if len(parts) else rows
    people = rows.groupby(["age_band", "sex"])["population"].sum()
    return 100 * people / people.sum()


def life_expectancy(deaths: np.ndarray, people: np.ndarray) -> tuple[float, float, float]:
    """Expectation of life at birth from five-year bands, age by age, with Silcocks's variance."""
    rate, alive = deaths / people, [1.0]
    for band in range(18):  # five years, half of them lived by those who die in them
        alive.append(alive[-1] * (1 - min(1.0, 5 * rate[band] / (1 + 2.5 * rate[band]))))
    lived = [5 * (alive[n] + alive[n + 1]) / 2 for n in range(18)] + [alive[18] / rate[18]]
    left = [sum(lived[n:]) / alive[n] for n in range(19)]
    variance = alive[18] ** 2 / rate[18] ** 2 / deaths[18]
    for n in range(18):
        dying = 1 - alive[n + 1] / alive[n]
        if deaths[n]:
            spread = dying**2 * (1 - dying) / deaths[n]
            variance += alive[n] ** 2 * (2.5 + left[n + 1]) ** 2 * spread
    reach = stats.norm.ppf(0.975) * np.sqrt(variance)
    return left[0], left[0] - reach, left[0] + reach


def by_band(counts: pd.Series):
    """Rows of (area, year) with a column for each of the 19 age bands."""
    wide = counts.unstack("band").reindex(columns=range(19)).fillna(0.0)  # noqa: PD010
    return wide.iterrows()


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

    possible = np.arange(max(0, total - n2), min(total, n1) + 1)
    central = fixed.logpmf(possible)

    def at(log_odds, upper):
        """Fisher's noncentral law is the central one, tilted by the odds ratio."""
        tilted = np.exp(central + log_odds * possible - max(central + log_odds * possible))
        outside = possible >= x1 if upper else possible <= x1
        return tilted[outside].sum() / tilted.sum() - tail

    start = np.log((x1 + 0.5) * (n2 - x2 + 0.5) / ((n1 - x1 + 0.5) * (x2 + 0.5)))
    reach = 8 * np.sqrt(sum(1 / (part + 0.5) for part in (x1, n1 - x1, x2, n2 - x2)))

    def outermost(own):
        return own / n1 - (total - own) / n2

    low, high = outermost(max(0, total - n2)), outermost(min(total, n1))
    if x1 > max(0, total - n2):
        low = shares(optimize.brentq(at, start - reach, start + reach, (True,)))
    if x1 < min(total, n1):
        high = shares(optimize.brentq(at, start - reach, start + reach, (False,)))
    return {"p": p, "low": low, "high": high}


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
        return side_word(one, found["here"]["value"] > found["there"]["value"])
    if -one.margin < found["close"][0] and found["close"][1] < one.margin:
        return "close to it"
    return "too few to say" if found["expected"] < 10 else "no clear difference"


def side_word(one: Recount, above: bool) -> str:
    """The word for a clear difference."""
    if one.polarity == "none":
        return "higher" if above else "lower"
    return "better" if above == (one.polarity == "high_is_good") else "worse"


def verdicts(rows: dict[str, dict], recounts: dict[str, Recount]) -> dict[str, tuple[float, str]]:
    """Adjusted p-value and verdict of every row, all of them allowed for at once."""
    p = dict(zip(rows, adjusted([row["p"] for row in rows.values()]), strict=True))
    return {name: (p[name], verdict(row, recounts[name], p[name])) for name, row in rows.items()}


def changes(recounts: dict[str, Recount], own: list[str]) -> dict[str, dict]:
    """The change of every indicator on the period before, with its verdict."""
    found = {name: one.change(own) for name, one in recounts.items()}
    p = adjusted([row["p"] for row in found.values()])
    for (name, row), adjusted_p in zip(found.items(), p, strict=True):
        if np.isnan(row["p"]):
            row["verdict"] = "not comparable"
        elif adjusted_p <= ALPHA:
            row["verdict"] = side_word(recounts[name], row["above"])
        else:
            row["verdict"] = "too few to say" if row["expected"] < 10 else "no clear difference"
    return found


def size(gap: float, low: float, high: float) -> tuple[float, float, float]:
    nearest = 0.0 if low < 0 < high else min(abs(low), abs(high))
    return abs(gap), nearest, max(abs(low), abs(high))
