"""Tables that a screen reader can walk through, and that no name can break."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.figures.tables import table

HOSTILE = "<script>alert('Hall i’ th’ Wood')</script> & $x^2$"


def parsed(shown):
    return ET.fromstring(shown._repr_html_())


def cells(shown):
    return [["".join(c.itertext()) for c in row] for row in parsed(shown).iter("tr")]


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "Area": ["Hall i' th' Wood", HOSTILE],
            "Rate": [12.341, np.nan],
            "Count": [1234, 5],
            "Period": [pd.Period("2008-04", "M"), pd.NaT],
            "Verdict": ["worse", "not compared"],
        }
    )


def test_a_table_has_a_caption_and_headed_columns_and_rows(frame):
    root = parsed(table(frame, "Rates by area"))
    assert root.find(".//caption").text == "Rates by area"
    assert [h.get("scope") for h in root.findall(".//thead//th")] == ["col"] * 5
    assert [h.get("scope") for h in root.findall(".//tbody//th")] == ["row"] * 2


def test_numbers_stand_right_and_are_rounded_while_the_frame_keeps_them(frame):
    shown = table(frame, "Rates")
    assert cells(shown)[1][:4] == ["Hall i' th' Wood", "12.3", "1,234", "April 2008"]
    classes = [c.get("class") for c in parsed(shown).find(".//tbody/tr")]
    assert classes == [None, "number", "number", None, None]
    assert shown.frame["Rate"].iloc[0] == 12.341


def test_a_missing_value_is_a_dash_with_its_meaning(frame):
    shown = table(frame, "Rates")
    assert cells(shown)[2][1] == "–"
    assert parsed(shown).find(".//abbr").get("title") == "not available"


def test_a_verdict_has_a_symbol_and_a_word(frame):
    assert cells(table(frame, "Rates"))[1][4] == "▼ worse"


def test_a_hostile_name_is_only_text(frame):
    shown = table(frame.rename(columns={"Rate": HOSTILE}), HOSTILE, HOSTILE)
    assert parsed(shown).find(".//script") is None
    assert "<script" not in shown._repr_html_()
    assert HOSTILE in cells(shown)[0]


def test_units_and_digits_are_used_where_given(frame):
    shown = table(frame, "Rates", units={"Rate": "percent"}, digits={"Rate": 2})
    assert cells(shown)[1][1] == "12.34%"


def test_a_named_index_heads_the_rows(frame):
    assert cells(table(frame.set_index("Area"), "Rates"))[1][0] == "Hall i' th' Wood"


def test_an_empty_table_says_it_has_no_rows(frame):
    assert cells(table(frame.iloc[:0], "Rates"))[1] == ["No rows"]


def test_repeated_column_names_are_shown_side_by_side():
    twice = pd.DataFrame([["a", 1.0, 2.0]], columns=["Area", "Rate", "Rate"])
    assert cells(table(twice, "Rates"))[1] == ["a", "1", "2"]
