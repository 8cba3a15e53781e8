"""Addresses of the field surface, under /field/."""

from django.urls import path

from . import reports, tasks

urlpatterns = [
    path("", tasks.mine, name="field"),
    path("sw.js", tasks.service_worker, name="field-service-worker"),
    path("shift", tasks.shift, name="field-shift"),
    path("done/", tasks.done, name="field-done"),
    path("tasks/<slug:ref>/", tasks.one, name="field-task"),
    path("tasks/<slug:ref>/way", tasks.way, name="field-way"),
    path("tasks/<slug:ref>/accept", tasks.accept, name="field-accept"),
    path("tasks/<slug:ref>/arrive", tasks.arrive, name="field-arrive"),
    path("tasks/<slug:ref>/photo", tasks.photo, name="field-photo"),
    path("tasks/<slug:ref>/report", tasks.report, name="field-report-done"),
    path("tasks/<slug:ref>/decline", tasks.decline, name="field-decline"),
    path("tasks/<slug:ref>/verify", tasks.verify, name="field-verify"),
    path("tasks/<slug:ref>/proofs/<slug:proof>", tasks.proof, name="proof"),
    path("report/", reports.new, name="field-report"),
]
