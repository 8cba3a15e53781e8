"""The resident's pages."""

from django.urls import path

from . import assist, messages, seen

urlpatterns = [
    path("messages/", messages.page, name="messages"),
    path("messages/<str:ref>/", messages.one, name="message"),
    path("me/seen/", seen.page, name="seen"),
    path("help/", assist.page, name="help"),
    path("help/ask/", assist.ask, name="help_ask"),
]
