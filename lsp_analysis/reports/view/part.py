"""A piece of a page as data: the report's notebook holds it, the page draws it.

And every measure of an area as a row of it, from the one table of verdicts.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.reports.page.content import PART
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.wording import is_missing

MOST_TICKS = 6


@dataclass(frozen=True)
class Part:
    """One piece of a page: ``screen``, ``figure`` or ``measures``.

    Attributes
    ----------
    kind : str
        Which macro of the page's template shows it.
    data : mapping
        What it says, as text and plain numbers; missing numbers are None.
    frame : DataFrame, optional
        The numbers behind it, which the page offers as CSV.
    """

    kind: str
    data: Mapping[str, Any] = field(repr=False)
    frame: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """The numbers behind it."""
        return pd.DataFrame() if self.frame is None else self.frame

    def sentence(self) -> str:
        """What it says in a line: its verdict, or its title."""
        return str(self.data.get("verdict") or self.data.get("title", ""))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Data for a page, and the same drawn for a notebook."""
        from lsp_analysis.reports.page.exporter import render_part

        numbers = self.summary_frame()
        told = {"kind": self.kind, **plain(self.data)}
        if len(numbers):
            told["numbers"] = numbers.to_csv(index=False, lineterminator="\n")
        return {PART: told, "text/html": render_part(told), "text/plain": self.sentence()}


def plain(value: Any) -> Any:
    """`value` with nothing in it that JSON lacks: missing and infinite numbers become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray | pd.Series):
        return [plain(item) for item in value]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        return str(value)
    if is_missing(value):
        return None
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if isinstance(value, int) else str(value)


def is_clear(effect: EffectEstimate) -> bool:
    """Whether an effect is clear of chance at its level; not where no valid p-value exists."""
    return not is_missing(effect.p_value) and effect.p_value <= 1 - effect.level + 1e-12


def likely_range(effect: EffectEstimate, less: str, more: str) -> str:
    """An interval of a relative effect in words: "7% to 38% fewer", "38% fewer to 5% more"."""
    low, high = 100 * effect.relative_low, 100 * effect.relative_high
    if not np.isfinite([low, high]).all():
        return "not known"
    if low < 0 < high:
        return f"{-low:.0f}% {less} to {high:.0f}% {more}"
    near, far = sorted([abs(low), abs(high)])
    return f"{near:.0f}% to {far:.0f}% {less if high <= 0 else more}"


def how_sure(effect: EffectEstimate) -> tuple[str, str]:
    """How sure the finding is, in words, and what the placebo areas show."""
    p, n = effect.p_value, effect.n_placebos
    if wording.is_missing(p):
        return "How sure this is cannot be told.", " ".join(map(str, effect.warnings[:1]))
    as_far = max(0, round(p * (n + 1)) - 1)
    areas = f"one of {wording.number(n)}" if as_far == 1 else wording.of_total(as_far, n)
    told = f"{wording.capital(areas)} areas where nothing was done moved as far, for their size."
    if not is_clear(effect):
        return "It could be chance.", told
    return ("Fairly sure, not certain." if p > 0.01 else "Sure, as far as one place can be."), told


def sides(indicator: Indicator) -> tuple[str, str]:
    """Words for below and above what was expected: fewer and more events, else lower and higher."""
    return ("fewer", "more") if indicator.kind == "events" else ("lower", "higher")


def year_at(period: pd.Period) -> float:
    """Where a period lies on a scale of years: its middle, less half a year."""
    return year_of(period.start_time + (period.end_time - period.start_time) / 2)


def year_of(date: Any) -> float:
    """Where a day, or the first day of a period, lies on the same scale."""
    day = date.start_time if isinstance(date, pd.Period) else pd.Timestamp(date)
    return day.year + (day.day_of_year - 1) / 365.25 - 0.5


def lines_of(
    periods: Iterable[pd.Period],
    series: Mapping[str, tuple[Iterable[Any], str]],
    label: str,
    unit: str = "",
    **more: Any,
) -> dict[str, Any]:
    """A chart of lines over `periods`: by its role (here, rest, expected, forecast) each one's
    values and the words at its end; `more` are a band and moments."""
    periods = list(periods)
    chosen = periods[:: -max(1, -(-len(periods) // MOST_TICKS))][::-1]  # the last among them
    return {
        "type": "lines",
        "x": [year_at(p) for p in periods],
        "ticks": [[year_at(p), wording.period(p, short=True)] for p in chosen],
        "unit": unit,
        "series": [
            {"role": role, "values": list(values), "end": end}
            for role, (values, end) in series.items()
        ],
        "label": label,
        **more,
    }


WORDS = {
    "worse": "worse",
    "better": "better",
    "differs": "higher or lower",
    "close": verdicts.CLOSE,
    "none": verdicts.UNCLEAR,
    "few": verdicts.FEW,
    "not": verdicts.NOT,
}
KIND = {word: kind for kind, word in WORDS.items()} | {"higher": "differs", "lower": "differs"}
MANY_SCORES = 12  # without a better side: as many stand among the other measures at most


@dataclass(frozen=True)
class Row:
    """One measure of an area beside its comparator, ready to be shown.

    Attributes
    ----------
    kind : str
        "worse", "better", "differs", "close", "none", "few" or "not"; `word` is the verdict.
    place : float
        Where the area lies among the small areas: 0 the worst, 1 the best.
    is_score : bool
        Whether it is a score of which neither high nor low is better, as a part of an index.
    about : str
        What it counts, with its caution and its source.
    series : DataFrame
        The area's ``value`` and its comparator's, ``rest``, by period; ``first`` is the first of
        several periods that a value of the area is for.
    """

    indicator_id: str
    name: str
    theme: str
    unit: str
    here: str
    rest: str
    kind: str
    word: str
    reason: str
    rank: str
    of: str
    place: float
    value: float
    is_score: bool
    about: str = field(repr=False)
    series: pd.DataFrame = field(repr=False, compare=False)

    @property
    def periods(self) -> pd.Index:
        """The periods that the area's own series has."""
        return self.series.index[self.series["first"].notna()]

    def shown(self, of: str = "") -> dict[str, Any]:
        """The row as the page's template takes it; its place without "of" where the head has it."""
        told = {n: getattr(self, n) for n in ("name", "unit", "here", "rest", "kind", "about")}
        rank = self.rank.removesuffix(f" of {of}") or self.reason
        return {**told, "word": wording.capital(self.word), "rank": rank, "spark": self.spark()}

    def spark(self) -> dict[str, Any]:
        """The two series over the periods that either is known for."""
        ends = []
        for name, column in (("here", "value"), ("elsewhere", "rest")):
            known = self.series[column].dropna()
            if len(known):
                ends.append(f"{name} from {amount(known.iloc[0])} to {amount(known.iloc[-1])}")
        lines = {"here": list(self.series["value"]), "rest": list(self.series["rest"])}
        return {"type": "spark", **lines, "label": f"{self.name}: {'; '.join(ends) or 'no values'}"}


def rows_of(brief: AreaBrief) -> list[Row]:
    """Every measure of an area, in the order of the study."""
    return [_row(brief, str(name), told) for name, told in brief.profile.table.iterrows()]


def many_scores(rows: list[Row]) -> list[Row]:
    """Compared scores without a better side, where they are too many to stand among the rest."""
    scores = [row for row in rows if row.is_score and row.kind not in ("few", "not")]
    return scores if len(scores) > MANY_SCORES else []


def heads_of(rows: list[Row], every: list[Row]) -> dict[str, Any]:
    """What stands over the columns of a table of `rows`, of all the page's: the years that their
    small lines span, and of how many areas each place is."""
    ends = [t.year for row in rows for p in row.periods for t in (p.start_time, p.end_time)]
    years = sorted({min(ends), max(ends)}) if ends else []
    sizes = [row.of for row in every if row.of]
    return {"years": " to ".join(map(str, years)), "of": max(sizes, key=sizes.count, default="")}


def counts_of(rows: list[Row]) -> dict[str, int]:
    """How many measures have each kind of verdict, in the order of `WORDS`; no kind has none."""
    found = {kind: sum(row.kind == kind for row in rows) for kind in WORDS}
    return {kind: n for kind, n in found.items() if n}


def furthest(rows: list[Row], kind: str) -> list[Row]:
    """Rows of one kind, the furthest out among the small areas first."""
    chosen = [row for row in rows if row.kind == kind]
    sign = -1 if kind == "better" else 1
    return sorted(chosen, key=lambda row: (np.isnan(row.place), sign * row.place))


def _row(brief: AreaBrief, indicator_id: str, told: pd.Series) -> Row:
    indicator = brief.indicator(indicator_id)
    known = indicator_id in brief.panels and not wording.is_missing(told["value"])
    series, unit = pd.DataFrame({"first": [], "value": [], "rest": []}), unit_words(indicator)
    if known:
        here, rest = (
            brief.series(indicator_id, name).set_index("period")
            for name in ("", next(iter(brief.comparators)))
        )
        both = here[["first", "value"]].join(rest["value"].rename("rest"), how="outer")
        series = both.sort_index()
        if brief.measured(indicator_id).by_age is not None:
            unit = f"age-standardised, {unit}"
        unit = ", ".join(filter(None, [unit, told["when"]]))
    rank, of = told.get("rank"), told.get("of")
    ends = np.array([told.get(end) for end in ("worst", "best", "value")], dtype=float)
    if np.ptp(ends) <= 1e-9 * abs(ends[-1]):
        rank = np.nan  # all areas are alike, and none is the highest
    return Row(
        indicator_id=indicator_id,
        name=indicator.name,
        theme=indicator.theme,
        unit=unit,
        here=amount(told["value"], indicator.unit),
        rest=amount(told["comparator_value"], indicator.unit),
        kind=KIND[told["verdict"]],
        word=told["verdict"],
        reason=told["reason"],
        rank=_rank(rank, of, indicator.polarity),
        of="" if wording.is_missing(of) else wording.number(of),
        place=np.nan if wording.is_missing(rank) else (float(rank) - 0.5) / float(of),
        value=float(told["value"]),
        is_score=indicator.unit == "score" and indicator.polarity == "none",
        about=about(indicator, told["caution"]),
        series=series,
    )


def about(indicator: Indicator, caution: Any = "") -> str:
    """What an indicator counts, what to be careful of, and where it is from."""
    caution = "" if wording.is_missing(caution) else caution
    source = f"Source: {indicator.source}." if indicator.source else ""
    return " ".join(filter(None, [indicator.definition, caution, source]))


def _rank(rank: Any, of: Any, polarity: str) -> str:
    """A place from the nearer end: "highest of 177", "6th highest of 177", "2nd lowest of 35"."""
    if wording.is_missing(rank) or wording.is_missing(of):
        return ""
    place, of = round(float(rank)), round(float(of))
    ends = ("lowest", "highest") if polarity == "high_is_good" else ("highest", "lowest")
    if place > (of + 1) / 2:
        place, ends = of - place + 1, ends[::-1]
    return f"{wording.placed(place, ends[0])} of {wording.number(of)}"


def unit_words(indicator: Indicator) -> str:
    """The unit of an indicator's values, with its period."""
    if indicator.unit == "percent":
        return f"% of {indicator.base}" if indicator.base else "%"
    return indicator.per or wording.unit_label(indicator.unit).lower()


def amount(value: float, unit: str = "", finer: int = 0) -> str:
    """A value as the page writes it: whole from 10 up, else and in per cent with one decimal;
    `finer` adds decimals."""
    if wording.is_missing(value):
        return "–"
    digits = 0 if abs(value) >= 9.95 and unit != "percent" else 1
    return wording.number(float(value), digits + finer) + ("%" if unit == "percent" else "")
