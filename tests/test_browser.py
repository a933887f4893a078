"""What readers see, in a real browser: report, index and JupyterLab."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, optional
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from report_templates import CELLS, write_template
from test_index import two_boroughs

from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.page import index
from lsp_analysis.reports.run.runner import run_report, run_reports

sync_api = optional("playwright.sync_api")
axe = optional("axe_playwright_python.sync_playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
SHOTS = ROOT / "build" / "screenshots"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
PROFILE = "02_area_profile.ipynb"
SOME_FAIL = 'assert place.code != "E01004803", "not this one"'

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET, timeout=0)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    work = tmp_path_factory.mktemp("browser")
    return run_reports(
        ROOT / "data" / "bolton_demo",
        [
            Entry(
                ["Hall i' th' Wood", "E01004803", "E01004804", "E01004805"],
                template=write_template(work, [*CELLS, SOME_FAIL], name="report_area"),
            )
        ],
        out=work / "out",
    )


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The report that ships, with all its figures."""
    out = tmp_path_factory.mktemp("shipped")
    return run_report(ROOT / "data" / "bolton_demo", Entry("Hall i' th' Wood"), out=out)


class Visit:
    """A page in the browser, and what it did that it should not."""

    def __init__(self, browser, address, own=("file:",), **context):
        self.complaints, self.asked, self._own = [], [], own
        self.page = browser.new_context(**context).new_page()
        self.page.set_default_timeout(0)  # of seconds, however busy the machine is
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note)
        self.page.goto(str(address) if "://" in str(address) else f"file://{address}")

    def _hear(self, message):
        if self._own == ("file:",) or message.type == "error":
            self.complaints.append(message.text)

    def _note(self, request):
        if not request.url.startswith(("data:", "blob:", *self._own)):
            self.asked.append(request.url)

    def shoot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def a_page(batch):
    """A page of the batch; its records come as they end, that of the failing area at any time."""
    return next(record.page for record in batch.records if record.page)


@pytest.fixture(params=["small", "shipped", "index"])
def kind(request):
    return request.param


@pytest.fixture
def path(kind, request, batch):
    if kind == "shipped":
        return request.getfixturevalue("shipped").page
    return batch.index if kind == "index" else a_page(batch)


each_scheme = pytest.mark.parametrize(
    "scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)]
)


@each_scheme
def test_it_asks_no_host_and_complains_of_nothing(browser, path, kind, scheme):
    visit = Visit(browser, path, color_scheme=scheme)
    visit.shoot(f"{kind}-{scheme}")
    assert visit.complaints == []
    assert visit.asked == []


@each_scheme
def test_axe_finds_no_violation(browser, path, scheme):
    visit = Visit(browser, path, color_scheme=scheme, bypass_csp=True)
    visit.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(visit.page)
    assert found.violations_count == 0, found.generate_report()


def test_it_reflows_at_400_per_cent_zoom(browser, path, kind):
    visit = Visit(browser, path, viewport={"width": 320, "height": 900})
    visit.shoot(f"{kind}-narrow")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_keyboard_reaches_the_content_first_and_every_control(browser, path):
    visit = Visit(browser, path)
    visit.page.keyboard.press("Tab")
    skip = visit.page.evaluate("document.activeElement.className")
    visit.page.keyboard.press("Enter")
    assert skip == "skip"
    assert visit.page.evaluate("document.activeElement.id") in ("main", "reports")
    controls = "main a, main summary, main input, main select, main button"
    wanted = visit.page.locator(controls).locator("visible=true").count()
    reached = set()
    for _ in range(4 * wanted + 8):
        visit.page.keyboard.press("Tab")
        reached.add(visit.page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
    assert len(reached) >= wanted


def test_the_numbers_of_a_figure_open_and_can_be_saved(browser, batch):
    visit = Visit(browser, a_page(batch), accept_downloads=True)
    visit.page.locator("summary").first.click()
    assert visit.page.get_by_role("table", name=re.compile("^Numbers: ")).is_visible()
    with visit.page.expect_download() as saved:
        visit.page.get_by_text("Save these numbers").first.click()
    assert saved.value.suggested_filename == "figure-01.csv"
    text = Path(saved.value.path()).read_bytes().decode("utf-8-sig")
    head, first, *_ = text.splitlines()
    assert head == "area,value,internal: not for publication"
    assert first == "Hall i' th' Wood,-1.5,"


def test_the_index_is_searched_and_sorted_and_leads_to_the_report(browser, batch):
    visit = Visit(browser, batch.index)
    rows = visit.page.locator("#list tbody tr")
    assert rows.count() == 3
    assert visit.page.get_by_text("not this one").is_visible()
    visit.page.get_by_label("Find an area").fill("hall ith wood")
    assert rows.locator("visible=true").count() == 1
    visit.page.get_by_label("Find an area").fill("")
    first = rows.first.inner_text()
    area = visit.page.get_by_role("button", name="Area")
    area.click()
    area.click()
    assert rows.first.inner_text() != first
    visit.page.get_by_role("link", name="Hall i' th' Wood", exact=True).click()
    assert visit.page.locator("h1").inner_text() == "Hall i' th' Wood"
    assert visit.complaints == []


def test_the_index_of_a_country_leads_to_the_row_of_an_area(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(index, "MOST_SHAPES", 7)
    study, out, _ = two_boroughs(tmp_path)
    index.write_index(out, study)
    visit = Visit(browser, out / "index.html")
    assert visit.page.locator("#found").inner_text() == "2 of 2 boroughs"
    visit.page.get_by_label("Find an area").fill("area 2002")
    assert visit.page.locator("#found").inner_text() == "1 of 2 boroughs"
    visit.page.get_by_role("link", name="Borough 2", exact=True).click()
    assert visit.page.locator("#found").inner_text() == "1 of 4 areas"
    assert visit.page.locator("#E01002002").is_visible()
    visit.page.goto(f"file://{out}/index.html#E01001002")
    visit.page.wait_for_url("**/index-e08000001.html#E01001002")
    assert visit.page.locator("#E01001002").is_visible()
    assert visit.complaints == []


def test_the_index_reads_without_its_script(browser, batch):
    visit = Visit(browser, batch.index, java_script_enabled=False)
    assert visit.page.locator("#list tbody tr").count() == 3
    assert not visit.page.locator(".tools").is_visible()


# ------------------------------------------------------------------ JupyterLab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a JupyterLab on a copy of the notebooks."""
    if not (ROOT / "notebooks" / PROFILE).exists():
        pytest.skip(f"needs the notebook {PROFILE}")
    work = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", work / "notebooks")
    nbformat.write(typed_notebook(), work / "notebooks" / TYPED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={work / 'notebooks'}"]
    own = {
        f"JUPYTER_{kind}_DIR": str(work / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    environment = {**os.environ, **own, "IPYTHONDIR": str(work / "ipython")}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, cwd=work)
    address = f"http://127.0.0.1:{port}"
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=30)
            break
        except OSError:
            time.sleep(0.3)
    assert server.poll() is None, "JupyterLab did not start"
    yield address
    server.terminate()
    server.wait()


@pytest.mark.slow
def test_in_jupyterlab_another_area_gives_another_figure(browser, lab):
    visit = Visit(
        browser,
        f"{lab}/lab/tree/{PROFILE}?reset",
        own=(lab, lab.replace("http", "ws")),
        viewport={"width": 1400, "height": 1000},
    )
    page = visit.page
    page.wait_for_selector(".jp-NotebookPanel-toolbar", timeout=0)
    page.get_by_text("| Idle").wait_for(timeout=0)
    first = _run_all_and_picture(page)
    cell = page.locator(".jp-CodeCell", has_text="area: str").first
    cell.locator(".cm-line", has_text="area: str").click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.type('area: str = "E01004803"')
    second = _run_all_and_picture(page, unlike=first)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "jupyterlab.png")
    assert second != first
    assert visit.complaints == []
    assert visit.asked == []


def _run_all_and_picture(page, unlike=""):
    """Run every cell and return the first picture, once it is there."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    accept = page.get_by_role("button", name="Select Kernel")
    page.wait_for_timeout(1_000)
    if accept.count():
        accept.click()
    picture = page.locator(".jp-OutputArea-output img").first
    while True:
        shown = picture.get_attribute("src") if picture.count() else ""
        if shown and shown != unlike:
            return shown
        assert not page.locator(".jp-mod-error, [data-mime-type*=stderr]").count()
        page.wait_for_timeout(500)


# ------------------------------------------------------- typed into an empty notebook

TYPED = "typed.ipynb"
OPENING = """from lsp_analysis import compare, effects, estimate, gap, open_study

study = open_study("bolton_demo")
place = study.area("Hall i' th' Wood")
question = study.question("antisocial_behaviour", place, start="2008-04")"""
LAST_LINES = {
    "study": "study",
    "place": "place",
    "question": "question",
    "estimate": "estimate(question, checks=False)",
    "compare": 'compare(place, "burglary")',
    "gap": 'gap(place, "Burglary in a dwelling")',
    "did": "effects.did(question)",
    "checks": "effects.check_all(question)",
    "plot": "question.plot()",
}


def typed_notebook():
    """What somebody would type from nothing; each last line is to show itself."""
    cells = [OPENING, *LAST_LINES.values()]
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


def assert_shows_itself(output, case):
    """One sentence, one picture with its alternative text, one table; a chart is a picture."""
    pictures = output.locator("img")
    assert pictures.count() == 1, case
    assert len(pictures.first.get_attribute("alt")) > 20, case
    if case != "plot":
        assert output.locator("p").first.inner_text().strip(), case
        assert output.locator("table").count() == 1, case


@pytest.mark.slow
def test_in_jupyterlab_every_last_line_shows_itself(browser, lab):
    visit = Visit(
        browser,
        f"{lab}/lab/tree/{TYPED}?reset",
        own=(lab, lab.replace("http", "ws")),
        viewport={"width": 1200, "height": 2400},
    )
    page = visit.page
    page.wait_for_selector(".jp-NotebookPanel-toolbar", timeout=0)
    page.get_by_text("| Idle").wait_for(timeout=0)
    _run_all_and_picture(page)
    SHOTS.mkdir(parents=True, exist_ok=True)
    for case, line in LAST_LINES.items():
        typed = page.locator(".cm-content", has_text=re.compile(f"^{re.escape(line)}$"))
        cell = page.locator(".jp-CodeCell").filter(has=typed)
        cell.locator(".jp-OutputArea-output img").wait_for(timeout=0)
        assert_shows_itself(cell.locator(".jp-OutputArea"), case)
        cell.scroll_into_view_if_needed()
        cell.screenshot(path=SHOTS / f"jupyterlab_{case}.png")
    assert visit.complaints == []


@pytest.mark.slow
def test_in_nbconvert_and_plain_html_every_last_line_shows_itself(browser, tmp_path):
    book = typed_notebook()
    NotebookClient(book, kernel_name="python3", timeout=None, startup_timeout=600).execute()
    page, _ = HTMLExporter().from_notebook_node(book)
    outputs = [cell.outputs[-1].data["text/html"] for cell in book.cells[1:]]
    plain = "".join(f'<div class="plain">{html}</div>' for html in outputs)
    for name, body, where in (
        ("nbconvert", page, ".jp-CodeCell .jp-OutputArea"),
        ("plain", f"<!doctype html><meta charset=utf-8>{plain}", ".plain"),
    ):
        file = tmp_path / f"{name}.html"
        file.write_text(body, encoding="utf-8")
        tab = browser.new_page(viewport={"width": 1000, "height": 1200})
        tab.set_default_timeout(0)
        tab.goto(file.as_uri())
        for n, case in enumerate(LAST_LINES):
            assert_shows_itself(tab.locator(where).nth(n), case)
        SHOTS.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=SHOTS / f"last_lines_{name}.png", full_page=True)
        tab.close()
