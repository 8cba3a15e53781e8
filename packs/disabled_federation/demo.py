"""Whom of the demo's named people the federation has certified."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "disability_certificate": {
        "zhouguiying": {"disability_kind": "hearing", "disability_level": "three"},
    },
}
