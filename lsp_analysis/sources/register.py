"""What an import used: each file with publisher, licence and hash, and what to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lsp_analysis.sources import files
from lsp_analysis.sources.formats import Found, Publication

LICENCES = {
    "OGL": {
        "name": "OGL-UK-3.0",
        "title": "Open Government Licence v3.0",
        "path": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
    },
    "OPL": {
        "name": "OPL-UK-3.0",
        "title": "Open Parliament Licence v3.0",
        "path": "https://www.parliament.uk/site-information/copyright-parliament/open-parliament-licence/",
    },
}
ATTRIBUTION = {
    "OGL": (
        "Contains public sector information licensed under the Open Government Licence v3.0 and "
        "National Statistics data © Crown copyright and database right."
    ),
    "OPL": "Contains Parliamentary information licensed under the Open Parliament Licence v3.0.",
    "OS": "Contains OS data © Crown copyright and database right.",
}


@dataclass
class Register:
    """Gathers, while a folder is imported, the sources used and the notes a reader needs."""

    notes: list[str] = field(default_factory=list)
    _sources: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _attributions: set[str] = field(default_factory=set)

    def note(self, text: str) -> None:
        """Remember one sentence about the import, once."""
        if text not in self.notes:
            self.notes.append(text)

    def use(self, found: Found, note: str = "") -> None:
        """Record that a table was used."""
        self.use_file(found.table.path, found.title, found.format.publication, note)

    def use_file(self, path: Path, title: str, publication: Publication, note: str = "") -> None:
        """Record that a file was used; its name stands without folders, its bytes as a hash."""
        renamed = "" if publication.native else "columns renamed by the file's distributor"
        facts = {
            "title": title,
            "publisher": publication.publisher,
            "licence": LICENCES[publication.licence]["title"] if publication.licence else "",
            "path": path.name,
            "hash": f"sha256:{files.sha256(path)}",
            "note": "; ".join(text for text in (renamed, note) if text),
        }
        self._sources[title, path.name] = {key: value for key, value in facts.items() if value}
        if publication.licence:
            self._attributions.add(publication.licence)

    def use_ordnance_survey(self) -> None:
        """Record that boundaries were used, which carry Ordnance Survey data."""
        self._attributions.add("OS")

    @property
    def sources(self) -> list[dict[str, str]]:
        """Frictionless ``sources``, in order of title and file."""
        return [self._sources[key] for key in sorted(self._sources)]

    @property
    def licences(self) -> list[dict[str, str]]:
        """Frictionless ``licenses`` of what was used."""
        return [LICENCES[key] for key in LICENCES if key in self._attributions]

    @property
    def attribution(self) -> str:
        """The sentences the licences ask for, for the foot of a page."""
        return " ".join(ATTRIBUTION[key] for key in ATTRIBUTION if key in self._attributions)
