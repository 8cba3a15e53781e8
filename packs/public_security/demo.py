"""The demo's named people as the police have them."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "residents": {
        "linxiao": {"ethnicity": "汉族", "household_kind": "family", "household_region": "shanghai"},
        "chenli": {"ethnicity": "汉族", "household_kind": "family", "household_region": "shanghai"},
        "zhouguiying": {"ethnicity": "汉族", "household_kind": "family", "household_region": "shanghai"},
        "zhoumin": {"ethnicity": "汉族", "household_kind": "family", "household_region": "shanghai"},
        "hezhiyuan": {
            "ethnicity": "回族",
            "household_kind": "collective",
            "household_region": "other_province",
        },
    },
}
