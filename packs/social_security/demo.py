"""Work and contributions of the demo's named people."""

# source → login → what its columns say beside who the person is; every word of it is invented.
NAMED: dict[str, dict[str, dict[str, str]]] = {
    "insured": {
        "linxiao": {"state": "employed", "pension_months": "98"},
        "chenli": {"state": "employed", "pension_months": "120"},
        "zhoumin": {"state": "employed", "pension_months": "372"},
        "hezhiyuan": {"state": "employed", "pension_months": "180"},
    },
}
