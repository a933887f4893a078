"""What papers of an experiment share: pages from their templates, and the balance of the arms.

Pages are self-contained HTML, without script, ready to print. Balance is told in standardised
differences and without p-values: a test of baseline differences would ask whether a random draw was
random. What matters is how large a difference is, beside how much the covariate matters for the
outcome (Altman 1985; Senn 1994).
"""

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.record.folder import Experiment
from lsp_analysis.figures.tables import Table
from lsp_analysis.resources import resource
from lsp_analysis.showing import Absent, Axes, ShownTable

WORDS = ("capital", "counted", "inside", "number", "period", "times")  # that templates say


def page(template: str, note: str, **facts: Any) -> str:
    """A page that needs nothing but itself; `note` is said on each picture."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = resource("reports/template/experiment")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals |= {name: getattr(wording, name) for name in WORDS}
    environment.globals |= {
        "answers": answers,
        "capitalize": str.capitalize,
        "style": Markup((folder / "page.css").read_text(encoding="utf-8")),
        "picture": lambda ax: Markup(_picture(ax, note)),
        "table": lambda of, caption="": Markup(
            (of if isinstance(of, Table) else figures.table(of, caption))._repr_html_()
        ),
    }
    return environment.get_template(f"{template}.html.j2").render(facts, note=note)


def answers(part: object, method: str = "") -> list[tuple[str, str]]:
    """A section of the design: what was asked, what was answered.

    With `method`, fields that mean something to other methods only are left out.
    """
    rows = [
        (one.metadata["about"].capitalize(), _answer(getattr(part, one.name)))
        for one in fields(part)
        if method in ("", *one.metadata.get("methods", (method,)))
    ]
    return [(asked, answer) for asked, answer in rows if answer]


def _answer(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return wording.number(value) if isinstance(value, float) else str(value)


def _picture(ax: Axes, note: str) -> str:
    """A picture inside the page, with its words."""
    from lsp_analysis.figures.style import alt_of, render

    drawn = base64.b64encode(render(ax.figure, note=note)).decode()
    alt = html.escape(alt_of(ax), quote=True)
    return f'<figure><img src="data:image/png;base64,{drawn}" alt="{alt}"></figure>'


SMALL = 0.1  # standard deviations; the usual mark
LARGE = 0.25  # beyond which adjustment alone may not do


@dataclass(frozen=True)
class Balance(ShownTable):
    """The arms beside the control, covariate by covariate.

    Attributes
    ----------
    table : DataFrame
        One row per covariate and arm that is tried: ``covariate``, ``arm``, ``mean_arm``,
        ``mean_control``, ``difference`` (in standard deviations), ``spread_ratio`` (standard
        deviation of the arm over that of the control).
    means : DataFrame
        One row per covariate, ``covariate``, and a column per arm: mean (standard deviation).
    """

    table: pd.DataFrame = field(repr=False)
    means: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """How many differences are large, and which is the largest."""
        sizes = self.table["difference"].abs()
        if not sizes.notna().any():
            return wording.Sentence("No covariate can be compared between the arms.")
        worst = self.table.loc[sizes.idxmax()]
        n_large = int((sizes > LARGE).sum())
        exceed = "exceeds" if n_large == 1 else "exceed"
        return wording.Sentence(
            f"Of {wording.counted(len(sizes), 'comparison')}, "
            f"{wording.counted(n_large, 'difference')} {exceed} {LARGE} standard deviations; the "
            f"largest is {wording.number(worst['difference'], 2)} for "
            f"{worst['covariate'].replace('_', ' ')} ({worst['arm']})."
        )

    def baseline(self) -> pd.DataFrame:
        """The means, with words for columns."""
        names = self.means["covariate"].str.replace("_", " ")
        return self.means.assign(covariate=names).rename(columns={"covariate": "Measured before"})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Standardised differences, arm by arm."""
        frame = self.table.rename(columns={"difference": "estimate", "arm": "group"})
        labels = frame["covariate"].str.replace("_", " ")
        frame = frame.assign(label=labels, low=np.nan, high=np.nan)
        return figures.draw_forest(
            frame, unit="standard deviations from the control", worth_having=SMALL, ax=ax
        )


def balance(
    units: pd.DataFrame,
    arm: pd.Series | Sequence[str],
    *,
    covariates: Sequence[str],
    control: str,
) -> Balance:
    """Standardised differences of each arm from the control.

    Parameters
    ----------
    units : DataFrame, one row per unit
        Columns `covariates`; words become a covariate per word but the first.
    arm : one name per unit, in the order of `units`.
    control : str
        Name of the control.
    """
    arms = pd.Series(list(arm))
    table = _numeric(units[list(covariates)].reset_index(drop=True))
    others = [name for name in dict.fromkeys(arms) if name != control]
    rows = [
        (name, other, *_compared(column[arms == other].dropna(), column[arms == control].dropna()))
        for name, column in table.items()
        for other in others
    ]
    columns = ["covariate", "arm", "mean_arm", "mean_control", "difference", "spread_ratio"]
    means = pd.DataFrame({"covariate": list(table)})
    for name in [control, *others]:
        own = [table.loc[arms == name, covariate].dropna() for covariate in table]
        means[name] = [f"{wording.number(one.mean())} ({wording.number(one.std())})" for one in own]
    return Balance(pd.DataFrame(rows, columns=columns), means)


def balance_of(experiment: Experiment) -> Balance | Absent:
    """Balance of an experiment's draw on all that its units file holds."""
    if not experiment or experiment.draw is None:
        return experiment or Absent("The units are not drawn yet.")
    arm = experiment.allocation.set_index("unit")["arm"]
    return balance_by_design(experiment.design, experiment.units, arm)


def balance_by_design(
    design: Design, units: pd.DataFrame, arm_of_unit: pd.Series
) -> Balance | Absent:
    """Balance on all columns of the units but their names, strata and pairs; absent without any."""
    not_covariates = {"unit", design.randomisation.pair, *design.randomisation.strata}
    covariates = [name for name in units if name not in not_covariates]
    if not covariates:
        return Absent("Nothing was measured before the start.")
    arm = arm_of_unit.reindex(units["unit"])
    labels = {one.name: one.label for one in design.arms}
    control = "step 1" if design.is_wedge else design.control.label
    return balance(units, arm.map(labels).fillna(arm), covariates=covariates, control=control)


def _numeric(table: pd.DataFrame) -> pd.DataFrame:
    """Words as columns of 0 and 1."""
    words = list(table.select_dtypes(exclude="number"))
    if not words:
        return table.astype(float)
    dummies = pd.get_dummies(table[words].astype("str"), drop_first=True, prefix_sep=": ")
    return table.drop(columns=words).join(dummies).astype(float)


def _compared(own: pd.Series, other: pd.Series) -> tuple[float, ...]:
    """Means, difference in pooled standard deviations, ratio of spreads."""
    pooled = math.sqrt((own.var() + other.var()) / 2)
    apart = own.mean() - other.mean()
    difference = apart / pooled if pooled > 0 else 0.0 if apart == 0 else math.nan
    ratio = own.std() / other.std() if other.std() > 0 else math.nan
    return own.mean(), other.mean(), difference, ratio
