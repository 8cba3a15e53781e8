"""The housing fund accounts of the demo's named people."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "accounts": {
        "linxiao": {"state": "paying"},
        "chenli": {"state": "paying"},
        "zhoumin": {"state": "paying"},
        "hezhiyuan": {"state": "sealed"},
    },
}
