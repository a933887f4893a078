"""Is the gap narrowing? Every gap at its first and its latest period, as arrows on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.errors import LspError
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.part import Part
from lsp_analysis.standing.change.gaps import GapChange
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.study.indicator import Indicator

MOST_ARROWS = 24  # rows of the chart: the others are in its numbers
MOST_TOLD = 3
FEW_ARROWS = 2
DRAWN = ("name", "first", "last", "clear", "words", "first_period", "last_period")
NUMBERS = ("name", "theme", "unit", "first_period", "last_period", "gap_start", "gap_end")
NUMBERS += ("change", "change_low", "change_high", "direction")


@dataclass(frozen=True)
class GapMove:
    """A gap at its first and latest period, on the scale that the arrows share.

    `first` and `last` are shares of the comparator's latest value, above 0 where worse, so that an
    arrow shortens exactly when the gap's absolute size does; `clear` is whether that size changed
    by more than chance.
    """

    name: str
    theme: str
    first: float
    last: float
    both_words: str
    now_words: str
    first_period: str
    last_period: str
    clear: bool
    change: GapChange = field(repr=False, compare=False)

    @property
    def words(self) -> str:
        """The gap in its own unit: then and now where it clearly changed, else now."""
        return self.both_words if self.clear else self.now_words

    @property
    def narrowed(self) -> bool:
        """Whether its size clearly shrank."""
        return self.change.direction == "narrowed"

    @property
    def lead(self) -> str:
        """What the gap is called: an advantage that shrinks is no gain."""
        return "its advantage" if self.first < 0 and self.last < 0 else "the gap"

    def side(self, before: str = ", ", after: str = "") -> str:
        """On which side of the comparator the area lies, where that is not the worse one."""
        sides = ["worse" if at > 0 else "better" for at in (self.first, self.last)]
        if sides[0] != sides[1]:
            return f"{before}from {sides[0]} than the rest to {sides[1]}{after}"
        return f"{before}where it does better{after}" if sides[1] == "better" else ""

    def told(self, *, again: bool = False) -> str:
        """How the gap changed, in a clause; `again` after another of the same name."""
        moved = "shrank" if self.narrowed else "grew"
        sizes = f"{self.both_words}{self.side()}"
        if self.first * self.last > 0:
            sizes = self.both_words.replace("+", "").replace("−", "")
        return f"{'that' if again else self.lead} in {wording.inside(self.name)} {moved}, {sizes}"

    def picked(self, names: Sequence[str]) -> dict[str, Any]:
        """Some of what is known of it, by name: gaps are in the measure's unit."""
        return {n: getattr(self.change if hasattr(self.change, n) else self, n) for n in names}


def gap_moves(brief: AreaBrief) -> list[GapMove]:
    """Every gap that can be followed and has a worse side, the worst now first."""
    table = brief.profile.table
    found = [_move(brief, name) for name in table.index[table["verdict"] != verdicts.NOT]]
    return sorted(filter(None, found), key=lambda move: -move.last)


def _move(brief: AreaBrief, indicator_id: str) -> GapMove | None:
    indicator = brief.indicator(indicator_id)
    if indicator.polarity == "none":  # neither end is the worse one
        return None
    try:
        gap = brief.gap(indicator_id)
        change = gap.change()
    except LspError:
        return None
    now = gap.frame.set_index("period").loc[change.end, "comparator_value"]
    if not np.isfinite(now) or now == 0:
        return None
    worse = -1.0 if gap.polarity == "high_is_good" else 1.0
    ends = [worse * change.gap_start, worse * change.gap_end]
    digits = 0 if max(map(abs, ends)) >= 9.95 else 1
    first, last = (wording.difference(end, "", digits) for end in ends)
    unit, theme = _short_unit(indicator), brief.study.indicator(indicator_id).theme
    words = f"{first} → {last} {unit}".strip(), f"{last} {unit}".strip()
    clear = change.direction in ("narrowed", "widened")
    return GapMove(
        gap.name, theme, *(end / abs(now) for end in ends), *words, *change.when, clear, change
    )


def _short_unit(indicator: Indicator) -> str:
    """A unit in few words, with its period: a rate without one can be read as another."""
    known = {"percent": "points", "count": "", "mean": "", "score": "", "": ""}
    period = f"a {indicator.unit_period}" if indicator.unit_period else ""
    if indicator.unit.startswith("per_"):
        return f"per {indicator.multiplier:,.0f} {period}".strip()
    return known.get(indicator.unit, indicator.unit) or period


def clear_gap_changes(brief: AreaBrief) -> list[GapMove]:
    """Gaps whose size changed by more than chance, the widest now first."""
    return [move for move in gap_moves(brief) if move.clear]


def since(moves: list[GapMove]) -> str:
    """ "since 2003" where all gaps are known from the same period on, else nothing."""
    starts = {move.first_period.partition(" to ")[0] for move in moves}
    return f"since {starts.pop()}" if len(starts) == 1 else ""


def gap_words(gaps: list[GapMove]) -> str:
    """Gaps that clearly changed, in a sentence, with their first periods where these differ."""
    alike = bool(since(gaps))
    said = [
        gap.told(again=at > 0 and gaps[at - 1].lead == gap.lead)
        + ("" if alike else f" (since {gap.first_period})")
        for at, gap in enumerate(gaps if len(gaps) <= MOST_TOLD else gaps[: MOST_TOLD - 1])
    ]
    more = len(gaps) - len(said)
    rest = f", and {wording.counted(more, 'more gap')} changed clearly" if more > 0 else ""
    return f"{wording.and_list(said)}{rest}."


def gap_arrows(brief: AreaBrief) -> Part | Absent:
    """Gaps to the rest of the borough then and now: is the gap narrowing?"""
    moves = gap_moves(brief)
    if len(moves) < FEW_ARROWS:
        return Absent("Too few measures have a gap in two periods to say whether gaps narrow.")
    borough = places.borough_name(brief.study)
    clear = [move for move in moves if move.clear]
    shown = moves if len(moves) <= MOST_ARROWS else _chosen(moves)
    title = _gap_title(clear, moves)
    first = min(move.first_period for move in moves)
    told = "; ".join(f"{m.name} {m.both_words}" for m in (clear or moves)[:4])
    data = {
        "question": "Is the gap narrowing?",
        "title": title,
        "subtitle": f"Gap as a share of the rest of {borough}’s latest value.",
        "chart": {
            "type": "arrows",
            "heading": "Gap now (+ is worse)",
            "rows": [move.picked(DRAWN) for move in shown],
            "label": f"Gaps to the rest of {borough}, worst first. {told}.",
        },
        "note": _gap_note(moves, shown, first),
    }
    frame = pd.DataFrame([move.picked(NUMBERS) for move in moves])
    return Part("figure", data, frame)


def _chosen(moves: list[GapMove]) -> list[GapMove]:
    """The rows of a chart that cannot hold all: those that changed clearly, then the worst now."""
    clear = [move for move in moves if move.clear][:MOST_ARROWS]
    others = [move for move in moves if not move.clear][: MOST_ARROWS - len(clear)]
    return sorted([*clear, *others], key=lambda move: -move.last)


def _gap_title(clear: list[GapMove], moves: list[GapMove]) -> str:
    if not clear:
        return f"None of {wording.counted(len(moves), 'gap')} has clearly changed in size"
    named = {
        did: [f"{wording.inside(m.name)}{m.side(' (', ')')}" for m in clear if m.narrowed == shrank]
        for did, shrank in (("narrowed", True), ("widened", False))
    }
    changes = {did: names for did, names in named.items() if names}
    span = f" {since(clear)}".rstrip()
    [(did, names), *other] = changes.items()
    if len(clear) == 1:
        return f"Only in {names[0]} has the gap clearly {did}{span}"
    if len(clear) <= 3 and not other:
        return f"Gaps have clearly {did} in {wording.and_list(names)}{span}"
    counts = [f"{wording.in_words(len(some))} clearly {did}" for did, some in changes.items()]
    better = sum(m.last < 0 and not m.narrowed for m in clear)
    favour = f" ({better} of those that widened in its favour)" if better else ""
    return f"Of {len(moves)} gaps {wording.and_list(counts)}{span}{favour}"


def _gap_note(moves: list[GapMove], shown: list[GapMove], first: str) -> str:
    later = sum(move.first_period != first for move in moves)
    more = f", later for {wording.counted(later, 'measure')}" if later else ""
    notes = [f"Arrows start in {first}{more}."]
    if len(shown) < len(moves):
        notes.append(f"{len(shown)} of {len(moves)} measures are drawn; all are in the numbers.")
    return " ".join([*notes, "Bold: the size clearly changed (95% interval)."])
