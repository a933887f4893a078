"""Hold design, units, draws, outcomes and results to the register; say what was not checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError, LspError
from lsp_analysis.experiments.analysis.findings import TrialResult
from lsp_analysis.experiments.draw.constrained import Constrained
from lsp_analysis.experiments.draw.hash_stream import seed_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol.reading import parse_design
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.chain import Entry
from lsp_analysis.experiments.record.folder import (
    allocation_text,
    digest_of,
    experiment_before,
    open_experiment,
    plan_before,
)
from lsp_analysis.showing import Shown

SAME = 1e-6  # relative difference up to which numbers worked out again are the same


@dataclass(frozen=True)
class Verification(Shown):
    """What `verify` found.

    Attributes
    ----------
    checked : tuple of str
        What was held against the register and found as it was.
    problems : tuple of str
        What was not, each named with its line.
    unchecked : tuple of str
        What could not be checked, and why.
    head : str
        Hash of the last line that holds; compare it with the copy of the other party.
    """

    checked: tuple[str, ...]
    problems: tuple[str, ...]
    unchecked: tuple[str, ...]
    head: str

    @property
    def holds(self) -> bool:
        """Whether nothing was found altered."""
        return not self.problems

    def summary_frame(self) -> pd.DataFrame:
        """One row per thing checked: what, and whether it holds."""
        found = (self.checked, "holds"), (self.problems, "altered"), (self.unchecked, "not checked")
        rows = [(text, status) for texts, status in found for text in texts]
        return pd.DataFrame(rows, columns=["what", "status"])

    def sentence(self) -> wording.Sentence:
        """What holds, what does not, what was not checked, and the head."""
        if self.problems:
            return wording.Sentence(" ".join(self.problems))
        said = [f"What was checked holds: {'; '.join(self.checked)}."]
        said += self.unchecked
        said.append(f"Head of the register: {self.head}.")
        return wording.Sentence(" ".join(said))


def verify(folder: str | Path, *, head: str = "", recompute: bool = True) -> Verification:
    """Check the chain, then every file, draw and result that it vouches for.

    Parameters
    ----------
    head : str, optional
        The whole hash that the other party holds. A register without it was cut short, branched or
        written anew; a draw that answers another head was not made from what was handed over.
    recompute : bool
        Whether to analyse the outcomes again as well (seconds) rather than compare files only.
    """
    folder, head = Path(folder), head.strip().lower()
    try:
        entries = chain.read_register(folder)
    except DesignError as error:
        return Verification((), (str(error),), (), "")
    if not entries:
        return Verification((), (f"There is no register in {folder}.",), (), "")
    checked = [f"{wording.counted(len(entries), 'line')} of the register"]
    problems, unchecked = _about_head(entries, head)
    if cut := chain.unfinished(folder):
        problems.append(cut)
    looks: list[tuple[str, Callable[[Path, list[Entry]], list[str] | None]]] = [
        ("the design with its units", _look_at_plan),
        ("the draw, made again from its text", _look_at_draws),
        ("the outcomes that were analysed", _look_at_outcomes),
        ("the files of results", _look_at_files),
    ]
    if recompute:
        looks.append(("the numbers, worked out again", _look_at_numbers))
    for name, look in looks:
        try:
            left = look(folder, entries)
        except LspError as error:
            if str(error) not in problems:
                problems.append(str(error))
            continue
        if left is not None:
            unchecked += left
            checked += [name] if not left else []
    if opened := [e.content["sha256"] for e in entries if e.kind == "analysed"]:
        files = wording.counted(len(set(opened)), "outcomes file")
        checked.append(
            f"{wording.counted(len(opened), 'analysis', 'analyses')} on record, of {files}"
        )
    return Verification(tuple(checked), tuple(problems), tuple(unchecked), entries[-1].hash)


def _about_head(entries: list[Entry], head: str) -> tuple[list[str], list[str]]:
    """Problems with the head handed over, and what is open without one."""
    if not head:
        return [], [
            "No head was given, so a register that was cut short or written anew as a whole would "
            "not show: pass the hash that the other party holds as --head."
        ]
    if not re.fullmatch("[0-9a-f]{64}", head):
        return [
            f"{head[:70]!r} is not a head of a register: give all 64 characters of the hash."
        ], []
    place = next((n for n, entry in enumerate(entries) if entry.hash == head), None)
    if place is None:
        return [
            f"No line of the register has the hash {head}: its end was cut off, it was branched "
            "before that line, or it was written anew."
        ], []
    draws = [entry for entry in entries[place + 1 :] if entry.kind == "allocated"]
    if draws and not any(entry.kind == "allocated" for entry in entries[: place + 1]):
        answered = draws[0].content.get("answers", plan_before(entries, draws[0]).hash)
        if answered != head:
            between = draws[0].number - entries[place].number - 1
            return [
                f"The draw of line {draws[0].number} does not answer the head handed over (line "
                f"{place + 1}): {wording.counted(between, 'line')} came in between, so the design "
                "could have been changed until the draw suited. Ask why; the other party should "
                "have been given the later head before the text was known."
            ], []
    return [], []


def _look_at_plan(folder: Path, entries: list[Entry]) -> list[str]:
    open_experiment(folder).units  # noqa: B018
    plan, drawn = entries[0], False
    for entry in entries:
        if entry.kind == "allocated":
            drawn = True
        elif entry.kind == "amended":
            how = parse_design(plan.content["design"]).randomisation
            if not drawn and (not how.source_date or entry.date >= how.source_date):
                raise DesignError(
                    f"Line {entry.number} of the register changed the design before the draw, when "
                    f"the text that seeds it ({how.source or 'not named'}) could be known."
                )
            plan, drawn = entry, drawn and not entry.content["redraw"]
    return []


def _look_at_draws(folder: Path, entries: list[Entry]) -> list[str] | None:
    """Hold every allocation file to its line, and make every draw again."""
    drawn = [entry for entry in entries if entry.kind == "allocated"]
    names = {entry.content["file"] for entry in drawn}
    strays = sorted(f.name for f in folder.glob("allocation*.csv") if f.name not in names)
    if strays:
        raise DesignError(
            f"{folder / strays[0]} is there, and no draw of it is on record. Remove it, or restore "
            "the register from the copy that the other party holds."
        )
    left, seen = [], set()
    for entry in drawn:
        again = _drawn_again(folder, entries, entry)
        file = folder / entry.content["file"]
        if not file.exists():
            raise DesignError(
                f"{file} is missing, and line {entry.number} of the register has it on record. "
                "`lsp-analysis design draw` with the same text writes it again."
            )
        if chain.sha256_of(file) != entry.content["sha256"]:
            now = file.read_bytes().decode(errors="replace")
            where = chain.first_difference(again[2], now) if again else ""
            where = f" ({where})" if where else ""
            raise DesignError(
                f"{file} was altered: it is not the file that line {entry.number} of the register "
                f"has on record{where}. Put it back from the other party's copy."
            )
        if entry.content["text"] in seen:
            raise DesignError(f"The text of line {entry.number} seeded a draw before.")
        seen.add(entry.content["text"])
        if again is None:
            left.append(
                f"The draw of line {entry.number} could not be made again: the list of units was "
                "amended after it."
            )
            continue
        _check_draw(again, entry)
    if len(drawn) > 1:
        left.append(f"Units were drawn {wording.times(len(drawn))}: see the amendments.")
    return left if drawn else None


def _drawn_again(folder: Path, entries: list[Entry], draw: Entry) -> tuple[Scheme, str, str] | None:
    """Scheme, seed and allocation as the register gives them; None if the units changed since."""
    then = experiment_before(folder, entries, draw)
    if then.changed():
        return None  # amended since, or altered, which is said elsewhere
    answers = draw.content.get("answers", then.plan.hash)
    if answers not in (then.head, then.plan.hash):
        raise DesignError(
            f"The draw of line {draw.number} answers a head that is not that of the line before it."
        )
    seed = seed_of(answers, draw.content["text"])
    return then.scheme, seed, allocation_text(then.scheme, seed)


def _check_draw(again: tuple[Scheme, str, str], draw: Entry) -> None:
    """A register forged as a whole still has to give this allocation from its seed."""
    scheme, seed, text = again
    if digest_of(text) != draw.content["sha256"] or seed != draw.content["seed"]:
        raise DesignError(
            f"The allocation of line {draw.number} is not the one that the registration and the "
            "text of the other party give. It was not drawn by this register."
        )
    if isinstance(scheme, Constrained) and scheme.digest != draw.content.get("acceptable"):
        raise DesignError(f"The acceptable allocations of line {draw.number} are not these.")


def _look_at_outcomes(folder: Path, entries: list[Entry]) -> list[str] | None:
    """Hold the outcomes that were analysed, and looked at, to their lines."""
    opened = [e for e in entries if e.kind in ("analysed", "look")]
    latest = {e.content["file"]: (e.content["sha256"], e) for e in opened}
    restore = "Restore it from a copy, or analyse it, which goes on record."
    return _compared(folder, latest, restore)


def _look_at_files(folder: Path, entries: list[Entry]) -> list[str] | None:
    """Hold the pages and tables of the last analysis to their lines."""
    published = [e for e in entries if e.kind == "published"]
    latest = {n: (digest, e) for e in published for n, digest in e.content["files"].items()}
    return _compared(folder, latest, "`lsp-analysis design analyse` writes it again.")


def _compared(folder: Path, latest: dict[str, tuple[str, Entry]], remedy: str) -> list[str] | None:
    """What is not in the folder of files on record; DesignError for one that was altered."""
    left = []
    for name, (digest, entry) in latest.items():
        file = folder / Path(name).name
        if not file.is_file():
            left.append(
                f"{name} of line {entry.number} is not in the folder, so it was not compared."
            )
        elif chain.sha256_of(file) != digest:
            raise DesignError(
                f"{file} was altered: it is not the file that line {entry.number} of the register "
                f"has on record. {remedy}"
            )
    return left if latest else None


def _look_at_numbers(folder: Path, entries: list[Entry]) -> list[str] | None:
    """Work out every look and analysis again whose outcomes are there; decisions rest on them."""
    from lsp_analysis.experiments.analysis.opening import analysis_of, look_of

    last = {(e.kind, e.content["sha256"]): e for e in entries if e.kind in ("analysed", "look")}
    left, results = [], {}
    for (kind, digest), entry in last.items():
        file = folder / Path(entry.content["file"]).name
        if not file.is_file() or chain.sha256_of(file) != digest:
            continue  # which is said elsewhere
        then = experiment_before(folder, entries, entry)
        if then.changed():
            left.append(
                f"Line {entry.number} could not be worked out again: the list of units was amended "
                "after it."
            )
        elif kind == "look":
            _check_rows(entry, entry.content["arms"], look_of(then, file, entry.date)[1]["arms"])
        else:
            content, results[digest] = analysis_of(then, file)
            _check_rows(entry, entry.content["findings"], content["findings"])
    _check_decisions(entries)
    _check_table(folder, entries, results)
    return left if last else None


def _check_rows(entry: Entry, on_record: list[dict], again: list[dict]) -> None:
    for was, now in zip_longest(on_record, again, fillvalue={}):
        if not _alike(was, now):
            raise DesignError(
                f"Line {entry.number} of the register has {was} on record; the outcomes give "
                f"{now}. The design, the outcomes or this package's version is not that of the "
                "analysis."
            )


def _check_decisions(entries: list[Entry]) -> None:
    """A decision repeats the finding of the analysis before it."""
    findings: dict[str, dict] = {}
    for entry in entries:
        if entry.kind == "analysed":
            findings = {row["arm"]: row for row in entry.content["findings"]}
        elif entry.kind == "decided":
            own = findings.get(entry.content["arm"], {})
            for name in ("finding", "estimate", "low", "high"):
                if entry.content[name] != own.get(name):
                    raise DesignError(
                        f"Line {entry.number} of the register decides on a {name} of "
                        f"{entry.content[name]}; the analysis before it has {own.get(name)}."
                    )


def _check_table(folder: Path, entries: list[Entry], results: dict[str, TrialResult]) -> None:
    """Hold the table of results, where it was written, to the outcomes that it was made from."""
    from lsp_analysis.experiments.analysis.opening import all_numbers

    file, digest, written = folder / "result.csv", "", None
    for entry in entries:
        if entry.kind == "published" and file.name in entry.content["files"]:
            written = entry, digest
        elif entry.kind == "analysed":
            digest = entry.content["sha256"]
    if written is None or written[1] not in results or not file.is_file():
        return
    numbers = all_numbers(results[written[1]])
    try:
        told = pd.read_csv(file)
    except ValueError:  # not UTF-8, or not a table
        told = pd.DataFrame()
    for column in ("estimate", "low", "high", "p_value", "p_adjusted"):
        was = pd.to_numeric(told[column], errors="coerce").to_numpy() if column in told else []
        now = numbers[column].to_numpy(float)
        if len(was) != len(now) or not np.allclose(was, now, rtol=SAME, atol=SAME, equal_nan=True):
            raise DesignError(
                f"{file} is not what the outcomes give (column {column}), although line "
                f"{written[0].number} of the register has it on record. `lsp-analysis design "
                "analyse` writes it again."
            )


def _alike(was: dict, now: dict) -> bool:
    """Whether rows say the same, numbers up to rounding."""
    return was.keys() == now.keys() and all(
        math.isclose(old, new, rel_tol=SAME, abs_tol=2e-6)
        if isinstance(old, float) and isinstance(new, float)
        else old == new
        for old, new in ((was[name], now[name]) for name in now)
    )
