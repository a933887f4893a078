"""What a page shows of an executed notebook: the readers' part, in order."""

import base64
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.page.content import PART, plain_text, read_content, rows_of

DOT = base64.b64encode(b"\x89PNG dot").decode()


def shown(data, tags=(), metadata=None, kind="display_data"):
    output = new_output(kind, data=data, metadata=metadata or {})
    return new_code_cell("secret()", outputs=[output], metadata={"tags": list(tags)})


def figure(alt="A line.", csv="area,value\nx,1\n"):
    data = {"image/png": DOT, "text/plain": alt, "text/csv": csv}
    return shown(data, metadata={"image/png": {"alt": alt, "width": 100, "height": 50}})


def content_of(*cells):
    return read_content(new_notebook(cells=list(cells)))


def headings(content):
    """Level, anchor and text of each heading of the page."""
    html = "".join(block.html for block in content.blocks)
    return re.findall(r'<h(\d) id="([^"]+)">(.*?)</h', html)


def test_the_first_heading_is_the_title_and_the_others_leave_no_level_out():
    content = content_of(
        new_markdown_cell("# Title\n\n## One\n\n#### Deep"),
        new_markdown_cell("# Again\n\n### Three"),
    )
    assert content.title == "Title"
    assert [(level, text) for level, _, text in headings(content)] == [
        ("2", "One"),
        ("3", "Deep"),
        ("2", "Again"),
        ("3", "Three"),
    ]


def test_headings_of_one_name_have_anchors_of_their_own():
    content = content_of(new_markdown_cell("## Why?\n\n## Why?\n\n## 安\n\n## Contents"))
    anchors = [anchor for _, anchor, _ in headings(content)]
    assert anchors == ["why", "why-2", "section", "contents-2"]


def test_what_a_cell_prints_is_shown_and_its_warnings_are_not():
    cell = new_code_cell(
        "secret()",
        outputs=[
            new_output("stream", name="stderr", text="FutureWarning"),
            new_output("stream", name="stdout", text="Four <areas>\n"),
        ],
    )
    [block] = content_of(cell).blocks
    assert (block.kind, block.html) == ("prose", "<pre>Four &lt;areas&gt;</pre>")


def part(**told):
    return shown({PART: {"kind": "figure", "title": "It rose", **told}})


def test_a_part_is_a_figure_with_its_words_and_numbers():
    content = content_of(part(chart={"label": "A line."}, numbers="a,b\n=1,2\n"))
    [block] = content.blocks
    assert (block.kind, block.alt, block.csv) == ("figure", "A line.", "a,b\n'=1,2\n")
    assert content.count("figure") == 1


def test_a_first_screen_gives_the_headline_and_what_the_index_tells():
    told = {"verdict": "Worse on two.", "index": {"counts": {"worse": 2}}}
    content = content_of(shown({PART: {"kind": "screen", **told}}))
    assert content.headline == "Worse on two."
    assert content.facts == {"counts": {"worse": 2}}
    assert content.count("sentence") == 1


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://a.example", "//a.example"])
def test_a_part_leads_nowhere_but_to_pages_beside_it(link):
    [block] = content_of(part(areas=[{"link": link}, {"link": "../hall/hall.html#x"}])).blocks
    assert [area["link"] for area in block.part["areas"]] == ["", "../hall/hall.html#x"]


def test_a_part_of_an_unknown_kind_is_told():
    with pytest.raises(ReportError, match="known are screen, figure, measures"):
        content_of(shown({PART: {"kind": "film"}}))


def test_a_figure_carries_its_words_its_size_and_its_numbers():
    [block] = content_of(figure()).blocks
    assert (block.kind, block.number, block.name) == ("figure", 1, "figure-01")
    assert (block.alt, block.width, block.height) == ("A line.", 100, 50)
    assert block.picture == f"data:image/png;base64,{DOT}"
    assert rows_of(block.csv) == [["area", "value"], ["x", "1"]]


def test_a_vector_figure_is_a_picture_too():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>'
    [block] = content_of(shown({"image/svg+xml": svg})).blocks
    assert block.picture.startswith("data:image/svg+xml;base64,")
    assert base64.b64decode(block.picture.split(",")[1]).decode() == svg


def test_figures_and_tables_are_counted_apart():
    table = {"text/html": "<table><tr><td>1</td></tr></table>"}
    blocks = content_of(figure(), shown(table), figure(), shown(table)).blocks
    assert [block.name for block in blocks] == ["figure-01", "table-01", "figure-02", "table-02"]


def test_a_paragraph_is_a_sentence_and_the_tagged_one_the_headline():
    content = content_of(
        shown({"text/html": "<p>Burglary fell &amp; stayed down.</p>"}, tags=["headline"]),
        shown({"text/html": "<p>So did theft.</p>"}),
    )
    assert content.headline == "Burglary fell & stayed down."
    assert [block.kind for block in content.blocks] == ["headline", "sentence"]
    assert content.count("sentence") == 2


@pytest.mark.parametrize("kind", ["text/html", "text/markdown", "text/plain"])
def test_hostile_text_arrives_as_text(kind):
    [block] = content_of(shown({kind: "a <script>alert(1)</script> <b onclick=x>b</b>"})).blocks
    assert "<script" not in block.html
    assert "onclick" not in block.html.replace("&lt;b onclick=x&gt;", "")


def test_a_plain_frame_gets_header_cells_that_say_what_they_head():
    frame = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><th>0</th></tr></tbody></table>"
    [block] = content_of(shown({"text/html": frame})).blocks
    assert '<th scope="col">a</th>' in block.html
    assert '<th scope="row">0</th>' in block.html


def test_words_are_taken_out_of_html():
    assert plain_text("<p>5 &lt; 6<br>yes</p>") == "5 < 6 yes"


def test_a_minor_section_whose_code_shows_nothing_is_left_out():
    empty = new_code_cell("people = None")
    content = content_of(
        new_markdown_cell("# Title\n\n## One"),
        new_markdown_cell("### Who lives here?\n\nBars are the area."),
        empty,
        new_markdown_cell("### Kept"),
        shown({"text/html": "<p>Said.</p>"}),
        new_markdown_cell("## Two"),
        empty,
        new_markdown_cell("### Words alone"),
    )
    assert [text for *_, text in headings(content)] == ["One", "Kept", "Two", "Words alone"]
    assert not any("Bars" in block.html for block in content.blocks)
