"""Materials through the page: several pages, turned, moved, taken out; every refusal in words, and nothing typed lost."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from liangwang.base import files
from liangwang.services import actions, queries
from liangwang.services.actions import materials
from liangwang.services.models import Draft, DraftMaterial, MaterialPage
from tests.services.factories import ANSWERS, AT, USUAL, Town, make_town, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
BIRTH = "birth:birth"


@pytest.fixture
def town() -> Town:
    return make_town()


@pytest.fixture
def draft(town: Town) -> Draft:
    made = actions.start_draft(actor=town.mother_actor, key=BIRTH, at=AT)
    actions.answer_questions(actor=town.mother_actor, draft=made, answers=USUAL, at=AT)
    actions.answer_page(actor=town.mother_actor, draft=made, page="child", answers=ANSWERS["child"], at=AT)
    return Draft.objects.get(pk=made.pk)


@pytest.fixture
def mother(town: Town) -> Iterator[Client]:
    client = Client()
    client.force_login(town.mother.subject.parties.get(), "django.contrib.auth.backends.ModelBackend")
    yield client


def need_of(draft: Draft) -> str:
    return str(queries.form_pages(draft, AT)["materials"][0]["need"].id)


def post(client: Client, draft: Draft, act: str, **fields: object) -> int:
    fields = {"need": need_of(draft), "act": act, **fields}
    return int(client.post(f"/drafts/{draft.ref}/materials/", fields).status_code)  # type: ignore[arg-type]


def packed(zeros: int = 9) -> bytes:
    """A real archive: a bomb where it has many zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.exe", bytes(zeros))
    return out.getvalue()


def upload(client: Client, draft: Draft, *pictures: tuple[str, str]) -> None:
    chosen = [SimpleUploadedFile(name, picture(colour, name)[0].read()) for colour, name in pictures]
    assert post(client, draft, "upload", file=chosen) == 302


def names(draft: Draft) -> list[str]:
    row = next(one for one in queries.form_pages(draft, AT)["materials"] if one["need"].id == need_of(draft))
    return [page["name"] for page in row["pages"]]


def first_page(draft: Draft) -> MaterialPage:
    found = MaterialPage.objects.filter(material__draft=draft, ended_at=None).first()
    assert found
    return found


def test_pages_are_added_moved_and_taken_out(mother: Client, draft: Draft) -> None:
    upload(mother, draft, ("red", "1.png"), ("blue", "2.png"))
    upload(mother, draft, ("green", "3.png"))
    assert names(draft) == ["1.png", "2.png", "3.png"]
    assert DraftMaterial.objects.filter(draft=draft).count() == 1
    assert post(mother, draft, "down", page=first_page(draft).ref) == 302
    assert names(draft) == ["2.png", "1.png", "3.png"]
    assert post(mother, draft, "up", page=first_page(draft).ref) == 302  # already the first: it stays
    assert names(draft) == ["2.png", "1.png", "3.png"]
    post(mother, draft, "drop", page=first_page(draft).ref)
    assert names(draft) == ["1.png", "3.png"]
    assert DraftMaterial.objects.get(draft=draft).file.name == "1.png"
    for _ in range(2):
        post(mother, draft, "drop", page=first_page(draft).ref)
    assert names(draft) == [] and DraftMaterial.objects.get(draft=draft).ended_at
    assert MaterialPage.objects.count() == 3  # ended, not deleted


def test_a_page_is_turned_when_it_is_shown(mother: Client, draft: Draft) -> None:
    upload(mother, draft, ("red", "1.png"))
    page = first_page(draft)
    post(mother, draft, "turn", page=page.ref)
    shown = mother.get(f"/drafts/{draft.ref}/pages/{page.ref}/")
    with Image.open(io.BytesIO(shown.content)) as turned:
        assert turned.size == (30, 40)
    small = mother.get(f"/drafts/{draft.ref}/pages/{page.ref}/?thumb")
    assert small["Content-Type"] == "image/jpeg" and shown["Content-Type"] == "image/png"
    assert "sandbox" in shown["Content-Security-Policy"] and shown["X-Content-Type-Options"] == "nosniff"


def test_a_pdf_is_saved_and_never_opened_in_the_page(mother: Client, draft: Draft) -> None:
    raw = b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n"
    assert post(mother, draft, "upload", file=SimpleUploadedFile('结婚证".html', raw)) == 302
    shown = mother.get(f"/drafts/{draft.ref}/pages/{first_page(draft).ref}/?thumb")
    assert shown["Content-Type"] == "application/pdf"
    assert shown["Content-Disposition"].startswith("attachment")


def test_others_do_not_see_a_page(mother: Client, draft: Draft, town: Town) -> None:
    upload(mother, draft, ("red", "1.png"))
    stranger = Client()
    stranger.force_login(town.father.subject.parties.get(), "django.contrib.auth.backends.ModelBackend")
    assert stranger.get(f"/drafts/{draft.ref}/pages/{first_page(draft).ref}/").status_code == 404


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("a.svg", b"<svg xmlns='x'><script>alert(1)</script></svg>", "SVG"),
        ("a.zip", b"PK\x03\x04" + bytes(40), "压缩包"),
        ("a.pdf", b"%PDF-1.7\n<</S/JavaScript/JS(x)>>\n%%EOF", "程序"),
        ("a.pdf", b"%PDF-1.7\n1 0 obj<<>>endobj\n" + packed() + b"\n%%EOF\n", "压缩包"),
        ("bomb.zip", packed(50_000_000), "压缩包"),
        ("a.pdf", b"%PDF-1.7\n<html><script>alert(1)</script></html>\n%%EOF", "网页"),
        ("a.heic", b"\x00\x00\x00\x18ftypheic" + bytes(40), "兼容性最佳"),
        ("a.jpg", b"", "空"),
        ("big.pdf", b"%PDF-" + bytes(files.MAX_BYTES), "10 MB"),
    ],
)
def test_a_refused_file_is_explained_and_nothing_is_lost(
    mother: Client, draft: Draft, name: str, raw: bytes, words: str
) -> None:
    upload(mother, draft, ("red", "1.png"))
    answers = Draft.objects.get(pk=draft.pk).answers
    where, body = f"/drafts/{draft.ref}/materials/", {"need": need_of(draft), "act": "upload"}
    page = mother.post(where, {**body, "file": SimpleUploadedFile(name, raw)})
    assert page.status_code == 200 and words in page.content.decode()
    by_script = mother.post(
        where, {**body, "file": SimpleUploadedFile(name, raw)}, headers={"accept": "application/json"}
    )
    assert by_script.status_code in {413, 415} and words in by_script.json()["message"]
    assert names(draft) == ["1.png"]
    assert Draft.objects.get(pk=draft.pk).answers == answers != {}


def test_without_a_file_the_page_says_so(mother: Client, draft: Draft) -> None:
    answer = mother.post(f"/drafts/{draft.ref}/materials/", {"need": need_of(draft), "act": "upload"})
    assert "请先选一个文件" in answer.content.decode()


def test_a_material_has_only_so_many_pages(
    mother: Client, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materials, "PAGES_AT_MOST", 2)
    upload(mother, draft, ("red", "1.png"), ("blue", "2.png"))
    answer = mother.post(
        f"/drafts/{draft.ref}/materials/",
        {"need": need_of(draft), "act": "upload", "file": SimpleUploadedFile("3.png", picture()[0].read())},
    )
    assert "最多 2 页" in answer.content.decode() and names(draft) == ["1.png", "2.png"]


def test_a_file_is_kept_under_its_content_and_not_its_name(
    mother: Client, draft: Draft, data_dir: Path
) -> None:
    upload(mother, draft, ("red", "../../../escape.png"))
    stored = first_page(draft).file
    assert stored.name == "escape.png" and files.path_of(stored.sha256).is_relative_to(data_dir)
