"""Hold design, units, draws, outcomes and results to the register; say what was not checked."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError, LspError
from lsp_analysis.experiments.analysis.opening import all_numbers, analysis_of, look_of
from lsp_analysis.experiments.protocol.reading import parse_design
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.chain import Entry
from lsp_analysis.experiments.record.folder import (
    altered,
    experiment_before,
    open_experiment,
    plan_before,
)
from lsp_analysis.experiments.record.registration import draw_of, evidence_of
from lsp_analysis.showing import Shown

SAME = 1e-6  # relative difference up to which numbers worked out again are the same
NUMBERS = ["estimate", "low", "high", "p_value", "p_adjusted"]
NO_HEAD = (
    "No head was given, so a register that was cut short or written anew as a whole would not "
    "show: pass the hash that the other party holds as --head."
)
RESTORE = "Restore it from a copy, or analyse it, which goes on record."
TABLE = "result.csv"
WRITE_AGAIN = "`lsp-analysis design analyse` writes it again."


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
        holds = f"What was checked holds: {'; '.join(self.checked)}."
        all_told = holds, *self.unchecked, f"Head of the register: {self.head}."
        return wording.Sentence(" ".join(self.problems or all_told))


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
    unchecked = [] if head else [NO_HEAD]
    problems = [said for said in (_about_head(entries, head), chain.unfinished(folder)) if said]
    drawn = [entry for entry in entries if entry.kind == "allocated"]
    opened = [entry for entry in entries if entry.kind in ("analysed", "look")]
    published = [entry for entry in entries if entry.kind == "published"]
    outcomes = {e.content["file"]: (e.content["sha256"], e) for e in opened}
    results = {name: (digest, e) for e in published for name, digest in e.content["files"].items()}
    looks = [
        ("the design with its units", entries, _look_at_plan(folder, entries)),
        ("the draw, made again from its text", drawn, _look_at_draws(folder, entries, drawn)),
        ("the outcomes that were analysed", opened, _compared(folder, outcomes, RESTORE)),
        ("the files of results", published, _compared(folder, results, WRITE_AGAIN)),
        ("the numbers, worked out again", opened, _look_at_numbers(folder, entries, opened)),
    ]
    for name, own, look in looks if recompute else looks[:-1]:
        try:
            left = list(look)
        except LspError as error:
            problems += [str(error)] if str(error) not in problems else []
            continue
        unchecked += left
        checked += [name] if own and not left else []
    if analysed := [e.content["sha256"] for e in opened if e.kind == "analysed"]:
        files = wording.counted(len(set(analysed)), "outcomes file")
        number = wording.counted(len(analysed), "analysis", "analyses")
        checked.append(f"{number} on record, of {files}")
    return Verification(tuple(checked), tuple(problems), tuple(unchecked), entries[-1].hash)


def _about_head(entries: list[Entry], head: str) -> str:
    """What is wrong with the head handed over; empty if nothing is, or there is none."""
    if not head:
        return ""
    if not re.fullmatch("[0-9a-f]{64}", head):
        return f"{head[:70]!r} is not a head of a register: give all 64 characters of the hash."
    held = next((entry.number for entry in entries if entry.hash == head), None)
    if held is None:
        return (
            f"No line of the register has the hash {head}: its end was cut off, it was branched "
            "before that line, or it was written anew."
        )
    first = next((entry for entry in entries if entry.kind == "allocated"), None)
    if first is None or first.number <= held or _answered(entries, first) == head:
        return ""
    return (
        f"The draw of line {first.number} does not answer the head handed over (line {held}): "
        f"{wording.counted(first.number - held - 1, 'line')} came in between, so the design "
        "could have been changed until the draw suited. Ask why; the other party should have been "
        "given the later head before the text was known."
    )


def _answered(entries: list[Entry], draw: Entry) -> str:
    """The head that a draw answers; one that does not say it answers its registration."""
    return draw.content.get("answers", plan_before(entries, draw).hash)


def _look_at_plan(folder: Path, entries: list[Entry]) -> Iterator[str]:
    """The design and units as on record, and no amendment before a draw whose text was known."""
    yield from ()  # it has nothing to say but faults
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


def _look_at_draws(folder: Path, entries: list[Entry], drawn: list[Entry]) -> Iterator[str]:
    """Hold every allocation file to its line, and make every draw again."""
    names = {entry.content["file"] for entry in drawn}
    strays = sorted(f.name for f in folder.glob("allocation*.csv") if f.name not in names)
    if strays:
        raise DesignError(
            f"{folder / strays[0]} is there, and no draw of it is on record. Remove it, or restore "
            "the register from the copy that the other party holds."
        )
    texts = [entry.content["text"] for entry in drawn]
    for place, entry in enumerate(drawn):
        was, file = entry.content, folder / entry.content["file"]
        then, answers = experiment_before(folder, entries, entry), _answered(entries, entry)
        again, text = {}, ""
        if not then.changed():  # amended since, or altered, which is said elsewhere
            if answers not in (then.head, then.plan.hash):
                raise DesignError(
                    f"The draw of line {entry.number} answers a head that is not that of the line "
                    "before it."
                )
            again, text = draw_of(then, was["text"], answers)
        if not file.exists():
            raise DesignError(
                f"{file} is missing, and line {entry.number} of the register has it on record. "
                "`lsp-analysis design draw` with the same text writes it again."
            )
        if chain.sha256_of(file) != was["sha256"]:
            now = file.read_bytes().decode(errors="replace")
            where = chain.first_difference(text, now) if again else ""
            raise altered(file, entry, "Put it back from the other party's copy.", where)
        if was["text"] in texts[:place]:
            raise DesignError(f"The text of line {entry.number} seeded a draw before.")
        if not again:
            yield (
                f"The draw of line {entry.number} could not be made again: the list of units was "
                "amended after it."
            )
        elif not again.items() <= ({"answers": answers} | was).items():
            raise DesignError(
                f"The allocation of line {entry.number} is not the one that the registration and "
                "the text of the other party give. It was not drawn by this register."
            )
    if len(drawn) > 1:
        yield f"Units were drawn {wording.times(len(drawn))}: see the amendments."


def _compared(folder: Path, latest: dict[str, tuple[str, Entry]], remedy: str) -> Iterator[str]:
    """Files on record that are not in the folder; DesignError for one that was altered."""
    for name, (digest, entry) in latest.items():
        file = folder / Path(name).name
        if not file.is_file():
            yield f"{name} of line {entry.number} is not in the folder, so it was not compared."
        elif chain.sha256_of(file) != digest:
            raise altered(file, entry, remedy)


def _look_at_numbers(folder: Path, entries: list[Entry], opened: list[Entry]) -> Iterator[str]:
    """Work out every look and analysis again whose outcomes are there; decisions rest on them."""
    results, digest, table = {}, "", None
    for entry in {(e.kind, e.content["sha256"]): e for e in opened}.values():
        was, file = entry.content, folder / Path(entry.content["file"]).name
        if not file.is_file() or chain.sha256_of(file) != was["sha256"]:
            continue  # which is said elsewhere
        then = experiment_before(folder, entries, entry)
        if then.changed():
            yield (
                f"Line {entry.number} could not be worked out again: the list of units was amended "
                "after it."
            )
            continue
        if entry.kind == "look":
            rows, now = "arms", look_of(then, file, entry.date)[1]
        else:
            rows, (now, results[was["sha256"]]) = "findings", analysis_of(then, file)
        for old, new in zip_longest(was[rows], now[rows], fillvalue={}):
            if not _alike(old, new):
                raise DesignError(
                    f"Line {entry.number} of the register has {old} on record; the outcomes give "
                    f"{new}. The design, the outcomes or this package's version is not that of the "
                    "analysis."
                )
    for entry in entries:
        if entry.kind == "analysed":
            digest = entry.content["sha256"]
        elif entry.kind == "decided":  # repeats the finding of the analysis before it
            now = evidence_of(experiment_before(folder, entries, entry), entry.content["arm"])
            for name in ("finding", "estimate", "low", "high"):
                if entry.content[name] != now[name]:
                    raise DesignError(
                        f"Line {entry.number} of the register decides on a {name} of "
                        f"{entry.content[name]}; the analysis before it has {now[name]}."
                    )
        elif entry.kind == "published" and TABLE in entry.content["files"]:
            table = results.get(digest), entry.number
    if table and table[0] and (folder / TABLE).is_file():
        _check_table(folder / TABLE, all_numbers(table[0]), table[1])


def _check_table(file: Path, numbers: pd.DataFrame, line: int) -> None:
    """Hold the table of results to the outcomes that it was made from."""
    now = numbers[NUMBERS].astype(float)
    try:
        told = pd.read_csv(file).reindex(columns=NUMBERS)
    except ValueError:  # not UTF-8, or not a table
        told = now.head(0)
    told = told.apply(pd.to_numeric, errors="coerce")
    for name in NUMBERS:
        if len(told) != len(now) or not np.allclose(
            told[name], now[name], rtol=SAME, atol=SAME, equal_nan=True
        ):
            raise DesignError(
                f"{file} is not what the outcomes give (column {name}), although line {line} of "
                f"the register has it on record. {WRITE_AGAIN}"
            )


def _alike(was: dict, now: dict) -> bool:
    """Whether rows say the same, numbers up to rounding."""
    return was.keys() == now.keys() and all(
        math.isclose(old, now[name], rel_tol=SAME, abs_tol=2e-6)
        if isinstance(old, float) and isinstance(now[name], float)
        else old == now[name]
        for name, old in was.items()
    )
