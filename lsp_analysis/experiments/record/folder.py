"""An experiment is a folder of design, units, register and allocation: open it, register it."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.errors import DesignError, LspError
from lsp_analysis.experiments.draw.methods import scheme_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol import reading
from lsp_analysis.experiments.protocol.design import Comparison, Design
from lsp_analysis.experiments.protocol.unit_list import (
    check_apart,
    check_room,
    read_bytes,
    read_units,
)
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
        rows, when = [], "before the draw"
        for entry in self.entries:
            if entry.kind == "allocated" and when == "before the draw":
                when = "after the draw"
            elif entry.kind == "analysed":
                when = "after the outcomes"
            elif entry.kind == "amended":
                changes = "; ".join(entry.content["changes"])
                rows.append((len(rows) + 1, entry.date, entry.content["note"], changes, when))
        return pd.DataFrame(rows, columns=["amendment", "date", "reason", "changes", "made"])

    @property
    def deviations(self) -> pd.DataFrame:
        """One row per departure from the protocol: date and what it was."""
        found = [
            (e.date, e.content["what" if e.kind == "deviation" else "deviation"])
            for e in self.entries
            if e.kind == "deviation" or e.content.get("deviation")
        ]
        return pd.DataFrame(found, columns=["date", "deviation"])

    @property
    def crossed(self) -> dict[str, str]:
        """Arms that crossed a bound at a look on record: "benefit" or "harm", the first to come."""
        looks = [entry.content["arms"] for entry in self.entries if entry.kind == "look"]
        found = [(row["arm"], row["crossed"]) for rows in looks for row in rows if row["crossed"]]
        return dict(reversed(found))

    @property
    def looks(self) -> tuple[float, ...]:
        """Share of the information at each planned look on record."""
        taken = [e for e in self.entries if e.kind == "look" and e.content["look"]]
        return tuple(float(e.content["information"]) for e in taken if "information" in e.content)

    @property
    def opened(self) -> list[str]:
        """SHA-256 of each different outcomes file that was analysed, in order."""
        return list(
            dict.fromkeys(e.content["sha256"] for e in self.entries if e.kind == "analysed")
        )

    @cached_property
    def units(self) -> pd.DataFrame:
        """The units file as registered; DesignError if it was changed since."""
        for name, digest in self.plan.content["files"].items():
            _check_file(self.path / name, digest, self.plan.number)
        name = self.design.randomisation.units
        found = read_units(self.path / name, self.design)
        if found.attrs["sha256"] != self.plan.content["files"].get(name):
            raise DesignError(f"{self.path / name} was changed just now. Try again.")
        return found

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
        """How many allocations there are, and what the registered tests can do with them.

        Each comparison is tested over the allocations that leave other arms as they are, at its
        share of the error; the one with the fewest is told of.
        """
        level = first_level(self.design)
        pairs = compared_schemes(self.design, self.scheme)
        fewest = min(pairs, key=lambda pair: pair.attainable_level(level))
        if len(pairs) == 1:
            return fewest.sentence(level)
        left = str(fewest.sentence(level)).replace("The scheme allows", "That leaves", 1)
        return wording.Sentence(
            f"{self.scheme.how_many()}, and each comparison is tested over those that leave the "
            f"other arms as they are. {left}"
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
                "--text TEXT`, the text given by the other party."
            )
        file = self.path / self.draw.content["file"]
        if file.exists():
            _check_file(file, self.draw.content["sha256"], self.draw.number)
            content = read_bytes(file)
        else:  # the draw was interrupted after it was put on record
            content = allocation_text(self.scheme, self.draw.content["seed"]).encode()
        return pd.read_csv(
            io.BytesIO(content), dtype={"unit": str, "arm": str}, keep_default_na=False
        )

    def arms_drawn(self) -> pd.DataFrame | Absent:
        """How many units each arm has; absent before the draw."""
        if self.draw is None:
            return Absent("The units are not drawn yet.")
        counts = self.allocation["arm"].value_counts().reindex(self.scheme.arms)
        return counts.rename("units").rename_axis("arm").reset_index()


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
            f"register {folder}`."
        )
    plan = plan_before(entries)
    file = folder / reading.FILE
    if not file.is_file() or read_bytes(file) != plan.content["design"].encode():
        raise DesignError(_what_was_edited(file, plan))
    design = reading.parse_design(plan.content["design"], name=str(file))
    return Experiment(folder, tuple(entries), design)


def experiment_before(folder: Path, entries: Sequence[Entry], limit: Entry) -> Experiment:
    """The experiment as it was just before an entry."""
    earlier = tuple(entries[: limit.number - 1])
    return Experiment(folder, earlier, reading.parse_design(plan_before(earlier).content["design"]))


def plan_before(entries: Sequence[Entry], limit: Entry | None = None) -> Entry:
    """The last registration or amendment; with `limit`, the last before that entry."""
    end = len(entries) if limit is None else limit.number - 1
    found = next((entry for entry in reversed(entries[:end]) if entry.kind in PLANS), None)
    if found is None:
        raise DesignError(
            "The register does not begin with a registration. Restore it from the copy that the "
            "other party holds."
        )
    return found


def register_design(
    folder: str | Path,
    *,
    note: str = "",
    redraw: bool = False,
    accept: str = "",
    now: dt.datetime | None = None,
) -> Entry:
    """Freeze the design in `folder`, or amend it: the entry put on record.

    Parameters
    ----------
    note : str
        Why it is amended; an amendment needs a reason.
    redraw : bool
        Whether units are to be drawn again, with another public text; not after the outcomes.
    accept : str
        Why a design is wanted whose test can never find an effect; it is refused otherwise.
    now : datetime, optional
        Time of the entry; the clock's by default.

    Raises
    ------
    DesignError
        Design or units do not hold together, nothing changed, an amendment has no reason or comes
        between the day of the public text and the draw, or a date is not in the future.
    """
    folder = Path(folder)
    _planned(folder, note, redraw, accept, now)  # says what is wrong before anything is locked
    with chain.alone(folder):
        kind, content = _planned(folder, note, redraw, accept, now)
        return chain.append(folder, kind, content, now=now)


def allocation_text(scheme: Scheme, seed: str) -> str:
    """The allocation that `seed` gives as CSV: unit, block, arm; alike on every machine."""
    arms = [scheme.arms[number] for number in scheme.draw(seed)]
    table = pd.DataFrame({"unit": scheme.units, "block": scheme.blocks, "arm": arms})
    return table.to_csv(index=False, lineterminator="\n")


def positions(scheme: Scheme, allocation: pd.DataFrame) -> np.ndarray:
    """An allocation table as whole numbers in the order of the scheme's units."""
    arm_of = dict(zip(allocation["unit"].astype(str), allocation["arm"], strict=True))
    if set(arm_of) != set(scheme.units) or set(arm_of.values()) - set(scheme.arms):
        raise DesignError(
            "The allocation is not of these units and arms. Is it that of another experiment?"
        )
    return np.array([scheme.arms.index(arm_of[unit]) for unit in scheme.units])


def compared_schemes(design: Design, scheme: Scheme) -> list[Scheme]:
    """For each comparison, the allocations it is tested over, for an example of a draw."""
    example = scheme.draw("example")
    return [scheme.given(example, one.groups) for one in design.comparisons()]


def first_level(design: Design) -> float:
    """Size of the test that the smallest p-value has to pass, over comparisons or all outcomes."""
    comparisons: list[Comparison] = design.comparisons()
    n = len(comparisons)
    if design.analysis.multiplicity == "holm":
        n *= len(design.outcomes())
    return (1 - design.analysis.level) / n


def _planned(
    folder: Path, note: str, redraw: bool, accept: str, now: dt.datetime | None
) -> tuple[str, dict]:
    """Kind and content of the entry, if all is as it must be; nothing is written."""
    design = reading.read_design(folder)
    how = design.randomisation
    table = read_units(folder / how.units, design)
    scheme = scheme_of(design, table, key="room")
    check_room(design, table, scheme)
    names = [how.units, *([how.neighbours] if how.neighbours else [])]
    if how.neighbours:
        check_apart(table["unit"], folder / how.neighbours)
    content = {
        "design": read_bytes(folder / reading.FILE).decode(),
        "files": {name: chain.sha256_of(folder / name) for name in names},
        "note": note.strip(),
    }
    if (
        content["files"][how.units] != table.attrs["sha256"]
        or reading.parse_design(content["design"]) != design
    ):
        raise DesignError(f"The files in {folder} were changed just now. Try again.")
    level = first_level(design)
    if accept.strip():
        content["accepted"] = accept.strip()
    else:
        least = min(compared_schemes(design, scheme), key=lambda p: p.attainable_level(level))
        if least.attainable_level(level) == 0:
            raise DesignError(
                f"{least.sentence(level)} To register it nevertheless, say why: --accept REASON."
            )
    today = chain.moment(now).date().isoformat()
    entries = chain.read_register(folder)
    if not entries:
        _check_source(design, today)
        _check_dates(design.looks.dates, today)
        return "registered", content
    before = plan_before(entries)
    old = reading.parse_design(before.content["design"])
    changes = _changes(before, content, old, design)
    _check_amendment(changes, note, redraw, entries)
    drawn = Experiment(folder, tuple(entries), old).draw is not None
    day = old.randomisation.source_date
    if not drawn and (not day or today >= day):
        known = f"has been known since {day}" if day else "has no day to come, so it may be known"
        raise DesignError(
            f"The text that seeds the draw {known}, and the design cannot change before the draw. "
            "Draw first; an amendment can then ask for another draw, which goes on record beside "
            "it."
        )
    if not drawn or redraw:
        _check_source(design, today)
    _check_dates([d for d in design.looks.dates if d not in old.looks.dates], today)
    return "amended", content | {"changes": changes, "redraw": redraw}


def _check_source(design: Design, today: str) -> None:
    """The public text that will seed the draw is named, and is not known yet."""
    how = design.randomisation
    if not how.source:
        raise DesignError(
            "randomisation.source must name the public text that will seed the draw, such as the "
            "numbers of a named lottery, or what the other party says once it holds the head."
        )
    if how.source_date and how.source_date <= today:
        raise DesignError(
            f"randomisation.source_date is {how.source_date}, which is not after today ({today}): "
            "the text could be known already. Name a later one."
        )


def _check_dates(dates: list[str], today: str) -> None:
    past = [date for date in dates if date <= today]
    if past:
        raise DesignError(
            f"looks.dates has {past[0]}, which is not after today ({today}). Looks are planned "
            "before they can be taken."
        )


def _check_file(file: Path, expected: str, line: int) -> None:
    if chain.sha256_of(file) != expected:
        raise DesignError(
            f"{file} was altered: it is not the file that line {line} of the register has on "
            "record. Restore it from a copy, or register an amendment that says why it changed."
        )


def _what_was_edited(file: Path, plan: Entry) -> str:
    """Which fields of the design differ from those on record."""
    try:
        old = reading.parse_design(plan.content["design"])
        changed = reading.differences(old, reading.read_design(file))
    except LspError as error:
        changed = [str(error).rstrip(".")]
    listed = "; ".join(changed[:5]) or "blanks or comments only"
    now = read_bytes(file).decode(errors="replace") if file.is_file() else ""
    where = chain.first_difference(plan.content["design"], now)
    where = f" in its {where}" if where.startswith("line") else f": {where}"
    return (
        f"{file} was altered after line {plan.number} of the register{where} ({listed}). Register "
        "the change with a reason (`lsp-analysis design register FOLDER --note REASON`), or put "
        "the file back."
    )


def _changes(before: Entry, content: dict, old: Design, design: Design) -> list[str]:
    changes = reading.differences(old, design)
    for name, digest in content["files"].items():
        if before.content["files"].get(name) != digest:
            changes.append(f"{name}: another list of units")
    if not changes and before.content["design"] != content["design"]:
        changes.append("design.toml: wording of blanks or comments only")
    return changes


def _check_amendment(changes: list[str], note: str, redraw: bool, entries: Sequence[Entry]) -> None:
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
    if redraw and any(entry.kind == "analysed" for entry in entries):
        raise DesignError(
            "The outcomes have been opened, so units cannot be drawn again. Start the next round."
        )


def _moves_units(change: str) -> bool:
    """Whether an amendment touches who is randomised, or how."""
    name = change.split(":")[0]
    of_arm = name.startswith("arms.") and name.split(".")[-1] in ("name", "share", "role")
    return of_arm or name.startswith("randomisation.") or change.endswith("another list of units")


def digest_of(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
