"""A two-way table of counts, with its totals, as it may be handed on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis.disclosure.deduction import sum_matrix, with_margins
from lsp_analysis.disclosure.profiles import MARK, find_profile
from lsp_analysis.disclosure.suppression import withhold


def protect_table(table: pd.DataFrame, *, profile: str) -> pd.DataFrame:
    """A table of counts as it may be printed with totals: text, withheld cells as ``*``.

    Parameters
    ----------
    table : DataFrame of counts, without totals.
    profile : name of a rule; see `profiles.find_profile`. Where it rounds, totals are those of the
        true counts, rounded, so rows need not add up.

    Raises
    ------
    DisclosureError
        There is no such rule, or a small count follows from the totals whatever is withheld.
    """
    rule = find_profile(profile)
    full, sums = with_margins(table.to_numpy(float))
    hidden = withhold(full, sum_matrix(len(full), sums), rule).hidden
    text = np.where(hidden, MARK, rule.rounded(full).astype(int).astype(str))
    shape = (len(table) + 1, len(table.columns) + 1)
    return pd.DataFrame(
        text.reshape(shape), index=[*table.index, "Total"], columns=[*table.columns, "Total"]
    ).rename_axis(table.index.name)
