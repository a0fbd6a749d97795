"""An order that is forged, half signed, of one body alone, or of somebody else's branch."""

from typing import Any, Final

import msgspec
import pytest

from crypto import manifest as manifests
from crypto.codec import b64
from crypto.statements import DUAL_CONTROL, Official, OrderKind
from kit import exit_codes
from kit.day.order_desk import HALF_SIGNED_MAX
from kit.day.phases import ORDERS
from kit.events import OrderReceived
from kit.facts import OrderAccepted
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.election_fixture import VOTERS_SIGNED_IN, Election, key_of
from tests.kit.harness import CLOSE_MS, ONE_TERMINAL, OPEN_MS, SIGNED_IN, STANDBY_DEVICE, Branch
from tests.kit.staff import FORMS, order, standing_in

EXECUTIVE: Final = "official-1-executive"
SUPERVISION: Final = "official-1-supervision"
SECOND: Final = "official-1-executive-2"


def hand_in(branch: Branch, kind: OrderKind, *signers: str, **form: Any) -> dict[str, Any]:
    serial = form.pop("serial", branch.station.day.state.serial + 1)
    standby = None if branch.device == branch.entry.device else branch.device
    form = {"device": standby, **FORMS.get(kind, {}), **form}
    data = branch.election.order("branch-1", kind, serial, signers=signers, **form)
    return branch.ask(lambda token: OrderReceived(data, token))


def ready_for(kind: OrderKind, election: Election = ONE_TERMINAL) -> Branch:
    device = STANDBY_DEVICE if kind == "reissue" else None
    branch = standing_in(ORDERS[kind][0], election, device=device)
    branch.advance_to_wall({"open": OPEN_MS, "close": CLOSE_MS}.get(kind, 0))
    return branch


def with_two_of_one_body() -> Election:
    """The fixture's election with a second official of the executive at branch 1."""
    import dataclasses

    manifest = ONE_TERMINAL.manifest
    second = Official(id=SECOND, body="executive", public_key=b64(key_of(SECOND).public))
    first = manifest.branches[0]
    first = msgspec.structs.replace(first, officials=(*first.officials, SECOND))
    manifest = msgspec.structs.replace(
        manifest, officials=(*manifest.officials, second), branches=(first, *manifest.branches[1:])
    )
    data = ONE_TERMINAL.sign_unchecked(manifest)
    return dataclasses.replace(
        ONE_TERMINAL,
        manifest=manifest,
        manifest_bytes=data,
        loaded=manifests.load(data, trusted=ONE_TERMINAL.trusted, threshold=2),
        officials={**ONE_TERMINAL.officials, SECOND: key_of(SECOND)},
    )


@pytest.mark.parametrize("kind", sorted(DUAL_CONTROL))
@pytest.mark.parametrize("signer", [EXECUTIVE, SUPERVISION])
def test_one_official_acts_alone(kind: OrderKind, signer: str) -> None:
    branch = ready_for(kind)
    before = list(branch.journal.facts)
    for _ in range(3):
        answer = hand_in(branch, kind, signer)
        assert answer == {"ok": True, "accepted": False, "waiting_for": "an official of another body"}
    assert branch.journal.facts == before


@pytest.mark.parametrize("kind", sorted(DUAL_CONTROL))
def test_two_officials_of_the_same_body_act_together(kind: OrderKind) -> None:
    branch = ready_for(kind, with_two_of_one_body())
    before = list(branch.journal.facts)
    assert hand_in(branch, kind, EXECUTIVE)["accepted"] is False
    assert hand_in(branch, kind, SECOND)["accepted"] is False
    assert hand_in(branch, kind, EXECUTIVE, SECOND)["accepted"] is False
    assert branch.journal.facts == before
    assert hand_in(branch, kind, SUPERVISION)["accepted"] is True
    assert branch.facts(OrderAccepted)[-1].officials == tuple(
        sorted((EXECUTIVE, SECOND, SUPERVISION), key=lambda name: key_of(name).key_id)
    )


@pytest.mark.parametrize("kind", sorted(set(ORDERS) - DUAL_CONTROL))
def test_order_of_one_body_waits_for_nobody(kind: OrderKind) -> None:
    assert hand_in(ready_for(kind), kind, SUPERVISION)["accepted"] is True


def test_officials_sign_two_different_orders() -> None:
    branch = ready_for("account")
    assert hand_in(branch, "account", EXECUTIVE)["accepted"] is False
    other = {contest: number + 1 for contest, number in SIGNED_IN.items()}
    answer = hand_in(branch, "account", SUPERVISION, voters_signed_in=other)
    assert (answer["accepted"], answer["differs"]) == (False, True), "nobody tells them that they differ"
    assert branch.phase == "closed"


def test_order_of_another_branch() -> None:
    branch = ready_for("close")
    data = branch.election.order("branch-2", "close", 3)
    answer = branch.ask(lambda token: OrderReceived(data, token))
    assert answer["code"] == exit_codes.DATA
    data = branch.election.order("branch-2", "close", 3, signers=[EXECUTIVE, SUPERVISION])
    answer = branch.ask(lambda token: OrderReceived(data, token))
    assert answer["code"] == exit_codes.DATA
    assert "branch-2" in answer["error"]
    assert branch.phase == "open"


def test_order_by_officials_of_another_branch() -> None:
    branch = ready_for("close")
    answer = hand_in(branch, "close", "official-2-executive", "official-2-supervision")
    assert answer["code"] == exit_codes.DATA
    assert branch.phase == "open"


def test_order_is_damaged_anywhere() -> None:
    branch = ready_for("close")
    good = branch.election.order("branch-1", "close", 3)
    before = list(branch.journal.facts)
    for number, data in enumerate(every_bit_flipped(good)):
        if number % 97 == 0:
            answer = branch.ask(lambda token, data=data: OrderReceived(data, token))
            assert answer["code"] == exit_codes.DATA, data
    assert branch.journal.facts == before


def test_refused_signature_counts_later() -> None:
    """One official tries to close too early and is told no. Later the other one alone must not be enough."""
    branch = standing_in("open")
    assert hand_in(branch, "close", EXECUTIVE)["code"] == exit_codes.FORBIDDEN
    branch.advance_to_wall(CLOSE_MS)
    answer = hand_in(branch, "close", SUPERVISION)
    assert answer["accepted"] is False, "a signature that was refused was kept"


def test_half_signed_order_outlives_another_order() -> None:
    branch = ready_for("close")
    assert hand_in(branch, "close", EXECUTIVE)["accepted"] is False
    assert hand_in(branch, "suspend", SUPERVISION)["accepted"] is True
    branch.settle()
    answer = hand_in(branch, "close", SUPERVISION, serial=3)
    assert answer["code"] == exit_codes.FORBIDDEN
    assert hand_in(branch, "close", SUPERVISION)["accepted"] is False


def test_half_signed_order_outlives_a_power_cut() -> None:
    branch = ready_for("close")
    hand_in(branch, "close", EXECUTIVE)
    branch.boot()
    assert hand_in(branch, "close", SUPERVISION)["accepted"] is False


def test_half_signed_orders_fill_the_memory() -> None:
    branch = ready_for("account")
    for number in range(HALF_SIGNED_MAX + 5):
        voters = dict.fromkeys(VOTERS_SIGNED_IN, number)
        assert hand_in(branch, "account", EXECUTIVE, voters_signed_in=voters)["ok"] is True
    assert len(branch.station.day._desk._orders._waiting) == HALF_SIGNED_MAX
    assert order(branch, "account")["accepted"] is True


@pytest.mark.parametrize("voters", [{}, {"mayor:1": 3}, {**SIGNED_IN, "council:9": 1}])
def test_account_names_other_contests(voters: dict[str, int]) -> None:
    branch = ready_for("account")
    answer = hand_in(branch, "account", EXECUTIVE, SUPERVISION, voters_signed_in=voters)
    assert answer["code"] == exit_codes.DATA
    assert branch.phase == "closed"
