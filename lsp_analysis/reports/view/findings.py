"""The figures of an area's page, each with what it shows as its title."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.absent import Absent
from lsp_analysis.errors import LspError
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.part import Part, found_words, how_sure, is_clear
from lsp_analysis.reports.view.rows import Row, furthest, rows_of, years_of
from lsp_analysis.standing.comparison import verdict as verdicts

if TYPE_CHECKING:
    from lsp_analysis.effects.outcomes.programme_page import ProgrammeEffects
    from lsp_analysis.figures.tables import Table
    from lsp_analysis.standing.place.brief import AreaBrief

MOST_ARROWS = 24  # rows of one chart of gaps: more are split by theme
FEW_ARROWS = 2
LONGEST_TICKS = 6
FEWEST_AGES = 3  # age bands worth a picture
MOST_APART = 8  # measures that cannot be compared and are named on the page itself
MOST_PARTS = 12  # small areas of a neighbourhood that are set side by side


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
    clear: bool
    narrowed: bool
    first_period: str
    last_period: str


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
            f"{'+' if x > 0 else ''}{wording.number(x, digits)}"
            for x in (worse * change.gap_start, worse * change.gap_end)
        ]
        unit = _short_unit(brief.indicator(indicator_id).unit)
        moves.append(
            GapMove(
                name=gap.name,
                theme=brief.study.indicator(indicator_id).theme,
                first=worse * change.gap_start / abs(now),
                last=worse * change.gap_end / abs(now),
                words=f"{ends[0]} → {ends[1]} {unit}".strip(),
                clear=change.direction in ("narrowed", "widened"),
                narrowed=change.direction == "narrowed",
                first_period=wording.period(change.start),
                last_period=wording.period(change.end),
            )
        )
    return sorted(moves, key=lambda move: -move.last)


def _short_unit(unit: str) -> str:
    """A unit code in few words, for a chart whose subtitle or table has the rest."""
    known = {"percent": "points", "count": "", "mean": "", "score": "points", "": ""}
    if unit.startswith("per_"):
        return f"per {int(unit.removeprefix('per_')):,}"
    return known.get(unit, unit)


def clear_gap_changes(brief: AreaBrief) -> list[GapMove]:
    """Gaps whose size changed by more than chance, the widest now first."""
    return [move for move in gap_moves(brief) if move.clear]


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
        "subtitle": f"Gap as a share of the rest of {borough}’s latest value. Arrows point to the "
        "latest year; bold: clearer than chance.",
        "chart": {
            "type": "arrows",
            "heading": "Gap, first → latest (+ is worse)",
            "rows": [_arrow(move) for move in shown],
            "label": f"Gaps to the rest of {borough}, worst first. {told}.",
        },
        "note": _gap_note(moves, shown, first),
    }
    frame = pd.DataFrame([vars(move) for move in moves])
    return Part("figure", data, frame)


def _chosen(moves: list[GapMove]) -> list[GapMove]:
    """The rows of a chart that cannot hold all: those that changed clearly, then the worst now."""
    clear = [move for move in moves if move.clear][:MOST_ARROWS]
    others = [move for move in moves if not move.clear][: MOST_ARROWS - len(clear)]
    return sorted([*clear, *others], key=lambda move: -move.last)


def _gap_title(clear: list[GapMove], moves: list[GapMove]) -> str:
    if not clear:
        return f"None of {wording.counted(len(moves), 'gap')} has clearly changed in size"
    narrowed = [wording.inside(m.name) for m in clear if m.narrowed]
    widened = [wording.inside(m.name) for m in clear if not m.narrowed]
    since = min(move.first_period for move in clear)
    if len(clear) == 1:
        only = "Only in "
        did = "narrowed" if narrowed else "widened"
        return f"{only}{(narrowed or widened)[0]} has the gap clearly {did} since {since}"
    if len(clear) <= 3 and not (narrowed and widened):
        names = wording.and_list(narrowed or widened)
        return f"Gaps have clearly {'narrowed' if narrowed else 'widened'} in {names} since {since}"
    counts = [
        f"{wording.counted(len(some), 'gap')} clearly {did}"
        for some, did in ((narrowed, "narrowed"), (widened, "widened"))
        if some
    ]
    return f"{wording.capital(wording.and_list(counts))} since {since}, of {len(moves)}"


def _gap_note(moves: list[GapMove], shown: list[GapMove], first: str) -> str:
    later = sum(move.first_period != first for move in moves)
    more = f"; later for {wording.counted(later, 'measure')}, see the numbers" if later else ""
    notes = [f"First year {first}{more}."]
    if len(shown) < len(moves):
        notes.append(f"{len(shown)} of {len(moves)} measures are drawn; all are in the numbers.")
    notes.append("Clear: the 95% interval of the change in size leaves out zero.")
    return " ".join(notes)


def _arrow(move: GapMove) -> dict[str, Any]:
    name = move.name
    return {**vars(move), "name": name}


def all_measures(brief: AreaBrief) -> Part:
    """Every measure by theme, worst first, with its verdict."""
    rows = rows_of(brief)
    borough = places.borough_name(brief.study)
    shown = [row for row in rows if row.kind not in ("few", "not")]
    named = sorted(shown, key=lambda row: row.theme)
    themes = [
        {"name": theme, "rows": [row.shown() for row in _worst_first(list(of))]}
        for theme, of in groupby(named, key=lambda row: row.theme)
    ]
    if len(themes) == 1:
        themes[0]["name"] = ""
    table = brief.profile.table
    why = verdicts.not_comparable(table)
    apart = sum(row.kind == "not" for row in rows)
    told = why
    if apart > MOST_APART:
        told = f"{wording.number(apart)} measures cannot be compared: see what the verdicts mean."
    text = " ".join(filter(None, [verdicts.too_few(table), told]))
    data = {
        "question": "Where are we at?",
        "title": _measures_title(rows, borough),
        "subtitle": f"Latest value of every measure beside the rest of {borough}, by theme, worst "
        "first. Lines start at zero.",
        "rest": f"Rest of {borough}",
        "years": years_of(shown),
        "themes": themes,
        "text": text,
        "explained": " ".join([_meanings(rows), brief.profile.rule(), why * (told != why)]),
    }
    return Part("measures", data, _measures_frame(brief))


def _worst_first(rows: list[Row]) -> list[Row]:
    order = {kind: i for i, kind in enumerate(("worse", "differs", "none", "close", "better"))}
    return sorted(rows, key=lambda row: (order[row.kind], np.isnan(row.place), row.place))


def _measures_title(rows: list[Row], borough: str) -> str:
    worst = furthest(rows, "worse")
    if not worst:
        return f"No measure is clearly worse than in the rest of {borough}"
    themes = list(dict.fromkeys(row.theme for row in worst if row.theme))
    first = wording.inside(worst[0].name)
    if len(worst) == 1:
        return f"Only {first} is clearly worse than in the rest of {borough}"
    where = f", across {wording.counted(len(themes), 'theme')}" if len(themes) > 1 else ""
    number = wording.capital(wording.counted(len(worst), "measure"))
    return f"{number} are clearly worse{where}; {first} lies furthest out"


def _meanings(rows: list[Row]) -> str:
    used = {row.word for row in rows}
    told = [f"{wording.capital(word)}: {verdicts.MEANINGS[word]}." for word in verdicts.VERDICTS
            if word in used]  # fmt: skip
    return " ".join(told)


def _measures_frame(brief: AreaBrief) -> pd.DataFrame:
    wanted = ["name", "theme", "kind", "definition", "source", "unit", "when", "value", "low",
              "high", "comparator_value", "difference", "difference_low", "difference_high",
              "p_value", "p_adjusted", "verdict", "reason", "rank", "of", "trend", "change",
              "change_verdict", "caution"]  # fmt: skip
    table = brief.profile.table
    return table[[c for c in wanted if c in table]].reset_index()


def story(brief: AreaBrief, indicator_id: str) -> Part | Absent:
    """One measure through the years, here and in the rest of the borough."""
    row = next((row for row in rows_of(brief) if row.indicator_id == indicator_id), None)
    if row is None or row.here["value"].notna().sum() < 3:
        return Absent("The measure to watch has fewer than three periods to draw.")
    borough = places.borough_name(brief.study)
    both = row.here.set_index("period")[["value"]].join(
        row.rest.set_index("period")["value"].rename("rest"), how="outer"
    )
    both = both.sort_index()
    x = [_year(p) for p in both.index]
    indicator = brief.study.indicator(indicator_id)
    here, rest = both["value"].dropna(), both["rest"].dropna()
    data = {
        "question": "The measure to watch",
        "title": _story_title(indicator.name, here, rest, indicator.unit, borough),
        "subtitle": f"{row.name}, {row.unit.rpartition(', ')[0] or row.unit}",
        "chart": {
            "type": "lines",
            "x": x,
            "ticks": _ticks(both.index),
            "unit": "%" if indicator.unit == "percent" else "",
            "series": [
                {"name": "here", "role": "here", "values": list(both["value"]),
                 "end": f"{row.here_words} here"},
                {"name": "rest", "role": "rest", "values": list(both["rest"]),
                 "end": f"{row.rest_words} rest of {borough}"},
            ],
            "moments": _moments(brief, x),
            "label": f"{row.spark()['label']}.",
        },
        "note": " ".join(filter(None, [indicator.definition, _source(indicator.source)])),
    }  # fmt: skip
    return Part("figure", data, both.reset_index().rename(columns={"value": "here"}))


def _source(source: str) -> str:
    return f"Source: {source}." if source else ""


def _story_title(name: str, here: pd.Series, rest: pd.Series, unit: str, borough: str) -> str:
    """What the two lines show now, and whether they did at first."""
    now, then = (
        here.iloc[place] / rest.iloc[place] if rest.iloc[place] else np.nan for place in (-1, 0)
    )
    first = wording.period(here.index[0])
    if not np.isfinite(now):
        return f"{name}, {first} to {wording.period(here.index[-1])}"
    said = _ratio_words(now)
    if said == "about level with":
        return f"{name} is about level with the rest of {borough}"
    same = np.isfinite(then) and _ratio_words(then) == said
    since = f", as in {first}" if same else f"; in {first} it was {_ratio_words(then)} it"
    if not np.isfinite(then):
        since = ""
    return f"{name} is {said} the rest of {borough}{since}"


def _ratio_words(ratio: float) -> str:
    for low, high, words in (
        (3.5, np.inf, "more than three times"),
        (2.6, 3.5, "about three times"),
        (2.15, 2.6, "more than twice"),
        (1.85, 2.15, "about twice"),
        (1.6, 1.85, "well above"),
        (1.1, 1.6, "above"),
        (0.9, 1.1, "about level with"),
        (0.6, 0.9, "below"),
        (0.4, 0.6, "about half"),
        (0.0, 0.4, "less than half"),
    ):
        if low <= ratio < high:
            return words
    return "far from"


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
    yearly, x = _by_year(paths)
    here, expected = list(yearly["treated"]), list(yearly["comparison"])
    shown = [e if _ends_after(p, effect.start) else None
             for p, e in zip(yearly["period"], expected, strict=True)]  # fmt: skip
    band = _band(effect, yearly, shown)
    name = found.indicator.name
    unit = found.indicator.per or effect.path_unit or effect.unit
    title = _pilot_title(effect, name)
    data = {
        "question": "Did the pilot work?",
        "title": title,
        "subtitle": f"{name}, {unit}".rstrip(", "),
        "chart": {
            "type": "lines",
            "x": x,
            "ticks": _ticks(yearly["period"]),
            "unit": "",
            "series": [
                {"name": "here", "role": "here", "values": here, "end": f"{_plain(here)} here"},
                {"name": "expected", "role": "expected", "values": shown,
                 "end": f"{_plain(shown)} expected"},
            ],
            "band": band,
            "moments": [[_year_of(effect.start), f"Pilot starts, {wording.period(effect.start)}"]],
            "label": f"{title}. {found.sentence()}",
        },
        "answers": [
            ["What was found", found_words(effect, found.indicator)],
            ["How sure", " ".join(how_sure(effect))],
            ["What could mislead", _doubt(effect)],
        ],
        "note": f"Expected (dashed): {effect.comparator}. {effect.inference}".strip(),
    }  # fmt: skip
    return Part("figure", data, paths)


def _doubt(effect: Any) -> str:
    if effect.warnings:
        return str(effect.warnings[0])
    return str(effect.assumptions[0]) if effect.assumptions else "Nothing that was looked for."


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


def _by_year(paths: pd.DataFrame) -> tuple[pd.DataFrame, list[float]]:
    """Monthly and quarterly paths as means of whole years; others as they are."""
    periods = pd.PeriodIndex(paths["period"])
    per_year = {"M": 12, "Q": 4}.get(periods.freqstr[0], 1)
    if per_year == 1:
        return paths, [_year(p) for p in periods]
    means = paths.assign(period=periods.asfreq("Y")).groupby("period")[["treated", "comparison"]]
    whole = means.mean()[means.size() == per_year].reset_index()
    return whole, [_year(p) for p in whole["period"]]


def _band(effect: Any, yearly: pd.DataFrame, expected: list[float | None]) -> dict[str, Any]:
    """Where 95 in 100 areas where nothing was done lie about what is expected of them."""
    if effect.placebos.empty or not effect.multiplicative:
        return {}
    ratios = np.exp(np.quantile(effect.placebos["estimate"].astype(float), [0.025, 0.975]))
    ends = [[None if e is None else e * r for e in expected] for r in ratios]
    return {"low": ends[0], "high": ends[1], "name": "Usual range where nothing was done"}


def outcomes(effects: ProgrammeEffects) -> Part | Absent | None:
    """What became of every outcome of the programme, and what chance alone would make of them.

    None where there was no programme, or the data begin too late for it.
    """
    if effects.programme.start is None or effects.primary.placebo_date:
        return None
    found = [one for one in effects.estimates() if one.effect.multiplicative]
    if len(found) < FEW_ARROWS:
        return Absent("Fewer than two outcomes can be set side by side.")
    rows = [
        {
            "name": one.indicator.name,
            "estimate": 100 * one.effect.relative,
            "low": 100 * one.effect.relative_low,
            "high": 100 * one.effect.relative_high,
            "words": f"{100 * one.effect.relative:+.0f}%".replace("-", "−"),
            "clear": is_clear(one.effect),
        }
        for one in found
    ]
    clear = [wording.inside(row["name"]) for row in rows if row["clear"]]
    title = (
        f"Of {wording.counted(len(rows), 'outcome')}, "
        f"{wording.and_list(clear) or 'none'} moved by more than chance, each looked at alone"
    )
    data = {
        "question": "And the other outcomes?",
        "title": title,
        "subtitle": "Difference from what was expected, in per cent, with 95% interval",
        "chart": {
            "type": "forest", "names": "Outcome", "heading": "Against what was expected",
            "rows": rows,
            "label": f"{title}. " + "; ".join(f"{r['name']} {r['words']}" for r in rows),
        },
        "note": f"Each looked at alone: of {len(rows)}, chance alone makes about "
        f"{wording.number((1 - found[0].effect.level) * len(rows), 1)} stand out.",
    }  # fmt: skip
    return Part("figure", data, pd.DataFrame(rows).drop(columns="words"))


def residents(brief: AreaBrief) -> Part | Absent:
    """Who lives here: ages and sexes beside those of the rest of the borough."""
    from lsp_analysis.standing.place.of_area import people_of

    try:
        people = people_of(brief)
    except LspError as error:
        return Absent(str(error))
    frame = people.summary_frame()
    wide = frame.set_index(["age_band", "sex"])[["share", "comparator_share"]].unstack("sex")  # noqa: PD010
    if not {("share", "Female"), ("share", "Male")} <= set(wide.columns):
        return Absent("The study does not split residents by sex.")
    if len(wide) < FEWEST_AGES or not wide["comparator_share"].sum().sum() > 0:
        return Absent("The study has too few age bands here and elsewhere to compare ages.")
    wide = wide.reindex(frame["age_band"].drop_duplicates()).fillna(0.0)
    rows = [
        {
            "age": str(age), "female": row["share", "Female"], "male": row["share", "Male"],
            "female_rest": row["comparator_share", "Female"],
            "male_rest": row["comparator_share", "Male"],
        }
        for age, row in wide.iterrows()
    ]  # fmt: skip
    borough = places.borough_name(brief.study)
    data = {
        "question": "Who lives here?",
        "title": _ages_title(wide, borough),
        "subtitle": f"Share of residents by age and sex, {wording.period(people.period)}; marks: "
        f"the rest of {borough}",
        "chart": {"type": "pyramid", "rows": rows, "label": str(people.sentence())},
    }
    return Part("figure", data, frame)


def _ages_title(wide: pd.DataFrame, borough: str) -> str:
    """Which broad age group the area has most more of than the comparator, if any."""
    from lsp_analysis.standing.place.residents import CHILDREN_UNDER, OLDER_FROM, first_age

    ages = wide.index.map(first_age)
    groups = {
        f"children under {CHILDREN_UNDER}": ages < CHILDREN_UNDER,
        "adults of working age": (ages >= CHILDREN_UNDER) & (ages < OLDER_FROM),
        f"people of {OLDER_FROM} or over": ages >= OLDER_FROM,
    }
    here, rest = wide["share"].sum(axis=1), wide["comparator_share"].sum(axis=1)
    more = {name: here[rows].sum() - rest[rows].sum() for name, rows in groups.items()}
    name = max(more, key=more.__getitem__)
    if more[name] < 1:
        return f"Ages are much like those in the rest of {borough}"
    own, other = here[groups[name]].sum(), rest[groups[name]].sum()
    return f"More {name} than the rest of {borough}: {own:.0f}% against {other:.0f}%"


def editions(brief: AreaBrief) -> wording.Sentence | None:
    """Where a small area stood among the borough's in each edition of the Indices of Deprivation.

    None for larger areas and without Indices.
    """
    study, members = brief.study, brief.area.members
    if len(members) != 1 or not study.has("deprivation"):
        return None
    table = study.read("deprivation")
    small = set(study.small_areas()["area_code"])
    table = table[table["area_code"].isin(small)].dropna(subset="rank")
    places_of = {}
    for edition, rows in table.groupby("edition"):
        ranks = rows.set_index("area_code")["rank"]
        if members[0] in ranks.index:
            place = int((ranks < ranks[members[0]]).sum()) + 1
            places_of[int(edition)] = f"{wording.ordinal(place)} of {len(ranks)}"
    if not places_of:
        return None
    known = list(dict.fromkeys(places_of.values()))
    years = wording.and_list(places_of)
    if len(known) == 1:
        told = f"{known[0]} in the Indices of {years}"
    else:
        told = wording.and_list(f"{place} ({year})" for year, place in places_of.items())
    return wording.Sentence(
        f"Counting from the most deprived small area of the borough it was {told}. Positions are "
        "relative, and the data are older than the edition."
    )


def small_areas(brief: AreaBrief) -> Table | Absent | None:
    """How many measures are clearly worse or better in each part of a neighbourhood, by theme."""
    members = list(brief.area.members)
    if len(members) == 1:
        return None
    if len(members) > MOST_PARTS:
        return Absent(f"The area has {len(members)} small areas: each has a page of its own.")
    names = places.local_names(brief.study)
    found: dict[str, dict[str, str]] = {}
    for code in members:
        table = brief.about(code).profile.table
        found[names.get(code, code)] = {
            theme or "All": _tally(rows["verdict"]) for theme, rows in table.groupby("theme")
        }
    frame = pd.DataFrame(found).T.rename_axis("Small area").reset_index()
    return figures.table(
        frame,
        caption="Clear differences from the rest of the borough in each small area, by theme",
        note="The other measures of each theme are not clearly different, or too few to say.",
    )


def _tally(verdict: pd.Series) -> str:
    told = [f"{n} {word}" for word in ("worse", "better") if (n := int((verdict == word).sum()))]
    return ", ".join(told) or "none"


def _moments(brief: AreaBrief, x: list[float]) -> list[list[Any]]:
    events = brief.events()
    if events is None:
        return []
    shown = [[_year_of(date), label] for date, label in zip(events["date"], events["label"],
                                                            strict=True)]  # fmt: skip
    apart: list[list[Any]] = []
    for moment in sorted(shown, key=lambda m: m[0]):
        inside = min(x) <= moment[0] <= max(x)
        if inside and all(moment[0] - other[0] > 0.02 * (max(x) - min(x)) for other in apart):
            apart.append(moment)
    return apart[:3]


def _year(period: pd.Period) -> float:
    """Where a period lies on a scale of years: its middle, less half a year."""
    start, end = period.start_time, period.end_time
    middle = start + (end - start) / 2
    return middle.year + (middle.day_of_year - 1) / 365.25 - 0.5


def _year_of(date: Any) -> float:
    day = date.start_time if isinstance(date, pd.Period) else pd.Timestamp(date)
    return day.year + (day.day_of_year - 1) / 365.25 - 0.5


def _ends_after(period: pd.Period, start: pd.Period) -> bool:
    return period.end_time >= start.start_time


def _ticks(periods: Any) -> list[list[Any]]:
    periods = list(periods)
    step = max(1, -(-len(periods) // LONGEST_TICKS))
    chosen = periods[::-1][::step][::-1]
    return [[_year(p), wording.period(p, short=True)] for p in chosen]


def _plain(values: list[float | None]) -> str:
    last = next((v for v in reversed(values) if v is not None and np.isfinite(v)), np.nan)
    return wording.number(last, 0 if abs(last) >= 9.95 else 1)
