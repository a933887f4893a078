"""Maps of small areas, drawn in metres on the British National Grid (EPSG:27700)."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import marks, style

# light to dark: order is legible in greyscale and to colour-blind readers
SEQUENCE = ("#E8EEF5", "#B5C9DD", "#7C9DC0", "#43719F", "#12436D", "#0A2743")
_HIGHLIGHT, _NEIGHBOUR = style.PALETTE[3], style.PALETTE[2]
_MAP_SHARE, _OVERVIEW_SHARE = 0.67, 0.58  # of the width; the key or the close-up has the rest
_SEAM = "#8A8A8A"
_REST = {"facecolor": "#F1F1F1", "edgecolor": _SEAM}
_BESIDE = {"facecolor": "#9DC9C5", "edgecolor": _SEAM, "hatch": "..."}
_OWN = {"facecolor": style.PALETTE[0], "edgecolor": "white"}
_MISSING = {"facecolor": "white", "edgecolor": _SEAM, "hatch": "////"}
_CLASSES = 5
_OVER_BACKGROUND = 0.7  # opacity of what is drawn over a picture
GRID_CODE = 27700  # EPSG code of the British National Grid, in metres


@style.in_house_style
def draw_choropleth(
    geo: gpd.GeoDataFrame,
    *,
    column: str,
    unit: str = "",
    label: str = "",
    bounds: Sequence[float] | None = None,
    highlight: Mapping[str, Collection[str]] | None = None,
    background: str | Path | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A value by small area, in classes from light (low) to dark (high).

    Parameters
    ----------
    geo : GeoDataFrame in EPSG:27700
        Columns ``area_code``, `column` and polygons. Missing values are hatched.
    column : str
        What is mapped.
    unit, label : str
        Unit code of the values, and what they are, for the key.
    bounds : sequence of float, optional
        Upper bounds of the classes, to keep maps comparable; otherwise there are five of as many
        areas each, or fewer where values are tied.
    highlight : mapping of name to area codes, optional
        Outlined with their name in the key: the first thickly in orange, the others thinly in
        plum.
    background : path, optional
        A local picture with its world file (``.pgw``, ``.jgw``, ``.tfw``) in the same grid, such as
        an OS OpenData raster tile; nothing is ever fetched.
    """
    marks.need(geo, ["area_code", column, "geometry"], "draw_choropleth")
    ax = map_axes(ax, geo, background, across=_MAP_SHARE)
    frame = geo.drop(columns="geometry")
    values = marks.floats(geo[column])
    known = np.isfinite(values)
    if not known.any():
        return marks.nothing_drawn(ax, frame, "Map")
    bounds = _class_bounds(values[known], bounds)
    named = list((highlight or {}).items())
    member = np.searchsorted(bounds, values)
    # A background must show through, and the key is to look like the map.
    alpha = 1.0 if background is None else _OVER_BACKGROUND
    shades = [to_rgba(shade, alpha) for shade in _shades(len(bounds))]
    fill = [shades[m] if ok else (1, 1, 1, 1) for m, ok in zip(member, known, strict=True)]
    geo.plot(ax=ax, color=fill, edgecolor="white", linewidth=0.4, aspect=None)
    if not known.all():
        geo[~known].plot(ax=ax, **_MISSING, linewidth=0.4, aspect=None)
    outlines = []
    for name, codes in [*named[1:], *named[:1]]:
        look = (_HIGHLIGHT, 2.6) if name == named[0][0] else (_NEIGHBOUR, 1.5)
        outlines += outline(ax, geo, codes, *look, name)
    bare(ax)
    leave_room(ax, geo, _MAP_SHARE)
    counts = np.bincount(member[known], minlength=len(bounds))
    handles, labels = _class_key(values[known], bounds, counts, shades, unit)
    if not known.all():
        handles.append(Patch(**_MISSING))
        labels.append(f"no data ({int((~known).sum())})")
    handles += [line for line, _ in reversed(outlines)]
    labels += [text for _, text in reversed(outlines)]
    measured = wording.unit_label(unit)
    title = ", ".join(filter(None, [marks.one_line(label), label and wording.inside(measured)]))
    heading = [marks.wrapped(title or measured, 24, 4), "(number of areas)"]
    legend = ax.legend(
        handles,
        labels,
        title="\n".join(filter(None, heading)),
        loc="upper left",
        bbox_to_anchor=(_MAP_SHARE + 0.03, 1.0),
        frameon=False,
        alignment="left",
        fontsize=style.SMALL,
        title_fontsize=style.SMALL,
        labelspacing=0.6,
        handlelength=1.8,
        handleheight=1.2,
        borderaxespad=0,
    )
    legend.get_title().set_color(style.INK)
    alt = _choropleth_alt(geo, values, label, unit, named[0][1] if named else ())
    return style.record(ax, alt=alt, data=frame)


@style.in_house_style
def draw_where(
    geo: gpd.GeoDataFrame,
    *,
    highlight: str | Collection[str],
    neighbours: Collection[str] = (),
    name: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Where an area lies: in the whole borough on the left, close up on the right.

    Parameters
    ----------
    geo : GeoDataFrame in EPSG:27700
        Columns ``area_code`` and polygons: all small areas of the borough.
    highlight : area codes
        The area; one code, or all the small areas it is made of.
    neighbours : area codes
        Shown in a lighter shade, hatched.
    name : str
        What the area is called, in the key.
    """
    marks.need(geo, ["area_code", "geometry"], "draw_where")
    chosen, around = rows_of(geo, highlight), rows_of(geo, neighbours)
    ax = map_axes(ax, geo, None, across=_OVERVIEW_SHARE)
    if geo.empty:
        return marks.nothing_drawn(ax, geo.drop(columns="geometry"), "Map")
    close = ax.inset_axes((0.63, 0.0, 0.37, 1.0))
    roles = (~(chosen | around), _REST), (around, _BESIDE), (chosen, _OWN)
    for axes, seam in ((ax, 0.3), (close, 0.8)):
        for rows, look in roles:
            if rows.any():
                geo[rows].plot(ax=axes, linewidth=seam, aspect=None, **look)
        bare(axes)
    leave_room(ax, geo, _OVERVIEW_SHARE)
    if chosen.any():
        left, low, right, high = geo[chosen | around].total_bounds
        half = max(right - left, high - low, 200.0) * 0.62  # some ground around it
        x, y = (left + right) / 2, (low + high) / 2
        close.set(xlim=(x - half, x + half), ylim=(y - half, y + half))
        close.spines[:].set_visible(True)
        close.spines[:].set_color(style.MARK)
        ax.indicate_inset_zoom(close, edgecolor=style.INK, alpha=1, linewidth=0.9)
    else:
        close.remove()
    called = marks.one_line(name) or "The area"
    small = wording.counted(int(chosen.sum()), "small area")
    handles, labels = [Patch(**_OWN)], [f"{called} ({small})"]
    if around.any():
        handles.append(Patch(**_BESIDE | {"edgecolor": style.INK}))
        labels.append(f"Neighbours ({int(around.sum())})")
    marks.key_above(ax, handles, labels, lift=4)
    frame = geo.drop(columns="geometry").assign(
        role=np.select([chosen, around], ["area", "neighbour"], "rest of the borough")
    )
    every = f"map of {wording.counted(len(geo), 'small area')}"
    if not chosen.any():
        alt = f"{wording.capital(every)}; {called} is not among them."
        return style.record(ax, alt=alt, data=frame)
    square_km = float(geo[chosen].geometry.area.sum()) / 1e6
    size = f"{wording.number(square_km, 1 if square_km >= 1 else 2)} square kilometres"
    alt = f"Map. {called} ({small}, {size}) lies in the {_side(geo, chosen)} of a {every}."
    if around.any():
        alt += f" Around it: {wording.counted(int(around.sum()), 'neighbouring area')}."
    return style.record(ax, alt=alt, data=frame)


def _side(geo: gpd.GeoDataFrame, chosen: np.ndarray) -> str:
    """Where on a map some areas lie, by compass: "north-west", "middle"."""
    left, low, right, high = geo.total_bounds
    spot = geo[chosen].geometry.union_all().centroid
    across = (spot.x - left) / (right - left) if right > left else 0.5
    up = (spot.y - low) / (high - low) if high > low else 0.5
    north = "south" if up < 0.4 else "north" if up > 0.6 else ""
    east = "west" if across < 0.4 else "east" if across > 0.6 else ""
    return "-".join(filter(None, [north, east])) or "middle"


def _class_bounds(values: np.ndarray, given: Sequence[float] | None) -> np.ndarray:
    """Upper bounds of the classes; of fifths, each holding at least one value."""
    if given is not None:
        bounds = np.unique(np.asarray(given, dtype=float))
        return np.append(bounds, values.max()) if values.max() > bounds[-1] else bounds
    distinct = np.unique(values)
    if len(distinct) <= _CLASSES:
        return distinct
    bounds = np.unique(np.quantile(values, np.linspace(0, 1, _CLASSES + 1)[1:]))
    filled = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds)) > 0
    return bounds[filled]


def _shades(n: int) -> list[str]:
    """`n` shades from light to dark."""
    places = {1: [3], 5: range(5)}.get(n, np.linspace(0, len(SEQUENCE) - 1, n))
    return [SEQUENCE[round(place)] for place in places]


def _class_key(
    values: np.ndarray, bounds: np.ndarray, counts: np.ndarray, shades: list[str], unit: str
) -> tuple[list[Patch], list[str]]:
    """Key entries: the range of each class and how many areas are in it, highest first."""
    lows = [min(values.min(), bounds[0]), *bounds[:-1]]
    handles = [Patch(facecolor=shade, edgecolor=_SEAM, linewidth=0.6) for shade in shades]
    labels = []
    for i, (low, high, n) in enumerate(zip(lows, bounds, counts, strict=True)):
        ends = [marks.in_key(end, unit) for end in (low, high)]
        text = ends[1] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
        labels.append(f"{'over ' if i and ends[0] != ends[1] else ''}{text} ({n})")
    return handles[::-1], labels[::-1]


def _choropleth_alt(
    geo: gpd.GeoDataFrame,
    values: np.ndarray,
    label: str,
    unit: str,
    highlight: str | Collection[str],
) -> str:
    """Range and middle of the map, and the highlighted areas' value and place."""
    known = np.isfinite(values)
    low, middle, high = (
        wording.quantity(end, unit) for end in np.quantile(values[known], [0, 0.5, 1])
    )
    missing = f"; {int((~known).sum())} without data" if not known.all() else ""
    words = (
        f"Map of {wording.inside(marks.one_line(label)) or 'values'} in "
        f"{wording.counted(len(geo), 'small area')}: from {low} to {high}, half of them below "
        f"{middle}{missing}."
    )
    chosen = rows_of(geo, highlight) & known
    if not chosen.any():
        return words
    mean = float(values[chosen].mean())
    place = wording.placed(int((values[known] > mean).sum()) + 1, "highest")
    what = "The outlined area has" if chosen.sum() == 1 else "The outlined areas average"
    return f"{words} {what} {wording.quantity(mean, unit)}, the {place}."


def map_axes(
    ax: Axes | None, geo: gpd.GeoDataFrame, background: str | Path | None, across: float
) -> Axes:
    """Axes without scales, in equal metres both ways; the map takes `across` of the width."""
    if geo.crs is not None and geo.crs.to_epsg() != GRID_CODE:
        raise ParameterError(
            f"The map is in {geo.crs.to_string()}, not in EPSG:{GRID_CODE}. "
            f"Convert it with .to_crs({GRID_CODE}) first."
        )
    left, low, right, high = geo.total_bounds if len(geo) else (0.0, 0.0, 1.0, 1.0)
    tall = style.WIDTH * across * (high - low) / (right - left) if right > left else 3.0
    ax = style.axes_for(ax, height=float(np.clip(tall + 0.5, 2.6, 7.0)))
    bare(ax)
    if background is not None:
        _lay_background(ax, Path(background))
    return ax


def bare(ax: Axes) -> None:
    """No ticks, no frame, equal scales."""
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal")


def leave_room(ax: Axes, geo: gpd.GeoDataFrame, share: float) -> None:
    """Let the map take `share` of the axes' width, on the left."""
    left, low, right, high = geo.total_bounds
    ax.set(xlim=(left, left + (right - left) / share), ylim=(low, high))


def rows_of(geo: gpd.GeoDataFrame, codes: str | Collection[str]) -> np.ndarray:
    """Rows of `geo` whose code is among `codes`."""
    return geo["area_code"].isin([codes] if isinstance(codes, str) else list(codes)).to_numpy()


def outline(
    ax: Axes,
    geo: gpd.GeoDataFrame,
    codes: str | Collection[str],
    colour: str,
    width: float,
    name: str,
) -> list[tuple[Line2D, str]]:
    """One line around the union of the areas, on white so that it shows on any shade; its key."""
    chosen = geo[rows_of(geo, codes)]
    if chosen.empty:
        return []
    edge = chosen.dissolve().boundary
    edge.plot(ax=ax, color="white", linewidth=width + 1.6, zorder=4, aspect=None)
    edge.plot(ax=ax, color=colour, linewidth=width, zorder=5, aspect=None)
    return [(Line2D([], [], color=colour, linewidth=width), marks.wrapped(name, 24))]


def _lay_background(ax: Axes, picture: Path) -> None:
    """Put a picture with a world file under the map, pale, so that the areas stay in front."""
    from PIL import Image

    worlds = [picture.with_suffix(s) for s in (".pgw", ".jgw", ".tfw", ".wld")]
    world = next((w for w in worlds if w.exists()), None)
    if not picture.exists() or world is None:
        raise ParameterError(
            f"No background can be laid from {picture}: the picture and a world file beside it "
            "(.pgw, .jgw, .tfw or .wld) are both needed."
        )
    across, _, _, down, left, top = (float(line) for line in world.read_text().split()[:6])
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    left, top = left - across / 2, top - down / 2
    extent = (left, left + across * pixels.shape[1], top + down * pixels.shape[0], top)
    ax.imshow(pixels, extent=extent, alpha=0.5, zorder=0, interpolation="bilinear")
