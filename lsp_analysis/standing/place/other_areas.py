"""An area beside others one by one: its peers in deprivation, its neighbours, and its MSOA or ward.

A value of an MSOA cannot be shared out over its small areas, so an indicator given for MSOAs or
wards only is compared at its own level.
"""

import contextlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import View
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.comparison.baseline import Comparison, Sides, compare_measured
from lsp_analysis.standing.comparison.intervals import group_limits
from lsp_analysis.standing.comparison.measured import Measured, measure
from lsp_analysis.standing.comparison.profiles import Profile, profile, quantities
from lsp_analysis.standing.place.brief import ALIKE, REST, AreaBrief
from lsp_analysis.standing.place.mapped import small_names
from lsp_analysis.study.areas import Area
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.store import Study

COLUMNS = ["indicator", "area", "area_code", "value", "comparator_value", "verdict", "reason"]
COLUMNS += ["p_adjusted"]
MOST_TOLD = 4  # areas
LEVELS = {"msoa": "MSOA", "ward": "ward"}
MOST_PLACES = 3  # of measures without intervals that a sentence gives
INSIDE = 0.5  # share of a larger area's small areas above which it counts as part of a place


def peers(brief: AreaBrief, indicator_id: str) -> View:
    """Set an area among the areas nearest to it in deprivation, in the last year it has a value.

    Raises
    ------
    PanelError
        The study has no Indices of Deprivation to choose them by, or the area has no value.
    """
    if ALIKE not in brief.comparators:
        raise PanelError(
            'The study has no table "deprivation", so areas as deprived as this one are not known.'
        )
    one, area = brief.measured(indicator_id), brief.area.name
    then = brief.series(indicator_id).dropna(subset="value").tail(1)
    if then.empty:
        raise PanelError(f"{one.indicator.name} has no value for {area}.")
    period = then["period"].iloc[0]
    each = one.each(period, years=one.years_for(brief.area.members)).set_index("area_code")
    others = each.reindex(brief.comparators[ALIKE]).dropna(how="all")
    names = others.index.map(small_names(brief))
    frame = pd.concat([then.assign(label=area), others.assign(label=names)], ignore_index=True)
    low, high = group_limits(frame, indicator=one.indicator, level=brief.level)
    frame = frame.assign(low=low, high=high)[["label", "value", "low", "high"]]
    rest = brief.series(indicator_id, REST, whole=True).set_index("period")["value"]
    about = {"unit": one.indicator.per, "level": brief.level, "highlight": [area]}
    about |= {"reference": rest[period], "reference_label": "Rest of the borough"}
    said = _among_peers(area, one.indicator, period, frame["value"])
    return View(said, frame, lambda ax: figures.draw_caterpillar(frame, ax=ax, **about))


def _among_peers(area: str, indicator: Indicator, period: pd.Period, values: pd.Series) -> str:
    """The place of an area, the first, among its peers."""
    unit, others = indicator.per, values.iloc[1:].dropna()
    name = f"{indicator.name} in {wording.period(period)}"
    if others.empty:
        return f"{name}: there is nothing to put in order."
    up = indicator.polarity != "high_is_good"
    place = verdicts.place_among(values.iloc[0], others, highest_first=up)
    end = "highest" if indicator.polarity == "none" else "worst"
    own, low, high = (wording.quantity(x, unit) for x in (values[0], others.min(), others.max()))
    return (
        f"{name}: among {wording.counted(len(others), 'area')} as deprived as it is, {area} is the "
        f"{wording.placed(place['rank'], end)} of {int(place['of'])} with {own}; the others run "
        f"from {low} to {high}."
    )


def rug(brief: AreaBrief) -> View:
    """Compare small areas with the rest of the borough on every indicator.

    Those of the area and those that touch it; in a study without boundaries, similarly deprived
    ones.

    Raises
    ------
    PanelError
        No indicator can be compared.
    """
    own, names, frames = list(brief.area.members), small_names(brief), []
    beside, around = list(brief.comparators.get(ALIKE, [])), "as deprived"
    if brief.study.has("geometry"):
        beside, around = brief.touching(), "next door"
    for code in (*own, *beside):
        found = brief.profile_of(brief.study.area(code)).table
        frames.append(found.assign(indicator=found["name"], area=names[code], area_code=code))
    table = pd.concat(frames, ignore_index=True)
    if (table["verdict"] == verdicts.NOT).all():
        raise PanelError("No indicator of this study can be compared between single small areas.")
    order = np.argsort(pd.factorize(table["indicator"])[0], kind="stable")
    table = table[COLUMNS].iloc[order].reset_index(drop=True)
    caption = "What is clearly different from the rest of the borough"
    said = _among_others(table, names.reindex(own), around)
    by_area = verdicts.by_area
    return View(said, table, tabulate=lambda: figures.table(by_area(table), caption=caption))


def _among_others(table: pd.DataFrame, own: pd.Series, around: str) -> str:
    """Which of the area's own small areas is worse most often, and how the others compare."""
    worse = (table["verdict"] == "worse").groupby(table["area"], sort=False).sum()
    here, beside = worse[worse.index.isin(own)], worse[~worse.index.isin(own)]
    n = wording.counted(table["indicator"].nunique(), "indicator")
    told = wording.and_list(f"{name} on {count}" for name, count in here.items())
    if len(here) > MOST_TOLD:
        told = f"its {len(here)} small areas on {_span(here)}"
    text = f"Worse than the rest of the borough, of {n}: {told}"
    if len(beside):
        text += f"; the {wording.counted(len(beside), 'area')} {around} on {_span(beside)}"
        if beside.min() < beside.max():
            most = beside.index[beside == beside.max()]
            text += f", most in {wording.and_list(most[:3])}"
    return f"{text}. Each small area's verdicts are those of its own page."


def _span(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    return f"{low} to {high}" if low < high else f"{low}"


def levels_of(study: Study, area: Area) -> Iterator[tuple[str, Sides]]:
    """The levels above small areas at which an area can be compared, MSOAs first, and its sides.

    An area is represented by the larger areas that lie for the most part inside it, or else by the
    one that most of its small areas lie in.
    """
    mine, areas = set(area.members), study.areas()
    for kind, word in LEVELS.items():
        codes = areas.loc[areas["area_type"] == kind, "area_code"].drop_duplicates()
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
        chosen = [one.code for one in own]
        others = [one.code for one in larger if one.code not in chosen]
        yield kind, Sides(chosen, others, name, f"the borough's other {word}s")


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


def _places(made: Profile, word: str) -> str:
    """The place of an area among others on the indicators where it lies furthest out."""
    rows = made.table[made.table["rank"].notna() & (made.table["unit_code"] != "count")]
    out = (rows["rank"] / rows["of"] - 0.5).abs().sort_values(ascending=False).index[:MOST_PLACES]
    count, told = wording.counted(len(made.table), "measure"), []
    for _, row in rows.loc[out].iterrows():
        end = "highest" if row["polarity"] == "none" else "worst"
        value, place = wording.quantity(row["value"], row["unit"]), wording.placed(row["rank"], end)
        name = wording.inside(row["name"])
        told.append(f"{row['when']}, {value} for {name}, the {place} of {row['of']:.0f}")
    if not told:
        return f"{count}, none of which can be compared."
    return f"{count}, none with an interval. In {made.area}: {'; '.join(told)} {word}s."


def larger_areas(brief: AreaBrief) -> View:
    """The place's MSOA or ward beside the borough's others, on all that is given for these only.

    PanelError where the study has no such indicator, or the place is in no MSOA or ward.
    """
    made, level = {}, brief.level
    for kind, sides in levels_of(brief.study, brief.area):
        if known := measured_at(brief.study, kind):
            others = {sides.comparator_name: sides.comparator}
            made[kind] = profile(known, sides.area, others, area_name=sides.area_name, level=level)
    if not made:
        raise PanelError(
            f"No indicator of this study is given for an MSOA or ward of {brief.area.name} only."
        )
    rows = pd.concat(one.table.assign(level=kind, area=one.area) for kind, one in made.items())
    return View(_told(made), rows, tabulate=lambda: _listed(rows, brief.area.name))


def _told(profiles: dict[str, Profile]) -> str:
    """How the larger areas stand on the indicators given for them, rules said once."""
    said, rules = [], []
    for kind, made in profiles.items():
        judged = ~made.table["verdict"].isin([verdicts.FEW, verdicts.NOT])
        told = str(made.sentence()).removesuffix(made.rule()).strip() if judged.any() else ""
        said.append(f"Given by {LEVELS[kind]} only: {told or _places(made, LEVELS[kind])}")
        rules += [made.rule()] if made.rule() in made.sentence() else []
    return " ".join([*said, *rules[:1]])


def _listed(rows: pd.DataFrame, area: str) -> Table:
    """Value, comparator, verdict and rank of every indicator."""
    ranks = [
        wording.MISSING if wording.is_missing(rank) else f"{rank:.0f} of {of:.0f} {LEVELS[level]}s"
        for rank, of, level in zip(rows["rank"], rows["of"], rows["level"], strict=True)
    ]
    cells = {
        "Measure": rows["name"],
        "Period": rows["when"],
        "Area": rows["area"],
        "Value": quantities(rows["value"], rows["unit"]),
        "The borough's others": quantities(rows["comparator_value"], rows["unit"]),
        "Verdict": rows["verdict"],
        "Rank": ranks,
    }
    order = "Rank 1 is the worst, or the highest where neither end is good."
    return figures.table(
        pd.DataFrame(cells).reset_index(drop=True),
        caption=f"{area}: measures given by MSOA or ward only",
        note=f"{order} {verdicts.not_comparable(rows, most=4)}".strip(),
    )


def compare_larger(brief: AreaBrief, indicator_id: str) -> Comparison:
    """The place's MSOA or ward beside the borough's others, on an indicator given for these.

    PanelError where it is given for neither.
    """
    study = brief.study
    for kind, sides in levels_of(study, brief.area):
        if found := measured_at(study, kind).get(indicator_id):
            return compare_measured(found, sides, level=brief.level)
    raise PanelError(
        f"{study.indicator(indicator_id).name} has no observations for small areas, MSOAs or wards "
        f"that {brief.area.name} is in. Add some: lsp-analysis add."
    )
