"""The resident's pages through the test client: both languages, no script needed, nothing that the policy refuses."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from liangwang.base.models import Party, Person
from liangwang.base.subjects import register_person
from liangwang.base.transactions import write

from .reading import Reading

pytestmark = pytest.mark.django_db

CJK = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")
OPEN = [
    "/",
    "/login/",
    "/services/",
    "/services/?q=baby",
    "/services/birth/birth/",
    "/help/",
    "/verify/",
    "/verify/no/",
]
OWN = ["/", "/me/", "/me/seen/", "/messages/", "/certificates/", "/help/"]
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


@pytest.fixture
def person() -> Person:
    with write():
        return register_person(at=AT, name="林晓", sex="f", birth_on=datetime(1994, 5, 18, tzinfo=UTC).date())


@pytest.fixture
def resident(person: Person) -> Client:
    """A client that is signed in as herself."""
    party = Party.objects.create(
        login_name="linxiao", label={"zh": "林晓", "en": "Lin Xiao"}, subject=person.subject
    )
    client = Client()
    client.force_login(party, backend="django.contrib.auth.backends.ModelBackend")
    return client


def read(client: Client, path: str, status: int = 200) -> Reading:
    answer = client.get(path)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    return Reading(answer.content.decode())


@pytest.mark.parametrize("path", OPEN)
def test_open_pages_need_no_script_of_their_own(path: str) -> None:
    assert not read(Client(), path).refused


@pytest.mark.parametrize("path", OWN)
def test_own_pages_open_and_need_no_script_of_their_own(resident: Client, path: str) -> None:
    assert not read(resident, path).refused


def test_own_pages_ask_a_visitor_to_sign_in() -> None:
    for path in OWN[1:-1]:
        answer = Client().get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/login/?next="), path


def test_english_pages_are_english(resident: Client) -> None:
    visitor = Client()
    for client, paths in ((visitor, OPEN), (resident, OWN)):
        client.post("/language/", {"language": "en", "next": "/"})
        for path in paths:
            chinese = [text for text in read(client, path).said if CJK.search(text) and text != "中文"]
            assert not chinese, f"{path}: {chinese}"


def test_a_page_that_is_not_there_offers_help() -> None:
    answer = Client().get("/nowhere/")
    assert answer.status_code == 404 and "/help/?from=/nowhere/" in answer.content.decode()


def test_large_type_is_kept_by_a_cookie_and_can_be_put_back() -> None:
    client = Client()
    client.post("/elder/", {"elder": "1", "next": "/services/"})
    assert '<html lang="zh-CN" class="elder">' in client.get("/").content.decode()
    client.post("/elder/", {"elder": "0", "next": "/"})
    assert 'class="elder"' not in client.get("/").content.decode()


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"]
)
def test_the_way_back_stays_on_this_site(target: str) -> None:
    client = Client()
    assert client.post("/elder/", {"elder": "1", "next": target})["Location"] == "/"
    assert target not in client.get("/help/", {"from": target}).content.decode()


def test_a_wrong_password_says_so_and_keeps_the_name(person: Person) -> None:
    Party.objects.create_user("someone", "right horse", subject=person.subject)
    client = Client()
    wrong: Any = client.post("/login/", {"login": "someone", "password": "wrong"})
    assert 'value="someone"' in wrong.content.decode() and 'role="alert"' in wrong.content.decode()
    right: Any = client.post("/login/", {"login": "someone", "password": "right horse"})
    assert right.status_code == 302
    assert client.get("/me/").status_code == 200


def test_a_demo_click_from_elsewhere_is_refused() -> None:
    answer = Client(REMOTE_ADDR="192.0.2.7").post("/login/demo/", {"login_name": "linxiao", "hat": "self"})
    assert answer.status_code == 404


def test_an_application_is_written_without_a_script(resident: Client) -> None:
    begun: Any = resident.post("/services/birth/birth/start/")
    draft = begun["Location"]
    assert resident.get(draft).status_code == 200
    asked = re.search(r'href="(/drafts/\w+/ask/\w+/)"', resident.get(draft).content.decode())
    assert asked is not None
    unanswered = resident.post(asked[1])
    assert unanswered.status_code == 200 and 'role="alert"' in unanswered.content.decode()
    chosen: Any = resident.post(asked[1], {"i_am": "mother"})
    assert "/ask/parents/" in chosen["Location"]
    again: Any = resident.post("/services/birth/birth/start/")
    assert again["Location"] == draft  # on another device the same draft goes on
    assert not read(resident, f"{draft}check/").refused
