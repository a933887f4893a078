"""Draw docs/report.png, the picture in the README, from the page that ``make reports`` wrote.

Needs Playwright and a Chromium: ``python docs/make_report_picture.py /usr/bin/chromium``.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "reports" / "rendered" / "hall-i-th-wood" / "hall-i-th-wood.html"
WIDTH, HEIGHT, GAP, COLOURS = 780, 1294, 20, 160


def column(page: Page, top: float) -> Image.Image:
    """The part of the page that begins `top` pixels down."""
    clip = {"x": 0, "y": top, "width": WIDTH, "height": HEIGHT}
    return Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))


def main(browser_path: str) -> None:
    """Set the head of the page and its second question side by side."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(PAGE.as_uri())
        second = page.get_by_role("heading", name="What works?").bounding_box()
        columns = [column(page, 0), column(page, second["y"] - 40)]
        browser.close()
    picture = Image.new("RGB", (2 * WIDTH + GAP, HEIGHT), "#d7dce1")
    for place, part in enumerate(columns):
        picture.paste(part, (place * (WIDTH + GAP), 0))
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(ROOT / "docs" / "report.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
