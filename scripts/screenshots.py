"""Makes docs/img/*.png for the README from a running demo: `python scripts/screenshots.py [http://127.0.0.1:8000]`."""

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "img"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SETTLE_MS = 1500
PHONE, DESK, SCREEN = (390, 844), (1440, 900), (1920, 1080)


class Picture(NamedTuple):
    """One image: who looks, at what, how large; `follow` is a link to click first, None to stay."""

    name: str
    login: str
    path: str
    size: tuple[int, int]
    follow: str | None = None


PICTURES = [
    Picture("home", "linxiao", "/", PHONE),
    Picture("item", "linxiao", "/services/birth/birth/", DESK),
    Picture("progress", "linxiao", "/me/", PHONE, 'a[href^="/cases/"]'),
    Picture("code", "linxiao", "/code/", PHONE),
    Picture("workbench", "fangweimin", "/staff/", DESK),
    Picture("command", "duty_street", "/command/", SCREEN),
    Picture("field", "crew_rain", "/field/", PHONE),
    Picture("gate", "gate", "/gate/", PHONE),
    Picture("data", "data", "/data/", DESK),
    Picture("data-source", "data", "/data/sources/health:inoculations/", DESK),
    Picture("data-batch", "data", "/data/batches/?bad=1", DESK, "tbody a"),
    Picture("data-quality", "data", "/data/quality/", DESK),
    Picture("data-review", "data", "/data/reviews/", DESK, "tbody a"),
    Picture("data-conflict", "data", "/data/conflicts/", DESK, "tbody a"),
    Picture("data-lineage", "data", "/data/lineage/", DESK, 'main a[href*="attribute="]'),
]


def sign_in(page: Page, base: str, login: str) -> None:
    """Puts on a demo hat by its one click."""
    page.goto(f"{base}/login/")
    page.locator(f'form:has(input[value="{login}"]) button').first.click()
    page.wait_for_load_state()


def take(browser: Browser, base: str, picture: Picture) -> Path:
    """One picture; raises where the page answers with an error."""
    width, height = picture.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    page = context.new_page()
    sign_in(page, base, picture.login)
    answer = page.goto(base + picture.path)
    if answer is None or not answer.ok:
        raise SystemExit(f"{picture.path}: {answer and answer.status}")
    if picture.follow and page.locator(picture.follow).count():
        page.locator(picture.follow).first.click()
    page.wait_for_load_state()
    page.wait_for_timeout(SETTLE_MS)
    target = IMAGES / f"{picture.name}.png"
    page.screenshot(path=target)
    context.close()
    return target


def main(base: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    if CHROMIUM is None:
        raise SystemExit("Chromium is missing: apt install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for picture in PICTURES:
            print(take(browser, base, picture))
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:8000")
