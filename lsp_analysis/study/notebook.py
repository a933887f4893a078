"""What a study, an area and a question show of themselves in a notebook, and ask of one.

They import this module to do so, so that here they are of any type.
"""

from __future__ import annotations

import ast
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import check_one_of
from lsp_analysis.study import schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.figures.tables import Table

_MOST_ROWS, _MOST_CODES = 20, 4
_OPTIONAL = [*(name for name, table in schema.TABLES.items() if not table.required), "geometry"]
_CALLED = {"geometry": "boundaries", "area_members": "area members", "code_lookup": "code lookup"}


def study_sentence(study: Any) -> wording.Sentence:
    """How many indicators, areas and years a study has, and which tables it lacks."""
    held = held_by_indicator(study)
    small = wording.counted(len(study.small_areas()), "small area")
    many = wording.capital(wording.counted(len(held), "indicator"))
    coded = f"{study.small_area_type.upper()} codes of {study.code_vintage}"
    text = f"{study.title.rstrip('.')}. {many} of {small} ({coded})"
    if len(held):
        text += f", from {held['first'].min():%Y} to {held['last'].max():%Y}"
    lacks = [_CALLED.get(name, name) for name in _OPTIONAL if not study.has(name)]
    said = f"{text}." + " The numbers are simulated." * study.simulated
    if lacks:
        said += f" It has no {wording.and_list(lacks, last='or')}."
    if unseen := len(study.indicators()) - len(held):
        said += f" {wording.capital(wording.counted(unseen, 'indicator'))} without a value."
    return wording.Sentence(said)


def study_table(study: Any) -> Table:
    """Each indicator with its unit, its dates and how many small areas have values."""
    held = held_by_indicator(study)
    about = study.indicators().set_index("indicator_id").reindex(held.index)
    frame = pd.DataFrame(
        {
            "Indicator": about["name"],
            "Name to type": held.index,
            "Unit": [wording.unit_label(unit) for unit in about["unit"].fillna("")],
            "From": held["first"].dt.strftime("%Y-%m"),
            "To": held["last"].dt.strftime("%Y-%m"),
            "Small areas": held["areas"],
        }
    ).reset_index(drop=True)
    return _first_rows(frame, f"What {study.name} holds", "indicators()")


def _first_rows(frame: pd.DataFrame, caption: str, rest: str) -> Table:
    """The first rows of a table, with what gives all of them."""
    more = len(frame) - _MOST_ROWS
    return figures.table(
        frame.head(_MOST_ROWS), caption, f"{more} more: {rest}." if more > 0 else ""
    )


def held_by_indicator(study: Any) -> pd.DataFrame:
    """``first``, ``last`` date and number of small ``areas`` with observations, by indicator."""
    columns = ["indicator_id", "area_code", "period_start", "period_end"]
    rows = study.read("observations", columns)
    rows = rows[rows["area_code"].isin(study.small_areas()["area_code"])]
    grouped = rows.groupby("indicator_id", sort=False)
    held = grouped.agg(
        first=("period_start", "min"), last=("period_end", "max"), areas=("area_code", "nunique")
    )
    return held.loc[[name for name in study.indicators()["indicator_id"] if name in held.index]]


def study_map(study: Any) -> Axes:
    """The small areas, by deprivation where the study knows it; StudyError without boundaries."""
    shapes = study.geometry(study.small_areas()["area_code"])
    rows = pd.DataFrame(columns=["area_code", "edition"])
    if study.has("deprivation"):
        rows = study.read("deprivation")
    rows = rows[rows["area_code"].isin(shapes["area_code"])]
    known = rows.groupby("edition")["area_code"].nunique()
    if known.empty:
        return figures.draw_where(shapes, highlight=[])
    last = known.index[known == known.max()].max()
    scores = rows.loc[rows["edition"] == last, ["area_code", "score"]]
    return figures.draw_choropleth(
        shapes.merge(scores, on="area_code", how="left"),
        column="score",
        label=f"Index of Multiple Deprivation {last}",
        unit="score",
    )


def area_sentence(area: Any) -> wording.Sentence:
    """What an area is made of, and how many live there."""
    codes = list(area.members)
    more = [f"{len(codes) - _MOST_CODES} more"] if len(codes) > _MOST_CODES else []
    listed = wording.and_list([*codes[:_MOST_CODES], *more])
    made = wording.counted(len(codes), "small area")
    text = f"{area.name} is {made} ({listed}, codes of {area.code_vintage})"
    people = residents(area.study.around(area), codes) if area.study else None
    if people is not None:
        text += f" with {wording.number(people.sum())} residents ({wording.period(people.name)})"
    return wording.Sentence(f"{text}.")


def area_map(area: Any) -> Axes:
    """Where an area lies, its neighbours beside it; StudyError without boundaries."""
    study = area.study.around(area)
    pairs = study.neighbours()
    own = set(area.members)
    around = set(pairs.loc[pairs["area_code"].isin(own), "neighbour_code"]) - own
    shapes = study.geometry(study.small_areas()["area_code"])
    return figures.draw_where(
        shapes, highlight=list(own), neighbours=sorted(around), name=area.name
    )


def area_table(area: Any) -> Table:
    """The small areas of an area, with their names and residents."""
    study = area.study.around(area)
    small = study.small_areas().set_index("area_code")["area_name"]
    frame = pd.DataFrame({"Small area": area.members, "Name": small.reindex(area.members).array})
    people = residents(study, area.members)
    if people is not None:
        frame["Residents"] = people.reindex(area.members).array
    return _first_rows(frame, f"The small areas of {area.name}", "members")


def question_sentence(question: Any) -> wording.Sentence:
    """What is asked, of which areas and dates, and with which caution."""
    place = question.place or "the treated areas"
    others = wording.counted(int((~question.treated).sum()), "other area")
    first, last = (wording.period(question.dates[end]) for end in (0, -1))
    text = (
        f"Did {question.label} change in {place} from {wording.period(question.start)} on? "
        f"{wording.capital(wording.counted(int(question.treated.sum()), 'treated area'))} and "
        f"{others}, {first} to {last}, {wording.counted(question.at, 'period')} before the start."
    )
    return wording.Sentence(" ".join([text, *question.cautions]))


def question_chart(question: Any, ax: Axes | None = None) -> Axes:
    """The treated areas and all others through time; nothing is estimated."""
    sides = {"treated": question.treated, "comparison": ~question.treated}
    levels = {name: question.level_of(areas) for name, areas in sides.items()}
    paths = pd.DataFrame({"period": question.dates, **levels})
    return figures.draw_paths(
        paths,
        start=question.start,
        unit=question.unit,
        labels=(question.place or "Treated areas", "All other areas, unadjusted"),
        average=question.cycle if len(paths) >= 3 * question.cycle else 1,
        ax=ax,
    )


def question_table(question: Any) -> Table:
    """What every estimator will use."""
    after = len(question.dates) - question.at
    rows = {
        "Outcome": question.indicator.name or question.label,
        "Kind of numbers": question.kind,
        "Treated areas": int(question.treated.sum()),
        "Areas to compare with (neighbours apart)": int(question.comparison.sum()),
        "Periods before and after the start": f"{question.at} and {after}",
        "Level of confidence intervals": f"{100 * question.level:g}%",
    }
    items = pd.Series(rows, dtype=object).rename_axis("Item").reset_index(name="Value")
    return figures.table(items, "What is asked")


def residents(study: Any, codes: list[str] | tuple[str, ...]) -> pd.Series | None:
    """Residents of each of `codes` in the last period they are known for, which names the series;
    None when the study does not know."""
    if not study.has("populations"):
        return None
    rows = study.read("populations", where={"area_code": list(codes)})
    if rows.empty:
        return None
    last = rows[rows["period"] == rows["period"].max()]
    for column in ("sex", "age_band"):  # all people together where told, else all groups
        together = last[last[column] == "all"]
        last = together if len(together) else last
    return last.groupby("area_code")["population"].sum().rename(last["period"].iloc[0])


# Parameters that papermill gives -----------------------------------------------------------------
# Papermill only warns of one that a notebook does not have, and runs it with its defaults. The
# report runner checks before it starts; a notebook run by papermill itself is checked when it opens
# its study.
INJECTED = "# Parameters\n"  # the first line of the cell that papermill adds


def refuse_unknown_parameters() -> None:
    """ParameterError when this is a notebook whose injected cell sets a name that the cell of
    parameters before it does not."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    for before, cell in pairwise(getattr(shell, "user_ns", {}).get("In", [])):
        known = _assigned(before, ast.AnnAssign)
        if cell.startswith(INJECTED) and "study" in known:
            for name in _assigned(cell, ast.Assign):
                check_one_of(name, known, "parameter")


def _assigned(source: str, kind: type[ast.Assign] | type[ast.AnnAssign]) -> list[str]:
    """Names that a cell assigns on their own lines, in order."""
    try:
        nodes = ast.parse(source).body
    except SyntaxError:
        return []
    found = [node for node in nodes if isinstance(node, kind)]
    targets = [one.targets[0] if isinstance(one, ast.Assign) else one.target for one in found]
    return [target.id for target in targets if isinstance(target, ast.Name)]
