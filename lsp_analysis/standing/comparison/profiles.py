"""One area on one page: every indicator beside its comparators, and what stands out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Shown
from lsp_analysis.standing.checks import check_columns, check_level
from lsp_analysis.standing.comparison.baseline import (
    Comparison,
    compare_then,
    last_known,
    refuse_overlap,
)
from lsp_analysis.standing.comparison.judging import adjust_p
from lsp_analysis.standing.comparison.profile_row import COLUMNS, identity, indicator_of, row_of
from lsp_analysis.standing.place.groups import group_series
from lsp_analysis.verdicts import VERDICTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

JUDGED = ("better", "worse", "lower", "higher")
METHODS = {
    "bh": "Benjamini and Hochberg's false discovery rate",
    "by": "Benjamini and Yekutieli's false discovery rate",
    "holm": "Holm's chance of any false discovery",
}
NO_DATA = "no data for this area"


@dataclass(frozen=True)
class Profile(Shown):
    """All indicators of one area, with verdicts that allow for how many there are."""

    area: str
    comparators: tuple[str, ...]
    level: float
    adjustment: str
    table: pd.DataFrame = field(repr=False, compare=False)
    comparisons: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per indicator; see `profile` for the columns."""
        return self.table

    def standing_out(self, verdict: str, n: int = 3) -> pd.DataFrame:
        """The `n` rows with this verdict whose ratio to the first comparator is furthest from 1."""
        rows = self.table[self.table["verdict"] == verdict]
        with np.errstate(divide="ignore"):
            far = np.abs(np.log(rows["ratio"].to_numpy(float)))
        return rows.iloc[np.argsort(-np.nan_to_num(far, nan=-1.0), kind="stable")[:n]]

    def caution(self) -> str:
        """How the verdicts allow for many comparisons at once."""
        n = int(self.table["p_value"].notna().sum())
        if self.adjustment == "none" or n < 2:
            return ""
        share = wording.number(round(100 * (1 - self.level), 1))
        method = METHODS[self.adjustment]
        return f"Verdicts allow for {n} comparisons at once ({method} at {share}%)."

    def sentence(self, *, changes: bool = True) -> wording.Sentence:
        """How the area stands, what stands out and, unless left out, what changed (`changed`)."""
        rest = self.comparators[0]
        counted = self.table["verdict"].value_counts()
        places = [
            f"{wording.number(int(counted[word]))} {word}"
            for word in VERDICTS
            if counted.get(word, 0)
        ]
        said = [
            f"{wording.capital(self.area)} against {rest}, "
            f"{wording.counted(len(self.table), 'indicator')}: {wording.and_list(places)}."
        ]
        for word in ("worse", "better", "higher", "lower"):
            rows = self.standing_out(word)
            if len(rows):
                furthest = wording.and_list(map(_against, _rows(rows)))
                said.append(f"{word.capitalize()} by most: {furthest}.")
        said.extend(self._changes() if changes else [])
        said.append(self.caution())
        return wording.Sentence(" ".join(filter(None, said)))

    def changed(self) -> wording.Sentence:
        """What changed since the period before by more than chance, over all indicators at once.

        Where no change can be judged, the first indicator's is given with that said.
        """
        table = self.table
        judged = table[table["change_low"].notna()]
        if judged.empty:
            known = table[table["change"].notna()]
            if known.empty:
                return wording.Sentence("There is no period before to compare with.")
            return wording.Sentence(
                f"{_moved(known.iloc[0])}; how much of that is chance cannot be told."
            )
        moved = judged[judged["change_verdict"].isin(JUDGED)]
        rest = len(judged) - len(moved)
        told = [f"{_moved(row)} ({row['change_verdict']})." for _, row in moved.iterrows()]
        if not told:
            return wording.Sentence(
                f"Nothing changed by more than chance usually makes ({_looked_at(judged)})."
            )
        if rest:
            others = "indicator" if rest == 1 else "indicators"
            told.append(
                f"The other {wording.number(rest)} {others} moved no more than chance usually "
                "makes."
            )
        return wording.Sentence(" ".join(told))

    def _changes(self) -> list[str]:
        """What clearly changed since the period before, by indicator."""
        moved = self.table[self.table["change_verdict"].isin(JUDGED)]
        if moved.empty:
            known = self.table["change_low"].notna().any()
            return ["Nothing changed clearly since the period before."] if known else []
        words = [
            f"{wording.inside(row.name_)} {wording.change(row.change, row.unit)} since "
            f"{wording.period(row.previous_period)} ({row.change_verdict})"
            for row in _rows(moved)
        ]
        return [f"Changed: {wording.and_list(words)}."]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the spine chart: each indicator's place between the worst and the best area."""
        shown = self.table[self.table["value"].notna() & self.table["worst"].notna()]
        columns = {"name": "indicator", "value": "area_value", "comparator_value": "borough_value"}
        frame = shown.rename(columns=columns)
        wanted = ["indicator", "unit", "area_value", "low", "high", "borough_value"]
        return figures.draw_spine(
            frame[[*wanted, "worst", "p25", "p75", "best", "verdict"]].reset_index(drop=True),
            area=self.area,
            comparator=wording.capital(self.comparators[0].removeprefix("the ")),
            ax=ax,
        )


def profile(
    panels: Mapping[str, pd.DataFrame],
    area: Collection[str],
    comparators: Mapping[str, Collection[str]],
    indicators: pd.DataFrame,
    *,
    area_name: str = "the area",
    level: float = 0.95,
    adjustment: str = "bh",
) -> Profile:
    """Set an area beside its comparators on every indicator at once.

    Parameters
    ----------
    panels : mapping of indicator_id to panel
        One may be missing, or lack the area: its row then says so.
    area : small-area codes
    comparators : mapping of name to small-area codes
        The first is the one that verdicts, ranks and the spine chart are about: the rest of the
        borough. None may contain the area.
    indicators : DataFrame, rows of the table `indicators`
        In the order in which they are to be shown.
    area_name : str
    level : float between 0 and 1
    adjustment : "bh", "by", "holm" or "none"
        Of the p-values over the indicators shown, for each comparator and for changes (`adjust_p`).

    Returns
    -------
    Profile
        ``table``, indexed by indicator_id, has ``name``, ``theme``, ``unit``, ``polarity``,
        ``period``, ``value``, ``low``, ``high``; ``comparator_value``, ``difference``,
        ``difference_low``, ``difference_high``, ``ratio``, ``p_value``, ``p_adjusted``,
        ``verdict`` against the first comparator; ``rank``, ``of``, ``decile`` among small areas
        (1 is the worst, or the highest without polarity); ``trend`` (Fingertips, of the same
        season when periods are months or quarters); ``previous_period`` (a year before, in that
        case), ``change`` with limits and ``change_verdict``; ``worst``, ``p25``, ``p75``, ``best``
        of small areas; ``caution``; and for each further comparator its value and verdict under
        its name. ``comparisons`` has a row for every indicator and comparator.

    Raises
    ------
    PanelError
        There are no comparators.
    """
    check_level(level)
    check_columns(indicators, ["indicator_id", "name", "unit", "value_type"], "indicator table")
    if not comparators:
        raise PanelError("A profile needs a comparator: give at least the rest of the borough.")
    for codes in comparators.values():
        refuse_overlap(area, codes)
    rows, compared = [], []
    for indicator in map(indicator_of, indicators.to_dict("records")):
        panel = panels.get(indicator.indicator_id)
        known = set() if panel is None else set(panel["area_code"].unique())
        if known.isdisjoint(area):
            rows.append({**identity(indicator), "caution": NO_DATA})
            continue
        series = group_series(panel, area, indicator=indicator)
        period = last_known(series)
        then = panel[panel["period"] == period]
        found = [
            compare_then(
                series,
                then,
                area=area,
                comparator=codes,
                indicator=indicator,
                period=period,
                level=level,
                area_name=area_name,
                comparator_name=name,
            )
            for name, codes in comparators.items()
            if not known.isdisjoint(codes)
        ]
        if not found:
            rows.append({**identity(indicator), "caution": "no data for any comparator"})
            continue
        rows.append(row_of(series, indicator, found[0], level))
        compared.extend(found)
    comparisons = _comparisons(compared, level, adjustment)
    table = _with_verdicts(_table(rows, level, adjustment), comparisons, tuple(comparators))
    return Profile(area_name, tuple(comparators), level, adjustment, table, comparisons)


def _table(rows: list[dict[str, object]], level: float, adjustment: str) -> pd.DataFrame:
    """The rows in one table, changes judged with allowance for how many there are."""
    table = pd.DataFrame(rows, columns=["indicator_id", *COLUMNS]).set_index("indicator_id")
    adjusted = adjust_p(table["change_p_value"], method=adjustment)
    table["change_verdict"] = _what_remains(table["change_verdict"], adjusted, level)
    return table


def _what_remains(verdicts: pd.Series, adjusted: pd.Series, level: float) -> pd.Series:
    """Verdicts of difference that survive the adjustment; the others become similar.

    The interval of each must be clear of nought as well: it gave the verdict in the first place.
    """
    return verdicts.mask((adjusted > 1 - level) & verdicts.isin(JUDGED), "similar")


def _comparisons(found: list[Comparison], level: float, adjustment: str) -> pd.DataFrame:
    """Every comparison with its adjusted p-value and the verdict that remains."""
    names = ("indicator_id", "name", "unit", "comparator", "period", "value", "comparator_value")
    names += ("difference", "difference_low", "difference_high", "p_value", "verdict")
    frame = pd.DataFrame([{name: getattr(one, name) for name in names} for one in found])
    frame = frame.reindex(columns=list(names))
    groups = frame.groupby("comparator", sort=False)["p_value"]
    frame["p_adjusted"] = groups.transform(lambda p: adjust_p(p, method=adjustment)).astype(float)
    return frame.assign(verdict=_what_remains(frame["verdict"], frame["p_adjusted"], level))


def _with_verdicts(
    table: pd.DataFrame, comparisons: pd.DataFrame, names: tuple[str, ...]
) -> pd.DataFrame:
    groups = comparisons.groupby("comparator")
    by_name = {name: rows.set_index("indicator_id") for name, rows in groups}
    blank = comparisons.iloc[:0].set_index("indicator_id")
    first = by_name.get(names[0], blank).reindex(table.index)
    table.insert(table.columns.get_loc("p_value") + 1, "p_adjusted", first["p_adjusted"])
    verdict = first["verdict"].astype(object).fillna("not compared")
    table.insert(table.columns.get_loc("p_adjusted") + 1, "verdict", verdict)
    for name in names[1:]:
        other = by_name.get(name, blank).reindex(table.index)
        table[f"{name}: value"] = other["comparator_value"]
        table[f"{name}: verdict"] = other["verdict"].astype(object).fillna("not compared")
    return table


def _rows(table: pd.DataFrame) -> list:
    # `name` is also what pandas calls an index, so it is renamed for attribute access.
    return list(table.rename(columns={"name": "name_"}).itertuples(index=False))


def _moved(row: pd.Series) -> str:
    """One indicator's change on the period before."""
    moved = wording.change(row["change"], row["unit"])
    ends = [wording.period(row[name]) for name in ("previous_period", "period")]
    return f"{row['name']} {moved} from {ends[0]} to {ends[1]}"


def _looked_at(judged: pd.DataFrame) -> str:
    if len(judged) == 1:
        return f"only {wording.inside(judged['name'].iloc[0])} could be looked at"
    return f"{len(judged)} indicators looked at"


def _against(row) -> str:
    return (
        f"{wording.inside(row.name_)} ({wording.quantity(row.value, row.unit)} against "
        f"{wording.quantity(row.comparator_value, row.unit)})"
    )
