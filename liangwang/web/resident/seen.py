"""谁看过我的数据: every act that touched the person's data, with who, what for and its proof in the log."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from liangwang.base.access import door


@door("read", "audit")
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "resident/seen.html", {})
