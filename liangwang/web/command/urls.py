"""Addresses of the command screen, under /command/."""

from . import closure_views, duty_views, incident_views, recorded_views, report_views, views

urlpatterns = [
    *incident_views.urlpatterns,
    *report_views.urlpatterns,
    *duty_views.urlpatterns,
    *closure_views.urlpatterns,
    *recorded_views.urlpatterns,
    *views.urlpatterns,
]
