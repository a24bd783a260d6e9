"""The constraints of the lowest versions."""

from __future__ import annotations

from tools.lowest_versions import lowest

REQUIREMENTS = [
    "aiohttp>=3.14.1,<4",
    "tryconnect[testing]",
    "aioresponses==0.7.9",
    "PyGObject>=3.50,<3.51; sys_platform == 'linux'",
    "requests>=2.9",
    "requests>=2.10",
]


def test_each_lower_bound_is_a_constraint_and_the_highest_of_several_holds() -> None:
    assert list(lowest(REQUIREMENTS)) == [
        "aiohttp==3.14.1",
        "aioresponses==0.7.9",
        "pygobject==3.50; sys_platform == 'linux'",
        "requests==2.10",
    ]
