"""The resident's pages."""

from django.urls import path

from . import assist, seen

urlpatterns = [
    path("help/", assist.page, name="help"),
    path("me/seen/", seen.page, name="seen"),
]
