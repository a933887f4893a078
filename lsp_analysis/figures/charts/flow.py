"""The flow of clusters and people through an experiment, as CONSORT asks for it."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from lsp_analysis import wording
from lsp_analysis.figures import marks, style

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
