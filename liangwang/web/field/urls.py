"""Addresses of the field surface, under /field/."""

from django.urls import path

from . import acts, calls, reports, tasks

urlpatterns = [
    path("", tasks.mine, name="field"),
    path("sw.js", tasks.service_worker, name="field-service-worker"),
    path("shift", tasks.shift, name="field-shift"),
    path("done/", tasks.done, name="field-done"),
    path("tasks/<slug:ref>/", tasks.one, name="field-task"),
    path("tasks/<slug:ref>/way", tasks.way, name="field-way"),
    path("tasks/<slug:ref>/became", tasks.became, name="field-became"),
    path("tasks/<slug:ref>/accept", acts.accept, name="field-accept"),
    path("tasks/<slug:ref>/arrive", acts.arrive, name="field-arrive"),
    path("tasks/<slug:ref>/photo", acts.photo, name="field-photo"),
    path("tasks/<slug:ref>/report", acts.report, name="field-report-done"),
    path("tasks/<slug:ref>/decline", acts.decline, name="field-decline"),
    path("tasks/<slug:ref>/defer", acts.defer, name="field-defer"),
    path("tasks/<slug:ref>/reply", acts.reply, name="field-reply"),
    path("tasks/<slug:ref>/hand-over", acts.hand_over, name="field-hand-over"),
    path("tasks/<slug:ref>/verify", acts.verify, name="field-verify"),
    path("tasks/<slug:ref>/proofs/<slug:proof>", tasks.proof, name="proof"),
    path("relays/<slug:ref>", acts.answer, name="field-relay"),
    path("calls/", calls.mine, name="field-calls"),
    path("calls/<slug:ref>/", calls.one, name="field-call"),
    path("calls/<slug:ref>/answer", calls.answer, name="field-call-answer"),
    path("report/", reports.new, name="field-report"),
]
