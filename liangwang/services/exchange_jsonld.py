"""Items as linked data: CPSV-AP 3.2 public services that are schema.org government services, with a context of our own.

Classes and properties are those of the context that SEMIC publishes with CPSV-AP 3.2.0. What the profile has no word for
(form fields, situations, steps, what a register proves) stands in `declaration`, a JSON literal, so that an export can be
imported without loss.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from django.conf import settings

from liangwang.base import packs
from liangwang.base.declare import Problem
from liangwang.base.labels import Label

from . import catalogue
from .declare import Basis, Bundle, Days, Deciding, Fee, Item, Material, Output
from .exchange_csv import Row, plain

CONTEXT_AT = "/api/v1/items/context.jsonld"
LANGUAGES = {"zh": "zh-Hans", "en": "en"}


def _link(place: str) -> dict[str, str]:
    return {"@id": place, "@type": "@id"}


def _text(place: str) -> dict[str, str]:
    return {"@id": place, "@container": "@language"}


CONTEXT: dict[str, Any] = {
    "@version": 1.1,
    "cpsv": "http://purl.org/vocab/cpsv#",
    "cv": "http://data.europa.eu/m8g/",
    "dct": "http://purl.org/dc/terms/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "eli": "http://data.europa.eu/eli/ontology#",
    "adms": "http://www.w3.org/ns/adms#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "schema": "https://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "lw": "urn:liangwang:",
    "id": "@id",
    "type": "@type",
    "PublicService": "cpsv:PublicService",
    "GovernmentService": "schema:GovernmentService",
    "LifeEvent": "cv:LifeEvent",
    "BusinessEvent": "cv:BusinessEvent",
    "PublicOrganisation": "cv:PublicOrganisation",
    "GovernmentOrganization": "schema:GovernmentOrganization",
    "Requirement": "cv:Requirement",
    "EvidenceType": "cv:EvidenceType",
    "Output": "cv:Output",
    "Cost": "cv:Cost",
    "Channel": "cv:Channel",
    "ServiceChannel": "schema:ServiceChannel",
    "LegalResource": "eli:LegalResource",
    "Concept": "skos:Concept",
    "identifier": "dct:identifier",
    "nationalCode": "adms:identifier",
    "title": _text("dct:title"),
    "description": _text("dct:description"),
    "prefLabel": _text("skos:prefLabel"),
    "keyword": {"@id": "dcat:keyword", "@container": "@set"},
    "language": {"@id": "dct:language", "@container": "@set"},
    "functionsOfGovernment": _link("dct:type"),
    "addressee": {"@id": "dct:audience", "@type": "@id", "@container": "@set"},
    "thematicArea": _link("cv:thematicArea"),
    "processingTime": {"@id": "cv:processingTime", "@type": "xsd:duration"},
    "hasCompetentAuthority": _link("cv:hasCompetentAuthority"),
    "spatial": _link("dct:spatial"),
    "holdsRequirement": {"@id": "cv:holdsRequirement", "@type": "@id", "@container": "@set"},
    "hasInputType": {"@id": "cv:hasInputType", "@type": "@id", "@container": "@set"},
    "produces": {"@id": "cpsv:produces", "@type": "@id", "@container": "@set"},
    "hasCost": {"@id": "cv:hasCost", "@type": "@id", "@container": "@set"},
    "hasValue": {"@id": "cv:hasValue", "@type": "xsd:double"},
    "currency": {"@id": "cv:currency", "@type": "@id"},
    "hasChannel": {"@id": "cv:hasChannel", "@type": "@id", "@container": "@set"},
    "hasLegalResource": {"@id": "cv:hasLegalResource", "@type": "@id", "@container": "@set"},
    "isGroupedBy": {"@id": "cv:isGroupedBy", "@type": "@id", "@container": "@set"},
    "hasRelatedService": {"@id": "cv:hasRelatedService", "@type": "@id", "@container": "@set"},
    "source": {"@id": "dct:source", "@type": "@id"},
    "name": _text("schema:name"),
    "serviceOperator": _link("schema:serviceOperator"),
    "serviceType": "schema:serviceType",
    "availableChannel": {"@id": "schema:availableChannel", "@type": "@id", "@container": "@set"},
    "serviceUrl": {"@id": "schema:serviceUrl", "@type": "@id"},
    "unverified": {"@id": "lw:unverified", "@type": "xsd:boolean"},
    "legalDays": {"@id": "lw:legalWorkingDays", "@type": "xsd:integer"},
    "promisedDays": {"@id": "lw:promisedWorkingDays", "@type": "xsd:integer"},
    "declaration": {"@id": "lw:declaration", "@type": "@json"},
}


def context() -> dict[str, Any]:
    """The context file: every term that an export uses."""
    return {"@context": CONTEXT}


def text(found: Iterable[tuple[str, Item | Bundle]]) -> str:
    """The items as one JSON-LD document that needs no network: the context stands in it."""
    document = {**context(), "@graph": list(_graph(list(found)))}
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def rows_of(given: str, file: str) -> tuple[list[Row], list[Problem]]:
    """Every service of an export as a raw declaration; services of others have none, and are refused."""
    try:
        graph = msgspec.json.decode(given)["@graph"]
        assert isinstance(graph, list)
    except (msgspec.DecodeError, KeyError, TypeError, AssertionError):
        zh, en = "不是带 @graph 的 JSON-LD", "not JSON-LD with an @graph"
        return [], [_wrong(file, 1, "@graph", zh, en)]
    rows, wrong = [], []
    for number, node in enumerate(graph, 1):
        if not isinstance(node, dict) or not _is_service(node):
            continue
        raw, key = node.get("declaration"), str(node.get("identifier", ""))
        if not isinstance(raw, dict) or key.partition(":")[2] not in (raw.get("item"), raw.get("bundle")):
            zh, en = f"“{key}”没有本平台的声明", f"'{key}' carries no declaration of ours"
            wrong.append(_wrong(file, number, "declaration", zh, en))
        else:
            rows.append(Row(key.partition(":")[0], raw, number, {(0,): 0}))
    return rows, wrong


def _is_service(node: dict[str, Any]) -> bool:
    kinds = node.get("type") or node.get("@type") or []
    return bool(
        {"PublicService", "LifeEvent", "BusinessEvent"} & {*([kinds] if isinstance(kinds, str) else kinds)}
    )


def _wrong(file: str, number: int, key: str, zh: str, en: str) -> Problem:
    message: Label = {"zh": zh, "en": en}
    remedy: Label = {
        "zh": "CPSV-AP 不含表单和环节；用本平台导出的文件，或用 CSV",
        "en": "CPSV-AP has no form and no steps; use a file that this platform exported, or CSV",
    }
    return Problem(file=file, line=number, key=key, message=message, remedy=remedy)


def _graph(found: list[tuple[str, Item | Bundle]]) -> Iterator[dict[str, Any]]:
    offices: dict[str, Deciding] = {}
    kinds: set[str] = set()
    for ref, one in found:
        offices[_office_id(one.office)] = one.office
        if isinstance(one, Bundle):
            yield _event(ref, one)
        else:
            kinds |= {material.type for material in one.materials}
            yield _service(ref, one, [r for r, other in found if _joins(other, ref, r)])
    yield from (_office(name, office) for name, office in offices.items())
    words = catalogue.words()
    for kind in sorted(kinds):
        label = _tagged(words.document(kind).label)
        yield {"id": f"lw:material/{kind}", "type": "EvidenceType", "identifier": kind, "title": label}


def _joins(one: Item | Bundle, ref: str, bundle: str) -> bool:
    pack = bundle.partition(":")[0]
    return isinstance(one, Bundle) and any(ref in (j.item, f"{pack}:{j.item}") for j in one.joins)


def _common(ref: str, one: Item | Bundle) -> dict[str, Any]:
    return {
        "id": f"lw:item/{ref}",
        "identifier": ref,
        "title": _tagged(one.label),
        "description": _tagged(one.guide),
        "thematicArea": f"lw:theme/{one.theme}",
        "declaration": plain(one),
    }


def _event(ref: str, one: Bundle) -> dict[str, Any]:
    """A bundle is what the profile calls a life event: it groups the services that it joins."""
    pack = ref.partition(":")[0]
    known = {d.ref for d in packs.declarations("items.yaml")}
    joined = [j.item if j.item in known else f"{pack}:{j.item}" for j in one.joins]
    business = one.subject == "company"
    return {
        **_common(ref, one),
        "type": "BusinessEvent" if business else "LifeEvent",
        "hasRelatedService": [f"lw:item/{name}" for name in joined],
        "hasCompetentAuthority": _office_id(one.office),
    }


def _service(ref: str, one: Item, bundles: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        **_common(ref, one),
        "type": ["PublicService", "GovernmentService"],
        "name": _tagged(one.label),
        "keyword": list(one.aliases),
        "language": list(LANGUAGES.values()),
        "functionsOfGovernment": f"lw:kind/{one.kind}",
        "serviceType": one.kind,
        "nationalCode": one.code,
        "addressee": [f"lw:addressee/{who}" for who in one.serves],
        "hasCompetentAuthority": _office_id(one.office),
        "serviceOperator": _office_id(one.office),
        "processingTime": f"P{one.promised_days.days}D",
        "promisedDays": one.promised_days.days,
        "legalDays": one.legal_days.days if isinstance(one.legal_days, Days) else None,
        "holdsRequirement": [_requirement(ref, n, label) for n, label in enumerate(one.conditions, 1)],
        "hasInputType": list(dict.fromkeys(_input(material) for material in one.materials)),
        "produces": [_output(ref, n, output) for n, output in enumerate(one.outputs, 1)],
        "hasCost": [_cost(ref, fee) for fee in one.fees],
        "hasLegalResource": [_law(ref, n, basis) for n, basis in enumerate(one.basis, 1)],
        "isGroupedBy": [f"lw:item/{name}" for name in bundles],
    }
    channels = [_online(ref), *(_counter(ref, n, label) for n, label in enumerate(one.counters, 1))]
    made["hasChannel"], made["availableChannel"] = channels, [channel["id"] for channel in channels]
    return {name: value for name, value in made.items() if value not in (None, [])}


def _requirement(ref: str, number: int, label: Label) -> dict[str, Any]:
    name = f"{ref}/condition/{number}"
    words = _tagged(label)
    return {"id": f"lw:item/{name}", "type": "Requirement", "identifier": name, "title": words}


def _input(material: Material) -> str:
    return f"lw:material/{material.type}"


def _output(ref: str, number: int, output: Output) -> dict[str, Any]:
    name = f"{ref}/output/{number}"
    words = catalogue.words()
    known = [words.concept(one).label for one in output.attributes]
    label = words.document(output.certificate).label if output.certificate else known[0] if known else None
    made = {"id": f"lw:item/{name}", "type": "Output", "identifier": name}
    return {**made, "title": _tagged(label)} if label else made


def _cost(ref: str, fee: Fee) -> dict[str, Any]:
    """The value in the currency's own unit: fees are declared in 分."""
    name = f"{ref}/fee/{fee.fee}"
    currency = f"http://publications.europa.eu/resource/authority/currency/{fee.currency}"
    made = {"id": f"lw:item/{name}", "type": "Cost", "identifier": name, "hasValue": fee.fen / 100}
    return {**made, "currency": currency, "description": _tagged(fee.label)}


def _law(ref: str, number: int, basis: Basis) -> dict[str, Any]:
    article = f" {basis.article}" if basis.article else ""
    title = {tag: basis.law[lang] + article for lang, tag in _tags()}  # type: ignore[literal-required]
    made: dict[str, Any] = {"id": f"lw:item/{ref}/basis/{number}", "type": "LegalResource", "title": title}
    return {**made, "source": basis.source} if basis.source else {**made, "unverified": True}


def _online(ref: str) -> dict[str, Any]:
    name = f"{ref}/online"
    url = f"/services/{ref.replace(':', '/')}/"
    kinds = ["Channel", "ServiceChannel"]
    return {"id": f"lw:item/{name}", "type": kinds, "identifier": name, "serviceUrl": url}


def _counter(ref: str, number: int, label: Label) -> dict[str, Any]:
    name = f"{ref}/counter/{number}"
    kinds = ["Channel", "ServiceChannel"]
    return {"id": f"lw:item/{name}", "type": kinds, "identifier": name, "description": _tagged(label)}


def _office_id(office: Deciding) -> str:
    return f"lw:office/{office.department}/{office.level}"


def _office(name: str, office: Deciding) -> dict[str, Any]:
    """The department at its level, in the city of this house."""
    departments = {one.key: one.value.label for one in packs.declarations("departments.csv")}
    label = departments.get(office.department, {"zh": office.department, "en": office.department})
    kinds = ["PublicOrganisation", "GovernmentOrganization"]
    return {"id": name, "type": kinds, "prefLabel": _tagged(label), "spatial": f"lw:city/{settings.CITY}"}


def _tags() -> Iterable[tuple[str, str]]:
    return LANGUAGES.items()


def _tagged(label: Label) -> dict[str, str]:
    return {tag: label[lang] for lang, tag in _tags()}  # type: ignore[literal-required]
