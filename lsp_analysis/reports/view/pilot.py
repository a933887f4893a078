"""What the pilot did: its own outcome against what was expected, and all its outcomes."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.effects.outcomes.programme_page import TOO_FEW, ProgrammeEffects
from lsp_analysis.reports.view.part import Part, amount, is_clear, lines_of, year_of

FEW_OUTCOMES = 2
MOST_OUTCOMES = 24  # rows of the chart: the others are in its numbers


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
    after = [period.end_time >= effect.start.start_time for period in yearly["period"]]
    shown = [e if on else None for e, on in zip(yearly["comparison"], after, strict=True)]
    unit = found.indicator.per or effect.path_unit or effect.unit
    years = f"by year to {yearly['period'].iloc[-1]}" if len(yearly) < len(paths) else ""
    title = _pilot_title(effect, found.indicator.name)
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
        "answers": [["What could mislead", _doubt(effect)]],
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
    withheld = _withheld(effects)
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


def _withheld(effects: ProgrammeEffects) -> str:
    """Outcomes whose effect is not published, and why; empty when there are none."""
    every = [effects.primary, *effects.others]
    names = [one.indicator.name for one in every if one.effect is None and TOO_FEW in one.reason]
    if not names:
        return ""
    return f"{wording.capital(wording.some_of(names))}: {TOO_FEW}"


def _doubt(effect: Any) -> str:
    if effect.warnings:
        return str(effect.warnings[0])
    if not effect.assumptions:
        return "Nothing that was looked for."
    return f"This takes for granted that {wording.inside(str(effect.assumptions[0]))}"


def _pilot_title(effect: Any, name: str) -> str:
    inside = wording.inside(name)
    if not is_clear(effect):
        return f"Whether the pilot changed {inside} cannot be told"
    if effect.multiplicative:
        size = f"{abs(100 * effect.relative):.0f}%"
        side = "below" if effect.relative < 0 else "above"
        return f"After the pilot began, {inside} ran {size} {side} what was expected"
    side = "below" if effect.estimate < 0 else "above"
    return f"After the pilot began, {inside} ran {side} what was expected"


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
