"""Words drawn from kept letters are matplotlib's own, and start at whole pixels."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from lsp_analysis.figures import lettering
from lsp_analysis.figures.lettering import FAMILY, LetterCanvas
from lsp_analysis.figures.style import new_axes, render

TEXTS = ["Hall i' th' Wood", "AVAToday ffi 1,234 −5%", "Łódź naïve ‘quoted’", "two\nlines"]


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    for store in ("_sizes", "_heights", "_reaches", "_shapes", "_letters"):
        monkeypatch.setattr(lettering, store, {})


def _drawn(canvas_class, text, left=20, **look):
    figure = Figure(figsize=(4, 1), dpi=100)
    canvas = canvas_class(figure)
    figure.text(left / 400, 0.5, text, **{"family": FAMILY, "size": 9, **look})
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@pytest.mark.parametrize("text", TEXTS[:3])
@pytest.mark.parametrize(
    "look", [{}, {"weight": "bold"}, {"rotation": 30}, {"antialiased": False}, {"family": "serif"}]
)
def test_a_text_at_a_whole_pixel_is_drawn_as_matplotlib_draws_it(text, look):
    ours, theirs = (_drawn(kind, text, **look) for kind in (LetterCanvas, FigureCanvasAgg))
    assert np.array_equal(ours, theirs)
    assert (ours != 255).any()
    assert np.array_equal(ours, _drawn(LetterCanvas, text, **look))  # from what was kept


@pytest.mark.parametrize("text", [*TEXTS, "lp", "·−", " led  ", " "])
@pytest.mark.parametrize("look", [{}, {"weight": "bold", "size": 12}, {"family": "serif"}])
def test_a_text_takes_the_room_that_matplotlib_finds(text, look):
    boxes = []
    for kind in (LetterCanvas, LetterCanvas, FigureCanvasAgg):
        figure = Figure(dpi=100)
        kind(figure)
        words = figure.text(0.3, 0.3, text, **{"family": FAMILY, **look})
        boxes.append(words.get_window_extent().extents)
    assert np.array_equal(boxes[0], boxes[2])
    assert np.array_equal(boxes[1], boxes[2])


def test_a_text_between_pixels_moves_to_the_nearest():
    here, near, there = (_drawn(LetterCanvas, "Bolton", left) for left in (20, 20.4, 20.6))
    assert np.array_equal(here, near)
    assert np.array_equal(np.roll(here, 1, axis=1), there)


def test_each_letter_is_drawn_once_for_all_pictures():
    def words():
        ax = new_axes()
        ax.set_title("Level and level")
        return render(ax.figure)

    first = words()
    known = {name: dict(getattr(lettering, name)) for name in ("_letters", "_shapes", "_sizes")}
    assert words() == first
    assert all(getattr(lettering, name) == kept for name, kept in known.items())


def test_what_is_kept_has_an_end(monkeypatch):
    monkeypatch.setattr(lettering, "_MOST", 5)
    for text in "abcdefghij":
        _drawn(LetterCanvas, text)
    assert 0 < len(lettering._letters) <= 5


def test_other_fonts_are_left_to_matplotlib_with_the_callers_settings():
    _drawn(LetterCanvas, "Serif", family="serif")
    assert not lettering._letters
    assert not lettering._in_house(FontProperties(family=[FAMILY, "serif"]))
