"""Every attack of the catalogue has its test, and the table says which."""

import pytest

from tests.attacks.catalogue import ATTACKS, NAMES, README, attack, staged, table


def test_attack_of_the_catalogue_is_staged_by_nobody() -> None:
    assert NAMES - staged().keys() == set()
    assert len(NAMES) == sum(map(len, ATTACKS.values())) > 60


def test_attack_that_no_catalogue_knows() -> None:
    assert staged().keys() <= NAMES
    with pytest.raises(ValueError, match="not in the catalogue"):
        attack("sawing through the table")
    with pytest.raises(ValueError, match="not in the catalogue"):
        attack()


def test_table_is_out_of_date() -> None:
    assert README.read_text(encoding="utf-8") == table(), "run: python -m tests.attacks.catalogue"
