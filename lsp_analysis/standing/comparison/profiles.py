"""One area on one page: every indicator beside its comparators, and what stands out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, ShownTable
from lsp_analysis.standing.change.trends import PER_YEAR, recent_trend, same_season
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.comparison.baseline import (
    Comparison,
    Sides,
    compare_measured,
    period_words,
)
from lsp_analysis.standing.comparison.exact import compare_rows
from lsp_analysis.standing.comparison.intervals import group_limits
from lsp_analysis.standing.comparison.measured import Measured
from lsp_analysis.standing.comparison.verdict import place_among
from lsp_analysis.study.areas import is_among
from lsp_analysis.study.indicator import Indicator

NO_DATA = "no data for this area"
ABOUT = ("name", "theme", "kind", "polarity", "margin", "definition", "source")
NOT_COPIED = {"indicator_id", "name", "unit", "polarity", "area", "comparator", "margin", "level"}
NOT_COPIED |= {"verdict", "reason"}
COPIED = tuple(name for name in Comparison.__dataclass_fields__ if name not in NOT_COPIED)
IN_WORDS = ("first", "period", "why_not", "caution", "averaged")
CHANGE = ("previous_first", "previous_period", "change", "change_low", "change_high")
CHANGE += ("change_p_value", "change_expected", "change_why_not")
COLUMNS = (*ABOUT, "unit", "unit_code", *COPIED, "coverage", "since", "rank", "of", "decile")
COLUMNS += ("worst", "best", "trend", *CHANGE)
OF_COMPARISONS = ("difference_low", "difference_high", "ratio_low", "ratio_high", "p_value")


@dataclass(frozen=True)
class Profile(ShownTable):
    """All indicators of one area, with verdicts that allow for how many there are."""

    area: str
    comparators: tuple[str, ...]
    level: float
    table: pd.DataFrame = field(repr=False, compare=False)

    def standing_out(self, verdict: str, n: int | None = None) -> pd.DataFrame:
        """The `n` rows with this verdict that lie furthest out: by place among the small areas.

        Ties by the ratio to the first comparator. Places can be compared between indicators of
        different units, where ratios cannot.
        """
        rows = self.table[self.table["verdict"] == verdict]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.abs(np.log(rows["ratio"].to_numpy(float)))
            share = rows["rank"].to_numpy(float) / rows["of"].to_numpy(float)
        far = np.minimum(share, 1 - share)
        order = np.lexsort((-np.nan_to_num(ratio, nan=-1.0), np.nan_to_num(far, nan=1.0)))
        return rows.iloc[order[:n]]

    def rule(self) -> str:
        """How verdicts allow for many comparisons at once, to be said once on a page."""
        return verdicts.rule(self.level)

    def sentence(self) -> wording.Sentence:
        """How the area stands, and what stands out."""
        rest = self.comparators[0]
        said = [
            f"{wording.capital(self.area)} against {rest}, "
            f"{wording.counted(len(self.table), 'indicator')}: "
            f"{verdicts.counted(self.table['verdict'])}."
        ]
        for word in verdicts.CLEAR:
            rows = self.standing_out(word, 3)
            if len(rows):
                furthest = wording.and_list(_against(row) for _, row in rows.iterrows())
                said.append(f"{word.capitalize()} by most: {furthest}.")
        said += [verdicts.too_few(self.table), verdicts.not_comparable(self.table), self.rule()]
        return wording.Sentence(" ".join(filter(None, said)))

    def changed(self) -> wording.Sentence:
        """What changed since the period before by more than chance, over all indicators at once."""
        table = self.table
        judged = table[table["change_verdict"].isin([*verdicts.CLEAR, verdicts.UNCLEAR])]
        known = table[table["change"].notna()]
        if judged.empty and known.empty:
            return wording.Sentence("There is no period before to compare with.")
        if judged.empty:
            return wording.Sentence(
                f"{_moved(known.iloc[0])}; how much of that is chance cannot be told."
            )
        moved = judged[judged["change_verdict"].isin(verdicts.CLEAR)]
        told = [f"{_moved(row)} ({row['change_verdict']})." for _, row in moved.iterrows()]
        if not told:
            looked = f"{len(judged)} indicators looked at"
            if len(judged) == 1:
                looked = f"only {wording.inside(judged['name'].iloc[0])} could be looked at"
            told = [f"Nothing changed by more than chance usually makes ({looked})."]
        elif rest := len(judged) - len(moved):
            others = "indicator" if rest == 1 else "indicators"
            told.append(
                f"The other {wording.number(rest)} {others} moved no more than chance usually "
                "makes."
            )
        return wording.Sentence(" ".join(told))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how far each indicator lies from the first comparator, in per cent of its value,
        with intervals, under the verdict that it has."""
        order = {word: place for place, word in enumerate(verdicts.VERDICTS)}
        shown = self.table[self.table["ratio"].notna()].sort_values(
            "verdict", key=lambda words: words.map(order), kind="stable"
        )
        ends = {"estimate": "ratio", "low": "ratio_low", "high": "ratio_high"}
        frame = pd.DataFrame({name: 100 * (shown[column] - 1) for name, column in ends.items()})
        frame = frame.assign(label=shown["name"], group=shown["verdict"].map(wording.capital))
        rest = self.comparators[0].removeprefix("the ")
        return figures.draw_forest(
            frame.reset_index(drop=True),
            unit=f"% of the value of the {rest}",
            level=self.level,
            ax=ax,
        )


def profile(
    measured: Mapping[str, Measured],
    area: Collection[str],
    comparators: Mapping[str, Collection[str]],
    *,
    area_name: str = "the area",
    level: float = 0.95,
) -> Profile:
    """Set an area beside its comparators on every indicator at once.

    Parameters
    ----------
    measured : mapping of indicator_id to Measured
        In the order in which they are to be shown. One may lack the area: its row says so.
    area : small-area codes
    comparators : mapping of name to small-area codes
        The first is the one that verdicts, ranks and the spine chart are about: the rest of the
        borough. None may contain the area.
    area_name : str
    level : float between 0 and 1

    Returns
    -------
    Profile
        ``table``, indexed by indicator_id, has ``name``, ``theme``, ``kind``, ``polarity``,
        ``margin``, ``definition``, ``source``, ``unit`` (words), ``unit_code``; ``first``,
        ``period``, ``when`` (in words), ``value``, ``low``, ``high``; ``comparator_value`` with
        limits, ``difference`` and ``ratio`` with limits, ``p_value``, ``p_adjusted``, ``expected``
        (cases at the comparator's rate), ``verdict`` and ``reason``; ``coverage`` (share placed or
        reporting) and ``since`` (first period after the last break); ``rank``, ``of``, ``decile``
        among small areas (1 is the worst, or the highest without polarity); ``trend`` (Fingertips,
        of the same season when periods are months or quarters); ``previous_period``, ``change``
        with limits and ``change_verdict``; ``worst`` and ``best`` of small areas; ``caution``; and
        for each further comparator its value and verdict under its name (``name: value``,
        ``name: verdict``). Verdicts against each comparator, and on changes, allow for all
        indicators (`verdict.settle`).

    Raises
    ------
    PanelError
        There are no comparators.
    """
    if not comparators:
        raise PanelError("A profile needs a comparator: give at least the rest of the borough.")
    rows: list[dict[str, object]] = []
    further: dict[str, list[dict[str, object]]] = {name: [] for name in list(comparators)[1:]}
    for indicator_id, one in measured.items():
        about = {"indicator_id": indicator_id, **_about(one.indicator)}
        if not is_among(one.panel["area_code"], list(area)).any():
            rows.append({**about, "why_not": NO_DATA, "caution": NO_DATA, "trend": ""})
            continue
        for name, codes in comparators.items():
            found = compare_measured(one, Sides(area, codes, area_name, name), level=level)
            if name in further:
                further[name].append(found.row())
            else:
                rows.append({**about, **row_of(one, found, area, codes)})
    table = _settled(rows, level)
    for name, found in further.items():
        frame = pd.DataFrame(found, columns=[*COPIED, "indicator_id", "polarity", "margin"])
        other = verdicts.settle(frame, level=level).set_index("indicator_id").reindex(table.index)
        table[f"{name}: value"] = other["comparator_value"]
        table[f"{name}: verdict"] = other["verdict"].astype(object).fillna(verdicts.NOT)
    return Profile(area_name, tuple(comparators), level, table)


def row_of(
    one: Measured, found: Comparison, area: Collection[str], comparator: Collection[str]
) -> dict[str, object]:
    """Values, gap, rank, trend and change of one indicator; see `COLUMNS`."""
    years, values = one.years_for(area), found.row()
    series = one.series(area, years=years)
    each = one.each(found.period, years=years)
    others = each.loc[is_among(each["area_code"], list(comparator)), "value"].to_numpy(float)
    highest_first = one.indicator.polarity != "high_is_good"
    place = place_among(found.value, others, highest_first=highest_first)
    ends = dict.fromkeys(("worst", "best"), np.nan)
    if np.isfinite(others).any() and not np.isnan(found.value):
        low, high = np.nanmin(others), np.nanmax(others)
        ends = {"worst": high, "best": low} if highest_first else {"worst": low, "best": high}
    else:
        place = place[["of"]]
    return {
        **{name: values[name] for name in COPIED},
        "coverage": one.placed(area, found.first, found.period),
        "since": one.since(area),
        **place,
        **ends,
        "trend": _trend(series[series["period"] <= found.period], one.indicator),
        **_change(one, series, found, area),
    }


def _settled(rows: list[dict[str, object]], level: float) -> pd.DataFrame:
    """The rows in one table, with their verdicts and those of their changes."""
    frame = pd.DataFrame(rows, columns=["indicator_id", *COLUMNS])
    numbers = [name for name in COPIED if name not in IN_WORDS]
    frame = frame.astype(dict.fromkeys((*numbers, "change_p_value", "change"), float))
    table = verdicts.settle(frame, level=level).set_index("indicator_id")
    table.loc[table["verdict"] == verdicts.NOT, list(OF_COMPARISONS)] = np.nan
    moved = table[["polarity"]].assign(
        p_value=table["change_p_value"],
        difference=table["change"],
        expected=table["change_expected"].astype(float).fillna(np.inf),
        why_not=table["change_why_not"].astype(object).fillna("no period before"),
        **dict.fromkeys(("margin", "close_low", "close_high"), np.nan),
    )
    changes = verdicts.settle(moved, level=level)
    table["change_verdict"], table["change_reason"] = changes["verdict"], changes["reason"]
    when = zip(table["first"], table["period"], table["averaged"], strict=True)
    table["when"] = [
        wording.MISSING if pd.isna(last) else period_words(first, last, averaged=averaged)
        for first, last, averaged in when
    ]
    return table


def _about(indicator: Indicator) -> dict[str, object]:
    """What is known of an indicator before any data."""
    said = {name: getattr(indicator, name) for name in ABOUT}
    return {**said, "unit": indicator.per, "unit_code": indicator.unit}


def _trend(series: pd.DataFrame, indicator: Indicator) -> str:
    """Fingertips recent trend, on 95% limits whatever the level of the page."""
    season = same_season(series).reset_index(drop=True)
    low, high = group_limits(season, indicator=indicator, level=0.95)
    return recent_trend(season.assign(low=low, high=high), polarity=indicator.polarity).label


def _change(
    one: Measured, series: pd.DataFrame, found: Comparison, area: Collection[str]
) -> dict[str, object]:
    """Change on the period before: the same month or quarter of the year before, if that.

    Of pooled years, on the years before them. Not across a break.
    """
    years = one.years_for(area)
    before = found.period - (years if years > 1 else PER_YEAR.get(found.period.freqstr[0], 1))
    ends = [series[series["period"] == p].reset_index(drop=True) for p in (found.period, before)]
    if ends[1].empty:
        since = one.since(area)
        broken = since is not None and before < since
        return {"change_why_not": "counted anew since" if broken else "no period before"}
    moved = compare_rows(*ends, indicator=one.indicator, level=found.level)
    values = [end["value"].iloc[0] for end in ends]
    total = sum(float(end.get("events", end["numerator"]).iloc[0]) for end in ends)
    known = not np.isnan(moved["p_value"])
    return {
        "previous_first": ends[1]["first"].iloc[0],
        "previous_period": before,
        "change": values[0] - values[1],
        "change_low": moved["difference_low"],
        "change_high": moved["difference_high"],
        "change_p_value": moved["p_value"],
        "change_expected": total / 2 if one.indicator.counted else np.inf,
        "change_why_not": "" if known else "no counts to judge the change by",
    }


def _moved(row: pd.Series) -> str:
    """One indicator's change on the period before."""
    moved = wording.change(row["change"], row["unit"])
    since = period_words(row["previous_first"], row["previous_period"], averaged=row["averaged"])
    return f"{row['name']} {moved} from {since} to {row['when']}"


def _against(row: pd.Series) -> str:
    here = wording.number(row["value"], 1)
    if row["unit_code"] == "percent":
        here = wording.quantity(row["value"], "percent")
    there = wording.quantity(row["comparator_value"], row["unit"])
    return f"{wording.inside(row['name'])} ({here} against {there}, {row['when']})"
