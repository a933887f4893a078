"""Draw docs/report.png, the picture in the README: the first screen that ``make reports`` wrote.

Needs Playwright and a Chromium: ``python docs/make_report_picture.py /usr/bin/chromium``.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "reports" / "rendered" / "hall-i-th-wood" / "hall-i-th-wood.html"
WIDTH, MARGIN, COLOURS = 1280, 16, 128


def main(browser_path: str) -> None:
    """Take a picture of the first screen of the page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.goto(PAGE.as_uri())
        end = page.locator(".screen").bounding_box()
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": end["y"] + end["height"] + MARGIN}
        shot = page.screenshot(full_page=True, clip=clip)
        browser.close()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(ROOT / "docs" / "report.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
