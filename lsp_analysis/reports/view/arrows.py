"""Is the gap narrowing? Every gap at its first and its latest period, as arrows on one scale."""

from __future__ import annotations

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


@dataclass(frozen=True)
class GapMove:
    """A gap at its first and latest period, on the scale that the arrows share.

    `first` and `last` are shares of the comparator's latest value, above 0 where worse, so that an
    arrow shortens exactly when the gap's absolute size does.
    """

    name: str
    theme: str
    first: float
    last: float
    words: str
    now: str
    first_period: str
    last_period: str
    change: GapChange = field(repr=False, compare=False)

    @property
    def clear(self) -> bool:
        """Whether the gap's size changed by more than chance."""
        return self.change.direction in ("narrowed", "widened")

    @property
    def narrowed(self) -> bool:
        """Whether its size clearly shrank."""
        return self.change.direction == "narrowed"

    def side(self, before: str = ", ", after: str = "") -> str:
        """On which side of the comparator the area lies, where that is not the worse one."""
        sides = ["worse" if at > 0 else "better" for at in (self.first, self.last)]
        if sides[0] != sides[1]:
            return f"{before}from {sides[0]} than the rest to {sides[1]}{after}"
        return f"{before}where it does better{after}" if sides[1] == "better" else ""

    @property
    def lead(self) -> str:
        """What the gap is called: an advantage that shrinks is no gain."""
        return "its advantage" if self.first < 0 and self.last < 0 else "the gap"

    def told(self, *, again: bool = False) -> str:
        """How the gap changed, in a clause; `again` after another of the same name."""
        moved = "shrank" if self.narrowed else "grew"
        sizes = f"{self.words}{self.side()}"
        if self.first * self.last > 0:
            sizes = self.words.replace("+", "").replace("−", "")
        return f"{'that' if again else self.lead} in {wording.inside(self.name)} {moved}, {sizes}"

    def drawn(self) -> dict[str, Any]:
        """The row as the chart takes it."""
        told = {n: getattr(self, n) for n in ("name", "first", "last", "clear")}
        told["words"] = self.words if self.clear else self.now
        return {**told, "first_period": self.first_period, "last_period": self.last_period}

    def numbers(self) -> dict[str, Any]:
        """The row as the page's CSV has it: gaps in the measure's unit, area less comparator."""
        said = self.change
        ends = {n: getattr(said, n) for n in ("gap_start", "gap_end", "change", "change_low",
                                              "change_high", "direction")}  # fmt: skip
        periods = {"first_period": self.first_period, "last_period": self.last_period}
        return {"name": self.name, "theme": self.theme, "unit": said.unit, **periods, **ends}


def gap_moves(brief: AreaBrief) -> list[GapMove]:
    """Every gap that can be followed and has a worse side, the worst now first."""
    moves = []
    table = brief.profile.table
    for indicator_id in table.index[table["verdict"] != verdicts.NOT]:
        if brief.indicator(indicator_id).polarity == "none":  # neither end is the worse one
            continue
        try:
            gap = brief.gap(indicator_id)
            change = gap.change()
        except LspError:
            continue
        now = gap.frame.set_index("period").loc[change.end, "comparator_value"]
        if not np.isfinite(now) or now == 0:
            continue
        worse = -1.0 if gap.polarity == "high_is_good" else 1.0
        digits = 0 if max(abs(change.gap_start), abs(change.gap_end)) >= 9.95 else 1
        ends = [
            wording.difference(x, "", digits)
            for x in (worse * change.gap_start, worse * change.gap_end)
        ]
        unit = _short_unit(brief.indicator(indicator_id))
        moves.append(
            GapMove(
                name=gap.name,
                theme=brief.study.indicator(indicator_id).theme,
                first=worse * change.gap_start / abs(now),
                last=worse * change.gap_end / abs(now),
                words=f"{ends[0]} → {ends[1]} {unit}".strip(),
                now=f"{ends[1]} {unit}".strip(),
                first_period=change.when[0],
                last_period=change.when[1],
                change=change,
            )
        )
    return sorted(moves, key=lambda move: -move.last)


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
    told = "; ".join(f"{m.name} {m.words}" for m in (clear or moves)[:4])
    data = {
        "question": "Is the gap narrowing?",
        "title": title,
        "subtitle": f"Gap as a share of the rest of {borough}’s latest value.",
        "chart": {
            "type": "arrows",
            "heading": "Gap now (+ is worse)",
            "rows": [move.drawn() for move in shown],
            "label": f"Gaps to the rest of {borough}, worst first. {told}.",
        },
        "note": _gap_note(moves, shown, first),
    }
    frame = pd.DataFrame([move.numbers() for move in moves])
    return Part("figure", data, frame)


def _chosen(moves: list[GapMove]) -> list[GapMove]:
    """The rows of a chart that cannot hold all: those that changed clearly, then the worst now."""
    clear = [move for move in moves if move.clear][:MOST_ARROWS]
    others = [move for move in moves if not move.clear][: MOST_ARROWS - len(clear)]
    return sorted([*clear, *others], key=lambda move: -move.last)


def _gap_title(clear: list[GapMove], moves: list[GapMove]) -> str:
    if not clear:
        return f"None of {wording.counted(len(moves), 'gap')} has clearly changed in size"
    narrowed = [f"{wording.inside(m.name)}{m.side(' (', ')')}" for m in clear if m.narrowed]
    widened = [f"{wording.inside(m.name)}{m.side(' (', ')')}" for m in clear if not m.narrowed]
    span = f" {since(clear)}".rstrip()
    if len(clear) == 1:
        only = "Only in "
        did = "narrowed" if narrowed else "widened"
        return f"{only}{(narrowed or widened)[0]} has the gap clearly {did}{span}"
    if len(clear) <= 3 and not (narrowed and widened):
        names = wording.and_list(narrowed or widened)
        return f"Gaps have clearly {'narrowed' if narrowed else 'widened'} in {names}{span}"
    counts = [
        f"{wording.in_words(len(some))} clearly {did}"
        for some, did in ((narrowed, "narrowed"), (widened, "widened"))
        if some
    ]
    better = sum(m.last < 0 and not m.narrowed for m in clear)
    favour = f" ({better} of those that widened in its favour)" if better else ""
    return f"Of {len(moves)} gaps {wording.and_list(counts)}{span}{favour}"


def _gap_note(moves: list[GapMove], shown: list[GapMove], first: str) -> str:
    later = sum(move.first_period != first for move in moves)
    more = f", later for {wording.counted(later, 'measure')}" if later else ""
    notes = [f"Arrows start in {first}{more}."]
    if len(shown) < len(moves):
        notes.append(f"{len(shown)} of {len(moves)} measures are drawn; all are in the numbers.")
    notes.append("Bold: the size clearly changed (95% interval).")
    return " ".join(notes)
