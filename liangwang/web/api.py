"""The public API under /api/v1: every storey's router, its OpenAPI document and a page to read and try it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path
from ninja import NinjaAPI
from ninja.errors import ValidationError

from liangwang.base.access import door
from liangwang.hot import HOT
from liangwang.hub.api import router as hub
from liangwang.operations import open311, sensorthings_api, warnings_in, webhook, work_orders
from liangwang.services import api as services

api = NinjaAPI(title="两网 liangwang", version="1", openapi_url=None, docs_url=None, urls_namespace="api")
api.add_router("", hub)
for router in (
    sensorthings_api.router,
    work_orders.router,
    webhook.router,
    warnings_in.router,
    open311.router,
):
    api.add_router("", router)
for router in (services.items, services.applications, services.certificates):
    api.add_router("", router)


@api.exception_handler(ValidationError)
def unreadable(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A request that does not have the declared shape: which field, and what it wants."""
    where = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors)
    message = {
        "zh": f"请求内容不符合格式：{where}",
        "en": f"The request does not have the declared shape: {where}",
    }
    return JsonResponse({"error": "unreadable", "message": message}, status=422)


HOT_WORDS: dict[str, dict[str, Any]] = {
    "/api/v1/readings": {
        "summary": "Readings: a JSON array, NDJSON or SenML; good rows are kept, bad ones come back with reasons",
        "responses": {"200": {"description": '{"accepted": n, "rejected": [{"row", "reason"}]}'}},
    },
    "/api/v1/sta/v1.1/Observations": {
        "summary": "SensorThings: one Observation; 201 when it is durable",
        "responses": {"201": {"description": "Its address in Location"}},
    },
    "/api/v1/sta/v1.1/CreateObservations": {
        "summary": "SensorThings: a dataArray; a link or an error for each row",
        "responses": {"201": {"description": "Links, in the order of the rows"}},
    },
    "/api/v1/gps": {
        "summary": "A position by the OsmAnd or Traccar client protocol; `key` may stand in the address",
        "responses": {"200": {"description": '{"accepted": n, "rejected": [{"row", "reason"}]}'}},
    },
    "/gate/check": {
        "summary": "A gate asks about a code: {code, gate}, a signed code or a handle",
        "responses": {"200": {"description": "The verdict with its reason, never a person"}},
    },
    "/events": {
        "summary": "Server-sent events: `?topics=case,task`; only of things that the hat may read",
        "responses": {"200": {"description": "text/event-stream"}},
    },
    "/healthz": {"summary": "Whether the house is well", "responses": {"200": {"description": "Each check"}}},
}


def schema() -> dict[str, Any]:
    """The OpenAPI document: the routers and the hot routes."""
    document: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="/api/v1/"))
    for route in HOT:
        document["paths"].setdefault(route.path, {})[route.method.lower()] = {
            **HOT_WORDS[route.path],
            "operationId": route.path.strip("/").replace("/", "_"),
            "tags": ["hot"],
            "x-door": {"verb": route.verb, "thing": route.thing},
        }
    document["components"].setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer"}
    document["security"] = [{"bearer": []}]
    return document


@door("open", "public")
def openapi(request: HttpRequest) -> HttpResponse:
    return JsonResponse(schema(), json_dumps_params={"ensure_ascii": False})


@door("open", "public")
def docs(request: HttpRequest) -> HttpResponse:
    """The API to read and try, drawn by Swagger UI from our own files."""
    return render(request, "shared/api.html")


urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/openapi.json", openapi, name="openapi"),
    path("api/v1/docs", docs, name="api-docs"),
    path("api/v1/", api.urls),
]
