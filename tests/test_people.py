"""Residents by age and sex."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.measured import first_age
from lsp_analysis.standing.inequality.life import people
from lsp_analysis.standing.place.brief import REST

BANDS = ["0-14", "15-64", "65+"]


def residents(area: str, counts: list[int]) -> pd.DataFrame:
    rows = pd.DataFrame({"area_code": area, "period": "2008", "sex": "all", "age_band": BANDS})
    return rows.assign(population=counts)


def table() -> pd.DataFrame:
    whole = residents("A", [20, 60, 20]).assign(age_band="all").head(1).assign(population=100)
    return pd.concat([residents("A", [20, 60, 20]), whole, residents("B", [10, 60, 30])])


def here_in(populations: pd.DataFrame, code: str = "A") -> SimpleNamespace:
    """A brief of one small area, beside B, in a study with these residents."""
    study = SimpleNamespace(read=lambda name: populations)
    area = SimpleNamespace(name="Here", members=(code,))
    return SimpleNamespace(study=study, area=area, comparators={REST: ["B"]})


def test_nobody_counts_twice_when_totals_stand_beside_the_bands():
    found = people(here_in(table()))
    assert found.residents == 100
    assert found.table["share"].tolist() == [20, 60, 20]
    assert found.table["comparator_share"].tolist() == [10, 60, 30]


def test_the_sentence_sets_children_and_older_people_beside_elsewhere():
    said = people(here_in(table())).sentence()
    assert "20.0% were under 15 and 20.0% were 65 or over, against 10.0% and 30.0%" in said


def test_bands_stand_in_order_of_age():
    assert sorted(["5-9", "10-14", "90+"], key=first_age) == ["5-9", "10-14", "90+"]


def test_an_area_without_residents_is_refused():
    with pytest.raises(PanelError, match="no residents"):
        people(here_in(table(), "C"))
