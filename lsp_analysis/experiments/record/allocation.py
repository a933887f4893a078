"""From the registered design and a text of the other party to an allocation on record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from lsp_analysis import durable
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.constrained import Constrained
from lsp_analysis.experiments.draw.hash_stream import seed_of
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import (
    Experiment,
    allocation_text,
    digest_of,
    open_experiment,
)


def draw_allocation(folder: str | Path, *, text: str, now: dt.datetime | None = None) -> Experiment:
    """Draw once, put the draw on record and write ``allocation.csv``.

    The seed is the hash of the register's head and the public text, so that the text answers
    exactly what was registered. A draw that was interrupted after it was recorded is finished.

    Parameters
    ----------
    folder : folder of a registered experiment.
    text : str
        The public text that the design names as its source, as the other party gives it.

    Raises
    ------
    DesignError
        The day of the text has not come, it seeded a draw before, or the units are drawn already
        and no amendment asks for another draw.
    """
    if not text.encode(errors="ignore").strip() or text.encode(errors="ignore").decode() != text:
        raise DesignError(
            "The other party's text is empty, or is no text. Ask for it, and pass it as --text."
        )
    _content(open_experiment(folder), text, now)  # says what is wrong before anything is locked
    with chain.alone(folder):
        experiment = open_experiment(folder)
        content, written = _content(experiment, text, now)
        file = experiment.path / content["file"]
        durable.check_places([file], DesignError)
        if experiment.draw is None:
            if file.exists():
                raise DesignError(
                    f"{file} is there already, and no draw of it is on record. Move it away."
                )
            chain.append(folder, "allocated", content, now=now)
        durable.replace_file(file, written)
    return open_experiment(folder)


def _content(
    experiment: Experiment, text: str, now: dt.datetime | None
) -> tuple[dict[str, str], bytes]:
    """What goes on record, and into the file; DesignError if no draw is due."""
    draw, scheme = experiment.draw, experiment.scheme
    if draw is not None:
        if (experiment.path / draw.content["file"]).exists() or draw.content[
            "text"
        ] != text.strip():
            raise DesignError(
                f"The units were drawn on {draw.date} (line {draw.number} of the register). A "
                "second draw needs an amendment that asks for it and says why: `lsp-analysis "
                "design register FOLDER --redraw --note REASON`."
            )
        return draw.content, allocation_text(scheme, draw.content["seed"]).encode()
    how = experiment.design.randomisation
    today = chain.moment(now).date().isoformat()
    if how.source_date and today < how.source_date:
        raise DesignError(
            f"The design names a text of {how.source_date} ({how.source}), and today is {today}. "
            "Draw when it is known."
        )
    earlier = [e for e in experiment.entries if e.kind == "allocated"]
    if text.strip() in {e.content["text"] for e in earlier}:
        raise DesignError("This text seeded a draw before. Another draw needs another text.")
    seed = seed_of(experiment.head, text)
    written = allocation_text(scheme, seed)
    content = {
        "file": "allocation.csv" if not earlier else f"allocation-{len(earlier) + 1}.csv",
        "sha256": digest_of(written),
        "text": text.strip(),
        "answers": experiment.head,
        "seed": seed,
        "allocations": str(scheme.size),
    }
    if isinstance(scheme, Constrained):
        content["acceptable"] = scheme.digest
    return content, written.encode()
