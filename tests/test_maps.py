"""Maps of small areas: classes, outlines, the close-up, and what is said of them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from pictures import assert_fit_for_a_page
from shapely.geometry import box

from lsp_analysis import figures
from lsp_analysis.errors import ParameterError


@pytest.fixture
def borough():
    """A hundred squares of a kilometre; the value is the row times ten plus the column."""
    cells = [
        box(1000 * c, 1000 * r, 1000 * c + 1000, 1000 * r + 1000)
        for r in range(10)
        for c in range(10)
    ]
    codes = [f"E{i:02d}" for i in range(100)]
    frame = {"area_code": codes, "rate": np.arange(100.0)}
    return gpd.GeoDataFrame(frame, geometry=cells, crs=27700)


def key(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_classes_are_named_with_their_range_and_count(borough):
    ax = figures.draw_choropleth(borough, column="rate", unit="per_1000", label="Burglary")
    assert key(ax)[0] == "over 79.2 to 99 (20)"
    assert key(ax)[-1] == "0 to 19.8 (20)"
    assert "Burglary, per 1,000" in ax.get_legend().get_title().get_text()
    assert_fit_for_a_page(ax)


def test_areas_without_data_are_hatched_counted_and_told(borough):
    borough.loc[[3, 50], "rate"] = np.nan
    ax = figures.draw_choropleth(borough, column="rate", unit="percent")
    assert "no data (2)" in key(ax)
    assert "2 without data" in figures.alt_of(ax)
    assert any(c.get_hatch() for c in ax.collections)


def test_a_map_without_any_number_says_so(borough):
    ax = figures.draw_choropleth(borough.assign(rate=np.nan), column="rate")
    assert "no data" in figures.alt_of(ax)


def test_given_bounds_keep_maps_comparable(borough):
    ax = figures.draw_choropleth(borough, column="rate", bounds=[10, 50, 200])
    assert [int(label.split("(")[1][:-1]) for label in key(ax)] == [49, 40, 11]


@pytest.mark.parametrize(
    "values", [[5.0], [0.0, 0.0, 0.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]
)
def test_ties_and_few_values_leave_fewer_classes_and_lose_no_area(borough, values):
    mapped = borough.assign(rate=np.resize(values, 100))
    ax = figures.draw_choropleth(mapped, column="rate")
    counts = [int(label.rsplit("(", 1)[1][:-1]) for label in key(ax)]
    assert sum(counts) == 100
    assert min(counts) > 0


def test_the_highlighted_area_is_outlined_named_and_ranked(borough):
    ax = figures.draw_choropleth(
        borough,
        column="rate",
        unit="count",
        highlight={"$Our$ area": ["E98"], "Neighbours": ["E97"]},
    )
    assert key(ax)[-2:] == ["$Our$ area", "Neighbours"]
    assert "The outlined area has 98, the 2nd highest." in figures.alt_of(ax)


def test_where_shows_the_area_close_up_with_its_neighbours(borough):
    ax = figures.draw_where(
        borough, highlight="E99", neighbours=["E98", "E89"], name="Hall i' th' Wood"
    )
    (close,) = ax.child_axes
    left, right = close.get_xlim()
    assert left < 8000
    assert right > 10_000
    assert right - left < 4000
    assert key(ax) == ["Hall i' th' Wood (one small area)", "Neighbours (2)"]
    alt = figures.alt_of(ax)
    assert "in the north-east of a map of 100 small areas" in alt
    assert "1.0 square kilometres" in alt
    roles = figures.data_of(ax).set_index("area_code")["role"]
    assert roles[["E99", "E98", "E00"]].tolist() == ["area", "neighbour", "rest of the borough"]
    assert_fit_for_a_page(ax)


def test_where_says_when_the_area_is_not_on_the_map(borough):
    ax = figures.draw_where(borough, highlight="W01", name="Elsewhere")
    assert "Elsewhere is not among them" in figures.alt_of(ax)


def test_a_map_in_degrees_is_refused(borough):
    with pytest.raises(ParameterError, match="27700"):
        figures.draw_choropleth(borough.to_crs(4326), column="rate")


def test_a_background_is_laid_where_its_world_file_says(borough, tmp_path):
    from PIL import Image

    Image.new("RGB", (100, 50), "#336633").save(tmp_path / "tile.png")
    (tmp_path / "tile.pgw").write_text("100\n0\n0\n-100\n50\n9950\n")
    ax = figures.draw_choropleth(borough, column="rate", background=tmp_path / "tile.png")
    assert ax.images[0].get_extent() == [0, 10_000, 5000, 10_000]
    with pytest.raises(ParameterError, match="world file"):
        figures.draw_choropleth(borough, column="rate", background=tmp_path / "none.png")


def test_a_background_shows_through_the_colours_and_the_key_matches(borough, tmp_path):
    from PIL import Image

    Image.new("RGB", (10, 10), "#336633").save(tmp_path / "tile.png")
    (tmp_path / "tile.pgw").write_text("1000\n0\n0\n-1000\n500\n9500\n")
    over = figures.draw_choropleth(borough, column="rate", background=tmp_path / "tile.png")
    plain = figures.draw_choropleth(borough, column="rate")
    assert over.collections[0].get_facecolor()[0][3] == pytest.approx(0.7)
    assert plain.collections[0].get_facecolor()[0][3] == 1


def test_real_boundaries_show_a_tiny_area_and_fit_a_page(shared):
    source = shared("real") / "boundaries" / "lsoa_2011_bolton_E08000001.json"
    geo = gpd.read_file(source).rename(columns={"LSOA11CD": "area_code"}).to_crs(27700)
    ours = geo[geo["area_code"] == "E01004802"].geometry.iloc[0]
    near = geo.loc[geo.distance(ours) < 5, "area_code"]
    ax = figures.draw_where(geo, highlight="E01004802", neighbours=list(near[near != "E01004802"]))
    assert_fit_for_a_page(ax)
    mapped = geo.assign(rate=geo.geometry.area / 1e6)
    assert_fit_for_a_page(
        figures.draw_choropleth(mapped, column="rate", highlight={"Ours": ["E01004802"]})
    )


def test_where_an_area_lies_is_drawn_of_the_same_outlines_twice(borough):
    ax = figures.draw_where(borough, highlight=["E44"], neighbours=["E43", "E45"])
    for axes in (ax, *ax.child_axes):
        assert [len(layer.get_paths()) for layer in axes.collections[:3]] == [97, 2, 1]
        assert axes.collections[1].get_hatch()
