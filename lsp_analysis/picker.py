"""Pick an area and an indicator from two lists, in JupyterLab.

The one module that knows ipywidgets. It makes nothing itself: a page of `standing.answers`
is asked for what was picked, and shown as it comes. Where there are no widgets, the parameters of
a notebook do the same.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from lsp_analysis import wording
from lsp_analysis.errors import LspError
from lsp_analysis.showing import as_html
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.study.schema import NAME_PRECEDENCE
from lsp_analysis.study.store import Study

WITHOUT_WIDGETS = (
    "Lists to pick from need ipywidgets (pip install ipywidgets). Without them, put the area and "
    "the indicator into the first code cell and run the notebook again: it shows the same."
)
PROMPT = "Pick an area or an indicator, and its page appears here."
Page = Callable[["AreaBrief", str], list[Any]]


class Picker:
    """Two lists and the page on what is picked in them.

    Attributes
    ----------
    areas, indicators : ipywidgets.Dropdown
    page : ipywidgets.HTML
        Empty but for a prompt until something is picked.
    """

    def __init__(self, brief: AreaBrief, page: Page, indicator_id: str) -> None:
        """Use `pick`, which says what to do where there are no widgets."""
        import ipywidgets as widgets

        self._brief, self._page = brief, page
        wide = widgets.Layout(width="32em")
        self.areas = widgets.Dropdown(
            description="Area",
            options=area_choices(brief.study),
            value=brief.area.code,
            layout=wide,
        )
        self.indicators = widgets.Dropdown(
            description="Indicator",
            options=[(brief.study.indicator(i).name, i) for i in brief.panels],
            value=indicator_id,
            layout=wide,
        )
        self.page = widgets.HTML(wording.Sentence(PROMPT)._repr_html_())
        self._box = widgets.VBox([self.areas, self.indicators, self.page])
        for choice in (self.areas, self.indicators):
            choice.observe(self._turn, names="value")

    def _turn(self, _: object) -> None:
        """Show the page on what is picked now."""
        self.page.value = wording.Sentence("Working …")._repr_html_()
        self.page.value = self._content(self.areas.value, self.indicators.value)

    def _content(self, area: str, indicator_id: str) -> str:
        note = self._brief.study.note
        try:
            parts = self._page(self._brief.about(area), indicator_id)
        except LspError as error:
            parts = [wording.Sentence(str(error))]
        return "".join(as_html(part, note=note) for part in parts)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widgets, and a few words in place of their long plain-text form."""
        bundle = self._box._repr_mimebundle_(**options)
        return {**bundle, "text/plain": "Lists to pick from, in JupyterLab."}


def pick(brief: AreaBrief, page: Page, *, indicator: str = "") -> Picker | wording.Sentence:
    """Lists of areas and indicators; what is picked is shown as `page` makes it.

    Parameters
    ----------
    brief : AreaBrief
        Its area is picked to begin with, and its study is the one to pick from.
    page : function of a brief and an indicator_id
        Returns what to show, for example `lsp_analysis.standing.gap_page`.
    indicator : str
        Picked to begin with; the first unless given.
    """
    if find_spec("ipywidgets") is None:
        return wording.Sentence(WITHOUT_WIDGETS)
    return Picker(brief, page, brief.main_indicator(indicator))


def area_choices(study: Study) -> list[tuple[str, str]]:
    """Areas to pick from as (words, code): neighbourhoods first, the small areas last."""
    areas = study.areas()
    here = areas[(areas["code_vintage"] == study.code_vintage) & (areas["area_type"] != "borough")]
    kinds = [kind for kind in NAME_PRECEDENCE if kind != study.small_area_type]
    place = {kind: i for i, kind in enumerate([*kinds, study.small_area_type])}
    known = here[here["area_type"].isin(place)]
    ordered = known.assign(place=known["area_type"].map(place)).sort_values(["place", "area_name"])
    return [(f"{row.area_name} ({_kind(row)})", row.area_code) for row in ordered.itertuples()]


def _kind(row: Any) -> str:
    """What an area is, with its code where that is how people know it."""
    known_by_code = row.area_type.endswith("oa")
    return f"{row.area_type.upper()} {row.area_code}" if known_by_code else row.area_type
