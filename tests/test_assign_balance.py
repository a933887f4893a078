"""Balance: standardised differences by hand, and no p-values."""

import numpy as np
import pandas as pd
import pytest
from small_experiment import drawn

from lsp_analysis.experiments.papers.page_parts import balance, balance_of
from lsp_analysis.experiments.record.folder import open_experiment

UNITS = pd.DataFrame({"age": [1.0, 2, 3, 5, 6, 7], "district": list("nnsnss")})
ARMS = ["control"] * 3 + ["programme"] * 3


def test_differences_are_in_pooled_standard_deviations():
    table = balance(UNITS, ARMS, covariates=["age"], control="control").table
    assert table["difference"].tolist() == [4.0]
    assert table["spread_ratio"].tolist() == [1.0]
    assert (table["mean_arm"][0], table["mean_control"][0]) == (6, 2)


def test_words_become_shares():
    table = balance(UNITS, ARMS, covariates=["district"], control="control").table
    assert table["covariate"].tolist() == ["district: s"]
    spread = np.sqrt((np.var([0, 0, 1], ddof=1) + np.var([0, 1, 1], ddof=1)) / 2)
    assert table["difference"][0] == pytest.approx((1 / 3) / spread)


def test_there_is_no_p_value():
    found = balance(UNITS, ARMS, covariates=["age", "district"], control="control")
    assert not [name for name in found.summary_frame() if "p_" in name or name == "p"]
    assert "the largest is 4.00 for age (programme)" in found.sentence()
    assert found.plot() is not None


def test_a_covariate_that_does_not_vary_is_balanced():
    same = UNITS.assign(age=3.0)
    assert balance(same, ARMS, covariates=["age"], control="control").table["difference"][0] == 0


def test_an_experiment_shows_all_it_knows_of_its_units(tmp_path):
    experiment = open_experiment(drawn(tmp_path / "experiment"))
    table = balance_of(experiment).table
    assert set(table["covariate"]) == {"rate_before", "residents"}
    merged = experiment.units.merge(experiment.allocation, on="unit")
    means = merged.groupby("arm")["rate_before"].mean()
    assert table["mean_arm"][0] == pytest.approx(means["wardens"])
