"""The model of links without a number: the shipped one, until a city trains its own and keeps it under DATA/hub/models."""

import json
import os
from functools import cache
from pathlib import Path

from liangwang.engines.linkage import Model

from . import store

SHIPPED = Path(__file__).with_suffix(
    ".json"
)  # {"origin": Label, "model": Model}, made by scripts/link_model.py
OFF = "off"


def folder() -> Path:
    """Where models lie; the file `current` names the one in force."""
    return store.folder() / "models"


def put_in_force(model: Model) -> str:
    """Keeps a model under its version and points at it, in one rename; links say the version that made them."""
    folder().mkdir(parents=True, exist_ok=True)
    _write(folder() / f"{model.version}.json", model.dumps())
    _write(folder() / "current", model.version)
    return model.version


def switch_off() -> None:
    """From now on nobody is linked or proposed without a number."""
    folder().mkdir(parents=True, exist_ok=True)
    _write(folder() / "current", OFF)


def current() -> Model | None:
    """The model in force, the shipped one before the first, None when switched off.

    ValueError when a file is not what its version says.
    """
    try:
        version = (folder() / "current").read_text()
    except FileNotFoundError:
        return shipped()
    return None if version == OFF else Model.loads((folder() / f"{version}.json").read_text())


@cache
def shipped() -> Model:
    """The model that comes with the platform, trained on records of invented people."""
    said = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return Model.loads(json.dumps(said["model"]))


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(path)
    store.sync_folder(path.parent)
