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
COLUMNS = ["area_code", "name", "role", "value", "low", "high", "smoothed", "rank", "rest"]
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
        own, n = known[known["role"] == OWN], len(known)
        low, high = map(self._quantity, known["value"].agg(["min", "max"]))
        name, when = wording.inside(self.indicator.name), wording.period(self.period)
        text = (
            f"Over {wording.counted(n, 'small area')}, {name} in {when} runs from {low} to {high}."
        )
        if own.empty:
            return wording.Sentence(f"{text} {self.area} has no value.")
        end = "highest" if self.indicator.polarity == "none" else "worst"
        first, last = (wording.ordinal(int(x)) for x in (own["rank"].min(), own["rank"].max()))
        span = f"between {first} and {last} of {n} from the {end}"
        stands = f"The {len(own)} small areas of {self.area} stand {span}."
        if len(own) == 1:
            value, place = own["value"].iloc[0], wording.placed(own["rank"].iloc[0], end)
            stands = f"{self.area} has {self._quantity(value)}, the {place} of {n}."
        return wording.Sentence(f"{text} {stands} {self._around()}".strip())

    def _around(self) -> str:
        beside = self.frame[(self.frame["role"] == BESIDE) & self.frame["rank"].notna()]
        if beside.empty:
            return ""
        among = int((beside["rank"] <= self.frame["rank"].max() / 2).sum())
        half = "higher half" if self.indicator.polarity == "none" else "worse half"
        if len(beside) == 1:
            return f"The area that touches it is{'' if among else ' not'} in the {half}."
        verb = "is" if among == 1 else "are"
        return f"{among} of the {len(beside)} areas that touch it {verb} in the {half}."

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
        lacking = f"{self.indicator.name} has no counts of separate events"
        return f"{lacking}, so how much of the map is chance cannot be said."

    def draw_close(self, ax: Axes | None = None, background: str | Path | None = None) -> Axes:
        """The area and the areas that touch it, in the same classes of colour as the whole map."""
        return self._map("value", ax, background=background, roles=(OWN, BESIDE))

    def draw_order(self, ax: Axes | None = None) -> Axes:
        """All small areas in order of their value, with intervals."""
        rows = self.frame.assign(label=self.frame["name"])
        own = list(rows.loc[rows["role"] == OWN, "label"])
        line = {"reference": rows["rest"].iloc[0], "reference_label": "Rest of the borough"}
        return figures.draw_caterpillar(
            rows, highlight=own, unit=self.indicator.per, level=self.level, ax=ax, **line
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
        outlined = {self.area: codes.get(OWN, []), "Neighbours": codes.get(BESIDE, [])}
        label = f"{self.indicator.name}{said}, {wording.period(self.period)}"
        geo = self.shapes.merge(shown[["area_code", column]], on="area_code")
        about = {"unit": self.indicator.per, "label": label, "bounds": self._classes()}
        return figures.draw_choropleth(
            geo, column=column, highlight=outlined, background=background, ax=ax, **about
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
        names = {"name": "Small area", "value": "Value", "pattern": "Pattern", "p": "p"}
        shown = rows[list(names)].rename(columns=names).head(MOST_CLUSTERS)
        shown["Value"], shown["p"] = (
            shown["Value"].map(self._quantity),
            shown["p"].map(wording.p_value),
        )
        return figures.table(
            shown,
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
    years = one.years_for(brief.area.members)
    indicator, codes = one.indicator, sorted({*brief.area.members, *brief.comparators[REST]})
    every = one.panel[one.panel["area_code"].isin(codes)]
    known = every.dropna(subset="value")["period"].value_counts()
    if known.empty:
        raise PanelError(f"No small area has a value of {wording.inside(indicator.name)}.")
    period = known.index[known >= known.max() / 2].max()
    rows = one.each(period, years=years)
    rows = rows[rows["area_code"].isin(codes)].reset_index(drop=True)
    rest = one.series(brief.comparators[REST], others=True, years=years, whole=True)
    low, high = group_limits(
        rows.assign(se=np.nan, n_areas=1), indicator=indicator, level=brief.level
    )
    smoothed = np.nan
    if indicator.kind in ("events", "share", "stock"):
        smoothed = indicator.multiplier * empirical_bayes(rows["numerator"], rows["denominator"])
    roles = [rows["area_code"].isin(some) for some in (brief.area.members, brief.touching())]
    frame = rows[["area_code", "value"]].assign(
        name=rows["area_code"].map(small_names(brief)),
        role=np.select(roles, [OWN, BESIDE], OTHER),
        low=low,
        high=high,
        smoothed=smoothed,
        rank=ranks(rows["value"], highest_first=indicator.polarity != "high_is_good"),
        rest=rest.loc[rest["period"] == period, "value"].iloc[0],
    )
    about = (indicator, brief.area.name, period, brief.level, frame[COLUMNS])
    return Places(*about, brief.study.neighbours(), brief.study.geometry(codes))


def small_names(brief: AreaBrief) -> pd.Series:
    """Names of small areas by code; an area of one small area gives it its own name."""
    names = brief.study.small_areas().set_index("area_code")["area_name"]
    names = names.fillna(names.index.to_series())
    if len(brief.area.members) == 1:
        names[brief.area.members[0]] = brief.area.name
    return names
