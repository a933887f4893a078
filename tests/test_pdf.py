"""PDF where the machine can, a sentence on what it lacks where not; HTML never depends on it."""

import sys

import pytest
from test_content import figure
from test_page import page_of

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.page import pdf


@pytest.fixture(autouse=True)
def forget():
    pdf.missing.cache_clear()
    yield
    pdf.missing.cache_clear()


def test_a_page_becomes_a_pdf_that_is_the_same_each_time():
    if lacks := pdf.missing():
        pytest.skip(lacks)
    page = page_of(figure(alt="A line."))
    made = pdf.render_pdf(page)
    assert made.startswith(b"%PDF-")
    assert pdf.render_pdf(page) == made


def test_a_page_that_asks_for_something_outside_itself_gets_nothing(tmp_path, monkeypatch):
    if lacks := pdf.missing():
        pytest.skip(lacks)
    import urllib.request

    monkeypatch.setattr(
        urllib.request.OpenerDirector, "open", lambda *_, **__: pytest.fail("it was fetched")
    )
    for url in (f"file://{tmp_path}/secret.png", "http://127.0.0.1:9/x.png"):
        assert pdf.render_pdf(f'<img src="{url}" alt="x">').startswith(b"%PDF-")


def test_a_machine_without_weasyprint_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    assert "pip install" in pdf.missing()
    with pytest.raises(ReportError, match="pip install"):
        pdf.render_pdf("<p>x</p>")


def test_a_machine_without_pango_is_told_how_to_get_it(monkeypatch):
    import builtins

    real = builtins.__import__

    def without_pango(name, *rest, **more):
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_pango)
    assert "apt-get install libpango" in pdf.missing()
