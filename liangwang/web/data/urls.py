"""Addresses of the data desk, under /data/."""

from django.urls import path

from . import attributes, batches, conflicts, lineage, live, overview, quality, reviews, source

urlpatterns = [
    path("", overview.overview, name="data"),
    path("sources/<str:source>/", source.source, name="data-source"),
    path("live/", live.live, name="data-live"),
    path("live/settle/<int:number>", live.settle, name="data-live-settle"),
    path("live/<str:source>/", live.source, name="data-live-source"),
    path("live/<str:source>/secret", live.secret, name="data-live-secret"),
    path("batches/", batches.batches, name="data-batches"),
    path("batches/<slug:ref>/", batches.batch, name="data-batch"),
    path("batches/<slug:ref>/report.csv", batches.batch_report, name="data-batch-report"),
    path("quality/", quality.quality, name="data-quality"),
    path("reviews/", reviews.reviews, name="data-reviews"),
    path("reviews/<slug:ref>/", reviews.review, name="data-review"),
    path("reviews/<slug:ref>/reveal", reviews.reveal, name="data-review-reveal"),
    path("reviews/<slug:ref>/decide", reviews.decide, name="data-review-decide"),
    path("reviews/<slug:ref>/undo", reviews.undo, name="data-review-undo"),
    path("merges/", reviews.merges, name="data-merges"),
    path("merges/<slug:ref>/undo", reviews.undo_merge, name="data-merge-undo"),
    path("conflicts/", conflicts.conflicts, name="data-conflicts"),
    path("conflicts/<slug:ref>/", conflicts.conflict, name="data-conflict"),
    path("conflicts/<slug:ref>/rule", conflicts.rule, name="data-conflict-rule"),
    path("lineage/", lineage.lineage, name="data-lineage"),
    path("lineage/<slug:ref>/recall", lineage.recall, name="data-recall"),
    path("recalls/<slug:ref>/undo", lineage.undo_recall, name="data-recall-undo"),
    path("attributes/", attributes.attributes, name="data-attributes"),
]
