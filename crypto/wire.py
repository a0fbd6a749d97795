"""Everything that both ends of a wire must agree on: ids, topics, payload types and limits.

Ids are ASCII and never contain ``/``, ``+`` or ``#``, so that an id can stand in an MQTT topic and in an MQTT client
id (MQTT 3.1.1 §4.7; rumqttd hangs on client ids with ``/`` or ``+``).
"""

import re
from typing import Annotated, Final

from msgspec import Meta

ID_MAX: Final = 64  # characters
ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z"
CODE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,15}\Z"
B64_PATTERN: Final = r"^(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z"
HEX32_PATTERN: Final = r"^[0-9a-f]{64}\Z"
TIME_PATTERN: Final = r"^[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](?:\.[0-9]{3})?Z\Z"

Id = Annotated[str, Meta(pattern=ID_PATTERN)]
Code = Annotated[str, Meta(pattern=CODE_PATTERN)]
"""A candidate's code on the ballot: a string, for leading zeros count."""
B64 = Annotated[str, Meta(pattern=B64_PATTERN)]
"""RFC 4648 §4 base64 with padding."""
Sha256 = Annotated[str, Meta(pattern=HEX32_PATTERN)]
"""SHA-256 as 64 lower-case hexadecimal digits."""
Rfc3339 = Annotated[str, Meta(pattern=TIME_PATTERN)]
"""RFC 3339 time in UTC, ending in ``Z``, whole seconds or milliseconds."""
Count = Annotated[int, Meta(ge=0, le=0xFFFFFF)]
"""A number of votes or ballots, 0 to 16,777,215."""

STATEMENT_MAX: Final = 64 * 1024  # bytes of one canonical statement
ENVELOPE_MAX: Final = (
    192 * 1024
)  # bytes of one DSSE envelope on the wire (base64 within base64 of STATEMENT_MAX)
MANIFEST_MAX: Final = 64 * 1024 * 1024  # bytes
RECEIPT_MAX: Final = 8 * 1024  # bytes of one tlog-proof
DEPTH_MAX: Final = 16  # nesting of any JSON that we accept
SIGNATURES_MAX: Final = 16  # signatures on one DSSE envelope
MQTT_PAYLOAD_MAX: Final = ENVELOPE_MAX  # bytes: what a broker must accept

_MEDIA: Final = "application/vnd.branch-kit."
TYPE_MANIFEST: Final = _MEDIA + "manifest+json"
TYPE_ORDER: Final = _MEDIA + "order+json"
TYPE_ZERO_REPORT: Final = _MEDIA + "zero-report+json"
TYPE_BALLOT_ACCOUNT: Final = _MEDIA + "ballot-account+json"
TYPE_TALLY: Final = _MEDIA + "tally+json"
TYPE_TALLY_COMMITMENT: Final = _MEDIA + "tally-commitment+json"
TYPE_SEALED_TALLY: Final = _MEDIA + "sealed-tally+json"
TYPE_ACCOUNT_SUBMISSION: Final = _MEDIA + "account-submission+json"
TYPE_SCHEDULE_CHANGE: Final = _MEDIA + "schedule-change+json"
TYPE_ADJUDICATION: Final = _MEDIA + "adjudication+json"
TYPE_OPENING_ORDER: Final = _MEDIA + "opening-order+json"
TYPE_JOURNAL_KEY: Final = _MEDIA + "journal-key+json"
TYPE_COURIER_BUNDLE: Final = _MEDIA + "courier-bundle+json"


NARROW: Final = "/narrow"  # ends the topic of an envelope that came over a way too narrow for a proof


def topic_envelope(election: str, branch: str) -> str:
    """Branch to centre: one DSSE envelope, QoS 1."""
    return f"kit/v1/{election}/{branch}/envelope"


def topic_narrow_envelope(election: str, branch: str) -> str:
    """Branch (or the gateway of a rung like SMS) to centre: one DSSE envelope, QoS 1, answered by an acknowledgement.

    For ways back that carry a hundred bytes, where ``topic_envelope`` would be answered by a whole proof.
    """
    return topic_envelope(election, branch) + NARROW


def topic_receipt(election: str, branch: str) -> str:
    """Centre to branch: one tlog-proof whose ``extra`` is the SHA-256 of the envelope, or an acknowledgement, QoS 0.

    The first line of either says which it is.
    """
    return f"kit/v1/{election}/{branch}/receipt"


def topic_refusal(election: str, branch: str) -> str:
    """Centre to branch: JSON ``{"envelope_sha256", "reason"}``, a hint for people, never trusted, QoS 0."""
    return f"kit/v1/{election}/{branch}/refusal"


def topic_missing_parts(election: str) -> str:
    """Gateway of SMS to centre: a wish for a request for missing parts (crypto.sms_missing), QoS 0.

    No branch may write on it: ``_`` names none. The centre hears it under ``topic_all_envelopes``.
    """
    return f"kit/v1/{election}/_/envelope/missing"


def topic_missing_parts_signed(election: str) -> str:
    """Centre to gateways of SMS: a signed request for missing parts, as it goes on the air, QoS 0."""
    return f"kit/v1/{election}/_/missing"


def topic_schedule(election: str) -> str:
    """Centre to all branches: a schedule change (a DSSE envelope), QoS 0, repeated. Checked by each branch."""
    return f"kit/v1/{election}/_/schedule"


def topic_command_for_all(election: str) -> str:
    """Centre to all branches: a command (crypto.command), QoS 0, repeated until it expires. Checked by each branch."""
    return f"kit/v1/{election}/_/command"


def topic_command(election: str, branch: str) -> str:
    """Centre to one branch: as ``topic_command_for_all``."""
    return f"kit/v1/{election}/{branch}/command"


def topic_manifest(election: str) -> str:
    """Centre to all branches: a new manifest (DSSE, at most ``MQTT_PAYLOAD_MAX`` bytes), QoS 0, repeated."""
    return f"kit/v1/{election}/_/manifest"


def topic_probe(election: str, branch: str, uplink: str) -> str:
    """Branch to itself through the broker: the echo that measures one uplink, QoS 0."""
    return f"kit/v1/{election}/{branch}/probe/{uplink}"


def topic_all_envelopes(election: str) -> str:
    """What the centre subscribes to: ``#`` stands for nothing as well (MQTT 3.1.1 §4.7.1.2)."""
    return f"kit/v1/{election}/+/envelope/#"


def branch_of_topic(topic: str) -> str | None:
    """The branch that a topic of ours names, or None for a foreign topic."""
    match = re.fullmatch(r"kit/v1/[^/]+/([^/]+)/[^/]+(?:/[^/]+)?", topic)
    return match.group(1) if match else None
