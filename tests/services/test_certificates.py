"""Certificates as files and codes: what was changed says so, what is suspended too, and who checked it is written down."""

import base64
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from liangwang import settings
from liangwang.base import clock
from liangwang.base.hats import ANONYMOUS, Actor, platform
from liangwang.base.labels import Label
from liangwang.base.models import Guardian, Party, Subject
from liangwang.base.subjects import masked
from liangwang.services import certificate_codes as codes
from liangwang.services import certificate_file, looks, queries
from liangwang.services.actions import enter_certificate, resume_certificate, suspend_certificate
from liangwang.services.certificate_command import verify_certificate as by_command
from liangwang.services.certificate_layouts import COMMON, layout_of
from liangwang.services.models import Certificate
from tests.cases.factories import AT, make_actor, make_applicant, make_office, make_street

pytestmark = pytest.mark.django_db
WHY: Label = {"zh": "正在核对", "en": "Under check"}


@pytest.fixture
def issued(data_dir: Path) -> Any:
    """A disability certificate of the federation, its holder and an approver of the office."""
    office = make_office("federation", make_street().district, "disabled_federation")
    subject, holder = make_applicant()
    card = enter_certificate(
        actor=platform("test"), type="disability_certificate", subject=subject, office=office, issued_at=AT, at=AT
    )  # fmt: skip
    return card, holder, make_actor(office, "approver")


def test_a_file_is_whole_until_one_byte_of_it_changes(issued: Any) -> None:
    card, _, _ = issued
    raw = certificate_file.make(card, AT)
    assert queries.verify_file(raw, AT)["file"] == "whole" and queries.verify_file(raw, AT)["ok"]
    for place in (20, len(raw) // 2, raw.index(b"%LWZ1:") + 60, len(raw) - 30):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        found = queries.verify_file(changed, AT)
        assert not found["ok"], place
    assert queries.verify_file(raw + b"\n", AT)["state"] == "altered", "something stands after the seal"
    assert queries.verify_file(raw[: raw.index(b"%LWP1:")], AT)["state"] == "altered", "the seal was cut off"
    assert queries.verify_file(raw[: raw.index(b"%LWZ1:")], AT)["state"] == "unsigned"
    assert queries.verify_file(b"", AT)["state"] == "unsigned"


def test_no_file_can_wear_another_files_end(issued: Any) -> None:
    card, _, _ = issued
    other = enter_certificate(
        actor=platform("test"), type="identity_card", subject=make_applicant()[0], office=card.office, issued_at=AT,
        at=AT,
    )  # fmt: skip
    mine, theirs = certificate_file.make(card, AT), certificate_file.make(other, AT)
    end = theirs[theirs.index(b"%LWZ1:") :]
    assert queries.verify_file(mine[: mine.index(b"%LWZ1:")] + end, AT)["state"] == "altered"
    swapped = codes.sealed(mine[: mine.index(b"%LWZ1:")], code=other.signed, ref=card.ref, at=AT)
    assert queries.verify_file(swapped, AT)["state"] == "altered", "seal and code are of two certificates"


def test_what_is_suspended_says_so_and_counts_again_when_resumed(issued: Any) -> None:
    card, _, approver = issued
    raw = certificate_file.make(card, AT)
    suspend_certificate(actor=approver, certificate=card, because=WHY, at=AT)
    assert queries.verify_file(raw, AT)["state"] == "suspended"
    answer = queries.verify_certificate(card.signed, AT)
    assert (answer["state"], answer["signed"]) == ("suspended", True)
    assert "正在核对" not in json.dumps(answer, ensure_ascii=False, default=str), (
        "why is no stranger's to know"
    )
    resume_certificate(actor=approver, certificate=card, because=WHY, at=AT)
    assert queries.verify_file(raw, AT)["ok"]


def test_a_code_that_is_shown_lives_three_minutes(issued: Any) -> None:
    card, _, _ = issued
    text, until = codes.shown_code(card, AT)
    assert queries.verify_certificate(text, AT)["shown"] and until - AT <= codes.LIFE
    later = AT + codes.LIFE + timedelta(seconds=61)
    assert queries.verify_certificate(text, later)["state"] == "stale"
    posing = codes.CODE + text.removeprefix(codes.SHOWN)
    assert queries.verify_certificate(posing, AT)["state"] == "forged", (
        "a shown code poses as the printed one"
    )


def test_the_code_says_the_last_day_without_a_network(
    issued: Any, capsys: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    card, _, _ = issued
    card.valid_until = AT.date() + timedelta(days=30)
    code = codes.code_of(card, AT)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(queries.verification_keys()))
    monkeypatch.setattr(clock, "now", lambda: AT)
    assert by_command(code, str(keys)) == 0 and "离线只能核对签名" in capsys.readouterr().out
    monkeypatch.setattr(clock, "now", lambda: AT + timedelta(days=32))
    assert by_command(code, str(keys)) == 1 and "已过有效期" in capsys.readouterr().out
    file = tmp_path / "card.pdf"
    file.write_bytes(certificate_file.make(card, AT).replace(b"/Title", b"/TitlE"))
    assert by_command(str(file), str(keys)) == 1 and "改动" in capsys.readouterr().out


def test_who_checked_it_is_written_down_once_and_the_holder_is_not_counted(issued: Any) -> None:
    card, holder, _ = issued
    for who in (ANONYMOUS, ANONYMOUS, holder):
        looks.note_check(actor=who, certificate=card, how="shown", at=AT)
    assert len(looks.looks_at(card)) == 1
    looks.note_check(actor=ANONYMOUS, certificate=card, how="shown", at=AT + timedelta(minutes=11))
    assert len(looks.looks_at(card)) == 2


def test_an_office_declares_what_its_certificates_say(issued: Any) -> None:
    card, _, _ = issued
    assert layout_of(card.type).form == "card" and layout_of("nothing") is COMMON
    card.body["values"] = {f"{card.role}.disability_level": "three"}
    stated = {label["zh"]: value for label, value in certificate_file.stated(card)}
    assert stated["残疾等级"]["zh"] == "三级" and stated["有效期至"]["zh"] == "长期有效"


# --- pages ---------------------------------------------------------------------------------------------


def signed_in(subject: Subject, hat: str = "self") -> Client:
    client = Client()
    client.force_login(Party.objects.get(subject=subject), "django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["hat"] = hat
    session.save()
    return client


def test_the_holder_downloads_one_file_for_ever_and_not_while_it_is_suspended(issued: Any) -> None:
    card, _, approver = issued
    client = signed_in(card.subject)
    first, again = (client.get(f"/certificates/{card.ref}/certificate.pdf") for _ in range(2))
    assert first.content == again.content and first.content.startswith(b"%PDF")
    assert "attachment" in first["Content-Disposition"]
    suspend_certificate(actor=approver, certificate=card, because=WHY, at=clock.now())
    refused = client.get(f"/certificates/{card.ref}/certificate.pdf")
    assert refused.status_code == 409 and "暂停" in refused.content.decode()
    assert client.get(f"/certificates/{card.ref}/show/").status_code == 302
    page = client.get(f"/certificates/{card.ref}/").content.decode()
    assert "已暂停" in page and "正在核对" in page and "下载 PDF" not in page


def test_anyone_uploads_the_file_and_an_altered_one_says_so(issued: Any) -> None:
    card, _, _ = issued
    raw = certificate_file.make(card, clock.now())

    def upload(content: bytes) -> str:
        file = SimpleUploadedFile("c.pdf", content, "application/pdf")
        return Client().post("/verify/", {"file": file}).content.decode()

    assert "证照有效" in upload(raw) and "文件没有改动" in upload(raw)
    altered = upload(raw.replace(b"/Title", b"/TitlE"))
    assert "改动过" in altered and card.number in altered and "文件没有改动" not in altered
    assert "没有签名" in upload(b"%PDF-1.4 nothing")
    assert "没有签名" in upload(b"%LWZ1:" * 1_000_000), "too large is not read"
    seen = signed_in(card.subject).get(f"/certificates/{card.ref}/").content.decode()
    assert "没有登录的人" in seen and "核验" in seen


def test_a_wallet_shows_what_counts_first_and_is_never_bare(issued: Any) -> None:
    card, _, _ = issued
    client = signed_in(card.subject)
    page = client.get("/certificates/").content.decode()
    assert "亮证" in page and "现在不能用的" not in page
    Certificate.objects.filter(pk=card.pk).update(valid_until=AT.date() - timedelta(days=400))
    page = client.get("/certificates/").content.decode()
    assert "现在不能用的" in page and "已过期" in page and f"{card.ref}/show/" not in page
    Certificate.objects.all().delete()
    assert "还没有证照" in client.get("/certificates/").content.decode()


def test_only_holder_and_guardian_show_it(issued: Any) -> None:
    card, _, approver = issued
    parent, _ = make_applicant()
    stranger, _ = make_applicant()
    Guardian.objects.create(guardian=parent, ward=card.subject, since=AT)
    address = f"/certificates/{card.ref}/show/"
    assert signed_in(card.subject).get(address).status_code == 200
    assert signed_in(parent, f"guardian:{card.subject.ref}").get(address).status_code == 200
    assert signed_in(stranger).get(address).status_code == 404
    clerk: Actor = approver
    office = Client()
    office.force_login(Party.objects.get(pk=clerk.party_id or 0), "django.contrib.auth.backends.ModelBackend")
    session = office.session
    session["hat"] = clerk.key
    session.save()
    assert office.get(f"/certificates/{card.ref}/").status_code == 200
    assert office.get(address).status_code == 404, "an office reads it and cannot pose as its holder"


# --- the browser's twin --------------------------------------------------------------------------------

NODE = shutil.which("node")
JUDGE = Path(settings.ROOT) / "liangwang/web/static/js/gate/certificate.mjs"
PROGRAM = """
import { judgeCode, judgeFile } from %s;
const { given, codes, files } = JSON.parse(await new Response(process.stdin).text());
const said = [];
for (const [text, at] of codes) said.push(await judgeCode(text, given, at));
for (const [raw, at] of files) said.push(await judgeFile(Uint8Array.from(atob(raw), (c) => c.charCodeAt(0)), given, at));
console.log(JSON.stringify(said.map((one) => [one.ok, one.reason, one.holder ?? ""])));
"""


@pytest.mark.skipif(NODE is None, reason="no Node on this machine")
def test_the_browser_judges_codes_and_files_as_the_city_does(issued: Any) -> None:
    card, _, _ = issued
    now = int(AT.timestamp())
    raw = certificate_file.make(card, AT)
    shown, _until = codes.shown_code(card, AT)
    card.valid_until = AT.date() - timedelta(days=1)
    over = codes.code_of(card, AT)
    mutant = card.signed[:-1] + ("1" if card.signed[-1] == "0" else "0")
    texts = [(card.signed, now), (shown, now), (shown, now + 300), (over, now), (mutant, now)]
    texts += [(codes.CODE + shown.removeprefix(codes.SHOWN), now), ("HELLO", now)]
    files = [raw, raw.replace(b"/Title", b"/TitlE"), raw + b" ", raw[: raw.index(b"%LWP1:")], b"%PDF-1.4"]
    asked = {
        "given": queries.verification_keys(),
        "codes": texts,
        "files": [(base64.b64encode(one).decode(), now) for one in files],
    }
    command = [str(NODE), "--input-type=module", "-e", PROGRAM % json.dumps(JUDGE.as_uri())]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said[0] == [True, "good", masked(card.body["holder"])]
    assert [one[:2] for one in said[1:4]] == [[True, "shown"], [False, "stale"], [False, "expired"]]
    assert [one[:2] for one in said[4:7]] == [[False, "forged"], [False, "forged"], [False, "unreadable"]]
    assert [one[1] for one in said[7:]] == ["whole", "altered", "altered", "altered", "unsigned"]
