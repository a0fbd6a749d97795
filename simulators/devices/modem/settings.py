"""What the other side has set at the modem; gone with a reboot or ATZ."""

from dataclasses import dataclass, field

CONTEXT_IDS = range(1, 9)  # of PDP contexts


@dataclass(slots=True)
class Context:
    """A PDP context as +CGDCONT defines it. ``address``: of the terminal, while it is active."""

    kind: str = "IP"
    apn: str = ""
    active: bool = False

    def address(self, cid: int) -> str:
        """What the network gives an active context: an address of the block for documentation (RFC 5737)."""
        return f"198.51.100.{9 + cid}"


@dataclass(slots=True)
class Settings:
    """Everything that ATZ puts back. Registers and names as in V.250, TS 27.007 and TS 27.005."""

    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    extended_codes: int = 4
    registers: dict[int, int] = field(
        default_factory=lambda: {0: 0, 3: 13, 4: 10, 5: 8, 6: 2, 7: 60, 8: 2, 10: 15, 12: 50}
    )
    cmee: int = 0
    charset: str = "IRA"
    reports: dict[str, int] = field(default_factory=lambda: {"+CREG": 0, "+CGREG": 0, "+CEREG": 0})
    operator_format: int = 0
    indicator_reports: bool = False
    text_mode: bool = False
    sms_service: int = 0
    cnmi: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    csmp: tuple[int, int, int, int] = (17, 167, 0, 0)
    memories: list[str] = field(default_factory=lambda: ["SM", "SM", "SM"])
    more_to_send: int = 0
    contexts: dict[int, Context] = field(default_factory=lambda: {1: Context(apn="internet")})
    plain: dict[str, str] = field(default_factory=dict)
    """What is remembered and told again, and changes nothing here."""
