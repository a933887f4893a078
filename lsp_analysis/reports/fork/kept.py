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
        if not self.boroughs and len(set(self.boroughs_of(self.code_vintage).values())) > 1:
            shared = [partial(self.read, table) for table in SHARED]
            for first in (self.indicators, lambda: self._gazetteer, *shared):
                with contextlib.suppress(LspError):
                    first()
            return self
        for first in (self.small_areas, self.geometry, lambda: self.surroundings, self.indicators):
            with contextlib.suppress(LspError):
                first()
        for indicator_id in self.indicators()["indicator_id"]:
            with contextlib.suppress(LspError):
                self.panel(indicator_id)
        for table in schema.TABLES:
            if table != "observations" and self.has(table):
                with contextlib.suppress(LspError):
                    self.read(table)
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
        if where:
            return self._rows(table, columns, where)
        wanted = None if columns is None else tuple(columns)
        plain = super().read
        return self._once(("read", table, wanted), lambda: plain(table, wanted))

    def _rows(
        self, table: str, columns: Iterable[str] | None, where: Mapping[str, Any]
    ) -> pd.DataFrame:
        whole = self._memory.get(("read", table, None))
        if whole is None or not {*where, *(columns or ())} <= set(whole.columns):
            return super().read(table, columns, where)
        rows = whole
        for name, value in where.items():
            alone = isinstance(value, str) or not isinstance(value, Iterable)
            rows = rows[rows[name].isin([value] if alone else list(value))]
        rows = rows if columns is None else rows[list(columns)]
        return rows.reset_index(drop=True)

    def panel(
        self, indicator_id: str, *, freq: str | None = None, level: str | None = None
    ) -> pd.DataFrame:
        """Areas of one type of the study by period."""
        plain = super().panel
        key = ("panel", indicator_id, freq, level)
        return self._once(key, lambda: plain(indicator_id, freq=freq, level=level))

    def indicator(self, name: str) -> Indicator:
        """One indicator, as the table `indicators` describes it."""
        plain = super().indicator
        return self._remembered(("indicator", name), lambda: plain(name))

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What `make` gave for `what` the first time; a frozen result, as nobody may change it."""
        return self._remembered(("once", what), make)

    def neighbours(self) -> pd.DataFrame:
        """Small areas that share a boundary."""
        return self._once("neighbours", super().neighbours)

    def _once(self, key: Any, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        return self._remembered(key, make).copy(deep=False)

    def _remembered(self, key: Any, make: Callable[[], T]) -> T:
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]


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
