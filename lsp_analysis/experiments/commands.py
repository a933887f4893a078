"""What ``lsp-analysis design`` does, each act in a few words to print."""

import math
from pathlib import Path

import pandas as pd

from lsp_analysis import durable, wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis import opening, pooling
from lsp_analysis.experiments.draw.methods import match_pairs, spaced_units
from lsp_analysis.experiments.papers import protocol as protocol_paper
from lsp_analysis.experiments.papers import result as result_paper
from lsp_analysis.experiments.power.registered import planned_power
from lsp_analysis.experiments.protocol import reading, unit_list
from lsp_analysis.experiments.record import chain, registration
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.verification import verify

KEEP = "Head of the register, for the other party to keep: {}"


def new(folder: str) -> str:
    """Write an example design and units to fill in."""
    path = reading.new_experiment(folder)
    return (
        f"The design is in {path / 'design.toml'}, its units in {path / 'units.csv'}. "
        f"Replace what they say, then: lsp-analysis design register {path}"
    )


def pair(folder: str, *, on: str) -> str:
    """Match the units in pairs on the columns named, and write the pairs into the units file."""
    file, units = _units(folder)
    columns = [name.strip() for name in on.split(",") if name.strip()]
    lacking = [name for name in columns if name not in units or name == "unit"]
    if lacking or not columns:
        raise DesignError(
            f"{file} has no column {wording.and_list(lacking) or 'named'} to match on. Its columns "
            f"are {wording.and_list(units.columns)}."
        )
    how = reading.read_design(folder).randomisation
    paired = match_pairs(units.drop(columns=[how.pair], errors="ignore"), on=columns)
    paired = paired.rename(columns={"unit": how.unit, "pair": how.pair})
    kept = paired.drop(columns="pair_distance")
    durable.replace_file(file, kept.to_csv(index=False, lineterminator="\n").encode())
    return (
        f"{wording.capital(wording.counted(len(kept) // 2, 'pair'))} in {file}, the least alike "
        f"{paired['pair_distance'].max():.2f} standard deviations apart. Set randomisation.method "
        f'to "pairs", then: lsp-analysis design register {folder}'
    )


def buffer(folder: str) -> str:
    """Keep units of which none are neighbours; the others, in ``buffer.csv``, take no part."""
    file, units = _units(folder)
    how = reading.read_design(folder).randomisation
    if not how.neighbours:
        raise DesignError(
            "randomisation.neighbours names no file. Give one with the columns unit and neighbour."
        )
    kept = spaced_units(units, unit_list.read_neighbours(Path(folder) / how.neighbours))
    named = units.rename(columns={"unit": how.unit})
    for path, part in ((file.with_name("buffer.csv"), named[~kept]), (file, named[kept])):
        durable.replace_file(path, part.to_csv(index=False, lineterminator="\n").encode())
    return (
        f"{int(kept.sum())} units stay in {file}; {int((~kept).sum())} neighbours of them are in "
        f"{file.with_name('buffer.csv')} and take no part."
    )


def register(folder: str, *, note: str = "", redraw: bool = False, accept: str = "") -> str:
    """Freeze the design, or amend it."""
    entry = registration.register_design(folder, note=note, redraw=redraw, accept=accept)
    opened = open_experiment(folder)
    number = len(opened.amendments)
    said = f"Amendment {number} is" if number else "The design is"
    lines = [
        f"{said} on record as line {entry.number} of the register.",
        KEEP.format(entry.hash),
    ]
    if opened.draw is None:
        how = opened.design.randomisation
        lines.append(str(opened.what_a_test_can_do()))
        lines += planned_power(opened.design, opened.units, opened.scheme).lines()
        when = f", from {how.source_date} on," if how.source_date else ""
        lines.append(
            f"Next{when} with the text the other party gives ({how.source}): lsp-analysis design "
            f'draw {folder} --text "..."'
        )
    return "\n".join(lines)


def check(folder: str, *, head: str = "") -> str:
    """Show that nothing on record was changed; DesignError names what was."""
    found = verify(folder, head=head)
    if found.holds:
        return str(found.sentence())
    raise DesignError(str(found.sentence()))


def draw(folder: str, *, text: str) -> str:
    """Draw the units and say how many each arm has."""
    drawn = registration.draw_allocation(folder, text=text)
    shares = ", ".join(f"{arm} {n}" for arm, n in drawn.arms_drawn().to_numpy())
    return (
        f"The allocation is in {drawn.path / drawn.draw.content['file']}: {shares}.\n"
        f"{KEEP.format(drawn.head)}"
    )


def look(folder: str, outcomes: str) -> str:
    """Take a look before the end, on record, and say how each arm stands against its bound."""
    taken = opening.take_look(folder, outcomes)
    lines = [str(taken.sentence())]
    for row in taken.table.itertuples():
        bound = "no bound" if math.isnan(row.bound) else f"bound {row.bound:.2f}"
        lines.append(f"{taken.labels[row.arm]}: z {row.z:.2f} ({bound}; above zero is good)")
    return "\n".join(lines)


def analyse(folder: str, outcomes: str) -> str:
    """Open the outcomes, on record, and write what was found as a page and tables."""
    durable.check_places([Path(folder) / name for name in result_paper.FILES], DesignError)
    result = opening.analyse(folder, outcomes)
    page, summary, numbers, data, codebook = result_paper.write_result(result, folder)
    return (
        f"{result.sentence()}\nThe result is in {page}, for a committee in {summary}, every number "
        f"of it in {numbers}; the values analysed are in {data}, explained in {codebook}."
    )


def decide(folder: str, *, arm: str, decision: str, reason: str, by: str) -> str:
    """Put on record what was decided about an arm."""
    row = registration.record_decision(folder, arm=arm, decision=decision, reason=reason, by=by)
    keep = KEEP.format(row["head"].iloc[0])
    return f"On record: {decision} {arm}, decided by {by}. {keep}"


def following(folder: str, *, out: str) -> str:
    """Start the next round in another folder, from the design of this one."""
    path = registration.next_round(folder, out)
    return (
        f"The design of the next round is in {path / reading.FILE}. Change what was learnt, name a "
        f"public text to come, put its units beside it, then: lsp-analysis design register {path}"
    )


def pool(folder: str, others: list[str], *, arm: str) -> str:
    """The effect of an arm over rounds, each from the outcomes file of its last analysis."""
    results, heads = [], []
    for one in (folder, *others):
        experiment = open_experiment(one)
        file = Path(one) / Path(registration.last_analysis(experiment)["file"]).name
        results.append(opening.analysis_of(experiment, file)[1])
        heads.append(experiment.head)
    pooled = pooling.pool_rounds(results, arm=arm)
    log = registration.evidence_log([folder, *others])
    page = Path(folder) / "rounds.html"
    text = result_paper.rounds_page(pooled, log[log["arm"] == arm], heads)
    durable.replace_file(page, text.encode())
    return f"{pooled.sentence()}\nThe rounds are in {page}."


def page(folder: str, *, out: str = "") -> str:
    """Write the protocol as a page to print."""
    file = Path(out) if out else Path(folder) / "protocol.html"
    if file.suffix.lower() not in (".html", ".htm"):
        raise DesignError(f"{file} is no name of a page. Give one that ends in .html.")
    durable.check_places([file, file.with_name("registration.json")], DesignError)
    return str(protocol_paper.write_protocol(open_experiment(folder), file))


def _units(folder: str) -> tuple[Path, pd.DataFrame]:
    """The units file of a design that is not registered yet, and its rows."""
    if chain.read_register(folder):
        raise DesignError(
            f"The design in {folder} is registered, with its list of units. Change the list by "
            "hand and register an amendment, before the draw."
        )
    how = reading.read_design(folder).randomisation
    file = Path(folder) / how.units
    names = {how.unit, how.cluster, *how.strata} - {""}
    units = unit_list.read_typed(file, names=names, numbers=set())
    if how.unit not in units:
        raise DesignError(f"{file} has no column {how.unit}, which the design names.")
    return file, units.rename(columns={how.unit: "unit"})
