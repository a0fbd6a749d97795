"""Encapsulated keys that are related although each sealer knows his own: a copied device, a broken random source.

An envelope whose key was made from another's by somebody who does not know the other's private key never comes this
far: it lacks the proof that ``submissions.check_submission`` asks for (see ``enc_proof``). What is left is a device, or
two that are copies of each other, or one that draws bad random numbers, sealing twice with one key or with near ones.
Each of these envelopes is good by itself, and opening one opens the other: people must hear of it.

``related_points`` finds the same key again (E and its negative are one key), ``a * E1 = b * E2`` for a and b up to
``MULTIPLE_MAX``, and ``E1 - E2`` or ``E1 + E2`` equal to ``r * B`` for r up to ``SHIFT_MAX``: a counter in place of
random numbers. It is a warning and no protection: *every* two points are multiples of each other, and finding by which
number is the discrete logarithm.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from crypto.edwards import add, base_multiple, from_x25519, scalar_from_int, subtract
from crypto.trustee_errors import GroupElementError

MULTIPLE_MAX: Final = 8
SHIFT_MAX: Final = 8  # even: half of it is tried from either side

_SIGN: Final = 0x80
_SHIFTS: Final = tuple(base_multiple(scalar_from_int(shift)) for shift in range(1, SHIFT_MAX // 2 + 1))


@dataclass(frozen=True, slots=True)
class Relation:
    """``first_multiple * E1`` and ``second_multiple * E2`` differ by ``shift * B`` (up to sign). 1, 1, 0: re-used."""

    first: str
    second: str
    first_multiple: int
    second_multiple: int
    shift: int


def related_points(points: Mapping[str, bytes]) -> tuple[Relation, ...]:
    """Find the simplest relation of each encapsulated key to one that stands before it.

    ``points`` has, for the name of each envelope, its 32-byte encapsulated key. Takes about 15 additions (0.3 ms) a
    point. An empty answer says that no device re-used a key in a simple way, and nothing more.

    Raises:
        GroupElementError: a key that no sender makes, naming its envelope.
    """
    seen: dict[bytes, tuple[str, int, int, bytes]] = {}
    relations = []
    for name, enc in points.items():
        try:
            point = from_x25519(enc)
        except GroupElementError as exc:
            raise GroupElementError(f"envelope {name}: {exc}") from exc
        found = []
        for near, number, shift in _neighbours(point):
            other = seen.setdefault(_without_sign(near), (name, number, shift, near))
            if other[0] != name:
                apart = abs(other[2] - shift) if other[3] == near else abs(other[2] + shift)
                found.append(Relation(other[0], name, other[1], number, apart))
        if found:
            relations.append(min(found, key=lambda r: (r.first_multiple + r.second_multiple, r.shift)))
    return tuple(relations)


def _neighbours(point: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Small multiples of a point and small shifts of it by the base point, as (point, multiple, shift)."""
    multiple = point
    yield multiple, 1, 0
    for number in range(2, MULTIPLE_MAX + 1):
        multiple = add(multiple, point)
        yield multiple, number, 0
    for shift, away in enumerate(_SHIFTS, 1):
        yield add(point, away), 1, shift
        yield subtract(point, away), 1, -shift


def _without_sign(point: bytes) -> bytes:
    """A point and its negative are one key (see ``edwards.from_x25519``)."""
    return point[:-1] + bytes([point[-1] & ~_SIGN])
