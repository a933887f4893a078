"""A page as PDF, by WeasyPrint, where its system library Pango is to be found."""

import hashlib
import logging
import re
from functools import cache

from lsp_analysis.errors import ReportError
from lsp_analysis.resources import stylesheet

_HOUSE = re.compile(r"@media print \{ :root \{(.*?)\}")
_DRAWING = re.compile(r'<svg class="(?:chart|map|spark|glyph)[^>]*>')


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

    Nothing outside the page is fetched, from no file and no host.

    Raises
    ------
    ReportError
        WeasyPrint or its library is missing.
    """
    if lacks := missing():
        raise ReportError(lacks)
    import weasyprint
    from weasyprint.urls import URLFetcher

    weasyprint.LOGGER.setLevel(logging.CRITICAL)  # it warns of style that is for screens
    document = weasyprint.HTML(
        string=_styled_drawings(page),
        url_fetcher=URLFetcher(allowed_protocols=["data"]),
        media_type="print",
    )
    name = hashlib.sha256(page.encode()).hexdigest()[:32]
    return document.write_pdf(pdf_tags=True, pdf_identifier=name.encode())


def _styled_drawings(page: str) -> str:
    """The page with the style of its drawings inside each: WeasyPrint applies no other to SVG."""
    house = "".join(_HOUSE.findall(page))
    return _DRAWING.sub(lambda found: f"{found[0]}<style>{_drawing_style(house)}</style>", page)


@cache
def _drawing_style(house: str) -> str:
    """The style sheet of drawings with the colours of the light page, or of a `house` style, in
    place of their names."""
    light = stylesheet("page.css").split("}")[2]
    colours = dict(re.findall(r"(--[\w]+): (#\w+)", light + house))
    style = re.sub(r"var\((--\w+)\)", lambda v: colours[v[1]], stylesheet("chart.css"))
    style = style.replace("inherit", "Helvetica Neue, Arial, Liberation Sans, sans-serif")
    return (
        f"{style} .halo, .chart .halo {{ stroke: none; }}"  # it would be painted over the letters
    )
