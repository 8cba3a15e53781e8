"""Every page of the house: each surface brings its own urls.py."""

from pathlib import Path

from django.urls import URLPattern, URLResolver, include, path

SURFACES = {"staff/": "staff", "field/": "field", "command/": "command", "gate/": "gate", "data/": "data"}

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("liangwang.web.twins")),
    path("", include("liangwang.web.api")),
    path("", include("liangwang.web.shared.urls")),
    path("", include("liangwang.web.resident.urls")),
    *(
        path(prefix, include(f"liangwang.web.{name}.urls"))
        for prefix, name in SURFACES.items()
        if (Path(__file__).parent / name / "urls.py").is_file()
    ),
]

handler400 = "liangwang.web.shared.errors.bad_request"
handler403 = "liangwang.web.shared.errors.forbidden"
handler404 = "liangwang.web.shared.errors.not_found"
handler500 = "liangwang.web.shared.errors.broken"
