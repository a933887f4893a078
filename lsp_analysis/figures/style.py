"""The look every picture shares, and how a picture reaches a page with its words and its numbers.

Figures are built on matplotlib's Figure and never on pyplot, whose registry of open figures is
shared by a whole process and lost in a fork. Colours are those of the Government Analysis Function.
"""

import base64
import html
import io
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.transforms import ScaledTranslation
from PIL import Image

from lsp_analysis.errors import ParameterError
from lsp_analysis.wording import inside

PALETTE = ("#12436D", "#28A197", "#801650", "#F46A25")
GREYS = ("#3D3D3D", "#6B6B6B", "#BFBFBF", "#E5E5E5")  # text, marks, bands, grid
DASHES = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D")

INK, MARK, BAND, GRID = GREYS
FONT_SIZE = 9.5
SMALL = 9.0
WIDTH, HEIGHT = 6.4, 3.6
_CSS_DPI = 96
_SHARPNESS = 1.5
_COLOURS = 128  # of a picture, which takes half the room of one in full colour
_WIDEST_HEAD = 92  # characters of a line across a picture
_WIDEN = 1.3  # times a picture may grow where the page is wider

_HOUSE = {
    "font.family": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "text.parse_math": False,
    "text.usetex": False,
    "text.color": INK,
    "axes.edgecolor": MARK,
    "axes.labelcolor": INK,
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "xtick.color": MARK,
    "ytick.color": MARK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "hatch.linewidth": 0.6,
    "hatch.color": MARK,
    "savefig.facecolor": "white",
}


def in_house_style(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Run a drawing function under the house's settings, whatever the caller's own are."""

    @wraps(draw)
    def styled(*args: Any, **kwargs: Any) -> Any:
        with _house_style():
            return draw(*args, **kwargs)

    return styled


@contextmanager
def _house_style() -> Iterator[None]:
    """Have the house's settings meanwhile; ``rc_context`` would copy the hundreds of others too."""
    before = {name: mpl.rcParams[name] for name in _HOUSE}
    mpl.rcParams.update(_HOUSE)
    try:
        yield
    finally:
        mpl.rcParams.update(before)


class PictureAxes(Axes):
    """Axes that show their picture, with its alternative text, as the last line of a cell."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": picture_html(self), "text/plain": alt_of(self) or repr(self)}


@in_house_style
def new_axes(width: float = WIDTH, height: float = HEIGHT) -> Axes:
    """Axes on a new figure of `width` by `height` inches, outside pyplot's registry."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    FigureCanvasAgg(figure)
    return tidy(figure.add_subplot(axes_class=PictureAxes))


def axes_for(ax: Axes | None, width: float = WIDTH, height: float = HEIGHT) -> Axes:
    """`ax` made plain, or axes on a new figure."""
    return new_axes(width, height) if ax is None else tidy(ax)


def tidy(ax: Axes) -> Axes:
    """Take away all lines of the frame but the left and the lower one."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=SMALL, labelcolor=INK, color=MARK, length=3)
    ax.spines[:].set_in_layout(False)  # their extent is that of the ticks, worked out once more
    ax.set_axisbelow(True)
    return ax


def record(ax: Axes, *, alt: str, data: pd.DataFrame) -> Axes:
    """Attach the alternative text and the numbers drawn to `ax`, and return it."""
    ax.lsp_record = (alt, data)
    return ax


def alt_of(ax_or_figure: Axes | Figure) -> str:
    """Alternative text of a picture; several charts on one figure are read in turn."""
    return " ".join(alt for alt, _ in _records(ax_or_figure))


def data_of(ax_or_figure: Axes | Figure) -> pd.DataFrame:
    """The numbers drawn; for several charts on one figure, stacked in the order drawn."""
    frames = [data for _, data in _records(ax_or_figure)]
    if not frames:
        return pd.DataFrame()
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _records(ax_or_figure: Axes | Figure) -> list[tuple[str, pd.DataFrame]]:
    """What `record` attached, in the order of the axes."""
    axes = ax_or_figure.axes if hasattr(ax_or_figure, "axes") else []
    found = [ax_or_figure] if isinstance(ax_or_figure, Axes) else axes
    return [ax.lsp_record for ax in found if hasattr(ax, "lsp_record")]


def show(
    ax_or_figure: Axes | Figure,
    alt: str | None = None,
    data: pd.DataFrame | None = None,
    note: str = "",
) -> None:
    """Put a picture on the page once, with its alternative text and its numbers.

    The output carries the picture, as itself and as HTML, which alone keeps the alternative text
    in JupyterLab; ``text/csv`` with the numbers drawn; and the alternative text as ``text/plain``
    and as metadata of the picture. Outside a notebook nothing happens.

    Parameters
    ----------
    ax_or_figure : Axes or Figure
    alt : str, optional
        Alternative text; by default what the ``draw_*`` function made of the numbers.
    data : DataFrame, optional
        The numbers; by default those drawn.
    note : str
        Stamped small on the picture, for example "Simulated data".

    Raises
    ------
    ParameterError
        If nothing is drawn, or there is no alternative text.
    """
    figure = ax_or_figure.figure if isinstance(ax_or_figure, Axes) else ax_or_figure
    figure = figure.get_figure(root=True)
    alt = alt_of(ax_or_figure) if alt is None else alt
    if not alt.strip():
        raise ParameterError(
            "This figure has no alternative text, so a blind reader would get nothing. "
            "Draw it with a draw_ function, or pass alt= with one sentence of what it shows."
        )
    if _is_blank(figure):
        raise ParameterError(
            "Nothing is drawn on this figure: its axes hold no data and no words. "
            "Draw the data first, or leave the figure out where there are none."
        )
    picture = render(figure, note=note)
    _display(picture, alt, data_of(ax_or_figure) if data is None else data, figure)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)


def _is_blank(figure: Figure) -> bool:
    """Whether there is nothing to see but empty axes and a title."""
    drawn = any(_has_content(ax) for ax in figure.axes)
    beside = [*figure.lines, *figure.patches, *figure.artists, *figure.images]
    return bool(figure.axes) and not drawn and not beside


def _has_content(ax: Axes) -> bool:
    own = ax.has_data() or ax.texts or ax.tables or ax.artists
    return bool(own) or any(_has_content(inset) for inset in ax.child_axes)


def _display(picture: bytes, alt: str, data: pd.DataFrame, figure: Figure) -> None:
    """Hand the picture to the notebook, if this is one."""
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return
    bundle: dict[str, Any] = {"image/png": picture, "text/plain": alt}
    bundle["text/html"] = _image(picture, alt, figure)
    if len(data):
        bundle["text/csv"] = data.to_csv(index=False, lineterminator="\n", float_format=_digits)
    width, height = (round(side * _CSS_DPI) for side in figure.get_size_inches())
    display(
        bundle, metadata={"image/png": {"alt": alt, "width": width, "height": height}}, raw=True
    )


def picture_html(ax: Axes, *, note: str = "") -> str:
    """The picture that `ax` is part of, as an HTML image with its alternative text."""
    figure = ax.figure.get_figure(root=True)
    return _image(render(figure, note=note), alt_of(ax), figure)


def _image(picture: bytes, alt: str, figure: Figure) -> str:
    """An HTML image that holds its own picture, as wide as the page as far as it stays sharp."""
    width = round(figure.get_size_inches()[0] * _CSS_DPI)
    content = base64.b64encode(picture).decode()
    words = html.escape(alt, quote=True)
    wide = f"width: 100%; max-width: {round(_WIDEN * width)}px; height: auto"
    source = f"data:image/png;base64,{content}"
    return f'<img width="{width}" style="{wide}" alt="{words}" src="{source}">'


def _digits(value: float) -> str:
    """A number as the file of a picture has it: to seven digits, or to its last whole one."""
    return f"{value:.7g}" if abs(value) < 1e7 else f"{value:.15g}"


def render(figure: Figure, *, note: str = "") -> bytes:
    """The picture as PNG (128 colours, sharper than a screen); same in, same out."""
    with _house_style(), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from font", category=UserWarning
        )
        stamp(figure, note)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_CSS_DPI * _SHARPNESS)
        small = io.BytesIO()
        image = Image.open(buffer).convert("RGB")
        image.quantize(_COLOURS, dither=Image.Dither.NONE).save(small, "PNG")
        return small.getvalue()


def name_chart(ax: Axes, name: str) -> Axes:
    """Say at the head of a chart, or else at its horizontal axis, what it is of; once."""
    title, below = ax.get_title(loc="left"), ax.get_xlabel()
    scaled = ax.axison and len(ax.get_yticks())  # and no map
    if not name or not scaled or name.lower() in f"{title} {below}".lower():
        return ax
    mark = "," if (title or below).startswith("Per ") else ":"
    named = f"{name}{mark} {inside(title or below)}" if title or below else name
    text = "\n".join(textwrap.wrap(" ".join(named.split()), _WIDEST_HEAD))
    if title or not below:
        ax.set_title(text, loc="left", fontsize=SMALL, color=INK, y=1, pad=5)
        if (key := ax.get_legend()) is not None:
            more = text.count("\n") - title.count("\n")
            lift_key(key, key.lsp_lift + more * 1.2 * SMALL)
    else:
        ax.set_xlabel(text, fontsize=SMALL)
    return ax


def lift_key(key: Legend, lift: float) -> None:
    """Place a key `lift` points above the plot, over its head."""
    ax = key.axes
    up = ScaledTranslation(0, lift / 72, ax.figure.dpi_scale_trans)
    key.set_bbox_to_anchor((0, 1), transform=ax.transAxes + up)
    key.lsp_lift = lift


def stamp(figure: Figure, note: str) -> None:
    """Write `note` in the lower right corner, in a strip the charts are kept out of."""
    if not note or any(text.get_gid() == "note" for text in figure.texts):
        return
    height = 0.2 / figure.get_size_inches()[1]
    engine = figure.get_layout_engine()
    if engine is not None and "rect" in engine.get():
        engine.set(rect=(0, height, 1, 1 - height))
    figure.text(0.995, 0.004, note, ha="right", va="bottom", fontsize=SMALL, color=INK, gid="note")
