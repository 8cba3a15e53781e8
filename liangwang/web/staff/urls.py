"""Addresses of the workbench, under /staff/."""

from django.urls import path

from . import cases, govern, inbox, logbook, reform

urlpatterns = [
    path("", inbox.start, name="staff"),
    path("late/", inbox.late, name="staff-late"),
    path("notices/", inbox.office_notices, name="staff-notices"),
    path("notices/<slug:ref>/confirm", inbox.confirm_notice, name="staff-notice-confirm"),
    path("applications/", inbox.applications, name="staff-applications"),
    path("applications/<slug:ref>/", cases.application, name="staff-application"),
    path("applications/<slug:ref>/accept", cases.accept, name="case-accept"),
    path("applications/<slug:ref>/supplement", cases.supplement, name="case-supplement"),
    path("applications/<slug:ref>/refuse", cases.refuse, name="case-refuse"),
    path("incidents/", inbox.incidents, name="staff-incidents"),
    path("incidents/<slug:ref>/", cases.incident, name="staff-incident"),
    path("incidents/<slug:ref>/close", cases.close, name="case-close"),
    path("incidents/<slug:ref>/confirm", cases.confirm, name="case-confirm"),
    path("tasks/<slug:ref>/decide", cases.decide, name="task-decide"),
    path("tasks/<slug:ref>/send-back", cases.send_back, name="task-send-back"),
    path("tasks/<slug:ref>/verify", cases.verify, name="task-verify"),
    path("tasks/<slug:ref>/assign", cases.assign, name="task-assign"),
    path("tasks/<slug:ref>/supervise", cases.supervise, name="task-supervise"),
    path("reform/", reform.bundles, name="reform"),
    path("reform/<slug:pack>/<slug:key>/", reform.one, name="reform-one"),
    path("orders/", govern.orders, name="orders"),
    path("orders/open", govern.open_order, name="order-open"),
    path("orders/<slug:ref>/sign", govern.sign_order, name="order-sign"),
    path("orders/<slug:ref>/end", govern.end_order, name="order-end"),
    path("audit/", logbook.audit_log, name="audit"),
    path("policy/", logbook.policy_table, name="policy"),
    path("effects/", govern.effects, name="effects"),
    path("effects/<int:effect_id>/retry", govern.retry, name="effect-retry"),
    path("calendar/", govern.calendar, name="calendar"),
]
