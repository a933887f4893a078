"""An experiment is a folder of design, units, register and allocation: open it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError, LspError
from lsp_analysis.experiments.analysis.boundaries import family_size
from lsp_analysis.experiments.draw.methods import scheme_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol import reading
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.protocol.unit_list import read_bytes, read_units
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.chain import Entry, digest_of
from lsp_analysis.showing import Absent

PLANS = ("registered", "amended")
AMEND = "Restore it from a copy, or register an amendment that says why it changed."


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

    def of(self, *kinds: str) -> list[Entry]:
        """Entries of some kinds."""
        return [entry for entry in self.entries if entry.kind in kinds]

    @property
    def plan(self) -> Entry:
        """The entry that holds the design in force."""
        return plan_before(self.entries)

    @property
    def amendments(self) -> pd.DataFrame:
        """One row per amendment: number, date, reason, changes, and when it was made."""
        rows = []
        for number, entry in enumerate(self.of("amended"), start=1):
            before = {one.kind for one in self.entries[: entry.number - 1]}
            after = "the outcomes" if "analysed" in before else "the draw"
            when = f"after {after}" if before & {"analysed", "allocated"} else "before the draw"
            changes = "; ".join(entry.content["changes"])
            rows.append((number, entry.date, entry.content["note"], changes, when))
        return pd.DataFrame(rows, columns=["amendment", "date", "reason", "changes", "made"])

    @property
    def deviations(self) -> pd.DataFrame:
        """One row per departure from the protocol: date and what it was."""
        said = [(e.date, e.content.get("what") or e.content.get("deviation")) for e in self.entries]
        return pd.DataFrame([row for row in said if row[1]], columns=["date", "deviation"])

    @property
    def crossed(self) -> dict[str, str]:
        """Arms that crossed a bound at a look on record: "benefit" or "harm", the first to come."""
        rows = [row for entry in self.of("look") for row in entry.content["arms"]]
        return {row["arm"]: row["crossed"] for row in reversed(rows) if row["crossed"]}

    @property
    def looks(self) -> tuple[float, ...]:
        """Share of the information at each planned look on record."""
        taken = [e.content for e in self.of("look") if e.content["look"]]
        return tuple(float(one["information"]) for one in taken if "information" in one)

    @property
    def opened(self) -> list[str]:
        """SHA-256 of each different outcomes file that was analysed, in order."""
        return list(dict.fromkeys(e.content["sha256"] for e in self.of("analysed")))

    def changed(self) -> list[str]:
        """Files of units that are not those on record."""
        files = self.plan.content["files"].items()
        return [name for name, digest in files if chain.sha256_of(self.path / name) != digest]

    @cached_property
    def units(self) -> pd.DataFrame:
        """The units file as registered; DesignError if it was changed since."""
        for name in self.changed():
            raise altered(self.path / name, self.plan)
        name = self.design.randomisation.units
        found = read_units(self.path / name, self.design)
        if found.attrs["sha256"] != self.plan.content["files"].get(name):
            raise DesignError(f"{self.path / name} was changed just now. Try again.")
        return found

    @property
    def draw(self) -> Entry | None:
        """The draw in force: none before it, or once an amendment asks for another."""
        drawn = [e for e in self.of("allocated", "amended") if e.content.get("redraw", True)]
        return drawn[-1] if drawn and drawn[-1].kind == "allocated" else None

    @cached_property
    def scheme(self) -> Scheme:
        """The scheme that units were, or are to be, randomised with."""
        return scheme_of(self.design, self.units, key=plan_before(self.entries, self.draw).hash)

    def what_a_test_can_do(self) -> wording.Sentence:
        """How many allocations there are, and what the registered tests can do with them.

        Each comparison is tested over the allocations that leave other arms as they are, at its
        share of the error; the one with the fewest is told of.
        """
        fewest, level = least_able(self.design, self.scheme)
        if len(self.design.comparisons()) == 1:
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
            content = read_bytes(file)
            if digest_of(content) != self.draw.content["sha256"]:
                raise altered(file, self.draw)
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
        raise _edited(file, plan)
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


def least_able(design: Design, scheme: Scheme) -> tuple[Scheme, float]:
    """The fewest allocations that a comparison is tested over, and its share of the error."""
    level, example = (1 - design.analysis.level) / family_size(design), scheme.draw("example")
    compared = [scheme.given(example, one.groups) for one in design.comparisons()]
    return min(compared, key=lambda one: one.attainable_level(level)), level


def altered(file: Path, entry: Entry, remedy: str = AMEND, where: str = "") -> DesignError:
    """What is said of a file that is not the one that `entry` has on record."""
    where = f" ({where})" if where else ""
    return DesignError(
        f"{file} was altered: it is not the file that line {entry.number} of the register has on "
        f"record{where}. {remedy}"
    )


def _edited(file: Path, plan: Entry) -> DesignError:
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
    return DesignError(
        f"{file} was altered after line {plan.number} of the register{where} ({listed}). Register "
        "the change with a reason (`lsp-analysis design register FOLDER --note REASON`), or put "
        "the file back."
    )
