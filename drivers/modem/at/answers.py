"""What the lines of answers say (3GPP TS 27.007, TS 27.005). Each parser takes one line, its prefix included.

Every parser raises AtAnswerError where the line is not what the standard lays down.
"""

import re
from dataclasses import dataclass
from typing import Final

from drivers.modem.errors import AtAnswerError
from drivers.modem.signal import (
    csq_rssi_dbm,
    qcsq_sinr_db,
    rscp_dbm,
    rsrp_dbm,
    rsrq_db,
    rxlev_dbm,
    ss_rsrp_dbm,
    ss_rsrq_db,
    ss_sinr_db,
)
from drivers.ports import Registration, SimState, Technology

FIELDS_MAX: Final = 64  # fields of one line; a list of cells has fewer
_PREFIX: Final = re.compile(r"([+^*$][A-Z0-9]{2,15}): ?(.*)")
_FIELD: Final = re.compile(r'\s*("(?:[^"]*)"|\([^)]*\)|[^,"(]*)\s*(,|$)')
_IMEI: Final = re.compile(r"(?<![0-9])([0-9]{15})(?![0-9])")

_SIM: Final[dict[str, SimState]] = {
    "READY": "ready",
    "SIM PIN": "pin-required",
    "SIM PUK": "puk-required",
    "SIM PIN2": "ready",
    "SIM PUK2": "ready",
    "NOT INSERTED": "absent",
    "SIM NOT INSERTED": "absent",
    "SIM REMOVED": "absent",
    "NOT READY": "unknown",
    "PH-SIM PIN": "failure",
    "PH-NET PIN": "failure",
}

# <stat> of +CREG, +CGREG and +CEREG (TS 27.007 7.2, 10.1.20, 10.1.22). 6 and 7: for SMS only; 9 and 10: CSFB not
# preferred.
_STATES: Final[dict[int, Registration]] = {
    0: "not-registered",
    1: "home",
    2: "searching",
    3: "denied",
    4: "unknown",
    5: "roaming",
    6: "home",
    7: "roaming",
    8: "emergency-only",
    9: "home",
    10: "roaming",
}

# <AcT> of +COPS and of the registrations (TS 27.007 7.2, 7.3). 13 is LTE with NR beside it.
_TECHNOLOGIES: Final[dict[int, Technology]] = {
    0: "gsm",
    1: "gsm",
    2: "umts",
    3: "gsm",
    4: "umts",
    5: "umts",
    6: "umts",
    7: "lte",
    8: "gsm",
    9: "lte",
    10: "lte",
    11: "nr",
    12: "nr",
    13: "lte",
}


@dataclass(frozen=True, slots=True)
class RegistrationLine:
    """+CREG and its kin. ``solicited``: the answer to a question, which repeats the mode of the URC first."""

    domain: str
    """``+CREG``, ``+CGREG``, ``+CEREG`` or ``+C5GREG``."""
    state: Registration
    technology: Technology | None
    solicited: bool


@dataclass(frozen=True, slots=True)
class OperatorLine:
    """+COPS: an operator's code (MCC and MNC) or name, whichever format is set; both None where there is none."""

    code: str | None
    name: str | None
    technology: Technology | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one answer measures; None where it does not."""

    rssi_dbm: float | None = None
    rsrp_dbm: float | None = None
    rsrq_db: float | None = None
    sinr_db: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A PDP context: +CGACT tells ``active``, +CGDCONT the ``apn``."""

    cid: int
    active: bool | None
    apn: str | None


def prefix_of(text: str) -> str:
    """Returns the prefix of an answer or URC, as ``+CREG``; empty where a line has none."""
    match = _PREFIX.fullmatch(text)
    return match[1] if match else ""


def fields(text: str) -> list[str]:
    """Returns what stands after the prefix, cut at the commas that are outside of quotes and parentheses, raw."""
    match = _PREFIX.fullmatch(text)
    if match is None:
        raise AtAnswerError(f"not an answer with a prefix: {text[:60]!r}")
    rest, at = match[2], 0
    found: list[str] = []
    while len(found) < FIELDS_MAX:
        field = _FIELD.match(rest, at)
        if field is None:
            raise AtAnswerError(f"cannot be cut into fields: {text[:60]!r}")
        found.append(field[1].strip())
        at = field.end()
        if not field[2]:
            return found
    raise AtAnswerError(f"more than {FIELDS_MAX} fields: {text[:60]!r}")


def number(raw: str, base: int = 10) -> int:
    """Returns a number of at most nine digits. AtAnswerError: it is none."""
    digits = raw.strip('"')
    try:
        if not 1 <= len(digits) <= 9 or not digits.isalnum():  # noqa: PLR2004 - said above
            raise ValueError  # noqa: TRY301 - one sentence for both
        return int(digits, base)
    except ValueError:
        raise AtAnswerError(f"not a number: {raw[:20]!r}") from None


def string(raw: str) -> str:
    """Returns a field without its quotes."""
    return raw.strip('"').strip()


def parse_imei(text: str) -> str:
    """Returns the 15 digits of +CGSN, bare or with prefix and quotes; empty where there are none."""
    match = _IMEI.search(text)
    return match[1] if match else ""


def parse_plain(text: str) -> str:
    """Returns an answer of +CGMI, +CGMM or +CGMR, which some modems give with a prefix and quotes."""
    match = _PREFIX.fullmatch(text)
    return string(match[2] if match else text)


def parse_sim(text: str) -> SimState:
    """Reads +CPIN (8.3). What asks for anything but the PIN or PUK of the SIM cannot be served: ``failure``."""
    code = string(",".join(fields(text)))
    return _SIM.get(code.upper(), "failure")


def parse_tries(text: str) -> int:
    """Returns the tries left of the SIM's PIN: +CPINR (8.65), +QPINC (Quectel), +SPIC (SIMCom)."""
    prefix, found = prefix_of(text), fields(text)
    at = 0 if prefix == "+SPIC" else 1
    if prefix not in ("+CPINR", "+QPINC", "+SPIC") or len(found) <= at:
        raise AtAnswerError(f"tells no tries of the PIN: {text[:60]!r}")
    if at and string(found[0]).upper() not in ("SIM PIN", "SC"):
        raise AtAnswerError(f"tells the tries of another code: {text[:60]!r}")
    return number(found[at])


def parse_registration(text: str) -> RegistrationLine:
    """Reads +CREG, +CGREG, +CEREG, +C5GREG, both the answer ``<n>,<stat>[,...]`` and the URC ``<stat>[,...]``.

    They differ in what stands second: the state is a bare number, the area code of a URC stands in quotes. Where a
    modem leaves the quotes out, an answer has two, four or more fields of which the second has one or two digits.
    """
    found = fields(text)
    solicited = len(found) > 1 and _is_state(found[1]) and len(found) != 3  # noqa: PLR2004 - stat, area, cell
    if len(found) == 3 and _is_state(found[1]) and found[2].startswith('"'):  # noqa: PLR2004
        solicited = True  # some modems leave the cell out
    rest = found[1:] if solicited else found
    state = _STATES.get(number(rest[0]), "unknown")
    technology = None
    if len(rest) > 3 and rest[3]:  # noqa: PLR2004 - stat, area, cell, AcT
        technology = _TECHNOLOGIES.get(number(rest[3]))
    return RegistrationLine(prefix_of(text), state, technology, solicited)


def _is_state(raw: str) -> bool:
    return raw.isascii() and raw.isdigit() and int(raw[:3]) in _STATES and len(raw) <= 2  # noqa: PLR2004


def parse_operator(text: str) -> OperatorLine:
    """Reads +COPS (7.3): ``<mode>[,<format>,<oper>[,<AcT>]]``; a name in UCS2 comes as four hexadecimal digits each."""
    found = fields(text)
    if len(found) < 3:  # noqa: PLR2004
        return OperatorLine(None, None, None)
    kind, operator = number(found[1]), string(found[2])
    technology = _TECHNOLOGIES.get(number(found[3])) if len(found) > 3 and found[3] else None  # noqa: PLR2004
    if kind == 2:  # noqa: PLR2004 - numeric
        operator = operator if re.fullmatch(r"[0-9]{5,6}", operator) else _from_ucs2(operator)
        if not re.fullmatch(r"[0-9]{5,6}", operator):
            raise AtAnswerError(f"not the code of an operator: {text[:60]!r}")
        return OperatorLine(operator, None, technology)
    return OperatorLine(None, _from_ucs2(operator)[:64] or None, technology)


def _from_ucs2(name: str) -> str:
    if len(name) % 4 == 0 and re.fullmatch(r"(?:00[2-7][0-9A-Fa-f]|0[46][0-9A-Fa-f]{2})+", name):
        return bytes.fromhex(name).decode("utf-16-be", errors="replace")
    return name


def parse_csq(text: str) -> Measured:
    """Reads +CSQ (8.5): ``<rssi>,<ber>``."""
    return Measured(rssi_dbm=csq_rssi_dbm(number(fields(text)[0])))


def parse_cesq(text: str) -> Measured:
    """Reads +CESQ (8.69): RXLEV, BER, RSCP, Ec/No, RSRQ, RSRP, and from release 15 on SS-RSRQ, SS-RSRP, SS-SINR."""
    codes = [number(raw) for raw in fields(text)]
    if len(codes) < 6:  # noqa: PLR2004
        raise AtAnswerError(f"+CESQ has six values or nine: {text[:60]!r}")
    rssi = rxlev_dbm(codes[0]) if codes[0] != 99 else rscp_dbm(codes[2])  # noqa: PLR2004 - not known
    rsrq, rsrp, sinr = rsrq_db(codes[4]), rsrp_dbm(codes[5]), None
    if len(codes) >= 9:  # noqa: PLR2004
        sinr = ss_sinr_db(codes[8])
        if rsrp is None:
            rsrq, rsrp = ss_rsrq_db(codes[6]), ss_rsrp_dbm(codes[7])
    return Measured(rssi, rsrp, rsrq, sinr)


def parse_qcsq(text: str) -> Measured:
    """Reads Quectel's +QCSQ: ``"LTE",<rssi>,<rsrp>,<sinr>,<rsrq>`` in dBm, dBm, fifths of a dB, dB."""
    found = fields(text)
    if string(found[0]) not in ("LTE", "CAT-M1", "eMTC", "CAT-NB1", "NBIoT") or len(found) < 5:  # noqa: PLR2004
        return Measured()
    return Measured(sinr_db=qcsq_sinr_db(number(found[3])))


def parse_context(text: str) -> Context:
    """Reads +CGACT (10.1.10) ``<cid>,<state>`` and +CGDCONT (10.1.1) ``<cid>,<type>,<APN>,...``."""
    found = fields(text)
    if len(found) < 2:  # noqa: PLR2004
        raise AtAnswerError(f"a context without its state or type: {text[:60]!r}")
    cid = number(found[0])
    if prefix_of(text) == "+CGACT":
        return Context(cid, number(found[1]) == 1, None)
    return Context(cid, None, string(found[2]) if len(found) > 2 else "")  # noqa: PLR2004


def parse_stores(text: str) -> tuple[str, ...]:
    """Returns the three stores that +CPMS (TS 27.005 3.2.2) has in use, as ``("SM", "SM", "SM")``."""
    return tuple(string(raw) for raw in fields(text) if raw.startswith('"'))


def parse_stores_known(text: str) -> tuple[str, ...]:
    """Returns the stores that may be read, of the answer to AT+CPMS=?: ``+CPMS: ("SM","ME"),...``."""
    return tuple(re.findall(r'"([A-Z]{2})"', fields(text)[0]))


def parse_stored(text: str) -> tuple[str, int]:
    """Returns store and index of +CMTI and +CDSI (TS 27.005 3.4.1)."""
    found = fields(text)
    if len(found) != 2 or not re.fullmatch(r'"[A-Z]{2}"', found[0]):  # noqa: PLR2004
        raise AtAnswerError(f"names no stored message: {text[:60]!r}")
    return string(found[0]), number(found[1])


def parse_first_number(text: str) -> int:
    """Returns the first field as a number: <mr> of +CMGS, <index> of +CMGL, <service> of +CSMS, a slot."""
    return number(fields(text)[0])


def parse_tpdu_length(text: str) -> int:
    """Returns the length of the TPDU that the next line holds: the last field of +CMT, +CDS, +CMGR and +CMGL."""
    return number(fields(text)[-1])
