"""Spread: areas in order and by size, the concentration curve, and how placebo estimates lie."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lsp_analysis import wording
from lsp_analysis.figures import marks, style

# where a point lies -> colour, marker, size; the two outer ones are filled
_FUNNEL = {
    "above the 99.8% limits": (style.PALETTE[2], "^", style.PALETTE[2], 6.5),
    "above the 95% limits": (style.PALETTE[2], "^", "white", 6),
    "within the limits": (style.MARK, "o", style.MARK, 3),
    "below the 95% limits": (style.PALETTE[0], "v", "white", 6),
    "below the 99.8% limits": (style.PALETTE[0], "v", style.PALETTE[0], 6.5),
}
_LABELLED = 6  # points of a funnel
_MOST_ROWS = 40  # of a caterpillar: more stand side by side
_DASHED = (0, (5, 2))


@style.in_house_style
def draw_funnel(
    points: pd.DataFrame,
    limits: pd.DataFrame,
    *,
    average: float,
    unit: str = "",
    size_label: str = "Size",
    highlight: str | Collection[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Areas by size, between the limits that chance alone would set.

    Parameters
    ----------
    points : DataFrame
        Columns ``label``, ``size`` (people or events expected), ``value``, and ``place``, where
        each lies among the limits: "above the 95% limits", "within the limits", ...
    limits : DataFrame
        Columns ``size``, ``lower95``, ``upper95``, ``lower998``, ``upper998``.
    average : float
        The value the limits stand around.
    size_label : str
        What sizes count.
    unit : str
        Unit code or axis label of the value.
    highlight : label or collection of labels
        Ringed and named; without it the six points farthest out are named.
    """
    marks.need(points, ["label", "size", "value", "place"], "draw_funnel")
    marks.need(
        limits, ["size", "lower95", "upper95", "lower998", "upper998"], "draw_funnel's limits"
    )
    ax = style.axes_for(ax, height=4.0)
    size, value = marks.columns(points, "size", "value")
    if not (np.isfinite(size) & np.isfinite(value)).any():
        return marks.nothing_drawn(ax, points, "Funnel plot")
    lines = limits.sort_values("size")
    for column, dash in (("95", _DASHED), ("998", "-")):
        for end in (f"lower{column}", f"upper{column}"):
            ax.plot(lines["size"], lines[end], color=style.INK, linewidth=1.0, linestyle=dash)
    ax.axhline(average, color=style.MARK, linewidth=1.0)
    where = points["place"].to_numpy(dtype=object)
    handles, labels = [], []
    for name, (colour, marker, fill, points_size) in _FUNNEL.items():
        inside = where == name
        look = {"marker": marker, "markerfacecolor": fill, "markersize": points_size}
        handles += ax.plot(size[inside], value[inside], linestyle="", color=colour, **look)
        labels.append(f"{name} ({int(inside.sum())})")
    handles += [Line2D([], [], color=style.INK, linewidth=1, linestyle=d) for d in (_DASHED, "-")]
    handles.append(Line2D([], [], color=style.MARK, linewidth=1))
    labels += ["95% limits", "99.8% limits", f"average: {marks.in_key(average, unit)}"]
    marks.value_axis(ax, wording.unit_label(unit) or "Value", value, zero=True)
    _size_axis(ax, size, marks.one_line(size_label))
    wanted = marks.chosen_labels(highlight)
    chosen = np.flatnonzero(points["label"].isin(wanted))
    if wanted:
        ring = {"mfc": "none", "mec": style.INK, "ms": 12, "mew": 1.4, "zorder": 5}
        ax.plot(size[chosen], value[chosen], "o", **ring)
        named = chosen
    else:
        outer = np.flatnonzero(np.char.find(where.astype(str), "99.8") >= 0)
        named = outer[np.argsort(-np.abs(value[outer] - average))]
    _name_points(ax, points["label"], size, value, named)
    marks.key_above(ax, handles, labels)
    met = [f"{int((where == name).sum())} {name}" for name in _FUNNEL if (where == name).any()]
    words = [
        f"Funnel plot of {wording.counted(len(points), 'area')} around an average of "
        f"{wording.quantity(average, unit)}: {wording.and_list(met)}."
    ]
    for i in chosen[:4]:
        label = marks.one_line(points["label"].iloc[i])
        words.append(f"{label}: {wording.quantity(value[i], unit)}, {where[i]}.")
    return style.record(ax, alt=" ".join(words), data=points)


def _size_axis(ax: Axes, size: np.ndarray, label: str) -> None:
    """Sizes on a plain scale, or a logarithmic one where they differ thirtyfold."""
    known = size[np.isfinite(size)]
    marks.number_axis(ax, "x")
    if known.max() > 30 * known.min() > 0:
        ax.set_xscale("log")
        low, high = np.floor(np.log10(known.min())), np.ceil(np.log10(known.max()))
        ax.xaxis.set_major_locator(FixedLocator(10 ** np.arange(low, high + 1)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: wording.number(v)))
        label += " (each step is ten times the one before)"
    ax.set_xlabel(label, fontsize=style.SMALL)


def _name_points(
    ax: Axes, labels: pd.Series, size: np.ndarray, value: np.ndarray, places: np.ndarray
) -> None:
    """Name the first few points at `places` whose names would not run into each other."""
    both, middle = np.array([size, value]), np.nanmedian(size)
    room = np.array([[0.5], [0.16]]) * (np.nanmax(both, 1) - np.nanmin(both, 1))[:, None]
    kept: list[int] = []
    for i in places:
        near = (np.abs(both[:, kept] - both[:, [i]]) < room).all(axis=0)
        if near.any() or len(kept) == _LABELLED:
            continue
        kept.append(i)
        if np.isfinite(both[:, i]).all():
            left = size[i] > middle
            ax.annotate(
                marks.wrapped(labels.iloc[i], 24),
                both[:, i],
                fontsize=style.SMALL,
                xytext=(-9 if left else 9, 0),
                textcoords="offset points",
                va="center",
                ha="right" if left else "left",
                zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
            )


@style.in_house_style
def draw_concentration(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How much of an outcome falls on the most deprived part of the people.

    Parameters
    ----------
    frame : DataFrame
        Columns ``cumulative_population`` and ``cumulative_outcome``, shares from 0 to 1 with people
        in order of deprivation, the most deprived first.
    """
    marks.need(frame, ["cumulative_population", "cumulative_outcome"], "draw_concentration")
    ax = style.axes_for(ax, width=4.8, height=4.4)
    x, y = 100 * np.array(marks.columns(frame, "cumulative_population", "cumulative_outcome"))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return marks.nothing_drawn(ax, frame, "Concentration curve")
    order = np.argsort(x[known], kind="stable")
    x, y = x[known][order], y[known][order]
    equal = ax.plot([0, 100], [0, 100], color=style.MARK, linewidth=1.2, linestyle=_DASHED)
    curve = ax.plot(x, y, color=style.PALETTE[0], marker="o" if len(x) <= 24 else "", linewidth=2)
    ax.fill_between(x, y, x, color=style.PALETTE[0], alpha=0.12, linewidth=0)
    ax.set(xlim=(0, 100), ylim=(min(0.0, y.min()), max(100.0, y.max())), aspect="equal")
    marks.number_axis(ax)
    marks.number_axis(ax, "x")
    ax.set_xlabel("People, most deprived first, per cent of all", fontsize=style.SMALL)
    marks.unit_above(ax, "Outcome, per cent of all")
    marks.key_above(ax, [*curve, *equal], ["As it is", "If shared equally"])
    fifth = float(np.interp(20, x, y))
    alt = (
        "Concentration curve: the most deprived fifth of people have "
        f"{wording.quantity(fifth, 'percent')} of the outcome, where an equal share would be 20%."
    )
    return style.record(ax, alt=alt, data=frame)


@style.in_house_style
def draw_distribution(
    values: Any,
    *,
    observed: float | None = None,
    unit: str = "",
    label: str = "Placebo estimates",
    ax: Axes | None = None,
) -> Axes:
    """How placebo (or redrawn) estimates spread, and where the observed one lies among them.

    Parameters
    ----------
    values : sequence of float
        One estimate per placebo; missing ones are left out and counted in the text.
    observed : float, optional
        The estimate to be judged.
    unit : str
        Unit code of the outcome, or an axis label.
    label : str
        What was counted, for the key.
    """
    frame = pd.DataFrame({"estimate": marks.floats(values)})
    ax = style.axes_for(ax, height=3.2)
    known = frame["estimate"].dropna().to_numpy()
    if not len(known):
        return marks.nothing_drawn(ax, frame, "Histogram of placebo estimates")
    seen = observed is not None and np.isfinite(observed)
    edges = _bins(known, float(observed) if seen else known[0])
    ax.hist(known, bins=edges, color=style.BAND, edgecolor=style.MARK, linewidth=0.7)
    handles: list[Any] = [ax.patches[0]]
    labels = [f"{label} ({wording.number(len(known))})"]
    if seen:
        ax.axvline(observed, color=style.PALETTE[2], linewidth=2.4)
        handles.append(Line2D([], [], color=style.PALETTE[2], linewidth=2.4))
        labels.append(f"Observed: {wording.difference(observed, unit)}")
    marks.number_axis(ax)
    ax.yaxis.get_major_locator().set_params(integer=True)
    marks.number_axis(ax, "x")
    ax.xaxis.grid(False)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(wording.change_label(unit) or "Estimate", fontsize=style.SMALL)
    marks.unit_above(ax, "Number")
    marks.key_above(ax, handles, labels)
    low, high = np.quantile(known, [0.025, 0.975])
    alt = (
        f"Histogram of {wording.counted(len(known), 'placebo estimate')}; the middle 95% lie "
        f"between {wording.difference(low, unit)} and {wording.difference(high, unit)}."
    )
    if seen:
        as_far = int((np.abs(known) >= abs(observed)).sum())
        alt += (
            f" The observed estimate is {wording.difference(observed, unit)}; "
            f"as far from zero or farther lie {wording.of_total(as_far, len(known))}."
        )
    frame["observed"] = float(observed) if seen else np.nan
    return style.record(ax, alt=alt, data=frame)


def _bins(known: np.ndarray, observed: float) -> np.ndarray:
    """Edges of 10 to 40 even bins that cover the values and the observed one."""
    low, high = min(known.min(), observed), max(known.max(), observed)
    if low == high:
        width = abs(low) * 0.1 or 1.0
        return np.array([low - width, low + width])
    return np.linspace(low, high, int(np.clip(np.sqrt(len(known)) * 1.5, 10, 40)) + 1)


@style.in_house_style
def draw_caterpillar(
    frame: pd.DataFrame,
    *,
    highlight: str | Collection[str] | None = None,
    reference: float | None = None,
    reference_label: str = "Reference",
    unit: str = "",
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Areas in order of their value, each with its interval.

    Up to 40 areas are named rows; more stand side by side and only highlighted ones are named.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label``, ``value``, ``low``, ``high``.
    highlight : str or collection of str
        Labels drawn in colour and named.
    reference : float, optional
        A value to compare with, such as the borough's.
    reference_label : str
        Whose value that is.
    unit : str
        Unit code or axis label.
    level : float between 0 and 1
        Coverage of the intervals.
    """
    marks.need(frame, ["label", "value", "low", "high"], "draw_caterpillar")
    chosen = marks.chosen_labels(highlight)
    known = frame[np.isfinite(marks.floats(frame["value"]))]
    known = known.sort_values("value", ascending=False, kind="stable")
    in_rows = len(known) <= _MOST_ROWS
    height = 1.0 + marks.row_heights(known["label"], each=0.24).sum() if in_rows else 3.6
    ax = style.axes_for(ax, height=max(1.8, height))
    if known.empty:
        return marks.nothing_drawn(ax, frame, "Areas in order of their value")
    marked = known["label"].isin(chosen).to_numpy()
    tail = f", with {marks.level_words(level)} intervals" if marks.has_intervals(known) else ""
    _draw_areas(ax, known, marked, f"{wording.unit_label(unit) or 'Value'}{tail}", unit, in_rows)
    named = [marks.one_line(name) for name in known["label"][marked]]
    key = []
    if named:
        line = Line2D([], [], marker="D", color=style.PALETTE[2], linestyle="-", markersize=6)
        key.append((line, named[0] if len(named) == 1 else f"Highlighted ({len(named)})"))
    if not wording.is_missing(reference):
        rule = {"color": style.INK, "linewidth": 1.2}
        (ax.axvline if in_rows else ax.axhline)(reference, **rule, zorder=1.6)
        of = f"{reference_label}: {marks.in_key(reference, unit)}"
        key.append((Line2D([], [], **rule), of))
    if key:
        lift, taken = (5, 2.4) if in_rows else (20, 0.7)
        marks.key_above(ax, *zip(*key, strict=True), lift=lift, taken=taken)
    return style.record(ax, alt=_caterpillar_alt(known, marked, reference, unit), data=frame)


def _draw_areas(
    ax: Axes, known: pd.DataFrame, marked: np.ndarray, label: str, unit: str, in_rows: bool
) -> None:
    """Areas as named rows, or many side by side, the highest on the left."""
    n = len(known)
    places = marks.rows(ax, known["label"], each=0.24) if in_rows else np.arange(1, n + 1)
    value, low, high = marks.columns(known, "value", "low", "high")
    widths, sizes = ((1.6, 1.6), (6, 6)) if in_rows else ((0.9, 2.2), (2.5, 6))
    looks = zip((~marked, marked), (style.MARK, style.PALETTE[2]), "oD", widths, sizes, strict=True)
    for side, colour, marker, wide, size in looks:
        lines, at = (ax.hlines, (value, places)) if in_rows else (ax.vlines, (places, value))
        lines(places[side], low[side], high[side], color=colour, linewidth=wide)
        look = {"marker": marker, "color": colour, "markersize": size, "linestyle": ""}
        ax.plot(*(one[side] for one in at), **look)
    if in_rows:
        marks.number_axis(ax, "x")
        ax.set_xlabel(label, fontsize=style.SMALL)
        return
    marks.value_axis(ax, label, value, low, high, zero=unit == "count")
    ax.set_xlim(0, n + 1)
    ax.set_xlabel(f"{wording.number(n)} areas, highest first", fontsize=style.SMALL)
    ax.set_xticks([1, n], labels=["1", wording.number(n)])


def _caterpillar_alt(
    known: pd.DataFrame, marked: np.ndarray, reference: float | None, unit: str
) -> str:
    """Ends of the order, the highlighted areas' places, and how many clear the reference."""
    n = len(known)
    first, last = known.iloc[0], known.iloc[-1]
    words = [
        f"{wording.capital(wording.counted(n, 'area'))} in order of value, from "
        f"{wording.quantity(first['value'], unit)} ({marks.one_line(first['label'])}) down to "
        f"{wording.quantity(last['value'], unit)} ({marks.one_line(last['label'])})."
    ]
    for place in np.flatnonzero(marked)[:4]:
        row = known.iloc[place]
        words.append(
            f"{marks.one_line(row['label'])} is {wording.ordinal(int(place) + 1)} of {n} with "
            f"{wording.quantity(row['value'], unit)}."
        )
    if marks.has_intervals(known) and not wording.is_missing(reference):
        low, high = marks.columns(known, "low", "high")
        above, below = int((low > reference).sum()), int((high < reference).sum())
        words.append(
            f"Against the reference of {wording.quantity(reference, unit)}, {above} intervals lie "
            f"wholly above and {below} wholly below."
        )
    return " ".join(words)
