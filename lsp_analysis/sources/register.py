"""What an import used and what it left out: each file with publisher, licence, hash and reason."""

import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.formats import Found
from lsp_analysis.study.add.layouts import Account, Layout
from lsp_analysis.study.write import file_facts

LICENCES: dict[str, dict[str, str]] = tomllib.loads(
    (resources.files("lsp_analysis.sources") / "licences.toml").read_text("utf-8")
)
ATTRIBUTION = {key: about.pop("attribution") for key, about in LICENCES.items()}


@dataclass
class Register:
    """Gathers, while a folder is imported, the sources used, accounts of files, and notes."""

    notes: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)  # by place: could not be read, and why
    spare: dict[str, str] = field(default_factory=dict)  # by place: not needed, and why
    unused: dict[str, str] = field(default_factory=dict)  # by place: the same, if nothing uses it
    _sources: dict[str, dict[str, str]] = field(default_factory=dict)
    attributions: set[str] = field(default_factory=set)  # keys of `LICENCES` to be named

    def note(self, text: str) -> None:
        """Remember one sentence about the import, once."""
        if text not in self.notes:
            self.notes.append(text)

    @contextmanager
    def guard(self, place: str) -> Iterator[None]:
        """Let one file fail alone: what is wrong with it is kept, and the import goes on."""
        try:
            yield
        except SourceError as error:
            self.problems[place] = str(error)

    def first_copy(
        self,
        founds: Iterable[Found],
        read: Callable[[Found], pd.DataFrame],
        key: list[str] | None = None,
        values: str = "",
    ) -> pd.DataFrame | None:
        """The rows of one table from the first of its copies that has any, or None.

        The publisher's own files come first, then those that have scores beside ranks, then those
        with fewest columns. A copy that is damaged is told and passed over.

        Parameters
        ----------
        read : gives a copy's rows, with all areas wanted; SourceError where it is damaged.
        key, values : columns of codes, and the column in which all copies must agree; a note tells
            of each other copy, and none is used where two of equal standing disagree.
        """
        copies = []
        for found in sorted(founds, key=_standing):
            with self.guard(found.place):
                rows = read(found)
                copies += [] if rows.empty else [(found, rows)]
            if copies and key is None:
                break
        if not copies:
            return None
        (best, frame), *others = copies
        for found, rows in others:
            differing = _differing(frame, rows, key, values)
            said = f"differs in {len(differing)} areas from" if differing else "says the same as"
            if differing and found.layout.native == best.layout.native:
                self.problems[best.place] = (
                    f"{best.place} and {found.place} are both {best.title} but differ in the "
                    f"{values} of {len(differing)} areas, first {differing[0]}. Keep only the "
                    "right one."
                )
                return None
            own = best.layout.native and not found.layout.native
            why = "is the publisher's own file" if own else "comes first"
            self.note(f"{found.place} {said} {best.place}, which {why} and was used.")
        self.use_file(best.grid.path, best.title, best.layout)
        return frame

    def use_file(self, path: Path, title: str, layout: Layout, note: str = "") -> None:
        """Record that a file was used; its name stands without folders, its bytes as a hash."""
        renamed = "" if layout.native else "columns renamed by the file's distributor"
        facts = {
            "title": title,
            "publisher": layout.publisher,
            "licence": LICENCES[layout.licence]["title"] if layout.licence else "",
            "path": path.name,
            "hash": file_facts(path)["hash"],
            "note": "; ".join(text for text in (renamed, note) if text),
        }
        self._sources.setdefault(path.name, {key: value for key, value in facts.items() if value})
        if layout.licence:
            self.attributions.add(layout.licence)

    def not_needed(self) -> dict[str, str]:
        """By place, why a file was neither used nor found faulty."""
        told = {*self._sources, *(account.file for account in self.accounts)}
        told |= {place.partition(", sheet ")[0] for place in (*self.problems, *self.spare)}
        noted = " ".join(self.notes)
        unused = {
            place: "see what to know" if file in noted else why
            for place, why in self.unused.items()
            if (file := place.partition(", sheet ")[0]) not in told
        }
        told_of = {p: why for p, why in self.spare.items() if p not in self.problems}
        return dict(sorted((unused | told_of).items()))

    def used_elsewhere(self) -> list[str]:
        """Files used that no account is of: lookups, boundaries, populations and so on."""
        told = {account.file for account in self.accounts}
        return [f"{s['path']}: {s['title']}" for s in self.sources if s["path"] not in told]

    @property
    def sources(self) -> list[dict[str, str]]:
        """Frictionless ``sources``, in order of title and file."""
        return sorted(self._sources.values(), key=lambda s: (s["title"], s["path"]))

    @property
    def licences(self) -> list[dict[str, str]]:
        """Frictionless ``licenses`` of what was used."""
        return [about for key, about in LICENCES.items() if about and key in self.attributions]

    @property
    def attribution(self) -> str:
        """The sentences the licences ask for, for the foot of a page."""
        return " ".join(ATTRIBUTION[key] for key in ATTRIBUTION if key in self.attributions)


def _standing(found: Found) -> tuple[bool, bool, int, str]:
    return (
        not found.layout.native, "score" not in found.columns, len(found.headings), found.place
    )  # fmt: skip


def _differing(frame: pd.DataFrame, other: pd.DataFrame, key: list[str], values: str) -> list[str]:
    """Codes whose values are not the same in both."""
    both = frame.merge(other, on=key, how="left", suffixes=("", "_other"))
    left, right = both[values], both[f"{values}_other"]
    unlike = both.loc[(left != right) & ~(left.isna() & right.isna()), key]
    return sorted(unlike.agg(", ages ".join, axis=1)) if len(unlike) else []
