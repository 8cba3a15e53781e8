"""Who of the demo's named people has served."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "veteran_reporting_notice": {
        "chenli": {"veteran_kind": "conscript"},
    },
}
