"""Which indicators of an area really moved: a process chart for each, and one line on all."""

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.absent import Absent, if_possible
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import View
from lsp_analysis.standing.change.process import VARIATION, ProcessChart, process_chart
from lsp_analysis.standing.change.trends import PER_YEAR, RecentTrend, recent_trend
from lsp_analysis.standing.comparison.intervals import group_limits
from lsp_analysis.standing.place.brief import REST, AreaBrief
from lsp_analysis.standing.place.profile_words import quantities
from lsp_analysis.study.asking.table import as_date

ASSURANCE = {
    "consistent_pass": "will meet it",
    "consistent_fail": "will miss it",
    "inconsistent": "will meet it at times",
}
NO_CHART = "no chart"
FEWEST = 5  # points from which limits may be worked out
ORDER = ("getting worse", "improving", "higher than usual", "lower than usual")


def signals(brief: AreaBrief, *, since: object = None) -> View:
    """Chart every indicator of an area, and say which ended outside their usual variation.

    Parameters
    ----------
    brief : AreaBrief
    since : Period, date or text, optional
        A dated change, such as a programme's start. What is usual is then what was usual before it,
        and whether a target will be met is judged by the points from it on. Passed over where no
        series has five points before.

    Returns
    -------
    View
        ``table``, indexed by indicator_id, has ``name``, ``unit``, ``period`` and ``value`` (the
        last point), ``variation`` (in words, "no chart" where the series is broken), ``target``,
        ``assurance`` (in words, empty without a target), ``recent`` (label of Fingertips).
    """
    early = [_settled(panel["period"].drop_duplicates(), since) for panel in brief.panels.values()]
    since = since if max(early) >= FEWEST else None
    rows = []
    for indicator_id in brief.panels:
        indicator = brief.indicator(indicator_id)
        moved = if_possible(process_of, brief, indicator_id, settled_before=since)
        now = moved if since is None else if_possible(process_of, brief, indicator_id, rebase=since)
        rows.append(
            {
                "indicator_id": indicator_id,
                "name": indicator.name,
                "unit": indicator.per,
                **_last_point(moved, brief.series(indicator_id, whole=True)),
                "target": now.target if now else None,
                "assurance": ASSURANCE.get(now.assurance, "") if now else "",
                "recent": recent_of(brief, indicator_id).label,
            }
        )
    table = pd.DataFrame(rows).set_index("indicator_id")
    usual = "their usual variation"
    if since is not None:
        usual = f"what was usual before {wording.period(since)}"
    said = wording.capital(_told(brief.area.name, table, usual))
    return View(said, table, tabulate=lambda: _listed(brief.area.name, table, usual))


def _told(area: str, table: pd.DataFrame, usual: str) -> str:
    """How many indicators moved by more than their usual variation, and which."""
    known = table[table["variation"] != NO_CHART]
    if known.empty:
        return f"No series of {area} is long and whole enough to chart."
    moved = int(known["variation"].isin(ORDER).sum())
    text = f"{wording.of_total(moved, len(known))} indicators of {area} ended outside {usual}."
    if len(known) == 1:
        side = "outside" if moved else "inside"
        which = "that can be charted " if len(table) > 1 else ""
        only = f"the only indicator of {area} {which}ended"
        text = f"{only} {side} {usual.replace('their', 'its')}."
    told = [
        f"{word}: {wording.and_list(map(wording.inside, names))}"
        for word in ORDER
        if len(names := known.loc[known["variation"] == word, "name"])
    ]
    return f"{text} {wording.capital('; '.join(told))}." if told else text


def _listed(area: str, rows: pd.DataFrame, usual: str) -> Table:
    """Every indicator's last point, what it means, and whether the target is in reach."""
    values, targets = (quantities(rows[name], rows["unit"]) for name in ("value", "target"))
    shown = {
        "Indicator": rows["name"],
        "Last": [wording.period(period, short=True) for period in rows["period"]],
        "Value": values,
        wording.capital(f"against {usual}"): rows["variation"],
        "Borough's target": ["none" if t == wording.MISSING else t for t in targets],
        "As things are it": rows["assurance"],
        "Last five years": rows["recent"],
    }
    return figures.table(
        pd.DataFrame(shown).reset_index(drop=True),
        caption=f"{area}: is it changing, and would it meet the borough's target?",
        note="The rules are those of Making Data Count, with the usual seasons taken out; the "
        "last five years are judged by the recent trend of Fingertips.",
    )


def process_of(
    brief: AreaBrief,
    indicator_id: str,
    *,
    target: float | None = None,
    settled_before: object = None,
    rebase: object = None,
    keep_seasons: bool = False,
) -> ProcessChart:
    """The process chart of one indicator of an area.

    Parameters
    ----------
    brief : AreaBrief
    indicator_id : str
    target : float, optional
        That of the borough's plan unless given; none without a plan, or beside limits of the past,
        which say nothing of what is to come.
    settled_before : Period, date or text, optional
        Work the limits out from the periods that end before it, to see what moved after.
    rebase : Period, date or text, optional
        Start the limits afresh in the first whole period from it on: a known change of process.
        Either is passed over when it leaves fewer than five points to work limits out from.
    keep_seasons : bool
        Months and quarters are otherwise divided by how far the rest of the borough usually lies
        above its mean in that season (`without_seasons`).
    """
    indicator = brief.indicator(indicator_id)
    series = brief.series(indicator_id, years=False)
    rest = brief.series(indicator_id, REST, years=False)
    if not keep_seasons:
        series = without_seasons(series, rest)
    periods = pd.PeriodIndex(series["period"])
    before = _settled(series["period"], settled_before)
    later = periods[periods.start_time >= _moment(rebase)]
    if target is None and before < FEWEST and brief.plan is not None:
        target = brief.plan.last_targets.get(indicator_id)
    rebased = FEWEST <= len(later) <= len(periods) - FEWEST
    return process_chart(
        series,
        name=indicator.name,
        unit=indicator.per,
        polarity=indicator.polarity,
        target=target,
        fix_after=before if before >= FEWEST else None,
        rebase=[later[0]] if rebased else (),
    )


def recent_of(brief: AreaBrief, indicator_id: str) -> RecentTrend:
    """Fingertips' recent trend over the last five years."""
    indicator, series = brief.indicator(indicator_id), brief.series(indicator_id)
    low, high = group_limits(series, indicator=indicator, level=0.95)
    series = series[["period", "value"]].assign(low=low, high=high)
    return recent_trend(series, polarity=indicator.polarity, unit=indicator.per)


def without_seasons(series: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """`series` divided by the usual season of `reference`, whose many areas show it plainly.

    A month's season is the mean, over years, of the reference's value as a share of the mean of the
    twelve months around it. Years are left as they are, and so is a series whose reference has a
    value of zero.

    Parameters
    ----------
    series, reference : DataFrame
        ``period``, ``value``.
    """
    periods = pd.PeriodIndex(series["period"])
    per_year = PER_YEAR.get(periods.freqstr[0], 1)
    known = reference.set_index(pd.PeriodIndex(reference["period"]))["value"]
    if per_year == 1 or len(known) < 2 * per_year or not (known > 0).all():
        return series
    around = known.rolling(per_year).mean().rolling(2).mean().shift(-per_year // 2)
    share = known / around
    part = "month" if per_year == PER_YEAR["M"] else "quarter"
    season = share.groupby(getattr(share.index, part)).mean()
    usual = (season / season.mean()).reindex(getattr(periods, part)).to_numpy()
    return series.assign(value=series["value"].to_numpy(float) / usual)


def _settled(periods: pd.Series, before: object) -> int:
    """How many periods end before a moment."""
    return int((pd.PeriodIndex(periods).end_time < _moment(before)).sum())


def _moment(when: object) -> pd.Timestamp:
    """First day of a Period, date or text; missing when there is none, which nothing is before."""
    if when is None or when == "":
        return pd.NaT
    return as_date(when, name="the date").start_time


def _last_point(chart: ProcessChart | Absent, path: pd.DataFrame) -> dict[str, object]:
    """The last point of a chart, or of the series itself when it could not be charted."""
    known = chart.points if chart else path.dropna(subset="value")
    last = known.iloc[-1] if len(known) else {"period": None, "value": None}
    variation = VARIATION[chart.variation] if chart else NO_CHART
    return {"period": last["period"], "value": last["value"], "variation": variation}
