"""What can be wrong with a panel or a keyword: every estimator answers rightly, or in a sentence.

A refusal is one of the package's own errors that says what was found and what to do. No warning of
numpy, pandas or statsmodels gets through, and no number is missing without a word on why.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, codes, counts

from lsp_analysis import effects
from lsp_analysis.effects.regressions.event_studies import event_study
from lsp_analysis.errors import LspError, PanelError, ParameterError

N_AREAS, N_PERIODS = 24, 24
OTHER = "E020"  # a comparison area

Kind = tuple[Callable[..., Any], int, dict[str, Any]]
COUNTS = {"outcome": "events", "population": "people"}
QUASI = COUNTS | {"family": "quasi_poisson"}
KINDS: dict[str, Kind] = {  # estimator, treated areas, keywords
    "estimate": (effects.estimate, 1, {}),
    "estimate of counts": (effects.estimate, 1, COUNTS),
    "difference-in-differences": (effects.difference_in_differences, 6, {}),
    "difference in changes": (effects.difference_in_changes, 6, {}),
    "Poisson": (effects.poisson_difference_in_differences, 6, COUNTS),
    "event study by regression": (event_study, 6, {}),
    "event study among placebos": (event_study, 1, {}),
    "staggered starts": (effects.staggered_effect, 6, {"n_draws": 0}),
    "interrupted series": (effects.interrupted_series, 1, {}),
    "interrupted series of counts": (effects.interrupted_series, 1, QUASI),
    "controlled series": (effects.controlled_interrupted_series, 1, {}),
    "controlled series of counts": (effects.controlled_interrupted_series, 1, QUASI),
    "structural": (effects.structural_effect, 1, {"n_draws": 200}),
    "synthetic control": (effects.synthetic_control, 1, {}),
    "augmented": (effects.augmented_synthetic_control, 1, {}),
    "synthetic difference-in-differences": (effects.synthetic_did, 1, {}),
    "among placebo neighbourhoods": (effects.placebo_difference_in_differences, 1, {}),
    "randomisation inference": (effects.randomisation_inference, 2, {}),
    "exact weights": (effects.calibrated_effect, 6, {"block": 12}),
    "wild bootstrap": (effects.wild_cluster_bootstrap, 6, {"n_draws": 999}),
}
ALONE = {"interrupted series", "interrupted series of counts"}  # need no comparison
NEED_NEIGHBOURS = ["estimate", "estimate of counts", "among placebo neighbourhoods"]
NEED_PEOPLE = [name for name, kind in KINDS.items() if "population" in kind[2]]
NEED_SEED = [
    "estimate", "staggered starts", "structural", "synthetic control", "augmented",
    "synthetic difference-in-differences", "among placebo neighbourhoods",
    "randomisation inference", "exact weights", "wild bootstrap",
]  # fmt: skip

every_estimator = pytest.mark.parametrize("name", KINDS)


def world(name: str) -> pd.DataFrame:
    return counts(n_areas=N_AREAS, n_periods=N_PERIODS, n_treated=KINDS[name][1], effect=2, seed=3)


def outcome_of(name: str) -> str:
    return KINDS[name][2].get("outcome", "rate")


def answer(name: str, panel: Any, **changes: Any) -> Any:
    run, n_treated, options = KINDS[name]
    asked = {"outcome": "rate", "treated": codes(n_treated), "start": START} | options | changes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return run(panel, **asked)


def refused(name: str, panel: Any, words: str = "", **changes: Any) -> None:
    with pytest.raises(LspError, match=words) as refusal:
        answer(name, panel, **changes)
    said = str(refusal.value)
    assert said.endswith((".", "?")), said
    assert 30 < len(said) < 400, said


def told(found: Any) -> bool:
    """Whether every number that is missing comes with a word on why."""
    known = [found.p_value, found.low, found.high]
    return math.isfinite(found.estimate) and (
        not any(map(math.isnan, known)) or bool(found.warnings)
    )


# panels that no method can use: the change, and words of the refusal
def one_cell(frame: pd.DataFrame, outcome: str, value: Any) -> pd.DataFrame:
    return frame.assign(**{outcome: frame[outcome].astype(object).where(frame.index != 5, value)})


def mixed_periods(frame: pd.DataFrame, other: Callable[[pd.Period], Any]) -> pd.DataFrame:
    period = [p if k % 2 else other(p) for k, p in enumerate(frame["period"])]
    return frame.assign(period=pd.Series(period, dtype=object))


def quarter(month: pd.Period) -> pd.Period:
    return month.asfreq("Q")


def in_lists(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(area_code=[[code] for code in frame["area_code"]])


def doubled(frame: pd.DataFrame, outcome: str) -> pd.DataFrame:
    return pd.concat([frame, frame[[outcome]]], axis=1)


PANELS: dict[str, tuple[Callable[[pd.DataFrame, str], Any], str]] = {
    "nothing": (lambda f, y: None, "The panel is a NoneType"),
    "a dictionary": (lambda f, y: f.to_dict("list"), "The panel is a dict"),
    "no rows": (lambda f, y: f.iloc[:0], "no rows"),
    "no outcome": (lambda f, y: f.drop(columns=y), "no column"),
    "no areas": (lambda f, y: f.drop(columns="area_code"), "no column 'area_code'"),
    "no periods": (lambda f, y: f.drop(columns="period"), "no column 'period'"),
    "labels in the index": (lambda f, y: f.set_index(["area_code", "period"]), "no column"),
    "two columns of the outcome": (doubled, "2 columns"),
    "columns of two levels": (lambda f, y: pd.concat({"a": f}, axis=1), "2 levels"),
    "a word": (lambda f, y: one_cell(f, y, "lots"), "not a number in 1 of"),
    "a publisher's mark": (lambda f, y: one_cell(f, y, "*"), "not a number in 1 of"),
    "thousands with commas": (lambda f, y: f.assign(**{y: f[y].map("{:.0f},0".format)}), "number"),
    "infinity": (lambda f, y: one_cell(f, y, np.inf), "infinite in 1 of"),
    "dates": (lambda f, y: f.assign(**{y: pd.Timestamp("2009-01-01")}), "not numbers"),
    "spans of time": (lambda f, y: f.assign(**{y: pd.to_timedelta(f[y], unit="D")}), "not numbers"),
    "complex numbers": (lambda f, y: f.assign(**{y: f[y] + 1j}), "not numbers"),
    "lists": (lambda f, y: f.assign(**{y: [[1]] * len(f)}), "not a number"),
    "sizes beyond reckoning": (lambda f, y: f.assign(**{y: f[y] * 1e200}), "cannot be reckoned"),
    "sizes below reckoning": (lambda f, y: f.assign(**{y: f[y] * 1e-200}), "cannot be reckoned"),
    "no value": (lambda f, y: f.assign(**{y: np.nan}), "value"),
    "no value before": (lambda f, y: f.assign(**{y: f[y].where(f["period"] >= START)}), ""),
    "an area without a code": (lambda f, y: f.assign(area_code=f["area_code"].where(f.index != 5)),
                               "no area_code"),
    "a row without a period": (lambda f, y: f.assign(period=f["period"].where(f.index != 5)),
                               "no period"),
    "codes in lists": (lambda f, y: in_lists(f), "cannot stand for an area"),
    "months and quarters": (lambda f, y: mixed_periods(f, quarter), "several kinds"),
    "periods and text": (lambda f, y: mixed_periods(f, str), "several kinds"),
    "periods and years": (lambda f, y: mixed_periods(f, lambda p: p.year), "several kinds"),
    "a row twice": (lambda f, y: pd.concat([f, f.iloc[[5]]]), "repeat an"),
    "years for months": (lambda f, y: f.assign(period=f["period"].dt.year), "repeat an|not a per"),
    "one period": (lambda f, y: f[f["period"] == START], "before|nothing to compare|add periods"),
}  # fmt: skip
PANELS_TO_COMPARE = {
    "treated areas alone": lambda f, y, t: f[f["area_code"].isin(t)],
    "nothing in any comparison area": lambda f, y, t: f.assign(
        **{y: f[y].where(f["area_code"].isin(t), 0)}
    ),
}


@every_estimator
@pytest.mark.parametrize("what", PANELS)
def test_a_panel_that_no_method_can_use_is_refused(name, what):
    broken, words = PANELS[what]
    refused(name, broken(world(name), outcome_of(name)), words)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ALONE])
@pytest.mark.parametrize("what", PANELS_TO_COMPARE)
def test_a_panel_with_nothing_to_compare_with_is_refused(name, what):
    broken = PANELS_TO_COMPARE[what]
    refused(name, broken(world(name), outcome_of(name), codes(KINDS[name][1])))


KEYWORDS: dict[str, tuple[dict[str, Any], str]] = {
    "outcomes in a list": ({"outcome": ["rate"]}, "not the name of a column"),
    "no outcome": ({"outcome": None}, "no column None"),
    "the codes for an outcome": ({"outcome": "area_code"}, "not a number"),
    "a start before all": ({"start": pd.Period("1990-01", "M")}, ""),
    "a start after all": ({"start": pd.Period("2030-01", "M")}, ""),
    "no start": ({"start": None}, "No start|Give `starts`"),
    "an empty start": ({"start": ""}, "No start was given"),
    "a start that is no time": ({"start": pd.NaT}, "No start was given"),
    "a start that is missing": ({"start": math.nan}, "No start was given"),
    "a season for a start": ({"start": "spring"}, "not a period like"),
    "starts in a list": ({"start": ["2009-01"]}, "not a period like"),
    "a start that is true": ({"start": True}, "not a period like"),
    "an area that is not there": ({"treated": ["E999"]}, "E999"),
    "an area misspelt": ({"treated": ["e000"]}, 'Did you mean "E000"'),
    "no area": ({"treated": []}, "No treated area|No area is treated"),
    "an area without a name": ({"treated": [np.nan]}, "treated area nan"),
    "areas in a list of lists": ({"treated": [["E000"]]}, "no area code"),
    "areas in a table": ({"treated": pd.DataFrame({"code": ["E000"]})}, "a table of 1 rows"),
    "true and false": ({"treated": [True, False]}, "true and false"),
    "a number for an area": ({"treated": 7}, "area 7"),
    **{
        f"a level of {level!r}": ({"level": level}, "not a number between 0 and 1")
        for level in (0, 1, 1.5, -0.1, 95, "0.95", None, math.nan, [0.95])
    },
}


@every_estimator
@pytest.mark.parametrize("what", KEYWORDS)
def test_a_keyword_that_cannot_be_meant_is_refused(name, what):
    changes, words = KEYWORDS[what]
    refused(name, world(name), words, **changes)


@pytest.mark.parametrize("name", NEED_SEED)
@pytest.mark.parametrize("seed", ["a", 1.5, -1, None, math.nan, True, [1, 2]])
def test_a_seed_that_is_no_whole_number_is_refused(name, seed):
    with pytest.raises(ParameterError, match="not a whole number of 0 or more"):
        answer(name, world(name), seed=seed)


@every_estimator
def test_codes_of_another_kind_than_the_panels_are_told_apart(name):
    frame = world(name)
    digits = frame.assign(area_code=frame["area_code"].str[1:])
    n_treated = KINDS[name][1]
    text = [code[1:] for code in codes(n_treated)]
    assert told(answer(name, digits, treated=text))
    if name.startswith("estimate"):
        refused(name, digits, "area 0", treated=[0])
        return
    refused(name, digits, "Codes there are text, such as '000', and 0 is a number", treated=[0])
    numbered = frame.assign(area_code=digits["area_code"].astype(int))
    refused(name, numbered, "Codes there are a number, such as 0, and '000' is text", treated=text)


# other ways of saying the same: the answer stays
def as_objects(frame: pd.DataFrame, outcome: str) -> pd.DataFrame:
    return frame.astype({outcome: object})


SAME: dict[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {
    "numbers as text": lambda f, y: f.assign(**{y: f[y].map(repr)}),
    "numbers as objects": as_objects,
    "decimal numbers": lambda f, y: f.assign(**{y: f[y].map(lambda x: Decimal(repr(x)))}),
    "areas as categories": lambda f, y: f.astype({"area_code": "category"}),
    "dates of a time zone": lambda f, y: f.assign(
        period=f["period"].dt.to_timestamp().dt.tz_localize("Europe/London")
    ),
    "periods as objects": lambda f, y: f.astype({"period": object}),
    "dates as objects": lambda f, y: f.assign(
        period=f["period"].dt.to_timestamp().dt.date.astype(object)
    ),
    "moments of a time zone as objects": lambda f, y: f.assign(
        period=f["period"].dt.to_timestamp().dt.tz_localize("UTC").astype(object)
    ),
    "numbers that may be missing": lambda f, y: f.convert_dtypes(),
    "columns of another make": lambda f, y: f.assign(period=f["period"].astype(str)).convert_dtypes(
        dtype_backend="pyarrow"
    ),
    "an index called as a column": lambda f, y: f.rename_axis("area_code"),
    "columns called as one of them": lambda f, y: f.rename_axis("period", axis=1),
    "rows in any order": lambda f, y: f.sample(frac=1, random_state=1),
    "labels in the index as well": lambda f, y: f.set_index(["area_code", "period"], drop=False),
}


@every_estimator
def test_other_ways_of_saying_the_same_change_nothing(name):
    frame, outcome = world(name), outcome_of(name)
    expected = answer(name, frame)
    for what, change in SAME.items():
        found = answer(name, change(frame, outcome))
        assert found.estimate == pytest.approx(expected.estimate, rel=1e-6), what
        tolerance = 0.02 if name == "wild bootstrap" else 1e-3
        assert found.p_value == pytest.approx(expected.p_value, abs=tolerance, nan_ok=True), what


ODD: dict[str, Callable[[pd.DataFrame, str, list[str]], pd.DataFrame]] = {
    "each area always the same": lambda f, y, t: f.assign(
        **{y: f.groupby("area_code")[y].transform("first")}
    ),
    "every area alike": lambda f, y, t: f.assign(**{y: f.groupby("period")[y].transform("first")}),
    "nothing before": lambda f, y, t: f.assign(**{y: f[y].where(f["period"] >= START, 0)}),
    "nothing after": lambda f, y, t: f.assign(**{y: f[y].where(f["period"] < START, 0)}),
    "nothing in the treated": lambda f, y, t: f.assign(**{y: f[y].mask(f["area_code"].isin(t), 0)}),
    "one comparison area": lambda f, y, t: f[f["area_code"].isin([*t, OTHER])],
    "two comparison areas": lambda f, y, t: f[f["area_code"].isin([*t, OTHER, "E021"])],
    "two periods": lambda f, y, t: f[f["period"].isin([START - 1, START])],
    "a period that is not there": lambda f, y, t: f[f["period"] != START - 4],
    "a value missing": lambda f, y, t: f.assign(**{y: f[y].where(f.index != 5)}),
    "a row missing": lambda f, y, t: f.drop(index=len(f) - 3),
    "yes and no": lambda f, y, t: f.assign(**{y: f[y] > f[y].median()}),
    "below nought": lambda f, y, t: f.assign(**{y: -f[y] - 1}),
    "whole numbers with one missing": lambda f, y, t: f.assign(
        **{y: f[y].round().astype("Int64").where(f.index != len(f) - 3)}
    ),
}


@every_estimator
@pytest.mark.parametrize("what", ODD)
def test_an_odd_panel_is_answered_with_a_word_on_what_is_missing_or_refused(name, what):
    frame = ODD[what](world(name), outcome_of(name), codes(KINDS[name][1]))
    try:
        found = answer(name, frame)
    except LspError:
        refused(name, frame)
        return
    assert told(found)
    if hasattr(found, "summary_frame"):
        found.summary_frame()
    said = found.sentence()
    assert "nan" not in said.split()


@pytest.mark.parametrize("name", NEED_PEOPLE)
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda f: f.assign(people=0), "zero or less"),
        (lambda f: f.assign(people=f["people"].mask(f.index == 5, -10)), "zero or less|above 0"),
        (lambda f: f.assign(people=np.nan), ""),
        (lambda f: f.assign(people="many"), "not a number"),
        (lambda f: f.assign(people=f["people"].mask(f.index == 5, np.inf)), "infinite"),
        (lambda f: f.assign(people=f["people"].mask(f["period"] >= START, f["people"] / 1000)),
         r"of E000 goes from [12],\d+ in 2008-12 to \d\.\d in 2009-01"),
        (lambda f: f.drop(columns="people"), "no column 'people'"),
    ],
    ids=["nobody", "below nought", "unknown", "a word", "infinite", "in thousands later", "none"],
)  # fmt: skip
def test_a_population_that_cannot_be_is_refused(name, changed, words):
    refused(name, changed(world(name)), words)


@pytest.mark.parametrize("name", NEED_PEOPLE)
def test_an_outcome_is_not_its_own_population(name):
    refused(name, world(name), "both outcome and population", population="events")
    refused(name, world(name), "not the name of a column", population=["people"])


RING = [*zip(codes(N_AREAS), codes(N_AREAS)[1:], strict=False)]


@pytest.mark.parametrize("name", NEED_NEIGHBOURS)
@pytest.mark.parametrize(
    ("neighbours", "words"),
    [
        ([("x", "y")], "holds an area of the panel"),
        ([("E001", "E002", "E003")], "no pair of codes"),
        (pd.DataFrame({"a": codes(N_AREAS)}), "no pair of codes"),
        (np.eye(N_AREAS), "holds a row of 24, which is no pair"),
        (pd.DataFrame(np.eye(N_AREAS), codes(N_AREAS), codes(N_AREAS)), "area of the panel"),
        ("E001", "no pair of codes"),
        (3, "no pair of codes"),
        ({"E001": ["E002"]}, "no pair of codes"),
        ([(["E001"], "E002")], "no pair of codes"),
        ([("E000", code) for code in codes(N_AREAS)[1:]], "No comparison is left"),
    ],
    ids=["strangers", "three", "one column", "matrix", "square table", "text", "number", "mapping",
         "lists", "all of them"],
)  # fmt: skip
def test_neighbours_that_are_no_pairs_of_areas_are_refused(name, neighbours, words):
    refused(name, world(name), words, neighbours=neighbours)


@pytest.mark.parametrize("name", NEED_NEIGHBOURS)
def test_pairs_with_strangers_and_of_an_area_with_itself_change_nothing(name):
    expected = answer(name, world(name), neighbours=RING)
    for more in ([("E001", "Z9")], [(code, code) for code in codes(N_AREAS)], [("E001", None)]):
        found = answer(name, world(name), neighbours=RING + more)
        assert (found.estimate, found.p_value) == (expected.estimate, expected.p_value)


@pytest.mark.parametrize("pairs", [[], [(code, code) for code in codes(N_AREAS)]])
def test_neighbours_that_join_nobody_are_warned_of(pairs):
    assert any("join no two areas" in said for said in
               answer("estimate", world("estimate"), neighbours=pairs).warnings)  # fmt: skip


def test_a_ranking_among_placebos_that_never_strayed_withholds_the_interval():
    frame = world("augmented")
    mine = frame["area_code"].isin(codes(1))
    flat = frame.assign(rate=frame["rate"].where(mine, 50.0))
    for name in ("augmented", "event study among placebos"):
        found = answer(name, flat)
        assert math.isnan(found.low)
        assert any("no placebo strayed" in said for said in found.warnings)


def test_the_errors_are_those_of_the_package():
    assert issubclass(PanelError, LspError)
    assert issubclass(ParameterError, LspError)


@pytest.mark.parametrize("name", NEED_PEOPLE)
def test_a_handful_may_grow_a_hundredfold(name):
    frame = world(name)
    small = frame["area_code"].isin(["E000", OTHER]) & (frame["period"] < START)
    assert told(answer(name, frame.assign(people=frame["people"].mask(small, 10))))
