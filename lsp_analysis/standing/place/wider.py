"""Indicators given for MSOAs or wards only: the one that an area lies in, beside the others.

A value of an MSOA cannot be shared out over its small areas, so it is compared at its own level.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Shown
from lsp_analysis.standing.comparison.baseline import Comparison, compare_measured
from lsp_analysis.standing.comparison.measured import Measured, measure
from lsp_analysis.standing.comparison.profiles import Profile, profile
from lsp_analysis.standing.comparison.verdict import CLEAR, CLOSE, UNCLEAR, not_comparable
from lsp_analysis.standing.place.profile_words import quantities

if TYPE_CHECKING:
    from lsp_analysis.figures.tables import Table
    from lsp_analysis.standing.place.brief import AreaBrief
    from lsp_analysis.study.areas import Area
    from lsp_analysis.study.store import Study

LEVELS = {"msoa": "MSOA", "ward": "ward"}
MOST_PLACES = 3  # of measures without intervals that a sentence gives
INSIDE = 0.5  # share of a larger area's small areas above which it counts as part of a place


@dataclass(frozen=True)
class Level:
    """The MSOAs or wards of a borough, as an area of it is seen among them.

    Attributes
    ----------
    kind : ``msoa`` or ``ward``.
    name : in a sentence, the area or the one that it lies in.
    own, others : codes of that one, and of the borough's others.
    """

    kind: str
    name: str
    own: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def comparator(self) -> str:
        """The others in a sentence."""
        return f"the borough's other {LEVELS[self.kind]}s"


def levels_of(study: Study, area: Area) -> Iterator[Level]:
    """The levels above small areas at which an area can be compared, MSOAs first.

    An area is represented by the larger areas that lie for the most part inside it, or else by the
    one that most of its small areas lie in.
    """
    mine = set(area.members)
    for kind, word in LEVELS.items():
        codes = study.areas()
        codes = codes.loc[codes["area_type"] == kind, "area_code"].drop_duplicates()
        larger = [one for code in codes if (one := study.area(code)).members]
        common = {one: len(mine.intersection(one.members)) for one in larger}
        inside = [one for one in larger if common[one] > INSIDE * len(one.members)]
        holder = max(larger, key=lambda one: (common[one], one.code), default=None)
        if holder is None or not common[holder] or len(inside) == len(larger):
            continue
        own = [area] if area.area_type == kind else inside or [holder]
        name = area.name if own == [area] else f"{own[0].name} ({word})"
        if len(own) > 1:
            name = f"the {wording.number(len(own))} {word}s mostly inside {area.name}"
        chosen = tuple(one.code for one in own)
        yield Level(kind, name, chosen, tuple(c.code for c in larger if c.code not in chosen))


def measured_at(study: Study, kind: str) -> dict[str, Measured]:
    """The indicators given at a level and not for small areas, ready to be compared."""

    def made() -> dict[str, Measured]:
        rows = study.read("observations", columns=["area_code", "indicator_id"])
        types = study.areas().drop_duplicates("area_code").set_index("area_code")["area_type"]
        seen = rows["area_code"].map(types)
        small = set(rows.loc[seen == study.small_area_type, "indicator_id"])
        found = {}
        for name in rows.loc[seen == kind, "indicator_id"].unique():
            if name not in small:
                with contextlib.suppress(PanelError):
                    found[name] = measure(study, name, study.panel(name, level=kind))
        return found

    return study.once(f"{kind} measured", made)


@dataclass(frozen=True)
class LargerAreas(Shown):
    """How an area stands on the indicators that are given for MSOAs or wards only.

    Attributes
    ----------
    area : name of the area asked about.
    profiles : by level, all of its indicators; see `profile` for the columns of its table.
    """

    area: str
    profiles: dict[str, Profile] = field(repr=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per indicator: ``level``, ``area``, and the columns of `profile`."""
        made = self.profiles.items()
        return pd.concat(one.table.assign(level=kind, area=one.area) for kind, one in made)

    def sentence(self) -> wording.Sentence:
        """How the larger areas stand on the indicators given for them, rules said once."""
        said = []
        for kind, made in self.profiles.items():
            judged = made.table["verdict"].isin([*CLEAR, CLOSE, UNCLEAR])
            told = str(made.sentence()).removesuffix(made.rule()).strip() if judged.any() else ""
            said.append(f"Given by {LEVELS[kind]} only: {told or _places(made, LEVELS[kind])}")
        rules = [made.rule() for made in self.profiles.values() if made.rule() in made.sentence()]
        return wording.Sentence(" ".join([*said, *rules[:1]]))

    def shown_table(self) -> Table:
        """Value, comparator, verdict and rank of every indicator."""
        rows = self.summary_frame()
        cells = {
            "Measure": rows["name"],
            "Period": rows["when"],
            "Area": rows["area"],
            "Value": quantities(rows["value"], rows["unit"]),
            "The borough's others": quantities(rows["comparator_value"], rows["unit"]),
            "Verdict": rows["verdict"],
            "Rank": [
                wording.MISSING if wording.is_missing(row.rank) else
                f"{row.rank:.0f} of {row.of:.0f} {LEVELS[row.level]}s"
                for row in rows[["rank", "of", "level"]].itertuples(index=False, name="Row")
            ],
        }  # fmt: skip
        order = "Rank 1 is the worst, or the highest where neither end is good."
        return figures.table(
            pd.DataFrame(cells).reset_index(drop=True),
            caption=f"{self.area}: measures given by MSOA or ward only",
            note=f"{order} {not_comparable(rows, most=4)}".strip(),
        )


def _places(made: Profile, word: str) -> str:
    """The place of an area among others on the indicators where it lies furthest out."""
    rows = made.table[made.table["rank"].notna() & (made.table["unit_code"] != "count")]
    out = (rows["rank"] / rows["of"] - 0.5).abs().sort_values(ascending=False).index[:MOST_PLACES]
    told = [
        f"{row['when']}, {wording.quantity(row['value'], row['unit'])} for "
        f"{wording.inside(row['name'])}, the "
        f"{wording.placed(row['rank'], 'highest' if row['polarity'] == 'none' else 'worst')} of "
        f"{row['of']:.0f}"
        for _, row in rows.loc[out].iterrows()
    ]
    count = wording.counted(len(made.table), "measure")
    if not told:
        return f"{count}, none of which can be compared."
    return f"{count}, none with an interval. In {made.area}: {'; '.join(told)} {word}s."


def larger_areas(brief: AreaBrief) -> LargerAreas:
    """The place's MSOA or ward beside the borough's others, on all that is given for these only.

    PanelError where the study has no such indicator, or the place is in no MSOA or ward.
    """
    made = {}
    for level in levels_of(brief.study, brief.area):
        measured = measured_at(brief.study, level.kind)
        if measured:
            others = {level.comparator: level.others}
            made[level.kind] = profile(
                measured, level.own, others, area_name=level.name, level=brief.level
            )
    if not made:
        raise PanelError(
            f"No indicator of this study is given for an MSOA or ward of {brief.area.name} only."
        )
    return LargerAreas(brief.area.name, made)


def compare_larger(brief: AreaBrief, indicator_id: str) -> Comparison:
    """The place's MSOA or ward beside the borough's others, on an indicator given for these.

    PanelError where it is given for neither.
    """
    study = brief.study
    for level in levels_of(study, brief.area):
        measured = measured_at(study, level.kind)
        if indicator_id in measured:
            return compare_measured(
                measured[indicator_id], area=level.own, comparator=level.others,
                area_name=level.name, comparator_name=level.comparator, level=brief.level,
            )  # fmt: skip
    raise PanelError(
        f"{study.indicator(indicator_id).name} has no observations for small areas, MSOAs or wards "
        f"that {brief.area.name} is in. Add some: lsp-analysis add."
    )
