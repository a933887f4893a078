"""Codes of one vintage into those of another, with nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis.errors import AreaError

if TYPE_CHECKING:
    from lsp_analysis.study.add.layouts import Account
    from lsp_analysis.study.add.places import Places

WEIGHT_TOLERANCE = 0.01
WORDS = {"U": "unchanged", "S": "split", "M": "merged", "X": "changed in a complex way"}


@dataclass(frozen=True)
class Translation:
    """Rows in the codes of another vintage, and what became of the older codes.

    Attributes
    ----------
    frame : DataFrame of the translated rows.
    lost : DataFrame of the rows whose code the look-up does not have, as they were given.
    codes : number of older codes by kind of change (U, S, M, X).
    """

    from_vintage: int
    to_vintage: int
    codes: dict[str, int]
    frame: pd.DataFrame = field(repr=False, compare=False)
    lost: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> str:
        """What was done, in one line, with the number of rows that found no code."""
        kinds = ", ".join(f"{count} {WORDS[kind]}" for kind, count in self.codes.items() if count)
        said = f"Codes of {self.from_vintage} became codes of {self.to_vintage}: {kinds or 'none'}."
        if self.lost.empty:
            return f"{said} No row was lost."
        lost = sorted(self.lost["area_code"].dropna().unique())
        return (
            f"{said} {len(self.lost)} rows of {len(lost)} codes are not in the look-up and were "
            f"left out, first {', '.join(lost[:3])}."
        )


def translate_codes(
    frame: pd.DataFrame,
    lookup: pd.DataFrame,
    *,
    from_vintage: int,
    to_vintage: int,
    sums: Sequence[str] = (),
    means: Sequence[str] = (),
    keys: Sequence[str] = (),
    size: str | None = None,
) -> Translation:
    """Rows of `frame` in the area codes of `to_vintage`.

    A column of `sums` (counts) is shared out over the newer areas by the look-up's weight and added
    up where areas merged. A column of `means` (ranks, scores, rates) is inherited by every newer
    area, and averaged where areas merged, weighted by weight and `size`. A missing part makes the
    newer number missing.

    Parameters
    ----------
    frame : DataFrame with ``area_code``, `keys`, `sums`, `means`; other columns are left out.
    lookup : DataFrame, the table `code_lookup`
        For each older code the weights add up to 1.
    from_vintage, to_vintage : years of the code lists.
    sums, means : columns to share out, and columns to inherit or average.
    keys : columns that tell an area's rows apart, for example ``period``.
    size : column to weight means by, for example ``population``; equal sizes when not given.

    Raises
    ------
    AreaError
        The look-up has no such pair of vintages, or weights that do not add up to 1.
    """
    rows = _lookup_rows(lookup, from_vintage, to_vintage)
    known = frame["area_code"].isin(rows["from_code"])
    joined = frame[known].merge(rows, left_on="area_code", right_on="from_code")
    mass = joined["weight"] * (joined[size] if size else 1.0)
    parts = joined[["to_code", *keys]].assign(_mass=mass)
    for column in sums:
        parts[column] = joined[column] * joined["weight"]
    for column in means:
        parts[column] = joined[column] * mass
    grouped = parts.groupby(["to_code", *keys], dropna=False)
    made = grouped[[*sums, *means]].sum(skipna=False)
    if means:
        made[[*means]] = made[[*means]].div(grouped["_mass"].sum(), axis=0)
    used = rows[rows["from_code"].isin(frame["area_code"])].drop_duplicates("from_code")
    counts = used["change"].value_counts()
    return Translation(
        from_vintage=from_vintage,
        to_vintage=to_vintage,
        codes={kind: int(counts.get(kind, 0)) for kind in WORDS},
        frame=made.reset_index().rename(columns={"to_code": "area_code"}),
        lost=frame[~known].reset_index(drop=True),
    )


def deprivation_in(
    deprivation: pd.DataFrame, code_vintage: int, lookup: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the table `deprivation` in the codes of one vintage, whatever they came in.

    An edition published in these codes is taken as it is. Others are translated: an area made by a
    split has the rank, score and decile of the whole, a merged one the mean of its parts.

    Raises
    ------
    AreaError
        A code of an edition is not in the look-up, so its rows would be lost.
    """
    ready = [deprivation[deprivation["code_vintage"] == code_vintage]]
    done = set(ready[0]["edition"])
    waiting = deprivation[~deprivation["edition"].isin(done)]
    measures = [name for name in ("rank", "score", "decile", "data_year") if name in deprivation]
    for vintage, rows in waiting.groupby("code_vintage"):
        made = translate_codes(
            rows,
            lookup,
            from_vintage=int(vintage),
            to_vintage=code_vintage,
            means=measures,
            keys=["edition"],
        )
        if not made.lost.empty:
            raise AreaError(f"{made.sentence()} Add them to the table code_lookup.")
        ready.append(made.frame.assign(code_vintage=code_vintage))
    whole = pd.concat([part for part in ready if not part.empty] or ready[:1], ignore_index=True)
    return whole[list(deprivation)].sort_values(["edition", "area_code"], ignore_index=True)


def _lookup_rows(lookup: pd.DataFrame, from_vintage: int, to_vintage: int) -> pd.DataFrame:
    rows = links_between(lookup, from_vintage, to_vintage)
    if rows.empty:
        pairs = lookup[["from_vintage", "to_vintage"]].drop_duplicates()
        known = ", ".join(
            f"{pair.from_vintage} to {pair.to_vintage}" for pair in pairs.itertuples()
        )
        raise AreaError(
            f"The look-up has no codes from {from_vintage} to {to_vintage}; it has "
            f"{known or 'none'}. Add them to the table code_lookup."
        )
    total = rows.groupby("from_code")["weight"].sum()
    wrong = total[(total - 1).abs() > WEIGHT_TOLERANCE]
    if not wrong.empty:
        raise AreaError(
            f"The weights of {len(wrong)} codes in code_lookup do not add up to 1, first "
            f"{wrong.index[0]} with {wrong.iloc[0]:.3g}. Each newer area has a share of the older."
        )
    return rows


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
            return both[columns]
    return direct[columns]


def carry_over(cells: pd.DataFrame, places: Places, account: Account) -> pd.DataFrame:
    """Rows on codes of another year as rows on the study's own, what moved told in the account.

    Counts are shared out over the areas that one was split into and added up where areas merged;
    values without counts are inherited, and averaged by residents where areas merged. What is
    shared out carries the note ``estimated``; an area whose change was complex has no number.

    Parameters
    ----------
    cells : rows of `observations` as text, from `read_own_tables`.
    places : areas of the study and its lookup.
    account : gets a note with the number of codes unchanged, merged, split and complex.

    Raises
    ------
    SourceError
        The table mixes codes of several years.
    """
    vintage = places.vintage_of(cells["area_code"].unique(), account.place)
    if vintage == places.vintage:
        return cells
    links = links_between(places.lookup, vintage, places.vintage, places.residents)
    links = links[links["from_code"].isin(cells["area_code"])]
    kinds = links.drop_duplicates("from_code")["change"].value_counts()
    whole = set(links.loc[links["to_code"].isin(places.own), "to_code"])
    said = ", ".join(f"{kinds[kind]} {WORDS[kind]}" for kind in WORDS if kind in kinds)
    account.notes.append(f"codes of {vintage} carried over to {places.vintage}: {said}")
    same = links[(links["change"] == "U") | (links["from_code"] == links["to_code"])]
    same = same[(same["weight"] > 1 - WEIGHT_TOLERANCE) & ~same["to_code"].duplicated(keep=False)]
    alone = links["to_code"].value_counts()
    same = same[same["to_code"].map(alone) == 1]
    kept = cells[
        cells["area_code"].isin(same["from_code"]) | ~cells["area_code"].isin(links["from_code"])
    ]
    renamed = dict(zip(same["from_code"], same["to_code"], strict=True))
    kept = kept.assign(area_code=kept["area_code"].map(lambda code: renamed.get(code, code)))
    changed = links[~links["from_code"].isin(same["from_code"]) & links["to_code"].isin(whole)]
    moved = _moved(cells, changed, places.residents)
    return pd.concat([kept, moved]).reset_index(drop=True).fillna("")


def _moved(cells: pd.DataFrame, links: pd.DataFrame, residents: pd.Series | None) -> pd.DataFrame:
    """Rows of the areas that changed, on their new codes."""
    rows = cells[cells["area_code"].isin(links["from_code"])]
    joined = rows.rename(columns={"area_code": "from_code"}).merge(links, on="from_code")
    if joined.empty:
        return cells.iloc[:0]
    counts = [name for name in ("numerator", "denominator") if name in cells]
    means = [name for name in ("value",) if name in cells]
    numbers = joined[counts + means].apply(pd.to_numeric, errors="coerce")
    size = joined["weight"]
    if residents is not None:
        size = size * joined["from_code"].map(residents).fillna(1.0)
    # A count without a denominator stands in the column of values until its unit is known.
    valued = "numerator" not in counts
    for name in counts:
        joined[name] = numbers[name] * joined["weight"]
    for name in means:
        joined[name] = numbers[name] * (joined["weight"] if valued and _are_counts(cells) else size)
    key = ["to_code", "period_start", "period_end", "indicator_name"]
    key += [name for name in ("sex", "age", "group") if name in cells]
    grouped = joined.assign(size=size, split=joined["weight"] < 1 - WEIGHT_TOLERANCE,
                            complex=joined["change"] == "X").groupby(key, sort=False)  # fmt: skip
    expected = links.groupby("to_code")["from_code"].nunique()
    made = grouped.first()
    sums = grouped[counts + means].sum(min_count=1)
    complete = (
        grouped[counts + means]
        .count()
        .eq(made.index.get_level_values("to_code").map(expected), axis=0)
    )
    if means and not (valued and _are_counts(cells)):
        sums[means] = sums[means].div(grouped["size"].sum(), axis=0)
    broken = grouped["complex"].any()
    sums = sums.where(complete).mask(broken)
    for name in counts + means:
        made[name] = sums[name].map(lambda number: "" if pd.isna(number) else f"{number:.10g}")
    made["note"] = made["note"].mask(grouped["split"].any(), "estimated")
    silent = (made[counts + means] == "").all(axis=1)
    made["note"] = made["note"].mask(
        silent & (made["note"].isin(["", "estimated"])), "not available"
    )
    made["note"] = made["note"].mask(broken, "break")
    for end in ("lower95", "upper95"):
        if end in made:
            made[end] = ""
    made = made.reset_index().rename(columns={"to_code": "area_code"})
    return made.reindex(columns=cells.columns, fill_value="")


def _are_counts(cells: pd.DataFrame) -> bool:
    """Whether values without numerators are counts: told by their unit or heading."""
    return "is_count" in cells and bool(cells["is_count"].all())
