"""One indicator's counts as they may be shown: areas, what they make up, and every period."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis.disclosure.deduction import sum_matrix
from lsp_analysis.disclosure.profiles import SUPPRESSED, Profile
from lsp_analysis.disclosure.suppression import withhold
from lsp_analysis.errors import DisclosureError
from lsp_analysis.study.indicator import COLUMNS, Indicator, join_periods

KEY = ["area_code", "period"]
YEAR_DAYS = 360
WHOLE = ("share", "stock")  # kinds that count part of the people in the denominator
SHARED_OUT = 30  # rounds of fitting shares of withheld counts to the totals shown
Groups = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ShownCounts:
    """An indicator as it may be shown.

    Attributes
    ----------
    rows : DataFrame
        ``area_code``, ``period``, ``numerator``, ``denominator``, ``value``, ``note``; ``imputed``
        for withheld counts: a share of the totals shown, for adding areas up and nothing else.
        Areas first, then what they make up.
    by_year : whether months or quarters were joined to years, because parts of them were small
    """

    rows: pd.DataFrame = field(repr=False)
    by_year: bool = False


def show_counts(
    panel: pd.DataFrame,
    groups: Groups,
    indicator: Indicator,
    profile: Profile,
    *,
    earlier: pd.DataFrame | None = None,
) -> ShownCounts:
    """Withhold and round the counts of a panel and of all totals that are published with it.

    Months and quarters of which any count would be withheld are joined to years first, and only the
    years are shown: sums over time then give nothing back.

    Parameters
    ----------
    panel : DataFrame from `Study.panel`.
    groups : code of each larger area to the codes of its small areas, the borough among them.
    earlier : rows of earlier releases (``area_code``, ``period_start``, ``period_end``,
        ``numerator``, ``note``): what they withheld stays withheld, and what any of them showed
        cannot be withheld any more.

    Raises
    ------
    DisclosureError
        The indicator has values without counts, so that no rule for counts can be applied; a
        small count cannot be protected; or earlier releases contradict one another.
    """
    panel = panel[COLUMNS]
    if panel["numerator"].isna().all() and panel["value"].notna().any():
        raise DisclosureError(
            f'"{indicator.indicator_id}" has values without counts, so the rule {profile.name} '
            "cannot be applied. If its owner has published it, give it the profile open."
        )
    whole = indicator.kind in WHOLE and bool(panel["denominator"].notna().any())
    if whole:  # a part of unknown people is no count that could be shown
        panel = panel.assign(numerator=panel["numerator"].where(panel["denominator"].notna()))
    months = panel["period"].dtype.freq.freqstr[0] in "MQ"
    by_year = months and _joined(panel, earlier, bool(_small(panel, indicator, profile).any()))
    if by_year:
        per_year = 12 if panel["period"].dtype.freq.freqstr[0] == "M" else 4
        joined = join_periods(panel, indicator, panel["period"].dt.year)
        joined = joined[joined["n_periods"] == per_year]
        years = pd.PeriodIndex(joined["window"].astype(int).astype(str), freq="Y")
        panel = joined.assign(period=years, note="")[COLUMNS]
    rows = pd.concat([panel, *_totals(panel, groups)], ignore_index=True)
    known = np.flatnonzero(rows["numerator"].notna())
    counts = rows["numerator"].to_numpy(float)[known]
    small = _small(rows, indicator, profile)[known]
    matrix = sum_matrix(len(known), table_sums(rows.iloc[known].reset_index(drop=True), groups))
    before, shown = _earlier(rows.iloc[known], earlier, profile)
    people = rows["denominator"].to_numpy(float)
    most = np.full(len(known), np.inf)
    if whole:
        few = withhold(people[known], matrix, profile)  # counted as those they hold are
        small, most = small | few, most_of(people[known], few, profile)
        shown_people = np.where(few, np.nan, profile.rounded(people[known]))
        people = np.full(len(rows), np.nan)
        people[known] = shown_people
    hidden = np.zeros(len(rows), dtype=bool)
    hidden[known] = withhold(
        counts, matrix, profile, small=small, most=most, before=before, shown_before=shown
    )
    shown_rows = _shown(rows.assign(denominator=people), hidden, indicator, profile, groups)
    return ShownCounts(shown_rows, by_year)


def most_of(people: np.ndarray, withheld: np.ndarray, profile: Profile) -> np.ndarray:
    """The most that can be counted among `people`, as far as an outsider knows."""
    _, greatest = profile.limits(profile.rounded(people))
    return np.where(withheld, np.inf, greatest)


def _joined(panel: pd.DataFrame, earlier: pd.DataFrame | None, any_small: bool) -> bool:
    """Whether to join periods to years; as in the earlier release, where there is one.

    A year's total beside months that were shown before would give the others back.
    """
    if earlier is None or earlier.empty:
        return any_small
    days = (pd.to_datetime(earlier["period_end"]) - pd.to_datetime(earlier["period_start"])).dt.days
    if days.min() <= YEAR_DAYS < days.max():
        raise DisclosureError(
            "Earlier releases show it by months and by years, so counts follow from both together. "
            "Withdraw and delete one of them."
        )
    return bool(days.min() > YEAR_DAYS)


def _small(rows: pd.DataFrame, indicator: Indicator, profile: Profile) -> np.ndarray:
    """Counts that are small, are short of everybody by a small count, or are of few people."""
    numerator, denominator = rows["numerator"].to_numpy(float), rows["denominator"].to_numpy(float)
    small = profile.is_small(numerator)
    if indicator.kind in WHOLE:
        small |= profile.is_small(denominator - numerator)
        small |= profile.is_small(denominator) & ~np.isnan(numerator)
    return small


def _totals(panel: pd.DataFrame, groups: Groups) -> list[pd.DataFrame]:
    """Totals of each larger area and period over its areas with a count."""
    known = panel[panel["numerator"].notna()]
    made = []
    for code, members in groups.items():
        own = known[known["area_code"].isin(members)].groupby("period")
        sums = own[["numerator", "denominator"]].sum(min_count=1).reset_index()
        made.append(sums.assign(area_code=code, value=np.nan, note="")[panel.columns])
    return made


def table_sums(rows: pd.DataFrame, groups: Groups) -> list[tuple[int, list[int]]]:
    """Which row of a table (``area_code``, ``period``) is the total of which others."""
    place = pd.Series(rows.index, index=pd.MultiIndex.from_frame(rows[KEY]))
    by_area = {code: part.droplevel(0) for code, part in place.groupby(level=0)}
    sums = []
    for code, members in groups.items():
        parts = [by_area[member] for member in members if member in by_area]
        if not parts or code not in by_area:
            continue
        lists = pd.concat(parts).groupby(level=0).agg(list)
        sums += [(int(total), lists[period]) for period, total in by_area[code].items()]
    return sums


def _earlier(rows, earlier, profile) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Flags of what an earlier release withheld, and of what any shows as it is now."""
    if earlier is None or earlier.empty:
        return None, None
    keys = ["area_code", "period_start", "period_end"]
    ends = rows["period"].dt.end_time.dt.normalize()
    now = rows[["area_code"]].assign(
        period_start=rows["period"].dt.start_time, period_end=ends,
        now=profile.rounded(rows["numerator"]), row=np.arange(len(rows)),
    )  # fmt: skip
    dates = {name: pd.to_datetime(earlier[name]) for name in keys[1:]}
    both = now.merge(earlier[["area_code", "numerator", "note"]].assign(**dates), on=keys)
    withheld = both["note"] == SUPPRESSED
    same = ~withheld & (both["numerator"] == both["now"])
    every = np.arange(len(rows))
    return np.isin(every, both["row"][withheld]), np.isin(every, both["row"][same])


def _shown(rows, hidden, indicator, profile, groups) -> pd.DataFrame:
    """Rows with withheld counts blank and the others rounded, values worked out again."""
    base, counts = rows["denominator"], pd.Series(profile.rounded(rows["numerator"]), rows.index)
    value = counts = counts.mask(hidden)
    if indicator.unit != "count":
        value = counts / base.where(base > 0) * indicator.multiplier
    note = rows["note"].mask(hidden, SUPPRESSED)
    made = rows.assign(numerator=counts, value=value, note=note)
    return made.assign(imputed=_shares(made, hidden, groups))


def _shares(made: pd.DataFrame, hidden: np.ndarray, groups: Groups) -> pd.Series:
    """Withheld counts of areas filled in so that they add up to the totals shown.

    Each begins with its denominator's share of what the borough's total leaves, and is then fitted
    to the totals of smaller and smaller areas in turn: all of it follows from what is shown.
    """
    people = made["denominator"].fillna(1.0) if made["denominator"].notna().any() else 1.0
    values = np.where(hidden, people, np.nan)
    totals = made["area_code"].isin(list(groups)).to_numpy()
    at = {period: np.array(rows) for period, rows in made[~totals].groupby("period").groups.items()}
    shown = made[totals & made["numerator"].notna()]
    order = sorted(groups, key=lambda code: -len(groups[code]))
    fits = []
    for code in order:
        members = made["area_code"].isin(groups[code]).to_numpy()
        for row in shown[shown["area_code"] == code].itertuples():
            own = at[row.period][members[at[row.period]]]
            free = own[hidden[own]]
            if len(free):
                left = max(row.numerator - made["numerator"].to_numpy()[own[~hidden[own]]].sum(), 0)
                fits.append((free, left))
    for _ in range(SHARED_OUT if len(order) > 1 else 1):
        for free, left in fits:
            now = values[free].sum()
            values[free] = values[free] * (left / now) if now > 0 else left / len(free)
    values[totals] = np.nan
    return pd.Series(values, made.index)
