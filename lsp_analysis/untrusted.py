"""Read files that may be damaged, or made to do harm: limits first, then a declared schema.

Each message names the file and the place in it; callers add what to do.
"""

import codecs
import hashlib
import json
import math
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lsp_analysis.errors import LspError, SourceError

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
LARGEST_JSON = 64 * 2**20  # bytes
LARGEST_TEXT = 2**22  # bytes of a file that a person writes
DEEPEST = 24  # levels of nesting
LARGEST_BATCH = 2**20  # bytes of a YAML file
MOST_NODES = 200_000  # of a YAML file
MOST_CELLS = 20_000_000  # of a sheet, blank ones inside its range counted
LARGEST_SHEET = 2**30  # bytes of a sheet, unpacked
MOST_ROWS = 2**20  # of a sheet, as many as a spreadsheet has
LARGEST_SHARE = 200  # times its packed size to which a large file may unpack
SMALL = 2**27  # bytes up to which a file may unpack from whatever size
_CELL = re.compile(
    rb"""<(?:\w+:)?(?:c|row)\s[^>]{0,999}?\br\s*=\s*["']([A-Za-z]{0,9})(\d{1,19})["']"""
)
_TAG = re.compile(rb"<(?:\w+:)?(?:c|row)\b")
_ODS_TAG = re.compile(
    rb"<(/?)(?:[\w.-]+:)?(table-row|table-cell|covered-table-cell|s)\b([^>]*?)(/?)>"
)
_TIMES = re.compile(rb"""\b(?:number-(?:rows|columns)-repeated|c)\s*=\s*["'](\d{1,19})["']""")


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON schema that ships as ``schemas/NAME.json``: what a file of ours must be."""
    file = Path(__file__).with_name("schemas") / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def read_bytes(file: Path, largest: int = LARGEST_JSON) -> bytes:
    """The content of a file that is not too large; LspError says why it cannot be had."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as opened:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise LspError(f"{file} is not a file.")
            if about.st_size > largest:
                raise LspError(
                    f"{file} has {about.st_size:,} bytes; a file of its kind has at most "
                    f"{largest:,}."
                )
            return opened.read(about.st_size + 1)
    except (OSError, ValueError) as error:
        raise LspError(
            f"{file} cannot be read ({getattr(error, 'strerror', None) or error})."
        ) from error


def read_text(file: Path, largest: int = LARGEST_TEXT) -> str:
    """The text of a file in UTF-8 that is not too large, without a byte-order mark."""
    try:
        return read_bytes(file, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LspError(f"{file} cannot be read (it is not in UTF-8).") from error


def read_json(file: Path, schema: Mapping[str, Any], digest: str | None = None) -> Any:
    """The content of a JSON file that answers `schema` and has the SHA-256 `digest`, if given."""
    content = read_bytes(file)
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise LspError(f"{file} was changed after it was made.")
    return parse_json(content, schema, str(file))


def parse_json(text: str | bytes, schema: Mapping[str, Any], where: str) -> Any:
    """The JSON `text` if it answers `schema`; LspError names `where` and the place in it."""
    try:
        found = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except RecursionError as error:
        raise LspError(f"{where} is nested too deeply.") from error
    except UnicodeDecodeError as error:
        raise LspError(f"{where} cannot be read as JSON (it is not in UTF-8).") from error
    except ValueError as error:
        raise LspError(f"{where} cannot be read as JSON ({str(error)[:200]}).") from error
    _check_nodes(found, where)
    if fault := fault_of(found, schema):
        raise LspError(f"{where} is not as it should be: {fault}.")
    return found


def fault_of(found: Any, schema: Mapping[str, Any]) -> str:
    """Where and how a plain value departs from a JSON schema; empty when it does not."""
    from fastjsonschema import JsonSchemaValueException

    try:
        _compiled(json.dumps(schema, sort_keys=True))(found)
    except JsonSchemaValueException as error:
        return str(error).replace("data.", "").replace("data ", "its content ")[:200]
    return ""


@cache
def _compiled(schema: str) -> Any:
    import fastjsonschema

    return fastjsonschema.compile(json.loads(schema), use_default=False)


def _check_nodes(found: Any, where: str) -> None:
    """Refuse what is nested too deeply, and what cannot be written again."""
    waiting = [(found, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise LspError(f"{where} is nested more than {DEEPEST} levels deep.")
        if isinstance(value, dict):
            waiting += [(one, depth + 1) for pair in value.items() for one in pair]
        elif isinstance(value, list):
            waiting += [(one, depth + 1) for one in value]
        elif isinstance(value, float) and not math.isfinite(value):
            raise LspError(f"{where} cannot be read as JSON (a number is missing or too large).")
        elif isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise LspError(f"{where} holds half a character ({value[:40]!a}).") from error


def read_yaml_as_text(file: Path) -> Any:
    """The content of a YAML file in which every value is text.

    Anchors and aliases, by which a few lines stand for thousands of millions, are refused, and so
    is a key of a mapping that comes twice.
    """
    import yaml

    content = read_bytes(file, LARGEST_BATCH)
    try:
        text = content.decode("utf-8-sig")
        depth = 0
        for count, event in enumerate(yaml.parse(text, Loader=_text_loader())):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise LspError(f"{file} is nested more than {DEEPEST} levels deep.")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                line = event.start_mark.line + 1
                raise LspError(f"{file} uses an anchor in line {line}; write the value out.")
            if count > MOST_NODES:
                raise LspError(f"{file} holds more than {MOST_NODES:,} values.")
        return yaml.load(text, Loader=_text_loader())
    except (UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LspError(f"{file} cannot be read ({reason}).") from error


def _text_loader() -> type:
    import yaml

    class Text(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # the first is in C
        def construct_mapping(self, node, deep=False):
            keys = Counter(key.value for key, _ in node.value if isinstance(key.value, str))
            for key in [key for key, count in keys.items() if count > 1]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key[:40]} is given twice", node.start_mark
                )
            return super().construct_mapping(node, deep)

    return Text


def refuse_bomb(file: Path, unpacked: int) -> None:
    """Stop before a packed file fills the disk or the memory with the same few bytes."""
    if unpacked > max(SMALL, LARGEST_SHARE * file.stat().st_size):
        raise SourceError(
            f"{file} holds more than {LARGEST_SHARE} times its own size. Unpack it first, and give "
            "the file that was in it."
        )


def refuse_vast_parquet(file: Path, content: bytes) -> None:
    """Stop before a Parquet file is read whose few bytes stand for one cell again and again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = pq.read_metadata(pa.BufferReader(content))
    refuse_bomb(file, about.num_rows * about.num_columns)


def refuse_vast_sheets(file: Path) -> None:
    """Stop before a workbook (xlsx, ods) is opened whose sheets would not fit into memory.

    One cell in a far corner, or one said to be repeated, makes thousands of millions of cells.
    """
    try:
        with zipfile.ZipFile(file) as book:
            refuse_bomb(file, sum(item.file_size for item in book.infolist()))
            for item in book.infolist():
                is_ods = item.filename == "content.xml"
                if not is_ods and not re.fullmatch(r"xl/worksheets/[^/]+\.xml", item.filename):
                    continue
                if item.file_size > LARGEST_SHEET:
                    raise SourceError(
                        f"{file} holds {item.file_size:,} bytes in {item.filename}, and at most "
                        f"{LARGEST_SHEET:,} are read. Save the table as CSV UTF-8."
                    )
                (_refuse_repeated if is_ods else _refuse_vast)(file, book, item)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # who opens it says what is wrong


def _refuse_vast(file: Path, book: zipfile.ZipFile, item: zipfile.ZipInfo) -> None:
    """Find the last row and column of a sheet without holding it."""
    rows = columns = tags = 0
    with book.open(item) as sheet:
        rest = b""
        while piece := sheet.read(1 << 20):
            text = rest + piece
            tags += len(_TAG.findall(piece))
            for name, number in _CELL.findall(text):
                rows, columns = max(rows, int(number)), max(columns, _column(name.upper()))
            refuse_cells(file, rows, columns, tags)
            rest = text[-1_000:]


def _refuse_repeated(file: Path, book: zipfile.ZipFile, item: zipfile.ZipInfo) -> None:
    """Count the rows and columns of an OpenDocument sheet, and the blanks in its cells."""
    rows = columns = times = width = full = blanks = 0
    with book.open(item) as sheet:
        rest = b""
        while piece := sheet.read(1 << 20):
            whole, mark, rest = (rest + piece).rpartition(b"<")
            rest = (mark + rest)[-LARGEST_TEXT:]
            for end, name, facts, closed in _ODS_TAG.findall(whole):
                said = _TIMES.search(facts)
                number = int(said[1]) if said else 1
                if name == b"s":
                    blanks += number
                elif name != b"table-row":
                    width += 0 if end else number
                    full = full if end or (closed and b"value" not in facts) else width
                elif end or closed:
                    rows += times if full else 0
                    columns, width, full = max(columns, full), 0, 0
                else:
                    times, width, full = number, 0, 0
                refuse_cells(file, rows, columns, blanks)


def refuse_cells(file: Path, rows: int, columns: int, tags: int = 0) -> None:
    """Stop at a sheet of so many rows and columns, or cells written, that it cannot be a table."""
    if rows > MOST_ROWS or max(rows * columns, tags) > MOST_CELLS:
        size = f"{rows:,} rows and {columns:,} columns" if rows * columns else f"{tags:,} rows"
        raise SourceError(
            f"{file} has a sheet of {size}; at most {MOST_CELLS:,} cells are read. A cell far from "
            "the table may hold something: delete the rows and columns beyond it, or save the "
            "table as CSV UTF-8."
        )


@cache
def _column(name: bytes) -> int:
    number = 0
    for letter in name:
        number = 26 * number + letter - 64
    return number


def marked_encoding(head: bytes) -> str:
    """The encoding that a byte-order mark tells, or UTF-16 by its zeros; else an empty string."""
    for mark, name in BOMS.items():
        if head.startswith(mark):
            return name
    for name, zeros in (("utf-16-le", head[1:1000:2]), ("utf-16-be", head[:1000:2])):
        if len(zeros) > 1 and zeros.count(0) > 0.9 * len(zeros):
            return name
    return ""
