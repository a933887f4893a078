"""Where in the borough: one indicator in every small area, on the map and in order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.comparison.intervals import empirical_bayes, group_limits
from lsp_analysis.standing.comparison.verdict import adjust_p, ranks
from lsp_analysis.standing.inequality.space import SURPRISING, Moran, moran
from lsp_analysis.standing.place.brief import REST, AreaBrief
from lsp_analysis.study.indicator import Indicator

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

OWN, BESIDE, OTHER = "area", "neighbour", "elsewhere"
MOST_CLUSTERS = 12  # rows of the table of clusters


@dataclass(frozen=True)
class Places(Shown):
    """One indicator in all small areas of a borough, in one period."""

    indicator: Indicator
    area: str
    period: pd.Period
    level: float
    frame: pd.DataFrame = field(repr=False, compare=False)
    neighbours: pd.DataFrame = field(repr=False, compare=False)
    shapes: GeoDataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per small area; see `places` for the columns."""
        return self.frame

    def sentence(self) -> wording.Sentence:
        """The range, and where the area and its neighbours stand in it."""
        known = self.frame.dropna(subset="value")
        own = known[known["role"] == OWN]
        text = (
            f"Over {wording.counted(len(known), 'small area')}, "
            f"{wording.inside(self.indicator.name)} in {wording.period(self.period)} runs from "
            f"{self._quantity(known['value'].min())} to "
            f"{self._quantity(known['value'].max())}."
        )
        if own.empty:
            return wording.Sentence(f"{text} {self.area} has no value.")
        return wording.Sentence(
            f"{text} {self._standing(own, len(known))} {self._around()}".strip()
        )

    def _standing(self, own: pd.DataFrame, n: int) -> str:
        end = "highest" if self.indicator.polarity == "none" else "worst"
        if len(own) == 1:
            place = wording.placed(own["rank"].iloc[0], end)
            return f"{self.area} has {self._quantity(own['value'].iloc[0])}, the {place} of {n}."
        first, last = (wording.ordinal(int(x)) for x in (own["rank"].min(), own["rank"].max()))
        return (
            f"The {len(own)} small areas of {self.area} stand between {first} and {last} of {n} "
            f"from the {end}."
        )

    def _around(self) -> str:
        beside = self.frame[(self.frame["role"] == BESIDE) & self.frame["rank"].notna()]
        if beside.empty:
            return ""
        among = int((beside["rank"] <= self.frame["rank"].max() / 2).sum())
        side = "higher" if self.indicator.polarity == "none" else "worse"
        verb = "is" if among == 1 else "are"
        text = f"{among} of the {len(beside)} areas that touch it {verb} in the {side} half"
        if len(beside) == 1:
            text = f"The area that touches it is{'' if among else ' not'} in the {side} half"
        return f"{text}."

    def _quantity(self, value: float) -> str:
        return wording.quantity(value, self.indicator.per)

    def plot(self, ax: Axes | None = None, background: str | Path | None = None) -> Axes:
        """Map of all small areas, the area outlined and its neighbours thinly.

        A `background` is a local picture with its world file, drawn beneath; nothing is fetched.
        """
        return self._map("value", ax, background=background)

    def draw_smoothed(self, ax: Axes | None = None) -> Axes:
        """The same map with chance taken out, in the same classes of colour."""
        if self.frame["smoothed"].isna().all():
            raise PanelError(self._no_smoothing())
        return self._map("smoothed", ax, said=", smoothed")

    def smoothing_sentence(self) -> wording.Sentence:
        """How far smoothing moved the area, and how many areas it gave another colour."""
        known = self.frame.dropna(subset=["value", "smoothed"])
        if known.empty:
            return wording.Sentence(self._no_smoothing())
        classes = self._classes()
        before, after = (np.searchsorted(classes, known[c]) for c in ("value", "smoothed"))
        moved = wording.of_total(int((before != after).sum()), len(known))
        text = f"Smoothing gives {moved} small areas another colour."
        own = known[known["role"] == OWN]
        if len(own) == 1:
            ends = [self._quantity(own[column].iloc[0]) for column in ("value", "smoothed")]
            text += f" {self.area} goes from {ends[0]} to {ends[1]}."
        return wording.Sentence(text)

    def _no_smoothing(self) -> str:
        return (
            f"{self.indicator.name} has no counts of separate events, so how much of the map is "
            "chance cannot be said."
        )

    def draw_close(self, ax: Axes | None = None, background: str | Path | None = None) -> Axes:
        """The area and the areas that touch it, in the same classes of colour as the whole map."""
        return self._map("value", ax, background=background, roles=(OWN, BESIDE))

    def draw_order(self, ax: Axes | None = None) -> Axes:
        """All small areas in order of their value, with intervals."""
        rows = self.frame.assign(label=self.frame["name"])
        return figures.draw_caterpillar(
            rows[["label", "value", "low", "high"]],
            highlight=list(rows.loc[rows["role"] == OWN, "label"]),
            reference=float(rows["rest"].iloc[0]),
            reference_label="Rest of the borough",
            unit=self.indicator.per,
            level=self.level,
            ax=ax,
        )

    def _map(
        self,
        column: str,
        ax: Axes | None,
        *,
        said: str = "",
        background: str | Path | None = None,
        roles: Collection[str] = (OWN, BESIDE, OTHER),
    ) -> Axes:
        shown = self.frame[self.frame["role"].isin(roles)]
        codes = {role: list(rows["area_code"]) for role, rows in self.frame.groupby("role")}
        return figures.draw_choropleth(
            self.shapes.merge(shown[["area_code", column]], on="area_code"),
            column=column,
            unit=self.indicator.per,
            label=f"{self.indicator.name}{said}, {wording.period(self.period)}",
            bounds=self._classes(),
            highlight={self.area: codes.get(OWN, []), "Neighbours": codes.get(BESIDE, [])},
            background=background,
            ax=ax,
        )

    def _classes(self) -> list[float]:
        """Upper bounds of five classes of as many areas each, for all maps of these places."""
        known = self.frame["value"].dropna()
        return list(np.unique(np.quantile(known, [0.2, 0.4, 0.6, 0.8, 1.0])))

    def moran(self, *, permutations: int = 999) -> Moran:
        """Whether neighbouring areas are alike."""
        values = self.frame.set_index("area_code")["value"]
        return moran(values, self.neighbours, permutations=permutations)

    def clusters_table(self, found: Moran) -> Table:
        """The areas most surely among their like, or their opposites, and how many there are.

        p is adjusted for the number of areas looked at (Benjamini and Hochberg).
        """
        local = found.local.assign(p=adjust_p(found.local["p_value"]))
        rows = self.frame.merge(local[["area_code", "pattern", "p"]], on="area_code")
        rows = rows[rows["p"] <= SURPRISING].sort_values(["p", "rank"], kind="stable")
        counts = rows["pattern"].value_counts()
        told = wording.and_list(f"{count} {pattern}" for pattern, count in counts.items())
        columns = {
            "Small area": rows["name"],
            "Value": [self._quantity(value) for value in rows["value"]],
            "Pattern": rows["pattern"],
            "p": [wording.p_value(p) for p in rows["p"]],
        }
        return figures.table(
            pd.DataFrame(columns).head(MOST_CLUSTERS),
            caption=f"{self.indicator.name}: the small areas most surely like, or unlike, those "
            "around them",
            note=f"In all: {told or 'none'}. p allows for {len(found.local)} areas looked at.",
        )


def places(brief: AreaBrief, indicator_id: str) -> Places:
    """One indicator in every small area of the borough, in the last year known for most of them.

    Returns
    -------
    Places
        ``frame`` has ``area_code``, ``name``, ``role`` (area, neighbour or elsewhere), ``value``
        with limits, ``smoothed`` (empirical Bayes, for rates and proportions), ``rank`` (1 the
        worst, or the highest without polarity) and ``rest`` (all areas outside the area together).

    Raises
    ------
    StudyError
        The study has no boundaries.
    PanelError
        No small area has a value.
    """
    one = brief.measured(indicator_id)
    indicator, panel = one.indicator, one.panel
    own = set(brief.area.members)
    codes = sorted(own.union(brief.comparators[REST]))
    rows = _last_year(panel[panel["area_code"].isin(codes)], indicator)
    period, years = rows["period"].iloc[0], one.years_for(brief.area.members)
    if one.by_age is not None:
        rows = one.each(period, years=years)
        rows = rows[rows["area_code"].isin(codes)].reset_index(drop=True)
    neighbours = brief.study.neighbours()
    beside = set(neighbours.loc[neighbours["area_code"].isin(own), "neighbour_code"]) - own
    rest = one.series(brief.comparators[REST], others=True, years=years, whole=True)
    rest = rest.loc[rest["period"] == period, "value"]
    low, high = group_limits(
        rows.assign(se=np.nan, n_areas=1), indicator=indicator, level=brief.level
    )
    names = small_names(brief)
    worst_high = indicator.polarity != "high_is_good"
    frame = pd.DataFrame(
        {
            "area_code": rows["area_code"],
            "name": rows["area_code"].map(names),
            "role": np.select(
                [rows["area_code"].isin(own), rows["area_code"].isin(beside)], [OWN, BESIDE], OTHER
            ),
            "value": rows["value"],
            "low": low,
            "high": high,
            "smoothed": _smoothed(rows, indicator),
            "rank": ranks(rows["value"], highest_first=worst_high),
            "rest": rest.iloc[0],
        }
    )
    return Places(
        indicator, brief.area.name, period, brief.level, frame, neighbours,
        brief.study.geometry(codes),
    )  # fmt: skip


def small_names(brief: AreaBrief) -> pd.Series:
    """Names of small areas by code; an area of one small area gives it its own name."""
    names = brief.study.small_areas().set_index("area_code")["area_name"]
    names = names.fillna(names.index.to_series())
    if len(brief.area.members) == 1:
        names[brief.area.members[0]] = brief.area.name
    return names


def _last_year(panel: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Rows of the last period in which at least half of the areas have a value."""
    known = panel.dropna(subset="value")["period"].value_counts()
    if known.empty:
        raise PanelError(f"No small area has a value of {wording.inside(indicator.name)}.")
    last = known.index[known >= known.max() / 2].max()
    return panel[panel["period"] == last].reset_index(drop=True)


def _smoothed(rows: pd.DataFrame, indicator: Indicator) -> np.ndarray:
    """Values shrunk towards the overall rate (empirical Bayes); missing otherwise."""
    if indicator.kind not in ("events", "share", "stock"):
        return np.full(len(rows), np.nan)
    return indicator.multiplier * empirical_bayes(rows["numerator"], rows["denominator"])
