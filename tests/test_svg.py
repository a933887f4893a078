"""Charts of a page: text stays text, positions are shares of the width, and sizes are true."""

import math
import re

import pytest

from lsp_analysis.figures.svg import DRAWN, apart, draw, ticks

LINES = {
    "type": "lines",
    "x": [2003.0, 2004.0, 2005.0],
    "ticks": [[2003.0, "2003"], [2005.0, "2005"]],
    "unit": "",
    "series": [
        {"name": "here", "role": "here", "values": [10, None, 30], "end": "30 here"},
        {"name": "rest", "role": "rest", "values": [12, 12, 12], "end": "12 rest"},
    ],
    "band": {"low": [None, 5, 6], "high": [None, 20, 22], "name": "usual"},
    "moments": [[2004.2, "<b>Start</b>"]],
    "label": 'It "rose"',
}
ARROW = {"name": "<Deaths>", "words": "+2 → +1", "clear": True, "first": 1.0, "last": 0.5}
ARROW |= {"first_period": "2003", "last_period": "2012"}
CHARTS = {
    "spark": {"type": "spark", "here": [1, None, 3], "rest": [1, 1, 1], "label": "<up>"},
    "strip": {
        "type": "strip", "estimate": -24, "low": -38, "high": None, "placebos": [-20, 0, 15],
        "less": "fewer", "more": "more", "below": "3 <areas>", "label": "x",
    },
    "arrows": {"type": "arrows", "heading": "Gap", "rows": [ARROW], "label": "x"},
    "lines": LINES,
    "bars": {"type": "bars", "rows": [{"name": "<a>", "value": 3, "words": "3"}], "label": "x"},
    "forest": {
        "type": "forest", "names": "Outcome", "heading": "Effect", "label": "x",
        "rows": [{"name": "<a>", "estimate": -5, "low": None, "high": 3, "words": "−5%",
                  "clear": False}],
    },
    "pyramid": {
        "type": "pyramid", "label": "x",
        "rows": [{"age": "0-4", "female": 3, "male": 4, "female_rest": 2, "male_rest": 5}],
    },
    "map": {
        "type": "map", "width": 640, "height": 480, "label": "x", "scale": [100, "5 km"],
        "areas": [{"path": "M0 0L1 1Z", "class": "step1", "name": "<a>", "link": "a/a.html"}],
        "places": [{"name": "<town>", "x": 10, "y": 20}],
    },
}  # fmt: skip


def test_every_chart_is_tried():
    assert set(CHARTS) == set(DRAWN)


@pytest.mark.parametrize("kind", CHARTS)
def test_names_are_text_and_nothing_carries_a_style_of_its_own(kind):
    drawn = draw(CHARTS[kind])
    assert not re.search(r"<(a|b|areas|town|up|Deaths)>", drawn)
    assert "style=" not in drawn
    assert "nan" not in drawn
    assert drawn.count("<svg") == drawn.count("</svg>") + len(re.findall(r"<svg[^>]*/>", drawn))


@pytest.mark.parametrize("kind", ["strip", "arrows", "lines", "forest"])
def test_positions_along_x_lie_within_the_drawing(kind):
    drawn = draw(CHARTS[kind])
    places = [float(x) for x in re.findall(r'(?:x|x1|x2|cx)="(-?[\d.]+)%"', drawn)]
    assert places
    assert all(-0.01 <= x <= 100.01 for x in places)


def test_a_small_line_starts_at_zero_and_breaks_where_a_value_is_missing():
    drawn = draw(CHARTS["spark"])
    heights = [float(p.split(",")[1]) for p in re.findall(r"points=\"([^\"]*)\"", drawn)[0].split()]
    assert heights[0] == pytest.approx(38 - 34 / 3, abs=0.06)  # 1 of 3, and 0 at the foot
    assert len(re.findall('class="line here"', drawn)) == 2


@pytest.mark.parametrize(("first", "last"), [(1.0, 0.5), (0.2, 0.9), (-0.5, -0.9), (0.4, -0.4)])
def test_an_arrow_is_as_long_as_the_change_and_points_to_the_latest(first, last):
    others = [{**ARROW, "first": 1.2, "last": -1.0}]
    chart = {**CHARTS["arrows"], "rows": [{**ARROW, "first": first, "last": last}, *others]}
    shafts = re.findall(r'class="arrow clear" x1="([\d.]+)%" y1="23" x2="([\d.]+)%"', draw(chart))
    (a, b), (c, d) = ((float(x), float(y)) for x, y in shafts)
    drawn, known = (b - a) + math.copysign(1, b - a), (d - c) + math.copysign(1, d - c)
    assert drawn / known == pytest.approx((last - first) / (-1.0 - 1.2), rel=0.02)


def test_a_line_chart_shows_zero_and_labels_its_ends_apart():
    drawn = draw(LINES)
    assert 'class="zero"' in drawn
    ends = [float(y) for y in re.findall(r'class="end \w+" x="100%" y="([\d.]+)"', drawn)]
    assert len(ends) == 2
    assert abs(ends[0] - ends[1]) >= 16
    assert "It &quot;rose&quot;" in drawn


def test_round_ticks_cover_the_values():
    for low, high in [(0, 0.007), (0, 51.7), (-3, 2079), (5, 5)]:
        marks = ticks(low, high)
        assert marks[0] <= low
        assert marks[-1] >= high
        assert len(marks) <= 7


def test_labels_keep_their_order_when_they_are_set_apart():
    placed = apart([10, 12, 11, 80], 17)
    assert sorted(range(4), key=lambda i: placed[i]) == [0, 2, 1, 3]
    gaps = [b - a for a, b in zip(sorted(placed), sorted(placed)[1:], strict=False)]
    assert min(gaps) >= 16.9
