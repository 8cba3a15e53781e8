"""The named company of the demo as it is registered."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "companies": {
        "hezhiyuan": {"state": "open", "capital": "50"},
    },
}
