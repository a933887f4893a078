"""A result as the last line of a notebook cell: sentence, picture with alternative text, table."""

from __future__ import annotations

import pydoc
import re
from dataclasses import dataclass
from html import unescape

import pandas as pd
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

import lsp_analysis
from lsp_analysis import figures
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.style import alt_of, name_chart
from lsp_analysis.showing import Shown, carries_note, readable
from lsp_analysis.wording import Sentence, p_value

DEMO = ROOT / "data" / "bolton_demo"


@dataclass(frozen=True)
class Rise(Shown):
    """A result of two years."""

    first: float = 1.0
    last: float = 2.0

    def summary_frame(self):
        return pd.DataFrame({"period": [2001, 2002], "value": [self.first, self.last]})

    def sentence(self):
        return Sentence(f"It rose from {self.first} to {self.last} <here>.")

    def plot(self, ax=None):
        frame = self.summary_frame().assign(series="Here")
        return figures.draw_trend(frame, highlight="Here", ax=ax)


class Refused(Rise):
    """A result without a picture."""

    def plot(self, ax=None):
        raise PanelError("The series is too short.")


@carries_note
def rise_of(study):
    return Rise()


class Simulated:
    note = "Simulated data"


def images(html):
    return re.findall(r'<img [^>]*alt="([^"]+)" src="data:image/png;base64,[^"]+">', html)


def test_a_result_shows_its_sentence_its_picture_and_its_table_in_that_order():
    html = Rise()._repr_html_()
    assert html.index("<p>It rose") < html.index("<img") < html.index("<table")
    assert "&lt;here&gt;" in html
    assert "<here>" not in html
    assert images(html) == [alt_of(Rise().plot())]


def test_the_bundle_reads_as_the_sentence_where_there_is_no_html():
    bundle = Rise()._repr_mimebundle_()
    assert bundle["text/plain"] == str(Rise().sentence())
    assert bundle["text/html"] == Rise()._repr_html_()


def test_axes_show_themselves_once_with_their_alternative_text():
    bundle = Rise().plot()._repr_mimebundle_()
    assert images(bundle["text/html"]) == [bundle["text/plain"]]


def test_what_cannot_be_drawn_is_one_grey_sentence():
    html = Refused()._repr_html_()
    assert 'style="color: #6B6B6B">The series is too short.</p>' in html
    assert "<img" not in html
    assert "<table" in html


def test_the_note_of_the_study_is_stamped_on_every_picture_of_its_results():
    texts = [text.get_text() for text in rise_of(Simulated()).plot().figure.texts]
    assert texts == ["Simulated data"]
    assert rise_of(Simulated()) == Rise()
    assert not Rise().plot().figure.texts


def test_a_long_frame_is_cut_and_says_how_much_there_is():
    frame = pd.DataFrame({f"column_{n}": range(30) for n in range(11)})
    shown = readable(frame)
    assert shown.frame.shape == (12, 8)
    assert shown.note == "30 rows and 11 columns in all: summary_frame()."


def test_one_row_is_read_downwards_and_leaves_out_what_is_missing():
    frame = pd.DataFrame({"estimate": [1.5], "p_value": [0.03], "relative": [float("nan")]})
    assert readable(frame).frame["Item"].tolist() == ["Estimate", "P-value"]


def test_results_of_a_study_show_all_three(brief):
    for result in (brief.gap("burglary"), brief.profile):
        html = result._repr_html_()
        assert html.count("<p>") >= 1
        assert len(images(html)) == 1
        assert "<table" in html


@dataclass(frozen=True)
class Named(Rise):
    """A result of an indicator."""

    name: str = "Burglary"


def test_a_chart_names_its_indicator_once():
    ax = Named().plot()
    assert ax.get_title(loc="left") == "Burglary"
    before = ax.get_title(loc="left")
    assert name_chart(ax, "Burglary").get_title(loc="left") == before


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_no_p_value_is_printed_as_zero(small, other):
    for rows in ([small, other], [small]):
        frame = pd.DataFrame({"p_value": rows, "p_adjusted": rows, "share": 0.2})
        shown = unescape(re.sub("<[^>]+>", " ", readable(frame)._repr_html_()))
        assert not re.search(r"(?<!< )\b0(\.0+)?(?![.\d])", shown), shown
    assert not re.search(r"= 0(\.0+)?$", p_value(small))


def test_help_reads_like_a_page():
    page = pydoc.render_doc(lsp_analysis, renderer=pydoc.plaintext)
    for said in ("open_study(", "Where to find more", "standing", "effects", "lsp-analysis"):
        assert said in page
