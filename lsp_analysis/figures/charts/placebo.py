"""What chance alone does: placebo neighbourhoods and redrawn allocations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lsp_analysis import wording
from lsp_analysis.figures.marks import (
    floats,
    key_above,
    need,
    nothing_drawn,
    number_axis,
    unit_above,
    with_period,
    zero_line,
)
from lsp_analysis.figures.style import (
    BAND,
    INK,
    MARK,
    PALETTE,
    SMALL,
    axes_for,
    in_house_style,
    record,
)
from lsp_analysis.figures.time_axis import TimeAxis


@in_house_style
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
    frame = pd.DataFrame({"estimate": floats(values)})
    ax = axes_for(ax, height=3.2)
    known = frame["estimate"].dropna().to_numpy()
    if not len(known):
        return nothing_drawn(ax, frame, "Histogram of placebo estimates")
    seen = observed is not None and np.isfinite(observed)
    edges = _bins(known, float(observed) if seen else known[0])
    ax.hist(known, bins=edges, color=BAND, edgecolor=MARK, linewidth=0.7)
    handles: list[Any] = [ax.patches[0]]
    labels = [f"{label} ({wording.number(len(known))})"]
    if seen:
        ax.axvline(observed, color=PALETTE[2], linewidth=2.4)
        handles.append(Line2D([], [], color=PALETTE[2], linewidth=2.4))
        labels.append(f"Observed: {wording.difference(observed, unit)}")
    number_axis(ax)
    ax.yaxis.get_major_locator().set_params(integer=True)
    number_axis(ax, "x")
    ax.xaxis.grid(False)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(wording.change_label(unit) or "Estimate", fontsize=SMALL)
    unit_above(ax, "Number")
    key_above(ax, handles, labels, lift=20)
    frame["observed"] = float(observed) if seen else np.nan
    return record(ax, alt=_distribution_alt(known, observed if seen else None, unit), data=frame)


@in_house_style
def draw_placebo_paths(
    frame: pd.DataFrame, *, start: Any = None, unit: str = "", ax: Axes | None = None
) -> Axes:
    """The gap of the treated area over time, before the grey gaps of the placebo areas.

    Parameters
    ----------
    frame : DataFrame
        Columns ``area_code``, ``period``, ``gap`` (from the area's own comparison), ``treated``.
    start : Period or date, optional
        First period after.
    unit : str
        Unit code of the outcome, or an axis label.
    """
    frame = with_period(frame)
    need(frame, ["area_code", "period", "gap", "treated"], "draw_placebo_paths")
    ax = axes_for(ax)
    if not np.isfinite(floats(frame["gap"])).any():
        return nothing_drawn(ax, frame, "Chart of gaps of treated and placebo areas")
    time = TimeAxis.of(frame["period"])
    is_treated = frame["treated"].to_numpy(dtype=bool)
    for (_, treated), part in frame.groupby(["area_code", is_treated], sort=False):
        x, gap = time.line(part["period"], floats(part["gap"]))
        look = {"color": PALETTE[2], "linewidth": 2.4, "zorder": 3}
        ax.plot(x, gap, **look if treated else {"color": "#9A9A9A", "linewidth": 0.7, "zorder": 2})
    after = time.start_of(start)
    if np.isfinite(after):
        ax.axvline(after, color=INK, linewidth=1.0, linestyle=(0, (2, 2)))
        ax.set_xlabel(f"Dotted line: start, {wording.period(start)}", fontsize=SMALL, loc="right")
    zero_line(ax)
    number_axis(ax)
    unit_above(ax, ", ".join(filter(None, ["Gap", wording.inside(wording.change_label(unit))])))
    time.label(ax)
    n_placebos = frame.loc[~is_treated, "area_code"].nunique()
    colours = ((PALETTE[2], 2.4), ("#9A9A9A", 1.0))
    handles = [Line2D([], [], color=colour, linewidth=width) for colour, width in colours]
    labels = ["Treated", f"Placebo areas ({wording.number(n_placebos)})"]
    key_above(ax, handles, labels, lift=20)
    alt = _placebo_alt(frame, is_treated, time.places(frame["period"]), after, unit)
    return record(ax, alt=alt, data=frame)


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


def _placebo_alt(
    frame: pd.DataFrame, treated: np.ndarray, place: np.ndarray, after: float, unit: str
) -> str:
    """Mean gap after the start of the treated area and its rank in size among the placebos."""
    rows = place >= after if np.isfinite(after) else np.isfinite(place)
    late = pd.DataFrame({"gap": floats(frame["gap"]), "treated": treated}).set_index(
        frame["area_code"].to_numpy()
    )[rows]
    means = late.groupby([late.index, "treated"])["gap"].mean().dropna()
    flags = means.index.get_level_values(1).to_numpy(dtype=bool)
    ours, others = means.to_numpy()[flags], means.to_numpy()[~flags]
    words = [f"Gaps over time of the treated area and {wording.counted(len(others), 'placebo')}."]
    if len(ours) and len(others):
        as_far = int((np.abs(others) >= abs(ours.mean())).sum())
        since = "After the start" if np.isfinite(after) else "Over all periods"
        words.append(
            f"{since} the treated gap averages {wording.difference(ours.mean(), unit)}; "
            f"as far from zero or farther lie {wording.of_total(as_far, len(others))} placebos."
        )
    return " ".join(words)
