"""A study that remembers what it has read, for a process that makes many pages of one study."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from lsp_analysis.errors import LspError
from lsp_analysis.study import schema, store
from lsp_analysis.study.folder import note_read
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.store import Study, T

MOST_PARTS = 8  # studies of some boroughs that `keep_open` keeps, the last ones
SHARED = ("interventions", "area_members")  # what a page asks of the study around its borough


class KeptStudy(Study):
    """Gives the answers of a `Study`, from memory when it has been asked before.

    What lies on the disk may change meanwhile; this study does not. Frames are still the caller's
    own to change: pandas copies what is written to.
    """

    def __init__(self, study: Study) -> None:
        """Remember what `study` says from now on."""
        super().__init__(study.path, study.descriptor, study.version)
        self.boroughs, self._whole = study.boroughs, study._whole
        self._memory: dict[Any, Any] = {}
        self.gathered = False

    def gather(self) -> KeptStudy:
        """Read now what most pages read: areas, boundaries, neighbours, panels, small tables.

        What the study lacks is left out; a page that needs it says so itself. Of a study of
        several boroughs no more than tells which one a page is about; see `Study.around`.
        """
        self.gathered = True
        several = not self.boroughs and len(set(self.boroughs_of(self.code_vintage).values())) > 1
        wanted: list[Callable[[], Any]] = [self.indicators]
        if several:
            wanted += [lambda: self._gazetteer, *(partial(self.read, table) for table in SHARED)]
        else:
            tables = [t for t in schema.TABLES if t != "observations" and self.has(t)]
            wanted += [self.small_areas, self.geometry, lambda: self.surroundings]
            wanted += [partial(self.panel, name) for name in self.indicators()["indicator_id"]]
            wanted += [partial(self.read, table) for table in tables]
        for read in wanted:
            with contextlib.suppress(LspError):
                read()
        if not several:
            self._held = {}
            self._decoded = None  # each fork would decode it anew, for the little it still reads
        return self

    def _part(self, boroughs: tuple[str, ...]) -> KeptStudy:
        return KeptStudy(super()._part(boroughs))

    def read(
        self,
        table: str,
        columns: Iterable[str] | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Rows and columns of one table; whole tables and whole columns are remembered.

        Rows of a table that is remembered whole are picked from it.
        """
        wanted = None if columns is None else tuple(columns)
        if not where:
            return self._once(super().read, table, wanted)
        rows = self._memory.get(("read", table, None))
        if rows is None or not {*where, *(wanted or ())} <= set(rows.columns):
            return super().read(table, wanted, where)
        for name, value in where.items():
            alone = isinstance(value, str) or not isinstance(value, Iterable)
            rows = rows[rows[name].isin([value] if alone else list(value))]
        rows = rows if wanted is None else rows[list(wanted)]
        return rows.reset_index(drop=True)

    def panel(self, indicator_id: str, *, level: str | None = None) -> pd.DataFrame:
        """Areas of one type of the study by period."""
        return self._once(super().panel, indicator_id, level=level)

    def indicator(self, name: str) -> Indicator:
        """One indicator, as the table `indicators` describes it."""
        return self._once(super().indicator, name)

    def neighbours(self) -> pd.DataFrame:
        """Small areas that share a boundary."""
        return self._once(super().neighbours)

    def once(self, what: Any, make: Callable[[], T]) -> T:
        """What `make` gave for `what` the first time; a frozen result, as nobody may change it."""
        if what not in self._memory:
            self._memory[what] = make()
        return self._memory[what]

    def _once(self, ask: Callable[..., T], *args: Any, **options: Any) -> T:
        """What a method answered the first time; a frame as the caller's own."""
        key = (ask.__name__, *args, *options.items())
        found = self.once(key, partial(ask, *args, **options))
        return found.copy(deep=False) if isinstance(found, pd.DataFrame) else found


def keep_open(study: Study) -> None:
    """Let `open_study` give `study` for its folder from now on, in this process and its forks.

    Of a study of some boroughs (`Study.around`) the larger one that is kept so takes note.
    For processes that do nothing but make pages of one study as it is now; see `KeptStudy`.
    """
    if study.boroughs and study.path in store.KEPT:
        study._whole = whole = store.KEPT[study.path]
        parts = {key: part for key, part in whole._parts.items() if key != study.boroughs}
        whole._parts = dict([*parts.items()][1 - MOST_PARTS :]) | {study.boroughs: study}
    else:
        store.KEPT[study.path] = study
    for file, digest in study.digests.items():
        note_read(file, digest)
