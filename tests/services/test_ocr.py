"""A picture of an identity card proposes values; only what the person ticks enters the form."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_tasks_db.models import DBTaskResult
from PIL import Image, ImageDraw, ImageFont

from liangwang.base import clock
from liangwang.engines import ocr as engine
from liangwang.engines.ocr import Line
from liangwang.services import actions, jobs_reading, ocr, queries
from liangwang.services.models import Draft, MaterialPage
from liangwang.services.models_reading import PageReading
from tests.services.factories import AT, Town, identity_number, make_town

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
MARRIAGE = "civil_affairs:marriage_registration"
NUMBER = identity_number(321, "19920607")
CARD = [
    "姓名 赵青",
    "性别 女   民族 回",
    "出生 1992 年 6 月 7 日",
    "住址 上海市长宁区万航渡路",
    "1234弄5号601室",
    f"公民身份号码 {NUMBER}",
]
FONTS = sorted(Path("/usr/share/fonts").rglob("*CJK*Regular*")) if Path("/usr/share/fonts").exists() else []


def drawn(lines: list[str]) -> bytes:
    """The lines as a picture."""
    font = ImageFont.truetype(str(FONTS[0]), 36)
    picture = Image.new("RGB", (900, 90 * len(lines) + 60), "white")
    for n, text in enumerate(lines):
        ImageDraw.Draw(picture).text((40, 40 + 90 * n), text, "black", font=font)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()


def test_a_card_is_read_by_its_layout() -> None:
    found = ocr.card_values(CARD)
    assert found == {
        "name": "赵青",
        "sex": "f",
        "ethnicity": "回族",
        "birth_date": "1992-06-07",
        "household_address": "上海市长宁区万航渡路1234弄5号601室",
        "identity_number": NUMBER,
    }


def test_a_misread_number_or_date_is_not_proposed() -> None:
    wrong = NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2")
    assert "identity_number" not in ocr.card_values([f"公民身份号码{wrong}"])
    assert "birth_date" not in ocr.card_values(["出生1992年6月1日", f"公民身份号码{NUMBER}"])


def test_a_line_that_is_hardly_legible_proposes_nothing() -> None:
    ask: Any = type("Ask", (), {"id": "spouse.name", "label": {"zh": "姓名", "en": "Name"}})
    assert ocr.values_in([Line("姓名：赵青", 0.3, 0, 0)], [ask]) == {}
    assert ocr.values_in([Line("姓名：赵青", 0.9, 0, 0)], [ask]) == {"spouse.name": ("赵青", 0.9)}


@pytest.fixture
def town() -> Town:
    return make_town()


@pytest.fixture
def uploaded(town: Town) -> tuple[Client, Draft, MaterialPage]:
    """The applicant's form with a picture handed in for one of his materials."""
    draft = actions.start_draft(actor=town.father_actor, key=MARRIAGE, at=AT)
    client = Client()
    client.force_login(town.father.subject.parties.get(), "django.contrib.auth.backends.ModelBackend")
    raw = io.BytesIO()
    Image.new("RGB", (40, 30)).save(raw, "PNG")
    row = queries.form_pages(draft, AT)["materials"]
    need = next(one["need"].id for one in row if one["need"].role == "applicant")
    client.post(
        f"/drafts/{draft.ref}/materials/",
        {"need": need, "act": "upload", "file": SimpleUploadedFile("id.png", raw.getvalue())},
    )
    return client, draft, MaterialPage.objects.get()


def read_by_the_worker(client: Client, where: str) -> str:
    """Asks for the picture to be read, lets the worker do it, and returns what the page says then."""
    assert client.post(where, {"act": "start"}).status_code == 302
    assert "排队等着读" in client.get(where).content.decode()
    jobs_reading.read_page.call(PageReading.objects.get().pk)
    return client.get(where).content.decode()


def test_only_what_is_ticked_enters_the_form(
    uploaded: tuple[Client, Draft, MaterialPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, draft, page = uploaded
    monkeypatch.setattr(engine, "available", lambda: True)
    monkeypatch.setattr(engine, "read", lambda _raw: [Line(text, 0.97, n, 0) for n, text in enumerate(CARD)])
    assert "读出上面的字" in client.get(f"/drafts/{draft.ref}/materials/").content.decode()
    where = f"/drafts/{draft.ref}/read/{page.ref}/"
    shown = read_by_the_worker(client, where)
    assert "回族" in shown and "万航渡路1234弄5号601室" in shown
    assert "万航渡路".encode() not in bytes(PageReading.objects.get().lines or b"")  # sealed while it waits
    assert Draft.objects.get(pk=draft.pk).answers == {}
    body = {
        "take": ["applicant.ethnicity"],
        "applicant.ethnicity": "汉族",
        "applicant.household_address": "上海市长宁区万航渡路1234弄5号601室",
    }
    assert client.post(where, body)["Location"] == f"/drafts/{draft.ref}/page/applicant/"
    assert Draft.objects.get(pk=draft.pk).answers == {"applicant.ethnicity": "汉族"}
    assert PageReading.objects.get().lines is None  # used, and forgotten


@pytest.mark.both_databases
def test_a_picture_is_queued_once_and_a_killed_job_is_done_again(
    uploaded: tuple[Client, Draft, MaterialPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, draft, page = uploaded
    reads: list[bytes] = []

    def read(raw: bytes) -> list[Line]:
        reads.append(raw)
        return [Line("姓名赵青", 0.97, 0, 0)]

    monkeypatch.setattr(engine, "available", lambda: True)
    monkeypatch.setattr(engine, "read", read)
    where = f"/drafts/{draft.ref}/read/{page.ref}/"
    for _ in range(2):
        client.post(where, {"act": "start"})
    assert DBTaskResult.objects.count() == 1
    reading = PageReading.objects.get()
    PageReading.objects.update(state="reading")  # killed in the middle: the queue gives the job out again
    assert "正在读" in client.get(where).content.decode()
    for _ in range(2):
        jobs_reading.read_page.call(reading.pk)
    assert len(reads) == 1 and PageReading.objects.get().state == "done"
    assert jobs_reading.forget(before=AT) == 0
    jobs_reading.tick(clock.now() + timedelta(days=1, minutes=1))
    assert PageReading.objects.get().lines is None
    assert "读出上面的字" in client.get(where).content.decode()  # she may ask again


def test_a_picture_that_cannot_be_read_loses_nothing(
    uploaded: tuple[Client, Draft, MaterialPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, draft, page = uploaded

    def fails(_raw: bytes) -> list[Line]:
        raise engine.NotRead("no")

    monkeypatch.setattr(engine, "available", lambda: True)
    monkeypatch.setattr(engine, "read", fails)
    shown = read_by_the_worker(client, f"/drafts/{draft.ref}/read/{page.ref}/")
    assert "请自己填" in shown and "再读一次" in shown


def test_without_the_extra_it_is_not_offered_and_a_link_says_why(
    uploaded: tuple[Client, Draft, MaterialPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, draft, page = uploaded
    monkeypatch.setattr(engine, "available", lambda: False)
    assert "读出上面的字" not in client.get(f"/drafts/{draft.ref}/materials/").content.decode()
    where = f"/drafts/{draft.ref}/read/{page.ref}/"
    assert "没有装识字功能" in client.get(where).content.decode()
    client.post(where, {"act": "start"})
    assert not PageReading.objects.exists()


@pytest.mark.slow
@pytest.mark.skipif(not engine.available(), reason="the [ocr] extra is not installed: requirements/ocr.txt")
@pytest.mark.skipif(not FONTS, reason="no CJK font on this machine to draw a card with")
def test_a_drawn_card_is_read() -> None:
    found = ocr.card_values([line.text for line in engine.read(drawn(CARD))])
    assert found["identity_number"] == NUMBER
    assert (found["name"], found["sex"], found["birth_date"]) == ("赵青", "f", "1992-06-07")
