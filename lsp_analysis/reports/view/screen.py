"""The first screen of an area's page: what it is, how it does, what worked, what next."""

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.outcomes.programme import Programme
from lsp_analysis.effects.outcomes.programme_page import IndicatorEffect, ProgrammeEffects
from lsp_analysis.reports.view import part, places
from lsp_analysis.reports.view.changes import clear_gap_changes, gap_words, since
from lsp_analysis.reports.view.part import Part, Row
from lsp_analysis.standing.agencies import agenda
from lsp_analysis.standing.agencies.plan import target_words
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.comparison.baseline import period_words
from lsp_analysis.standing.place.brief import AreaBrief

WORST, BEST = 3, 1
MOST_CODES = 4
LONG_LIST = 4
MOST_REASONS = 2
MOST_MOVED = 3
RULE = (
    "Worse here; first what is also off track, getting worse, or worse than in areas as deprived."
)
UNTESTED = " Last, what cannot be tested but is among the worst tenth."


def first_screen(brief: AreaBrief, effects: ProgrammeEffects) -> Part:
    """What a reader should know who reads no further.

    Parameters
    ----------
    brief : AreaBrief
        See `area_brief`.
    effects : ProgrammeEffects
        See `programme_effects`; without a programme it says so.
    """
    rows, area, study = part.rows_of(brief), brief.area, brief.study
    borough, placed = places.borough_name(study), _deprivation(brief)
    kinds = {"lsoa": "Small area", "msoa": "Middle-layer area", "oa": "Output area"}
    kind = kinds.get(area.area_type, wording.capital(area.area_type))
    within = ", ".join([*places.parents(study, area)[:1], borough])
    near = places.next_door(study, area)
    if len(near) > LONG_LIST:
        more = {"name": f"{len(near) - LONG_LIST + 1} more", "link": "../index.html"}
        near = [*near[: LONG_LIST - 1], more]
    data = {
        "eyebrow": kind if borough in (area.name, "the borough") else f"{kind} in {within}",
        "name": places.name_of(study, area),
        "verdict": f"{_verdict(rows, f'the rest of {borough}')} {_pilot_line(effects)}".strip(),
        "tally": [[kind, n, part.WORDS[kind]] for kind, n in part.counts_of(rows).items()],
        "facts": _facts(brief, borough, placed),
        "map": places.locator(study, area),
        "next_door": near,
        "rest": f"Rest of {borough}",
        "table": furthest_table(rows, borough),
        "box": pilot_box(effects.programme, effects.primary),
        "changed": _changed(brief),
        "next": _next(brief),
        "unknown": _unknown(brief, rows),
    }
    pilot, size = data["box"].get("big", ""), 0.0
    if pilot:
        size = float(effects.primary.effect.estimate)
        pilot += "" if part.is_clear(effects.primary.effect) else " (could be chance)"
    main = next((row for row in rows if len(row.periods) > 1), None)
    data["index"] = {
        "borough": f"{borough} neighbourhoods",
        "name": data["name"],
        "counts": part.counts_of(rows),
        "rank": placed[0] if placed else None,
        "rank_of": placed[1] if placed else None,
        "themes": sorted({row.theme for row in rows if row.kind == "worse" and row.theme}),
        "pilot": pilot,
        "pilot_size": size,
        "spark": {
            "name": f"{main.name}, {main.unit}", "value": main.value, "words": main.here,
            "chart": main.spark(),
        } if main else {},
    }  # fmt: skip
    return Part("screen", data)


def _verdict(rows: list[Row], rest: str) -> str:
    """How the area stands, in a sentence."""
    counts = part.counts_of(rows)
    worse, better = counts.get("worse", 0), counts.get("better", 0)
    scores = len(part.many_scores(rows))
    judged = len(rows) - counts.get("not", 0) - scores
    noun = "comparable measure" if 0 < judged < len(rows) - scores else "measure"
    n = "the only measure" if len(rows) == 1 else wording.counted(judged or len(rows), noun)
    n += " (scores apart)" if judged and scores else ""
    if not judged and len(rows) == 1:
        return f"Its only measure cannot be compared with {rest}."
    if not judged:
        return f"None of {n} can be compared with {rest}."
    if worse and judged == 1:
        return f"Worse than {rest} on {n}."
    if worse:
        few, others = wording.in_words(worse), wording.in_words(better)
        return f"Worse than {rest} on {few} of {n}, better on {others}."
    if better:
        return f"Better than {rest} on {wording.in_words(better)} of {n}, worse on none."
    return f"Not clearly different from {rest} on {'any of ' * (len(rows) > 1)}{n}."


def _pilot_line(effects: ProgrammeEffects) -> str:
    """What became of the pilot, in a sentence; empty without one."""
    found = effects.primary
    if effects.programme.start is None:
        return ""
    if found.effect is None or found.placebo_date:
        return "What the pilot did cannot be told from these data."
    name = wording.inside(found.indicator.name)
    if part.is_clear(found.effect):
        moved = "fell" if found.effect.estimate < 0 else "rose"
        return f"{wording.capital(name)} {moved} more than expected after the pilot began."
    return f"Whether the pilot changed {name} cannot be told."


def _facts(brief: AreaBrief, borough: str, placed: tuple[int, ...] | None) -> list[list[str]]:
    """Residents, place in the order of deprivation, codes."""
    facts = []
    if people := brief.population():
        count, period = people
        facts.append([f"{wording.number(count)} residents", f"({wording.period(period)})."])
    if placed:
        rank, of, edition = placed
        told = f"of {borough}’s {wording.number(of)} small areas (Indices of {edition})."
        facts.append([wording.capital(wording.placed(rank, "most deprived")), told])
    codes = list(brief.area.members)
    if len(codes) == 1:
        own = brief.study.small_areas().set_index("area_code")["area_name"].get(codes[0], "")
        return [*facts, ["", f"One small area: {', '.join(dict.fromkeys([own, codes[0]]))}."]]
    more = f" and {len(codes) - MOST_CODES} more" if len(codes) > MOST_CODES else ""
    listed = ", ".join(codes[:MOST_CODES])
    return [*facts, ["", f"{wording.number(len(codes))} small areas: {listed}{more}."]]


def _deprivation(brief: AreaBrief) -> tuple[int, int, int] | None:
    """Place of a single small area among the borough's in the last Indices the page may use."""
    found = places.deprivation_places(brief.study, brief.area)
    if not found:
        return None
    ends = [panel["period"].max().end_time.year for panel in brief.panels.values() if len(panel)]
    last = max(ends, default=9999)
    wanted = max((edition for edition in found if edition <= last), default=min(found))
    return *found[wanted], wanted


def furthest_table(rows: list[Row], borough: str) -> dict[str, Any]:
    """The measures furthest from the comparator: three worst, one best."""
    worst, best = part.furthest(rows, "worse")[:WORST], part.furthest(rows, "better")[:BEST]
    ends = ((worst, "worst"), (best, "best"))
    parts = [f"{wording.in_words(len(some))} {end}" for some, end in ends if some]
    title, text, shown = f"Furthest from the rest of {borough}", "", [*worst, *best]
    if parts:
        title += f": {' and '.join(parts)}"
    else:
        unclear = [row for row in rows if row.kind in ("none", "close", "differs", "few")]
        unclear.sort(key=lambda row: (np.isnan(row.place), row.place))
        shown = unclear[: WORST + BEST]
        text = "None of these is clearly different." if shown else "Nothing can be compared."
        text = "It is not clearly different." if len(rows) == len(shown) == 1 else text
    heads = part.heads_of(shown, rows)
    return {
        "title": title,
        **heads,
        "rows": [row.shown(heads["of"]) for row in shown],
        "text": text,
    }


def pilot_box(programme: Programme, found: IndicatorEffect) -> dict[str, Any]:
    """The pilot in one box: its size, how sure that is, and areas where nothing was done.

    Parameters
    ----------
    programme : Programme
    found : IndicatorEffect
        On the outcome named for it.
    """
    if programme.start is None:
        told = "No programme is on record here." if not programme.covered else programme.sentence()
        return {"title": "What works?", "sure": ["", str(told)]}
    title = "Did the pilot work?"
    if found.effect is None or found.placebo_date:
        began = wording.period(programme.start)
        late = f"The data begin too late to judge what began in {began}."
        told = late if found.placebo_date else str(found.sentence())
        return {"title": title, "sure": ["This cannot be told.", told]}
    effect, name = found.effect, wording.inside(found.indicator.name)
    times = f"{wording.period(effect.start)} to {wording.period(effect.paths['period'].iloc[-1])}"
    box = {"title": title, "sure": list(part.how_sure(effect))}
    if not effect.multiplicative:
        unit = found.indicator.unit
        likely = wording.interval(effect.low, effect.high, unit, effect.level, of_change=True)
        small = f"in {name} against what was expected, {times}. {wording.capital(likely)}."
        return {**box, "big": wording.difference(effect.estimate, unit), "small": small}
    less, more = part.sides(found.indicator)
    if len(effect.placebos):
        box["strip"] = _strip(effect, less, more)
    return {
        **box,
        "big": f"{abs(100 * effect.relative):.0f}% {less if effect.relative < 0 else more}",
        "small": f"{name} than expected, {times}. Likely range: "
        f"{part.likely_range(effect, less, more)}.",
    }


def _strip(effect: Any, less: str, more: str) -> dict[str, Any]:
    placebos = np.expm1(np.asarray(effect.placebos["estimate"], dtype=float)) * 100
    low, high = 100 * effect.relative_low, 100 * effect.relative_high
    size = 100 * effect.relative
    return {
        "type": "strip",
        "estimate": size,
        "low": low,
        "high": high,
        "placebos": np.sort(placebos).round(1),
        "less": less,
        "more": more,
        "below": f"{wording.number(len(placebos))} areas where nothing was done",
        "label": f"The pilot: {size:+.0f}% against what was expected, likely between {low:+.0f}% "
        f"and {high:+.0f}%. Areas where nothing was done lie between "
        f"{placebos.min():+.0f}% and {placebos.max():+.0f}%.",
    }


def _changed(brief: AreaBrief) -> list[list[str]]:
    """What moved by more than chance: against the period before, and in the gaps over all years."""
    told = [["Since the period before:", _moved(brief)]]
    if gaps := clear_gap_changes(brief):
        told.append([f"{wording.capital(since(gaps) or 'over all years')}:", gap_words(gaps)])
    return told


def _moved(brief: AreaBrief) -> str:
    """Clear changes against the period before, a short clause each."""
    table = brief.profile.table
    moved = table[table["change_verdict"].isin(verdicts.CLEAR)]
    if not table["change_verdict"].isin([*verdicts.CLEAR, verdicts.UNCLEAR]).any():
        return "whether anything moved by more than chance cannot be told."
    said = []
    told = moved.head(MOST_MOVED if len(moved) <= MOST_MOVED else MOST_MOVED - 1)
    for indicator_id, row in told.iterrows():
        unit, words = wording.once(brief.indicator(str(indicator_id)).per)
        was, now = (wording.quantity(x, unit) for x in (row["value"] - row["change"], row["value"]))
        before = period_words(
            row["previous_first"], row["previous_period"], averaged=row["averaged"]
        )
        said.append(f"{wording.inside(row['name'])} went from {was} ({before}) to {now} "
                    f"({row['when']}){words}: {row['change_verdict']}")  # fmt: skip
    if left := len(moved) - len(told):
        return f"{'; '.join(said)}, and {left} more moved."
    rest = f"nothing {'else ' if said else ''}moved more than chance"
    return f"{'; '.join([*said, rest])}."


def _next(brief: AreaBrief) -> dict[str, Any]:
    """What to look at first, with agencies and dates from the plan, and the rule that picked it."""
    rows = agenda.priorities(brief).head(WORST)
    if rows.empty:
        return {"lead": agenda.NOTHING, "items": [], "after": ""}
    plan = pd.DataFrame(columns=["status", "due", "indicator_id"])
    if brief.plan is not None:
        plan = brief.plan.table.sort_values("due", kind="stable")
    last = plan.drop_duplicates("indicator_id", keep="last").set_index("indicator_id")
    items = []
    for indicator_id, row in rows.iterrows():
        told = [brief.study.indicator(str(indicator_id)).lead_agency]
        if indicator_id in last.index:
            status, due = last.loc[indicator_id, ["status", "due"]]
            told.append(f"{target_words(status)}, due {wording.period(str(due))}")
        words = ", ".join(filter(None, told)) or row["why"] or "worse here"
        items.append([f"{row['name']}:", f"{words}."])
    after = RULE + (UNTESTED if rows["untested"].any() else "")
    return {"lead": "Look first at:", "items": items, "after": after}


def _unknown(brief: AreaBrief, rows: list[Row]) -> list[list[str]]:
    """What the data cannot say: too few cases, not comparable, breaks, missing tables."""
    table = brief.profile.table
    told = []
    few = [row.name for row in rows if row.kind == "few"]
    if few:
        told.append([f"{wording.capital(wording.some_of(few, 3))}:", "too few cases to say."])
    apart = table[table["verdict"] == verdicts.NOT]
    reasons = apart.groupby("reason")["name"]
    if len(reasons) > MOST_REASONS:
        several = wording.capital(wording.counted(len(apart), "measure"))
        told.append([f"{several}:", "not comparable, for reasons given below."])
        reasons = []
    for why, names in reasons:
        told.append([f"{wording.capital(wording.some_of(names))}:", f"{why}."])
    counted = [
        (wording.capital(row.name), brief.measured(row.indicator_id).since(brief.area.members))
        for row in rows
        if row.kind != "not" and row.indicator_id in brief.panels
    ]
    anew = [(name, first) for name, first in counted if first is not None]
    for name, first in anew[:2]:
        told.append([f"{name} before {wording.period(first)}:", "counted or recorded otherwise."])
    told.append(["Causes:", "the numbers hold outcomes only."])
    return told
