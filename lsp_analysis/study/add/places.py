"""The areas a study knows, by code of any vintage and by name, and tables carried over to its own.

Codes of one vintage become those of another with nothing dropped in silence.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from lsp_analysis.errors import AreaError, SourceError
from lsp_analysis.study.areas import fold_name

_CODE = re.compile(r"([A-Z]\d{8}|\d\d[A-Z]{2}(?:[A-Z]{2}(?:\d{4})?)?)(?:$| ?: )")
_LEVELS = {"00": "oa", "01": "lsoa", "02": "msoa", "05": "ward", "47": "combined authority"}
_LEVELS |= dict.fromkeys(("06", "07", "08", "09"), "borough")
_LEVELS |= {"10": "county", "11": "county", "12": "region", "92": "england"}
SIZES = ("oa", "lsoa", "msoa", "ward", "neighbourhood", "", "borough", "county")
SIZES += ("combined authority", "region", "england")
SELDOM = 5  # times fewer names than a table has, or the study has of a level: chance
TOTALS = re.compile(r"(?:grand )?total|all areas|borough|england|great britain|united kingdom|uk")
WEIGHT_TOLERANCE = 0.01
WORDS = {"U": "unchanged", "S": "split", "M": "merged", "X": "changed in a complex way"}


def code_in(cell: str) -> str:
    """The official code of an area that a cell holds, alone or before its name, or "".

    >>> code_in("E01004766 : Bolton 005A")
    'E01004766'
    """
    match = _CODE.match(cell.upper()) if 4 <= len(cell) < 200 else None
    return match[1] if match else ""


def level_of(code: str) -> str:
    """What an official code is of: oa, lsoa, msoa, ward, borough ..., or an empty string.

    >>> level_of("E02000993"), level_of("00BLFA")
    ('msoa', 'ward')
    """
    if code[:1].isdigit():
        return {4: "borough", 6: "ward", 10: "oa"}.get(len(code), "")
    if not code_in(code) or code[0] in "SNK" or (code[1:3] == "92" and code[0] != "E"):
        return ""
    return _LEVELS.get(code[1:3], "")


def size_of(level: str) -> int:
    """Place of a level among all, smallest first."""
    return SIZES.index(level) if level in SIZES else SIZES.index("")


def plain_name(cell: str) -> str:
    """An area's name as it is compared, without what Nomis puts before it (``lsoa2011:``)."""
    return fold_name(re.sub(r"^[a-z]+ ?\d{4}:", "", cell, flags=re.IGNORECASE))


@dataclass(frozen=True)
class Places:
    """Areas of one study.

    Attributes
    ----------
    areas : DataFrame, the table `areas`; a column ``other_name`` may hold a second name.
    lookup : DataFrame, the table `code_lookup`; may be empty.
    vintage : year of the small areas the study works with.
    residents : residents by code, to share out areas that merged; None shares alike.
    """

    areas: pd.DataFrame
    lookup: pd.DataFrame
    vintage: int
    residents: pd.Series | None = field(default=None, compare=False)

    @cached_property
    def own(self) -> frozenset[str]:
        """Codes the study has under its own vintage: small areas of it, and all larger ones."""
        older = self.areas["area_type"].isin(["lsoa", "oa"])
        older &= self.areas["code_vintage"] != self.vintage
        return frozenset(self.areas.loc[~older, "area_code"])

    @cached_property
    def by_vintage(self) -> dict[int, frozenset[str]]:
        """Codes of every other vintage from which the lookup leads to the study's own."""
        ends = [self.lookup[[f"{end}_vintage", f"{end}_code"]] for end in ("from", "to")]
        both = pd.concat([one.set_axis(["year", "code"], axis=1) for one in ends])
        both = both[both["year"] != self.vintage]
        return {int(year): frozenset(codes) for year, codes in both.groupby("year")["code"]}

    @cached_property
    def known(self) -> frozenset[str]:
        """Codes of any vintage."""
        return self.own.union(*self.by_vintage.values())

    def code_in(self, cell: str) -> str:
        """The code of an area that a cell holds: an official one, or one of the study's own."""
        return code_in(cell) or (cell if cell in self.own else "")

    @cached_property
    def names(self) -> dict[str, list[tuple[str, str]]]:
        """Level and code of the areas with each folded name."""
        rows = self.areas[self.areas["area_code"].isin(self.own)].drop_duplicates("area_code")
        rows = rows.reindex(columns=["area_type", "area_code", "area_name", "other_name"])
        found: dict[str, list[tuple[str, str]]] = {}
        for level, code, _, name in rows.melt(rows.columns[:2]).dropna().itertuples(index=False):
            pairs = found.setdefault(plain_name(str(name)), [])
            if (level, code) not in pairs:
                pairs.append((level, code))
        found.pop("", None)
        return found

    def level(self, code: str) -> str:
        """The study's type of an area, or what its code says."""
        return self._types.get(code) or level_of(code)

    @cached_property
    def _types(self) -> dict[str, str]:
        return dict(zip(self.areas["area_code"], self.areas["area_type"], strict=True))

    def codes_of(self, names: Collection[str], place: str) -> dict[str, str]:
        """The code of each text that names an area of the study, all of one level.

        Raises
        ------
        SourceError
            Two areas of the level share a name, or the names fit two levels alike.
        """
        found = {text: self.names[key] for text in names if (key := plain_name(text)) in self.names}
        counts = Counter(level for pairs in found.values() for level in {one for one, _ in pairs})
        ranked = counts.most_common(2)
        if "borough" in counts:  # in a list of boroughs, of which some are called like a ward
            level, alike = ranked[0]
            if SELDOM * alike < min(len(names), (self.areas["area_type"] == level).sum()):
                ranked = [("borough", counts["borough"])]
        if len(ranked) == 2 and ranked[0][1] == ranked[1][1] and ranked[0][0] != ranked[1][0]:
            raise SourceError(
                f"{place} names areas by names that fit {ranked[0][0]}s and {ranked[1][0]}s alike. "
                "Add a column with the areas' codes."
            )
        level = ranked[0][0] if ranked else ""
        codes = {}
        for text, pairs in found.items():
            mine = [code for one, code in pairs if one == level]
            if len(mine) > 1:
                raise SourceError(
                    f'{place}: "{text}" is the name of {" and of ".join(mine)}. '
                    "Add a column with the areas' codes."
                )
            codes |= {text: mine[0]} if mine else {}
        return codes

    def vintage_of(self, codes: Sequence[str], place: str) -> int:
        """The vintage that all of these codes of small areas are of, the study's own first.

        Raises
        ------
        SourceError
            They are of several, and of no one.
        """
        mine = self.known & set(codes)
        if mine <= self.own:
            return self.vintage
        for year, listed in sorted(self.by_vintage.items(), reverse=True):
            if mine <= listed | (self.own - self.small):
                return year
        older = frozenset().union(*self.by_vintage.values())
        odd = {year: mine & listed - self.own for year, listed in self.by_vintage.items()}
        odd[self.vintage] = mine & self.own - older
        said = [f"{min(codes)} ({year})" for year, codes in odd.items() if codes]
        raise SourceError(
            f"{place} mixes small-area codes of several years: {', '.join(said)}. "
            "Take the rows of one year of codes, each in a file of its own."
        )

    @cached_property
    def small(self) -> frozenset[str]:
        """Codes of the study's small areas."""
        rows = self.areas[self.areas["code_vintage"] == self.vintage]
        return frozenset(rows.loc[rows["area_type"].isin(["lsoa", "oa"]), "area_code"])


def shared_out(
    frame: pd.DataFrame,
    links: pd.DataFrame,
    *,
    sums: Sequence[str] = (),
    means: Sequence[str] = (),
    keys: Sequence[str] = (),
    size: pd.Series | None = None,
) -> pd.DataFrame:
    """Rows of `frame` on the areas that `links` lead to.

    A column of `sums` (counts) is shared out by weight and added up where areas merged. A column of
    `means` (ranks, scores, rates) is inherited by every newer area, and averaged where areas
    merged, weighted by weight and `size`. A missing part makes the newer number missing.

    Parameters
    ----------
    frame : DataFrame with ``area_code``, `keys`, `sums`, `means`; other columns are left out.
    links : DataFrame with ``from_code``, ``to_code``, ``weight``; see `links_between`.
    keys : columns that tell an area's rows apart, for example ``period``.
    size : residents by older code; areas count alike when not given.

    Returns
    -------
    DataFrame of `sums` and `means`, its index ``area_code`` (newer) and `keys`.
    """
    joined = frame.merge(links[["from_code", "to_code", "weight"]].rename(columns={"weight": "_w"}),
                         left_on="area_code", right_on="from_code")  # fmt: skip
    mass = joined["_w"] * (1.0 if size is None else joined["from_code"].map(size).fillna(1.0))
    weights = {**dict.fromkeys(sums, joined["_w"]), **dict.fromkeys(means, mass)}
    parts = joined[["to_code", *keys]].assign(_mass=mass)
    for column, weight in weights.items():
        parts[column] = joined[column] * weight
    grouped = parts.groupby(["to_code", *keys], dropna=False, sort=False)
    made = grouped[list(weights)].sum(skipna=False)
    made[[*means]] = made[[*means]].div(grouped["_mass"].sum(), axis=0)
    return made.rename_axis(index={"to_code": "area_code"})


def deprivation_in(
    deprivation: pd.DataFrame, code_vintage: int, lookup: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the table `deprivation` in the codes of one vintage, whatever they came in.

    An edition published in these codes is taken as it is. Others are translated: an area made by a
    split has the rank, score and decile of the whole, a merged one the mean of its parts.

    Raises
    ------
    AreaError
        The look-up does not lead there, or lacks a code of an edition, so its rows would be lost.
    """
    ready = [deprivation[deprivation["code_vintage"] == code_vintage]]
    done = set(ready[0]["edition"])
    waiting = deprivation[~deprivation["edition"].isin(done)]
    measures = [name for name in ("rank", "score", "decile", "data_year") if name in deprivation]
    for vintage, rows in waiting.groupby("code_vintage"):
        links = links_between(lookup, int(vintage), code_vintage)
        lost = sorted(set(rows["area_code"]) - set(links["from_code"]))
        if lost:
            raise AreaError(
                f"The look-up from codes of {vintage} to {code_vintage} has none for {len(lost)} "
                f"areas with ranks, first {', '.join(lost[:3])}. Add them to the table code_lookup."
            )
        made = shared_out(rows, links, means=measures, keys=["edition"]).reset_index()
        ready.append(made.assign(code_vintage=code_vintage))
    whole = pd.concat([part for part in ready if not part.empty] or ready[:1], ignore_index=True)
    return whole[list(deprivation)].sort_values(["edition", "area_code"], ignore_index=True)


def links_between(
    lookup: pd.DataFrame,
    from_vintage: int,
    to_vintage: int,
    residents: pd.Series | None = None,
) -> pd.DataFrame:
    """Each code of one year beside each of another it became, came from, or has a part in.

    Parameters
    ----------
    lookup : DataFrame, the table `code_lookup`, from older to newer codes.
    from_vintage, to_vintage : years of the code lists; the second may be the earlier one, and
        where no lookup joins them directly, two in a row do.
    residents : residents by code of the older areas, to share out by what merged; alike if None.

    Returns
    -------
    DataFrame with ``from_code``, ``to_code``, ``weight`` (share of the first that lies in the
    second) and ``change`` (U, S, M, X); empty when no lookup leads there.
    """
    columns = ["from_code", "to_code", "weight", "change"]
    if from_vintage > to_vintage:
        rows = links_between(lookup, to_vintage, from_vintage, residents)
        size = rows["weight"]
        if residents is not None:
            own = rows["from_code"].map(residents)
            size = size * own.where(own > 0).fillna(own.median() if own.notna().any() else 1.0)
        total = size.groupby(rows["to_code"]).transform("sum")
        turned = rows.rename(columns={"from_code": "to_code", "to_code": "from_code"})
        change = rows["change"].replace({"S": "M", "M": "S"})
        return turned.assign(weight=size / total, change=change)[columns]
    direct = lookup[(lookup["from_vintage"] == from_vintage) & (lookup["to_vintage"] == to_vintage)]
    if not direct.empty:
        return direct[columns]
    steps = lookup[lookup["from_vintage"] == from_vintage]
    for middle in sorted(steps["to_vintage"].unique(), reverse=True):
        if from_vintage < middle < to_vintage:
            first = steps.loc[steps["to_vintage"] == middle, columns]
            second = links_between(lookup, int(middle), to_vintage, residents)
            both = first.merge(second, left_on="to_code", right_on="from_code")
            both["weight"] = both["weight_x"] * both["weight_y"]
            order = {change: place for place, change in enumerate("USMX")}
            worse = both["change_x"].map(order) >= both["change_y"].map(order)
            both["change"] = both["change_x"].where(worse, both["change_y"])
            both = both.rename(columns={"from_code_x": "from_code", "to_code_y": "to_code"})
            # What was split and merged again leads there twice.
            pairs = both.sort_values("change", key=lambda change: change.map(order)).groupby(
                ["from_code", "to_code"], as_index=False
            )
            return pairs.agg({"weight": "sum", "change": "last"})[columns]
    return direct[columns]


def carry_over(cells: pd.DataFrame, places: Places, place: str, notes: list[str]) -> pd.DataFrame:
    """Rows on codes of another year as rows on the study's own, what moved told in the notes.

    Counts are shared out over the areas that one was split into and added up where areas merged;
    values without counts are inherited, and averaged by residents where areas merged. What is
    shared out carries the note ``estimated``; an area whose change was complex has no number.

    Parameters
    ----------
    cells : rows of `observations` as text, from `read_own_tables`.
    places : areas of the study and its lookup.
    place : the table's file and sheet, for messages.
    notes : gets a note with the number of codes unchanged, merged, split and complex.

    Raises
    ------
    SourceError
        The table mixes codes of several years.
    """
    vintage = places.vintage_of(cells["area_code"].unique(), place)
    if vintage == places.vintage:
        return cells
    links = links_between(places.lookup, vintage, places.vintage, places.residents)
    links = links[links["from_code"].isin(cells["area_code"])]
    kinds = links.drop_duplicates("from_code")["change"].value_counts()
    whole = set(links.loc[links["to_code"].isin(places.own), "to_code"])
    said = ", ".join(f"{kinds[kind]} {WORDS[kind]}" for kind in WORDS if kind in kinds)
    notes.append(f"codes of {vintage} carried over to {places.vintage}: {said}")
    alone = ~links["to_code"].duplicated(keep=False) & (links["change"] != "X")
    same = links[alone & (links["weight"] > 1 - WEIGHT_TOLERANCE)]
    kept = cells[
        cells["area_code"].isin(same["from_code"]) | ~cells["area_code"].isin(links["from_code"])
    ]
    renamed = dict(zip(same["from_code"], same["to_code"], strict=True))
    kept = kept.assign(area_code=kept["area_code"].map(lambda code: renamed.get(code, code)))
    changed = links[~links["from_code"].isin(same["from_code"]) & links["to_code"].isin(whole)]
    parts = [part for _, part in cells.groupby("is_count")] if "is_count" in cells else [cells]
    moved = [_moved(part, changed, places.residents) for part in parts]
    return pd.concat([kept, *moved]).reset_index(drop=True).fillna("")


def _moved(cells: pd.DataFrame, links: pd.DataFrame, residents: pd.Series | None) -> pd.DataFrame:
    """Rows of the areas that changed, on their new codes."""
    rows = cells[cells["area_code"].isin(links["from_code"])]
    if rows.empty:
        return cells.iloc[:0]
    counts = [name for name in ("numerator", "denominator") if name in cells]
    means = ["value"] if "value" in cells else []
    if "numerator" not in counts and "is_count" in cells and cells["is_count"].all():
        # A count without a denominator stands in the column of values until its unit is known.
        counts, means = counts + means, []
    key = ["period_start", "period_end", "indicator_name"]
    key += [name for name in ("sex", "age", "group") if name in cells]
    plain = rows.assign(**rows[counts + means].apply(pd.to_numeric, errors="coerce"))
    numbers = shared_out(plain, links, sums=counts, means=means, keys=key, size=residents)
    joined = rows.rename(columns={"area_code": "from_code"}).merge(links, on="from_code")
    joined = joined.rename(columns={"to_code": "area_code"})
    joined["split"] = joined["weight"] < 1 - WEIGHT_TOLERANCE
    joined["complex"] = joined["change"] == "X"
    grouped = joined.groupby(["area_code", *key], sort=False)
    expected = links.groupby("to_code")["from_code"].nunique()
    made = grouped.first()
    complete = grouped.size() == made.index.get_level_values("area_code").map(expected)
    broken = grouped["complex"].any()
    numbers = numbers.reindex(made.index).where(complete & ~broken)
    made = made.assign(**numbers.map(lambda number: "" if pd.isna(number) else f"{number:.10g}"))
    made["note"] = made["note"].mask(grouped["split"].any(), "estimated")
    silent = (made[list(numbers)] == "").all(axis=1) & made["note"].isin(["", "estimated"])
    made["note"] = made["note"].mask(silent, "not available").mask(broken, "break")
    made[[end for end in ("lower95", "upper95") if end in made]] = ""
    return made.reset_index().reindex(columns=cells.columns, fill_value="")
