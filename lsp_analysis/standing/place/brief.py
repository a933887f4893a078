"""One area of a study against its borough: everything a page on "where are we at?" asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TypeVar

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import AreaError, PanelError, ParameterError, did_you_mean
from lsp_analysis.figures.style import name_chart
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.agencies.plan import PlanProgress, plan_progress, plan_values
from lsp_analysis.standing.change.gaps import Gap, gap_between
from lsp_analysis.standing.comparison.baseline import Sides
from lsp_analysis.standing.comparison.intervals import check_level, group_limits
from lsp_analysis.standing.comparison.measured import Measured, measure, read_panels
from lsp_analysis.standing.comparison.profiles import Profile, headline, profile, profile_table
from lsp_analysis.standing.comparison.verdict import ALIKE, REST
from lsp_analysis.study.areas import Area
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.notebook import area_sentence, residents
from lsp_analysis.study.store import Study

T = TypeVar("T")


@dataclass(frozen=True)
class AreaBrief(Shown):
    """An area, its comparators and its indicators, ready to be written up.

    In a notebook it shows how the area stands on every indicator.

    Attributes
    ----------
    comparators : mapping of name to small-area codes
        The rest of the borough first; similarly deprived areas where the study has Indices.
    panels : mapping of indicator_id to panel
        Indicators with observations for small areas.
    notes : tuple of str
        What could not be compared, and why.
    start, n, against
        By which comparators were chosen; see `area_brief`.
    """

    study: Study = field(repr=False)
    area: Area
    comparators: Mapping[str, list[str]] = field(repr=False)
    panels: Mapping[str, pd.DataFrame] = field(repr=False)
    notes: tuple[str, ...] = ()
    level: float = 0.95
    start: object = "2008-04"
    n: int = 10
    panels_given: bool = False  # and not read from the study
    against: str = ""

    @property
    def note(self) -> str:
        """What every figure must say of the data."""
        return self.study.note

    _note = note

    def plot(self) -> Axes:
        """Draw every indicator of the area beside all small areas of its borough."""
        return self.profile.plot()

    def shown_table(self) -> Table:
        """The profile as a reader wants it: values, comparators, verdicts, rank."""
        return profile_table(self.profile)

    def about(self, area: str | Area) -> AreaBrief:
        """The same of another area; what has been read of the study is not read again."""
        given = {"start": self.start, "level": self.level, "n": self.n, "against": self.against}
        return area_brief(self.study, area, panels=self.panels, **given)

    @cached_property
    def profile(self) -> Profile:
        """All indicators beside the comparators, verdicts allowing for how many there are.

        Of the last whole year: a month has too few events to judge a small area by.
        """
        return self._profile(self.area, self.comparators)

    def profile_of(self, area: Area) -> Profile:
        """`profile` of any area of the study, beside the rest of its borough only."""
        if area.code == self.area.code:
            return self.profile
        rest = {REST: self.study.rest_of_borough(area)}
        what = f"profile of {area.code} at {self.level}"
        return self.once(what, lambda: self._profile(area, rest))

    def _profile(self, area: Area, comparators: Mapping[str, list[str]]) -> Profile:
        measured = {indicator_id: self.measured(indicator_id) for indicator_id in self.panels}
        return profile(measured, area.members, comparators, area_name=area.name, level=self.level)

    def measured(self, indicator_id: str) -> Measured:
        """An indicator made ready to be compared; see `measure`. Worked out once."""
        name = self.indicator_id(indicator_id)
        if name not in self._measured:
            made = partial(measure, self.study, name, self.panels[name])
            self._measured[name] = self.once(f"{name} measured", made)
        return self._measured[name]

    def indicator(self, indicator_id: str) -> Indicator:
        """The indicator as it is observed here: see `Indicator.seen_in`."""
        return self.measured(indicator_id).indicator

    def indicator_id(self, name: str, *, larger: bool = False) -> str:
        """The id of an indicator by its id or name.

        PanelError where it is not given for small areas, unless `larger` areas will do.
        """
        if isinstance(name, str) and name in self.panels:
            return name
        found = self.study.indicator(name)
        if found.indicator_id not in self.panels and not larger:
            raise PanelError(
                f"{found.name} has no observations for small areas of this study, so "
                f"{self.area.name} cannot be judged by it. Add some: lsp-analysis add."
            )
        return found.indicator_id

    @cached_property
    def plan(self) -> PlanProgress | None:
        """The borough's progress on the measures of its plan; None when the study has no plan."""
        if not self.study.has("plan"):
            return None
        plan, known = self.study.read("plan"), list(map(self.study.indicator, self.panels))
        names = {indicator.indicator_id: indicator.name for indicator in known}
        return self.once(
            "progress on the plan",
            lambda: plan_progress(plan, plan_values(plan, self.panels, known), names=names),
        )

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What follows from the study's own panels alone is the same for all its areas."""
        return make() if self.panels_given else self.study.once(what, make)

    def headline(self) -> wording.Sentence:
        """How many indicators are better and worse than in the rest of the borough."""
        return headline(self.profile, self.study, self.area)

    sentence = headline

    def trend_sentence(self, indicator_id: str) -> wording.Sentence:
        """Where the area and its comparators began and ended."""
        one = self.measured(indicator_id)
        indicator, since = one.indicator, one.since(self.area.members)
        frame = self.trend(indicator_id, whole=False).dropna(subset="value")
        if frame.empty:
            return wording.Sentence(f"{indicator.name}: no value is known.")
        (unit, words), moves = wording.once(indicator.per), []
        for name, line in frame.groupby("series", sort=False):
            first, last = (
                f"{wording.quantity(row['value'], unit)} in {wording.period(row['period'])}"
                for row in (line.iloc[0], line.iloc[-1])
            )
            went = f"went from {first} to {last}" if len(line) > 1 else f"was {last}"
            moves.append(f"in {name} it {went}")
        text = f"{indicator.name}{words}: {'; '.join(moves)}."
        if since is not None:
            text += f" Counted from {wording.period(since)}, when the way of recording changed."
        return wording.Sentence(text)

    def place(self) -> wording.Sentence:
        """What the area is made of, how many live there, and what it is compared with."""
        rest = wording.counted(len(self.comparators.get(REST, [])), "small area")
        text = f"{area_sentence(self.area)} It is compared with the borough's other {rest}"
        if ALIKE in self.comparators:
            number = len(self.comparators[ALIKE])
            text += f", and with the {number} of them nearest to it in deprivation"
        named = [name for name in self.comparators if name not in (REST, ALIKE)]
        if named:
            text += f", and with {wording.and_list(named)}"
        left_out = {1: "", 2: " of both"}.get(len(self.comparators), " of all")
        return wording.Sentence(f"{text}; the area itself is left out{left_out}.")

    def touching(self) -> list[str]:
        """Small areas that share a boundary with the area; StudyError without boundaries."""
        pairs, own = self.study.neighbours(), set(self.area.members)
        return sorted(set(pairs.loc[pairs["area_code"].isin(own), "neighbour_code"]) - own)

    def population(self, codes: list[str] | None = None) -> tuple[float, object] | None:
        """Residents of the area, or of `codes`, and the latest period they are known for."""
        people = residents(self.study, list(self.area.members) if codes is None else codes)
        return None if people is None else (float(people.sum()), people.name)

    def main_indicator(self, wanted: str = "", *, over_time: bool = True) -> str:
        """`wanted` if given, else the indicator on which the area stands out for the worse most.

        For a story `over_time` one that is known for a single period is taken only if all are.
        """
        if wanted:
            return self.indicator_id(wanted)
        table = self.profile.table
        known = table[table["value"].notna()]
        if known.empty:
            raise PanelError(
                f"No indicator of this study has a value for {self.area.name}. "
                "Add observations for its small areas."
            )
        lasting = [name for name in known.index if len(self.panels[name]["period"].unique()) > 1]
        worse = self.profile.standing_out("worse").index
        pool = lasting if over_time and lasting else list(known.index)
        return str(next((name for name in worse if name in pool), pool[0]))

    def trend(self, indicator_id: str, *, whole: bool = True) -> pd.DataFrame:
        """The area and all comparators through time: period, series, value, low, high.

        By whole years, so that seasons do not hide the direction. With `whole`, also before the
        last break, which `events` marks.
        """
        own = self.series(indicator_id, whole=whole)
        low, high = group_limits(own, indicator=self.indicator(indicator_id), level=self.level)
        lines = [own.assign(series=self.area.name, low=low, high=high)]
        for name in self.comparators:
            lines.append(self.series(indicator_id, name, whole=whole).assign(series=name))
        return pd.concat(lines, ignore_index=True)[["period", "value", "series", "low", "high"]]

    def series(
        self, indicator_id: str, comparator: str = "", *, years: bool = True, whole: bool = False
    ) -> pd.DataFrame:
        """The area, or one of its comparators, as one group through time (`Measured.series`).

        By whole years, or with ``years=False`` in the periods as observed; from the last break on,
        unless `whole`.
        """
        one, others = self.measured(indicator_id), bool(comparator)
        codes = self.codes(comparator) if comparator else self.area.members
        pooled = one.years_for(self.area.members) if years else 1
        return one.series(codes, others=others, years=pooled, whole=whole, as_observed=not years)

    def codes(self, comparator: str) -> list[str]:
        """Small areas of a comparator; ParameterError for one that the area is not set beside."""
        if comparator not in self.comparators:
            raise ParameterError(
                f'{self.area.name} is not compared with "{comparator}", but with '
                f"{wording.and_list(self.comparators, last='or')}."
                f"{did_you_mean(str(comparator), self.comparators)}"
            )
        return self.comparators[comparator]

    def sides(self, comparator: str = REST) -> Sides:
        """The area and a comparator, as the methods take them."""
        return Sides(self.area.members, self.codes(comparator), self.area.name, comparator)

    @cached_property
    def _measured(self) -> dict[str, Measured]:
        return {}

    def draw_trend(self, indicator_id: str, ax: Axes | None = None) -> Axes:
        """The trend of one indicator, dated events and breaks of its series marked on it."""
        indicator, lines = self.indicator(indicator_id), self.trend(indicator_id)
        about = {"unit": indicator.per, "events": self.events(indicator_id), "level": self.level}
        ax = figures.draw_trend(lines, highlight=self.area.name, ax=ax, **about)
        return name_chart(ax, indicator.name)

    def events(self, indicator_id: str = "") -> pd.DataFrame | None:
        """Dated events of the area, its small areas and its borough; None when there are none.

        Changes of recording are those of `indicator_id` only: recorded ones whose label names it,
        and the last break of its series.
        """
        frames = []
        if self.study.has("events"):
            codes = {self.area.code, *self.area.members, self.area.borough_code}
            rows = self.study.read("events", where={"area_code": sorted(codes)})
            recording = rows["kind"].fillna("").str.contains("recording|definition", case=False)
            frames.append(rows.loc[~recording, ["date", "label"]])
        since = self.measured(indicator_id).since(self.area.members) if indicator_id else None
        if since is not None:
            broken = {"date": [since.start_time], "label": ["Counted differently from here on"]}
            frames.append(pd.DataFrame(broken))
        found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        return found.sort_values("date", ignore_index=True) if len(found) else None

    def gap(self, indicator_id: str, comparator: str = REST) -> Gap:
        """The gap to a comparator in every year, with intervals."""
        return gap_between(self.measured(indicator_id), self.sides(comparator), level=self.level)


def area_brief(
    study: Study | str,
    area: str | Area,
    *,
    start: object = "2008-04",
    level: float = 0.95,
    n: int = 10,
    against: str = "",
    panels: Mapping[str, pd.DataFrame] | None = None,
) -> AreaBrief:
    """Gather what a page on one area needs.

    Parameters
    ----------
    study : Study, or the folder or name of one
    area : name, code or Area
    start : Period, date or text
        Similarly deprived areas are chosen on the last edition of the Indices before it, never on a
        later one.
    level : float between 0 and 1
        Coverage of all intervals on the page.
    n : int
        How many similarly deprived areas.
    against : name or code, optional
        Another area of the study to compare with as well, less what the two share.
    panels : mapping of indicator_id to panel, optional
        Read from the study unless given.

    Raises
    ------
    StudyError
        No indicator has observations for small areas.
    """
    from lsp_analysis.study.store import open_study

    study = open_study(study)
    part = study if panels is not None else study.around(area)
    study = part if not against or study.around(against) is part else study
    place = study.area(area)
    check_level(level)
    notes = []
    comparators = {REST: study.rest_of_borough(place)}
    try:
        if study.has("deprivation"):
            comparators[ALIKE] = study.similarly_deprived(place, before=start, n=n)
        else:
            lacking = 'The study has no table "deprivation"'
            notes.append(f"{lacking}: similarly deprived areas are not known.")
    except AreaError as error:  # no edition is old enough, or none has a rank for the area
        notes.append(f"Similarly deprived areas are not known: {error}")
    if against:
        other = study.area(against)
        apart = [code for code in other.members if code not in set(place.members)]
        comparators |= {other.name: apart} if apart else {}
        if not apart:
            notes.append(f"{other.name} lies inside {place.name}: the two are not compared.")
    given = panels is not None
    panels, unread = (panels, []) if given else read_panels(study)
    about = (level, start, n, given, against)
    return AreaBrief(study, place, comparators, panels, (*notes, *unread), *about)
