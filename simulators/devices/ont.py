"""An optical network terminal that answers SNMP, without input or output. Time is an argument: monotonic milliseconds.

``feed`` takes one UDP datagram and returns one. Its optical table lies under the enterprise number that RFC 5612 keeps
for documentation, 32473: received and sent power in thousandths of a dBm, and loss of signal as a TruthValue. With the
fibre cut the receiver says NO_LIGHT_DBM. System and interfaces are those of RFC 3418 and RFC 2863.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulators.devices.snmp_agent import SnmpAgent
from simulators.devices.snmp_wire import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    OBJECT_ID,
    OCTETS,
    TIME_TICKS,
    Oid,
    Value,
    oid,
)
from simulators.stand.model import CommandError

ENTERPRISE: Final = "1.3.6.1.4.1.32473"  # RFC 5612: for examples
RX_POWER_OID: Final = f"{ENTERPRISE}.1.1.1.0"
TX_POWER_OID: Final = f"{ENTERPRISE}.1.1.2.0"
LOS_OID: Final = f"{ENTERPRISE}.1.1.3.0"

BOOT_MS: Final = 5_000  # after "reboot" nothing is answered for so long
ANSWERS_MAX: Final = 64  # slow answers that wait; further questions are lost, as in a full receive buffer
SLOW_MAX_MS: Final = 60_000
NO_LIGHT_DBM: Final = -40.0
ABSURD: Final = 2_147_483_647  # what devices say that have nothing to say
_RX_DBM: Final = -19.5  # within the -8 to -27 dBm that ITU-T G.984.2 class B+ asks of a receiver
_TX_DBM: Final = 2.1  # class B+: 0.5 to 5 dBm
_BYTES_PER_S: Final = 1_000
_GPON, _ETHERNET = 250, 6  # IANAifType
_UP, _DOWN = 1, 2
_TRUE, _FALSE = 1, 2  # TruthValue, RFC 2579

_COMMANDS: Final = {
    "fibre cut": "no light any more: loss of signal, the optical interface goes down",
    "fibre back": "light again",
    "rx DBM": "received power, -60 to 10 dBm",
    "rx absurd": "received power is told as 2147483647, until the next rx",
    "los on": "loss of signal is told, whatever the light",
    "los off": "loss of signal is told by the light again",
    "reboot": f"silent for {BOOT_MS} ms, then up since nothing",
    "slow N ms": f"every answer takes so long (0 to {SLOW_MAX_MS})",
}


@dataclass(slots=True)
class _Light:
    """What is at the fibre's end of the box."""

    whole: bool = True
    rx_dbm: float = _RX_DBM
    absurd: bool = False
    los_told: bool = False

    @property
    def los(self) -> bool:
        return self.los_told or not self.whole

    @property
    def rx_milli(self) -> int:
        if self.absurd:
            return ABSURD
        return round(1000 * (self.rx_dbm if self.whole else NO_LIGHT_DBM))


class OntModel:
    """One ONT, up since ``now_ms``. Itself a DeviceModel whose bytes are datagrams: one in, one out."""

    def __init__(self, *, now_ms: int, community: str = "public") -> None:
        self._agent: Final = SnmpAgent(community)
        self._light: Final = _Light()
        self._up_since_ms = now_ms
        self._changed_ms = now_ms
        self._traffic_ms = 0
        self._traffic_at_ms = now_ms
        self._slow_ms = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._asked = 0

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """Take one datagram and return the answer: empty where there is none, or none yet."""
        if now_ms < self._up_since_ms:
            return b""
        self._asked += 1
        answer = self._agent.answer(data, self._rows(now_ms))
        if not answer or not (self._slow_ms or self._waiting):
            return answer
        if len(self._waiting) < ANSWERS_MAX:
            due = max(now_ms + self._slow_ms, self._waiting[-1][0] if self._waiting else 0)
            self._waiting.append((due, answer))
        return b""

    def tick(self, now_ms: int) -> bytes:
        """The next slow answer that is due, one datagram at a time."""
        if self._waiting and self._waiting[0][0] <= now_ms:
            return self._waiting.popleft()[1]
        return b""

    def wake_at(self) -> int | None:
        """When the next slow answer is due."""
        return self._waiting[0][0] if self._waiting else None

    def command(self, words: Sequence[str], now_ms: int) -> str:
        """One of ``commands``; raises CommandError."""
        match list(words):
            case ["fibre", ("cut" | "back") as what]:
                self._shine(what == "back", now_ms)
                return "the fibre is cut" if what == "cut" else "the fibre carries light"
            case ["rx", "absurd"]:
                self._light.absurd = True
                return f"received power is told as {ABSURD}"
            case ["rx", dbm]:
                self._light.rx_dbm, self._light.absurd = _number(dbm, "rx", -60, 10), False
                return f"{self._light.rx_dbm:g} dBm arrive"
            case ["los", ("on" | "off") as what]:
                self._light.los_told = what == "on"
                return f"loss of signal is {'told' if self._light.los else 'not told'}"
            case ["reboot"]:
                self._account(now_ms)
                self._up_since_ms = self._changed_ms = self._traffic_at_ms = now_ms + BOOT_MS
                self._traffic_ms = 0
                self._waiting.clear()
                return f"silent for {BOOT_MS} ms"
            case ["slow", delay] | ["slow", delay, "ms"]:
                self._slow_ms = int(_number(delay.removesuffix("ms"), "slow", 0, SLOW_MAX_MS))
                return f"answers take {self._slow_ms} ms"
            case _:
                known = ", ".join(_COMMANDS)
                raise CommandError(f"an ONT does not know {' '.join(words)!r}; it knows: {known}")

    def state(self, now_ms: int) -> Mapping[str, Any]:
        """What is true right now."""
        return {
            "fibre": self._light.whole,
            "rx_dbm": None if self._light.absurd else self._light.rx_milli / 1000,
            "tx_dbm": _TX_DBM,
            "los": self._light.los,
            "up_ms": max(0, now_ms - self._up_since_ms),
            "booting": now_ms < self._up_since_ms,
            "slow_ms": self._slow_ms,
            "asked": self._asked,
            "refused": self._agent.refused,
        }

    @property
    def commands(self) -> Mapping[str, str]:
        """Every command, with one line about it."""
        return _COMMANDS

    def _shine(self, whole: bool, now_ms: int) -> None:
        self._account(now_ms)
        if whole != self._light.whole:
            self._changed_ms = now_ms
        self._light.whole = whole

    def _account(self, now_ms: int) -> None:
        """Traffic flows while the fibre does."""
        if self._light.whole:
            self._traffic_ms += max(0, now_ms - self._traffic_at_ms)
        self._traffic_at_ms = max(self._traffic_at_ms, now_ms)

    def _rows(self, now_ms: int) -> dict[Oid, Value]:
        self._account(now_ms)
        up_ticks = (now_ms - self._up_since_ms) // 10
        changed = max(0, self._changed_ms - self._up_since_ms) // 10
        carried = self._traffic_ms * _BYTES_PER_S // 1000
        rows = _system(up_ticks)
        rows |= _interface(1, "eth0", _ETHERNET, 1_000, up=True, changed=0, carried=carried)
        rows |= _interface(2, "pon0", _GPON, 2_488, up=self._light.whole, changed=changed, carried=carried)
        rows[oid(RX_POWER_OID)] = Value(INTEGER, self._light.rx_milli)
        rows[oid(TX_POWER_OID)] = Value(INTEGER, round(1000 * _TX_DBM))
        rows[oid(LOS_OID)] = Value(INTEGER, _TRUE if self._light.los else _FALSE)
        return rows


def make_ont(*, now_ms: int, community: str = "public") -> OntModel:
    """An ONT with light at its end, up since ``now_ms``."""
    return OntModel(now_ms=now_ms, community=community)


def _number(text: str, command: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise CommandError(f"{command} {text!r}: a number from {low} to {high} is needed")
    return value


def _system(up_ticks: int) -> dict[Oid, Value]:
    """The system group of RFC 3418."""
    values = (
        Value(OCTETS, b"Simulated ONT, GPON class B+"),
        Value(OBJECT_ID, oid(f"{ENTERPRISE}.1")),
        Value(TIME_TICKS, up_ticks % 2**32),
        Value(OCTETS, b"nobody"),
        Value(OCTETS, b"ont"),
        Value(OCTETS, b"on the stand"),
        Value(INTEGER, 2),
    )
    return {oid(f"1.3.6.1.2.1.1.{column}.0"): value for column, value in enumerate(values, 1)}


def _interface(
    index: int, name: str, kind: int, mbit: int, *, up: bool, changed: int, carried: int
) -> dict[Oid, Value]:
    """One row of ifTable and of ifXTable (RFC 2863)."""
    status = _UP if up else _DOWN
    table = {
        1: Value(INTEGER, index),
        2: Value(OCTETS, name.encode()),
        3: Value(INTEGER, kind),
        4: Value(INTEGER, 1500),
        5: Value(GAUGE32, mbit * 1_000_000),
        6: Value(OCTETS, bytes((2, 0, 0, 0, 0, index))),
        7: Value(INTEGER, _UP),
        8: Value(INTEGER, status),
        9: Value(TIME_TICKS, changed),
        10: Value(COUNTER32, carried % 2**32),
        13: Value(COUNTER32, 0),
        14: Value(COUNTER32, 0),
        16: Value(COUNTER32, carried % 2**32),
        19: Value(COUNTER32, 0),
        20: Value(COUNTER32, 0),
    }
    extended = {
        1: Value(OCTETS, name.encode()),
        6: Value(COUNTER64, carried),
        10: Value(COUNTER64, carried),
        15: Value(GAUGE32, mbit),
    }
    rows = {oid(f"1.3.6.1.2.1.2.2.1.{column}.{index}"): value for column, value in table.items()}
    rows |= {oid(f"1.3.6.1.2.1.31.1.1.1.{column}.{index}"): value for column, value in extended.items()}
    rows[oid("1.3.6.1.2.1.2.1.0")] = Value(INTEGER, 2)
    return rows
