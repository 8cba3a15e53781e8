"""Addresses of the command screen, under /command/."""

from django.urls import path

from . import duty_views, incident_views, report_views, views

urlpatterns = [
    *incident_views.urlpatterns,
    *report_views.urlpatterns,
    *duty_views.urlpatterns,
    path("", views.own_screen, name="command-home"),
    path("<slug:code>/", views.screen, name="command"),
    path("<slug:code>/panels", views.panels, name="command-panels"),
    path("<slug:code>/feed", views.feed, name="command-feed"),
    path("<slug:code>/day", views.day, name="command-day"),
    path("<slug:code>/points", views.points, name="command-points"),
]
