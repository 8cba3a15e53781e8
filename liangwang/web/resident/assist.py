"""办不成?: a named helper for whoever is stuck, with the page that the person comes from."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from liangwang.base.access import door

from ..shared.preferences import way_back


@door("open", "public")
def page(request: HttpRequest) -> HttpResponse:
    """Who helps, where and when; `from` is the page on which the person got stuck."""
    return render(request, "resident/help.html", {"came_from": way_back(request)})
