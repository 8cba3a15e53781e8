"""Page tests walk one demo city together."""

import pytest

from tests.house import House


@pytest.fixture(scope="session")
def house(demo_house: House) -> House:
    """The small demo city that every page test shares."""
    return demo_house
