"""A pack of a foreign platform for the tests of webhook and MQTT templates: gauges that report in their own JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest

from liangwang import settings
from liangwang.base import packs
from liangwang.operations import datastreams, pressure, readings, watch
from liangwang.operations.actions import NewAsset, register_assets
from tests.operations.factories import AT, load_city

PACK = """
owner = "operations"
dimension = "infrastructure"
mode = "routine"
needs = ["vocabulary"]

[name]
zh = "外来水位"
en = "Gauges of others"
"""
SOURCES = """
- source: levels
  stream: true
  label: {zh: 外来水位, en: Levels of others}
  office: operations
  things: gauge
  channels: [http, mqtt]
  every: 1min
  stale_after: 1h
  quantities:
    level: {label: {zh: 水位, en: Level}, unit: m, min: -5, max: 20}
    battery: {label: {zh: 电量, en: Battery}, unit: "%", min: 0, max: 100}
  topics: ["site/{device}/up/{quantity}", "bulk/levels"]
  mapping:
    rows: $.data[*]
    device: $.sn
    at: $.ts
    time: ms
    seq: $.no
    values: {level: $.v.level, battery: $.v.bat}
  signature: {header: X-Hub-Signature-256}
"""


@contextmanager
def house(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """The test city with the foreign pack beside the shared words; gauges G1 and G2 are registered."""
    (folder / "foreign").mkdir(parents=True)
    (folder / "foreign" / "pack.toml").write_text(PACK)
    (folder / "foreign" / "sources.yaml").write_text(SOURCES)
    copytree(settings.PACKS_DIR / "vocabulary", folder / "vocabulary")
    monkeypatch.setattr(settings, "PACKS_DIR", folder)
    packs.forget()
    for module in (datastreams, watch, pressure):
        module.forget()
    street = load_city()
    rows = [NewAsset(key=f"G{n}", kind="gauge", lon=street.lon, lat=street.lat, place=street) for n in (1, 2)]
    register_assets("foreign", rows, at=AT)
    yield
    readings.close_log()
    for module in (packs, datastreams, watch, pressure):
        module.forget()
