"""How often the method cries wolf on a panel, at dates when nothing had been done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from boroughs import borough, case_of

from lsp_analysis.effects.one_area.false_alarms import count_false_alarms
from lsp_analysis.effects.result import FalseAlarms


def alarms(made, **changes):
    case = case_of(made)
    options = {
        "eligible": case.eligible, "adjacency": case.adjacency, "start": case.start,
        "level": 0.95, "seed": 0,
    }  # fmt: skip
    return count_false_alarms(changes.pop("ledger", case.ledger), case.treated, **options | changes)


def test_on_boroughs_where_nothing_happens_alarms_are_about_as_rare_as_claimed():
    found = [alarms(borough(seed), level=0.8) for seed in range(12)]
    share = sum(one.alarms for one in found) / sum(one.trials for one in found)
    assert 0.08 < share < 0.32


def test_nothing_from_the_start_on_is_used():
    quiet, loud = (alarms(borough(2, effect=effect)) for effect in (0.0, -2.0))
    assert quiet == loud


def test_an_effect_that_began_earlier_raises_alarms():
    case = case_of(borough(2, mean_count=20))
    total = case.ledger.total.copy()
    worst = np.argsort(-total[:, 6:18].sum(axis=1))[:2]
    total[np.ix_(worst, np.arange(18, 48))] *= 0.1
    assert alarms(borough(2, mean_count=20), ledger=replace(case.ledger, total=total)).alarms > 0


def test_with_too_little_before_the_start_it_is_said_not_to_be_measured():
    found = alarms(borough(2), start=3)
    assert found.trials == 0
    assert np.isnan(found.rate)
    assert "could not be measured" in found.sentence()


def test_one_trial_is_one_occasion():
    assert "Tried on one occasion before the start" in FalseAlarms(0, 1, 1).sentence()
