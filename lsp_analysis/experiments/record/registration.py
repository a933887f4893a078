"""Freeze a design, amend it, draw its units, decide, start the next round: what must hold before
each goes on record."""

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import DesignError, check_one_of
from lsp_analysis.experiments.draw.methods import Constrained, scheme_of
from lsp_analysis.experiments.draw.scheme import seed_of
from lsp_analysis.experiments.protocol import reading, unit_list
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.protocol.reading import FILE, parse_design
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.chain import Entry, digest_of
from lsp_analysis.experiments.record.folder import (
    Experiment,
    allocation_text,
    least_able,
    open_experiment,
    plan_before,
)

# changes of who is randomised, or how
MOVES_UNITS = re.compile(
    r"^randomisation\.|^arms\.([^:]*\.)?(name|share|role):|another list of units$"
)


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


def _planned(
    folder: Path, note: str, redraw: bool, accept: str, now: dt.datetime | None
) -> tuple[str, dict]:
    """Kind and content of the entry, if all is as it must be; nothing is written."""
    design = reading.read_design(folder)
    how = design.randomisation
    table = unit_list.read_units(folder / how.units, design)
    scheme = scheme_of(design, table, key="room")
    unit_list.check_room(design, table, scheme)
    if how.neighbours:
        unit_list.check_apart(table["unit"], folder / how.neighbours)
    files = {n: chain.sha256_of(folder / n) for n in (how.units, how.neighbours) if n}
    text = unit_list.read_bytes(folder / reading.FILE).decode()
    content = {"design": text, "files": files, "note": note.strip()}
    if files[how.units] != table.attrs["sha256"] or reading.parse_design(text) != design:
        raise DesignError(f"The files in {folder} were changed just now. Try again.")
    fewest, level = least_able(design, scheme)
    if accept.strip():
        content["accepted"] = accept.strip()
    elif fewest.attainable_level(level) == 0:
        raise DesignError(
            f"{fewest.sentence(level)} To register it nevertheless, say why: --accept REASON."
        )
    today, entries = chain.moment(now)[:10], tuple(chain.read_register(folder))
    if not entries:
        _check_days(design, design.looks.dates, today, drawing=True)
        return "registered", content
    was = plan_before(entries).content
    old = reading.parse_design(was["design"])
    before, changes = Experiment(folder, entries, old), reading.differences(old, design)
    changes += [f"{n}: another list of units" for n in files if was["files"].get(n) != files[n]]
    if not changes and was["design"] != text:
        changes.append("design.toml: wording of blanks or comments only")
    _check_amendment(before, changes, note, redraw)
    day = old.randomisation.source_date
    if before.draw is None and (not day or today >= day):
        known = f"has been known since {day}" if day else "has no day to come, so it may be known"
        raise DesignError(
            f"The text that seeds the draw {known}, and the design cannot change before the draw. "
            "Draw first; an amendment can then ask for another draw, which goes on record beside "
            "it."
        )
    planned = [date for date in design.looks.dates if date not in old.looks.dates]
    _check_days(design, planned, today, drawing=redraw or before.draw is None)
    return "amended", content | {"changes": changes, "redraw": redraw}


def _check_days(design: Design, looks: list[str], today: str, *, drawing: bool) -> None:
    """Looks are to come, and so is the public text that will seed the draw; that is named."""
    how = design.randomisation
    if drawing and not how.source:
        raise DesignError(
            "randomisation.source must name the public text that will seed the draw, such as the "
            "numbers of a named lottery, or what the other party says once it holds the head."
        )
    if drawing and how.source_date and how.source_date <= today:
        raise DesignError(
            f"randomisation.source_date is {how.source_date}, which is not after today ({today}): "
            "the text could be known already. Name a later one."
        )
    past = [date for date in looks if date <= today]
    if past:
        raise DesignError(
            f"looks.dates has {past[0]}, which is not after today ({today}). Looks are planned "
            "before they can be taken."
        )


def _check_amendment(before: Experiment, changes: list[str], note: str, redraw: bool) -> None:
    if not changes and not redraw:
        raise DesignError("Nothing changed since the last registration, so there is no amendment.")
    if not note.strip():
        raise DesignError(
            f"An amendment needs a reason: --note REASON. It changes {'; '.join(changes[:5])}."
        )
    moved = [change for change in changes if MOVES_UNITS.search(change)]
    if before.of("allocated") and moved and not redraw:
        raise DesignError(
            f"The units are drawn already, and this changes what was drawn: {'; '.join(moved)}. "
            "Put it back, or ask for another draw with --redraw."
        )
    if redraw and before.of("analysed"):
        raise DesignError(
            "The outcomes have been opened, so units cannot be drawn again. Start the next round."
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
    if not text.strip() or text.encode(errors="ignore").decode() != text:
        raise DesignError(
            "The other party's text is empty, or is no text. Ask for it, and pass it as --text."
        )
    _drawn(open_experiment(folder), text, now)  # says what is wrong before anything is locked
    with chain.alone(folder):
        experiment = open_experiment(folder)
        content, written = _drawn(experiment, text, now)
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


def _drawn(experiment: Experiment, text: str, now: dt.datetime | None) -> tuple[dict, bytes]:
    """What goes on record, and into the file; DesignError if no draw is due."""
    draw = experiment.draw
    if draw is not None:
        there = (experiment.path / draw.content["file"]).exists()
        if there or draw.content["text"] != text.strip():
            raise DesignError(
                f"The units were drawn on {draw.date} (line {draw.number} of the register). A "
                "second draw needs an amendment that asks for it and says why: `lsp-analysis "
                "design register FOLDER --redraw --note REASON`."
            )
        return draw.content, allocation_text(experiment.scheme, draw.content["seed"]).encode()
    how, today = experiment.design.randomisation, chain.moment(now)[:10]
    if how.source_date and today < how.source_date:
        raise DesignError(
            f"The design names a text of {how.source_date} ({how.source}), and today is {today}. "
            "Draw when it is known."
        )
    earlier = [entry.content["text"] for entry in experiment.of("allocated")]
    if text.strip() in earlier:
        raise DesignError("This text seeded a draw before. Another draw needs another text.")
    name = f"allocation-{len(earlier) + 1}.csv" if earlier else "allocation.csv"
    content, written = draw_of(experiment, text, experiment.head)
    return {"file": name} | content, written.encode()


def draw_of(experiment: Experiment, text: str, answers: str) -> tuple[dict[str, str], str]:
    """What is on record of a draw with `text`, in answer to a head, and the allocation as CSV."""
    scheme, seed = experiment.scheme, seed_of(answers, text)
    written = allocation_text(scheme, seed)
    content = {"sha256": digest_of(written), "text": text.strip(), "answers": answers, "seed": seed}
    content["allocations"] = str(scheme.size)
    if isinstance(scheme, Constrained):
        content["acceptable"] = scheme.digest
    return content, written


DECISIONS = ("continue", "adapt", "stop", "scale")
EVIDENCE = [
    "title", "round", "arm", "outcome", "unit", "estimate", "low", "high", "p_value", "finding",
    "decision", "reason", "by", "date", "missing_units", "amendments", "deviations", "head",
]  # fmt: skip


def record_decision(
    folder: str | Path,
    *,
    arm: str,
    decision: str,
    reason: str,
    by: str,
    now: dt.datetime | None = None,
) -> pd.DataFrame:
    """Put what was decided about an arm on record, with the finding of the last analysis.

    Parameters
    ----------
    arm : name of the arm (or factor) that was tried.
    decision : "continue", "adapt", "stop" or "scale".
    reason, by : why, and who decided.

    Returns
    -------
    The evidence log's row.

    Raises
    ------
    DesignError
        The decision or the arm is unknown, no reason is given, or nothing was analysed yet.
    """
    check_one_of(decision, DECISIONS, "decision", DesignError)
    if not reason.strip() or not by.strip():
        raise DesignError("A decision needs a reason and the name of who decided.")
    experiment = open_experiment(folder)
    content = evidence_of(experiment, arm) | {"decision": decision, "reason": reason, "by": by}
    with chain.alone(folder):
        chain.append(folder, "decided", content, now=now)
    log = evidence_log([folder])
    return log[log["arm"] == arm].tail(1).reset_index(drop=True)


def evidence_log(folders: Iterable[str | Path]) -> pd.DataFrame:
    """Every decision on record, round by round: what was found, decided, why and by whom."""
    rows = [
        entry.content | {"date": entry.date, "head": entry.hash}
        for folder in folders
        for entry in open_experiment(folder).of("decided")
    ]
    return pd.DataFrame(rows, columns=EVIDENCE)


def next_round(folder: str | Path, target: str | Path) -> Path:
    """Start the next round: the same protocol, one round on, that names the round it comes from.

    Write what was redesigned into the new ``design.toml``, put its units beside it, and register
    it before its data.
    """
    experiment = open_experiment(folder)
    target = durable.settled(target, DesignError)
    if (target / FILE).exists():
        raise DesignError(f"{target / FILE} is there already. Choose another folder.")
    text = experiment.plan.content["design"]
    text = set_top_level(text, "round", str(experiment.design.round + 1))
    text = set_top_level(text, "inherits", f'"{experiment.head}"')
    inherited = parse_design(text, name="the next round's design")
    if (inherited.round, inherited.inherits) != (experiment.design.round + 1, experiment.head):
        raise DesignError(
            f"The lines `round` and `inherits` of {experiment.path / FILE} could not be set. Copy "
            "the file by hand and set them."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        durable.replace_file(target / FILE, text.encode())  # makes it a design
    except OSError as error:
        raise DesignError(
            f"{error.filename or target} cannot be made ({error.strerror}). Choose another folder."
        ) from error
    return target


def last_analysis(experiment: Experiment) -> dict:
    """Content of the last analysis on record."""
    found = experiment.of("analysed")
    if not found:
        raise DesignError(
            "No analysis is on record. Analyse the outcomes first: `lsp-analysis design analyse "
            "FOLDER OUTCOMES`."
        )
    return found[-1].content


def evidence_of(experiment: Experiment, arm: str) -> dict[str, object]:
    """What a decision rests on, as the register keeps it: the last analysis on record."""
    design = experiment.design
    findings = {row["arm"]: dict(row) for row in last_analysis(experiment)["findings"]}
    check_one_of(arm, findings, "arm that was tried", DesignError)
    found = findings[arm] | {"title": design.title, "round": design.round}
    found |= {"outcome": design.outcome.label, "unit": design.outcome.unit}
    found["p_value"] = found.pop("p_adjusted")
    departures = {n: len(getattr(experiment, n)) for n in ("amendments", "deviations")}
    return found | departures


def set_top_level(text: str, name: str, value: str) -> str:
    """Set a field above the first section of a TOML text, in place or after the title."""
    head, section, rest = re.split(r"(^\[|\Z)", text, maxsplit=1, flags=re.M)
    line = f"{name} = {value}"
    changed, n = re.subn(rf"^{name}[ \t]*=.*$", line, head, count=1, flags=re.M)
    return (changed if n else f"{head.rstrip()}\n{line}\n\n") + section + rest
