"""The profile of an area for readers: its first line, and a table with one row an indicator."""

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.figures.tables import Table
from lsp_analysis.standing.comparison.profiles import Profile
from lsp_analysis.standing.comparison.verdict import (
    ALIKE,
    CLEAR,
    FEW,
    NOT,
    REST,
    not_comparable,
    too_few,
)
from lsp_analysis.study.areas import Area
from lsp_analysis.study.store import Study


def headline(profile: Profile, study: Study, area: Area) -> wording.Sentence:
    """How many indicators of an area are better and worse than in the rest of its borough.

    Where none can be judged, the numbers of the first stand for themselves.
    """
    verdicts = profile.table["verdict"]
    counts = [(word, n) for word in CLEAR if (n := int((verdicts == word).sum()))]
    judged = int((~verdicts.isin([NOT, FEW])).sum())
    if not judged:
        told = _unjudged(profile)
    elif judged == 1:
        words = counts[0][0] + " than" if counts else "not clearly different from"
        told = f"{profile.area} is {words} {REST} on the only indicator that can be judged."
    else:
        told = f"{profile.area} is {_counted(counts, judged)}."
    return wording.Sentence(" ".join([told, _deprived(study, area)]).strip())


def _unjudged(profile: Profile) -> str:
    """The first indicator's numbers, where there is no verdict."""
    table = profile.table
    known = table[table["value"].notna() & table["comparator_value"].notna()]
    if known.empty:
        return f"{profile.area} cannot be judged here."
    row = known.iloc[0]
    here, there = (wording.quantity(row[c], row["unit"]) for c in ("value", "comparator_value"))
    ends = ("highest", "lowest") if row["polarity"] == "none" else ("worst", "best")
    last = row["of"] > 1 and round(row["rank"]) == row["of"]
    place = ends[1] if last else wording.placed(row["rank"], ends[0])
    return (
        f"{row['name']}: {here} in {profile.area} and {there} in {REST} in "
        f"{row['when']}, the {place} of "
        f"{row['of']:.0f} small areas."
    )


def _deprived(study: Study, area: Area) -> str:
    """Where the area stood in the latest Indices of Deprivation; empty without them."""
    if not study.has("deprivation"):
        return ""
    rows = study.deprivation(code_vintage=area.code_vintage if study.has("code_lookup") else None)
    known = rows[rows["area_code"].isin(area.members)].dropna(subset="rank")
    if known.empty:
        return ""
    edition = known["edition"].max()
    latest = rows[rows["edition"] == edition].set_index("area_code")["rank"]
    places = latest.rank()[list(set(area.members) & set(latest.index))]
    if len(places) == 1:
        place = wording.placed(places.iloc[0], "most deprived")
        where = f"{place} of the borough's {len(latest)} small areas"
        return f"In the Indices of {edition} {area.name} was the {where}."
    decile = known.loc[known["edition"] == edition, "decile"]
    worst = wording.of_total(int((decile == 1).sum()), len(decile))
    return (
        f"In the Indices of {edition}, {worst} small areas here were in England's most "
        "deprived tenth."
    )


def _counted(counts: list[tuple[str, int]], judged: int) -> str:
    """Verdicts with their counts, the comparator and the number judged named once."""
    if not counts:
        return f"not clearly different from {REST} on any of {judged} indicators"
    (first, k), *more = counts
    said = [f"{first} than {REST} on {wording.of_total(k, judged)} indicators"]
    return wording.and_list([*said, *(f"{word} on {number}" for word, number in more)])


def profile_table(profile: Profile) -> Table:
    """Values with intervals, comparators, verdicts and ranks of every indicator of a profile."""
    table = profile.table
    columns = {
        "Indicator": table["name"],
        "Period": table["when"],
        profile.area: [_with_limits(row) for row in table.to_dict("records")],
        "Rest of borough": quantities(table["comparator_value"], table["unit"]),
        "Verdict": table["verdict"],
    }
    for name in profile.comparators[1:]:
        others = quantities(table[f"{name}: value"], table["unit"])
        verdicts = table[f"{name}: verdict"]
        columns["Similarly deprived" if name == ALIKE else wording.capital(name)] = [
            f"{value}: {verdict}" for value, verdict in zip(others, verdicts, strict=True)
        ]
    columns["Rank (1 worst)"] = [
        wording.MISSING if wording.is_missing(rank) else f"{rank:.0f} of {of:.0f}"
        for rank, of in zip(table["rank"], table["of"], strict=True)
    ]
    reasons = [too_few(table), not_comparable(table)]
    return figures.table(
        pd.DataFrame(columns).reset_index(drop=True),
        caption=f"{profile.area}: latest value of every indicator, with "
        f"{100 * profile.level:.0f}% interval, beside its comparators",
        note=" ".join(filter(None, [profile.rule(), *reasons, *_cautions(table)])),
    )


def _cautions(table: pd.DataFrame) -> list[str]:
    """Cautions of single indicators, each said once."""
    rows = table.dropna(subset="caution")
    grouped = rows[rows["caution"] != ""].groupby("caution", sort=False)["name"].agg(list)
    return [
        f"{wording.capital(wording.and_list(map(wording.inside, names)))}: {caution}"
        for caution, names in grouped.items()
    ]


def quantities(values: pd.Series, units: pd.Series) -> list[str]:
    """Values in words, each in its own unit."""
    return [wording.quantity(x, unit) for x, unit in zip(values, units, strict=True)]


def _with_limits(row: dict) -> str:
    """A value with its unit and, where there is one, its interval."""
    value = wording.quantity(row["value"], row["unit"])
    if wording.is_missing(row["low"]):
        return value
    return f"{value} ({wording.number(row['low'], 1)} to {wording.number(row['high'], 1)})"
