"""From the registered design and a text of the other party to an allocation on record."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.constrained import Constrained
from lsp_analysis.experiments.draw.hash_stream import seed_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import Experiment, open_experiment


def draw_allocation(folder: str | Path, *, text: str, now: dt.datetime | None = None) -> Experiment:
    """Draw once, write ``allocation.csv`` and put its hash on record.

    Parameters
    ----------
    folder : folder of a registered experiment.
    text : str
        Public text given by the other party *after* the design was registered, for example the
        winning numbers of a named lottery: it makes the seed, with the hash of the registration.

    Raises
    ------
    DesignError
        The units are drawn already and no amendment asks for another draw.
    """
    if not text.strip():
        raise DesignError("The other party's text is empty. Ask for it, and pass it as --text.")
    open_experiment(folder)  # says what is wrong before anything is locked
    with chain.alone(folder):
        _draw(open_experiment(folder), text, now)
    return open_experiment(folder)


def _draw(experiment: Experiment, text: str, now: dt.datetime | None) -> None:
    if experiment.draw is not None:
        raise DesignError(
            f"The units were drawn on {experiment.draw.date} (line {experiment.draw.number} of the "
            "register). A second draw needs an amendment that asks for it and says why: "
            "`lsp-analysis design register FOLDER --redraw --note REASON`."
        )
    scheme = experiment.scheme
    seed = seed_of(experiment.plan.hash, text)
    written = allocation_text(scheme, scheme.draw(seed)).encode()
    file = _allocation_file(experiment)
    _write(file, written)
    content = {
        "file": file.name,
        "sha256": hashlib.sha256(written).hexdigest(),
        "text": text.strip(),
        "seed": seed,
        "allocations": str(scheme.size),
    }
    if isinstance(scheme, Constrained):
        content["acceptable"] = scheme.digest
    chain.add(experiment.path, "allocated", content, now=now)


def allocation_text(scheme: Scheme, allocation: np.ndarray) -> str:
    """The allocation as CSV: unit, block, arm; the same bytes on every machine."""
    table = pd.DataFrame(
        {
            "unit": scheme.units,
            "block": scheme.blocks,
            "arm": [scheme.arms[number] for number in allocation],
        }
    )
    text = io.StringIO()
    table.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue()


def positions(scheme: Scheme, allocation: pd.DataFrame) -> np.ndarray:
    """An allocation table as whole numbers in the order of the scheme's units."""
    arm_of = dict(zip(allocation["unit"].astype(str), allocation["arm"], strict=True))
    if set(arm_of) != set(scheme.units) or set(arm_of.values()) - set(scheme.arms):
        raise DesignError(
            "The allocation is not of these units and arms. Is it that of another experiment?"
        )
    return np.array([scheme.arms.index(arm_of[unit]) for unit in scheme.units])


def _allocation_file(experiment: Experiment) -> Path:
    drawn = sum(entry.kind == "allocated" for entry in experiment.entries)
    return experiment.path / ("allocation.csv" if not drawn else f"allocation-{drawn + 1}.csv")


def _write(file: Path, content: bytes) -> None:
    """Write whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    with unfinished.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(file)
