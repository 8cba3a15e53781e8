"""Every page of the house: each surface brings its own urls.py."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("liangwang.web.twins")),
    path("", include("liangwang.web.api")),
    path("", include("liangwang.web.shared.urls")),
    path("", include("liangwang.web.resident.urls")),
    path("staff/", include("liangwang.web.staff.urls")),
    path("field/", include("liangwang.web.field.urls")),
    path("command/", include("liangwang.web.command.urls")),
    path("gate/", include("liangwang.web.gate.urls")),
    path("data/", include("liangwang.web.data.urls")),
]

handler400 = "liangwang.web.shared.errors.bad_request"
handler403 = "liangwang.web.shared.errors.forbidden"
handler404 = "liangwang.web.shared.errors.not_found"
handler500 = "liangwang.web.shared.errors.broken"
