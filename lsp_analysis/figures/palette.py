"""Pictures of some 32 colours: a quarter of the size of one in full colour."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

Colour = tuple[int, int, int]

_FLAT, _TINTED = 16, 4  # colours kept as they are, and how many of them get soft edges
_RAMP = (61, 104, 148, 192, 235)  # greys of soft edges
_EDGES = (1 / 3, 2 / 3)  # shares of a colour in its soft edges
_FILL = 1 / 400  # of a picture that a colour must cover to be kept, even a grey
_NEAR = 9  # a difference below which Pillow may take one colour for another
_COMPRESSION = 5  # 6 takes half as long again for 5% less, 8 four times as long for 12%
_HUE, _STRONG = 24, 60  # difference between a colour's channels of a hue, and of a strong one


def few_colours(pixels: np.ndarray) -> bytes:
    """A picture of some 32 colours as PNG, the same for the same pixels.

    White and the hues met most are kept to the letter, since they carry meaning; greys and the
    soft edges between colours share the rest.

    Parameters
    ----------
    pixels : array, height x width x 4, of uint8
        Red, green, blue and opacity.
    """
    image = Image.fromarray(pixels).convert("RGB")
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in _chosen(image) for channel in colour])
    png = io.BytesIO()
    small = image.quantize(palette=palette, dither=Image.Dither.NONE)
    small.save(png, format="PNG", compress_level=_COMPRESSION)
    return png.getvalue()


def _chosen(image: Image.Image) -> list[Colour]:
    """White, what fills areas, the hues met most, and greys and tints for the edges between them.

    Every fourth pixel is looked at: no line of a chart is thinner than two.
    """
    few = image.resize((image.width // 2, image.height // 2), Image.Resampling.NEAREST)
    pixels = few.width * few.height
    met = sorted(few.getcolors(maxcolors=pixels), reverse=True)
    fills = [colour for count, colour in met if count > _FILL * pixels]
    hues = [colour for _, colour in met if _hue(colour) > _HUE]
    flat = _apart([(255, 255, 255), *fills, *hues[: 8 * _FLAT]])[:_FLAT]
    strong = [colour for colour in flat if _hue(colour) > _STRONG][:_TINTED]
    tints = [_tint(colour, share) for colour in strong for share in _EDGES]
    return _apart([*flat, *((grey, grey, grey) for grey in _RAMP), *tints])


def _hue(colour: Colour) -> int:
    """How far a colour is from grey."""
    return max(colour) - min(colour)


def _tint(colour: Colour, share: float) -> Colour:
    """`share` of a colour on white, as along the soft edge of a mark."""
    return tuple(round(255 - share * (255 - channel)) for channel in colour)


def _apart(colours: list[Colour]) -> list[Colour]:
    """The colours that are not too near to an earlier one."""
    kept: list[Colour] = []
    for colour in colours:
        if not any(_are_near(colour, other) for other in kept):
            kept.append(colour)
    return kept


def _are_near(one: Colour, other: Colour) -> bool:
    return (
        abs(one[0] - other[0]) <= _NEAR
        and abs(one[1] - other[1]) <= _NEAR
        and abs(one[2] - other[2]) <= _NEAR
    )
