"""Who of the demo's named people is insured, and for how long."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "insured": {
        "linxiao": {"state": "active", "medical_months": "98"},
        "chenli": {"state": "active", "medical_months": "120"},
        "zhouguiying": {"state": "active", "medical_months": "420"},
        "zhoumin": {"state": "active", "medical_months": "372"},
        "hezhiyuan": {"state": "active", "medical_months": "180"},
    },
}
