"""One area on one page: every indicator beside its comparators, and what stands out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, ShownTable
from lsp_analysis.standing.change.trends import PER_YEAR, recent_trend, same_season
from lsp_analysis.standing.comparison import baseline
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.comparison.exact import compare_rows
from lsp_analysis.standing.comparison.intervals import group_limits
from lsp_analysis.standing.comparison.measured import Measured
from lsp_analysis.study.areas import Area, is_among
from lsp_analysis.study.store import Study

NO_DATA = "no data for this area"
ABOUT = ("name", "theme", "kind", "polarity", "margin", "definition", "source")
NOT_COPIED = {"indicator_id", "name", "unit", "polarity", "area", "comparator", "margin", "level"}
NOT_COPIED |= {"verdict", "reason"}
COPIED = tuple(name for name in baseline.Comparison.__dataclass_fields__ if name not in NOT_COPIED)
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
        rest, n = self.comparators[0], wording.counted(len(self.table), "indicator")
        counts = verdicts.counted(self.table["verdict"])
        said = [f"{wording.capital(self.area)} against {rest}, {n}: {counts}."]
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
            moved = _moved(known.iloc[0])
            return wording.Sentence(f"{moved}; how much of that is chance cannot be told.")
        moved = judged[judged["change_verdict"].isin(verdicts.CLEAR)]
        told = [f"{_moved(row)} ({row['change_verdict']})." for _, row in moved.iterrows()]
        if not told:
            looked = f"{len(judged)} indicators looked at"
            if len(judged) == 1:
                looked = f"only {wording.inside(judged['name'].iloc[0])} could be looked at"
            told = [f"Nothing changed by more than chance usually makes ({looked})."]
        elif rest := len(judged) - len(moved):
            others = f"{wording.number(rest)} indicator{'' if rest == 1 else 's'}"
            told.append(f"The other {others} moved no more than chance usually makes.")
        return wording.Sentence(" ".join(told))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how far each indicator lies from the first comparator, in per cent of its value,
        with intervals, under the verdict that it has."""
        order = {word: place for place, word in enumerate(verdicts.VERDICTS)}
        shown = self.table[self.table["ratio"].notna()]
        shown = shown.iloc[np.argsort(shown["verdict"].map(order), kind="stable")]
        ends = {"estimate": "ratio", "low": "ratio_low", "high": "ratio_high"}
        frame = pd.DataFrame({name: 100 * (shown[column] - 1) for name, column in ends.items()})
        frame = frame.assign(label=shown["name"], group=shown["verdict"].map(wording.capital))
        unit = f"% of the value of the {self.comparators[0].removeprefix('the ')}"
        frame = frame.reset_index(drop=True)
        return figures.draw_forest(frame, unit=unit, level=self.level, ax=ax)


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
        known = one.indicator
        about = {"indicator_id": indicator_id, "unit": known.per, "unit_code": known.unit}
        about |= {name: getattr(known, name) for name in ABOUT}
        if not is_among(one.panel["area_code"], list(area)).any():
            rows.append({**about, "why_not": NO_DATA, "caution": NO_DATA, "trend": ""})
            continue
        for name, codes in comparators.items():
            sides = baseline.Sides(area, codes, area_name, name)
            found = baseline.compare_measured(one, sides, level=level)
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
    one: Measured, found: baseline.Comparison, area: Collection[str], comparator: Collection[str]
) -> dict[str, object]:
    """Values, gap, rank, trend and change of one indicator; see `COLUMNS`."""
    years, values = one.years_for(area), found.row()
    series = one.series(area, years=years)
    each = one.each(found.period, years=years)
    others = each.loc[is_among(each["area_code"], list(comparator)), "value"].to_numpy(float)
    highest_first = one.indicator.polarity != "high_is_good"
    place = verdicts.place_among(found.value, others, highest_first=highest_first)
    worst = best = np.nan
    if np.isfinite(others).any() and not np.isnan(found.value):
        best, worst = sorted([np.nanmin(others), np.nanmax(others)], reverse=not highest_first)
    else:
        place = place[["of"]]
    # Fingertips' recent trend has 95% limits whatever the level of the page.
    season = same_season(series[series["period"] <= found.period]).reset_index(drop=True)
    low, high = group_limits(season, indicator=one.indicator, level=0.95)
    trend = recent_trend(season.assign(low=low, high=high), polarity=one.indicator.polarity)
    return {
        **{name: values[name] for name in COPIED},
        "coverage": one.placed(area, found.first, found.period),
        "since": one.since(area),
        **place,
        **{"worst": worst, "best": best, "trend": trend.label},
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
    table["when"] = [
        wording.MISSING if pd.isna(last) else baseline.period_words(first, last, averaged=averaged)
        for first, last, averaged in table[["first", "period", "averaged"]].itertuples(index=False)
    ]
    return table


def _change(
    one: Measured, series: pd.DataFrame, found: baseline.Comparison, area: Collection[str]
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
    now, then = (end["value"].iloc[0] for end in ends)
    total = sum(float(end.get("events", end["numerator"]).iloc[0]) for end in ends)
    known = not np.isnan(moved["p_value"])
    return {
        "previous_first": ends[1]["first"].iloc[0],
        "previous_period": before,
        "change": now - then,
        "change_low": moved["difference_low"],
        "change_high": moved["difference_high"],
        "change_p_value": moved["p_value"],
        "change_expected": total / 2 if one.indicator.counted else np.inf,
        "change_why_not": "" if known else "no counts to judge the change by",
    }


def _moved(row: pd.Series) -> str:
    """One indicator's change on the period before."""
    moved = wording.change(row["change"], row["unit"])
    ends = row[["previous_first", "previous_period"]]
    since = baseline.period_words(*ends, averaged=row["averaged"])
    return f"{row['name']} {moved} from {since} to {row['when']}"


def _against(row: pd.Series) -> str:
    unit = "percent" if row["unit_code"] == "percent" else ""
    here = wording.quantity(row["value"], unit, None if unit else 1)
    there = wording.quantity(row["comparator_value"], row["unit"])
    return f"{wording.inside(row['name'])} ({here} against {there}, {row['when']})"


def headline(profile: Profile, study: Study, area: Area) -> wording.Sentence:
    """How many indicators of an area are better and worse than in the rest of its borough.

    Where none can be judged, the numbers of the first stand for themselves.
    """
    found, rest = profile.table["verdict"], verdicts.REST
    counts = [(word, n) for word in verdicts.CLEAR if (n := int((found == word).sum()))]
    judged = int((~found.isin([verdicts.NOT, verdicts.FEW])).sum())
    told = [f"not clearly different from {rest} on any of {judged} indicators"]
    if counts and judged > 1:
        (first, k), *more = counts
        told = [f"{first} than {rest} on {wording.of_total(k, judged)} indicators"]
        told += [f"{word} on {number}" for word, number in more]
    elif judged == 1:
        words = f"{counts[0][0]} than" if counts else "not clearly different from"
        told = [f"{words} {rest} on the only indicator that can be judged"]
    said = f"{profile.area} is {wording.and_list(told)}." if judged else _unjudged(profile)
    return wording.Sentence(f"{said} {_deprived(study, area)}".strip())


def _unjudged(profile: Profile) -> str:
    """The first indicator's numbers, where there is no verdict."""
    table = profile.table
    known = table[table["value"].notna() & table["comparator_value"].notna()]
    if known.empty:
        return f"{profile.area} cannot be judged here."
    row = known.iloc[0]
    here, there = (wording.quantity(row[c], row["unit"]) for c in ("value", "comparator_value"))
    ends = ("highest", "lowest") if row["polarity"] == "none" else ("worst", "best")
    last = row["of"] > 1 and round(row["rank"]) == row["of"]
    place = ends[1] if last else wording.placed(row["rank"], ends[0])
    return (
        f"{row['name']}: {here} in {profile.area} and {there} in {verdicts.REST} in {row['when']}, "
        f"the {place} of {row['of']:.0f} small areas."
    )


def _deprived(study: Study, area: Area) -> str:
    """Where the area stood in the latest Indices of Deprivation; empty without them."""
    if not study.has("deprivation"):
        return ""
    rows = study.deprivation(code_vintage=area.code_vintage if study.has("code_lookup") else None)
    known = rows[rows["area_code"].isin(area.members)].dropna(subset="rank")
    if known.empty:
        return ""
    edition = known["edition"].max()
    latest = rows[rows["edition"] == edition].set_index("area_code")["rank"]
    places = latest.rank()[list(set(area.members) & set(latest.index))]
    if len(places) == 1:
        place = wording.placed(places.iloc[0], "most deprived")
        where = f"{place} of the borough's {len(latest)} small areas"
        return f"In the Indices of {edition} {area.name} was the {where}."
    decile = known.loc[known["edition"] == edition, "decile"]
    worst = wording.of_total(int((decile == 1).sum()), len(decile))
    where = f"{worst} small areas here were in England's most deprived tenth"
    return f"In the Indices of {edition}, {where}."


def profile_table(profile: Profile) -> Table:
    """Values with intervals, comparators, verdicts and ranks of every indicator of a profile."""
    table = profile.table
    columns = {
        "Indicator": table["name"],
        "Period": table["when"],
        profile.area: [_with_limits(row) for row in table.to_dict("records")],
        "Rest of borough": quantities(table["comparator_value"], table["unit"]),
        "Verdict": table["verdict"],
    }
    for name in profile.comparators[1:]:
        others = pd.Series(quantities(table[f"{name}: value"], table["unit"]), table.index)
        of = "Similarly deprived" if name == verdicts.ALIKE else wording.capital(name)
        columns[of] = others + ": " + table[f"{name}: verdict"]
    columns["Rank (1 worst)"] = [
        wording.MISSING if wording.is_missing(rank) else f"{rank:.0f} of {of:.0f}"
        for rank, of in zip(table["rank"], table["of"], strict=True)
    ]
    rows = table[table["caution"].fillna("") != ""]
    cautions = [
        f"{wording.capital(wording.and_list(map(wording.inside, names)))}: {caution}"
        for caution, names in rows.groupby("caution", sort=False)["name"]
    ]
    notes = [profile.rule(), verdicts.too_few(table), verdicts.not_comparable(table), *cautions]
    return figures.table(
        pd.DataFrame(columns).reset_index(drop=True),
        caption=f"{profile.area}: latest value of every indicator, with "
        f"{100 * profile.level:.0f}% interval, beside its comparators",
        note=" ".join(filter(None, notes)),
    )


def quantities(values: pd.Series, units: pd.Series) -> list[str]:
    """Values in words, each in its own unit."""
    return [wording.quantity(x, unit) for x, unit in zip(values, units, strict=True)]


def _with_limits(row: dict) -> str:
    """A value with its unit and, where there is one, its interval."""
    value = wording.quantity(row["value"], row["unit"])
    if wording.is_missing(row["low"]):
        return value
    return f"{value} ({wording.number(row['low'], 1)} to {wording.number(row['high'], 1)})"
