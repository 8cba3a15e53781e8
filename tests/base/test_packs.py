"""Packs: found, read once, references resolved, versions kept, edits written back."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest

from liangwang import settings as city
from liangwang.base import declare, export, notations, pack_versions, packs
from liangwang.base.errors import Conflict, NotFound
from liangwang.base.labels import Label
from liangwang.base.models import Declaration


class Lamp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    lamp: str
    label: Label
    watts: int = 10
    next: Annotated[str, declare.reference("lamps.yaml")] | None = None
    office: Annotated[str, declare.reference("departments")] | None = None


LAMP = "- lamp: {key}\n  label: {{zh: 灯, en: lamp}}\n  watts: {watts}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two packs and the shared words, with DATA and PACKS_DIR of their own."""
    monkeypatch.setattr(declare, "_schemas", dict(declare._schemas))
    declare.declaration_file("lamps.yaml", tuple_of=Lamp, owner="tests")
    folder = tmp_path / "packs"
    for key in ("a", "b"):
        (folder / key).mkdir(parents=True)
        (folder / key / "pack.toml").write_text('owner = "power"\n[name]\nzh = "甲"\nen = "A"\n')
    shutil.copytree(city.PACKS_DIR / "vocabulary", folder / "vocabulary")
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(city, "PACKS_DIR", folder)
    monkeypatch.setattr(city, "DATA", tmp_path / "data")
    packs.forget()
    yield folder
    packs.forget()


def lamps(folder: Path, pack: str, text: str, name: str = "lamps.yaml") -> None:
    (folder / pack / name).write_text(text)
    packs.forget()


def test_packs_are_found_and_their_declarations_named(root: Path) -> None:
    lamps(root, "a", LAMP.format(key="one", watts=5))
    lamps(root, "b", "lamp,label.zh,label.en,watts\ntwo,灯,lamp,7\n", "lamps.csv")
    assert [pack.key for pack in packs.packs()] == ["a", "b", "vocabulary"]
    found = packs.declarations("lamps.yaml")
    assert [(one.ref, one.value.watts) for one in found] == [("a:one", 5), ("b:two", 7)]
    assert packs.declared("lamps.yaml", "one", "a") == packs.declared("lamps.yaml", "a:one")
    with pytest.raises(NotFound):
        packs.declared("lamps.yaml", "one", "b")
    assert packs.problems() == []


def test_references_resolve_inside_across_and_to_the_shared_words(root: Path) -> None:
    text = LAMP.format(key="one", watts=5)
    lamps(root, "b", LAMP.format(key="two", watts=7))
    lamps(root, "a", text + "  next: 'b:two'\n  office: power\n")
    assert packs.problems() == []
    lamps(root, "a", text + "  next: 'b:twoo'\n  office: powr\n")
    assert [(p.line, str(p).partition(": ")[2]) for p in packs.problems()] == [
        (4, "next: there is no 'b:twoo' (did you mean 'b:two'?)"),
        (5, "office: there is no 'powr' (did you mean 'power'?)"),
    ]


def test_a_pack_that_needs_an_unknown_pack_or_owner_is_told(root: Path) -> None:
    (root / "a" / "pack.toml").write_text('owner = "powr"\nneeds = ["c"]\n[name]\nzh = "甲"\nen = "A"\n')
    packs.forget()
    assert [p.message["en"] for p in packs.problems()] == [
        "needs: there is no 'pack c'",
        "owner: there is no 'powr'",
    ]


def test_a_second_start_parses_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lamps(root, "a", LAMP.format(key="one", watts=5))
    first = packs.declarations("lamps.yaml")
    lines = packs.line_of(first[0], "watts")
    packs.forget()

    def never(*_: object) -> object:
        raise AssertionError("parsed again")

    monkeypatch.setattr("liangwang.base.documents.parse", never)
    again = packs.declarations("lamps.yaml")
    assert again == first
    assert packs.line_of(again[0], "watts") == lines == 3
    with pytest.raises(AssertionError, match="parsed again"):
        lamps(root, "a", LAMP.format(key="one", watts=6))
        packs.declarations("lamps.yaml")


def test_mistakes_survive_the_cache(root: Path) -> None:
    lamps(root, "a", "- lamp: one\n  lamp: two\n  label: {zh: 灯, en: lamp}\n")
    first = packs.problems()
    packs.forget()
    assert packs.problems() == first
    assert first[0].message["en"] == "'lamp' is written twice (first at line 1)"


def test_the_version_is_of_the_content_not_of_its_layout(root: Path) -> None:
    lamps(root, "a", LAMP.format(key="one", watts=5))
    (one,) = packs.declarations("lamps.yaml")
    lamps(root, "a", "# a note\n- {watts: 5, label: {en: lamp, zh: 灯}, lamp: one}\n")
    assert packs.declarations("lamps.yaml")[0].version_hash == one.version_hash
    lamps(root, "a", LAMP.format(key="one", watts=6))
    assert packs.declarations("lamps.yaml")[0].version_hash != one.version_hash


# ---- versions


Committed = Callable[..., Any]


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Committed) -> Committed:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def states() -> list[tuple[int, str, str]]:
    rows = Declaration.objects.filter(file="lamps.yaml").order_by("key", "version")
    return [(row.version, row.origin, row.state) for row in rows]


def edited(watts: int) -> dict[str, object]:
    return {"lamp": "one", "label": {"zh": "灯", "en": "lamp"}, "watts": watts}


@pytest.mark.django_db
def test_syncing_twice_changes_nothing(root: Path, at: datetime) -> None:
    lamps(root, "a", LAMP.format(key="one", watts=5))
    assert pack_versions.sync(at).published > 1
    assert pack_versions.sync(at + timedelta(days=1)) == (0, 0, 0)
    lamps(root, "a", "# only a comment\n" + LAMP.format(key="one", watts=5))
    assert pack_versions.sync(at) == (0, 0, 0)
    assert states() == [(1, "pack", "published")]


@pytest.mark.django_db
def test_a_changed_file_publishes_and_a_lost_entry_ends(root: Path, at: datetime) -> None:
    lamps(root, "a", LAMP.format(key="one", watts=5) + LAMP.format(key="two", watts=1))
    pack_versions.sync(at)
    lamps(root, "a", LAMP.format(key="one", watts=6))
    assert pack_versions.sync(at) == (1, 0, 1)
    assert states() == [(1, "pack", "replaced"), (2, "pack", "published"), (1, "pack", "replaced")]


@pytest.mark.django_db
def test_the_desk_speaks_before_the_file_and_a_changed_file_becomes_a_draft(
    root: Path, at: datetime, commit: Committed
) -> None:
    lamps(root, "a", LAMP.format(key="one", watts=5))
    pack_versions.sync(at)
    with commit():
        pack_versions.publish(pack_versions.edit("a", "lamps.yaml", "one", edited(60), at), at)
    (one,) = packs.declarations("lamps.yaml")
    assert (one.value.watts, one.version_hash) == (60, packs.version_hash(edited(60)))
    lamps(root, "a", LAMP.format(key="one", watts=7))
    assert pack_versions.sync(at) == (0, 1, 0)
    assert pack_versions.sync(at) == (0, 0, 0)
    assert packs.declarations("lamps.yaml")[0].value.watts == 60
    (draft,) = pack_versions.drafts()
    assert draft.body["watts"] == 7
    with commit():
        pack_versions.publish(draft, at)
    assert packs.declarations("lamps.yaml")[0].value.watts == 7
    assert states() == [(1, "pack", "replaced"), (2, "desk", "replaced"), (3, "pack", "published")]
    with pytest.raises(Conflict):
        pack_versions.publish(draft, at)


@pytest.mark.django_db
def test_the_desk_may_add_what_no_file_has(root: Path, at: datetime, commit: Committed) -> None:
    lamps(root, "a", LAMP.format(key="two", watts=5))
    with commit():
        pack_versions.publish(pack_versions.edit("a", "lamps.yaml", "one", edited(60), at), at)
    assert [one.ref for one in packs.declarations("lamps.yaml")] == ["a:two", "a:one"]


@pytest.mark.django_db
def test_a_wrong_edit_is_refused_with_its_remedy(root: Path, at: datetime) -> None:
    with pytest.raises(pack_versions.WrongDeclaration) as refusal:
        pack_versions.edit("a", "lamps.yaml", "one", edited(60) | {"wats": 1}, at)
    assert refusal.value.problems[0].remedy["en"] == "known: next, office"
    with pytest.raises(Conflict):
        pack_versions.edit("a", "lamps.yaml", "two", edited(60), at)


@pytest.mark.django_db
def test_export_writes_only_the_edited_entry(
    root: Path, at: datetime, commit: Committed, capsys: pytest.CaptureFixture[str]
) -> None:
    two = "\n# the lamp at the corner\n" + LAMP.format(key="two", watts=1)
    lamps(root, "a", "# our lamps\n" + LAMP.format(key="one", watts=5) + two)
    pack_versions.sync(at)
    with commit():
        pack_versions.publish(pack_versions.edit("a", "lamps.yaml", "one", edited(60), at), at)
    assert export.export_pack("a") == 0
    text = (root / "a" / "lamps.yaml").read_text()
    assert text.startswith("# our lamps\n- lamp: one\n")
    assert text.endswith(two)
    assert notations.parse(text, "lamps.yaml").data[0] == edited(60)
    assert "1 written" in capsys.readouterr().out
    with commit():
        assert pack_versions.sync(at) == (1, 0, 0)  # the file says it now, so the file speaks again
    lamps(root, "a", LAMP.format(key="one", watts=8) + two)
    with commit():
        assert pack_versions.sync(at) == (1, 0, 0)
    assert packs.declarations("lamps.yaml")[0].value.watts == 8
    assert export.export_pack("nowhere") == 2


@pytest.mark.django_db
def test_export_keeps_a_table_a_table_and_can_write_elsewhere(
    root: Path, at: datetime, commit: Committed, tmp_path: Path
) -> None:
    table = "lamp,label.zh,label.en,watts\ntwo,灯,lamp,7\none,灯,lamp,5\n"
    lamps(root, "a", table, "lamps.csv")
    with commit():
        pack_versions.publish(pack_versions.edit("a", "lamps.yaml", "one", edited(60), at), at)
    export.export_pack("a", str(tmp_path / "out"))
    assert (root / "a" / "lamps.csv").read_text() == table
    assert (tmp_path / "out" / "a" / "lamps.csv").read_text() == table.replace(
        "one,灯,lamp,5", "one,灯,lamp,60"
    )
    assert not (tmp_path / "out" / "a" / "lamps.yaml").exists()
