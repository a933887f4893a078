"""What chance alone does: placebo neighbourhoods and redrawn allocations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lsp_analysis import wording
from lsp_analysis.figures import marks, style


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
