"""Several copies of one table: which is used, and what happens when they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.files import listed
from lsp_analysis.sources.formats import Found
from lsp_analysis.sources.ons.lookups import read_lookup
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import AGAIN


def preferred(founds: Iterable[Found]) -> list[Found]:
    """The publisher's own files first, then those with fewest columns, then by name."""
    return sorted(
        founds,
        key=lambda found: (
            not found.layout.native,
            len(found.headings),
            found.place,
        ),
    )


def refuse_gaps(present: Iterable[str], wanted: Iterable[str], place: str, why: str = "") -> None:
    """Stop when a table has some but not all of a borough's areas: it was cut or trimmed."""
    have, wanted = set(present), sorted(wanted)
    missing = [code for code in wanted if code not in have]
    if missing:
        raise SourceError(
            f"{place} has no row for {len(missing)} of the borough's {len(wanted)} areas: "
            f"{listed(missing)}. The file is cut or trimmed{why}. {AGAIN}"
        )


def best_copy(
    founds: Iterable[Found],
    read: Callable[[Found], pd.DataFrame],
    key: Sequence[str],
    values: str,
    register: Register,
) -> pd.DataFrame | None:
    """The rows of one table from the first of its copies that has any, or None.

    Parameters
    ----------
    founds : the copies, the preferred first.
    read : gives a copy's rows, with all areas wanted; SourceError where it is damaged.
    key, values : columns of codes, and the column in which copies must agree.
    register : gets the copy used, a note for each other one, and as a problem one that is damaged,
        or disagrees with another of equal standing.
    """
    copies = []
    for found in founds:
        with register.guard(found.place):
            rows = read(found)
            if not rows.empty:
                copies.append((found, rows))
    if not copies:
        return None
    best, frame = copies[0]
    with register.guard(best.place):
        register.use(best)
        for other, rows in copies[1:]:
            _compare(best, other, _differing(frame, rows, [*key], values), values, register)
        return frame
    return None


def _compare(
    best: Found, other: Found, differing: Sequence[str], values: str, register: Register
) -> None:
    """Note what another copy says; SourceError where it has as much standing and differs."""
    if differing and other.layout.native == best.layout.native:
        raise SourceError(
            f"{best.place} and {other.place} are both {best.title} but differ in the {values} of "
            f"{len(differing)} areas, first {differing[0]}. Keep only the right one."
        )
    why = "comes first"
    if best.layout.native and not other.layout.native:
        why = "is the publisher's own file"
    said = f"differs in {len(differing)} areas from" if differing else "says the same as"
    register.note(f"{other.place} {said} {best.place}, which {why} and was used.")


def first_whole(
    lookups: Iterable[Found],
    roles: Sequence[str],
    more: Sequence[str],
    codes: Sequence[str],
    register: Register,
) -> pd.DataFrame | None:
    """Rows of the first lookup with columns of all `roles` that has the areas, or None.

    Parameters
    ----------
    roles, more : columns it must have, the first that of `codes`; and those it may have.
    codes : codes wanted, all of which it must have if any.
    register : gets the lookup used, and those that lack areas as problems.
    """
    for found in preferred(lookups):
        if set(roles) <= found.columns.keys() and found.place not in register.problems:
            with register.guard(found.place):
                rows = read_lookup(found, [*roles, *more], codes, roles[0])
                if not rows.empty:
                    refuse_gaps(rows[roles[0]], codes, found.named)
                    register.use(found)
                    return rows
    return None


def _differing(frame: pd.DataFrame, other: pd.DataFrame, key: list[str], values: str) -> list[str]:
    """Codes whose values are not the same in both."""
    both = frame.merge(other, on=key, how="left", suffixes=("", "_other"))
    left, right = both[values], both[f"{values}_other"]
    unlike = both.loc[(left != right) & ~(left.isna() & right.isna()), key]
    return sorted(unlike.agg(", ages ".join, axis=1)) if len(unlike) else []
