"""The resident's pages."""

from django.urls import path

from . import assist, cases, catalogue, code, consent, drafts, home, materials, messages, papers, seen

urlpatterns = [
    path("", home.page, name="home"),
    path("me/", home.me, name="me"),
    path("me/seen/", seen.page, name="seen"),
    path("messages/", messages.page, name="messages"),
    path("messages/<str:ref>/", messages.one, name="message"),
    path("services/", catalogue.page, name="catalogue"),
    path("services/<str:pack>/<str:key>/", catalogue.item, name="item"),
    path("services/<str:pack>/<str:key>/start/", drafts.start, name="start_draft"),
    path("drafts/<str:ref>/", drafts.overview, name="draft"),
    path("drafts/<str:ref>/ask/<str:question>/", drafts.ask, name="draft_ask"),
    path("drafts/<str:ref>/page/<str:page>/", drafts.form, name="draft_page"),
    path("drafts/<str:ref>/consents/", drafts.consents, name="draft_consents"),
    path("drafts/<str:ref>/materials/", materials.page, name="draft_materials"),
    path("drafts/<str:ref>/pages/<str:page>/", materials.shown, name="draft_material_page"),
    path("cases/<str:ref>/pages/<str:page>/", materials.handed_in, name="case_material_page"),
    path("drafts/<str:ref>/check/", drafts.check, name="draft_check"),
    path("authorisations/<str:ref>/", consent.page, name="authorisation"),
    path("cases/<str:ref>/", cases.track, name="case"),
    path("cases/<str:ref>/receipt/", cases.receipt, name="receipt"),
    path("cases/<str:ref>/receipt.txt", cases.receipt_text, name="receipt_text"),
    path("cases/<str:ref>/supply/", cases.supply, name="supply"),
    path("cases/<str:ref>/withdraw/", cases.withdraw, name="withdraw"),
    path("cases/<str:ref>/rate/", cases.rate, name="rate"),
    path("letters/<str:ref>/", papers.letter, name="letter"),
    path("certificates/", papers.certificates, name="certificates"),
    path("certificates/<str:ref>/", papers.certificate, name="certificate"),
    path("verify/", papers.verify, name="verify"),
    path("verify/<str:ref>/", papers.verify, name="verify_ref"),
    path("code/", code.page, name="code"),
    path("code/why/", code.why, name="code_why"),
    path("code/appeal/", code.appeal, name="appeal"),
    path("help/", assist.page, name="help"),
    path("help/ask/", assist.ask, name="help_ask"),
]
