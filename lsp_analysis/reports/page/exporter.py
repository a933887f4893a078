"""One self-contained HTML page from an executed notebook.

A page needs no script, asks no host for anything, and is the same, byte for byte, when it is made
from the same content.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from nbformat import NotebookNode

from lsp_analysis.figures.svg import draw
from lsp_analysis.reports.job.template import style_rules
from lsp_analysis.reports.page import content as contents
from lsp_analysis.reports.page.content import Block, Content
from lsp_analysis.resources import page_template, policy_digest, stylesheet
from lsp_analysis.wording import number

MOST_CODES = 12  # small areas named under the title
LARGEST_TABLE = 12  # rows of a figure's numbers that the page shows
FINEST = 1e-6  # below it a p-value is not zero, and is not told closer
LARGEST_DOWNLOAD = 7_000  # bytes of a figure's numbers that the page carries
NOT_STATED = {
    "area": {"name": "", "code": "", "kind": "", "members": [], "vintage": ""},
    "study": {"title": "", "note": "", "attribution": "", "digest": ""},
    "template": {"name": "", "digest": ""},
    "parameters": {},
    "restricted": "",
}


def render_page(notebook: NotebookNode) -> str:
    """The page of an executed `notebook`, whose metadata says what it is about."""
    about = notebook.metadata.get("lsp", {}).get("report", {})
    parts = page_parts(contents.read_content(notebook), about)
    return page_template("page.html.j2").render(page=parts, draw=draw)


def render_part(part: Mapping[str, Any]) -> str:
    """One piece of a page as HTML with its style, for a notebook that stands by itself."""
    block = replace(contents.block_of(part), name="part")
    drawn = page_template("part.html.j2").render(block=block, csv=_numbers(block), draw=draw)
    style = "".join(map(stylesheet, ("page.css", "chart.css"))).replace(":root", "&")
    return f'<div class="lsp-part"><style>.lsp-part {{{style}}}</style>{drawn}</div>'


def page_parts(content: Content, about: Mapping[str, Any]) -> dict[str, Any]:
    """All that the template fills in, checked and made safe.

    Parameters
    ----------
    content : what the notebook shows.
    about : mapping
        ``area``, ``study``, ``template`` and ``parameters`` as the runner recorded them; what is
        missing is left out of the page.
    """
    about = {key: about.get(key, empty) for key, empty in NOT_STATED.items()}
    house = about["template"].get("house", {})
    style = "".join(map(stylesheet, ("page.css", "chart.css"))) + style_rules(house)
    if marking := about["restricted"]:  # at the foot of every printed page
        foot = f'content: "{marking}"; font: 700 8.5pt sans-serif'
        style += f"@page {{ @bottom-center {{ {foot} }} }}"
    name = about["area"]["name"]
    shown = [(block, _numbers(block, about["restricted"])) for block in content.blocks]
    cut = _end_of_summary(content.blocks)
    return {
        **about,
        "title": name or content.title or "Report",
        "kicker": content.title if name else "",
        "place": _place(about["area"]),
        "settings": "; ".join(f"{k}: {_setting(v)}" for k, v in about["parameters"].items()) + ".",
        "headline": content.headline,
        "house": house,
        "has_screen": bool(content.blocks) and content.blocks[0].kind == "screen",
        "borough": content.facts.get("borough", ""),
        "summary": shown[:cut],
        "blocks": shown[cut:],
        "style": style,
        "policy": f"default-src 'none'; img-src data:; style-src '{policy_digest(style)}'; "
        "base-uri 'none'; form-action 'none'",
    }


def _end_of_summary(blocks: tuple[Block, ...]) -> int:
    """How many blocks come before the body of the page: its first screen, or what stands before
    the second main heading if the headline is among that.
    """
    if blocks and blocks[0].kind == "screen":
        return 1
    starts = [i for i, block in enumerate(blocks) if block.html.startswith("<h2")]
    lines = [i for i, block in enumerate(blocks) if block.kind == contents.HEADLINE]
    is_summary = len(starts) > 1 and lines and starts[0] < lines[0] < starts[1]
    return starts[1] if is_summary else 0


def _place(area: Mapping[str, Any]) -> str:
    """What the area is, by its codes; names change and are shared."""
    codes = list(area["members"])
    if not codes:
        return ""
    what = f"{area['kind']} {area['code']}"
    if codes != [area["code"]]:
        more = f" and {len(codes) - MOST_CODES} more" if len(codes) > MOST_CODES else ""
        noun = "small area" if len(codes) == 1 else "small areas"
        what = f"{area['kind']} made of {noun} {', '.join(codes[:MOST_CODES])}{more}"
    return f"{what} (codes of {area['vintage']})"


def _setting(value: Any) -> str:
    """A parameter's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value) or "none"


def _numbers(block: Block, marking: str = "") -> dict[str, Any]:
    """The numbers of a figure, or of a table that the page draws, as rows and as a link."""
    if not block.csv or (block.kind != "figure" and not block.part):
        return {}
    head, *rows = contents.rows_of(block.csv)
    rows = [row for row in rows if len(row) == len(head)]
    marked = contents.marked_csv(block.csv, marking)
    link = ""
    if len(marked.encode()) <= LARGEST_DOWNLOAD:
        link = f"data:text/csv;charset=utf-8,{quote(contents.spreadsheet(marked), safe=',')}"
    return {
        "summary": "The numbers" if block.kind == "figure" else "All the numbers",
        "about": block.part.get("title") or block.alt or block.name,
        "head": head,
        "numeric": [
            all(not cell or contents.NUMBER.fullmatch(cell) for cell in column)
            for column in zip(*rows, strict=True)
        ],
        "rows": [[_rounded(cell) for cell in row] for row in rows[:LARGEST_TABLE]],
        "left_out": max(0, len(rows) - LARGEST_TABLE),
        "file": f"{block.name}.csv",
        "link": link,
    }


def _rounded(cell: str) -> str:
    """A number for reading; the file has all its digits."""
    if (
        ("." not in cell and "e" not in cell)
        or cell.endswith("%")
        or not contents.NUMBER.fullmatch(cell)
    ):
        return cell
    return "< 0.000001" if 0 < float(cell) < FINEST else number(float(cell))
