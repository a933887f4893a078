"""Small pieces of SVG that the charts share.

Positions along x are per cent of the drawing's width and text is in pixels, so that a chart is as
wide as its place on the page and its words stay legible on a phone. No piece carries a style of its
own: colours and dashes come from the page's style sheet by class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape


def tag(name: str, inner: str = "", **attributes: object) -> str:
    """An SVG element; ``class_`` is written ``class``, underscores in names become hyphens."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    return f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>"


def picture(inner: str, *, label: str = "", class_: str, height: float | None = None) -> str:
    """A drawing as wide as its place, `height` pixels high, read aloud as `label`.

    Without a label it is decoration, or described by what stands around it.
    """
    spoken = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return tag("svg", inner, class_=class_, width="100%", height=height, **spoken)


def text(words: str, x: float, y: float, *, class_: str = "", anchor: str = "", dx: float = 0):
    """Words at `x` per cent and `y` pixels; `anchor` is "middle" or "end"."""
    return tag(
        "text", escape(words), class_=class_, x=percent(x), y=pixels(y), text_anchor=anchor,
        dx=pixels(dx) if dx else None,
    )  # fmt: skip


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line between two points."""
    return tag("line", class_=class_, x1=percent(x1), y1=pixels(y1), x2=percent(x2), y2=pixels(y2))


def path(points: Iterable[tuple[float, float]], class_: str) -> str:
    """A broken line through `points`, with a gap at each whose height is not known."""
    drawn, last = [], None
    for x, y in points:
        here = None if math.isnan(y) else (x, y)
        if here and last:
            drawn.append(line(*last, *here, class_))
        last = here
    return "".join(drawn)


def band(low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]], height: float):
    """The area between two lines over the same positions, as one shape without an outline."""
    known = [
        (a, b) for a, b in zip(low, high, strict=True) if not (math.isnan(a[1]) or math.isnan(b[1]))
    ]
    if len(known) < 2:
        return ""
    ring = [a for a, _ in known] + [b for _, b in reversed(known)]
    where = " ".join(f"{pixels(x)},{pixels(100 * y / height)}" for x, y in ring)
    shape = tag("polygon", class_="band", points=where)
    return tag("svg", shape, viewBox="0 0 100 100", preserveAspectRatio="none",
               width="100%", height=pixels(height))  # fmt: skip


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
    placed = [float(wanted[i]) for i in order]
    for _ in range(100):
        moved = False
        for k in range(len(placed) - 1):
            short = gap - (placed[k + 1] - placed[k])
            if short > 0.01:
                placed[k] -= short / 2
                placed[k + 1] += short / 2
                moved = True
        if not moved:
            break
    found = [0.0] * len(placed)
    for i, y in zip(order, placed, strict=True):
        found[i] = y
    return found
