"""Small signs for process charts: is it changing, and would it meet its target?

Our own drawings of what Making Data Count asks two icons to say. Shape carries the meaning (where
the points go, where the wave lies), colour repeats it and words stand under each.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnchoredOffsetbox, DrawingArea, TextArea, VPacker
from matplotlib.patches import Circle

from lsp_analysis.figures.marks import verdict_mark
from lsp_analysis.figures.style import INK, MARK, PALETTE, SMALL

_SIDE = 34.0  # points
_STEADY = np.array([0.0, 0.13, -0.11, 0.1, -0.12, 0.04])
# assurance -> words, and how far the wave's middle lies on the good (+) side of the target
ASSURANCE = {
    "consistent_pass": ("will meet\nthe target", 0.42),
    "consistent_fail": ("will miss\nthe target", -0.42),
    "inconsistent": ("may meet or\nmiss the target", 0.0),
}


def signs_beside(
    ax: Axes,
    *,
    verdict: str,
    words: str,
    rising: bool,
    assurance: str | None,
    lower_is_better: bool,
) -> None:
    """Put the signs of variation and, where there is a target, of assurance right of the plot.

    Parameters
    ----------
    verdict, words : str
        Whose colour and shape the last points have, and what is written under them.
    rising : bool
        Whether the last points lie above the mean.
    assurance : "consistent_pass", "consistent_fail", "inconsistent" or None
    lower_is_better : bool
        The good side of the target is then below it.
    """
    signs = [_labelled(_variation(verdict, rising), words.replace(" than", "\nthan"))]
    if assurance is not None:
        text, side = ASSURANCE[assurance]
        signs.append(_labelled(_assurance(-side if lower_is_better else side), text))
    column = VPacker(children=signs, align="left", pad=0, sep=10)
    box = AnchoredOffsetbox(
        "upper left",
        child=column,
        frameon=False,
        pad=0,
        borderpad=0,
        bbox_to_anchor=(1.02, 1.0),
        bbox_transform=ax.transAxes,
    )
    ax.add_artist(box)


def _labelled(sign: DrawingArea, words: str) -> VPacker:
    text = TextArea(words, textprops={"fontsize": SMALL, "color": INK, "linespacing": 1.15})
    return VPacker(children=[sign, text], align="left", pad=0, sep=3)


def _disc(edge: str) -> DrawingArea:
    """An empty disc to draw on, its middle at half its side."""
    area = DrawingArea(_SIDE, _SIDE)
    middle = _SIDE / 2
    disc = Circle((middle, middle), middle - 1, facecolor="white", edgecolor=edge, linewidth=1.6)
    area.add_artist(disc)
    return area


def _variation(verdict: str, rising: bool) -> DrawingArea:
    """Points about their mean; the last ones leave it, when there is a special cause."""
    colour, marker, _ = verdict_mark(verdict)
    area = _disc(colour)
    x = _SIDE * np.linspace(0.2, 0.8, 6)
    steady = verdict == "similar"
    turn = 1 if rising else -1
    away = np.zeros(6) if steady else turn * np.array([0, 0, 0, 0.16, 0.22, 0.27])
    y = _SIDE * (0.5 - (0.0 if steady else 0.1 * turn) + np.where(away == 0, _STEADY, away))
    area.add_artist(_line(x[[0, -1]], [y[:3].mean()] * 2, MARK, 1.0))
    area.add_artist(_line(x, y, MARK, 1.0))
    special = away != 0
    for inside, look in ((~special, (MARK, "o", 2.6)), (special, (colour, marker, 4.4))):
        fill, shape, size = look
        points = Line2D(
            x[inside], y[inside], linestyle="", marker=shape, markersize=size, color=fill,
            markeredgecolor=INK, markeredgewidth=0.4,
        )  # fmt: skip
        area.add_artist(points)
    return area


def _assurance(side: float) -> DrawingArea:
    """A wave and the dotted line of the target: above it, below it or across it."""
    area = _disc(INK)
    x = np.linspace(0.16, 0.84, 40)
    wave = 0.5 + 0.4 * side + 0.11 * np.sin((x - 0.16) / 0.68 * 3 * np.pi)
    area.add_artist(_line(_SIDE * x, _SIDE * wave, INK, 1.4))
    target = _line(_SIDE * x[[0, -1]], [_SIDE * (0.5 - 0.22 * np.sign(side))] * 2, PALETTE[2], 1.8)
    target.set_linestyle((0, (1.2, 1.2)))
    area.add_artist(target)
    return area


def _line(x: np.ndarray, y: object, colour: str, width: float) -> Line2D:
    return Line2D(x, y, color=colour, linewidth=width, solid_capstyle="butt")
