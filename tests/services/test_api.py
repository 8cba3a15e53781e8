"""The public API of services: open catalogue, drafts of the person who is signed in, submission once per key."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from liangwang.base import clock
from liangwang.base.models import Party
from liangwang.cases.models import Case
from liangwang.services import actions, queries
from tests.services.factories import ANSWERS, USUAL, Town, make_town, picture

pytestmark = pytest.mark.django_db


def client_of(town: Town) -> Client:
    client = Client()
    party = Party.objects.get(pk=town.mother_actor.party_id)
    client.force_login(party, backend="django.contrib.auth.backends.ModelBackend")
    return client


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(
        f"/api/v1{path}", json.dumps(body or {}), content_type="application/json", headers=headers
    )


def test_the_catalogue_is_open_and_found_by_words() -> None:
    found = Client().get("/api/v1/items", {"q": "报户口"}).json()["items"]
    assert found[0]["key"] == "public_security:birth_registration"
    page = (
        Client()
        .get("/api/v1/items/birth/birth", {"marriage": "unmarried", "registers_with": "father"})
        .json()
    )
    assert {need["id"] for need in page["materials_asked"]} >= {"child.parentage_report"}
    assert page["legal_days"] == 45 and page["report"]["before"]["days"] == 35
    assert Client().get("/api/v1/items/birth/nothing").status_code == 404


def test_a_draft_needs_a_person() -> None:
    assert post(Client(), "/drafts", {"item": "birth:birth"}).status_code == 401


def test_an_application_is_made_once_over_the_api() -> None:
    town = make_town()
    client = client_of(town)
    ref = post(client, "/drafts", {"item": "birth:birth"}).json()["draft"]
    alone = {**USUAL, "parents": "mother_alone", "marriage": "unmarried", "maternity": "none"}
    assert post(client, f"/drafts/{ref}/questions", alone).json() == {"problems": []}
    wrong = post(client, f"/drafts/{ref}/pages/child", {"child.birth_date": "2026-13-01"}).json()["problems"]
    assert "child.birth_date" in {problem["field"] for problem in wrong}
    for page in ("applicant", "child", "mother", "household", "delivery"):
        assert post(client, f"/drafts/{ref}/pages/{page}", ANSWERS[page]).json() == {"problems": []}
    draft = queries.draft_by_ref(ref)
    assert draft is not None
    for entry in queries.form_pages(draft, clock.now())["materials"]:
        need = entry["need"]
        if need.commitment:
            assert post(client, f"/drafts/{ref}/commitments/{need.id}").json()["words"] == need.commitment
        elif need.required:
            stream, name = picture()
            file = SimpleUploadedFile(name, stream.read())
            assert client.post(f"/api/v1/drafts/{ref}/materials/{need.id}", {"file": file}).status_code == 200
    assert client.get(f"/api/v1/drafts/{ref}").json()["missing"] == []
    assert post(client, f"/drafts/{ref}/submit").status_code == 428
    keyed = {"Idempotency-Key": "0b7c"}
    one, two = (post(client, f"/drafts/{ref}/submit", **keyed).json() for _ in range(2))
    assert one == two and Case.objects.count() == 1
    assert client.get(f"/api/v1/applications/{one['number']}").json()["state"] == "open"
    assert Client().get(f"/api/v1/applications/{one['number']}").status_code == 401


def test_anyone_verifies_a_certificate_and_nothing_more_is_said() -> None:
    town = make_town()
    made = actions.enter_certificate(
        actor=town.approvers["public_security"], type="household_book", subject=town.mother.subject,
        office=town.offices["public_security"], issued_at=clock.now(), at=clock.now(),
    )  # fmt: skip
    said = Client().get("/api/v1/certificates/verify", {"code": made.signed}).json()
    assert said["ok"] and said["signed"] and said["certificate"]["holder"] == "林*"
    assert "values" not in said["certificate"]
    assert Client().get("/api/v1/certificates/keys").json()["keys"]
    assert Client().get("/api/v1/certificates/verify", {"code": "nonsense"}).json()["state"] == "unknown"
