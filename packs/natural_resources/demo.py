"""How many homes the demo's named people own."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "home_holdings": {
        "linxiao": {"homes": "0"},
        "chenli": {"homes": "1"},
        "zhouguiying": {"homes": "1"},
        "zhoumin": {"homes": "1"},
        "hezhiyuan": {"homes": "0"},
    },
}
