"""Small pieces that several pictures share: keys, labels, rows, number axes, empty charts."""

import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import Formatter, MaxNLocator

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import style


def need(frame: pd.DataFrame, columns: Sequence[str], chart: str) -> None:
    """Raise ParameterError unless `frame` has `columns`."""
    lacking = [column for column in columns if column not in frame]
    if lacking:
        raise ParameterError(
            f"{chart} needs {wording.and_list(map(repr, lacking))}, but the frame has "
            f"{wording.and_list(map(repr, frame.columns)) or 'no columns'}. Rename or add them."
        )


def with_period(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with its periods as a column, if they were its index."""
    if "period" not in frame and frame.index.name == "period":
        return frame.reset_index()
    return frame


def floats(values: Any) -> np.ndarray:
    """Values as floats, missing and infinite ones as NaN, so that they are gaps and not points."""
    array = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(array), array, np.nan)


def has_intervals(frame: pd.DataFrame) -> bool:
    """Whether `frame` has any pair of ``low`` and ``high`` to draw, and so to speak of."""
    if not {"low", "high"} <= set(frame.columns):
        return False
    return bool((np.isfinite(floats(frame["low"])) & np.isfinite(floats(frame["high"]))).any())


def one_line(text: Any) -> str:
    """`text` without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def wrapped(text: Any, width: int = 26, lines: int = 3) -> str:
    """A long name on up to `lines` lines of `width` characters, cut with an ellipsis."""
    return "\n".join(
        textwrap.wrap(one_line(text), width, max_lines=lines, placeholder=" …") or [""]
    )


def in_key(value: float, unit: str) -> str:
    """A value as a key has it: the unit is on the axis, but per cent."""
    return wording.quantity(value, unit if unit == "percent" else "")


def level_words(level: float) -> str:
    """Coverage of an interval in words: "95%", "99.8%"."""
    return f"{100 * level:.3g}%"


def chosen_labels(highlight: str | Collection[str] | None) -> set[str]:
    """Labels to highlight: one, several or none."""
    return {highlight} if isinstance(highlight, str) else set(highlight or ())


def style_of(i: int) -> dict[str, Any]:
    """Colour, dash and marker of series `i`; past the fourth, marks are hollow."""
    colour = style.PALETTE[i % 4]
    fill = colour if i < 4 else "white"
    turn = (i + i // 4) % 4
    return {
        "color": colour,
        "linestyle": style.DASHES[turn],
        "marker": style.MARKERS[turn],
        "markerfacecolor": fill,
    }


def key_above(
    ax: Axes,
    handles: Sequence[Any],
    labels: Sequence[Any],
    *,
    lift: float = 20,
    taken: float = 0.7,
) -> None:
    """A key in rows above the plot.

    `lift` is its distance in points from the plot's upper edge, `taken` the inches of the figure's
    width that lie beside the plot.
    """
    room = ax.figure.get_size_inches()[0] * _share_of_width(ax) - taken
    longest = int(np.clip((room - 0.65) / 0.076, 24, 60))
    texts = [wording.capital(wrapped(label, longest, 2)) for label in labels]
    # matplotlib drops labels that start with an underscore
    texts = [f" {text}" if text.startswith("_") else text for text in texts]
    key = ax.legend(
        handles,
        texts,
        loc="lower left",
        ncols=_key_columns(texts, room),
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=2.8,
        columnspacing=1.6,
        labelcolor=style.INK,
        fontsize=style.SMALL,
    )
    style.lift_key(key, lift)


def _key_columns(texts: list[str], room: float) -> int:
    """Most columns of a key that fit into `room` inches; matplotlib fills it column by column."""
    widths = [0.65 + 0.076 * max(map(len, text.split("\n"))) for text in texts]
    for columns in range(len(texts), 1, -1):
        if sum(part.max() for part in np.array_split(widths, columns)) <= room:
            return columns
    return 1


def _share_of_width(ax: Axes) -> float:
    """Part of the figure's width that the axes' cell takes."""
    spec = ax.get_subplotspec()
    if spec is None:
        return ax.get_position().width
    return len(spec.colspan) / spec.get_gridspec().ncols


def unit_above(ax: Axes, label: str, width: int = 80) -> None:
    """Name the vertical axis in horizontal text over its upper end."""
    ax.set_title(
        wrapped(label, width, 2), loc="left", fontsize=style.SMALL, color=style.INK, y=1, pad=5
    )


def number_axis(ax: Axes, which: str = "y") -> None:
    """Tick labels with thousands commas and true minus signs, and light lines behind the data."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(TickNumbers())
    axis.grid(True, color=style.GRID, linewidth=0.8)


def value_axis(ax: Axes, label: str, *values: Any, zero: bool = False) -> None:
    """Scale and name the vertical axis; one that does not start at zero says so.

    The axis starts at zero if `zero`, as counts do (whole ones have whole ticks), or if the values
    come near enough to it for that to cost little room.
    """
    known = np.concatenate([floats(v) for v in values]) if values else np.array([])
    known = known[np.isfinite(known)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    number_axis(ax)
    if zero and not (known % 1).any():
        ax.yaxis.get_major_locator().set_params(integer=True)
    start_at_zero = low >= 0 and (zero or low <= 0.5 * high)
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    bottom = 0.0 if start_at_zero else low - pad
    ax.set_ylim(bottom, high + pad)
    cut = low > 0 and not start_at_zero
    unit_above(ax, f"{label} (axis does not start at zero)".strip() if cut else label)


class TickNumbers(Formatter):
    """Numbers with just the decimals that tell the ticks apart; millions as "300m"."""

    def format_ticks(self, values: Any) -> list[str]:
        """Texts of all ticks of an axis, which matplotlib asks for together."""
        ticks = np.asarray(values, dtype=float)
        divisor, suffix = large_unit(float(np.max(np.abs(ticks), initial=0.0)))
        step = float(np.min(np.diff(ticks))) / divisor if len(ticks) > 1 else 1.0
        decimals = next((d for d in range(10) if _tells(step, d)), 9)
        return [wording.number(t / divisor, decimals) + (suffix if t else "") for t in ticks]

    def __call__(self, value: float, pos: int | None = None) -> str:
        """Text of a tick by itself."""
        return self.format_ticks([value])[0]


def large_unit(largest: float) -> tuple[float, str]:
    """What numbers up to `largest` are best divided by, and the letters that say so."""
    return next(((d, s) for d, s in ((1e9, "bn"), (1e6, "m")) if largest >= d), (1.0, ""))


def _tells(step: float, decimals: int) -> bool:
    """Whether so many decimals show a step between ticks."""
    whole = round(step * 10**decimals)
    return bool(whole) and bool(np.isclose(step * 10**decimals, whole, atol=1e-6))


def rows(ax: Axes, labels: Iterable[Any], *, each: float = 0.3) -> np.ndarray:
    """Name the rows of a chart from the top down.

    Returns the rows' heights on the axis, in inches from the top; a name that wraps gets a taller
    row, any other is `each` inches tall.
    """
    texts = [wrapped(label) for label in labels]
    tall = row_heights(texts, each=each)
    heights = np.cumsum(tall) - tall / 2
    ax.set_yticks(heights, labels=texts)
    for label in ax.get_yticklabels():
        label.set_parse_math(False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(tall.sum(), 0)
    return heights


def row_heights(labels: Iterable[Any], *, each: float = 0.3) -> np.ndarray:
    """Inches that each row needs, longer names being wrapped."""
    lines = np.array([wrapped(label).count("\n") + 1 for label in labels], dtype=float)
    return np.maximum(each, 0.16 * lines + 0.08)


def text_below(ax: Axes, text: str) -> None:
    """Text under the plot, its lines starting at the plot's left edge."""
    ax.set_xlabel(text, loc="left", fontsize=style.SMALL)
    ax.xaxis.label.set_horizontalalignment("left")


def nothing_drawn(ax: Axes, frame: pd.DataFrame, what: str, said: str = "") -> Axes:
    """A chart without a number in it says so, or why, in the picture and in its alternative
    text."""
    ax.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    ax.spines[:].set_visible(False)
    text = wrapped(said, 70, 4) if said else "No data to show"
    ax.text(0.5, 0.5, text, ha="center", va="center", color=style.INK)
    return style.record(ax, alt=f"{what}: {said or 'no data to show.'}", data=frame)


def zero_line(ax: Axes, which: str = "y") -> None:
    """A firm line where there is no effect, gap or change."""
    line = ax.axhline if which == "y" else ax.axvline
    line(0.0, color=style.INK, linewidth=1.0, zorder=1.5)
