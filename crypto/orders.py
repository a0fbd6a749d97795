"""Orders of officials: who signed, and whether that is enough for the act. Replay is the kit core's to refuse."""

from dataclasses import dataclass
from typing import Final

from crypto import codec, envelope
from crypto.envelope import Envelope
from crypto.errors import StatementError
from crypto.manifest import TrustedManifest
from crypto.statements import DUAL_CONTROL, Official, Order
from crypto.wire import TYPE_ORDER


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order that only officials of its branch signed. Whether they suffice says ``is_authorised``.

    ``payload`` is what was signed; ``officials`` are in ascending order of their key ids.
    """

    order: Order
    payload: bytes
    officials: tuple[Official, ...]
    envelope: Envelope


def check_order(data: bytes, manifest: TrustedManifest, branch: str) -> SignedOrder:
    """Verify every signature of an order against the officials of ``branch``, and the order against the manifest.

    Raises:
        EncodingError, StatementError: not an order, or one of another election, round or branch; voters signed in
            for other contests than those of the branch, or in another kind of order than ``account``.
        SignatureInvalidError: an unknown key, one official twice, or a wrong signature.
        ManifestError: the manifest knows no such branch.
    """
    officials = manifest.officials_of(branch)
    envelope_ = Envelope.from_bytes(data)
    keys = {key_id: codec.unb64(official.public_key) for key_id, official in officials.items()}
    signers = envelope.verify(envelope_, payload_type=TYPE_ORDER, keys=keys)
    order = codec.from_bytes(envelope_.payload, Order)
    meant_for = (order.election, order.round, order.branch)
    if meant_for != (manifest.manifest.election, manifest.manifest.round, branch):
        raise StatementError(
            f"the order is for election {order.election!r} round {order.round} branch {order.branch!r}, not for "
            f"branch {branch!r} of this election: sign one for this branch"
        )
    if order.manifest_sha256 != manifest.sha256:
        raise StatementError(
            f"the order is for manifest {order.manifest_sha256[:16]}..., here it is {manifest.sha256[:16]}...: "
            "sign it anew, at this kit"
        )
    if order.kind == "account":
        check_voters_signed_in(order.voters_signed_in, manifest, branch)
    check_parts(order)
    _check_standby(order, manifest)
    return SignedOrder(order, envelope_.payload, tuple(officials[signer] for signer in signers), envelope_)


_PARTS: Final[dict[str, frozenset[str]]] = {
    "account": frozenset({"voters_signed_in"}),
    "extend": frozenset({"schedule"}),
    "reopen": frozenset({"reason"}),
    "replace-terminal": frozenset({"terminal", "reason"}),
    "reissue": frozenset({"standby", "reason"}),
}
"""What an order of each kind says besides its kind: all of this, and nothing else but what ``_OPTIONAL`` allows."""
_OPTIONAL: Final[dict[str, frozenset[str]]] = {
    # Where there is no standby left, the other terminals of the branch must not wait for the broken one for ever.
    "replace-terminal": frozenset({"standby"}),
}
_ALWAYS_OPTIONAL: Final = frozenset({"reason"})


def check_parts(order: Order) -> None:
    """Raise StatementError unless an order says what its kind needs, and nothing else."""
    wanted = _PARTS.get(order.kind, frozenset())
    allowed = wanted | _OPTIONAL.get(order.kind, frozenset()) | _ALWAYS_OPTIONAL
    for part in ("voters_signed_in", "schedule", "terminal", "standby", "reason"):
        given = bool(getattr(order, part))
        if part in wanted and not given:
            raise StatementError(f"an order of kind {order.kind!r} must say {part}: write it anew")
        if given and part not in allowed:
            raise StatementError(f"an order of kind {order.kind!r} says nothing about {part}: write it anew")


def _check_standby(order: Order, manifest: TrustedManifest) -> None:
    branch = manifest.branch(order.branch)
    if order.device is not None and order.device not in branch.standby_devices:
        raise StatementError(
            f"device {order.device!r} is not one of the branch's standby devices {list(branch.standby_devices)}; an "
            "order for the branch's own kit names none"
        )
    if order.kind == "replace-terminal":
        if order.terminal not in branch.all_terminals:
            raise StatementError(
                f"terminal {order.terminal!r} is neither a terminal nor a standby of branch {branch.id!r}"
            )
        if order.standby is not None and (
            order.standby not in branch.standby_terminals or order.terminal == order.standby
        ):
            raise StatementError(
                f"terminal {order.standby!r} cannot take the place of {order.terminal!r}: it must be another one of "
                f"the branch's standby terminals {list(branch.standby_terminals)}"
            )
    if order.kind == "reissue" and (order.standby is None or order.standby != order.device):
        raise StatementError(
            f"an order that device {order.standby!r} takes over must be for that very standby device, and is for "
            f"{order.device!r}"
        )


def is_authorised(signed: SignedOrder) -> bool:
    """Whether enough officials signed: two of different bodies for dual-control kinds, one for the others."""
    if signed.order.kind not in DUAL_CONTROL:
        return True
    return len({official.body for official in signed.officials}) > 1


def check_voters_signed_in(voters_signed_in: dict[str, int], manifest: TrustedManifest, branch: str) -> None:
    """Raise StatementError unless there is a number for each contest of the branch and for no other."""
    contests = {contest.id for contest in manifest.contests_of(branch)}
    differing = sorted(contests ^ voters_signed_in.keys())
    if differing:
        state = "is missing" if differing[0] in contests else f"is not a contest of branch {branch!r}"
        raise StatementError(
            f"voters signed in: contest {differing[0]!r} {state}; give one number for each contest"
        )
