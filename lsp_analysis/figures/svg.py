"""The charts of a page, drawn from plain numbers as they stand in the report's notebook."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from markupsafe import Markup

from lsp_analysis import wording
from lsp_analysis.resources import page_template

LABEL = 10.0  # per cent of a drawing that a year written beside an arrow takes up
SPARK = (136, 40)
TOP, FOOT = 34.0, 26.0  # pixels above and below a line chart's own area
LINES_HEIGHT = 260.0
MOST_GAP = 3.0  # gaps beyond three times the comparator's value are drawn at the edge
MOST_EFFECT = 100.0  # per cent: effects beyond it too
GUTTER = 8.0  # per cent of a line chart left of its lines, for the numbers of its scale


def draw(chart: Mapping[str, Any]) -> Markup:
    """The SVG or HTML of one chart, by its ``type``."""
    return Markup(DRAWN[chart["type"]](chart))


def spark(chart: Mapping[str, Any]) -> str:
    """Two short lines from zero over the same years: here, and the comparator dashed.

    ``here`` and ``rest`` are numbers or None, ``label`` is read aloud.
    """
    width, height = SPARK
    here, rest = (_known(chart.get(name, [])).tolist() for name in ("here", "rest"))
    own, other = ([y for y in ys if not math.isnan(y)] for ys in (here, rest))
    if max(len(own), len(other)) < 2:
        return ""  # one value is no line
    at_y = _scale(min(0.0, *own, *other), max(0.0, *own, *other) or 1.0, height - 2, 4)
    drawn = [tag("path", class_="axis", d=f"M0 {height - 0.5}H{width}")]
    for ys, name in ((rest, "rest"), (here, "here")):
        step = (width - 8) / max(1, len(ys) - 1)
        places = [(2 + step * i, at_y(y)) for i, y in enumerate(ys)]
        for missing, run in groupby(places, key=lambda place: math.isnan(place[1])):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            drawn += [] if missing else [tag("polyline", class_=f"line {name}", points=points)]
    if here and not math.isnan(here[-1]):
        x, y = places[-1]
        drawn.append(tag("circle", class_="dot", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3.6"))
    return tag("svg", "".join(drawn), class_="spark", viewBox=f"0 0 {width} {height}", role="img",
               aria_label=chart["label"], preserveAspectRatio="xMinYMid meet")  # fmt: skip


def strip(chart: Mapping[str, Any]) -> str:
    """One effect with its interval above those of areas where nothing was done.

    ``estimate``, ``low``, ``high`` and ``placebos`` are on one scale whose zero is "as expected".
    """
    placebos = _known(chart["placebos"])
    placebos = placebos[np.isfinite(placebos)]
    ends = _known([chart["low"], chart["high"]])
    low, high = _reach(placebos, ends, chart["estimate"])
    at = _scale(low - 0.06 * (high - low), high + 0.06 * (high - low), 0, 100)
    middle, (first, last) = at(0), at(np.where(np.isfinite(ends), ends, [low, high]))
    return picture(
        line(middle, 22, middle, 92, "zero"),
        *(line(at(x), 68, at(x), 82, "tick") for x in placebos),
        line(first, 36, last, 36, "range"),
        dot(at(chart["estimate"]), 36, radius=8),
        text("as expected", min(max(middle, 28), 72), 14, class_="soft", anchor="middle"),
        text(chart["less"], 0, 14, class_="soft"),
        text(chart["more"], 100, 14, class_="soft", anchor="end"),
        text(chart["below"], 0, 107, class_="soft"),
        label=chart["label"], class_="chart strip", height=112,
    )  # fmt: skip


def arrows(chart: Mapping[str, Any]) -> str:
    """Gaps then and now, a row each: an arrow from the first to the latest, right being worse.

    Each of ``rows`` has ``name``, ``first`` and ``last`` on the common scale (0 is level with the
    comparator), ``words`` for the same in its own unit, and ``clear``.
    """
    rows = chart["rows"]
    ends = [x for row in rows for x in (row["first"], row["last"])]
    low, high = np.clip(_reach(ends), -MOST_GAP, MOST_GAP)
    at, grid, marked = _ruled(low, high, 0.07, 100, "level")
    middle = at(0)
    if middle > 22:
        marked.append(text("← better", middle, 14, class_="soft", anchor="end", dx=-10))
    if middle < 78:
        marked.append(text("worse →", middle, 14, class_="soft", dx=10))
    drawn = [_row("heading", "Measure, worst gap first", "".join(marked), chart["heading"])]
    drawn += [_arrow_row(row, grid, at, low, high) for row in rows]
    return tag("div", "".join(drawn), class_="arrows", role="img", aria_label=chart["label"])


def _ruled(
    low: float, high: float, margin: float, times: float, zero: str
) -> tuple[Callable[[float], float], str, list[str]]:
    """A scale of rows with its grid and its labels, in per cent once multiplied by `times`."""
    pad = margin * (high - low or 1.0)
    at = _scale(low - pad, high + pad, 0, 100)
    marks = [x for x in ticks(low, high) if 6 < at(x) < 94]
    grid = "".join(line(at(x), 0, at(x), 46, "zero" if abs(x) < 1e-9 else "grid") for x in marks)
    labels = [
        text(zero if abs(x) < 1e-9 else f"{times * x:+.0f}%".replace("-", "−"), at(x), 38,
             class_="strong" if abs(x) < 1e-9 else "soft", anchor="middle")
        for x in marks
    ]  # fmt: skip
    return at, grid, labels


def _arrow_row(row: Mapping[str, Any], grid: str, at: Callable, low: float, high: float) -> str:
    kind, y = "clear" if row["clear"] else "unclear", 23.0
    first, last = at(np.clip([row["first"], row["last"]], low, high))
    if abs(first - last) < 0.8:
        drawn = dot(last, y, f"head {kind}", 5)
    else:
        left = last < first
        drawn = dot(first, y, f"head {kind}", 3 if kind == "unclear" else 4)
        drawn += line(first, y, last + (1.0 if left else -1.0), y, f"arrow {kind}")
        drawn += head(last, y, f"head {kind}", left=left)
        inside = abs(first - last) > 2.6 * (len(row["first_period"]) + len(row["last_period"]))
        outside = min(first, last) > LABEL and max(first, last) < 100 - LABEL
        if row["clear"] and (inside or outside):
            ends = ("end", "") if left == inside else ("", "end")
            drawn += text(row["first_period"], first, y - 9, anchor=ends[0])
            drawn += text(row["last_period"], last, y - 9, anchor=ends[1])
    return _row(kind, row["name"], grid + drawn, row["words"])


def _row(kind: str, name: str, inner: str, words: str) -> str:
    return (
        f'<div class="row {kind}"><div class="name">{escape(name)}</div>'
        f'<div class="drawn">{picture(inner, class_="chart", height=46)}</div>'
        f'<div class="value">{escape(words)}</div></div>'
    )


def lines(chart: Mapping[str, Any]) -> str:
    """Lines over time from zero, each labelled at its end.

    ``x`` are positions in years, ``ticks`` pairs of position and label, ``series`` have
    ``role`` (here, rest, alike, expected, forecast), ``values`` and ``end`` (words at the end);
    ``band`` has ``low``, ``high`` and ``name``; ``moments`` pairs of position and label.
    """
    height, x = LINES_HEIGHT, _known(chart["x"])
    at_x = _scale(x.min(), x.max(), GUTTER, 100)
    series = [(s, _known(s["values"])) for s in chart["series"]]
    edges = [_known(chart["band"][end]) for end in ("low", "high")] if chart.get("band") else []
    marks = ticks(*_reach(*(ys for _, ys in series), *edges))
    at_y = _scale(marks[0], marks[-1], height - FOOT, TOP)
    drawn = [band(at_x(x), *map(at_y, edges), height)] if edges else []
    for mark in marks:
        drawn.append(line(0, at_y(mark), 100, at_y(mark), "zero" if mark == 0 else "grid"))
    for place, label in chart["ticks"]:
        side = "" if at_x(place) < GUTTER else "end" if at_x(place) > 96 else "middle"
        drawn.append(text(label, at_x(place), height - 6, class_="soft", anchor=side))
    drawn += _moments(chart.get("moments", []), at_x, height)
    for one, ys in series:
        points = list(zip(at_x(x), at_y(ys), strict=True))
        drawn.append(path(points, f"line {one['role']}"))
        if one["role"] == "here":
            shown = [p for p in points if np.isfinite(p[1])]
            drawn += [dot(*p, radius=3) for p in shown[:-1] if len(shown) < 40]
            drawn += [dot(*p, radius=5) for p in shown[-1:]]
    for mark in marks:  # above the lines, which on a narrow screen pass behind them
        told = wording.number(mark) + (chart["unit"] if mark == marks[-1] else "")
        drawn.append(text(told, 0, at_y(mark) - 5, class_="soft halo"))
    drawn += _ends(series, at_y, height)
    if edges and chart["band"].get("name") and np.isfinite(edges[1]).any():
        first = np.flatnonzero(np.isfinite(edges[1]))[0]
        place, top = at_x(x[first]), at_y(edges[1][first])
        drawn.append(text(chart["band"]["name"], place + 0.8, top - 6, class_="soft"))
    inner = picture(*drawn, label=chart["label"], class_="chart lines", height=height)
    return f'<div class="line-chart">{inner}</div>'


def _moments(moments: Sequence[Sequence[Any]], at_x: Callable, height: float) -> list[str]:
    """Dates as lines, each from its own label down; one without room for a label is left out."""
    drawn, used = [], []
    for place, label in moments:
        x = at_x(place)
        row = next((r for r in (0, 1) if all(r != k or abs(x - v) > 45 for k, v in used)), None)
        if not 0 <= x <= 100 or row is None:
            continue
        used.append((row, x))
        left = x > 60
        drawn.append(line(x, 2 + 16 * row, x, height - FOOT, "moment"))
        drawn.append(text(label, x, 13 + 16 * row, class_="halo", anchor="end" if left else "",
                          dx=-5 if left else 5))  # fmt: skip
    return drawn


def _ends(series: Sequence[tuple[Mapping, list[float]]], at_y: Callable, height: float):
    known = [(one, ys[np.isfinite(ys)]) for one, ys in series if one.get("end")]
    shown = [(one, ys[-1]) for one, ys in known if len(ys)]
    places = apart([at_y(y) for _, y in shown], 17)
    return [
        text(one["end"], 100, min(max(y, 12), height) + 5, class_=f"end {one['role']}", dx=10)
        for (one, _), y in zip(shown, places, strict=True)
    ]


def bars(chart: Mapping[str, Any]) -> str:
    """Horizontal bars with their number at the end: ``rows`` of name, value and words."""
    most = max((row["value"] for row in chart["rows"]), default=0) or 1
    longest = max((len(row["words"]) for row in chart["rows"]), default=0)
    full = 38 - 2.5 * max(longest - 3, 0)  # more than three figures need room on a narrow screen
    drawn = []
    for i, row in enumerate(chart["rows"]):
        y = 26.0 * i
        size = full * row["value"] / most
        drawn += [text(row["name"], 0, y + 17), bar(54, y + 5, size, 15, "bar worse")]
        drawn.append(text(row["words"], 55 + size, y + 17, class_="strong"))
    height = 26.0 * len(chart["rows"]) + 4
    return picture(*drawn, label=chart["label"], class_="chart", height=height)


def forest(chart: Mapping[str, Any]) -> str:
    """Effects with their intervals, a row each, on one scale with zero as a line."""
    rows = chart["rows"]
    ends = _known([[row["low"], row["high"], row["estimate"]] for row in rows])
    low, high = np.clip(_reach(ends), -MOST_EFFECT, MOST_EFFECT)
    at, grid, shown = _ruled(low, high, 0.05, 1, "as expected")
    drawn = [_row("heading", chart["names"], "".join(shown), chart["heading"])]
    open_ends = np.where(np.isfinite(ends), ends, [-np.inf, np.inf, np.nan])
    for row, places in zip(rows, np.clip(at(open_ends), 0, 100), strict=True):
        kind, (first, last, here) = "clear" if row["clear"] else "unclear", places
        inner = line(first, 23, last, 23, f"arrow {kind}") + dot(here, 23, f"head {kind}", 6)
        drawn.append(_row(kind, row["name"], grid + inner, row["words"]))
    return tag("div", "".join(drawn), class_="arrows", role="img", aria_label=chart["label"])


def pyramid(chart: Mapping[str, Any]) -> str:
    """Shares of people by age, females left and males right; the comparator as an outline."""
    rows = list(reversed(chart["rows"]))
    most = max(max(row[k] for row in rows) for k in ("female", "male", "female_rest", "male_rest"))
    step = 17.0
    drawn = []
    for i, row in enumerate(rows):
        y = 24 + step * i
        for side, sign in (("female", -1), ("male", 1)):
            size, edge = 42 * row[side] / most, 50 + sign * 6
            outer = edge + sign * 42 * row[f"{side}_rest"] / most
            drawn.append(bar(min(edge, edge + sign * size), y, size, step - 3, "bar here"))
            drawn.append(line(outer, y - 1, outer, y + step - 2, "mark rest"))
        drawn.append(text(row["age"], 50, y + 12, class_="soft", anchor="middle"))
    drawn += [text("Female", 30, 13, anchor="middle"), text("Male", 70, 13, anchor="middle")]
    height = 28 + step * len(rows)
    return picture(*drawn, label=chart["label"], class_="chart", height=height)


def locator(chart: Mapping[str, Any]) -> str:
    """Map of small areas: ``areas`` are path, class, name and link; ``places`` labels."""
    return page_template("map.svg.j2").render(chart, pixels=pixels)


def _scale(low: float, high: float, first: float, last: float) -> Callable[[Any], Any]:
    """A straight scale from `low` to `high` onto `first` to `last`."""
    size = (high - low) or 1.0
    return lambda x: first + (last - first) * (x - low) / size


def _known(values: Sequence[Any]) -> np.ndarray:
    """Numbers, with NaN for None: JSON has no NaN."""
    return np.array(values, dtype=float)


def _reach(*values: Any) -> tuple[float, float]:
    """The least and the most of zero and all known `values`."""
    every = np.hstack([0.0, *(np.ravel(one) for one in values)])
    known = every[np.isfinite(every)]
    return known.min(), known.max()


DRAWN: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "spark": spark, "strip": strip, "arrows": arrows, "lines": lines, "bars": bars,
    "forest": forest, "pyramid": pyramid, "map": locator,
}  # fmt: skip


def tag(name: str, inner: str = "", **attributes: object) -> str:
    """An SVG element; ``class_`` is written ``class``, underscores in names become hyphens."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    return f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>"


def picture(*inner: str, label: str = "", class_: str, height: float | None = None) -> str:
    """A drawing as wide as its place, `height` pixels high, read aloud as `label`.

    Without a label it is decoration, or described by what stands around it.
    """
    spoken = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return tag("svg", "".join(inner), class_=class_, width="100%", height=height, **spoken)


def text(words: str, x: float, y: float, *, class_: str = "", anchor: str = "", dx: float = 0):
    """Words at `x` per cent and `y` pixels; `anchor` is "middle" or "end"."""
    return tag(
        "text", escape(words), class_=class_, x=percent(x), y=pixels(y), text_anchor=anchor,
        dx=pixels(dx) if dx else None,
    )  # fmt: skip


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line between two points."""
    return tag("line", class_=class_, x1=percent(x1), y1=pixels(y1), x2=percent(x2), y2=pixels(y2))


def path(points: Sequence[tuple[float, float]], class_: str) -> str:
    """A broken line through `points`, with a gap at each whose height is not known."""
    steps = [(*a, *b) for a, b in pairwise(points) if np.isfinite([a[1], b[1]]).all()]
    return "".join(line(*step, class_) for step in steps)


def band(x: np.ndarray, low: np.ndarray, high: np.ndarray, height: float) -> str:
    """The area between two lines over the same positions, as one shape without an outline."""
    known = np.isfinite(low) & np.isfinite(high)
    if known.sum() < 2:
        return ""
    ring = [*zip(x[known], low[known], strict=True)]
    ring += [*zip(x[known], high[known], strict=True)][::-1]
    where = " ".join(f"{pixels(x)},{pixels(100 * y / height)}" for x, y in ring)
    shape = tag("polygon", class_="band", points=where)
    return tag("svg", shape, viewBox="0 0 100 100", preserveAspectRatio="none",
               width="100%", height=pixels(height))  # fmt: skip


def bar(x: float, y: float, width: float, height: float, class_: str) -> str:
    """A bar from `x` on, its corner above at `y`."""
    return tag("rect", class_=class_, x=percent(x), y=pixels(y), width=percent(width),
               height=pixels(height))  # fmt: skip


def dot(x: float, y: float, class_: str = "dot", radius: float = 4) -> str:
    """A disc."""
    return tag("circle", class_=class_, cx=percent(x), cy=pixels(y), r=pixels(radius))


def head(x: float, y: float, class_: str, *, left: bool) -> str:
    """The head of an arrow whose tip is at `x` per cent."""
    shape = "M0 0l11 -6v12z" if left else "M0 0l-11 -6v12z"
    inner = tag("path", class_=class_, d=shape)
    return tag("svg", inner, x=percent(x), y=pixels(y), class_="open")


def percent(x: float) -> str:
    """A position along x."""
    return f"{x:.2f}".rstrip("0").rstrip(".") + "%"


def pixels(x: float) -> str:
    """A length in pixels, or a number without a unit."""
    return f"{x:.1f}".removesuffix(".0")


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers that cover `low` to `high`."""
    from matplotlib.ticker import MaxNLocator

    if not high > low:
        high = low + (abs(low) or 1.0)
    places = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(place) for place in places]


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights close to those `wanted`, in the same order from the top, and `gap` or more apart."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [float(y) for y in wanted]
    for _ in range(100):
        for above, below in pairwise(order):
            short = gap - (placed[below] - placed[above])
            if short > 0.01:
                placed[above] -= short / 2
                placed[below] += short / 2
    return placed
