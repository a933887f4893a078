"""What an executed notebook shows its readers: prose, figures with their numbers, tables.

Hostile names are text, never code, on a page as in a spreadsheet.
"""

import csv
import io
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import escape, unescape
from itertools import count
from typing import Any

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from lsp_analysis.errors import ReportError
from lsp_analysis.study.areas import slug

PICTURES = ("image/png", "image/svg+xml", "image/jpeg")
PART = "application/vnd.lsp-analysis.part+json"  # what `reports.view` shows: data, drawn by a page
KINDS = {"screen": "screen", "figure": "figure", "measures": "table"}  # of a part: of its block
HEADLINE = "headline"  # tag of the cell whose first sentence stands for the report
_HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
_PARAGRAPH = re.compile(r"\s*<p[ >]")
_NEAR = re.compile(r"(\.\./)*[\w%~#-][\w%.~#/-]*")  # an address without scheme or host
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Block:
    """One piece of the page.

    Its kind is ``prose``, ``headline``, ``sentence``, ``table``, ``figure`` or ``screen``; `part`
    holds the data of those that the page draws itself.
    """

    kind: str
    html: str = ""
    number: int = 0
    name: str = ""  # of its file of numbers, without ending
    alt: str = ""
    picture: str = field(default="", repr=False)  # data URI
    width: int = 0
    height: int = 0
    csv: str = field(default="", repr=False)
    part: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Content:
    """All that a page shows, in reading order."""

    title: str
    headline: str
    blocks: tuple[Block, ...]

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the index tells of this page: the facts of its first screen."""
        return next((b.part.get("index", {}) for b in self.blocks if b.kind == "screen"), {})

    def count(self, kind: str) -> int:
        """How many blocks are of `kind`; a headline and a first screen are sentences too."""
        kinds = {kind, "headline", "screen"} if kind == "sentence" else {kind}
        return sum(block.kind in kinds for block in self.blocks)


def read_content(notebook: Mapping[str, Any]) -> Content:
    """Content of an executed `notebook`, without code, warnings and logs.

    The notebook's first heading of level 1 becomes the title; other headings follow each other
    without leaving out a level.
    """
    outline = _Outline()
    blocks = [_numbered(block, outline) for block in _blocks(notebook)]
    shown = tuple(b for b in blocks if b.kind == "figure" or b.part or b.html)
    lines = (b.part["verdict"] if b.part else plain_text(b.html)
             for b in shown if b.kind in (HEADLINE, "screen"))  # fmt: skip
    return Content(outline.title, next(lines, ""), shown)


def plain_text(html: str) -> str:
    """The words of a piece of HTML."""
    return " ".join(unescape(_TAG.sub(" ", html)).split())


def _blocks(notebook: Mapping[str, Any]) -> Iterator[Block]:
    """What the cells show, in turn.

    A section under a heading below the second level is left out when its code has nothing to show:
    a study without ages has no page on who lives here.
    """
    sections: list[list[Mapping[str, Any]]] = [[]]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and cell["source"].lstrip().startswith("#"):
            sections.append([])
        sections[-1].append(cell)
    for section in sections:
        text = [cell for cell in section if cell["cell_type"] == "markdown"]
        code = [cell for cell in section if cell["cell_type"] == "code"]
        is_minor = text and text[0]["source"].lstrip().startswith("###")
        if is_minor and code and not any(map(_of_cell, code)):
            continue
        for cell in section:
            yield from _of_cell(cell)


def _of_cell(cell: Mapping[str, Any]) -> list[Block]:
    """What one cell shows."""
    if cell["cell_type"] == "markdown":
        return [Block("prose", _from_markdown(cell["source"]))]
    if cell["cell_type"] != "code":
        return []
    shown = [block for output in cell["outputs"] if (block := _shown(output))]
    if HEADLINE not in cell["metadata"].get("tags", []):
        return shown
    return [Block(HEADLINE, b.html) if b.kind in ("sentence", "prose") else b for b in shown]


def _shown(output: Mapping[str, Any]) -> Block | None:
    """The best of an output's formats; what was printed too, but no warning and no empty text."""
    if output.get("name") == "stdout" and output["text"].strip():
        return Block("prose", f"<pre>{escape(output['text'].rstrip())}</pre>")
    if output["output_type"] not in ("display_data", "execute_result"):
        return None
    data = output["data"]
    if PART in data:
        return block_of(data[PART])
    picture = next((mime for mime in PICTURES if mime in data), None)
    if picture:
        return _figure(picture, data, output["metadata"].get(picture, {}))
    if "text/html" in data:
        return _from_html(data["text/html"], data.get("text/csv", ""))
    if "text/markdown" in data:
        return Block("prose", _from_markdown(data["text/markdown"]))
    text = data.get("text/plain", "")
    return Block("prose", f"<pre>{escape(text)}</pre>") if text.strip() else None


def block_of(part: Mapping[str, Any]) -> Block:
    """A piece whose data the page draws; its links may lead only to pages beside it."""
    kind = KINDS.get(part.get("kind", ""))
    if kind is None:
        known = ", ".join(KINDS)
        raise ReportError(f"A part of the page is of kind {part.get('kind')!r}; known are {known}.")
    return Block(
        kind,
        alt=str(part.get("chart", {}).get("label", "")),
        csv=safe_csv(str(part.get("numbers", ""))),
        part=_without_far_links(part),
    )


def _without_far_links(part: Any) -> Any:
    if isinstance(part, Mapping):
        kept = {key: _without_far_links(value) for key, value in part.items()}
        if not _NEAR.fullmatch(str(kept.get("link") or "#")):
            kept["link"] = ""
        return kept
    return [_without_far_links(item) for item in part] if isinstance(part, list) else part


def _figure(mime: str, data: Mapping[str, Any], about: Mapping[str, Any]) -> Block:
    content = "".join(data[mime].split())
    if mime == "image/svg+xml":
        content = b64encode(data[mime].encode()).decode("ascii")
    width, height = (
        round(side) if isinstance(side, int | float) and 0 < side < 10_000 else 0
        for side in (about.get("width"), about.get("height"))
    )
    return Block(
        "figure",
        alt=" ".join(str(about.get("alt", "")).split()),
        picture=f"data:{mime};base64,{content}",
        width=width,
        height=height,
        csv=safe_csv(data.get("text/csv", "")),
    )


def _from_html(html: str, numbers: str) -> Block:
    safe = clean_html(html).strip()
    if "<table" not in safe:
        return Block("sentence" if _PARAGRAPH.match(safe) else "prose", safe)
    # Header cells that do not say what they head are told by where they stand.
    head, end, body = safe.partition("</thead>")
    head, body = head.replace("<th>", '<th scope="col">'), body.replace("<th>", '<th scope="row">')
    return Block("table", head + end + body, csv=safe_csv(numbers))


def _from_markdown(source: str) -> str:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return clean_html(MarkdownWithMath(renderer=renderer).render(source)).strip()


class _Outline:
    """Numbers figures and tables, and gives headings levels in order and anchors of their own."""

    def __init__(self) -> None:
        self.title = ""
        self._level = 1
        self.counts = {"figure": 0, "table": 0}
        self._anchors = {"top", "main", "contents", "about"}

    def heading(self, level: int, html: str) -> str:
        """One heading with its anchor; the first of level 1 is the title, taken off the text."""
        text = plain_text(html)
        if level == 1 and not self.title:
            self.title = text
            return ""
        self._level = level = min(max(level, 2), self._level + 1)
        anchor = wish = slug(text, fallback="section")
        again = count(2)
        while anchor in self._anchors:
            anchor = f"{wish}-{next(again)}"
        self._anchors.add(anchor)
        return f'<h{level} id="{anchor}">{html}</h{level}>'


def _numbered(block: Block, outline: _Outline) -> Block:
    html = _HEADING.sub(lambda found: outline.heading(int(found[1]), found[2]), block.html)
    number, name = 0, "first-screen" if block.kind == "screen" else ""
    if block.kind in outline.counts:
        outline.counts[block.kind] = number = outline.counts[block.kind] + 1
        name = f"{block.kind}-{number:02d}"
    return replace(block, html=html.strip(), number=number, name=name)


def rows_of(numbers: str) -> list[list[str]]:
    """Rows of a CSV text, the header first."""
    return list(csv.reader(io.StringIO(numbers)))


HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
TEXT = {"p", "br", "hr", "strong", "em", "b", "i", "code", "pre", "sub", "sup", "abbr", "span"}
LISTS = {"ul", "ol", "li", "dl", "dt", "dd", "blockquote", "a"}
TABLES = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
VERDICTS = {"verdict", "better", "worse", "higher", "lower", "close-to-it", "too-few-to-say"}
VERDICTS |= {"no-clear-difference", "not-comparable", "similar", "not-compared"}
LIGHTS = {"green", "amber", "red"}
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


_CLEANER = nh3.Cleaner(
    tags=HEADINGS | TEXT | LISTS | TABLES | {"div"},
    clean_content_tags={"script", "style", "title", "template", "svg", "math", "iframe"},
    attributes={
        "a": {"href"},
        "abbr": {"title"},
        "th": {"colspan", "rowspan"},
        "td": {"colspan", "rowspan"},
    },
    tag_attribute_values={"th": {"scope": {"col", "row", "colgroup", "rowgroup"}}},
    allowed_classes={
        "span": VERDICTS | LIGHTS,
        "th": {"number"},
        "td": {"number"},
        "p": {"table-note"},
    },
    url_schemes={"https", "http", "mailto"},
    link_rel="noopener noreferrer",
)


def clean_html(html: str) -> str:
    """`html` with only what reads as text, lists and tables; links may lead to web pages."""
    return _CLEANER.clean(html)


def safe_csv(text: str) -> str:
    """CSV that no spreadsheet takes for a formula: such text gets an apostrophe before it.

    >>> safe_csv("area,gap\\n=cmd(),-1.5\\n")
    "area,gap\\n'=cmd(),-1.5\\n"
    """
    lines = text.replace("\r\n", "\n").replace("\r", " ")  # a bare one would end a row
    return _csv([_safe_cell(cell) for cell in row] for row in rows_of(lines))


def _csv(rows: Iterable[list[str]]) -> str:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)
    return made.getvalue()


def _safe_cell(cell: str) -> str:
    harmless = not FORMULA.match(cell.lstrip(" \n\u200b\ufeff")) or NUMBER.fullmatch(cell)
    return cell if harmless else f"'{cell}"


def marked_csv(text: str, marking: str) -> str:
    """CSV with `marking` as the name of a last, empty column, so that no part of it is without."""
    if not marking or not text:
        return text
    head, *rows = rows_of(text)
    return _csv([[*head, marking], *([*row, ""] for row in rows)])


def spreadsheet(text: str) -> bytes:
    """CSV as a file that spreadsheet programs open with every letter right."""
    return text.encode("utf-8-sig")
