"""Spread: the funnel, the concentration curve, and how placebo estimates lie."""

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
_LABELLED = 6
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
    size, value = marks.floats(points["size"]), marks.floats(points["value"])
    if not (np.isfinite(size) & np.isfinite(value)).any():
        return marks.nothing_drawn(ax, points, "Funnel plot")
    lines = limits.sort_values("size")
    for column, dash in (("95", _DASHED), ("998", "-")):
        for side in ("lower", "upper"):
            ax.plot(
                lines["size"], lines[side + column], color=style.INK, linewidth=1.0, linestyle=dash
            )
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
    _name_points(ax, points, size, value, where, highlight, average)
    marks.key_above(ax, handles, labels)
    alt = _funnel_alt(points, value, where, average, unit, highlight)
    return style.record(ax, alt=alt, data=points)


def _size_axis(ax: Axes, size: np.ndarray, label: str) -> None:
    """Sizes on a plain scale, or a logarithmic one where they differ thirtyfold."""
    known = size[np.isfinite(size)]
    if len(known) and known.max() > 30 * known.min() > 0:
        ax.set_xscale("log")
        low, high = np.floor(np.log10(known.min())), np.ceil(np.log10(known.max()))
        ax.xaxis.set_major_locator(FixedLocator(10 ** np.arange(low, high + 1)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: wording.number(v)))
        ax.xaxis.grid(True, color=style.GRID, linewidth=0.8)
        ax.set_xlabel(f"{label} (each step is ten times the one before)", fontsize=style.SMALL)
    else:
        marks.number_axis(ax, "x")
        ax.set_xlabel(label, fontsize=style.SMALL)


def _name_points(
    ax: Axes,
    points: pd.DataFrame,
    size: np.ndarray,
    value: np.ndarray,
    where: np.ndarray,
    highlight: str | Collection[str] | None,
    average: float,
) -> None:
    """Name the highlighted points, or the few that lie farthest outside."""
    chosen = marks.chosen_labels(highlight)
    if chosen:
        places = np.flatnonzero(points["label"].isin(chosen))
        ax.plot(
            size[places], value[places], "o", mfc="none", mec=style.INK, ms=12, mew=1.4, zorder=5
        )
        places = _apart(places, size, value)
    else:
        outer = np.flatnonzero(np.char.find(where.astype(str), "99.8") >= 0)
        places = _apart(outer[np.argsort(-np.abs(value[outer] - average))], size, value)
    middle = np.nanmedian(size)
    for i in places:
        if np.isfinite([size[i], value[i]]).all():
            left = size[i] > middle
            ax.annotate(
                marks.wrapped(points["label"].iloc[i], 24),
                (size[i], value[i]),
                fontsize=style.SMALL,
                xytext=(-9 if left else 9, 0),
                textcoords="offset points",
                va="center",
                ha="right" if left else "left",
                zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
            )


def _apart(places: np.ndarray, size: np.ndarray, value: np.ndarray) -> list[int]:
    """The first few of `places` whose names would not run into each other."""
    room = np.array([[0.5], [0.16]]) * np.array(
        [[np.nanmax(x) - np.nanmin(x)] for x in (size, value)]
    )
    both, kept = np.array([size, value]), []
    for i in places:
        near = (np.abs(both[:, kept] - both[:, [i]]) < room).all(axis=0)
        if not near.any() and len(kept) < _LABELLED:
            kept.append(i)
    return kept


def _funnel_alt(
    points: pd.DataFrame,
    value: np.ndarray,
    where: np.ndarray,
    average: float,
    unit: str,
    highlight: str | Collection[str] | None,
) -> str:
    """How many points lie where, and where the highlighted ones do."""
    met = [f"{int((where == name).sum())} {name}" for name in _FUNNEL if (where == name).any()]
    words = [
        f"Funnel plot of {wording.counted(len(points), 'area')} around an average of "
        f"{wording.quantity(average, unit)}: {wording.and_list(met)}."
    ]
    chosen = marks.chosen_labels(highlight)
    for i in np.flatnonzero(points["label"].isin(chosen))[:4]:
        label = marks.one_line(points["label"].iloc[i])
        words.append(f"{label}: {wording.quantity(value[i], unit)}, {where[i]}.")
    return " ".join(words)


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
    x, y = (100 * marks.floats(frame[c]) for c in ("cumulative_population", "cumulative_outcome"))
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
    marks.key_above(ax, handles, labels, lift=20)
    frame["observed"] = float(observed) if seen else np.nan
    return style.record(
        ax, alt=_distribution_alt(known, observed if seen else None, unit), data=frame
    )


def _bins(known: np.ndarray, observed: float) -> np.ndarray:
    """Edges of 10 to 40 even bins that cover the values and the observed one."""
    low, high = min(known.min(), observed), max(known.max(), observed)
    if low == high:
        width = abs(low) * 0.1 or 1.0
        return np.array([low - width, low + width])
    return np.linspace(low, high, int(np.clip(np.sqrt(len(known)) * 1.5, 10, 40)) + 1)


def _distribution_alt(known: np.ndarray, observed: float | None, unit: str) -> str:
    """Middle 95% of the placebos and how many lie as far from zero as the observed value."""
    low, high = np.quantile(known, [0.025, 0.975])
    words = [
        f"Histogram of {wording.counted(len(known), 'placebo estimate')}; the middle 95% lie "
        f"between {wording.difference(low, unit)} and {wording.difference(high, unit)}."
    ]
    if observed is not None:
        as_far = int((np.abs(known) >= abs(observed)).sum())
        words.append(
            f"The observed estimate is {wording.difference(observed, unit)}; "
            f"as far from zero or farther lie {wording.of_total(as_far, len(known))}."
        )
    return " ".join(words)
