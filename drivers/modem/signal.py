"""What a modem measures of the radio, in dBm and dB, and what it comes to in one word.

The coded values are those of TS 27.007 8.5 (+CSQ) and 8.69 (+CESQ), whose tables repeat TS 45.008 8.1.4 (RXLEV),
TS 25.133 9.1.1.3 and 9.1.2.3 (RSCP, Ec/No), TS 36.133 9.1.4 and 9.1.7 (RSRP, RSRQ) and TS 38.133 10.1.6 to 10.1.16
(SS-RSRP, SS-RSRQ, SS-SINR). A code stands for a step of 0.5, 1 or 2 dB: what is returned is its lower edge, and for the
lowest code, which has none, one step below its upper edge.
"""

from typing import Final

from drivers.ports import Signal, SignalGrade

CSQ_MAX: Final = 31
RXLEV_MAX: Final = 63
RSCP_MAX: Final = 96
RSRQ_MAX: Final = 34
RSRP_MAX: Final = 97
SS_RSRQ_MAX: Final = 126
SS_RSRP_MAX: Final = 126
SS_SINR_MAX: Final = 127
QCSQ_SINR_MAX: Final = 250

# From which value on a measurement is called good, and fair; what is less is poor. The bands are those in which makers
# of routers sum up "excellent" and "good", and "fair" (Teltonika, "Mobile Signal Strength Recommendations": RSRP -90
# and -100 dBm, RSRQ -15 and -20 dB, SINR 13 and 0 dB, RSSI of 2G and 3G -85 and -100 dBm). TS 36.331 names no grades.
RSRP_GOOD_DBM: Final = -90.0
RSRP_FAIR_DBM: Final = -100.0
RSRQ_GOOD_DB: Final = -15.0
RSRQ_FAIR_DB: Final = -20.0
SINR_GOOD_DB: Final = 13.0
SINR_FAIR_DB: Final = 0.0
RSSI_GOOD_DBM: Final = -85.0
RSSI_FAIR_DBM: Final = -100.0
RSSI_DEAF_DBM: Final = -113.0  # +CSQ 0 and less: the receiver's floor, nothing to grade

_ORDER: Final[tuple[SignalGrade, ...]] = ("none", "poor", "fair", "good")


def csq_rssi_dbm(code: int) -> float | None:
    """RSSI of +CSQ, -113 to -51 dBm; None for 99 (not known) and what lies out of range."""
    return _linear(code, CSQ_MAX, -113.0, 2.0)


def rxlev_dbm(code: int) -> float | None:
    """RXLEV of GSM, -111 to -48 dBm; None for 99."""
    return _linear(code, RXLEV_MAX, -111.0, 1.0)


def rscp_dbm(code: int) -> float | None:
    """CPICH RSCP of UMTS, -121 to -25 dBm; None for 255."""
    return _linear(code, RSCP_MAX, -121.0, 1.0)


def rsrq_db(code: int) -> float | None:
    """RSRQ of LTE, -20.0 to -3.0 dB; None for 255."""
    return _linear(code, RSRQ_MAX, -20.0, 0.5)


def rsrp_dbm(code: int) -> float | None:
    """RSRP of LTE, -141 to -44 dBm; None for 255."""
    return _linear(code, RSRP_MAX, -141.0, 1.0)


def ss_rsrq_db(code: int) -> float | None:
    """SS-RSRQ of NR, -43.5 to 19.5 dB; None for 255."""
    return _linear(code, SS_RSRQ_MAX, -43.5, 0.5)


def ss_rsrp_dbm(code: int) -> float | None:
    """SS-RSRP of NR, -157 to -31 dBm; None for 255."""
    return _linear(code, SS_RSRP_MAX, -157.0, 1.0)


def ss_sinr_db(code: int) -> float | None:
    """SS-SINR of NR, -23.5 to 40.0 dB; None for 255."""
    return _linear(code, SS_SINR_MAX, -23.5, 0.5)


def qcsq_sinr_db(code: int) -> float | None:
    """SINR of Quectel's +QCSQ, in fifths of a dB from -20 dB on (Quectel EC2x AT Commands Manual, +QCSQ)."""
    return _linear(code, QCSQ_SINR_MAX, -20.0, 0.2)


def graded(
    rssi_dbm: float | None, rsrp_dbm: float | None, rsrq_db: float | None, sinr_db: float | None
) -> Signal:
    """Returns the measurements with their grade: the worst of what LTE and NR measure, else that of the RSSI."""
    grades = [
        _grade(value, good, fair)
        for value, good, fair in (
            (rsrp_dbm, RSRP_GOOD_DBM, RSRP_FAIR_DBM),
            (rsrq_db, RSRQ_GOOD_DB, RSRQ_FAIR_DB),
            (sinr_db, SINR_GOOD_DB, SINR_FAIR_DB),
        )
        if value is not None
    ]
    if not grades and rssi_dbm is not None and rssi_dbm > RSSI_DEAF_DBM:
        grades = [_grade(rssi_dbm, RSSI_GOOD_DBM, RSSI_FAIR_DBM)]
    grade: SignalGrade = min(grades, key=_ORDER.index) if grades else "none"
    return Signal(rssi_dbm, rsrp_dbm, rsrq_db, sinr_db, grade)


def _grade(value: float, good: float, fair: float) -> SignalGrade:
    if value >= good:
        return "good"
    return "fair" if value >= fair else "poor"


def _linear(code: int, code_max: int, lowest: float, step: float) -> float | None:
    return round(lowest + code * step, 1) if 0 <= code <= code_max else None
