"""Make outputs safe to put on a page or into a spreadsheet: hostile names are text, never code."""

from __future__ import annotations

import csv
import io
import re
from functools import cache

import nh3

HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
TEXT = {"p", "br", "hr", "strong", "em", "b", "i", "code", "pre", "sub", "sup", "abbr", "span"}
LISTS = {"ul", "ol", "li", "dl", "dt", "dd", "blockquote", "a"}
TABLES = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
VERDICTS = {"verdict", "better", "worse", "higher", "lower", "close-to-it", "too-few-to-say"}
VERDICTS |= {"no-clear-difference", "not-comparable", "similar", "not-compared"}
LIGHTS = {"green", "amber", "red"}
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


def clean_html(html: str) -> str:
    """`html` with only what reads as text, lists and tables; links may lead to web pages."""
    return _cleaner().clean(html)


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
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


def safe_csv(text: str) -> str:
    """CSV that no spreadsheet takes for a formula: such text gets an apostrophe before it.

    >>> safe_csv("area,gap\\n=cmd(),-1.5\\n")
    "area,gap\\n'=cmd(),-1.5\\n"
    """
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    lines = text.replace("\r\n", "\n").replace("\r", " ")  # a bare one would end a row
    for row in csv.reader(io.StringIO(lines)):
        writer.writerow([_safe_cell(cell) for cell in row])
    return made.getvalue()


def _safe_cell(cell: str) -> str:
    harmless = not FORMULA.match(cell.lstrip(" \n\u200b\ufeff")) or NUMBER.fullmatch(cell)
    return cell if harmless else f"'{cell}"


def marked_csv(text: str, marking: str) -> str:
    """CSV with `marking` as the name of a last, empty column, so that no part of it is without."""
    if not marking or not text:
        return text
    made = io.StringIO()
    head, *rows = csv.reader(io.StringIO(text))
    csv.writer(made, lineterminator="\n").writerows([[*head, marking], *([*r, ""] for r in rows)])
    return made.getvalue()


def spreadsheet(text: str) -> bytes:
    """CSV as a file that spreadsheet programs open with every letter right."""
    return text.encode("utf-8-sig")
