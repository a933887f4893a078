"""What tests of pictures share: is anything cut off, does anything overlap, what is said."""

from __future__ import annotations

import io
import warnings

from claims import causal_words
from matplotlib.axes import Axes
from matplotlib.text import Text
from PIL import Image

from lsp_analysis.figures.style import _CSS_DPI, _SHARPNESS, alt_of, data_of, render


def assert_fit_for_a_page(ax):
    """Nothing cut off, no tick labels on each other, words and numbers attached, no warning."""
    figure = ax.figure
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png = render(figure, note="Simulated data")
    assert png.startswith(b"\x89PNG")
    assert len(png) < 500_000
    with Image.open(io.BytesIO(png)) as image:
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert alt_of(ax).endswith(".")
    assert "nan" not in alt_of(ax).lower().split()
    assert causal_words(alt_of(ax)) == []
    assert data_of(ax) is not None
    assert_nothing_cut_off(figure)
    assert texts_that_overlap(figure) == []
    for axes in _all_axes(ax):
        assert_ticks_apart(axes)


def assert_nothing_cut_off(figure):
    """All that is drawn lies inside the figure, at the sharpness it is printed with."""
    figure.dpi = _CSS_DPI * _SHARPNESS  # the width of a text depends on it a little
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    slack = 0.03
    assert box.x0 >= -slack, f"{-box.x0:.2f} in cut off on the left"
    assert box.y0 >= -slack, f"{-box.y0:.2f} in cut off below"
    assert box.x1 <= width + slack, f"{box.x1 - width:.2f} in cut off on the right"
    assert box.y1 <= height + slack, f"{box.y1 - height:.2f} in cut off above"


def assert_ticks_apart(axes):
    """No two tick labels of one axis touch each other."""
    for axis in (axes.xaxis, axes.yaxis):
        boxes = [
            label.get_window_extent()
            for label in axis.get_ticklabels()
            if label.get_visible() and label.get_text() and _inside(axis, label)
        ]
        for i, first in enumerate(boxes):
            for second in boxes[i + 1 :]:
                assert not first.shrunk(0.9, 0.9).overlaps(second.shrunk(0.9, 0.9)), "ticks overlap"


def _inside(axis, label):
    place = label.get_position()[0 if axis.axis_name == "x" else 1]
    low, high = sorted(axis.get_view_interval())
    return low <= place <= high


def _all_axes(ax):
    return [ax, *ax.child_axes]


def texts_that_overlap(figure, slack=1.5):
    """Pairs of texts, as drawn, whose boxes run into each other by more than `slack` points."""
    figure.dpi = _CSS_DPI * _SHARPNESS
    renderer = figure.canvas.get_renderer()
    away = _labels_out_of_sight(figure)
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    boxes = [(t.get_text(), Text.get_window_extent(t, renderer)) for t in texts if t not in away]
    least = slack * figure.dpi / 72
    met = []
    for i, (one, box) in enumerate(boxes):
        for other, beside in boxes[i + 1 :]:
            wide = min(box.x1, beside.x1) - max(box.x0, beside.x0)
            tall = min(box.y1, beside.y1) - max(box.y0, beside.y0)
            if wide > least and tall > least:
                met.append((one, other))
    return met


def _labels_out_of_sight(figure):
    """Labels of ticks beyond the ends of their axis, which are not drawn."""
    axes = figure.findobj(Axes)
    sides = [axis for one in axes for axis in (one.xaxis, one.yaxis)]
    return {
        label
        for axis in sides
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not _inside(axis, label)
    }
