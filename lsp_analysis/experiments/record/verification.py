"""Prove that nothing on record was changed: register, design, units, allocation, draw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.constrained import Constrained
from lsp_analysis.experiments.draw.hash_stream import seed_of
from lsp_analysis.experiments.draw.methods import scheme_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol.reading import parse_design
from lsp_analysis.experiments.protocol.unit_list import read_units
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.allocation import allocation_text
from lsp_analysis.experiments.record.chain import Entry
from lsp_analysis.experiments.record.folder import open_experiment, plan_before
from lsp_analysis.showing import Shown


@dataclass(frozen=True)
class Verification(Shown):
    """What `verify` found.

    Attributes
    ----------
    checked : tuple of str
        What was held against the register and found as it was.
    problems : tuple of str
        What was not, each named with its line.
    head : str
        Hash of the last line that holds; compare it with the copy of the other party.
    """

    checked: tuple[str, ...]
    problems: tuple[str, ...]
    head: str

    @property
    def holds(self) -> bool:
        """Whether nothing was found altered."""
        return not self.problems

    def summary_frame(self) -> pd.DataFrame:
        """One row per thing checked: what, and whether it holds."""
        rows = [(text, "holds") for text in self.checked]
        return pd.DataFrame(
            [*rows, *((text, "altered") for text in self.problems)], columns=["what", "status"]
        )

    def sentence(self) -> wording.Sentence:
        """The finding in one line, with the head."""
        if self.problems:
            return wording.Sentence(" ".join(self.problems))
        return wording.Sentence(
            f"Everything on record holds: {wording.and_list(self.checked)}. "
            f"Head of the register: {self.head}."
        )


def verify(folder: str | Path, *, head: str = "") -> Verification:
    """Check the chain, then every file and draw that it vouches for.

    Parameters
    ----------
    head : str, optional
        The hash of a line, as the other party holds it (its first dozen characters will do). A
        register that does not have it was cut short or written anew.
    """
    try:
        entries = chain.read_register(folder)
    except DesignError as error:
        return Verification((), (str(error),), "")
    if not entries:
        return Verification((), (f"There is no register in {folder}.",), "")
    checked, problems = [f"{wording.counted(len(entries), 'line')} of the register"], []
    if head and not any(entry.hash.startswith(head.strip().lower()) for entry in entries):
        problems.append(
            f"No line of the register has the hash {head}: its end was cut off, or it was written "
            "anew."
        )
    for name, look in (("the design with its units", _look_at_plan), ("the draw", _look_at_draws)):
        try:
            if look(Path(folder), entries):
                checked.append(name)
        except DesignError as error:
            problems.append(str(error))
    return Verification(tuple(checked), tuple(problems), entries[-1].hash)


def _look_at_plan(folder: Path, entries: list[Entry]) -> bool:
    experiment = open_experiment(folder)
    return len(experiment.units) > 0


def _look_at_draws(folder: Path, entries: list[Entry]) -> bool:
    """Hold every allocation file to its line, and draw the one in force again."""
    drawn = [entry for entry in entries if entry.kind == "allocated"]
    for entry in drawn:
        file = folder / entry.content["file"]
        if chain.sha256_of(file) != entry.content["sha256"]:
            where = _altered_line(file, _drawn_again(folder, entries, entry))
            raise DesignError(
                f"{file} was altered: it is not the file that line {entry.number} of the register "
                f"has on record{where}. Put it back from the other party's copy."
            )
    if drawn:
        _check_draw(_drawn_again(folder, entries, drawn[-1]), drawn[-1])
    return bool(drawn)


def _drawn_again(folder: Path, entries: list[Entry], draw: Entry) -> tuple[Scheme, str, str] | None:
    """Scheme, seed and allocation as the register gives them; None if the units changed since."""
    plan = plan_before(entries, draw)
    design = parse_design(plan.content["design"])
    units = folder / design.randomisation.units
    if chain.sha256_of(units) != plan.content["files"][units.name]:
        return None  # amended since, or altered, which is said elsewhere
    scheme = scheme_of(design, read_units(units, design), key=plan.hash)
    seed = seed_of(plan.hash, draw.content["text"])
    return scheme, seed, allocation_text(scheme, scheme.draw(seed))


def _check_draw(again: tuple[Scheme, str, str] | None, draw: Entry) -> None:
    """A register forged as a whole still has to give this allocation from its seed."""
    if again is None:
        return
    scheme, seed, text = again
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest != draw.content["sha256"] or seed != draw.content["seed"]:
        raise DesignError(
            f"The allocation of line {draw.number} is not the one that the registration and the "
            "text of the other party give. It was not drawn by this register."
        )
    if isinstance(scheme, Constrained) and scheme.digest != draw.content["acceptable"]:
        raise DesignError(f"The acceptable allocations of line {draw.number} are not these.")


def _altered_line(file: Path, again: tuple[Scheme, str, str] | None) -> str:
    """Which line of the allocation is not what the register draws, as the end of a sentence."""
    if again is None:
        return ""
    where = chain.first_difference(again[2], file.read_bytes().decode(errors="replace"))
    return f" ({where})" if where else ""
