"""Starts the services storey: its subscriptions and its kinds of thing."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig


class ServicesConfig(AppConfig):
    name = "liangwang.services"
    label = "services"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        for part in ("access", "jobs", "declare"):
            if find_spec(f"{self.name}.{part}"):
                import_module(f"{self.name}.{part}")
