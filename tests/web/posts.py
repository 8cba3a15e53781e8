"""Browsers of posts, and what their pages say."""

import io
from html import unescape
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from liangwang.base.hats import Actor
from liangwang.base.models import Office, Party, Post


def browser(office: Office, role: str, name: str = "") -> Client:
    """Someone signed in with a post in an office; the same name is the same person."""
    login = f"{role}{name}@{office.key}"
    party, made = Party.objects.get_or_create(
        login_name=login, defaults={"label": {"zh": login, "en": login}}
    )
    if made:
        Post.objects.create(party=party, office=office, role=role)
    return signed_in(party)


def browser_of(actor: Actor) -> Client:
    """The browser of an actor that a factory made."""
    return signed_in(Party.objects.get(pk=actor.party_id))


def signed_in(party: Party) -> Client:
    client = Client()
    client.force_login(party, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def said(answer: Any) -> str:
    """The page as text with entities read."""
    return unescape(answer.content.decode())


def photo(kind: str = "JPEG") -> SimpleUploadedFile:
    raw = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(raw, kind)
    return SimpleUploadedFile("cover.jpg", raw.getvalue(), "image/jpeg")
