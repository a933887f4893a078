"""The Indices of Deprivation over their editions: what happened, and what like areas did anyway.

Scores are not comparable between editions, so areas are followed by rank and by position in the
borough: 1 is the borough's most deprived small area.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.regressions.differences import did
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import LspError, PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Absent, Axes, Shown, carries_note
from lsp_analysis.study.areas import Area
from lsp_analysis.study.asking.table import as_date
from lsp_analysis.study.question import Question
from lsp_analysis.study.store import Study

HEADINGS = ["Edition", "Data mostly of", "National rank", "Position in the borough", "Areas ranked"]
ALIKE = 10  # areas called as bad, or as quick to rise


@dataclass(frozen=True)
class EditionStory(Shown):
    """A neighbourhood's place in successive Indices, beside areas that looked alike at the time.

    Attributes
    ----------
    places : DataFrame
        edition, data_year, rank (national, 1 most deprived), position (in the borough), of (areas
        ranked), one row per edition, averaged over the neighbourhood's areas.
    anyway : DataFrame
        group, areas, change (mean change of position from `before` to `after`).
    lines : DataFrame
        edition, series, position: the mean positions drawn.
    effect : EffectEstimate
        Difference-in-differences of position, ranked among placebo neighbourhoods.
    before, after : int
        The last edition before the start, and the next.
    """

    area: str
    before: int
    after: int
    places: pd.DataFrame = field(repr=False, compare=False)
    anyway: pd.DataFrame = field(repr=False, compare=False)
    lines: pd.DataFrame = field(repr=False, compare=False)
    effect: EffectEstimate = field(repr=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per edition."""
        return self.places

    def sentence(self) -> wording.Sentence:
        """The rise and the fall, what like areas did, and the placebo p-value; attributed to
        nothing."""
        steps = [
            f"{wording.ordinal(round(row.position))} of {row.of} in {row.edition} (national rank "
            f"{wording.number(round(row.rank))}, data mostly of {row.data_year})"
            for row in self.places.itertuples()
        ]
        places = self.places.set_index("edition")
        change = float(places["position"][self.after] - places["position"][self.before])
        late = places["data_year"][self.after]
        others = [f"{row.group} moved {_places(row.change)} on average"
                  for row in self.anyway.itertuples()]  # fmt: skip
        return wording.Sentence(
            f"Counting from the most deprived small area of the borough, {self.area} stood "
            f"{wording.and_list(steps)}. "
            f"From {self.before} to {self.after} it moved {_places(change)}; over the same time "
            f"{wording.and_list(others)}. "
            "Among placebo neighbourhoods a difference-in-differences as large has "
            f"{wording.p_value(self.effect.p_value)}. "
            f"The {self.after} edition rests on data mostly of {late}, so these positions "
            "say where the neighbourhood stood and attribute its movement to nothing."
        )

    def shown_table(self) -> Table:
        """Rank and position in every edition."""
        shown = self.places.astype({"edition": str, "data_year": str}).set_axis(HEADINGS, axis=1)
        return figures.table(
            shown, caption=f"{self.area} in the Indices of Deprivation (1 is the most deprived)"
        )

    table = shown_table

    def plot(self, ax: Axes | None = None) -> Axes:
        """Positions by edition: the neighbourhood, and areas as deprived before the start."""
        lines = self.lines[self.lines["series"].isin(self.lines["series"].unique()[:2])]
        return figures.draw_trend(
            lines.rename(columns={"edition": "period", "position": "value"}),
            unit="position in the borough (1 is most deprived)",
            highlight=self.area,
            first_on_top=True,
            ax=ax,
        )


def _places(change: float) -> str:
    """A change of position in words; a rise in number is a move away from the most deprived end."""
    size = abs(round(change))
    way = "away from" if change > 0 else "towards"
    places = f"{wording.number(size)} {'place' if size == 1 else 'places'} {way}"
    return f"{places} the most deprived end" if size else "hardly at all"


def positions(deprivation: pd.DataFrame) -> pd.DataFrame:
    """Rank and position of every small area in every edition.

    Parameters
    ----------
    deprivation : DataFrame
        ``area_code``, ``edition``, ``rank``, ``data_year``: the small areas of one borough.

    Returns
    -------
    DataFrame with ``area_code``, ``period`` (the edition's year), ``edition``, ``data_year``,
    ``rank``, ``position`` (1 is the borough's most deprived), ``of`` (areas ranked in that
    edition).
    """
    rows = deprivation.dropna(subset=["rank"])
    by_edition = rows.groupby("edition")["rank"]
    return rows.assign(
        position=by_edition.rank(method="average"),
        of=by_edition.transform("size"),
        period=pd.PeriodIndex(rows["edition"].astype(str), freq="Y"),
    )[["area_code", "period", "edition", "data_year", "rank", "position", "of"]]


def follow_editions(
    deprivation: pd.DataFrame,
    *,
    treated: Sequence[str],
    start: pd.Period | str,
    place: str = "the neighbourhood",
    neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None = None,
    level: float = 0.95,
) -> EditionStory:
    """Follow a neighbourhood through the Indices, comparators chosen on the last edition before the
    start.

    Parameters
    ----------
    deprivation : DataFrame
        Small areas of one borough, one row per area and edition: ``area_code``, ``edition``,
        ``rank``, ``data_year``.
    treated : list of str
    start : Period or str
        Start of the programme. Editions of earlier years are before it; no later edition chooses a
        comparator.

    Raises
    ------
    PanelError
        Fewer than two editions before the start, or none after, that rank the neighbourhood.
    """
    table = positions(deprivation)
    known = table[table["area_code"].isin(treated)].groupby("edition")["area_code"].nunique()
    editions = sorted(known.index[known == len(set(treated))])
    year = as_date(start).year
    earlier, later = ([e for e in editions if (e < year) == wanted] for wanted in (True, False))
    if len(earlier) < 2 or not later:
        raise PanelError(
            f"The Indices rank {place} in {wording.counted(len(earlier), 'edition')} before {year} "
            f"and {len(later)} after; two before and one after are needed. Import more editions."
        )
    first, before, after = earlier[-2], earlier[-1], later[0]
    table = table[table["edition"].isin([*earlier, *later])]
    wide = table.pivot_table(index="area_code", columns="edition", values="position")
    groups = _alike(wide[[first, before]].dropna(), list(treated), first, before)
    asked = Question.from_frame(
        table[table["edition"].isin([*earlier, after])], outcome="position",
        treated=list(treated), start=int(after), neighbours=neighbours,
    )  # fmt: skip
    asked = asked.named(f"the position of {place} in the borough", "places", place)
    own = table[table["area_code"].isin(treated)]
    columns = {"data_year": "first", "rank": "mean", "position": "mean", "of": "first"}
    change = wide[after] - wide[before]
    moved = {name: change.reindex(codes).dropna() for name, codes in groups.items()}
    anyway = [(name, len(changes), changes.mean()) for name, changes in moved.items()]
    means = {name: wide.loc[codes].mean() for name, codes in {place: [*treated], **groups}.items()}
    lines = pd.DataFrame(means).rename_axis("edition").reset_index()
    lines = lines.melt("edition", var_name="series", value_name="position")
    return EditionStory(
        area=place,
        before=before,
        after=after,
        places=own.groupby("edition").agg(columns).reset_index(),
        anyway=pd.DataFrame(anyway, columns=["group", "areas", "change"]),
        lines=lines.assign(edition=lines["edition"].astype(str)),
        effect=did(replace(asked, level=level), inference="placebo"),
    )


def _alike(wide: pd.DataFrame, treated: list[str], first: int, before: int) -> dict[str, list[str]]:
    """Areas as deprived at the last edition before the start, and areas as quick to rise up to
    it."""
    own = wide.loc[treated].mean()
    others = wide.drop(index=treated)
    near = (others[before] - own[before]).abs().sort_values(kind="stable").index[:ALIKE]
    rise = others[before] - others[first]
    quick = (rise - (own[before] - own[first])).abs().sort_values(kind="stable").index[:ALIKE]
    moved = f"the {len(quick)} areas that moved as far from {first} to {before}"
    return {f"the {len(near)} areas as deprived in {before}": list(near), moved: list(quick)}


@carries_note
def edition_story(
    study: Study, area: Area, *, start: pd.Period | str, level: float = 0.95
) -> EditionStory | Absent:
    """`follow_editions` for an area of a study, or why that is not possible.

    Editions are read in the codes they were published in, or translated to the area's own where its
    small areas have no code there.
    """
    if not study.has("deprivation"):
        return Absent(
            "The study has no table `deprivation`, so the Indices cannot be followed here."
        )
    rows = study.deprivation()
    everywhere = rows.groupby("edition")["area_code"].agg(set(area.members).issubset)
    if not everywhere.all() and study.has("code_lookup"):
        rows = study.deprivation(code_vintage=area.code_vintage)
    try:
        return follow_editions(
            rows, treated=list(area.members), start=start, place=area.name,
            neighbours=study.surroundings.get("neighbours"), level=level,
        )  # fmt: skip
    except LspError as error:
        return Absent(str(error))
