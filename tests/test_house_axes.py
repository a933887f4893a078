"""Copied ticks draw what matplotlib's own do, and each can be changed by itself."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lsp_analysis.figures.house_axes import HouseAxes
from lsp_analysis.figures.style import new_axes


def _plain(ax):
    ax.plot([0, 10, 20], [3, 1, 2])
    ax.grid(True)


def _on_a_log_scale(ax):
    ax.plot([1, 10, 1000], [0.1, 1, 50])
    ax.set(xscale="log", yscale="log")
    ax.grid(True, which="both")


def _with_one_bold_label(ax):
    ax.set_yticks([0, 1, 2], labels=["a", "b", "c"])
    ax.get_yticklabels()[0].set_fontweight("bold")
    ax.get_yticklabels()[2].set_color("red")


def _with_a_chart_inside(ax):
    inside = ax.inset_axes((0.4, 0.4, 0.5, 0.5))
    inside.plot([0, 1], [5, 7])
    inside.minorticks_on()
    inside.tick_params(axis="x", labelrotation=30, length=6)


@pytest.mark.parametrize(
    "draw", [_plain, _on_a_log_scale, _with_one_bold_label, _with_a_chart_inside]
)
def test_a_chart_looks_as_it_does_on_matplotlibs_own_axes(draw):
    pictures = []
    for kind in (Axes, HouseAxes):
        figure = Figure(layout="constrained")
        canvas = FigureCanvasAgg(figure)
        draw(figure.add_subplot(axes_class=kind))
        canvas.draw()
        pictures.append(np.asarray(canvas.buffer_rgba()))
    assert np.array_equal(*pictures)
    assert len(np.unique(pictures[0])) > 2


def test_a_tick_can_be_changed_without_the_others():
    ax = new_axes()
    ax.set_xticks([0, 1, 2, 3])
    first, second, *others = ax.xaxis.get_major_ticks()
    second.label1.set(fontsize=20, color="red")
    second.tick1line.set_markersize(9)
    second.set_visible(False)
    for tick in (first, *others):
        assert tick.label1.get_fontsize() != 20
        assert tick.label1.get_color() != "red"
        assert tick.tick1line.get_markersize() != 9
        assert tick.get_visible()


def test_no_minor_tick_is_made_where_none_is_asked_for():
    ax = new_axes()
    ax.set_xlabel("Named")
    ax.figure.draw_without_rendering()
    assert not vars(ax.xaxis)["minorTicks"]
    assert ax.xaxis.get_minor_ticks() == []


def test_charts_inside_have_copied_ticks_too():
    assert isinstance(new_axes().inset_axes((0, 0, 0.5, 0.5)), HouseAxes)
