"""Draw words letter by letter from what has been drawn before: most of a chart's cost is its words.

Matplotlib shapes a text anew each time it is measured or drawn, and renders each letter again
wherever it stands. Here a text is shaped once, and a letter rendered once: texts start at whole
pixels, which is sharper too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from matplotlib import ft2font
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg, get_hinting_flag
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font

T = TypeVar("T")

FAMILY = "DejaVu Sans"  # others may depend on the caller's settings, and are left to matplotlib
_MOST = 4000  # texts or letters kept
_PARTS = 64  # of a pixel that FreeType places a letter by
_UNTURNED = ((0x10000, 0), (0, 0x10000))
_SHAPES = hasattr(FT2Font, "_layout") and hasattr(FT2Font, "_render_glyph")  # since 3.11

_sizes: dict[Hashable, tuple[float, float, float]] = {}
_heights: dict[Hashable, tuple[float | None, float | None, float | None]] = {}
_reaches: dict[Hashable, tuple[int, int, int]] = {}
_shapes: dict[Hashable, list[tuple[FT2Font, int, int, int]]] = {}
_letters: dict[Hashable, tuple[np.ndarray, int, int]] = {}


class LetterCanvas(FigureCanvasAgg):
    """A canvas with kept letters, drawn when asked for and not at every change before."""

    def draw_idle(self, *_: Any, **__: Any) -> None:
        """Later: geopandas asks after every layer of a map."""

    def get_renderer(self) -> RendererAgg:
        """The one it had, unless its size has changed since."""
        wide, tall = self.get_width_height(physical=True)
        known = getattr(self, "renderer", None)
        if known is None or (known.width, known.height, known.dpi) != (wide, tall, self.figure.dpi):
            self.renderer = _Printer(wide, tall, self.figure.dpi)
        return self.renderer


class _Printer(RendererAgg):
    """Matplotlib's renderer, save for level text in the house's letters."""

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: bool | str
    ) -> tuple[float, float, float]:
        """Pixels that a text takes: its width, its height, and how far it goes below the line."""
        if ismath or not s or not _SHAPES or not _in_house(prop):
            return super().get_text_width_height_descent(s, prop, ismath)
        return _kept(_sizes, (s, *self._style(prop)), lambda: self._size(s, prop))

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: bool | str = False,
        mtext: Any = None,
    ) -> None:
        """Draw a text from its letters, from the whole pixel nearest to `x`, `y` on."""
        special = mtext is not None and (mtext.get_fontfeatures() or mtext.get_language())
        if angle or ismath or special or not _SHAPES or not _in_house(prop):
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        left, up = round(x), round(self.height - y)
        look = (*self._style(prop), bool(gc.get_antialiased()))
        for font, glyph, across, above in self._shape(s, prop):
            whole, part = divmod(across, _PARTS)
            picture, start, top = self._letter(font, glyph, (part, above), prop, look)
            low = int(self.height) - up - top + picture.shape[0]
            self._renderer.draw_text_image(picture, left + whole + start, low, 0, gc)

    def _get_font_height_metrics(
        self, prop: FontProperties
    ) -> tuple[float | None, float | None, float | None]:
        """Pixels above and below the line, and between lines; matplotlib asks where it can."""
        if not _in_house(prop):
            return None, None, None
        return _kept(_heights, self._style(prop), lambda: self._heights(prop))

    def _heights(self, prop: FontProperties) -> tuple[float | None, float | None, float | None]:
        font = self._prepare_font(prop)
        lines = font.get_sfnt_table("OS/2")
        if lines is None:
            return None, None, None
        unit = 1 / font.get_sfnt_table("head")["unitsPerEm"] * prop.get_size_in_points()
        unit = unit * self.dpi / 72
        above, below = lines["sTypoAscender"] * unit, -lines["sTypoDescender"] * unit
        return above, below, lines["sTypoLineGap"] * unit

    def _style(self, prop: FontProperties) -> tuple[Hashable, ...]:
        return hash(prop), self.dpi, get_hinting_flag()

    def _size(self, s: str, prop: FontProperties) -> tuple[float, float, float]:
        """Width, height and depth from those of the letters, as FreeType's own sum has them."""
        shape = self._shape(s, prop)
        style = self._style(prop)
        reaches = [self._reach(font, glyph, prop, style) for font, glyph, *_ in shape]
        up = [above for *_, above in shape]
        low = min(above + reach[1] for above, reach in zip(up, reaches, strict=True))
        high = max(above + reach[2] for above, reach in zip(up, reaches, strict=True))
        wide = shape[-1][2] + reaches[-1][0]
        return wide / _PARTS, (high - low) / _PARTS, -low / _PARTS

    def _reach(
        self, font: FT2Font, glyph: int, prop: FontProperties, style: tuple[Hashable, ...]
    ) -> tuple[int, int, int]:
        """From a letter to the next, and from the line to its lower and upper edge, in parts."""

        def measured() -> tuple[int, int, int]:
            font.set_size(prop.get_size_in_points(), self.dpi)
            letter = font.load_glyph(glyph, get_hinting_flag())
            return letter.horiAdvance, letter.bbox[1], letter.bbox[3]

        return _kept(_reaches, (font.fname, glyph, style), measured)

    def _shape(self, s: str, prop: FontProperties) -> list[tuple[FT2Font, int, int, int]]:
        """Font, number and place, in parts of a pixel right of and above the start, of letters."""

        def shaped() -> list[tuple[FT2Font, int, int, int]]:
            items = self._prepare_font(prop)._layout(s, flags=get_hinting_flag())
            places = [(round(_PARTS * item.x), round(_PARTS * item.y)) for item in items]
            return [
                (item.ft_object, item.glyph_index, *place)
                for item, place in zip(items, places, strict=True)
            ]

        return _kept(_shapes, (s, *self._style(prop)), shaped)

    def _letter(
        self,
        font: FT2Font,
        glyph: int,
        shift: tuple[int, int],
        prop: FontProperties,
        look: tuple[Hashable, ...],
    ) -> tuple[np.ndarray, int, int]:
        """Picture of a letter, and whole pixels from its place to its left and upper edge."""
        *_, soft = look

        def drawn() -> tuple[np.ndarray, int, int]:
            font.set_size(prop.get_size_in_points(), self.dpi)
            font._set_transform(_UNTURNED, shift)
            mode = ft2font.RenderMode.NORMAL if soft else ft2font.RenderMode.MONO
            bitmap = font._render_glyph(glyph, get_hinting_flag(), mode)
            picture = np.array(bitmap.buffer) * (1 if soft else 0xFF)
            return picture.astype(np.uint8), bitmap.left, bitmap.top

        return _kept(_letters, (font.fname, glyph, shift, look), drawn)


def _in_house(prop: FontProperties) -> bool:
    return prop.get_family() == [FAMILY] and prop.get_file() is None


def _kept(store: dict[Hashable, T], key: Hashable, make: Callable[[], T]) -> T:
    """What `store` has under `key`, made when it is not there; a full one starts afresh."""
    if key not in store:
        if len(store) >= _MOST:
            store.clear()
        store[key] = make()
    return store[key]
