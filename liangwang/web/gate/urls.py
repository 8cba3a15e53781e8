"""Addresses of the gate surface, under /gate/; POST /gate/check itself is a hot route."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.page, name="gate"),
    path("list", views.signed_list, name="gate-list"),
    path("passes", views.passes, name="gate-passes"),
    path("open", views.open_gate, name="gate-open"),
    path("sw.js", views.service_worker, name="gate-service-worker"),
]
