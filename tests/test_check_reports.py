"""The check of rendered reports notices each fault it is there for."""

import importlib.util

import pytest
from conftest import ROOT

spec = importlib.util.spec_from_file_location("check_reports", ROOT / ".ci" / "check_reports.py")
check_reports = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_reports)

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Mill End</title><style>p { margin: 0 }</style>
</head><body><h1>Mill End</h1><p>Simulated data.</p>
<h2>Where are we at?</h2><img src="data:image/png;base64,AAAA" alt="A line that falls.">
<h2>What works?</h2><table><tr><th scope="col">Effect</th></tr><tr><td>1</td></tr></table>
<h2>What do we need to do differently?</h2>
<a href="https://www.nationalarchives.gov.uk/">Open Government Licence</a></body></html>"""
INDEX = """<html lang="en"><body><p>Simulated data.</p>
<a href="mill%20end/mill%20end.html">Mill End</a></body></html>"""


@pytest.fixture
def faults(tmp_path):
    """`faults(old, new)` are those of a good page and its index in which `old` became `new`."""

    def faults(old="", new="", *, page=PAGE, index=INDEX, simulated=True, at_least=1):
        (tmp_path / "mill end").mkdir()
        (tmp_path / "mill end" / "mill end.html").write_text(page.replace(old, new))
        (tmp_path / "index.html").write_text(index)
        return list(check_reports.check(tmp_path, simulated=simulated, at_least=at_least))

    return faults


def test_good_reports_have_no_faults(faults):
    assert faults("a", "a") == []


def test_a_first_screen_stands_for_the_three_questions(faults):
    screen = "<h2>What changed?</h2><h2>What next?</h2><h2>What can’t be told?</h2>"
    page = PAGE.replace("<h2>What works?</h2>", screen)
    assert faults("a", "a", page=page) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<h2>What works?</h2>", "", "three questions"),
        ('alt="A line that falls."', 'alt=""', "1 of its 1 pictures"),
        ('src="data:image/png;base64,AAAA"', 'src="https://example.org/a.png"', "other hosts"),
        ("p { margin: 0 }", "p { background: url(//example.org/a) }", "other hosts"),
        ("</head>", '<link href="http://example.org/a.css"></head>', "other hosts"),
        ("Simulated data", "Data", "simulated"),
        ('<th scope="col">', "<th>", "no table with header cells"),
        (' lang="en"', "", "language"),
        ("<h1>", "x" * 500_000 + "<h1>", "over 500,000"),
        ("Effect", "Traceback (most recent call last)", "traceback"),
    ],
)
def test_each_fault_of_a_page_is_named(faults, old, new, said):
    assert old in PAGE
    found = faults(old, new)
    assert len(found) == 1
    assert "mill end.html: " in found[0]
    assert said in found[0]


def test_an_index_that_leads_nowhere_is_named(faults):
    assert (
        "does not lead to mill end.html" in faults("a", "a", index=INDEX.replace("a href", "b"))[0]
    )


def test_too_few_pages_are_named(faults):
    assert "1 pages, expected 2 or more" in faults("a", "a", at_least=2)[0]


def test_real_data_must_not_be_called_simulated(faults):
    assert "calls real data simulated" in faults("a", "a", simulated=False)[0]
