"""Experiments: power, the order of starts, and the flow of clusters and people CONSORT asks for."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import marks, style


@style.in_house_style
def draw_power(
    frame: pd.DataFrame,
    *,
    target: float | None = 0.8,
    xlabel: str = "Number of clusters",
    ax: Axes | None = None,
) -> Axes:
    """Power against what the planner can choose.

    Parameters
    ----------
    frame : DataFrame
        Columns ``x``, ``power`` (0 to 1) and, as an option, ``series``.
    target : float, optional
        Power wanted: a dashed line.
    xlabel : str
        What ``x`` is, with its unit.
    """
    marks.need(frame, ["x", "power"], "draw_power")
    ax = style.axes_for(ax)
    frame = frame if "series" in frame else frame.assign(series="Power")
    if not (
        np.isfinite(marks.floats(frame["x"])) & np.isfinite(marks.floats(frame["power"]))
    ).any():
        return marks.nothing_drawn(ax, frame, "Power curve")
    order = list(pd.unique(frame["series"]))
    handles = []
    for i, name in enumerate(order):
        part = frame[frame["series"] == name].sort_values("x", kind="stable")
        look = marks.style_of(i) | {"markevery": max(1, len(part) // 12)}
        handles += ax.plot(marks.floats(part["x"]), 100 * marks.floats(part["power"]), **look)
    labels = list(order)
    if target is not None:
        dash = {"color": style.INK, "linewidth": 1.1, "linestyle": (0, (5, 2))}
        ax.axhline(100 * target, **dash)
        handles.append(Line2D([], [], **dash))
        labels.append(f"{wording.number(100 * target)}% wanted")
    ax.set_ylim(0, 101)
    marks.number_axis(ax)
    marks.number_axis(ax, "x")
    ax.xaxis.grid(False)
    ax.set_xlabel(marks.one_line(xlabel), fontsize=style.SMALL)
    marks.unit_above(ax, "Power: chance to find the effect, per cent")
    marks.key_above(ax, handles, labels)
    return style.record(ax, alt=_power_alt(frame, order, target, xlabel), data=frame)


def _power_alt(frame: pd.DataFrame, order: list[str], target: float | None, xlabel: str) -> str:
    """Where each curve first reaches the target, or its highest power."""
    words = [f"Power against {wording.inside(marks.one_line(xlabel))}."]
    for name in order[:6]:
        part = frame[frame["series"] == name].sort_values("x", kind="stable")
        x, power = marks.floats(part["x"]), marks.floats(part["power"])
        if not np.isfinite(power).any():
            words.append(f"{marks.one_line(name)}: no data.")
            continue
        there = np.flatnonzero(power >= target) if target is not None else np.array([], dtype=int)
        if len(there):
            share = wording.number(100 * target)
            words.append(
                f"{marks.one_line(name)} reaches {share}% at {wording.number(x[there[0]])}."
            )
        else:
            best = int(np.nanargmax(power))
            share = wording.number(100 * power[best], 0)
            words.append(f"{marks.one_line(name)}: at most {share}%, at {wording.number(x[best])}.")
    return " ".join(words)


@style.in_house_style
def draw_wedge(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Who is treated when: clusters down, periods across.

    Parameters
    ----------
    frame : DataFrame
        Columns ``cluster``, ``period``, ``treated`` (bool; missing means not observed), in the
        order to draw.
    """
    marks.need(frame, ["cluster", "period", "treated"], "draw_wedge")
    clusters, periods = (list(pd.unique(frame[c])) for c in ("cluster", "period"))
    ax = style.axes_for(
        ax, height=max(1.8, 0.95 + float(marks.row_heights(clusters, each=0.24).sum()))
    )
    if frame.empty:
        return marks.nothing_drawn(ax, frame, "Diagram of starts")
    if frame.duplicated(["cluster", "period"]).any():
        raise ParameterError("A cluster and period pair is repeated. Give one row per pair.")
    y = marks.rows(ax, clusters, each=0.24)
    across = frame["period"].map({p: i for i, p in enumerate(periods)}).to_numpy(dtype=float)
    height = frame["cluster"].map(dict(zip(clusters, y, strict=True))).to_numpy(dtype=float)
    treated = marks.floats(frame["treated"].map({True: 1.0, False: 0.0}))
    for look, inside in zip(_CELLS, (treated == 1, treated == 0, np.isnan(treated)), strict=True):
        ax.barh(height[inside], 0.96, 0.21, left=across[inside] - 0.48, **look)
    ax.set_xlim(-0.55, len(periods) - 0.45)
    every = max(1, -(-len(periods) // 10))
    labels = [marks.wrapped(wording.period(p, short=True), 9, 2) for p in periods[::every]]
    ax.set_xticks(range(0, len(periods), every), labels=labels)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    seen = [(treated == 1).any(), (treated == 0).any(), np.isnan(treated).any()]
    names = ("Programme", "Comparison", "Not observed")
    pairs = [(Patch(**look), n) for look, n, s in zip(_CELLS, names, seen, strict=True) if s]
    marks.key_above(ax, *map(list, zip(*pairs, strict=True)), lift=5, taken=2.1)
    return style.record(ax, alt=_wedge_alt(frame, clusters, periods, treated), data=frame)


_CELLS = (
    {"facecolor": style.PALETTE[0], "edgecolor": style.PALETTE[0]},
    {"facecolor": "white", "edgecolor": style.MARK},
    {"facecolor": style.GRID, "edgecolor": style.MARK, "hatch": "////"},
)


def _wedge_alt(frame: pd.DataFrame, clusters: list, periods: list, treated: np.ndarray) -> str:
    """How many clusters start when, and how many never do."""
    starts = frame[treated == 1].groupby("cluster", sort=False)["period"].first()
    counts = starts.value_counts(sort=False)
    texts = [
        f"{wording.counted(int(counts[p]), 'cluster')} in {wording.period(p)}"
        for p in periods
        if p in counts.index
    ]
    never = len(clusters) - len(starts)
    words = f"Diagram of starts: {wording.counted(len(clusters), 'cluster')} over "
    words += f"{wording.counted(len(periods), 'period')}."
    words += f" The programme starts for {wording.and_list(texts)}." if texts else ""
    return (
        f"{words} Not within these periods: {wording.counted(never, 'cluster')}."
        if never
        else words
    )


_STEP = 0.26  # inches between boxes


@style.in_house_style
def draw_flow(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Boxes from enrolment to analysis, one column per arm.

    Parameters
    ----------
    frame : DataFrame
        Columns ``stage``, ``arm`` (empty or missing for a stage before the arms part),
        ``clusters``; as an option ``people`` and ``note`` (who left, and why). Rows in the order of
        the flow.
    """
    marks.need(frame, ["stage", "arm", "clusters"], "draw_flow")
    boxes = frame.assign(arm=frame["arm"].fillna(""), note=frame.get("note", ""))
    boxes["note"] = boxes["note"].fillna("").astype(str).map(marks.one_line)
    boxes["many"] = [_how_many(row) for _, row in boxes.iterrows()]
    stages, arms = list(pd.unique(boxes["stage"])), [a for a in pd.unique(boxes["arm"]) if a != ""]
    width = 6 if len(arms) < 2 else int(76 / len(arms)) - 2
    boxes["text"] = [_box_text(row, width if row["arm"] else 60) for _, row in boxes.iterrows()]
    deep = [
        0.16 * (1 + max(text.count("\n") for text in boxes.loc[boxes["stage"] == s, "text"])) + 0.16
        for s in stages
    ]
    total = sum(deep) + _STEP * max(0, len(stages) - 1)
    ax = style.axes_for(ax, height=max(1.5, total + 0.15))
    if frame.empty:
        return marks.nothing_drawn(ax, frame, "Flow diagram")
    ax.set(xticks=[], yticks=[], xlim=(0, max(1, len(arms))), ylim=(total, 0))
    ax.spines[:].set_visible(False)
    top, above = 0.0, []
    for stage, tall in zip(stages, deep, strict=True):
        middle = top + tall / 2
        above = _draw_stage(ax, boxes[boxes["stage"] == stage], arms, middle, tall, above)
        top += tall + _STEP
    return style.record(ax, alt=_flow_alt(boxes, stages), data=frame)


def _box_text(row: pd.Series, width: int) -> str:
    """What stands in a box: the stage, the arm, how many, who left."""
    head = marks.one_line(row["stage"])
    if row["arm"]:
        head = f"{head}: {marks.one_line(row['arm'])}"
    lines = [marks.wrapped(head, width, 3), marks.wrapped(row["many"], width, 2)]
    return "\n".join([*lines, marks.wrapped(row["note"], width, 4)]).rstrip("\n")


def _how_many(row: pd.Series) -> str:
    """Clusters and people in words."""
    n = row["clusters"]
    text = "clusters unknown" if wording.is_missing(n) else wording.counted(int(n), "cluster")
    people = row.get("people")
    if wording.is_missing(people):
        return text
    return f"{text}, {wording.number(people)} people"


def _draw_stage(
    ax: Axes,
    boxes: pd.DataFrame,
    arms: list[str],
    middle: float,
    tall: float,
    above: list[tuple[float, float]],
) -> list[tuple[float, float]]:
    """Draw a stage's boxes and arrows from the stage above; where its arrows will start."""
    ends = []
    for _, box in boxes.iterrows():
        x = len(arms) / 2 if box["arm"] == "" else arms.index(box["arm"]) + 0.5
        x = x or 0.5
        ax.text(
            x,
            middle,
            box["text"],
            ha="center",
            va="center",
            fontsize=style.SMALL,
            color=style.INK,
            linespacing=1.15,
            bbox={"boxstyle": "square,pad=0.5", "facecolor": "white", "edgecolor": style.MARK},
        )
        for start_x, start_y in _sources(above, x):
            ax.annotate(
                "",
                (x, middle - tall / 2),
                xytext=(start_x, start_y),
                arrowprops={"arrowstyle": "-|>", "color": style.MARK, "linewidth": 1.0},
            )
        ends.append((x, middle + tall / 2))
    return ends


def _sources(above: list[tuple[float, float]], x: float) -> list[tuple[float, float]]:
    """Boxes above that lead to a box at `x`: its own arm's, or those of all arms."""
    own = [end for end in above if abs(end[0] - x) < 1e-9]
    return own or above


def _flow_alt(boxes: pd.DataFrame, stages: list[str]) -> str:
    """Every box in words."""
    words = ["Flow diagram."]
    for stage in stages:
        texts = [
            f"{f'{marks.one_line(box.arm)} ' if box.arm else ''}{box.many}"
            f"{f' ({box.note})' if box.note else ''}"
            for box in boxes[boxes["stage"] == stage].itertuples()
        ]
        words.append(f"{marks.one_line(stage)}: {'; '.join(texts)}.")
    return " ".join(words)
