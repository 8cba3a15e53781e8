"""How a value enters and leaves a column, for the statements of every act: what Django's fields do, without their way there."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, BooleanField, DateField, DateTimeField, Field, JSONField

Convert = Callable[[Any], Any]
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


def writer(field: Field[Any, Any], db: BaseDatabaseWrapper) -> Convert | None:
    """What makes a field's value what the database takes; None where it is that already."""
    if isinstance(field, JSONField):
        return _json
    if isinstance(field, DateTimeField):
        return _instant if db.vendor == "sqlite" else None
    if isinstance(field, DateField):  # DateTimeField is one too, and was before
        return partial(_by_django, field, db)
    return None


def reader(field: Field[Any, Any], db: BaseDatabaseWrapper) -> Convert | None:
    """What makes a column's value the field's; None where it is that already. Raises TypeError for a field not known here."""
    if isinstance(field, JSONField):
        return _from_json
    if db.vendor != "sqlite":
        return None
    if isinstance(field, DateTimeField):
        return _from_instant
    if isinstance(field, BooleanField):
        return _from_boolean
    if isinstance(field, DateField | BinaryField):
        raise TypeError(f"{field}: nobody has read such a column by a kept statement yet")
    return None


def _json(value: Any) -> str | None:
    return None if value is None else _encode(value).decode()


def _from_json(text: str | None) -> Any:
    return None if text is None else _decode(text)


def _instant(value: datetime | None) -> str | None:
    """As Django writes it: UTC, without saying so."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"{value}: an instant has a time zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def _from_instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


def _from_boolean(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _by_django(field: Field[Any, Any], db: BaseDatabaseWrapper, value: Any) -> Any:
    return field.get_db_prep_save(value, db)
