"""A page as PDF, by WeasyPrint, where its system library Pango is to be found."""

from __future__ import annotations

from functools import cache

from lsp_analysis.errors import ReportError


@cache
def missing() -> str:
    """What this machine lacks for PDF and how to get it, as a sentence; empty when nothing.

    Pages in HTML never depend on it.
    """
    try:
        import weasyprint  # noqa: F401
    except ImportError:
        return "PDF needs WeasyPrint. Install it: pip install lsp-analysis[pdf]."
    except OSError:
        return (
            "PDF needs the system library Pango. Install it: `apt-get install libpango-1.0-0 "
            "libpangoft2-1.0-0` on Debian and Ubuntu, `brew install pango` on macOS, or see "
            "WeasyPrint's first steps for Windows."
        )
    return ""


def render_pdf(page: str) -> bytes:
    """The HTML `page` as PDF on A4, tagged for screen readers; same page, same bytes.

    Raises
    ------
    ReportError
        WeasyPrint or its library is missing, or the page asks for something outside itself.
    """
    if lacks := missing():
        raise ReportError(lacks)
    import hashlib

    import weasyprint

    document = weasyprint.HTML(string=page, url_fetcher=_only_data, media_type="print")
    return document.write_pdf(
        pdf_tags=True, identifier=hashlib.sha256(page.encode()).hexdigest().encode()
    )


def _only_data(url: str, **options):
    """Fetch what is inside the page, and nothing from any file or host."""
    import weasyprint

    if not url.startswith("data:"):
        raise ReportError(f"The page asks for {url[:80]}, and a report asks no host for anything.")
    return weasyprint.default_url_fetcher(url, **options)
