"""What civil affairs has of the demo's named people."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "marital_states": {
        "linxiao": {"status": "married"},
        "chenli": {"status": "married"},
        "zhouguiying": {"status": "widowed"},
        "zhoumin": {"status": "divorced"},
        "hezhiyuan": {"status": "married"},
    },
    "relief_recipients": {
        "zhouguiying": {"status": "low_income"},
    },
}
