"""Writing an application without a script: rows, pickers, objections, two devices; and what an office then reads."""

import json
import re
from html import escape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from liangwang.base import clock
from liangwang.base.models import Office, Place
from liangwang.base.transactions import write
from liangwang.cases.models import Case
from liangwang.services import actions, queries
from liangwang.services.models import Draft
from tests.cases.factories import make_office
from tests.services.factories import Town, identity_number, make_town

from .posts import browser, browser_of, said

pytestmark = pytest.mark.django_db
RELIEF = "civil_affairs:minimum_income"
NASTY = [
    "<script>alert(1)</script>",
    "'; DROP TABLE services_draft; --",
    '" onmouseover="alert(1)',
    "</textarea><img src=x onerror=alert(1)>",
    "a\x00b",
    "sealed:c0ffee",
    '{"in": "elsewhere", "road": 1}',
    "{{ 7*7 }}{% csrf_token %}",
    "${7*7} %s %(x)s \\x00 &lt;b&gt; \u202e\u0007",
    "Robert'); SELECT * FROM base_person WHERE ('1'='1",
]


@pytest.fixture
def town() -> Town:
    return make_town()


@pytest.fixture
def client(town: Town) -> Client:
    return browser_of(town.mother_actor)


@pytest.fixture
def root(client: Client) -> str:
    """The address of the mother's draft."""
    begun: Any = client.post("/services/civil_affairs/minimum_income/start/")
    return str(begun["Location"])


def draft_at(root: str) -> Draft:
    return Draft.objects.get(ref=root.strip("/").rpartition("/")[2])


def posted(client: Client, root: str, **more: str) -> Any:
    """The first page sent as its controls stand, with what else was typed or pressed."""
    controls = {}
    page = said(client.get(f"{root}page/applicant/"))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        controls[name] = chosen[1] if chosen else ""
    controls |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.S))
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="radio"' not in tag or " checked" in tag):
            controls[name[1]] = value[1] if value else ""
    return client.post(f"{root}page/applicant/", {**controls, **more})


def field(root: str, name: str) -> dict[str, Any]:
    whole = queries.form_pages(draft_at(root), clock.now())
    return next(one for page in whole["pages"] for one in page["fields"] if one["ask"].id == name)  # type: ignore[return-value]


def test_rows_are_added_and_taken_out_by_buttons_that_keep_what_was_typed(client: Client, root: str) -> None:
    added = posted(client, root, add="members", **{"applicant.relief_reason": "失业"})
    assert added["Location"].endswith("#members-1")
    posted(client, root, **{"members-1.name": "林安"})
    page = said(client.get(f"{root}page/applicant/"))
    assert "失业" in page and "林安" in page and "家庭成员 1" in page
    posted(client, root, remove="members-1")
    assert "林安" not in said(client.get(f"{root}page/applicant/"))
    assert "林安" in said(client.get(root))  # laid aside, not lost


def test_an_address_is_picked_without_a_script(client: Client, town: Town, root: str) -> None:
    page = said(client.get(f"{root}page/applicant/"))
    assert 'name="applicant.address~street"' not in page
    posted(client, root, more="applicant.address", **{"applicant.address~district": "990105"})
    posted(client, root, more="applicant.address", **{
        "applicant.address~district": "990105", "applicant.address~street": "990105012",
    })  # fmt: skip
    page = said(client.get(f"{root}page/applicant/"))
    assert 'name="applicant.address~neighbourhood"' in page and 'name="applicant.address~road"' in page
    posted(client, root, **{
        "applicant.address~district": "990105", "applicant.address~street": "990105012",
        "applicant.address~road": "长宁路", "applicant.address~number": "515",
    })  # fmt: skip
    one = field(root, "applicant.address")
    assert queries.address_line(one["value"]).endswith("长宁路515号") and one["problem"] is None


def test_two_tabs_in_one_field_show_both_and_lose_neither(client: Client, root: str) -> None:
    seen = {"applicant.relief_reason~v": "0"}
    first = posted(client, root, **seen, **{"applicant.relief_reason": "失业"})
    assert first.status_code in (200, 302)
    second = posted(client, root, **seen, **{"applicant.relief_reason": "重病"})
    page = said(second)
    assert "失业" in page and ">重病</textarea>" in page and 'name="take"' in page
    taken = posted(client, root, take="applicant.relief_reason", **{"applicant.relief_reason": "重病"})
    assert taken.status_code == 302
    assert field(root, "applicant.relief_reason")["value"] == "失业"
    assert "重病" in said(client.get(root))


def test_the_script_saves_one_field_and_is_told_what_changed(client: Client, root: str) -> None:
    shown = [one["ask"].id for one in queries.form_pages(draft_at(root), clock.now())["pages"][0]["fields"]]
    sent = {"page": "applicant", "shown": " ".join(shown)}
    reason = {
        "field": "applicant.relief_reason",
        "applicant.relief_reason": "失业",
        "applicant.relief_reason~v": "0",
    }
    saved = client.post(f"{root}save/", {**sent, **reason}).json()
    assert saved["version"] == 1 and re.fullmatch(r"\d\d:\d\d", saved["saved"]) and not saved["problem"]
    assert "html" not in saved and "fields" not in saved
    other = client.post(f"{root}save/", {**sent, **reason, "applicant.relief_reason": "重病"}).json()
    assert "失业" in other["html"] and ">重病</textarea>" in other["html"]
    home = {"field": "applicant.family_other_home", "applicant.family_other_home": "yes"}
    called = client.post(f"{root}save/", {**sent, **home, "applicant.family_other_home~v": "0"}).json()
    assert "applicant.property_address" in called["fields"]
    assert client.post(f"{root}save/", {**sent, "field": "applicant.salary"}).status_code == 404


def test_a_called_up_question_is_no_reproach(client: Client, root: str) -> None:
    page = said(posted(client, root, **{"applicant.family_other_home": "yes"}))
    assert "根据您刚才的回答，还要填" in page
    summary = page[page.index('class="errors"') :][:2000]
    assert "另一处住房" not in summary.partition("</section>")[0]


def test_a_wrong_date_stands_in_its_boxes(client: Client, town: Town) -> None:
    begun: Any = client.post("/services/health/vaccination_booklet/start/")
    root = begun["Location"]
    client.post(f"{root}ask/i_am/", {"i_am": "mother"})
    boxes = {
        f"child.birth_date~{part}": value
        for part, value in zip(("year", "month", "day"), ("2026", "02", "30"), strict=True)
    }
    page = said(client.post(f"{root}page/child/", boxes))
    assert all(f'name="{name}" value="{value}"' in page for name, value in boxes.items())
    assert 'href="#child.birth_date"' in page and 'id="child.birth_date"' in page


def test_a_stranger_saves_nothing(town: Town, root: str) -> None:
    stranger = browser_of(town.father_actor)
    answer = stranger.post(f"{root}save/", {"field": "applicant.relief_reason", "page": "applicant"})
    assert answer.status_code in (403, 404)
    for path in ("", "page/applicant/", "sign/", "print/"):
        assert stranger.get(f"{root}{path}").status_code in (403, 404)


# --- to the office --------------------------------------------------------------------------------------


def whole_draft(client: Client, town: Town, root: str, reason: str = "失业") -> None:
    """Everything that the item asks: a row, a picked address, an objection, papers by commitment, the signature."""
    posted(client, root, add="members")
    typed = {
        "applicant.address~district": "990105", "applicant.address~street": "990105012",
        "applicant.address~road": "长宁路", "applicant.address~number": "515",
        "applicant.family_yearly_income": "18000", "applicant.family_other_home": "no",
        "applicant.relief_reason": reason, "applicant.bank_name": "上海银行",
        "applicant.bank_account": "6222021001112223334", "applicant.phone": "13800000001",
        "members-1.name": reason[:40], "members-1.identity_number": identity_number(55),
        "members-1.contact_relation": "child", "members-1.employment_state": "unemployed",
    }  # fmt: skip
    posted(client, root, dispute="applicant.name", **typed)
    posted(client, root, **typed, **{"applicant.name": "林晓(曾用名林小)"})
    draft = draft_at(root)
    with write():
        for entry in queries.form_pages(draft, clock.now())["materials"]:
            if entry["need"].commitment:
                actions.commit_material(
                    actor=town.mother_actor, draft=draft, need=entry["need"].id, given=True, at=clock.now()
                )
        draft.papers = [e["need"].id for e in queries.form_pages(draft, clock.now())["materials"]]
        draft.save(update_fields=["papers"])
    signed = {"field": "applicant.declaration_signature", "name": "林晓", "confirm": "yes"}
    assert client.post(f"{root}sign/", signed).status_code == 302


def handed_in(client: Client, root: str) -> Case:
    make_office("civil-s", Place.objects.get(code="990105012"), "civil_affairs")
    make_office("data-d", Place.objects.get(code="990105"), "big_data")
    answer = client.post(f"{root}check/", {"idempotency_key": root})
    assert answer.status_code == 302, re.findall(r"<h1.*?</p>", said(answer), re.S)
    return Case.objects.get(kind="application")


def office_page(case: Case) -> str:
    """The case as a clerk of the deciding office sees it."""
    clerk = browser(Office.objects.get(key="civil-s"), "approver")
    return str(clerk.get(f"/staff/applications/{case.ref}/").content.decode())


def test_change_links_lead_to_the_field_and_back_to_the_check(client: Client, town: Town, root: str) -> None:
    posted(client, root, **{"applicant.relief_reason": "失业"})
    page = said(client.get(f"{root}check/"))
    link = f"{root}page/applicant/?back=check#applicant.relief_reason"
    assert link in page and f"{root}sign/" in page
    assert 'name="back" value="check"' in said(client.get(link))
    whole_draft(client, town, root)
    back = posted(client, root, back="check")
    assert back["Location"] == f"{root}check/"


@pytest.mark.parametrize("nasty", NASTY)
def test_text_goes_through_to_the_office_as_it_was_typed_and_runs_nowhere(
    client: Client, town: Town, root: str, nasty: str
) -> None:
    whole_draft(client, town, root, reason=nasty)
    kept = nasty.replace("\x00", "")
    for path in ("page/applicant/", "check/", "print/"):
        raw = client.get(f"{root}{path}").content.decode()
        assert escape(kept, quote=True).replace("&#x27;", "&#x27;") in raw, path
    case = handed_in(client, root)
    submission = queries.submission_of_case(case)
    assert submission.answers["applicant.relief_reason"] == kept
    raw = office_page(case)
    assert escape(kept, quote=True) in raw and "<script>alert" not in raw and "<img src=x" not in raw


def test_the_office_reads_rows_the_objection_and_the_line_of_the_address(
    client: Client, town: Town, root: str
) -> None:
    whole_draft(client, town, root)
    case = handed_in(client, root)
    submission = queries.submission_of_case(case)
    assert submission.evidence["places"] == {"applicant.address": "990105012"}
    assert submission.evidence["signatures"]["applicant.declaration_signature"]["how"] == "typed"
    assert "310105" not in json.dumps(submission.answers)  # numbers lie sealed
    page = office_page(case)
    assert "长宁路515号" in page and "家庭成员 1" in page
    assert "林晓(曾用名林小)" in page and "登记为" in page


def test_every_page_of_a_draft_says_by_which_day_it_would_be_done(client: Client, root: str) -> None:
    whole = queries.form_pages(draft_at(root), clock.now())
    day = whole["promised_on"]
    assert day > clock.now().date() and whole["promised_days"] > 0
    for page in ("", "page/applicant/", "check/"):
        with CaptureQueriesContext(connection) as seen:
            shown = said(client.get(f"{root}{page}"))
        assert 15 < len(seen) < 30, page
        assert shown.count(f"今天受理的话 {day.year}年{day.month}月{day.day}日 前办完") == 1, page
