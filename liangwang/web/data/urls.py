"""Addresses of the data desk, under /data/."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.sources, name="data"),
    path("sources/<str:source>/", views.source, name="data-source"),
    path("batches/", views.batches, name="data-batches"),
    path("batches/<slug:ref>/", views.batch, name="data-batch"),
    path("conflicts/", views.conflicts, name="data-conflicts"),
    path("attributes/", views.attributes, name="data-attributes"),
]
