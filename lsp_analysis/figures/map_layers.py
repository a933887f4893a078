"""What every map is made of: bare axes in metres, outlines, a close-up, a background."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path as MplPath

from lsp_analysis.errors import ParameterError
from lsp_analysis.figures.marks import wrapped
from lsp_analysis.figures.style import MARK, WIDTH, axes_for

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

GRID_CODE = 27700  # EPSG code of the British National Grid, in metres


def map_axes(
    ax: Axes | None, geo: GeoDataFrame, background: str | Path | None, across: float
) -> Axes:
    """Axes without scales, in equal metres both ways; the map takes `across` of the width."""
    if geo.crs is not None and geo.crs.to_epsg() != GRID_CODE:
        raise ParameterError(
            f"The map is in {geo.crs.to_string()}, not in EPSG:{GRID_CODE}. "
            f"Convert it with .to_crs({GRID_CODE}) first."
        )
    left, low, right, high = geo.total_bounds if len(geo) else (0.0, 0.0, 1.0, 1.0)
    tall = WIDTH * across * (high - low) / (right - left) if right > left else 3.0
    ax = axes_for(ax, height=float(np.clip(tall + 0.5, 2.6, 7.0)))
    bare(ax)
    if background is not None:
        _lay_background(ax, Path(background))
    return ax


def bare(ax: Axes) -> None:
    """No ticks, no frame, equal scales."""
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal")


def leave_room(ax: Axes, geo: GeoDataFrame, share: float) -> None:
    """Let the map take `share` of the axes' width, on the left."""
    left, low, right, high = geo.total_bounds
    ax.set(xlim=(left, left + (right - left) / share), ylim=(low, high))


def paths_of(geo: GeoDataFrame) -> list[MplPath]:
    """All polygons of each row as one path, holes included; empty where there is none.

    All rows at once, and for every map they are drawn on: geopandas goes polygon by polygon, and
    map by map.
    """
    parts, row = shapely.get_parts(geo.geometry.normalize().to_numpy(), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    places, ring = shapely.get_coordinates(rings, return_index=True)
    codes = np.full(len(places), MplPath.LINETO, MplPath.code_type)
    codes[np.diff(ring, prepend=-1) != 0] = MplPath.MOVETO
    codes[np.diff(ring, append=-1) != 0] = MplPath.CLOSEPOLY
    cuts = np.searchsorted(row[part[ring]], np.arange(1, len(geo)))
    pairs = zip(np.split(places, cuts), np.split(codes, cuts), strict=True)
    return [MplPath(*pair) for pair in pairs]


def rows_of(geo: GeoDataFrame, codes: str | Collection[str]) -> np.ndarray:
    """Rows of `geo` whose code is among `codes`."""
    return geo["area_code"].isin([codes] if isinstance(codes, str) else list(codes)).to_numpy()


def outline(
    ax: Axes,
    geo: GeoDataFrame,
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
    return [(Line2D([], [], color=colour, linewidth=width), wrapped(name, 24))]


def zoom(ax: Axes, part: GeoDataFrame) -> None:
    """Show `part` in a framed square with some ground around it."""
    left, low, right, high = part.total_bounds
    half = max(right - left, high - low, 200.0) * 0.62
    x, y = (left + right) / 2, (low + high) / 2
    ax.set(xlim=(x - half, x + half), ylim=(y - half, y + half))
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color(MARK)


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
