"""The model of links without a number: trained off-line, kept under DATA/hub/models by its version, one of them in force."""

import os
from pathlib import Path

from liangwang.engines.linkage import Model

from . import store


def folder() -> Path:
    """Where models lie; the file `current` names the one in force."""
    return store.folder() / "models"


def put_in_force(model: Model) -> str:
    """Keeps a model under its version and points at it, in one rename; links say the version that made them."""
    folder().mkdir(parents=True, exist_ok=True)
    _write(folder() / f"{model.version}.json", model.dumps())
    _write(folder() / "current", model.version)
    return model.version


def current() -> Model | None:
    """The model in force, None before the first; ValueError when the file is not what its version says."""
    try:
        version = (folder() / "current").read_text()
    except FileNotFoundError:
        return None
    return Model.loads((folder() / f"{version}.json").read_text())


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(path)
    store.sync_folder(path.parent)
