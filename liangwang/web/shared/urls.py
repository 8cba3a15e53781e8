"""Login, hats, language, large type, help, the style page."""

from django.urls import path

from . import login, maps, preferences, style

urlpatterns = [
    path("login/", login.page, name="login"),
    path("login/demo/", login.demo, name="demo_login"),
    path("logout/", login.leave, name="logout"),
    path("hat/", login.put_on, name="hat"),
    path("language/", preferences.language, name="language"),
    path("elder/", preferences.elder, name="elder"),
    path("map/<slug:code>/", maps.ground, name="map"),
    path("style/", style.page, name="style"),
]
