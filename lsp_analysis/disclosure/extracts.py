"""Record-level extracts of agencies into safe counts by area and period.

Ids are replaced by keyed hashes (HMAC-SHA256) as they are read, so that people known to several
services are counted without exchanging names. Neither the key nor any record is written anywhere.
"""

import hmac
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from lsp_analysis import durable, untrusted
from lsp_analysis.disclosure.profiles import MARK, find_profile, shown_count
from lsp_analysis.errors import DisclosureError, LspError, check_one_of
from lsp_analysis.study.schema import DESCRIPTOR
from lsp_analysis.wording import counted

KEY_VARIABLE = "LSP_ANALYSIS_KEY"
LEAST_KEY, LARGEST_KEY, LARGEST = 16, 2**16, 2**32  # bytes; the last of an extract
EVERY = {"month": "M", "quarter": "Q", "year": "Y"}
SEVERAL = "known to two or more services"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SMALL_AREA = re.compile(r"[EW]01\d{6}")


@dataclass(frozen=True)
class SafeCounts:
    """Counts of an extract as they may be handed on, and what could not be placed.

    Attributes
    ----------
    table : DataFrame
        ``area_code``, ``period_start``, ``period_end``, ``agency``, ``type``, ``count`` (text,
        ``*`` where withheld); ``agency`` also "known to two or more services" (different people).
    records, unplaced : how many records were read, and how many have no known area.
    """

    table: pd.DataFrame = field(repr=False)
    records: int
    unplaced: int
    rule: str

    def sentence(self) -> str:
        """How many records were counted, could not be placed, and counts withheld."""
        withheld = int((self.table["count"] == MARK).sum())
        placed = self.records - self.unplaced
        return (
            f"{counted(placed, 'record').capitalize()} of {self.records:,} counted; "
            f"{self.unplaced:,} could not be placed in an area. {withheld:,} of "
            f"{len(self.table):,} counts are withheld ({MARK}): {self.rule}."
        )


def aggregate_extracts(
    files: Sequence[str | Path],
    *,
    key_file: str | Path = "",
    postcodes: str | Path = "",
    every: str = "quarter",
    profile: str = "nhs",
) -> SafeCounts:
    """Count the records of agencies' extracts by area, period, agency and type.

    Parameters
    ----------
    files : CSV files with ``person_id`` or ``event_id``, ``date`` (2009-03-31), ``area_code`` (an
        LSOA) or ``postcode``, ``agency``; ``type`` if there are several.
    key_file : file with the secret key, 16 bytes or more, outside every study folder; if it is not
        given, the environment variable ``LSP_ANALYSIS_KEY``. Agencies that use the same key can
        find out together how many people they share.
    postcodes : CSV file with ``postcode`` and ``area_code``, needed when extracts have postcodes.
    every : ``month``, ``quarter`` or ``year``.
    profile : small-number rule; see `profiles.find_profile`.

    Raises
    ------
    DisclosureError
        There is no key or it is not safe; an extract lies in a study folder, lacks a column, or has
        wrong dates; no record can be placed. Nothing is written.
    """
    rule = find_profile(profile)
    check_one_of(every, EVERY, "period", DisclosureError)
    key = _key(key_file)
    rows = pd.concat([_read(Path(file), key) for file in files], ignore_index=True)
    rows["area_code"] = _places(rows["place"], postcodes)
    placed = rows.dropna(subset="area_code")
    if placed.empty:
        raise DisclosureError(
            f"None of {counted(len(rows), 'record')} lies in a known small area (first: "
            f"{rows['place'].iloc[0]}). Check that the extract and the list of postcodes are "
            "of the same place."
        )
    where = ["area_code", "period"]
    placed = placed.assign(period=placed["date"].dt.to_period(EVERY[every]))
    by_kind = placed.groupby([*where, "agency", "type"])["id"]
    few = rule.is_small(by_kind.nunique())  # records of few people are withheld, however many
    table = by_kind.size().mask(few, 1).reset_index(name="count")
    if len(set(placed["agency"])) > 1:
        services = placed.groupby([*where, "id"])["agency"].nunique()
        overlap = (services > 1).groupby(level=where).sum().reset_index(name="count")
        table = pd.concat([table, overlap.assign(agency=SEVERAL, type="")])
    table["count"] = [shown_count(count, rule.name) for count in table["count"]]
    periods = pd.PeriodIndex(table["period"])
    table["period_start"] = periods.start_time.strftime("%Y-%m-%d")
    table["period_end"] = periods.end_time.strftime("%Y-%m-%d")
    columns = ["area_code", "period_start", "period_end", "agency", "type", "count"]
    ordered = table[columns].sort_values(columns[:-1], ignore_index=True)
    return SafeCounts(ordered, len(rows), len(rows) - len(placed), rule.about)


def write_counts(counts: SafeCounts, out: str | Path) -> Path:
    """Write the table of safe counts as CSV; an older file of that name is not replaced."""
    path = Path(out)
    if path.exists():
        raise DisclosureError(f"{path} is there already. Choose another name (--out).")
    table = counts.table.copy()
    for name in ("agency", "type"):  # a spreadsheet takes such text for a formula
        table[name] = table[name].str.replace(r"^(?=\s*[=+\-@])", "'", regex=True)
    durable.replace_file(path, table.to_csv(index=False, lineterminator="\n").encode())
    return path


def _key(key_file: str | Path) -> bytes:
    key = os.environ.get(KEY_VARIABLE, "").encode()
    if key_file:
        path = Path(key_file)
        _refuse_in_study(path, "The key", ", which is handed on. Keep it elsewhere.")
        try:
            key = untrusted.read_bytes(path, LARGEST_KEY).strip()
        except LspError as error:
            raise DisclosureError(f"{error} It should hold the key. Check its path.") from error
    if not key:
        raise DisclosureError(
            "There is no key to replace ids by. Give a file with a secret of 16 bytes or more "
            f"(--key-file), or set {KEY_VARIABLE}."
        )
    if len(key) < LEAST_KEY:
        raise DisclosureError(
            f"The key has {len(key)} bytes, so it could be guessed. Use {LEAST_KEY} random ones or "
            "more."
        )
    return key


def _refuse_in_study(path: Path, what: str, why: str) -> None:
    for parent in path.resolve().parents:
        if (parent / DESCRIPTOR).exists():
            raise DisclosureError(f"{what} {path} lies in the study folder {parent}{why}")


def _read(file: Path, key: bytes) -> pd.DataFrame:
    """The records of one extract with hashed ids: ``id``, ``date``, ``place``, ``agency``, type."""
    never = ". Records of people never belong there: move it elsewhere."
    _refuse_in_study(file, "The extract", never)
    found = _csv(file, "The extract", keep_default_na=False)
    found = found.rename(columns=lambda name: name.strip().lower())
    if found.columns.has_duplicates:
        twice = found.columns[found.columns.duplicated()][0]
        raise DisclosureError(f'The extract {file} has two columns "{twice}". Keep one of them.')
    wanted = ("person_id or event_id", "date", "area_code or postcode", "agency")
    held = {names: [name for name in names.split(" or ") if name in found] for names in wanted}
    if lacking := [names for names, there in held.items() if not there]:
        raise DisclosureError(
            f"The extract {file} has no column {' and no column '.join(lacking)}. Add it."
        )
    if found.empty:
        raise DisclosureError(f"The extract {file} has no records.")
    ids, date, place, agency = (found[there[0]].str.strip() for there in held.values())
    _refuse(ids == "", f"records of {file} have no {ids.name}", "Fill it in, or leave them out.")
    days = pd.to_datetime(date.where(date.str.fullmatch(_DATE)), format="%Y-%m-%d", errors="coerce")
    said = f"dates of {file} are not days up to today written like 2009-03-31"
    _refuse(days.isna() | (days > pd.Timestamp.now()), said, "Correct them.")
    hashed = [hmac.digest(key, text.casefold().encode(), "sha256") for text in ids]
    facts = {"id": hashed, "date": days, "place": _folded(place), "agency": agency}
    return pd.DataFrame(facts).assign(type=found.get("type", ""))


def _refuse(wrong: pd.Series, said: str, remedy: str) -> None:
    if wrong.any():
        raise DisclosureError(
            f"{int(wrong.sum())} of {len(wrong)} {said}, first in line {int(wrong.idxmax()) + 2}. "
            f"{remedy}"
        )


def _folded(places: pd.Series) -> pd.Series:
    return places.str.upper().str.replace(r"\s", "", regex=True)


def _csv(file: str | Path, what: str, **how: Any) -> pd.DataFrame:
    """A table of text; DisclosureError says why `what` cannot be read."""
    try:
        content = io.BytesIO(untrusted.read_bytes(Path(file), LARGEST))
        found = pd.read_csv(content, dtype=str, encoding="utf-8-sig", **how)
        if not isinstance(found.index, pd.RangeIndex):
            raise ValueError("a row has more cells than there are headings")
        return found
    except (LspError, ValueError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise DisclosureError(f"{what} {file} cannot be read as CSV ({reason}).") from error


def _places(written: pd.Series, postcodes: str | Path) -> pd.Series:
    """The small area of each record, missing where it is not known."""
    places = written.where(written.str.fullmatch(_SMALL_AREA))
    if postcodes:
        what = "The list of postcodes with the columns postcode and area_code,"
        listed = _csv(postcodes, what, usecols=["postcode", "area_code"])
        known = listed.groupby(_folded(listed["postcode"]))["area_code"].first()
        return places.fillna(written.map(known))
    if places.isna().all():
        raise DisclosureError(
            "The extract has no codes of small areas such as E01004766 (first: "
            f"{written.iloc[0]}). If these are postcodes, give a list of postcodes with their "
            "areas (--postcodes), with the columns postcode and area_code."
        )
    return places
