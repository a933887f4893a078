"""An experiment is a folder of design, units, register and allocation: open it, register it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError, LspError
from lsp_analysis.experiments.draw.methods import scheme_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol import reading as protocol
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.protocol.unit_list import check_room, read_units
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.chain import Entry

PLANS = ("registered", "amended")


@dataclass(frozen=True)
class Experiment:
    """One registered experiment. The design is the one on record, never an unregistered edit."""

    path: Path
    entries: tuple[Entry, ...] = field(repr=False)
    design: Design = field(repr=False)

    @property
    def head(self) -> str:
        """Hash of the register's last line: what the other party should hold."""
        return self.entries[-1].hash

    @property
    def plan(self) -> Entry:
        """The entry that holds the design in force."""
        return plan_before(self.entries)

    @property
    def amendments(self) -> pd.DataFrame:
        """One row per amendment: number, date, reason, changes, and when it was made."""
        rows, drawn, opened = [], False, False
        for entry in self.entries:
            drawn |= entry.kind == "allocated"
            opened |= entry.kind == "outcomes"
            if entry.kind == "amended":
                when = "after the outcomes" if opened else "after the draw" if drawn else "before"
                rows.append(
                    {
                        "amendment": len(rows) + 1,
                        "date": entry.date,
                        "reason": entry.content["note"],
                        "changes": "; ".join(entry.content["changes"]),
                        "made": when if when != "before" else "before the draw",
                    }
                )
        return pd.DataFrame(rows, columns=["amendment", "date", "reason", "changes", "made"])

    @property
    def deviations(self) -> pd.DataFrame:
        """One row per departure from the protocol: date and what it was."""
        rows = [(e.date, e.content["what"]) for e in self.entries if e.kind == "deviation"]
        return pd.DataFrame(rows, columns=["date", "deviation"])

    @property
    def crossed(self) -> dict[str, str]:
        """Arms that crossed a bound at a look on record: "benefit" or "harm", the first to come."""
        looks = [entry.content["arms"] for entry in self.entries if entry.kind == "look"]
        found = [(row["arm"], row["crossed"]) for rows in looks for row in rows if row["crossed"]]
        return dict(reversed(found))

    @cached_property
    def units(self) -> pd.DataFrame:
        """The units file as registered; DesignError if it was changed since."""
        file = self.path / self.design.randomisation.units
        _check_file(file, self.plan.content["files"][file.name], self.plan.number)
        return read_units(file, self.design)

    @property
    def draw(self) -> Entry | None:
        """The draw in force: none before it, or once an amendment asks for another."""
        latest = None
        for entry in self.entries:
            if entry.kind == "allocated":
                latest = entry
            elif entry.kind == "amended" and entry.content["redraw"]:
                latest = None
        return latest

    @cached_property
    def scheme(self) -> Scheme:
        """The scheme that units were, or are to be, randomised with."""
        return scheme_of(self.design, self.units, key=plan_before(self.entries, self.draw).hash)

    def what_a_test_can_do(self) -> wording.Sentence:
        """How many draws there are, and what a test can find with those that two arms leave.

        Of several arms, the one with the fewest draws is told of: it is compared with the control
        over the draws that leave the other arms as they are.
        """
        alpha = 1 - self.design.analysis.level
        if self.design.is_wedge or len(self.design.active) == 1:
            return self.scheme.sentence(alpha)
        example = self.scheme.draw("example")
        pairs = [self.scheme.given(example, (0, arm)) for arm in range(1, len(self.design.arms))]
        fewest = min(pairs, key=lambda pair: pair.attainable_level(alpha))
        left = str(fewest.sentence(alpha)).replace("The scheme allows", "That leaves", 1)
        return wording.Sentence(
            f"{self.scheme.how_many()}, and each arm is compared with the control over those that "
            f"leave the other arms as they are. {left}"
        )

    @cached_property
    def allocation(self) -> pd.DataFrame:
        """Columns ``unit``, ``block``, ``arm``: the draw on record.

        Raises
        ------
        DesignError
            Nothing was drawn yet, or the file is not the one on record.
        """
        if self.draw is None:
            raise DesignError(
                "No allocation is on record. Draw it first: `lsp-analysis design draw FOLDER "
                "--text "
                "TEXT`, the text given by the other party."
            )
        file = self.path / self.draw.content["file"]
        _check_file(file, self.draw.content["sha256"], self.draw.number)
        return pd.read_csv(file, dtype={"unit": str, "arm": str}, keep_default_na=False)


def open_experiment(folder: str | Path) -> Experiment:
    """Open a registered experiment.

    Raises
    ------
    DesignError
        It is not registered, its register was altered, or ``design.toml`` was edited since.
    """
    folder = Path(folder)
    entries = chain.read_register(folder)
    if not entries:
        raise DesignError(
            f"The design in {folder} is not registered. Freeze it with `lsp-analysis design "
            "register "
            f"{folder}`."
        )
    plan = plan_before(entries)
    file = folder / protocol.FILE
    if not file.is_file() or file.read_bytes() != plan.content["design"].encode():
        raise DesignError(_what_was_edited(file, plan))
    design = protocol.parse_design(plan.content["design"], name=str(file))
    return Experiment(folder, tuple(entries), design)


def plan_before(entries: Sequence[Entry], limit: Entry | None = None) -> Entry:
    """The last registration or amendment; with `limit`, the last before that entry."""
    end = len(entries) if limit is None else limit.number - 1
    return next(entry for entry in reversed(entries[:end]) if entry.kind in PLANS)


def register_design(
    folder: str | Path, *, note: str = "", redraw: bool = False, now: dt.datetime | None = None
) -> Entry:
    """Freeze the design in `folder`: its first version, or a numbered amendment.

    Parameters
    ----------
    note : str
        Why; an amendment must have one.
    redraw : bool
        Whether this amendment asks for the units to be drawn again.
    now : datetime, optional
        Time of the entry; the clock's by default.

    Raises
    ------
    DesignError
        Design or units do not hold together, nothing changed, or an amendment has no reason.
    """
    folder = Path(folder)
    protocol.read_design(folder)  # says what is wrong before anything is locked
    with chain.alone(folder):
        return _register(folder, note, redraw, now)


def _register(folder: Path, note: str, redraw: bool, now: dt.datetime | None) -> Entry:
    design = protocol.read_design(folder)
    units = folder / design.randomisation.units
    _try_scheme(design, units)
    content = {
        "design": (folder / protocol.FILE).read_bytes().decode(),
        "files": {units.name: chain.sha256_of(units)},
        "note": note.strip(),
    }
    entries = chain.read_register(folder)
    if not entries:
        return chain.add(folder, "registered", content, now=now)
    changes = _changes(plan_before(entries), content, design)
    _check_amendment(changes, note, redraw, entries)
    return chain.add(folder, "amended", content | {"changes": changes, "redraw": redraw}, now=now)


def _check_file(file: Path, expected: str, line: int) -> None:
    if chain.sha256_of(file) != expected:
        raise DesignError(
            f"{file} was altered: it is not the file that line {line} of the register has on "
            "record. "
            "Restore it from a copy, or register an amendment that says why it changed."
        )


def _try_scheme(design: Design, units: Path) -> None:
    """Raise what would be raised at the draw, while it can still be put right."""
    table = read_units(units, design)
    check_room(design, table, scheme_of(design, table, key="room"))


def _what_was_edited(file: Path, plan: Entry) -> str:
    """Which fields of the design differ from those on record."""
    advice = (
        "Register the change with a reason (`lsp-analysis design register FOLDER --note REASON`), "
        "or put the file back."
    )
    try:
        old = protocol.parse_design(plan.content["design"])
        changed = protocol.differences(old, protocol.read_design(file))
    except LspError as error:
        changed = [str(error).rstrip(".")]
    listed = "; ".join(changed[:5]) or "blanks or comments only"
    now = file.read_bytes().decode(errors="replace") if file.is_file() else ""
    where = chain.first_difference(plan.content["design"], now)
    where = f" in its {where}" if where.startswith("line") else f": {where}"
    return (
        f"{file} was altered after line {plan.number} of the register{where} ({listed}). {advice}"
    )


def _changes(before: Entry, content: dict, design: Design) -> list[str]:
    changes = protocol.differences(protocol.parse_design(before.content["design"]), design)
    for name, digest in content["files"].items():
        if before.content["files"].get(name) != digest:
            changes.append(f"{name}: another list of units")
    if not changes and before.content["design"] != content["design"]:
        changes.append("design.toml: wording of blanks or comments only")
    return changes


def _check_amendment(changes: list[str], note: str, redraw: bool, entries: list[Entry]) -> None:
    if not changes and not redraw:
        raise DesignError("Nothing changed since the last registration, so there is no amendment.")
    if not note.strip():
        raise DesignError(
            f"An amendment needs a reason: --note REASON. It changes {'; '.join(changes[:5])}."
        )
    drawn = any(entry.kind == "allocated" for entry in entries)
    moved = [change for change in changes if _moves_units(change)]
    if drawn and moved and not redraw:
        raise DesignError(
            f"The units are drawn already, and this changes what was drawn: {'; '.join(moved)}. "
            "Put it back, or ask for another draw with --redraw."
        )
    if redraw and any(entry.kind == "outcomes" for entry in entries):
        raise DesignError(
            "The outcomes have been opened, so units cannot be drawn again. Start the next round."
        )


def _moves_units(change: str) -> bool:
    """Whether an amendment touches who is randomised, or how."""
    name = change.split(":")[0]
    of_arm = name.startswith("arms.") and name.split(".")[-1] in ("name", "share", "role")
    return of_arm or name.startswith("randomisation.") or change.endswith("another list of units")
