"""The radio: whether the modem is registered, and how well it hears."""

from typing import Final

from simulators.devices.modem.sim_card import Service

REGISTRATION_MS: Final = 1500  # from a visible network to registration
LTE: Final = 7  # access technology (TS 27.007, +COPS)
_HOME: Final = 1
_ROAMING: Final = 5
_GOOD_RSRP: Final = -90
_RSSI_ABOVE_RSRP_DB: Final = 27  # 50 resource blocks of 12 subcarriers


class Radio:
    """Registration and signal. ``stat``: 0 idle, 1 home, 2 searching, 3 denied, 5 roaming (TS 27.007, +CREG)."""

    def __init__(self) -> None:
        self.stat = 0
        self.registration_ms = REGISTRATION_MS
        self.lost = self.denied = self.roaming = self.detached = False
        self.service: Service = "served"
        self.rsrp_dbm = -85
        self.cell = 0x00A1B201
        self.area = 0x1001
        self._due_ms: int | None = None

    @property
    def registered(self) -> bool:
        """Whether the network serves this modem."""
        return self.stat in (_HOME, _ROAMING)

    def settle(self, now_ms: int, *, usable: bool) -> None:
        """Act on what changed. ``usable``: the radio is on and the SIM open."""
        target = self._target(usable=usable)
        if target not in (_HOME, _ROAMING) or self.registered:
            self.stat, self._due_ms = target, None
        elif self._due_ms is None:
            self.stat, self._due_ms = 2, now_ms + self.registration_ms
        elif now_ms >= self._due_ms:
            self.stat, self._due_ms = target, None

    def due_at(self) -> int | None:
        """When the search ends."""
        return self._due_ms

    @property
    def audible(self) -> bool:
        """Whether any network is heard."""
        return not self._silent

    @property
    def rsrq_db(self) -> float:
        """Follows the reference signal's power."""
        return max(-19.5, -8 - max(0, _GOOD_RSRP - self.rsrp_dbm) * 0.25)

    @property
    def sinr_db(self) -> float:
        """Follows the reference signal's power."""
        return max(-20.0, min(30.0, (self.rsrp_dbm + 115) * 20 / 35))

    @property
    def rssi_dbm(self) -> int:
        """Of the whole carrier."""
        return self.rsrp_dbm + _RSSI_ABOVE_RSRP_DB

    @property
    def bars(self) -> int:
        """The indicator ``signal`` of +CIND, 0 to 5."""
        if self._silent:
            return 0
        return sum(self.rsrp_dbm >= bound for bound in (-120, -110, -100, -90, -80))

    def csq(self) -> str:
        """Values of +CSQ."""
        return "99,99" if self._silent else f"{max(0, min(31, (self.rssi_dbm + 113) // 2))},99"

    def cesq(self) -> str:
        """Values of +CESQ."""
        if self._silent:
            return "99,99,255,255,255,255"
        rsrq = max(0, min(34, int((self.rsrq_db + 19.5) * 2) + 1))
        return f"99,99,255,255,{rsrq},{max(0, min(97, self.rsrp_dbm + 141))}"

    @property
    def _silent(self) -> bool:
        return self.lost or self.service == "unheard"

    def _target(self, *, usable: bool) -> int:
        if not usable or self.detached:
            return 0
        if self._silent:
            return 2
        if self.denied or self.service == "barred":
            return 3
        return _ROAMING if self.roaming else _HOME
