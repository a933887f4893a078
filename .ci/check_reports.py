"""Check rendered reports as their readers would: ``check_reports.py FOLDER [--simulated] PAGES``.

Every page must stand alone (no request to any host), keep its questions in order, describe
each picture, hold its tables as tables, say "simulated" if its study is, and stay small enough
to send; the index must lead to all. Prints what is wrong, one line each, and exits 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

QUESTIONS = ["Where are we at?", "What works?", "What do we need to do differently?"]
FIRST_SCREEN = ["What changed?", "What next?", "What can’t be told?"]
LARGEST_PAGE = 500_000
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
FETCHED = {"src", "srcset", "poster", "data", "action", "background"}
REMOTE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
REMOTE_STYLE = re.compile(r"(url\(|@import)\s*['\"]?\s*(https?:)?//", re.IGNORECASE)


class Page(HTMLParser):
    """What the checks need to know of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.language = ""
        self.headings: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.fetched: list[str] = []
        self.tables = self.header_cells = 0
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self._inside.append(tag)
        self.language = given.get("lang", "") if tag == "html" else self.language
        self.tables += tag == "table"
        self.header_cells += tag == "th" and "scope" in given
        if tag in HEADINGS:
            self.headings.append("")
        if tag == "a":
            self.links.append(unquote(given.get("href", "")))
        if tag == "img" or given.get("role") == "img":
            self.pictures.append(given.get("alt") or given.get("aria-label") or "")
        fetched = FETCHED | ({"href"} if tag != "a" else set())
        self.fetched += [v for n, v in given.items() if n in fetched and REMOTE.match(v)]
        self.fetched += [v for v in given.values() if REMOTE_STYLE.search(v)]

    def handle_endtag(self, tag):
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data):
        if "style" in self._inside:
            self.fetched += [found.group() for found in REMOTE_STYLE.finditer(data)]
        elif "script" not in self._inside:
            self.words.append(data)
            if HEADINGS.intersection(self._inside):
                self.headings[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def faults_of_page(page: Page, *, simulated: bool) -> Iterator[str]:
    """Sentences on what a reader of one area's page would miss."""
    asked = [" ".join(heading.split()).strip("¶ ") for heading in page.headings]
    kept = [q for q in (QUESTIONS, FIRST_SCREEN) if [h for h in asked if h in q] == q]
    if not kept:
        yield f"its headings are neither the three questions nor a first screen's, but {asked}"
    if not page.pictures:
        yield "it has no picture"
    if not page.tables or not page.header_cells:
        yield "it has no table with header cells"
    yield from faults_of_any(page, simulated=simulated)


def faults_of_any(page: Page, *, simulated: bool) -> Iterator[str]:
    """Sentences on what must hold for pages and index alike."""
    if size := max(0, page.path.stat().st_size - LARGEST_PAGE):
        yield f"it is {size:,} bytes over {LARGEST_PAGE:,}"
    if page.fetched:
        yield f"it asks other hosts for {sorted(set(page.fetched))}"
    if undescribed := sum(not alt.strip() for alt in page.pictures):
        yield f"{undescribed} of its {len(page.pictures)} pictures have no description"
    if not page.language:
        yield "it does not say its language"
    if simulated and "simulated" not in page.text.lower():
        yield "it does not say that its data are simulated"
    if re.search(r"\bp = 0(\.0+)?(?![.\d])", page.text):
        yield "it prints a p-value as zero"
    if not simulated and "simulated data" in page.text.lower():
        yield "it calls real data simulated"
    if "Traceback (most recent call last)" in page.text:
        yield "it shows a traceback"


def faults_of_index(index: Page, pages: list[Path], *, simulated: bool) -> Iterator[str]:
    """Sentences on what a reader of the index would miss."""
    led_to = {(index.path.parent / link).resolve() for link in index.links if ":" not in link}
    for page in pages:
        if page.resolve() not in led_to:
            yield f"it does not lead to {page.name}"
    yield from faults_of_any(index, simulated=simulated)


def check(folder: Path, *, simulated: bool, at_least: int) -> Iterator[str]:
    """Every fault of the reports in `folder`, as ``file: sentence``."""
    index = folder / "index.html"
    pages = sorted(set(folder.rglob("*.html")) - {index})
    if len(pages) < at_least:
        yield f"{folder}: {len(pages)} pages, expected {at_least} or more"
    for path in pages:
        for fault in faults_of_page(Page(path), simulated=simulated):
            yield f"{path}: {fault}"
    if index.exists():
        for fault in faults_of_index(Page(index), pages, simulated=simulated):
            yield f"{index}: {fault}"
    elif at_least > 1:
        yield f"{index}: missing"


def main() -> int:
    """Print the faults and return the exit code."""
    parser = argparse.ArgumentParser(description="Check rendered reports as a reader would.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--simulated", action="store_true", help="pages must say so")
    parser.add_argument("--at-least", type=int, default=1, metavar="PAGES")
    arguments = parser.parse_args()
    faults = list(
        check(arguments.folder, simulated=arguments.simulated, at_least=arguments.at_least)
    )
    print("\n".join(faults) or f"{arguments.folder}: the reports are as they should be")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
