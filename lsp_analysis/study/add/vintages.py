"""Codes of one vintage into those of another, with nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis.errors import AreaError

if TYPE_CHECKING:
    from lsp_analysis.study.add.layouts import Account
    from lsp_analysis.study.add.places import Places

WEIGHT_TOLERANCE = 0.01
WORDS = {"U": "unchanged", "S": "split", "M": "merged", "X": "changed in a complex way"}


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
    means = [name for name in ("value",) if name in cells]
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
    for name in numbers:
        made[name] = numbers[name].map(lambda number: "" if pd.isna(number) else f"{number:.10g}")
    made["note"] = made["note"].mask(grouped["split"].any(), "estimated")
    silent = (made[list(numbers)] == "").all(axis=1) & made["note"].isin(["", "estimated"])
    made["note"] = made["note"].mask(silent, "not available").mask(broken, "break")
    for end in ("lower95", "upper95"):
        if end in made:
            made[end] = ""
    return made.reset_index().reindex(columns=cells.columns, fill_value="")
