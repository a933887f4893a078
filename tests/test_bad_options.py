"""Options that cannot be meant are refused by every estimator that has them, in a sentence."""

from __future__ import annotations

import inspect
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, codes
from test_bad_input import KINDS, world

from lsp_analysis.effects.checks.lasting import persistence
from lsp_analysis.effects.checks.sensitivity import check_all
from lsp_analysis.effects.options import listed, names_of, positive, whole
from lsp_analysis.errors import LspError, ParameterError

COUNTS = {"outcome": "events", "population": "people"}
WAYS = KINDS | {"persistence": (persistence, 1, COUNTS), "checks": (check_all, 1, COUNTS)}
NO_COUNTS = (-1, 1.5, "many", None, math.nan)
NO_SIZES = (0, -1, math.nan, math.inf, "a", None)

REFUSED = {  # option: values that cannot be meant
    "covariates": (["nope"], "nope", 5, ["area_code"], [["x"]], ["x", "x"]),
    "weights": ("nope", "area_code", ["people"], 5),
    "cluster": ("nope", ["area_code"]),
    "vcov": ("nope", None, 5),
    "reference": (0, -100, 1.5, "a"),
    "leads": (-1, 0, 1.5, "a"),
    "lags": (-1, 1.5, "a"),
    "inference": ("nope", None),
    "statistic": ("nope", 5),
    "ridge": (0, -1, math.nan, math.inf, "a", True),
    "block": (0, -1, 1.5, 100, "a", None),
    "trend": ("nope", None),
    "season": (0, 1, -3, 1.5, "a"),
    "comparisons": (["E999"], "E010", 5, ["E000"]),
    "harmonics": (-1, 1.5, "a", 100),
    "newey_west": (-1, 1.5, "a"),
    "change": ("nope", None),
    "family": ("nope", None),
    "cycle": (0, -1, math.nan, "a"),
    "slope_from": (2, "a", None),
    "per": NO_SIZES,
    "predictors": ("x", [("nope", "2008-01")], [("x", "2030-01")], [("x",)], 5, [("x", [])]),
    "fit_periods": ("2030-01", [], 5, "spring"),
    "generations": (0, *NO_COUNTS),
    "aggregate": ("nope", None),
    "anticipation": (*NO_COUNTS, 100),
    "method": ("nope", None),
    "comparison": ("nope", None),
    "base": ("nope", None),
    "starts": ("nope", {"E999": "2009-01"}, {}, {"E000": "spring"}, 5),
    "alternative": ("nope", None),
    "match": (["nope"], 5),
    "n_draws": NO_COUNTS,
    "polarity": ("nope", 5),
    "unit": (5, ["percent"]),
    "label": (None, 5),
    "horizons": ([0], [3, 3], [6, 3], ["a"], 5, [1.5]),
    "funding_ends": ("soon", 5, math.nan),
    "interventions": (pd.DataFrame({"a": [1]}), 5),
    "events": (pd.DataFrame({"a": [1]}), 5),
    "geometry": (5, pd.DataFrame({"a": [1]})),
}
MEANT = {("exact weights", "covariates"): [["x", "x"]]}  # matched twice is matched


def options_of(name: str) -> set[str]:
    return set(inspect.signature(WAYS[name][0]).parameters)


def ask(name: str, **changes):
    run, n_treated, given = WAYS[name]
    asked = {"outcome": "rate", "treated": codes(n_treated), "start": START} | given | changes
    if "starts" in changes:
        del asked["treated"], asked["start"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return run(world(name) if name in KINDS else world("estimate of counts"), **asked)


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name in WAYS for option in REFUSED if option in options_of(name)],
)
def test_an_option_that_cannot_be_meant_is_refused(name, option):
    for value in REFUSED[option]:
        if value in MEANT.get((name, option), []):
            continue
        with pytest.raises(LspError) as refusal:
            ask(name, **{option: value})
        assert str(refusal.value).endswith((".", "?")), value


@pytest.mark.parametrize("name", [n for n in WAYS if "covariates" in options_of(n)])
def test_one_covariate_may_be_named_by_itself_and_none_by_nothing(name):
    alone, listed_ = ask(name, covariates="x"), ask(name, covariates=["x"])
    assert alone.estimate == listed_.estimate
    assert ask(name, covariates=None).estimate == ask(name).estimate


@pytest.mark.parametrize(("value", "least"), [(3, 0), (3.0, 3), (np.int64(7), 1)])
def test_a_whole_number_may_come_in_any_type(value, least):
    assert whole("n", value, least) == int(value)


def test_small_checks_say_what_was_given():
    with pytest.raises(ParameterError, match="n=True must be a whole number, 0 or more"):
        whole("n", True)
    with pytest.raises(ParameterError, match="per='a' must be a number above 0"):
        positive("per", "a")
    with pytest.raises(ParameterError, match="horizons='36' is not a list"):
        listed("horizons", "36")
    assert names_of("covariates", "age") == ["age"]
    assert names_of("covariates", None) == []
