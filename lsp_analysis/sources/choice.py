"""Several copies of one table: which is used, and what happens when they disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.files import listed
from lsp_analysis.sources.formats import Found
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


def settle_copies(
    copies: Sequence[tuple[Found, pd.DataFrame]], key: str, values: str, register: Register
) -> tuple[Found, pd.DataFrame]:
    """The copy to use of one table, recorded in `register`.

    Parameters
    ----------
    copies : pairs of table and rows, the preferred first, each with all areas wanted.
    key, values : column of codes, and the column in which copies must agree.
    register : gets the copy used, and a note for each other one.

    Raises
    ------
    SourceError
        Two files of equal standing disagree.
    """
    best, frame = copies[0]
    register.use(best)
    for other, rows in copies[1:]:
        differing = _differing(frame, rows, key, values)
        if differing and other.layout.native == best.layout.native:
            raise SourceError(
                f"{best.place} and {other.place} are both {best.title} but differ in "
                f"the {values} of {len(differing)} areas, first {differing[0]}. "
                "Keep only the right one."
            )
        why = "comes first"
        if best.layout.native and not other.layout.native:
            why = "is the publisher's own file"
        said = f"differs in {len(differing)} areas from" if differing else "says the same as"
        register.note(f"{other.place} {said} {best.place}, which {why} and was used.")
    return best, frame


def _differing(frame: pd.DataFrame, other: pd.DataFrame, key: str, values: str) -> list[str]:
    """Codes whose values are not the same in both."""
    left, right = (rows.set_index(key)[values] for rows in (frame, other))
    right = right.reindex(left.index)
    return sorted(left.index[(left != right) & ~(left.isna() & right.isna())])
