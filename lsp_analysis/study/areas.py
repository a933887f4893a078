"""Areas: their names, what they are made of, whom they may be compared with, who is next door."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lsp_analysis.errors import AreaError, LspError, ParameterError
from lsp_analysis.showing import Shown
from lsp_analysis.study import notebook
from lsp_analysis.study.schema import NAME_PRECEDENCE

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# The last two are what Windows' apostrophes become in a file read as Latin-1.
APOSTROPHES = dict.fromkeys(
    map(ord, "\u2018\u2019\u201b\u02bb\u02bc\u02b9\u2032\u2035\ua78c\u00b4`\u0091\u0092"), "'"
)
SLUG_LENGTH = 60
# Windows will not open a file of these names, whatever its ending.
DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
HALF = 0.5
FEWEST = 60  # small areas to compare with, below which other boroughs are taken in


@dataclass(frozen=True)
class Area(Shown):
    """One area and the small areas it is made of.

    In a notebook it shows its map, its small areas and how many live there. `study` is the one it
    was found in, None where it was made by hand.
    """

    code: str
    name: str
    area_type: str
    code_vintage: int
    borough_code: str
    members: tuple[str, ...]
    is_pilot: bool = False
    study: Any = field(default=None, repr=False, compare=False)

    @property
    def note(self) -> str:
        """What every figure must say of the data of its study."""
        return self.study.note if self.study else ""

    _note = note

    sentence = notebook.area_sentence
    plot = notebook.area_map
    shown_table = notebook.area_table

    def _repr_html_(self) -> str:
        return super()._repr_html_() if self.study else self.sentence()._repr_html_()

    @property
    def slug(self) -> str:
        """The name as a safe part of a path, or the code when nothing of the name is left.

        Areas of different types may share a name, and so a slug.
        """
        return slug(self.name, fallback=self.code)


def closed_name(name: str) -> str:
    """`name`, with what it turns from right to left turned back at its end.

    A name that only opens a direction would turn round the rest of every sentence it stands in.

    >>> closed_name("\u202eolleh") == "\u202eolleh\u202c"
    True
    """
    missing = ""
    for mark in name:
        if mark in _CLOSED_BY:
            missing = _CLOSED_BY[mark] + missing
        elif missing.startswith(mark):
            missing = missing[1:]
    return name + missing


_CLOSED_BY = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c")
_CLOSED_BY |= dict.fromkeys("\u2066\u2067\u2068", "\u2069")


def fold_name(name: str) -> str:
    """A name as it is compared: Unicode NFKC, one apostrophe, one case, single spaces.

    A space after an apostrophe is ignored, and so are marks that cannot be seen (direction marks,
    zero-width spaces), so ``Hall i\u2019 th\u2019 Wood`` and ``HALL I'TH'WOOD`` are one place.
    """
    seen = str(name)
    if not seen.isascii():
        unified = unicodedata.normalize("NFKC", seen.translate(APOSTROPHES))
        seen = "".join(mark for mark in unified if unicodedata.category(mark) != "Cf")
    spaced = " ".join(seen.translate(APOSTROPHES).casefold().split())
    return spaced.replace("' ", "'")


def told_apart(areas: pd.DataFrame) -> pd.DataFrame:
    """The table `areas`; areas of one type and code list that share a name get their code too."""
    folded = areas["area_name"].map(fold_name, na_action="ignore")
    keys = areas[["area_type", "code_vintage"]].assign(folded=folded)
    shared = keys.duplicated(keep=False) & folded.notna()
    coded = areas["area_name"] + " (" + areas["area_code"] + ")"
    return areas.assign(area_name=areas["area_name"].mask(shared, coded))


def slug(name: str, fallback: str = "area") -> str:
    """`name` in lower-case ASCII letters, digits and single hyphens, at most 60 long.

    Never empty: a name with no such letters gives that of `fallback`. Safe as one part of a path
    on every system and in a URL.

    >>> slug("Hall i\u2019 th\u2019 Wood")
    'hall-i-th-wood'
    """
    plain = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    # Apostrophes outside ASCII would vanish and join two words that ASCII ones keep apart.
    if not str(name).isascii():
        spaced = str(name).translate(APOSTROPHES)
        plain = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode()
    made = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:SLUG_LENGTH].strip("-")
    if not made:
        return "area" if fallback == "area" else slug(fallback)
    return f"area-{made}" if made in DEVICES else made


def parts_of_wholes(members: pd.DataFrame) -> dict[str, list[str]]:
    """What each whole is made of, by its code.

    Parts of which less than half lies inside are left out: the others are the best fit.

    Parameters
    ----------
    members : DataFrame with ``area_code``, ``member_code``, ``weight``, of one code vintage.
    """
    inside = members[members["weight"] >= HALF]
    return inside.groupby("area_code")["member_code"].agg(list).to_dict()


def small_members(
    area_code: str, parts: Mapping[str, list[str]], small_codes: Collection[str]
) -> tuple[str, ...]:
    """Codes of the small areas that make up `area_code`, in order.

    A part that is no small area itself (a ward of a borough) is taken apart in turn.

    Parameters
    ----------
    area_code : code to take apart; a small area is its own only member.
    parts : of every whole; see `parts_of_wholes`.
    small_codes : codes of the study's small areas.
    """
    seen: set[str] = set()
    waiting = {area_code}
    while waiting:
        seen |= waiting
        whole = waiting.difference(small_codes)
        waiting = {part for code in whole for part in parts.get(code, ())} - seen
    return tuple(sorted(seen.intersection(small_codes)))


def is_among(column: pd.Series, codes: Collection[str]) -> np.ndarray:
    """``column.isin(codes)`` as an array, at a tenth of the cost for the codes of a borough.

    pandas turns every code into a scalar of its own first, where the column is one of text.
    """
    if not isinstance(column.dtype, pd.StringDtype) or not all(type(c) is str for c in codes):
        return column.isin(list(codes)).to_numpy(bool)
    values = pa.array(column)
    return pc.is_in(values, pa.array(list(codes), values.type)).to_numpy(zero_copy_only=False)


def rest_of_borough(small_areas: pd.DataFrame, area: Area) -> list[str]:
    """Codes of the borough's small areas without those of `area`.

    The comparator of every gap: a whole-borough figure would hold the area itself.

    Parameters
    ----------
    small_areas : DataFrame with ``area_code`` and ``borough_code``, one row per small area.
    area : area to leave out.
    """
    codes = small_areas.loc[small_areas["borough_code"] == area.borough_code, "area_code"]
    rest = sorted(set(codes) - set(area.members))
    if not rest:
        raise AreaError(
            f"{area.name} ({area.code}) has no rest of the borough to be compared with: no "
            f'other small area has borough code "{area.borough_code}". Choose another area.'
        )
    return rest


def boroughs_around(study: Any, place: str | Area, fewest: int, before: object) -> tuple[str, ...]:
    """Codes of the boroughs of `place`, and of those that `Study.around` takes in; empty where they
    are all that the study has, or cannot be told."""
    area = place if isinstance(place, Area) else study.area(place)
    homes = study.boroughs_of(area.code_vintage)
    own = {homes.get(code) for code in area.members} or {area.borough_code}
    if not all(isinstance(code, str) and code for code in own):
        return ()
    if fewest:
        own |= _nearest(study, own, len(area.members) + fewest, before)
    return () if set(homes.values()) <= own else tuple(sorted(own))


def _nearest(study: Any, own: set[str], needed: int, before: object) -> set[str]:
    """Boroughs of its region, where that is known, nearest in deprivation, or first by code where
    ranks are not known, as many as give `needed` small areas with `own`."""
    counts = Counter(study.boroughs_of(study.code_vintage).values())
    have = sum(counts[code] for code in own)
    if have >= needed:
        return set()
    areas, holding = study.areas(), []
    regions = areas.loc[areas["area_type"] == "region", "area_code"]
    if len(regions) and study.has("area_members"):
        members = study.read("area_members")
        members = members[members["area_code"].isin(regions)].groupby("area_code")["member_code"]
        holding = [codes for codes in members.agg(set) if own < codes]
    order = sorted(map(str, (holding[0] if holding else set(counts)) - own))
    distance = from_own_rank(study, own, before)
    if distance is not None:
        order = list(distance.reindex(order).sort_values(kind="stable").index)
    sizes = np.cumsum([0, *(counts[code] for code in order)])
    return set(order[: int((have + sizes < needed).sum())])


def from_own_rank(study: Any, own: set[str], before: object) -> pd.Series | None:
    """How far the mean rank of each borough in deprivation lies from that of `own`, by the last
    edition before; None where it is not known."""
    homes = study.small_areas().set_index("area_code")["borough_code"]
    try:
        _, rows = study.indices_before(before, study.code_vintage)
    except LspError:
        return None
    borough = rows["area_code"].map(homes)
    here = rows.loc[borough.isin(own), "rank"].mean()
    return None if pd.isna(here) else (rows.groupby(borough)["rank"].mean() - here).abs()


def last_edition_before(editions: Iterable[int], start: object) -> int:
    """The last edition of the Indices of Deprivation whose year is before that of `start`.

    Comparators are chosen on it and never on a later one, which the programme may have moved.
    """
    written = str(getattr(start, "year", None) or start)[:4]
    if not written.isdecimal() or len(written) < 4:
        raise ParameterError(
            f"The start {str(start)!r} is no date. Write a month such as 2008-04, a quarter such "
            "as 2008Q2, or a year."
        )
    year = int(written)
    earlier = [int(edition) for edition in editions if int(edition) < year]
    if not earlier:
        raise AreaError(
            f"No edition of the Indices of Deprivation is older than {year}, so comparators cannot "
            "be chosen on one the programme had not touched. Add an earlier edition, or give a "
            "later start."
        )
    return max(earlier)


def similarly_deprived(
    deprivation: pd.DataFrame, area: Area, *, edition: int, n: int = 10
) -> list[str]:
    """Codes of the `n` small areas whose national rank was nearest to that of `area`.

    Parameters
    ----------
    deprivation : DataFrame with ``area_code``, ``edition``, ``rank``
        Small areas that may be chosen, usually those of the same borough, and those of `area`. An
        area of several small areas has the mean of their ranks.
    area : area to match; its own small areas are never chosen.
    edition : edition to match on, see `last_edition_before`.
    n : how many to choose; fewer come back when there are fewer.
    """
    ranks = deprivation[deprivation["edition"] == edition].set_index("area_code")["rank"]
    own = ranks[ranks.index.isin(area.members)]
    if own.empty:
        raise AreaError(
            f"The {edition} edition of the Indices of Deprivation has no rank for {area.name} "
            f"({', '.join(area.members[:3]) or area.code}). Check its code vintage."
        )
    distance = (ranks.drop(own.index) - own.mean()).abs().dropna()
    return distance.sort_index().sort_values(kind="stable").index[:n].tolist()


def adjacency(geometry: GeoDataFrame, tolerance_m: float = 1.0) -> pd.DataFrame:
    """Pairs of areas that share a stretch of boundary, each in both directions.

    Areas that touch at one corner only are not neighbours. Boundaries that were generalised may
    part or overlap by a little: those within `tolerance_m` metres count as one.

    Parameters
    ----------
    geometry : GeoDataFrame with ``area_code`` and polygons, in metres (EPSG:27700).
    tolerance_m : metres two boundaries may be apart and still count as shared.

    Returns
    -------
    DataFrame with ``area_code``, ``neighbour_code``, sorted.
    """
    import shapely

    drawn = geometry[geometry.geometry.notna()]
    shapes = shapely.make_valid(drawn.geometry.to_numpy())
    codes = drawn["area_code"].to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=tolerance_m)
    left, right = left[left != right], right[left != right]
    near = shapely.buffer(shapes, tolerance_m) if tolerance_m else shapes
    shared = shapely.length(shapely.intersection(shapely.boundary(shapes)[left], near[right]))
    # Two corners that touch lie within the tolerance for up to two legs of either outline.
    touching = shared > max(4 * tolerance_m, 1e-6)
    pairs = np.column_stack([codes[left[touching]], codes[right[touching]]])
    both = np.unique(np.vstack([pairs, pairs[:, ::-1]]).astype(str), axis=0)
    return pd.DataFrame(both, columns=["area_code", "neighbour_code"]).astype("str")


# Areas by name or code, as people write them --------------------------------------------------
_ORDER = {kind: place for place, kind in enumerate(NAME_PRECEDENCE)}


class Gazetteer:
    """The rows of a table of areas by code and by folded name."""

    def __init__(self, areas: pd.DataFrame, names: pd.Series | None = None) -> None:
        """`areas` has ``area_code``, ``area_name``, ``area_type``, ``code_vintage`` and more.

        `names` are what they are called, where several may be called the same.
        """
        self._areas = areas
        self._names = areas["area_name"] if names is None else names
        # Not as Arrow's text, which half of a surrogate pair cannot be compared with.
        self._codes = areas["area_code"].str.casefold().to_numpy(object)

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """Places of the rows by folded name."""
        found: dict[str, list[int]] = {}
        for at, names in enumerate(zip(self._areas["area_name"], self._names, strict=True)):
            for called in {fold_name(name) for name in {*names} if pd.notna(name)}:
                found.setdefault(called, []).append(at)
        return found

    def find(self, text: str, *, code_vintage: int | None = None) -> dict[str, Any]:
        """The row that `text` names, by code or by folded name.

        When areas of several types share the name, a neighbourhood comes before an MSOA, a ward
        and an LSOA. When the same area lives in several vintages, `code_vintage` comes first, then
        the latest.

        Raises
        ------
        AreaError
            Nothing or more than one area answers; the message has the nearest names, or the codes.
        """
        wanted = fold_name(text)
        named = self._areas[self._codes == wanted]
        if named.empty:
            named = self._areas.iloc[self._by_name.get(wanted, [])]
            order = named["area_type"].map(_ORDER).fillna(len(_ORDER))
            named = named[order == order.min()]
        if named.empty or not wanted:
            raise AreaError(
                f'No area of this study has the name or code "{_short(text)}".'
                f"{self._nearest(wanted)} Codes such as E01004802 are safest."
            )
        codes = sorted(named["area_code"].unique())
        if len(codes) > 1:
            raise AreaError(
                f'"{_short(text)}" names more than one area: {", ".join(codes[:5])}. '
                "Give the code instead."
            )
        vintages = named["code_vintage"]
        best = code_vintage if code_vintage in vintages.array else vintages.max()
        return named[vintages == best].iloc[0].to_dict()

    def _nearest(self, wanted: str) -> str:
        close = difflib.get_close_matches(wanted[:100], self._by_name, n=3, cutoff=0.6)
        names = [f'"{self._areas["area_name"].iloc[self._by_name[one][-1]]}"' for one in close]
        return f" Did you mean {' or '.join(names)}?" if close else ""


def _short(text: str) -> str:
    text = str(text)
    return text if len(text) <= 60 else text[:57] + "..."
