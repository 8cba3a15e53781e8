"""Finds the packs, reads each file once (by content hash), and answers what is declared and in force."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from . import words  # noqa: F401  (registers the shared files)
from .declare import (
    Entry,
    Problem,
    Schema,
    declaration_file,
    did_you_mean,
    kind_of,
    mentions,
    read,
    reference,
    schemas,
)
from .documents import Documents
from .errors import NotFound
from .labels import Label

SHARED = "vocabulary"


class PackMeta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """pack.toml: what a pack is called, whose it is, and when it may act."""

    name: Label
    owner: Annotated[str, reference("departments.csv")]
    dimension: Literal["dynamics", "environment", "traffic", "supply", "infrastructure"] | None = None
    mode: Literal["routine", "emergency"] = "routine"
    needs: tuple[str, ...] = ()


declaration_file("pack.toml", one=PackMeta, owner="base")


class Pack(NamedTuple):
    """One folder of declarations."""

    key: str
    meta: PackMeta
    path: Path


class Declared(NamedTuple):
    """One thing in force: its pack and key, its typed value, the hash of its content, and where it stands."""

    pack: str
    key: str
    value: Any
    version_hash: str
    raw: Any
    file: str
    line: int
    path: tuple[str | int, ...] = ()

    @property
    def ref(self) -> str:
        """The name by which other packs call it: `pack:key`."""
        return f"{self.pack}:{self.key}"


Desk = Mapping[
    str, Mapping[tuple[str, str], Any]
]  # published desk versions: file -> (pack, key) -> raw entry


def packs(root: Path | None = None) -> list[Pack]:
    """Every pack whose pack.toml is right, by key."""
    return list(_shelf(root or _root()).packs.values())


def declarations(file: str, root: Path | None = None) -> list[Declared]:
    """Everything in force that one kind of file declares, over all packs, without entries that are wrong."""
    generation, desk = (0, {}) if root else _desk()
    return _shelf(root or _root()).declared(file, generation, desk)


def declared(file: str, name: str, within: str | None = None, root: Path | None = None) -> Declared:
    """The one thing called `pack:key` (or `key` inside pack `within`); NotFound when there is none."""
    by_name = {one.ref: one for one in declarations(file, root)}
    for candidate in _candidates(name, within):
        if candidate in by_name:
            return by_name[candidate]
    raise NotFound(file=file, name=name)


def problems(root: Path | None = None) -> list[Problem]:
    """Every mistake in every file of every pack, unresolved references included, by file and line."""
    return _shelf(root or _root()).problems()


def line_of(one: Declared, *path: str | int, root: Path | None = None) -> int:
    """The line of a value inside a declaration, for messages."""
    return _shelf(root or _root()).line(one.file, (*one.path, *path))


def forget() -> None:
    """Reads the files anew at the next question (after an edit, and in tests)."""
    _shelf.cache_clear()


def version_hash(raw: Any) -> str:
    """The content hash of a declaration: the same words, the same version, whatever their order or layout."""
    return hashlib.sha256(msgspec.json.encode(raw, order="sorted")).hexdigest()


def _root() -> Path:
    from liangwang import settings

    return settings.PACKS_DIR


def _data() -> Path:
    from liangwang import settings

    return settings.DATA


def desk_file() -> Path:
    """Where pack_versions leaves the published desk versions, so that a process without Django knows them."""
    return _data() / "desk.msgpack"


def _desk() -> tuple[int, Desk]:
    try:
        changed = desk_file().stat().st_mtime_ns
    except FileNotFoundError:
        return 0, {}
    return changed, _desk_at(changed)


@lru_cache(maxsize=1)
def _desk_at(changed: int) -> Desk:
    rows = msgspec.msgpack.decode(desk_file().read_bytes(), type=list[tuple[str, str, str, Any]])
    desk: dict[str, dict[tuple[str, str], Any]] = {}
    for pack, file, key, raw in rows:
        desk.setdefault(file, {})[pack, key] = raw
    return desk


class _Shelf:
    """The packs under one folder, each file read at most once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.documents = Documents(_data() / "cache" / "packs.msgpack")
        self.faults: dict[Schema, list[Problem]] = {schemas()["pack.toml"]: []}
        self.packs: dict[str, Pack] = {}
        self.entries: dict[Schema, list[tuple[str, Entry]]] = {}
        self.in_force: dict[Schema, tuple[int, list[Declared]]] = {}
        for path in sorted(root.glob("*/pack.toml")):
            self._open(path)
        self.documents.keep()

    def _open(self, path: Path) -> None:
        schema = schemas()["pack.toml"]
        entries, faults = self._read(path, schema)
        self.faults[schema].extend(faults)
        if entries:
            key = path.parent.name
            self.packs[key] = Pack(key, entries[0].value, path.parent)

    def _read(self, path: Path, schema: Schema) -> tuple[list[Entry], list[Problem]]:
        shown = path.relative_to(self.root.parent).as_posix()
        content = path.read_bytes()
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            message: Label = {"zh": "文件不是 UTF-8 编码", "en": "the file is not UTF-8"}
            remedy: Label = {"zh": "另存为 UTF-8", "en": "save it as UTF-8"}
            return [], [Problem(file=shown, line=1, key="", message=message, remedy=remedy)]
        document = self.documents.read(content, text, path.name)
        found = read(text, shown, schema, document)
        return found.entries, found.problems

    def _paths(self, schema: Schema) -> Iterator[tuple[Pack, Path]]:
        names = [schema.name]
        if schema.name.endswith(".yaml"):
            names.append(schema.name.removesuffix(".yaml") + ".csv")
        for pack in self.packs.values():
            for name in names:
                for path in sorted(pack.path.glob(name)):
                    yield pack, path

    def read_all(self, schema: Schema) -> list[tuple[str, Entry]]:
        """Every right entry of one kind of file; the wrong ones become faults."""
        if schema not in self.entries:
            known: list[tuple[str, Entry]] = []
            wrong: list[Problem] = []
            for pack, path in self._paths(schema):
                entries, faults = self._read(path, schema)
                known.extend((pack.key, entry) for entry in entries)
                wrong.extend(faults)
            self.entries[schema], self.faults[schema] = known, wrong
            self.documents.keep()
        return self.entries[schema]

    def declared(self, file: str, generation: int, desk: Desk) -> list[Declared]:
        schema = schemas().get(file)
        if schema is None:
            raise LookupError(
                f"{file}: no schema is registered; import the `declare` of the storey that owns it"
            )
        kept, found = self.in_force.get(schema, (0, []))
        if schema not in self.in_force or kept != generation:
            found = [_declared(pack, entry) for pack, entry in self.read_all(schema)]
            if file in desk:
                found = _with_desk(found, schema, desk[file], set(self.packs))
            self.in_force[schema] = (generation, found)
        return found

    def problems(self) -> list[Problem]:
        registered = schemas().values()
        for schema in registered:
            if schema.name != "pack.toml":
                self.read_all(schema)
        wrong = [fault for schema in registered for fault in self.faults[schema]]
        found = [*wrong, *self._unresolved(), *self._needs()]
        return sorted(found, key=lambda p: (p.file, p.line, p.key))

    def _needs(self) -> Iterator[Problem]:
        for pack in self.packs.values():
            for name in pack.meta.needs:
                if name not in self.packs:
                    yield _unknown(
                        self._shown(pack), 1, "needs", f"pack {name}", did_you_mean(name, self.packs)
                    )

    def _shown(self, pack: Pack) -> str:
        return (pack.path / "pack.toml").relative_to(self.root.parent).as_posix()

    def _unresolved(self) -> Iterator[Problem]:
        names = _Names(self)
        for pack in self.packs.values():
            owner, offices = pack.meta.owner, names.of("departments.csv") or set()
            if not any(c in offices for c in _candidates(owner, pack.key)):
                yield _unknown(
                    self._shown(pack), 1, "owner", owner, did_you_mean(owner, _short(offices, pack.key))
                )
        for schema in schemas().values():
            for pack_key, entry in [] if schema.name == "pack.toml" else self.read_all(schema):
                for mention in mentions(entry.value, type(entry.value)):
                    known = names.of(mention.target)
                    if known is None or any(c in known for c in _candidates(mention.text, pack_key)):
                        continue
                    line = self.line(entry.file, (*entry.path, *mention.path))
                    key = str(next((p for p in reversed(mention.path) if isinstance(p, str)), entry.key))
                    remedy = did_you_mean(mention.text, _short(known, pack_key))
                    yield _unknown(entry.file, line, key, mention.text, remedy)

    def line(self, file: str, path: tuple[str | int, ...]) -> int:
        """The line of a value in a file; 1 for what only the desk has."""
        source = self.root.parent / file
        if not source.exists():
            return 1
        content = source.read_bytes()
        return self.documents.read(content, content.decode(), source.name).line(path)


class _Names:
    """What references may name: the keys of a declaration file; "departments" is short for departments.csv."""

    def __init__(self, shelf: _Shelf) -> None:
        self.shelf = shelf
        self.known: dict[str, set[str] | None] = {}

    def of(self, target: str) -> set[str] | None:
        """Every name of one target; None when nobody has registered it, so that nothing can be said."""
        if target not in self.known:
            if schema := schemas().get(target) or schemas().get(f"{target}.csv"):
                self.known[target] = {f"{pack}:{entry.key}" for pack, entry in self.shelf.read_all(schema)}
            else:
                self.known[target] = None
        return self.known[target]


@cache
def _shelf(root: Path) -> _Shelf:
    return _Shelf(root)


def _declared(pack: str, entry: Entry) -> Declared:
    return Declared(
        pack, entry.key, entry.value, version_hash(entry.raw), entry.raw, entry.file, entry.line, entry.path
    )


def _with_desk(
    files: list[Declared], schema: Schema, desk: Mapping[tuple[str, str], Any], known: set[str]
) -> list[Declared]:
    """Files' entries with the desk's in their place; what only the desk has comes last."""
    left = {name: raw for name, raw in desk.items() if name[0] in known}
    found = []
    for one in files:
        raw = left.pop((one.pack, one.key), None)
        found.append(one if raw is None else one._replace(**_from_desk(raw, schema)))
    found.extend(
        Declared(pack, key, file=f"desk/{pack}/{schema.name}", line=1, **_from_desk(raw, schema))
        for (pack, key), raw in left.items()
    )
    return found


def _from_desk(raw: Any, schema: Schema) -> dict[str, Any]:
    value = msgspec.convert(raw, kind_of(raw, schema), strict=False)
    return {"value": value, "raw": raw, "version_hash": version_hash(raw)}


def _candidates(name: str, within: str | None) -> list[str]:
    """The full names that a reference may mean: as written, of its own pack, of the shared words."""
    if ":" in name or within is None:
        return [name]
    return [f"{within}:{name}", f"{SHARED}:{name}", name]


def _short(known: Iterable[str], pack: str) -> set[str]:
    """Names as their own pack may write them: without its name or that of the shared words."""
    return {name.removeprefix(f"{pack}:").removeprefix(f"{SHARED}:") for name in known}


def _unknown(file: str, line: int, key: str, name: str, remedy: Label) -> Problem:
    message: Label = {"zh": f"{key}:没有“{name}”", "en": f"{key}: there is no '{name}'"}
    return Problem(file=file, line=line, key=key, message=message, remedy=remedy, rule="reference")
