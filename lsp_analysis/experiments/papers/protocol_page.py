"""What goes on paper: the protocol as a page to print, and the table for a journal's appendix."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.experiments.analysis.looks import bounds_of
from lsp_analysis.experiments.analysis.primary import TrialResult
from lsp_analysis.experiments.draw.covariate_balance import balance_of
from lsp_analysis.experiments.power.stepped import wedge
from lsp_analysis.experiments.protocol.design import METHODS, Arm, Design, Outcome
from lsp_analysis.experiments.protocol.reading import METHODS_OF, field_help
from lsp_analysis.experiments.record.folder import Experiment
from lsp_analysis.figures import draw_wedge, table
from lsp_analysis.figures.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# field -> methods that it means something to, the others having no use for it
FIELDS_OF = {f"randomisation.{name}": methods for name, methods in METHODS_OF.items()} | {
    "randomisation.pair": ("pairs",),
    "randomisation.acceptable": ("constrained",),
    "randomisation.candidates": ("constrained",),
    "analysis.covariates": tuple(name for name in METHODS if name != "wedge"),
    "analysis.between": ("wedge",),
}
STYLE = """
:root { color-scheme: light }
body { font: 11pt/1.45 system-ui, sans-serif; color: #222; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.7rem; line-height: 1.2 } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-size: .95em }
caption { text-align: left; font-weight: 600; padding: .4rem 0 }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid #bfbfbf } .number { text-align: right }
.fields th { width: 36% } .number + td, .number ~ td:nth-child(2) { white-space: nowrap }
code { overflow-wrap: anywhere } figure { margin: 1rem 0 } img { max-width: 100% }
.amended { border-left: 4px solid #801650; padding-left: .8rem }
@media print { @page { size: A4; margin: 18mm } body { margin: 0; max-width: none }
  h2 { break-after: avoid } table, figure { break-inside: avoid } }
"""


def protocol_page(experiment: Experiment, *, note: str = "") -> str:
    """The protocol as one self-contained HTML page: no script, no request, ready to print.

    Amendments and deviations stand at the top, and the head of the register at the foot of the
    first section, so that a printed copy can be held against the register.

    Parameters
    ----------
    note : str
        Said under the title and on each figure, for example "Simulated data".
    """
    design = experiment.design
    parts = [
        f"<h1>{_text(design.title)}</h1>",
        paragraphs([design.question, note]),
        _record(experiment),
        *(_arm(arm) for arm in design.arms),
        section("Outcomes", _outcomes(design)),
        section("What is to be estimated", _fields(design.estimand, "estimand")),
        section("Randomisation", _randomisation(experiment, note)),
        section("Analysis", _analysis(design)),
        section("Looks and stopping", _looks(design) + _fields(design.stopping, "stopping")),
        section("What the answer is for", _fields(design.decision, "decision")),
        section("Harms", _fields(design.harms, "harms")),
    ]
    return whole_page(f"Protocol: {design.title}", parts)


def whole_page(title: str, parts: Iterable[str]) -> str:
    """A page that needs nothing but itself, to read and to print."""
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(parts)}</main></body></html>\n"
    )


def write_protocol(experiment: Experiment, file: str | Path, *, note: str = "") -> Path:
    """Write `protocol_page` to `file`."""
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(protocol_page(experiment, note=note), encoding="utf-8", newline="\n")
    return file


def appendix_table(result: TrialResult) -> Table:
    """Every number of the round, for the appendix of an article: outcomes by arm, all analyses."""
    design, rows = result.design, appendix_rows(result)
    amended = len(result.trial.amendments), len(result.trial.deviations)
    return table(
        rows.assign(p=[_short_p(p) for p in rows["p"]]),
        f"{design.title}, round {design.round}: all analyses",
        note=f"Differences in units of the outcome ({_unit_words(design)}); intervals at "
        f"{design.analysis.level:.0%}, for the registered analysis at "
        f"{result.effects[0].level:.1%}. "
        f"{wording.counted(amended[0], 'amendment').capitalize()}, "
        f"{wording.counted(amended[1], 'deviation')}. Register: {result.trial.head[:16]}.",
        digits={"Difference": 2, "Low": 2, "High": 2},
    )


def appendix_rows(result: TrialResult) -> pd.DataFrame:
    """The numbers of `appendix_table`, unrounded."""
    design = result.design
    labels = {arm.name: arm.label for arm in design.active}
    rows = [
        (design.outcome.label, labels[name], "Registered, intention to treat", *_numbers(effect))
        for name, effect in zip(labels, result.effects, strict=True)
    ]
    sources = [
        (result.models, "model", design.outcome.label, ""),
        (result.bounds[result.bounds["case"] != "as observed"], "case", design.outcome.label, ""),
        (result.compliers, None, design.outcome.label, "Among those who received it all"),
        (result.secondary, None, None, "Secondary, intention to treat"),
    ]
    for frame, column, outcome, analysis in sources:
        for row in frame.to_dict("records"):
            name = row[column].capitalize() if column == "case" else row[column] if column else ""
            rows.append(
                (outcome or row["label"], labels[row["arm"]], name or analysis, *_numbers(row))
            )
    columns = ["Outcome", "Arm", "Analysis", "Difference", "Low", "High", "p"]
    return pd.DataFrame(rows, columns=columns)


def _short_p(p: float) -> str:
    """Four decimals, and never nought."""
    if wording.is_missing(p):
        return wording.MISSING
    return f"{p:.4f}" if p >= 0.00005 else "<0.0001"


def _unit_words(design: Design) -> str:
    return wording.and_list(
        dict.fromkeys(wording.unit_label(one.unit).lower() for one in design.outcomes())
    )


def _numbers(row: object) -> tuple[float, ...]:
    names = ("estimate", "low", "high", "p_value")
    return tuple(row[n] if isinstance(row, dict) else getattr(row, n) for n in names)


def _record(experiment: Experiment) -> str:
    """Registration, amendments, deviations and head."""
    first = experiment.entries[0]
    said = [f"Round {experiment.design.round}, registered on {wording.period(first.date)}."]
    if experiment.design.inherits:
        said.append(f"It follows the round whose register ended with {experiment.design.inherits}.")
    draw = experiment.draw
    said.append(
        f'Units drawn on {wording.period(draw.date)} with the text "{draw.content["text"]}".'
        if draw
        else "Units are not drawn yet."
    )
    changed = departures(experiment.amendments, experiment.deviations)
    head = f"<p>Head of the register: <code>{experiment.head}</code></p>"
    return section("On record", f"{paragraphs(said)}{changed}{head}")


def departures(amendments: pd.DataFrame, deviations: pd.DataFrame) -> str:
    """What was changed, and what departed from the protocol, as tables that stand out."""
    shown = []
    for frame, caption in ((amendments, "Amendments"), (deviations, "Deviations")):
        if len(frame):
            body = table(frame.rename(columns=str.capitalize), caption)._repr_html_()
            shown.append(f'<div class="amended">{body}</div>')
    return "".join(shown)


def _arm(arm: Arm) -> str:
    title = f"{arm.label} ({'control' if arm.role == 'control' else 'arm'} {arm.name})"
    if arm.tidier is None:
        return section(title, paragraphs(["What people would get anyway."]))
    return section(title, _fields(arm.tidier, "arms.tidier"))


def _outcomes(design: Design) -> str:
    rows = [_outcome_row(one, is_primary=one is design.outcome) for one in design.outcomes()]
    columns = ["Outcome", "Role", "Unit", "Good is", "Measured"]
    return table(pd.DataFrame(rows, columns=columns), "Outcomes")._repr_html_()


def _outcome_row(one: Outcome, *, is_primary: bool) -> tuple[str, ...]:
    way = "high" if one.polarity == "high_is_good" else "low"
    role = "primary" if is_primary else "secondary"
    return one.label, role, wording.unit_label(one.unit), way, one.measured


def _randomisation(experiment: Experiment, note: str) -> str:
    said = [str(experiment.what_a_test_can_do())]
    design = experiment.design
    parts = [_fields(design.randomisation, "randomisation", design.randomisation.method)]
    if design.is_wedge:
        parts.append(picture(_starts(experiment), note))
    if experiment.draw:
        found = balance_of(experiment)
        said.append(str(found.sentence()))
        parts.append(picture(found.plot(), note))
    return paragraphs(said) + "".join(parts)


def _analysis(design: Design) -> str:
    said = "Each cluster is compared with itself and with the others of the period."
    shown = _fields(design.analysis, "analysis", design.randomisation.method)
    return (paragraphs([said]) if design.is_wedge else "") + shown


def _starts(experiment: Experiment) -> Axes:
    """Who starts when: by name once they are drawn."""
    how, units = experiment.design.randomisation, ()
    if experiment.draw:
        order = experiment.allocation["arm"].str.removeprefix("step ").astype(int)
        units = experiment.allocation.loc[order.sort_values(kind="stable").index, "unit"]
    return draw_wedge(wedge(how.steps, len(how.periods)).frame(list(units), how.periods))


def _looks(design: Design) -> str:
    if design.looks.boundary == "none":
        return paragraphs(["Outcomes are looked at once, at the end."])
    bounds = bounds_of(design)
    frame = bounds.summary_frame()
    frame.insert(1, "date", design.looks.dates)
    words = {"information": "share of information", "z_bound": "bound (z)", "p_bound": "bound (p)"}
    words |= {"false_alarm_by_then": "false alarm by then"}
    frame = frame.rename(columns=words).rename(columns=str.capitalize)
    digits = {"Bound (p)": 4, "False alarm by then": 4, "Bound (z)": 3, "Share of information": 2}
    shown = table(frame, "Planned looks", digits=digits)._repr_html_()
    return paragraphs([str(bounds.sentence())]) + shown


def _fields(part: object, where: str, method: str = "") -> str:
    """A section of the design as a table: what was asked, what was answered.

    With `method`, fields that mean something to other methods only are left out.
    """
    about = field_help().set_index("field")["about"]
    names = [
        name
        for name in about.index
        if name.startswith(f"{where}.")
        and name.count(".") == where.count(".") + 1
        and method in ("", *FIELDS_OF.get(name, (method,)))
    ]
    rows = [(about[name], _answer(getattr(part, name.split(".")[-1]))) for name in names]
    body = "".join(
        f'<tr><th scope="row">{_text(asked.capitalize())}</th><td>{_text(answer)}</td></tr>'
        for asked, answer in rows
        if answer
    )
    return f'<table class="fields"><tbody>{body}</tbody></table>'


def _answer(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return wording.number(value) if isinstance(value, float) else str(value)


def picture(ax: Axes, note: str) -> str:
    """A picture inside the page, with its words."""
    from lsp_analysis.figures.style import alt_of, render

    picture = base64.b64encode(render(ax.figure, note=note)).decode()
    alt = html.escape(alt_of(ax), quote=True)
    return f'<figure><img src="data:image/png;base64,{picture}" alt="{alt}"></figure>'


def section(title: str, body: str) -> str:
    """A part of a page under a heading."""
    return f"<section><h2>{_text(title)}</h2>{body}</section>"


def paragraphs(texts: Iterable[str]) -> str:
    """Texts as paragraphs, empty ones left out."""
    return "".join(f"<p>{_text(text)}</p>" for text in texts if text)


def _text(value: object) -> str:
    return html.escape(str(value))
