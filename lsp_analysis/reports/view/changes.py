"""What changed: gaps then and now as arrows, and what the pilot did to its outcomes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.outcomes.programme_page import TOO_FEW, ProgrammeEffects
from lsp_analysis.errors import LspError
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.part import Part, amount, is_clear, lines_of, year_of
from lsp_analysis.showing import Absent
from lsp_analysis.standing.change.gaps import GapChange
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.place.brief import AreaBrief

MOST_ARROWS = 24  # rows of the chart: the others are in its numbers
MOST_TOLD = 3
FEW_ARROWS = 2
FEW_OUTCOMES = 2
MOST_OUTCOMES = 24  # rows of the chart: the others are in its numbers
DRAWN = ("name", "first", "last", "clear", "words", "first_period", "last_period")
NUMBERS = ("name", "theme", "unit", "first_period", "last_period", "gap_start", "gap_end")
NUMBERS += ("change", "change_low", "change_high", "direction")


@dataclass(frozen=True)
class GapMove:
    """A gap at its first and latest period, on the scale that the arrows share.

    `first` and `last` are shares of the comparator's latest value, above 0 where worse, so that an
    arrow shortens exactly when the gap's absolute size does; `clear` is whether that size changed
    by more than chance. In its own unit `both_words` are the gap then and now, and `words` the same
    where it clearly changed, else the gap now.
    """

    name: str
    theme: str
    first: float
    last: float
    both_words: str
    words: str
    first_period: str
    last_period: str
    clear: bool
    change: GapChange = field(repr=False, compare=False)

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
    first, last = (
        wording.difference(end, "", 0 if max(map(abs, ends)) >= 9.95 else 1) for end in ends
    )
    # A rate without its period can be read as another.
    unit = f"a {indicator.unit_period}" if indicator.unit_period else ""
    if indicator.unit.startswith("per_"):
        unit = f"per {indicator.multiplier:,.0f} {unit}"
    elif indicator.unit not in ("count", "mean", "score", ""):
        unit = "points" if indicator.unit == "percent" else indicator.unit
    clear = change.direction in ("narrowed", "widened")
    both, now_words = f"{first} → {last} {unit}".strip(), f"{last} {unit}".strip()
    theme, shares = brief.study.indicator(indicator_id).theme, [end / abs(now) for end in ends]
    words = both if clear else now_words
    return GapMove(gap.name, theme, *shares, both, words, *change.when, clear, change)


def clear_gap_changes(brief: AreaBrief) -> list[GapMove]:
    """Gaps whose size changed by more than chance, the widest now first."""
    return [move for move in gap_moves(brief) if move.clear]


def since(moves: list[GapMove]) -> str:
    """ "since 2003" where all gaps are known from the same period on, else nothing."""
    starts = {move.first_period.partition(" to ")[0] for move in moves}
    return f"since {starts.pop()}" if len(starts) == 1 else ""


def gap_words(gaps: list[GapMove]) -> str:
    """Gaps that clearly changed, in a sentence, with their first periods where these differ."""
    said, lead = [], ""
    for gap in gaps if len(gaps) <= MOST_TOLD else gaps[: MOST_TOLD - 1]:
        start = "" if since(gaps) else f" (since {gap.first_period})"
        said.append(f"{gap.told(again=gap.lead == lead)}{start}")
        lead = gap.lead
    more = len(gaps) - len(said)
    rest = f", and {wording.counted(more, 'more gap')} changed clearly" if more else ""
    return f"{wording.and_list(said)}{rest}."


def gap_arrows(brief: AreaBrief) -> Part | Absent:
    """Gaps to the rest of the borough then and now: is the gap narrowing?"""
    moves = gap_moves(brief)
    if len(moves) < FEW_ARROWS:
        return Absent("Too few measures have a gap in two periods to say whether gaps narrow.")
    borough = places.borough_name(brief.study)
    clear = [move for move in moves if move.clear]
    shown, notes = moves, []
    if len(moves) > MOST_ARROWS:  # those that changed clearly, then the worst now
        chosen = sorted(moves, key=lambda move: (not move.clear, -move.last))[:MOST_ARROWS]
        shown = sorted(chosen, key=lambda move: -move.last)
        notes = [f"{len(shown)} of {len(moves)} measures are drawn; all are in the numbers."]
    first = min(move.first_period for move in moves)
    late = sum(move.first_period != first for move in moves)
    later = f", later for {wording.counted(late, 'measure')}" if late else ""
    notes = [f"Arrows start in {first}{later}.", *notes]
    told = "; ".join(f"{m.name} {m.both_words}" for m in (clear or moves)[:4])
    data = {
        "question": "Is the gap narrowing?",
        "title": _gap_title(clear, moves),
        "subtitle": f"Gap as a share of the rest of {borough}’s latest value.",
        "chart": {
            "type": "arrows",
            "heading": "Gap now (+ is worse)",
            "rows": [move.picked(DRAWN) for move in shown],
            "label": f"Gaps to the rest of {borough}, worst first. {told}.",
        },
        "note": " ".join([*notes, "Bold: the size clearly changed (95% interval)."]),
    }
    return Part("figure", data, pd.DataFrame([move.picked(NUMBERS) for move in moves]))


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


def pilot_path(effects: ProgrammeEffects) -> Part | Absent | None:
    """The pilot's own outcome: observed, expected, and the usual range where nothing was done.

    None where there was no programme or the data begin too late: the first screen says so.
    """
    found = effects.primary
    if effects.programme.start is None or found.placebo_date:
        return None
    if found.effect is None or "treated" not in found.effect.paths:  # its counts are withheld
        return Absent(str(found.sentence()))
    effect = found.effect
    paths = effect.paths
    yearly = _by_year(paths)
    after = yearly["period"].map(lambda period: period.end_time >= effect.start.start_time)
    shown = [e if on else None for e, on in zip(yearly["comparison"], after, strict=True)]
    unit = found.indicator.per or effect.path_unit or effect.unit
    years = f"by year to {yearly['period'].iloc[-1]}" if len(yearly) < len(paths) else ""
    title = _pilot_title(effect, wording.inside(found.indicator.name))
    if effect.warnings:
        doubt = str(effect.warnings[0])
    elif effect.assumptions:
        doubt = f"This takes for granted that {wording.inside(str(effect.assumptions[0]))}"
    else:
        doubt = "Nothing that was looked for."
    data = {
        "question": "Did the pilot work?",
        "title": title,
        "subtitle": ", ".join(filter(None, [wording.capital(unit), years])),
        "chart": lines_of(
            yearly["period"],
            {
                "here": (yearly["treated"], f"{_last(yearly['treated'])} here"),
                "expected": (shown, f"{_last(shown)} expected"),
            },
            f"{title}. {found.sentence()}",
            band=_band(effect, shown),
            moments=[[year_of(effect.start), f"Pilot starts, {wording.period(effect.start)}"]],
        ),
        "answers": [["What could mislead", doubt]],
        "note": f"Expected (dashed): from its own past and {effect.comparator}.",
    }
    return Part("figure", data, paths)


def outcomes(effects: ProgrammeEffects) -> Part | Absent | None:
    """What became of every outcome of the programme, and what chance alone would make of them.

    None where there was no programme, or the data begin too late for it.
    """
    if effects.programme.start is None or effects.primary.placebo_date:
        return None
    found = [one for one in effects.estimates() if one.effect.multiplicative]
    every = [effects.primary, *effects.others]
    names = [one.indicator.name for one in every if one.effect is None and TOO_FEW in one.instead]
    withheld = f"{wording.capital(wording.some_of(names))}: {TOO_FEW}" if names else ""
    if len(found) < FEW_OUTCOMES:
        return Absent(f"Fewer than two outcomes can be set side by side. {withheld}".strip())
    stand_out = effects.stand_out()
    rows = [
        {
            "name": one.indicator.name,
            "estimate": 100 * one.effect.relative,
            "low": 100 * one.effect.relative_low,
            "high": 100 * one.effect.relative_high,
            "words": f"{100 * one.effect.relative:+.0f}%".replace("-", "−"),
            "clear": one in stand_out,
        }
        for one in found
    ]
    clear = [wording.inside(row["name"]) for row in rows if row["clear"]]
    title = (
        f"Of {wording.counted(len(rows), 'outcome')}, "
        f"{wording.and_list(clear) or 'none'} moved by more than chance"
    )
    drawn = sorted(rows, key=lambda row: not row["clear"])[:MOST_OUTCOMES]
    left = f"{len(drawn)} of them are drawn; all are in the numbers. " if rows[len(drawn) :] else ""
    data = {
        "question": "And the other outcomes?",
        "title": title,
        "folded": "All outcomes, 95% intervals",
        "explained": effects.rule(),
        "chart": {
            "type": "forest", "names": "Outcome", "heading": "Against what was expected",
            "rows": drawn,
            "label": f"{title}. " + "; ".join(f"{r['name']} {r['words']}" for r in drawn),
        },
        "note": f"{left}{withheld}",
    }  # fmt: skip
    return Part("figure", data, pd.DataFrame(rows).drop(columns="words"))


def _pilot_title(effect: Any, name: str) -> str:
    if not is_clear(effect):
        return f"Whether the pilot changed {name} cannot be told"
    side = "below" if effect.estimate < 0 else "above"
    if effect.multiplicative:
        side = "below" if effect.relative < 0 else "above"
        side = f"{abs(100 * effect.relative):.0f}% {side}"
    return f"After the pilot began, {name} ran {side} what was expected"


def _by_year(paths: pd.DataFrame) -> pd.DataFrame:
    """Monthly and quarterly paths as means of whole years; others as they are."""
    periods = pd.PeriodIndex(paths["period"])
    per_year = {"M": 12, "Q": 4}.get(periods.freqstr[0], 1)
    if per_year == 1:
        return paths
    means = paths.assign(period=periods.asfreq("Y")).groupby("period")[["treated", "comparison"]]
    return means.mean()[means.size() == per_year].reset_index()


def _band(effect: Any, expected: list[float | None]) -> dict[str, Any]:
    """Where 95 in 100 areas where nothing was done lie about what is expected of them."""
    if effect.placebos.empty or not effect.multiplicative:
        return {}
    ratios = np.exp(np.quantile(effect.placebos["estimate"].astype(float), [0.025, 0.975]))
    ends = [[None if e is None else e * r for e in expected] for r in ratios]
    return {"low": ends[0], "high": ends[1], "name": "Usual where nothing was done"}


def _last(values: Iterable[float | None]) -> str:
    return amount(([v for v in values if v is not None and np.isfinite(v)] or [np.nan])[-1])
