"""What an outsider can work out from a folder of finished pages, reading only what is published."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import untrusted
from lsp_analysis.disclosure.counts import WHOLE, most_of, table_sums
from lsp_analysis.disclosure.deduction import Knowledge, sum_matrix, with_margins
from lsp_analysis.disclosure.profiles import MARK, SUPPRESSED, Profile
from lsp_analysis.disclosure.release import FOLDER, audience_of, groups_of, on_record
from lsp_analysis.disclosure.suppression import known_of
from lsp_analysis.errors import DisclosureError, LspError
from lsp_analysis.study.folder import files_of
from lsp_analysis.study.indicator import period_kinds
from lsp_analysis.study.schema import DESCRIPTOR
from lsp_analysis.study.store import Study, open_study

MARKING = "internal: not for publication"
# Written anew with every run.
RECORDS = ("manifest.jsonl", "index.html", f"{FOLDER}/{DESCRIPTOR}")
TOTALS = ("total", "all")
LARGEST = 2**31  # bytes of a manifest
_FILES = {"type": "object", "additionalProperties": {"type": "string"}}
_RECORD = {"type": "object", "properties": {"files": _FILES}}


def audit_folder(folder: str | Path, *, as_made: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Audit the finished output in `folder`; what was found safe, in a sentence.

    Of every withheld count, linear programming gives the range that follows from all that is
    published: counts of areas, of what they make up, and of every table with totals. Every file
    must have been made with the pages, be as it was made, and not be marked as internal.

    Parameters
    ----------
    folder : folder of finished pages, or of tables.
    as_made : content that further files must have, by name, such as the index.

    Raises
    ------
    DisclosureError
        A count can be deduced more narrowly than its rule allows, a small count is shown, a file
        was changed, or there is nothing to audit; the message lists the first cases, each with its
        path.
    """
    path = Path(folder)
    if not path.is_dir():
        raise DisclosureError(f"There is no folder {path}. Check the path.")
    audits = [_table(name, table) for name, table in _tables(path)]
    has_release = (path / FOLDER).is_dir()
    if not has_release and not audits:
        raise DisclosureError(
            f"{path} holds neither pages made for an audience nor a table with withheld counts. "
            "Make pages with lsp-analysis reports --audience public, then audit their folder."
        )
    found = list(_files_that_fail(path, as_made))
    if has_release and audience_of(path):
        audits.insert(0, _release(open_study(path / FOLDER)))
    withheld = sum(count for count, _ in audits)
    found += [fault for _, faults in audits for fault in faults]
    if found:
        more = [f"and {len(found) - 10} more"] if len(found) > 10 else []
        listed = "\n  ".join([*found[:10], *more])
        raise DisclosureError(f"{path} is not safe to publish:\n  {listed}")
    return (
        f"{path}: {withheld:,} withheld counts were attacked with everything published; none can "
        "be deduced more narrowly than its rule allows."
    )


def _files_that_fail(path: Path, as_made: Mapping[str, bytes]) -> Iterator[str]:
    """Files that are marked as internal, were not made with the others, or changed since."""
    made: dict[str, str] = {}  # SHA-256 by what the manifest and the release's descriptor say
    manifest = path / "manifest.jsonl"
    lines = untrusted.read_bytes(manifest, LARGEST).splitlines() if manifest.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            record = untrusted.parse_json(line, _RECORD, f"Line {number} of {manifest}")
            made |= record.get("files", {})
        except LspError as error:
            yield f"{error} Its pages cannot be compared with it: make them again."
    if (path / FOLDER).is_dir():
        about = open_study(path / FOLDER).descriptor
        told = dict(about.get("lsp:release", {}).get("files", {}))
        told |= {p["path"]: p.get("hash", "") for one in about["resources"] for p in files_of(one)}
        made |= {f"{FOLDER}/{file}": told[file].removeprefix("sha256:") for file in told}
    listed = bool(made)
    made |= {name: sha256(content).hexdigest() for name, content in as_made.items()}
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        content, name = file.read_bytes(), file.relative_to(path).as_posix()
        if MARKING.encode() in content:
            yield f"{name} is marked {MARKING}."
        elif name in made and sha256(content).hexdigest() != made[name]:
            yield f"{name} was changed after it was made."
        elif listed and name not in {*made, *RECORDS} and file.suffix != ".log":
            yield f"{name} was not made with the pages, so nothing is known of what it shows."


def _release(study: Study) -> tuple[int, list[str]]:
    """How many counts a release withholds, and those that can be deduced too narrowly."""
    rows = study.read("observations")
    groups = groups_of(study)
    withheld, found = 0, []
    for indicator_id, told in on_record(study)["indicators"].items():
        rule = Profile(told["profile"], told["hidden_to"], told["base"])
        own = rows[(rows["indicator_id"] == indicator_id)].reset_index(drop=True)
        if not rule.hidden_to or own.empty:
            continue
        whole = study.indicator(indicator_id).kind in WHOLE
        freq = period_kinds(own["period_start"], own["period_end"]).iloc[0]
        own["period"] = pd.PeriodIndex(own["period_start"], freq=freq)
        own = own[own["numerator"].notna() | (own["note"] == SUPPRESSED)].reset_index(drop=True)
        hidden = (own["note"] == SUPPRESSED).to_numpy()
        shown = own[rule.is_small(own["numerator"])].itertuples()
        found += [f"{_place(row)} shows a count of {row.numerator:g}." for row in shown]
        area = ~own["area_code"].isin(list(groups)).to_numpy()
        most = np.where(area & (rule.base > 1) & (not whole), float(rule.hidden_to), np.inf)
        if whole:
            people = own["denominator"].to_numpy(float)
            most = most_of(people, np.isnan(people), rule)
        sums = table_sums(own, groups)
        known = known_of(own["numerator"], hidden, sum_matrix(len(own), sums), rule, most)
        withheld += int(hidden.sum())
        try:
            narrow = known.narrow(np.flatnonzero(hidden), rule.width)
        except DisclosureError as error:
            found.append(f"{FOLDER}/observations: {indicator_id}: {error}")
            continue
        for cell, (least, greatest) in narrow.items():
            if rule.base > 1 and least > rule.hidden_to:  # a total that protects others
                continue
            through = [own["area_code"][total] for total, parts in sums if cell in parts]
            found.append(
                f"{_place(own.loc[cell])} lies between {least:.0f} and {greatest:.0f}, through the "
                f"totals of {', '.join(through) or 'its parts'}."
            )
    return withheld, found


def _place(row: Any) -> str:
    start = pd.Timestamp(row.period_start)
    return f"{FOLDER}/observations: {row.indicator_id}, {row.area_code}, from {start:%Y-%m-%d},"


def _tables(path: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Names of files, and their tables with totals and withheld counts; see `protect_table`."""
    for file in sorted(path.rglob("*.csv")):
        if FOLDER in file.parts or not file.is_file():
            continue
        try:
            table = pd.read_csv(file, dtype=str, keep_default_na=False, index_col=0)
        except (OSError, ValueError):
            continue
        last = [str(axis[-1]).casefold() for axis in table.axes if len(axis)]
        if len(last) == 2 and set(last) <= set(TOTALS) and (table == MARK).any().any():
            yield file.relative_to(path).as_posix(), table


def _table(name: str, table: pd.DataFrame) -> tuple[int, list[str]]:
    """Withheld counts of a table with totals, and those that are known exactly."""
    hidden = (table == MARK).to_numpy()
    shown = table.apply(lambda column: pd.to_numeric(column, errors="coerce")).to_numpy(float)
    if np.isnan(shown[~hidden]).any():
        return 0, [f"{name} has cells that are neither counts nor {MARK}."]
    _, sums = with_margins(np.zeros([side - 1 for side in table.shape]))
    low = np.where(hidden, 1.0, shown).ravel()
    high = np.where(hidden, np.inf, shown).ravel()
    fives = bool((shown[~hidden] % 5 == 0).all())  # rounded to the nearest five
    if fives:
        slack = np.where(hidden.ravel(), 0.0, 2.0)
        low, high = low - slack, high + slack
    known = Knowledge(np.maximum(low, 0), high, sum_matrix(hidden.size, sums))
    narrow = known.narrow(np.flatnonzero(hidden.ravel()).tolist(), 1.0)
    labels = [f"{row}, {column}" for row in table.index for column in table.columns]
    return int(hidden.sum()), [
        f"{name}: {labels[cell]} lies between {least:.0f} and {greatest:.0f}, through its totals."
        for cell, (least, greatest) in narrow.items()
    ]
