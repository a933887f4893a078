"""The look of all pictures, and how one reaches a page."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import draw_trend
from lsp_analysis.figures.marks import style_of
from lsp_analysis.figures.style import (
    _SHARPNESS,
    GREYS,
    PALETTE,
    alt_of,
    data_of,
    new_axes,
    record,
    render,
    show,
)
from lsp_analysis.figures.tables import SYMBOLS, VERDICTS


def luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast_with_white(colour):
    return 1.05 / (luminance(colour) + 0.05)


@pytest.fixture
def chart():
    periods = pd.period_range("2003", "2006", freq="Y")
    values = [10.0, 12.0, np.nan, 9.0]
    return draw_trend(
        pd.DataFrame({"period": periods, "series": "A", "value": values}), unit="percent"
    )


@pytest.fixture
def notebook():
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("colour", [*PALETTE, *GREYS[:2]])
def test_colours_of_marks_and_text_stand_out_from_white_by_three_to_one(colour):
    assert contrast_with_white(colour) >= 3


def test_text_stands_out_from_white_by_seven_to_one():
    assert contrast_with_white(GREYS[0]) >= 7


def test_series_differ_in_dash_and_marker_and_not_only_in_colour():
    looks = [style_of(i) for i in range(8)]
    for first, second in itertools.combinations(looks[:4], 2):
        assert first["linestyle"] != second["linestyle"]
        assert first["marker"] != second["marker"]
    keys = {(k["color"], str(k["linestyle"]), k["marker"], k["markerfacecolor"]) for k in looks}
    assert len(keys) == 8


def test_verdicts_differ_in_symbol():
    symbols = {SYMBOLS[verdict] for verdict in VERDICTS}
    assert len(symbols) == len(VERDICTS)


def test_the_same_chart_gives_the_same_bytes(chart):
    again = draw_trend(data_of(chart), unit="percent")
    assert render(chart.figure) == render(again.figure)


def test_a_picture_is_sharp_small_and_on_pure_white(chart):
    png = render(chart.figure)
    image = Image.open(io.BytesIO(png))
    assert image.width >= 1.5 * 614
    assert image.width / image.height == pytest.approx(6.4 / 3.6, rel=0.01)
    assert image.mode == "P"
    assert image.convert("RGB").getpixel((3, 3)) == (255, 255, 255)
    assert len(png) < 100_000


def test_a_picture_drawn_in_one_go_is_the_one_matplotlib_saves():
    ax = new_axes()
    ax.plot([1, 3, 2], label="a line")
    ax.legend()
    close = ax.inset_axes((0.6, 0.0, 0.4, 1.0))
    close.set_aspect("equal", adjustable="datalim")
    close.set(xlim=(0, 1), ylim=(1, 3))
    ax.indicate_inset_zoom(close)
    saved = io.BytesIO()
    ax.figure.savefig(saved, format="png", dpi=96 * _SHARPNESS)
    theirs = np.asarray(Image.open(saved).convert("RGB"), dtype=int)
    ours = np.asarray(Image.open(io.BytesIO(render(ax.figure))).convert("RGB"), dtype=int)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 60  # fewer colours, nothing in another place


def test_a_note_is_stamped_once(chart):
    plain = render(chart.figure)
    stamped = render(chart.figure, note="Simulated data")
    assert stamped != plain
    assert render(chart.figure, note="Simulated data") == stamped
    assert [text.get_text() for text in chart.figure.texts] == ["Simulated data"]


def test_show_carries_picture_words_and_numbers(chart, notebook):
    with capture_output() as shown:
        show(chart, note="Simulated data")
    (output,) = shown.outputs
    assert output.data["image/png"]
    assert output.data["text/plain"] == alt_of(chart)
    assert output.metadata["image/png"] == {"alt": alt_of(chart), "width": 614, "height": 346}
    numbers = pd.read_csv(io.StringIO(output.data["text/csv"]))
    assert numbers["value"].tolist()[:2] == [10.0, 12.0]


def test_large_counts_keep_every_digit_in_the_numbers_of_a_picture(chart, notebook):
    counts = pd.DataFrame({"people": [56_489_812.0, 1 / 3]})
    with capture_output() as shown:
        show(chart, data=counts)
    assert shown.outputs[0].data["text/csv"] == "people\n56489812\n0.3333333\n"


def test_show_is_quiet_outside_a_notebook(chart, capsys):
    show(chart)
    assert capsys.readouterr().out == ""


def test_a_figure_without_words_is_not_shown():
    with pytest.raises(ParameterError, match="alternative text"):
        show(new_axes())


def test_a_figure_with_empty_axes_is_not_passed_off_as_one():
    ax = new_axes()
    ax.set_title("Burglary")
    with pytest.raises(ParameterError, match="Nothing is drawn"):
        show(ax, alt="Burglary by month.")
    ax.text(0.5, 0.5, "No burglaries were counted here.")
    show(ax, alt="Burglary by month: none was counted.")


def test_charts_inside_charts_are_something_drawn():
    ax = new_axes()
    ax.inset_axes((0, 0, 1, 1)).plot([1, 2])
    show(ax, alt="A line that rises.")


def test_a_pyplot_figure_is_shown_and_closed(notebook):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure, ax = plt.subplots()
    ax.plot([1])
    with capture_output() as shown:
        show(record(ax, alt="A line.", data=pd.DataFrame({"x": [1]})))
    assert len([o for o in shown.outputs if "image/png" in o.data]) == 1
    assert plt.get_fignums() == before
    assert not plt.fignum_exists(figure.number)


def test_two_charts_on_one_figure_are_read_in_turn():
    from matplotlib.figure import Figure

    left, right = Figure(layout="constrained").subplots(1, 2)
    record(left, alt="First.", data=pd.DataFrame({"x": [1]}))
    record(right, alt="Second.", data=pd.DataFrame({"x": [2]}))
    assert alt_of(left.figure) == "First. Second."
    assert data_of(left.figure)["x"].tolist() == [1, 2]
    assert alt_of(right) == "Second."


def test_the_callers_settings_are_neither_used_nor_changed(chart):
    data = data_of(chart)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "text.usetex": False}):
        before = dict(mpl.rcParams)
        other = draw_trend(data, unit="percent")
        assert dict(mpl.rcParams) == before
        assert other.yaxis.get_ticklabels()[0].get_fontsize() == 9.0


def test_importing_the_figures_loads_no_matplotlib():
    code = (
        "import sys; from lsp_analysis import figures, wording; figures.table; "
        "assert 'matplotlib' not in sys.modules; figures.draw_trend; "
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_picture_is_an_attribute_error():
    from lsp_analysis import figures

    with pytest.raises(AttributeError, match="draw_pie"):
        _ = figures.draw_pie
    assert set(figures.__all__) <= set(dir(figures))


def test_an_axis_named_after_its_picture_was_taken_shows_its_name(chart):
    render(chart.figure)
    chart.set_xlabel("Year")
    chart.figure.draw_without_rendering()
    assert chart.xaxis.label.get_visible()
    assert (
        chart.xaxis.label.get_window_extent().y1
        <= chart.get_xticklabels()[0].get_window_extent().y0
    )
