"""Fit the one chart of a figure into it, measuring its words once where once will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FIRST = (0.55, 0.45, 0.1, 0.3)  # inches left, below, right and above a usual chart
_LIKE_ENOUGH = 0.12  # change of a side up to which words keep their place
_MOST_LOOKS = 2
_LEAST = 0.15  # of a figure's side that a chart may come down to


class FittedLayout(ConstrainedLayoutEngine):
    """Matplotlib's constrained layout, which a figure with a single chart gets at half the cost.

    Constrained layout always measures every text twice. With one chart a second look is needed
    only if the first guess of its size was far off, or its ticks are others at its true size.
    Figures of several charts are left to constrained layout.
    """

    def execute(self, fig: Figure) -> None:
        """Give the chart all the room of `fig` that its words and the pads leave."""
        on_pixels = hasattr(fig.canvas, "get_renderer")  # and not as SVG
        if not (on_pixels and _has_one_chart(fig) and self._fit(fig, fig.axes[0])):
            super().execute(fig)

    def _fit(self, fig: Figure, ax: Axes) -> bool:
        """Whether `ax` could be fitted."""
        renderer = fig.canvas.get_renderer()
        wide, tall = fig.get_size_inches()
        sides = np.array([wide, tall, wide, tall])
        inside = self._inside(fig)
        extents = inside + np.array([1, 1, -1, -1]) * np.array(_FIRST) / sides
        for _ in range(_MOST_LOOKS):
            _place(ax, extents)
            ticks = _ticks(ax)
            around = ax.get_tightbbox(renderer, for_layout_only=True)
            beyond = around.transformed(fig.transFigure.inverted()).extents - extents
            outwards = np.array([-1, -1, 1, 1])
            fitted = inside - outwards * np.maximum(outwards * beyond, 0)
            size, before = fitted[2:] - fitted[:2], extents[2:] - extents[:2]
            if (size < _LEAST).any():
                return False
            extents = fitted
            _place(ax, extents)
            if (abs(size / before - 1) < _LIKE_ENOUGH).all() and _ticks(ax) == ticks:
                break
        return True

    def _inside(self, fig: Figure) -> np.ndarray:
        """Left, lower, right and upper edge, in shares of `fig`, of the room for all there is."""
        about: dict[str, Any] = self.get()
        left, low, width, height = about["rect"]
        pads = np.array([about["w_pad"], about["h_pad"]]) / fig.get_size_inches()
        return np.array([left, low, left + width, low + height]) + np.array([*pads, *-pads])


def _has_one_chart(fig: Figure) -> bool:
    """Whether a single chart is all there is; a close-up fits its limits to every size it had."""
    if len(fig.axes) != 1 or fig.subfigs or fig.legends or fig.get_suptitle():
        return False
    return all(inside.get_aspect() == "auto" for inside in fig.axes[0].child_axes)


def _place(ax: Axes, extents: np.ndarray) -> None:
    ax.set_position(Bbox.from_extents(*extents))
    ax.set_in_layout(True)  # which a place of its own takes away


def _ticks(ax: Axes) -> list[list[float]]:
    """Ticks of a chart and of the charts inside it."""
    charts = (ax, *ax.child_axes)
    return [list(axis.get_majorticklocs()) for one in charts for axis in (one.xaxis, one.yaxis)]
