"""The gate page reads codes from a camera: Chromium sees a film of two codes, made here, instead of one."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import segno
from PIL import Image, ImageFilter

from tests.conftest import CHROMIUM, QUIET
from tests.house import House

from .test_axe import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

pytestmark = pytest.mark.browser

WIDTH, HEIGHT, PER_SECOND = 640, 480, 10
SECONDS_EACH = 4


def seen(text: str) -> np.ndarray:
    """What a phone's camera sees of a code on another phone: turned, soft, grey and grainy; luma uint8[480, 640]."""
    matrix = np.array(
        [[not cell for cell in row] for row in segno.make(text, error="m", micro=False).matrix_iter(border=4)]
    )
    screen = Image.fromarray((matrix * 200 + 30).astype(np.uint8)).resize(
        (400, 400), Image.Resampling.NEAREST
    )
    desk = Image.new("L", (WIDTH, HEIGHT), 120)
    desk.paste(screen, (120, 40))
    turned = desk.rotate(7, Image.Resampling.BICUBIC, fillcolor=120).filter(ImageFilter.GaussianBlur(0.8))
    grain = np.random.default_rng(1).normal(0, 6, (HEIGHT, WIDTH))
    return np.clip(np.asarray(turned) + grain, 0, 255).astype(np.uint8)


def film(path: Path, pictures: list[np.ndarray]) -> Path:
    """Writes grey pictures, each for some seconds, as the uncompressed film (YUV4MPEG2) that Chromium takes for a camera."""
    chroma = np.full(WIDTH * HEIGHT // 2, 128, np.uint8).tobytes()
    with path.open("wb") as f:
        f.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{PER_SECOND}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            for _ in range(SECONDS_EACH * PER_SECOND):
                f.write(b"FRAME\n" + picture.tobytes() + chroma)
    return path


@pytest.fixture
def gate(house: House, tmp_path: Path, playwright: "Playwright") -> Iterator["Page"]:
    """The gate's page before a camera that sees a good code, then the same code with one letter changed."""
    good = house.do(
        """
        from liangwang.base import clock
        from liangwang.base.models import Person
        from liangwang.services import codes
        person = Person.objects.order_by("pk").first()
        answer = codes.mint(person.pk, person.name, clock.now()).text
        """
    )
    forged = good[:-9] + ("A" if good[-9] != "A" else "B") + good[-8:]
    seen_by_it = film(tmp_path / "codes.y4m", [seen(good), seen(forged)])
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    arguments = [*QUIET, *camera, f"--use-file-for-fake-video-capture={seen_by_it}"]
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    page = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 844}).new_page()
    sign_in(page, house, "gate")
    page.goto(f"{house.address}/gate/")
    page.wait_for_selector("html[data-gate-ready]")
    yield page
    chromium.close()


def test_a_code_before_the_camera_is_verified_and_a_forged_one_refused(gate: "Page") -> None:
    verdict = gate.locator("[data-verdict]")
    assert "等待扫码" in verdict.inner_text()
    gate.locator("[data-scan]").click()
    gate.locator("[data-verdict]", has_text="身份有效").wait_for(timeout=20_000)
    assert gate.locator("[data-camera]").is_visible()
    gate.locator("[data-verdict]", has_text="码是伪造的").wait_for(timeout=20_000)
    gate.locator("[data-scan]").click()
    assert not gate.locator("[data-camera]").is_visible()
    assert gate.locator("[data-camera-fault]").inner_text() == ""
