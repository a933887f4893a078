"""Many indicators at once: the spine chart of one area, the tartan rug of several."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures.marks import (
    VERDICT_MARKS,
    floats,
    key_above,
    large_unit,
    need,
    nothing_drawn,
    numbered_list,
    one_line,
    row_heights,
    rows,
    text_below,
    verdict_handle,
    verdict_mark,
    wrapped,
)
from lsp_analysis.figures.style import (
    BAND,
    GRID,
    INK,
    MARK,
    SMALL,
    axes_for,
    in_house_style,
    record,
)

_SPINE = ["indicator", "area_value", "borough_value", "worst", "p25", "p75", "best", "verdict"]
_NAMED_COLUMNS, _TIGHT_COLUMNS, _MOST_COLUMNS = 6, 20, 30
_PLACE = {"ha": "center", "va": "bottom", "fontsize": SMALL, "color": INK}


@in_house_style
def draw_spine(
    frame: pd.DataFrame,
    *,
    area: str = "Area",
    comparator: str = "Borough",
    ax: Axes | None = None,
) -> Axes:
    """Where an area lies between the worst and the best, indicator by indicator.

    Each row has its own scale: the comparator stands in the middle, and the farther of worst and
    best reaches the edge, as on the spine charts of Public Health England's Fingertips.

    Parameters
    ----------
    frame : DataFrame
        Columns ``indicator``, ``area_value``, ``borough_value``, ``worst``, ``p25``, ``p75``,
        ``best``, ``verdict``; as an option ``low`` and ``high`` (interval of the area's value) and
        ``unit``. Where lower is better, ``worst`` is the larger number.
    area, comparator : str
        Heads of the two columns of numbers.
    """
    need(frame, _SPINE, "draw_spine")
    height = 1.2 + float(row_heights(frame["indicator"], width=28).sum())
    height += 0.2 * max(0, frame["verdict"].nunique() - 2)  # a line of the key for each verdict
    ax = axes_for(ax, height=max(1.8, height))
    if not np.isfinite(floats(frame["area_value"])).any():
        return nothing_drawn(ax, frame, "Spine chart")
    y, bottom = rows(ax, frame["indicator"], width=28)
    place = _spine_places(frame)
    ax.barh(y, place["best"] - place["worst"], 0.17, left=place["worst"], color=GRID)
    ax.barh(y, place["p75"] - place["p25"], 0.17, left=place["p25"], color=BAND)
    ax.vlines(0, 0, bottom, color=INK, linewidth=1.2)
    if "low" in place:
        ax.hlines(y, place["low"], place["high"], color=INK, linewidth=1.1, zorder=3)
    for x, height, verdict in zip(place["area_value"], y, frame["verdict"], strict=True):
        colour, marker, _ = verdict_mark(verdict)
        look = {"marker": marker, "color": colour, "markeredgecolor": INK, "markersize": 7.5}
        ax.plot(x, height, markeredgewidth=0.8, zorder=4, **look)
    ax.set_xlim(-1.08, 1.08)
    ax.set_xticks(
        [-1, 0, 1], labels=["Worst or\nlowest", wrapped(comparator, 14), "Best or\nhighest"]
    )
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    _spine_numbers(ax, frame, y, area, comparator)
    _spine_key(ax, frame["verdict"])
    return record(ax, alt=_spine_alt(frame, comparator), data=frame)


def _spine_places(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each row's numbers on a scale where the comparator is 0 and the farther end is 1 or -1."""
    columns = ["area_value", "worst", "p25", "p75", "best", "low", "high"]
    middle, worst, best = (floats(frame[c]) for c in ("borough_value", "worst", "best"))
    reach = np.fmax(np.abs(best - middle), np.abs(worst - middle))
    reach = np.where(reach > 0, reach, np.nan)
    turn = np.where(best >= worst, 1.0, -1.0)
    places = {
        c: np.clip(turn * (floats(frame[c]) - middle) / reach, -1.06, 1.06)
        for c in columns
        if c in frame
    }
    # an area like all others, on a scale without width, stands in the middle
    flat = ~np.isfinite(reach) & np.isfinite(floats(frame["area_value"]))
    places["area_value"] = np.where(flat, 0.0, places["area_value"])
    return places


def _spine_numbers(
    ax: Axes, frame: pd.DataFrame, y: np.ndarray, area: str, comparator: str
) -> None:
    """The two columns of numbers to the right of the plot."""
    units = frame["unit"] if "unit" in frame else [""] * len(frame)
    columns = ((area, "area_value", 54), (comparator, "borough_value", 116))
    for head, column, right in columns:
        where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        ax.annotate(
            wrapped(head, 10), (1, 0), xytext=(right, 2), **where, **_PLACE | {"ha": "right"}
        )
        for height, value, unit in zip(y, frame[column], units, strict=True):
            text = _short_quantity(value, unit)
            look = {"ha": "right", "va": "center", "fontsize": SMALL, "color": INK}
            ax.annotate(text, (1, height), xytext=(right, 0), **where, **look)


def _short_quantity(value: float, unit: str) -> str:
    """A number with a per cent sign where it is one; a dash where it is missing."""
    if wording.is_missing(value):
        return "–"
    divisor, letters = large_unit(abs(value))
    if letters:
        return f"{wording.number(value / divisor)}{letters}"
    return wording.quantity(value, "percent") if unit == "percent" else wording.number(value)


def _spine_key(ax: Axes, verdicts: pd.Series) -> None:
    """Key of verdicts with their counts, and of the two bars."""
    handles = [Patch(color=GRID), Patch(color=BAND)]
    labels = ["all areas", "middle half of areas"]
    for verdict in reversed(_verdicts_met(verdicts)):
        count = int((verdicts.fillna("not comparable") == verdict).sum())
        handle, label = verdict_handle(verdict, count)
        handles.insert(0, handle)
        labels.insert(0, label)
    key_above(ax, handles, labels, lift=32, taken=2.1)


def _verdicts_met(verdicts: pd.Series) -> list[str]:
    """Verdicts that occur, in their usual order."""
    order = tuple(VERDICT_MARKS)
    met = set(verdicts.fillna("not comparable"))
    for verdict in met:
        verdict_mark(verdict)  # raises if unknown
    return [verdict for verdict in order if verdict in met]


def _spine_alt(frame: pd.DataFrame, comparator: str) -> str:
    """How many indicators have each verdict, and which are worse, or else better."""
    verdicts = frame["verdict"].fillna("not comparable")
    counts = [f"{int((verdicts == v).sum())} {v}" for v in _verdicts_met(frame["verdict"])]
    words = [
        f"Spine chart of {wording.counted(len(frame), 'indicator')} against "
        f"{wording.inside(one_line(comparator))}: {wording.and_list(counts)}."
    ]
    for verdict in ("worse", "better", "higher", "lower"):
        chosen = frame.loc[verdicts == verdict, "indicator"]
        names = [wording.inside(one_line(name)) for name in chosen]
        if names:
            more = [f"{len(names) - 5} more"] if len(names) > 5 else []
            words.append(f"{verdict.capitalize()}: {wording.and_list(names[:5] + more)}.")
    return " ".join(words)


@in_house_style
def draw_tartan(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Verdicts of several areas on several indicators, a cell each, with symbols.

    Parameters
    ----------
    frame : DataFrame
        Columns ``indicator``, ``area``, ``verdict``; a pair without a row is blank.

    Raises
    ------
    ParameterError
        If a pair is repeated, or there are more than 30 areas and more than 30 indicators.
    """
    need(frame, ["indicator", "area", "verdict"], "draw_tartan")
    down, across = (list(pd.unique(frame[c])) for c in ("indicator", "area"))
    turned = len(across) > _MOST_COLUMNS >= len(down)
    if turned:
        down, across = across, down
    if len(across) > _MOST_COLUMNS:
        raise ParameterError(
            f"A rug of {len(down)} by {len(across)} cannot be read on a page. Choose up to "
            f"{_MOST_COLUMNS} areas or {_MOST_COLUMNS} indicators."
        )
    if frame.duplicated(["indicator", "area"]).any():
        raise ParameterError("An indicator and area pair is repeated. Give one verdict per pair.")
    listed = len(across) > _NAMED_COLUMNS
    below = 0.16 * (numbered_list(across, 58).count("\n") + 1) if listed else 0.0
    height = 1.0 + below + float(row_heights(down, each=0.25).sum())
    ax = axes_for(ax, height=max(1.6, height))
    if frame.empty:
        return nothing_drawn(ax, frame, "Rug of verdicts")
    y, _ = rows(ax, down, each=0.25)
    _tartan_cells(ax, frame, dict(zip(down, y, strict=True)), across, turned)
    ax.set_xlim(-0.5, len(across) - 0.5)
    ax.spines["bottom"].set_visible(False)
    width = int(54 / max(2, len(across)))
    heads = [str(i + 1) if listed else wrapped(a, width, 5) for i, a in enumerate(across)]
    ax.set_xticks(range(len(across)), labels=heads)
    ax.tick_params(axis="x", length=0, top=False, labeltop=True, labelbottom=False)
    if len(across) > _TIGHT_COLUMNS:
        ax.tick_params(axis="x", labelsize=7)
    if listed:
        text_below(ax, numbered_list(across, 58))
    pairs = [
        verdict_handle(v, int((frame["verdict"].fillna("not comparable") == v).sum()))
        for v in _verdicts_met(frame["verdict"])
    ]
    lines = max(head.count("\n") + 1 for head in heads)
    key_above(ax, *map(list, zip(*pairs, strict=True)), lift=10 + 12 * lines, taken=2.1)
    return record(ax, alt=_tartan_alt(frame), data=frame)


def _tartan_cells(
    ax: Axes, frame: pd.DataFrame, heights: dict[str, float], across: list[str], turned: bool
) -> None:
    """A cell with a symbol for each pair, coloured where the verdict is more than chance."""
    first, second = ("area", "indicator") if turned else ("indicator", "area")
    column = {name: i for i, name in enumerate(across)}
    y = frame[first].map(heights).to_numpy(dtype=float)
    x = frame[second].map(column).to_numpy(dtype=float)
    for verdict in _verdicts_met(frame["verdict"]):
        rows_of = (frame["verdict"].fillna("not comparable") == verdict).to_numpy()
        colour, marker, _ = verdict_mark(verdict)
        plain = verdict not in ("worse", "better", "higher", "lower")
        blank = verdict in ("not comparable", "no clear difference")
        fill = "white" if blank else GRID if plain else colour
        ax.barh(y[rows_of], 0.94, 0.21, left=x[rows_of] - 0.47, color=fill, edgecolor=BAND)
        size = 3.5 if plain else 6.5
        look = {"marker": marker, "linestyle": "", "markersize": size, "markeredgewidth": 0.9}
        inner = MARK if verdict in ("similar", "close to it") else "none" if plain else "white"
        edge = MARK if plain else INK
        ax.add_line(Line2D(x[rows_of], y[rows_of], color=edge, markerfacecolor=inner, **look))


def _tartan_alt(frame: pd.DataFrame) -> str:
    """Size of the rug, and the areas with most verdicts of "worse" or "better"."""
    n_areas, n_indicators = frame["area"].nunique(), frame["indicator"].nunique()
    words = [
        f"Rug of verdicts: {wording.counted(n_indicators, 'indicator')} by "
        f"{wording.counted(n_areas, 'area')}."
    ]
    for verdict in ("worse", "better", "higher", "lower"):
        counts = frame.loc[frame["verdict"] == verdict, "area"].value_counts()
        if len(counts):
            words.append(
                f"Most often {verdict}: {one_line(counts.index[0])} "
                f"({wording.of_total(int(counts.iloc[0]), n_indicators)})."
            )
    return " ".join(words)
