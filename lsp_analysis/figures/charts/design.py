"""Experiments: power, the order of starts, and the flow of clusters and people CONSORT asks for."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import marks, style

_TOLD = 6  # curves in words
_CELLS = {
    "Programme": {"facecolor": style.PALETTE[0], "edgecolor": style.PALETTE[0]},
    "Comparison": {"facecolor": "white", "edgecolor": style.MARK},
    "Not observed": {"facecolor": style.GRID, "edgecolor": style.MARK, "hatch": "////"},
}
_STEP = 0.26  # inches between boxes


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
    frame = frame if "series" in frame else frame.assign(series="Power")
    ax = style.axes_for(ax)
    if not np.isfinite(marks.columns(frame, "x", "power")).all(axis=0).any():
        return marks.nothing_drawn(ax, frame, "Power curve")
    words = [f"Power against {wording.inside(marks.one_line(xlabel))}."]
    handles, labels = [], list(pd.unique(frame["series"]))
    for i, name in enumerate(labels):
        part = frame[frame["series"] == name].sort_values("x", kind="stable")
        x, power = marks.columns(part, "x", "power")
        look = marks.style_of(i) | {"markevery": max(1, len(part) // 12)}
        handles += ax.plot(x, 100 * power, **look)
        if i < _TOLD:
            words.append(f"{marks.one_line(name)}{_reached(x, power, target)}.")
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
    return style.record(ax, alt=" ".join(words), data=frame)


def _reached(x: np.ndarray, power: np.ndarray, target: float | None) -> str:
    """Where a curve first reaches the target, or its highest power."""
    if not np.isfinite(power).any():
        return ": no data"
    if target is not None and (power >= target).any():
        first = wording.number(x[np.argmax(power >= target)])
        return f" reaches {wording.number(100 * target)}% at {first}"
    best = int(np.nanargmax(power))
    return f": at most {wording.number(100 * power[best], 0)}%, at {wording.number(x[best])}"


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
    tall = 0.95 + float(marks.row_heights(clusters, each=0.24).sum())
    ax = style.axes_for(ax, height=max(1.8, tall))
    if frame.empty:
        return marks.nothing_drawn(ax, frame, "Diagram of starts")
    if frame.duplicated(["cluster", "period"]).any():
        raise ParameterError("A cluster and period pair is repeated. Give one row per pair.")
    y = marks.rows(ax, clusters, each=0.24)
    across = frame["period"].map({p: i for i, p in enumerate(periods)}).to_numpy(dtype=float)
    height = frame["cluster"].map(dict(zip(clusters, y, strict=True))).to_numpy(dtype=float)
    treated = marks.floats(frame["treated"].map({True: 1.0, False: 0.0}))
    key = {}
    for name, inside in zip(_CELLS, (treated == 1, treated == 0, np.isnan(treated)), strict=True):
        ax.barh(height[inside], 0.96, 0.21, left=across[inside] - 0.48, **_CELLS[name])
        if inside.any():
            key[name] = Patch(**_CELLS[name])
    ax.set_xlim(-0.55, len(periods) - 0.45)
    every = max(1, -(-len(periods) // 10))
    labels = [marks.wrapped(wording.period(p, short=True), 9, 2) for p in periods[::every]]
    ax.set_xticks(range(0, len(periods), every), labels=labels)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    marks.key_above(ax, list(key.values()), list(key), lift=5, taken=2.1)
    starts = frame[treated == 1].groupby("cluster", sort=False)["period"].first()
    counts = starts.value_counts(sort=False)
    texts = [
        f"{wording.counted(int(counts[p]), 'cluster')} in {wording.period(p)}"
        for p in periods
        if p in counts.index
    ]
    alt = f"Diagram of starts: {wording.counted(len(clusters), 'cluster')} over "
    alt += f"{wording.counted(len(periods), 'period')}."
    alt += f" The programme starts for {wording.and_list(texts)}." if texts else ""
    if never := len(clusters) - len(starts):
        alt += f" Not within these periods: {wording.counted(never, 'cluster')}."
    return style.record(ax, alt=alt, data=frame)


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
    boxes["x"] = boxes["arm"].map(
        {"": len(arms) / 2 or 0.5, **{a: i + 0.5 for i, a in enumerate(arms)}}
    )
    rows = [boxes[boxes["stage"] == stage] for stage in stages]
    deep = [0.16 * (2 + max(text.count("\n") for text in row["text"])) for row in rows]
    total = sum(deep) + _STEP * max(0, len(stages) - 1)
    ax = style.axes_for(ax, height=max(1.5, total + 0.15))
    if frame.empty:
        return marks.nothing_drawn(ax, frame, "Flow diagram")
    ax.set(xticks=[], yticks=[], xlim=(0, max(1, len(arms))), ylim=(total, 0))
    ax.spines[:].set_visible(False)
    words, top, above = ["Flow diagram."], 0.0, []
    for stage, row, tall in zip(stages, rows, deep, strict=True):
        _draw_stage(ax, row, top, tall, above)
        top, above = top + tall + _STEP, list(row["x"])
        texts = [
            f"{f'{marks.one_line(box.arm)} ' if box.arm else ''}{box.many}"
            f"{f' ({box.note})' if box.note else ''}"
            for box in row.itertuples()
        ]
        words.append(f"{marks.one_line(stage)}: {'; '.join(texts)}.")
    return style.record(ax, alt=" ".join(words), data=frame)


def _box_text(row: pd.Series, width: int) -> str:
    """What stands in a box: the stage, the arm, how many, who left."""
    head = ": ".join(filter(None, map(marks.one_line, [row["stage"], row["arm"]])))
    lines = [marks.wrapped(head, width, 3), marks.wrapped(row["many"], width, 2)]
    return "\n".join([*lines, marks.wrapped(row["note"], width, 4)]).rstrip("\n")


def _how_many(row: pd.Series) -> str:
    """Clusters and people in words."""
    n, people = row["clusters"], row.get("people")
    text = "clusters unknown" if wording.is_missing(n) else wording.counted(int(n), "cluster")
    return text if wording.is_missing(people) else f"{text}, {wording.number(people)} people"


def _draw_stage(ax: Axes, boxes: pd.DataFrame, top: float, tall: float, above: list[float]) -> None:
    """Draw a stage's boxes, each with arrows from those `above`: its own arm's, or all arms'."""
    for x, text in zip(boxes["x"], boxes["text"], strict=True):
        ax.text(
            x,
            top + tall / 2,
            text,
            ha="center",
            va="center",
            fontsize=style.SMALL,
            color=style.INK,
            linespacing=1.15,
            bbox={"boxstyle": "square,pad=0.5", "facecolor": "white", "edgecolor": style.MARK},
        )
        arrow = {"arrowstyle": "-|>", "color": style.MARK, "linewidth": 1.0}
        for start in [x] if x in above else above:
            ax.annotate("", (x, top), xytext=(start, top - _STEP), arrowprops=arrow)
