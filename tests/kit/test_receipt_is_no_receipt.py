"""Something claims to be a receipt, or none comes: the envelope must not be let go, nor flood the uplinks."""

from itertools import pairwise

import pytest

from crypto import canonical, merkle, receipt
from crypto.codec import unb64
from crypto.identity import SigningKey
from crypto.notes import Checkpoint, Cosigner, NoteSigner
from crypto.statements import WitnessPolicy
from kit.effects import Publish
from kit.events import ReceiptHeard, RefusalHeard
from kit.facts import IncidentRecorded, ReceiptStored
from kit.incidents import INCIDENTS_MAX
from kit.outbox import RESEND_FIRST_MS, RESEND_MAX_MS, RESEND_MIN_MS
from tests.crypto.byte_flips import every_bit_flipped
from tests.crypto.election_fixture import make_election
from tests.kit.center_stand_in import Center
from tests.kit.harness import SCHEDULE, Branch
from tests.kit.staff import standing_in, work_until

WITNESS = Cosigner("witness.example/w1", SigningKey.from_seed(b"w" * 32))
WITNESSED = make_election(2, schedule=SCHEDULE, witness_policy=WitnessPolicy(m=1, witnesses=(WITNESS.vkey,)))


def sending() -> tuple[Branch, bytes]:
    """A branch that waits for receipts, and its last envelope."""
    branch = standing_in("sending")
    return branch, unb64(branch.envelopes()[-1].envelope)


def hear(branch: Branch, *texts: str) -> None:
    for text in texts:
        branch.post(ReceiptHeard("fibre", text))
    branch.settle()


def stored(branch: Branch) -> list[ReceiptStored]:
    """Receipts of the tally; the account has long been delivered."""
    return [fact for fact in branch.facts(ReceiptStored) if fact.seq == 2]


def refused(branch: Branch) -> list[str]:
    return [fact.detail for fact in branch.facts(IncidentRecorded) if fact.code == "receipt-refused"]


def forged_by(signer: NoteSigner, data: bytes, *, index: int = 0, size: int = 1) -> str:
    """A sound receipt under somebody's key, in a log where the envelope is the last leaf."""
    leaf, proof = merkle.leaf_hash(data), ()
    root = leaf
    if size > 1:
        proof = (b"\7" * 32,)
        root = merkle.node_hash(proof[0], leaf)
    return receipt.make(data, index, proof, signer.sign(Checkpoint(signer.name, size, root).text()))


def test_good_receipt_is_refused() -> None:
    branch, data = sending()
    hear(branch, branch.center.receipt(data))
    assert len(stored(branch)) == 1
    assert branch.phase == "delivered"


def test_receipt_is_signed_by_somebody_else() -> None:
    branch, data = sending()
    log = branch.election.log
    mallory = NoteSigner(log.name, SigningKey.from_seed(b"m" * 32))
    hear(branch, forged_by(mallory, data))
    assert not stored(branch)
    assert len(refused(branch)) == 1


def test_receipt_of_another_envelope_is_made_out_to_ours() -> None:
    branch, data = sending()
    other = branch.center.take(b"another branch's envelope").split("\n")
    ours = branch.center.receipt(data).split("\n")
    hear(branch, "\n".join([other[0], ours[1], *other[2:]]))
    assert not stored(branch)


def test_receipt_is_damaged_anywhere() -> None:
    branch, data = sending()
    good = branch.center.receipt(data).encode()
    for number, damaged in enumerate(every_bit_flipped(good)):
        if number % 41 == 0:
            hear(branch, damaged.decode("utf-8", "replace"))
    assert not stored(branch)


def test_receipt_of_an_envelope_that_we_never_sent() -> None:
    branch, _ = sending()
    before = list(branch.journal.facts)
    hear(branch, branch.center.take(b"another branch's envelope"))
    assert branch.journal.facts == before


def test_receipt_comes_again_and_again() -> None:
    branch, data = sending()
    hear(branch, *[branch.center.receipt(data)] * 5)
    assert len(stored(branch)) == 1
    assert branch.station.outbox.delivered == [1, 2]


def test_forged_receipts_fill_the_journal() -> None:
    branch, data = sending()
    for number in range(2 * INCIDENTS_MAX):
        mallory = NoteSigner(f"log-{number}.example", SigningKey.from_seed(b"m" * 32))
        hear(branch, forged_by(mallory, data), "junk" * number)
    assert len(refused(branch)) <= INCIDENTS_MAX


def test_log_counts_further_than_a_fact_can() -> None:
    """2^53 leaves and more are a log that lies; the receipt must not end the daemon."""
    branch, data = sending()
    for index in (canonical.INTEGER_MAX + 1, 2**62):
        hear(branch, forged_by(branch.election.log, data, index=index, size=index + 1))
    assert not stored(branch)
    assert len(refused(branch)) == 2
    hear(branch, branch.center.receipt(data))
    assert branch.phase == "delivered"


def test_log_alone_vouches_where_a_witness_should() -> None:
    branch = Branch(WITNESSED)
    work_until(branch, "sending")
    branch.advance(60_000)
    assert branch.phase == "sending", "included is not witnessed"
    facts = branch.facts(ReceiptStored)
    assert {(fact.grade, fact.delivered) for fact in facts} == {("included", False)}
    assert len(facts) == 2, "the same news is stored once"
    branch.center._witnesses = (WITNESS,)
    work_until(branch, "delivered")
    assert [(fact.seq, fact.grade) for fact in branch.facts(ReceiptStored)][2:] == [
        (1, "witnessed"),
        (2, "witnessed"),
    ]


def test_witnessed_receipt_is_not_enough() -> None:
    branch = Branch(WITNESSED, center=Center(WITNESSED, (WITNESS,)))
    work_until(branch, "delivered")


def test_refusal_of_the_centre_stops_the_sending() -> None:
    branch, _ = sending()
    sha256 = branch.envelopes()[0].sha256
    sent = len(branch.published)
    branch.post(RefusalHeard("fibre", sha256, "unknown device"))
    branch.advance(3 * RESEND_MAX_MS)
    assert len(branch.published) > sent
    assert f"{sha256[:16]}: unknown device" in [fact.detail for fact in branch.facts(IncidentRecorded)]


# --- how often it is sent ------------------------------------------------------------------------------------------


def times_of(branch: Branch, seq: int, uplink: str, duration_ms: int) -> list[int]:
    """When an envelope went out on an uplink, from now on."""
    start, times = branch.now, []
    publish = branch._publish

    def note(effect: Publish) -> None:
        if (effect.seq, effect.uplink) == (seq, uplink):
            times.append(branch.now - start)
        publish(effect)

    branch._publish = note  # type: ignore[method-assign]
    branch.advance(duration_ms)
    return times


def test_silent_centre_is_stormed() -> None:
    branch, _ = sending()
    branch.boot()
    times = times_of(branch, 2, "4g", 600_000)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    ceiling = RESEND_FIRST_MS
    for pause in pauses:
        assert RESEND_MIN_MS <= pause <= ceiling
        ceiling = min(2 * ceiling, RESEND_MAX_MS)
    assert max(pauses) > RESEND_MAX_MS / 2
    assert len(set(pauses[6:])) > len(pauses[6:]) / 2, "each pause is drawn anew"
    assert len(times) < 2.5 * 600_000 / RESEND_MAX_MS + 10


def test_two_devices_send_in_step() -> None:
    from kit.outbox import Outbox

    manifest = make_election(2).loaded
    outboxes = [Outbox(manifest, f"device-{n}") for n in range(100)]
    waits = [outbox._drawn_ms(RESEND_MIN_MS, RESEND_MAX_MS, 2, "fibre", 7) for outbox in outboxes]
    assert len(set(waits)) >= 95
    assert RESEND_MIN_MS <= min(waits) < RESEND_MAX_MS / 5
    assert RESEND_MAX_MS * 4 / 5 < max(waits) <= RESEND_MAX_MS


@pytest.mark.parametrize("broken", ["fibre", "4g"])
def test_uplink_that_carries_is_not_used_because_the_other_one_hangs(broken: str) -> None:
    branch = work_until(Branch(), "accounted")
    branch.set_link(broken, "hole")
    work_until(branch, "delivered")
    working = "4g" if broken == "fibre" else "fibre"
    assert {fact.uplink for fact in branch.facts(ReceiptStored) if fact.seq == 2} == {working}


def test_session_comes_back_and_the_envelope_waits_for_its_pause() -> None:
    branch, _ = sending()
    branch.advance(120_000)
    branch.set_link("fibre", "refused")
    branch.set_link("4g", "refused")
    branch.advance(120_000)
    branch.center_answers = True
    branch.set_link("4g", "works")
    branch.advance(15_000)
    assert branch.phase == "delivered"
