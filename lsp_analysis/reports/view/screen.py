"""The first screen of an area's page: what it is, how it does, what worked, what next."""

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.outcomes.programme import Programme
from lsp_analysis.effects.outcomes.programme_page import IndicatorEffect, ProgrammeEffects
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.arrows import clear_gap_changes, gap_words, since
from lsp_analysis.reports.view.part import (
    WORDS,
    Part,
    Row,
    counts_of,
    furthest,
    heads_of,
    how_sure,
    is_clear,
    likely_range,
    many_scores,
    rows_of,
    sides,
)
from lsp_analysis.reports.view.plan import target_words
from lsp_analysis.standing.agencies import agenda
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
    rows = rows_of(brief)
    borough = places.borough_name(brief.study)
    rest = f"Rest of {borough}"
    data = {
        "eyebrow": _eyebrow(brief),
        "name": places.name_of(brief.study, brief.area),
        "verdict": _verdict(rows, effects, borough),
        "tally": [[kind, n, WORDS[kind]] for kind, n in counts_of(rows).items()],
        "facts": _facts(brief),
        "map": places.locator(brief.study, brief.area),
        "next_door": _next_door(brief),
        "rest": rest,
        "table": furthest_table(rows, borough),
        "box": pilot_box(effects.programme, effects.primary),
        "changed": _changed(brief, effects),
        "next": _next(brief),
        "unknown": _unknown(brief, rows),
    }
    data["index"] = _for_index(brief, rows, effects, data)
    return Part("screen", data)


def _eyebrow(brief: AreaBrief) -> str:
    """What kind of area it is, and what it lies in."""
    kinds = {"lsoa": "Small area", "msoa": "Middle-layer area", "oa": "Output area"}
    kind = kinds.get(brief.area.area_type, wording.capital(brief.area.area_type))
    within = places.parents(brief.study, brief.area)[:1]
    borough = places.borough_name(brief.study)
    if borough in (brief.area.name, "the borough"):
        return kind
    return f"{kind} in {', '.join([*within, borough])}"


def _verdict(rows: list[Row], effects: ProgrammeEffects, borough: str) -> str:
    """Two sentences of 25 words or fewer: how the area stands, and what became of the pilot."""
    counts = counts_of(rows)
    worse, better = counts.get("worse", 0), counts.get("better", 0)
    scores = len(many_scores(rows))
    judged = len(rows) - counts.get("not", 0) - scores
    n = "the only measure" if len(rows) == 1 else wording.counted(judged or len(rows), "measure")
    if 0 < judged < len(rows) - scores:
        n = wording.counted(judged, "comparable measure")
    if judged and scores:
        n = f"{n} (scores apart)"
    rest = f"the rest of {borough}"
    if not judged:
        said = f"None of {n} can be compared with {rest}."
        if len(rows) == 1:
            said = f"Its only measure cannot be compared with {rest}."
    elif worse:
        few, others = wording.in_words(worse), wording.in_words(better)
        said = f"Worse than {rest} on {few} of {n}, better on {others}."
        if judged == 1:
            said = f"Worse than {rest} on {n}."
    elif better:
        said = f"Better than {rest} on {wording.in_words(better)} of {n}, worse on none."
    else:
        said = f"Not clearly different from {rest} on {'any of ' * (len(rows) > 1)}{n}."
    return f"{said} {_pilot_line(effects)}".strip()


def _pilot_line(effects: ProgrammeEffects) -> str:
    found = effects.primary
    if effects.programme.start is None:
        return ""
    if found.effect is None or found.placebo_date:
        return "What the pilot did cannot be told from these data."
    name = wording.inside(found.indicator.name)
    if is_clear(found.effect):
        moved = "fell" if found.effect.estimate < 0 else "rose"
        return f"{wording.capital(name)} {moved} more than expected after the pilot began."
    return f"Whether the pilot changed {name} cannot be told."


def _facts(brief: AreaBrief) -> list[list[str]]:
    """Residents, place in the order of deprivation, codes."""
    facts = []
    people = brief.population()
    if people:
        count, period = people
        facts.append([f"{wording.number(count)} residents", f"({wording.period(period)})."])
    if placed := _deprivation(brief):
        rank, of, edition = placed
        borough = places.borough_name(brief.study)
        facts.append(
            [
                f"{wording.capital(wording.placed(rank, 'most deprived'))}",
                f"of {borough}’s {wording.number(of)} small areas (Indices of {edition}).",
            ]
        )
    codes = list(brief.area.members)
    if len(codes) == 1:
        own = brief.study.small_areas().set_index("area_code")["area_name"].get(codes[0], "")
        facts.append(["", f"One small area: {', '.join(dict.fromkeys([own, codes[0]]))}."])
    else:
        more = f" and {len(codes) - MOST_CODES} more" if len(codes) > MOST_CODES else ""
        listed = ", ".join(codes[:MOST_CODES])
        facts.append(["", f"{wording.number(len(codes))} small areas: {listed}{more}."])
    return facts


def _deprivation(brief: AreaBrief) -> tuple[int, int, int] | None:
    """Place of a single small area among the borough's in the last Indices the page may use."""
    found = places.deprivation_places(brief.study, brief.area)
    if not found:
        return None
    ends = [panel["period"].max().end_time.year for panel in brief.panels.values() if len(panel)]
    last = max(ends, default=9999)
    wanted = max((edition for edition in found if edition <= last), default=min(found))
    return *found[wanted], wanted


def _next_door(brief: AreaBrief) -> list[dict[str, str]]:
    near = places.next_door(brief.study, brief.area)
    if len(near) <= LONG_LIST:
        return near
    more = {"name": f"{len(near) - LONG_LIST + 1} more", "link": "../index.html"}
    return [*near[: LONG_LIST - 1], more]


def furthest_table(rows: list[Row], borough: str) -> dict[str, Any]:
    """The measures furthest from the comparator: three worst, one best."""
    worst, best = furthest(rows, "worse")[:WORST], furthest(rows, "better")[:BEST]
    shown = [*worst, *best]
    title = f"Furthest from the rest of {borough}"
    ends = ((worst, "worst"), (best, "best"))
    parts = [f"{wording.in_words(len(some))} {end}" for some, end in ends if some]
    text = ""
    if not shown:
        shown = sorted(
            (row for row in rows if row.kind in ("none", "close", "differs", "few")),
            key=lambda row: (np.isnan(row.place), row.place),
        )[: WORST + BEST]
        text = "None of these is clearly different." if shown else "Nothing can be compared."
        text = "It is not clearly different." if len(rows) == len(shown) == 1 else text
    heads = heads_of(shown, rows)
    return {
        "title": f"{title}: {' and '.join(parts)}" if parts else title,
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
    box = {"title": title, "sure": list(how_sure(effect))}
    if not effect.multiplicative:
        unit = found.indicator.unit
        likely = wording.interval(effect.low, effect.high, unit, effect.level, of_change=True)
        small = f"in {name} against what was expected, {times}. {wording.capital(likely)}."
        return {**box, "big": wording.difference(effect.estimate, unit), "small": small}
    less, more = sides(found.indicator)
    if len(effect.placebos):
        box["strip"] = _strip(effect, less, more)
    return {
        **box,
        "big": f"{abs(100 * effect.relative):.0f}% {less if effect.relative < 0 else more}",
        "small": f"{name} than expected, {times}. Likely range: "
        f"{likely_range(effect, less, more)}.",
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


def _changed(brief: AreaBrief, effects: ProgrammeEffects) -> list[list[str]]:
    """What moved by more than chance: against the period before, and in the gaps over all years."""
    told = [["Since the period before:", _moved(brief)]]
    gaps = clear_gap_changes(brief)
    if gaps:
        told.append([f"{wording.capital(since(gaps) or 'over all years')}:", gap_words(gaps)])
    return told


def _moved(brief: AreaBrief) -> str:
    """Clear changes against the period before, a short clause each."""
    table = brief.profile.table
    judged = table["change_verdict"].isin([*verdicts.CLEAR, verdicts.UNCLEAR])
    moved = table[table["change_verdict"].isin(verdicts.CLEAR)]
    if not judged.any():
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
    left = len(moved) - len(told)
    more = f", and {left} more moved" if left > 0 else ""
    rest = "nothing else moved more than chance" if said else "nothing moved more than chance"
    return f"{'; '.join([*said, ''])}{more}{rest}." if not more else f"{'; '.join(said)}{more}."


def _next(brief: AreaBrief) -> dict[str, Any]:
    """What to look at first, with agencies and dates from the plan, and the rule that picked it."""
    rows = agenda.priorities(brief).head(WORST)
    if rows.empty:
        return {"lead": agenda.NOTHING, "items": [], "after": ""}
    plan = _last_in_plan(brief)
    items = []
    for indicator_id, row in rows.iterrows():
        agency = brief.study.indicator(str(indicator_id)).lead_agency
        told = [agency] if agency else []
        if indicator_id in plan.index:
            status, due = plan.loc[indicator_id, ["status", "due"]]
            told.append(f"{target_words(status)}, due {wording.period(str(due))}")
        items.append([f"{row['name']}:", f"{', '.join(told) or row['why'] or 'worse here'}."])
    after = RULE + (UNTESTED if rows["untested"].any() else "")
    return {"lead": "Look first at:", "items": items, "after": after}


def _last_in_plan(brief: AreaBrief) -> pd.DataFrame:
    """The last target of each indicator in the plan, by indicator_id."""
    if brief.plan is None:
        return pd.DataFrame(columns=["status", "due"])
    last = brief.plan.table.sort_values("due", kind="stable")
    return last.drop_duplicates("indicator_id", keep="last").set_index("indicator_id")


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
    since = {
        wording.inside(row.name): wording.period(first)
        for row in rows
        if row.kind != "not" and (first := _counted_since(brief, row.indicator_id)) is not None
    }
    for name, first in list(since.items())[:2]:
        told.append([f"{wording.capital(name)} before {first}:", "counted or recorded otherwise."])
    told.append(["Causes:", "the numbers hold outcomes only."])
    return told


def _counted_since(brief: AreaBrief, indicator_id: str) -> pd.Period | None:
    """First period after a recorded break or a change of coverage; None without one."""
    if indicator_id not in brief.panels:
        return None
    return brief.measured(indicator_id).since(brief.area.members)


def _for_index(
    brief: AreaBrief, rows: list[Row], effects: ProgrammeEffects, data: dict[str, Any]
) -> dict[str, Any]:
    """What the index tells of the page."""
    placed = _deprivation(brief)
    found = effects.primary
    pilot, size = "", 0.0
    if found.effect is not None and not found.placebo_date and effects.programme.start is not None:
        box = data["box"]
        size = float(found.effect.estimate)
        pilot = f"{box['big']} {'' if is_clear(found.effect) else '(could be chance)'}".strip()
    main = next((row for row in rows if len(row.periods) > 1), None)
    return {
        "borough": f"{places.borough_name(brief.study)} neighbourhoods",
        "name": data["name"],
        "counts": counts_of(rows),
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
