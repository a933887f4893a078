"""The figures of an area's page, each with what it shows as its title."""

from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import LspError
from lsp_analysis.figures.tables import Table
from lsp_analysis.reports.view import part, places
from lsp_analysis.reports.view.part import Part, Row
from lsp_analysis.showing import Absent
from lsp_analysis.standing import answers
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.comparison.baseline import period_words
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.standing.place.other_areas import LEVELS, measured_at

FEWEST_AGES = 3  # age bands worth a picture
RATIOS = (
    (3.5, "more than three times"),
    (2.6, "about three times"),
    (2.15, "more than twice"),
    (1.85, "about twice"),
    (1.6, "well above"),
    (1.1, "above"),
    (0.9, "about level with"),
    (0.6, "below"),
    (0.4, "about half"),
    (0.0, "less than half"),
)
MEASURED = [
    "name", "theme", "kind", "definition", "source", "unit", "when", "value", "low", "high",
    "comparator_value", "difference", "difference_low", "difference_high", "p_value", "p_adjusted",
    "verdict", "reason", "rank", "of", "trend", "change", "change_verdict", "coverage", "since",
    "caution",
]  # fmt: skip
WORST_FIRST = ("worse", "differs", "none", "close", "better")
HALF_YEAR = 0.5  # from the start of a year to the place of its value
MOST_PARTS = 12  # small areas of a neighbourhood that are set side by side


def all_measures(brief: AreaBrief) -> Part:
    """Every measure by theme, worst first, with its verdict."""
    rows, table = part.rows_of(brief), brief.profile.table
    borough = places.borough_name(brief.study)
    scores, counts = part.many_scores(rows), part.counts_of(rows)
    shown = [row for row in rows if row.kind not in ("few", "not") and row not in scores]
    heads = part.heads_of(shown, rows)
    apart = [f"{counts[kind]} {part.WORDS[kind]}" for kind in ("few", "not") if kind in counts]
    used = {row.word for row in rows}
    meanings = [f"{wording.capital(word)}: {verdicts.MEANINGS[word]}." for word in verdicts.VERDICTS
                if word in used]  # fmt: skip
    meanings += [brief.profile.rule(), verdicts.too_few(table), verdicts.not_comparable(table)]
    data = {
        "question": "Where are we at?",
        "title": _measures_title(rows, borough),
        "subtitle": "By theme, worst first. Lines start at zero.",
        "rest": f"Rest of {borough}",
        **heads,
        "themes": _by_theme(shown, heads["of"]),
        "folded": f"{len(scores)} scores of which neither high nor low is better" if scores else "",
        "more": _by_theme(scores, heads["of"]),
        "text": f"Left out: {wording.and_list(apart)}." if apart else "",
        "explained": " ".join(filter(None, meanings)),
    }
    return Part("measures", data, table[MEASURED].reset_index())


def _by_theme(rows: list[Row], of: str) -> list[dict[str, Any]]:
    """The rows of each theme, worst first, as the page's template takes them."""
    themes = []
    for theme, own in groupby(sorted(rows, key=lambda row: row.theme), key=lambda row: row.theme):
        worst_first = sorted(
            own, key=lambda row: (WORST_FIRST.index(row.kind), np.isnan(row.place), row.place)
        )
        themes.append({"name": theme, "rows": [row.shown(of) for row in worst_first]})
    if len(themes) == 1:
        themes[0]["name"] = ""
    return themes


def _measures_title(rows: list[Row], borough: str) -> str:
    worst = part.furthest(rows, "worse")
    if not worst:
        return f"No measure is clearly worse than in the rest of {borough}"
    themes = list(dict.fromkeys(row.theme for row in worst if row.theme))
    first = wording.inside(worst[0].name)
    if len(worst) == 1:
        return f"Only {first} is clearly worse than in the rest of {borough}"
    where = f", across {wording.counted(len(themes), 'theme')}" if len(themes) > 1 else ""
    number = wording.capital(wording.counted(len(worst), "measure"))
    return f"{number} are clearly worse{where}; furthest out: {first}"


def story(brief: AreaBrief, indicator_id: str) -> Part | Absent:
    """One measure through the years, here and in the rest of the borough."""
    row = next((row for row in part.rows_of(brief) if row.indicator_id == indicator_id), None)
    if row is None or row.series["value"].notna().sum() < 3:
        return Absent("The measure to watch has fewer than three periods to draw.")
    borough, both = places.borough_name(brief.study), row.series[["value", "rest"]]
    words = dict(
        zip(row.periods, map(period_words, row.series["first"].dropna(), row.periods), strict=True)
    )
    pooled = any(" to " in word for word in words.values())
    indicator = brief.study.indicator(indicator_id)
    span = [words[both["value"].dropna().index[end]] for end in (0, -1)]
    data = {
        "question": "The measure to watch",
        "title": f"{indicator.name}{_compared(both, span, f'the rest of {borough}')}",
        "subtitle": f"{wording.capital(row.unit.rpartition(', ')[0] or row.unit)}"
        f"{'; several years together, marked at their last' if pooled else ''}",
        "chart": part.lines_of(
            both.index,
            {"here": (both["value"], "here"), "rest": (both["rest"], f"rest of {borough}")},
            f"{row.spark()['label']}.",
            unit="%" if indicator.unit == "percent" else "",
            moments=_moments(brief, indicator_id, *map(part.year_at, both.index[[0, -1]])),
        ),
        "note": row.about.removeprefix(indicator.definition).strip(),
    }
    numbers = both.reset_index().rename(columns={"value": "here"})
    numbers["period"] = numbers["period"].map(lambda p: words.get(p, wording.period(p)))
    return Part("figure", data, numbers)


def _compared(both: pd.DataFrame, span: list[str], rest: str) -> str:
    """What the two lines show now, and whether they did at first."""
    here, there = both["value"].dropna(), both["rest"].dropna()
    then, now = (here.iloc[end] / there.iloc[end] if there.iloc[end] else np.nan for end in (0, -1))
    if not np.isfinite(now):
        return f", {span[0]} to {span[1]}"
    said = _ratio_words(now)
    if said == "about level with" or not np.isfinite(then):
        return f": {said} {rest}"
    first = _ratio_words(then)
    since = f", as in {span[0]}" if first == said else f" ({first} in {span[0]})"
    return f": {said} {rest}{since}"


def _ratio_words(ratio: float) -> str:
    return next((words for least, words in RATIOS if ratio >= least), "far from")


def residents(brief: AreaBrief) -> Part | Absent:
    """Who lives here: ages and sexes beside those of the rest of the borough."""
    from lsp_analysis.standing.inequality.life import people

    try:
        here = people(brief)
    except LspError as error:
        return Absent(str(error))
    frame = here.summary_frame()
    wide = frame.set_index(["age_band", "sex"])[["share", "comparator_share"]].unstack("sex")  # noqa: PD010
    both = [(of, sex) for of in ("share", "comparator_share") for sex in ("Female", "Male")]
    if not set(both) <= set(wide.columns):
        return Absent("The study does not split residents by sex.")
    if len(wide) < FEWEST_AGES or not wide["comparator_share"].sum().sum() > 0:
        return Absent("The study has too few age bands here and elsewhere to compare ages.")
    wide = wide.reindex(frame["age_band"].drop_duplicates())[both].fillna(0.0)
    wide.columns = ["female", "male", "female_rest", "male_rest"]
    rows = wide.rename_axis("age").reset_index().astype({"age": str}).to_dict("records")
    borough = places.borough_name(brief.study)
    data = {
        "question": "Who lives here?",
        "title": _ages_title(wide, borough),
        "subtitle": f"Share of residents, {wording.period(here.period)}",
        "folded": "Ages by sex",
        "explained": f"Marks: the rest of {borough}.",
        "chart": {"type": "pyramid", "rows": rows, "label": str(here.sentence())},
    }
    return Part("figure", data, frame)


def life(brief: AreaBrief) -> wording.Sentence | None:
    """Life expectancy here and elsewhere; None in a study without deaths by age."""
    found = answers.life_expectancy(brief)
    return found.sentence() if found else None


def _ages_title(wide: pd.DataFrame, borough: str) -> str:
    """Which broad age group the area has most more of than the comparator, if any."""
    from lsp_analysis.standing.comparison.measured import first_age
    from lsp_analysis.standing.inequality.life import CHILDREN_UNDER, OLDER_FROM

    ages = wide.index.map(first_age)
    groups = {
        f"children under {CHILDREN_UNDER}": ages < CHILDREN_UNDER,
        "adults of working age": (ages >= CHILDREN_UNDER) & (ages < OLDER_FROM),
        f"people of {OLDER_FROM} or over": ages >= OLDER_FROM,
    }
    here, rest = (wide[[f"female{of}", f"male{of}"]].sum(axis=1) for of in ("", "_rest"))
    shares = {name: (here[rows].sum(), rest[rows].sum()) for name, rows in groups.items()}
    name, (own, other) = max(shares.items(), key=lambda share: share[1][0] - share[1][1])
    if own - other < 1:
        return f"Ages are much like those in the rest of {borough}"
    return f"More {name} than the rest of {borough}: {own:.0f}% against {other:.0f}%"


def editions(brief: AreaBrief) -> wording.Sentence | None:
    """Where a small area stood among the borough's in each edition of the Indices of Deprivation.

    None for larger areas, without Indices, and where it stood the same in all of them: the first
    screen has that.
    """
    found = places.deprivation_places(brief.study, brief.area)
    if len(set(found.values())) < 2:
        return None
    told = wording.and_list(
        f"{wording.ordinal(place)} of {of} ({year})" for year, (place, of) in found.items()
    )
    return wording.Sentence(
        f"Deprivation: {told}, counted from the most deprived small area of the borough."
    )


def small_areas(brief: AreaBrief) -> Table | Absent | None:
    """How many measures are clearly worse or better in each part of a neighbourhood, by theme."""
    members = list(brief.area.members)
    if len(members) == 1:
        return None
    if len(members) > MOST_PARTS:
        return Absent(f"The area has {len(members)} small areas: each has a page of its own.")
    names = places.local_names(brief.study)
    rows = []
    for code in members:
        row = {"Small area": names.get(code, code)}
        for theme, own in brief.about(code).profile.table.groupby("theme")["verdict"]:
            counts = [(word, int((own == word).sum())) for word in ("worse", "better")]
            told = ", ".join(f"{n} {word}" for word, n in counts if n)
            row[theme or "All"] = told or "none"
        rows.append(row)
    return figures.table(
        pd.DataFrame(rows),
        caption="Clear differences from the rest of the borough in each small area, by theme",
        note="The other measures of each theme are not clearly different, or too few to say.",
    )


def larger_areas(brief: AreaBrief) -> Table | Absent | None:
    """Measures given for MSOAs or wards only: the one that the area lies in beside the others.

    None where every measure is given for small areas or for the whole borough only.
    """
    given = set(brief.study.indicators()["indicator_id"]) - set(brief.panels)
    if not given or not any(given & set(measured_at(brief.study, kind)) for kind in LEVELS):
        return None
    found = answers.larger_areas(brief)
    return found.shown_table() if found else found


def _moments(brief: AreaBrief, indicator_id: str, first: float, last: float) -> list[list[Any]]:
    """Dated events from just before the first period on, those far enough apart to be read."""
    events = brief.events(indicator_id)
    if events is None:
        return []
    told: list[list[Any]] = []
    for date, label in zip(map(part.year_of, events["date"]), events["label"], strict=True):
        at = max(date, first)  # a series counted anew starts with its break
        apart = not told or at - told[-1][0] > 0.02 * (last - first)
        if first - HALF_YEAR <= date <= last and apart:
            told.append([at, label])
    return told[:3]
