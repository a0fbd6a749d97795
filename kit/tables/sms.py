"""What the configuration says of SMS: the gateways of the centre, the modems to use, and what it may cost."""

from typing import Annotated, Final

from msgspec import Meta

from crypto.wire import Id
from kit.sms.plan import NUMBERS_MAX, SmsPlan
from kit.tables.devices import ConfigError, ManagedModemLine, ModemLine, Section

Number = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")]
"""E.164: a plus sign, the country's code, and no more than 15 digits."""
MODEMS_MAX: Final = 8  # modems of one kit


class SmsTable(Section, frozen=True):
    """``[sms]``. Nothing is ever sent to any other number than these."""

    numbers: Annotated[tuple[Number, ...], Meta(min_length=1, max_length=NUMBERS_MAX)]
    """Of the centre's gateways, in order of preference."""
    modems: Annotated[tuple[Id, ...], Meta(max_length=MODEMS_MAX)] = ()
    """Names of [[modems]] in order of preference; empty: all of them, in their order."""
    patience_s: Annotated[int, Meta(ge=30, le=3_600)] = 240
    """How long an acknowledgement is waited for after the last part, before parts go out again."""
    max_per_hour: Annotated[int, Meta(ge=6, le=500)] = 40
    """SMS in any hour, of all envelopes together."""
    max_per_envelope: Annotated[int, Meta(ge=6, le=1_000)] = 80
    """SMS for one envelope, in all."""

    def plan(self, lines: tuple[ModemLine, ...]) -> SmsPlan:
        """What the core gets. ``lines``: all modems that are configured. Raises ConfigError."""
        modems = tuple(line.name for line in lines)
        if not modems:
            raise ConfigError("[sms] needs a modem: add [[modems]], or take [sms] out")
        unknown = [name for name in self.modems if name not in modems]
        if unknown:
            raise ConfigError(
                f"[sms] modems: there is no modem {unknown[0]!r}; [[modems]] has {', '.join(modems)}"
            )
        for what, names in (("modems", self.modems), ("numbers", self.numbers)):
            if len(set(names)) != len(names):
                raise ConfigError(f"[sms] {what}: one of {', '.join(names)} stands there twice")
        return SmsPlan(
            numbers=self.numbers,
            modems=self.modems or modems,
            patience_ms=self.patience_s * 1000,
            max_per_hour=self.max_per_hour,
            max_per_envelope=self.max_per_envelope,
            whole=frozenset(line.name for line in lines if isinstance(line, ManagedModemLine)),
        )
