"""Codes of one vintage into those of another, with nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis.errors import AreaError

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
    rows = lookup[(lookup["from_vintage"] == from_vintage) & (lookup["to_vintage"] == to_vintage)]
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
    return rows[["from_code", "to_code", "weight", "change"]]
