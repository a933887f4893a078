"""Who lives here: the pyramid of ages and sexes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures.marks import (
    TickNumbers,
    floats,
    key_above,
    need,
    nothing_drawn,
    number_axis,
    one_line,
)
from lsp_analysis.figures.style import (
    INK,
    PALETTE,
    SMALL,
    axes_for,
    in_house_style,
    record,
)


@in_house_style
def draw_pyramid(
    frame: pd.DataFrame,
    *,
    unit: str = "percent",
    area: str = "Area",
    comparator: str = "Borough",
    ax: Axes | None = None,
) -> Axes:
    """Shares of people by age, one sex on each side, a comparator as an outline.

    Parameters
    ----------
    frame : DataFrame
        Columns ``age_band`` (youngest first), ``sex`` (two values; the first stands on the left),
        ``share`` and, as an option, ``comparator_share``.
    unit : str
        Unit code or axis label of the shares.
    area, comparator : str
        Names for the key.

    Raises
    ------
    ParameterError
        If there are more than two sexes, or an age and sex is repeated.
    """
    need(frame, ["age_band", "sex", "share"], "draw_pyramid")
    bands = list(pd.unique(frame["age_band"]))
    sexes = list(pd.unique(frame["sex"]))
    ax = axes_for(ax, height=max(2.4, 1.1 + 0.19 * len(bands)))
    if not np.isfinite(floats(frame["share"])).any():
        return nothing_drawn(ax, frame, "Population pyramid")
    if len(sexes) > 2 or frame.duplicated(["age_band", "sex"]).any():
        raise ParameterError(
            "A pyramid needs one row per age band and at most two sexes; this frame has "
            f"{wording.and_list(map(repr, sexes))} and {len(frame)} rows."
        )
    compared = "comparator_share" in frame and frame["comparator_share"].notna().any()
    y = np.arange(len(bands))
    sides = (1,) if len(sexes) == 1 else (-1, 1)
    for side, sex, look in zip(sides, sexes, _SIDES, strict=False):
        part = frame[frame["sex"] == sex].set_index("age_band").reindex(bands)
        ax.barh(y, side * floats(part["share"]), 0.82, edgecolor="white", linewidth=0.4, **look)
        if compared:
            outline = side * floats(part["comparator_share"])
            ax.stairs(outline, np.arange(len(bands) + 1) - 0.5, orientation="horizontal", **_LINE)
    _pyramid_axes(ax, bands, frame, unit)
    handles = [Patch(**look) for look in _SIDES[: len(sexes)]]
    labels = [f"{one_line(sex)}, {area}" for sex in sexes]
    if compared:
        handles.append(Patch(facecolor="none", edgecolor=INK, linewidth=1.4))
        labels.append(comparator)
    key_above(ax, handles, labels, lift=5, taken=1.0)
    return record(ax, alt=_pyramid_alt(frame, unit, compared, comparator), data=frame)


_SIDES = ({"facecolor": PALETTE[0]}, {"facecolor": PALETTE[1], "hatch": "..."})
_LINE = {"color": INK, "linewidth": 1.4, "baseline": None}


def _pyramid_axes(ax: Axes, bands: list[str], frame: pd.DataFrame, unit: str) -> None:
    """Age bands up the side, shares to the left and right of the middle."""
    columns = [c for c in ("share", "comparator_share") if c in frame]
    most = 1.08 * max(float(np.nanmax(floats(frame[c]), initial=0.0)) for c in columns)
    one_sided = frame["sex"].nunique() < 2
    ax.set_xlim(0 if one_sided else -(most or 1), most or 1)
    ax.set_ylim(-0.6, len(bands) - 0.4)
    every = max(1, -(-len(bands) // 24))
    ax.set_yticks(range(0, len(bands), every), labels=[one_line(b) for b in bands[::every]])
    for label in ax.get_yticklabels():
        label.set_parse_math(False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=INK, linewidth=0.8)
    number_axis(ax, "x")
    ax.xaxis.set_major_formatter(TickNumbers(sign=False))
    named = "Per cent of people" if unit == "percent" else wording.unit_label(unit)
    ax.set_xlabel(named, fontsize=SMALL)


def _pyramid_alt(frame: pd.DataFrame, unit: str, compared: bool, comparator: str) -> str:
    """The largest age band of each sex, and where the comparator differs most."""
    n_bands = frame["age_band"].nunique()
    words = [f"Population pyramid of {wording.counted(n_bands, 'age band')}."]
    known = frame.assign(share=floats(frame["share"])).dropna(subset="share")
    for sex, part in known.groupby("sex", sort=False):
        top = part.loc[part["share"].idxmax()]
        words.append(
            f"{one_line(sex)}: most are aged {one_line(top['age_band'])} "
            f"({wording.quantity(top['share'], unit)})."
        )
    if compared:
        off = known["share"] - floats(known["comparator_share"])
        most = off.abs().idxmax()
        words.append(
            f"The largest difference from {one_line(comparator)} is at "
            f"{one_line(known.loc[most, 'age_band'])}, {one_line(known.loc[most, 'sex'])}: "
            f"{wording.difference(off[most], unit)}."
        )
    return " ".join(words)
