"""Starts the base storey: its subscriptions and its kinds of thing."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "liangwang.base"
    label = "base"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        for part in ("access", "kinds", "jobs", "declare"):
            if find_spec(f"{self.name}.{part}"):
                import_module(f"{self.name}.{part}")
