"""What a script can do to a simulated modem while it runs."""

from collections.abc import Sequence
from typing import Final, Literal

from simulators.devices.modem.charset import GSM_ALPHABET, pack_septets
from simulators.devices.modem.hardware import ModemHardware
from simulators.devices.modem.sim_card import Service
from simulators.devices.modem.tpdu import USER_DATA_MAX
from simulators.stand.model import CommandError

COMMANDS: Final = {
    "signal DBM": "the reference signal (RSRP) is received with so many dBm, -140 to -44",
    "network lost": "no network is heard",
    "network back": "the network is heard, lets the modem in, and is its own",
    "roaming": "the network is another operator's",
    "denied": "the network refuses this SIM",
    "hang up": "the network ends the data connection",
    "sim absent": "the SIM is pulled out",
    "sim N": "the SIM in slot N (from 1) is in use",
    "sim N served|barred|unheard": "the operator of that SIM serves it, refuses it, or has no network here",
    "sim N gone": "there is no SIM in that slot",
    "pin DIGITS": "the SIM wants this PIN, now and after every start",
    "pin off": "the SIM wants no PIN",
    "sms NUMBER TEXT": "a message from NUMBER arrives: octets where TEXT is hexadecimal, else words",
    "sms NUMBER udh HEX": "as above: octets that begin with a user data header",
    "sms lost N": "the network loses the next N messages that it accepts",
    "sms doubled N": "the network delivers the next N messages twice",
    "sms reordered N": "the next N messages are late, so that others overtake them",
    "sms refused N CODE": "the next N messages are refused with this +CMS ERROR (38 if left out)",
    "sms delay MS": "how long messages and reports are on their way",
    "storage full": "no memory has room for a message until one is deleted",
    "storage free": "the memories have the room that is left in them",
    "urc TEXT": "the modem sends this line unasked",
    "urc storm": "the modem sends lines unasked for 5 seconds, in the middle of answers too",
    "hang": "the firmware stops until the modem is rebooted",
    "slow MS": "every command line takes so much longer; 0 ends it",
    "reboot": "power goes and comes",
}
STORM_MS: Final = 5000
_SLOW_MS_MAX: Final = 600_000
_COUNT_MAX: Final = 1000
_DIGITS_MAX: Final = 20


class Script:
    """Runs the commands of ``COMMANDS`` on a model."""

    def __init__(self, model: ModemHardware) -> None:
        self._model: Final = model

    def run(self, words: Sequence[str], now_ms: int) -> str:
        """Do one command and say what is so now; raises CommandError."""
        match list(words):
            case ["signal", dbm]:
                return self._signal(dbm, now_ms)
            case ["network", "lost" | "back"] | ["roaming"] | ["denied"]:
                return self._network(words[-1], now_ms)
            case ["hang", "up"]:
                self._model.device.carrier_lost()
                self._model.device.hang_up()
                return "the network ended the data connection"
            case ["sim", which, *about]:
                return self._sim(which, about, now_ms)
            case ["pin", digits]:
                return self._pin(digits, now_ms)
            case ["sms", *rest] if rest:
                return self._sms(rest, now_ms)
            case ["storage", "full" | "free" as fill]:
                for memory in self._model.device.memories():
                    memory.full = fill == "full"
                return f"the memories for messages are {fill}"
            case _:
                return self._firmware(words, now_ms)

    def _firmware(self, words: Sequence[str], now_ms: int) -> str:
        model = self._model
        match list(words):
            case ["urc", "storm"]:
                model.storm(now_ms, STORM_MS)
                return f"lines come unasked for {STORM_MS} ms"
            case ["urc", *text] if text:
                model.device.unsolicited(" ".join(text))
                return f"the modem says: {' '.join(text)}"
            case ["hang"]:
                model.hung = True
                return "the firmware hangs until the modem is rebooted"
            case ["slow", ms] | ["slow", ms, "ms"]:
                model.engine.slow_ms = _number(ms.removesuffix("ms"), 0, _SLOW_MS_MAX, "slow 500")
                return f"every command line takes {model.engine.slow_ms} ms longer"
            case ["reboot"]:
                model.reboot(now_ms)
                return f"the modem starts anew and is there in {model.boot_ms} ms"
            case _:
                raise CommandError(f"{' '.join(words)!r} is not known; known are: {', '.join(COMMANDS)}")

    def _signal(self, dbm: str, now_ms: int) -> str:
        self._model.device.radio.rsrp_dbm = _number(dbm.removesuffix("dBm"), -140, -44, "signal -115")
        self._model.device.settle(now_ms)
        return f"RSRP is {self._model.device.radio.rsrp_dbm} dBm"

    def _network(self, what: str, now_ms: int) -> str:
        device = self._model.device
        radio = device.radio
        radio.lost = what == "lost"
        radio.roaming = what == "roaming"
        radio.denied = what == "denied"
        device.settle(now_ms)
        return {
            "lost": "no network is heard",
            "back": "the home network is heard",
            "roaming": "another operator's network is heard",
            "denied": "the network refuses this SIM",
        }[what]

    def _sim(self, which: str, about: Sequence[str], now_ms: int) -> str:
        device = self._model.device
        match about:
            case []:
                pass
            case ["served" | "barred" | "unheard" | "gone" as service]:
                return self._card(which, service, now_ms)
            case _:
                raise CommandError(f"sim {which} {' '.join(about)!r}: such as sim 1 barred")
        if which == "absent":
            device.sim_seated = False
            device.unsolicited("+CPIN: NOT INSERTED")
            device.settle(now_ms)
            return "the SIM is out"
        slot = _number(which, 1, len(device.sims), "sim 1")
        device.sim_seated = True
        device.select_sim(slot - 1, now_ms)
        device.unsolicited(f"+CPIN: {device.sim.lock if device.sim else 'NOT INSERTED'}")
        return f"the SIM in slot {slot} is in use"

    def _card(self, which: str, service: Service | Literal["gone"], now_ms: int) -> str:
        device = self._model.device
        slot = _number(which, 1, len(device.sims), "sim 1 barred")
        card = device.sims[slot - 1]
        if service == "gone":
            device.sims[slot - 1] = None
        elif card is None:
            raise CommandError(f"sim {slot}: there is no SIM in that slot")
        else:
            card.service = service
        device.settle(now_ms)
        return f"the SIM in slot {slot} is {service}"

    def _pin(self, digits: str, now_ms: int) -> str:
        device = self._model.device
        sim = device.sim
        if sim is None:
            raise CommandError("pin: there is no SIM")
        if digits == "off":
            sim.pin_wanted = False
            sim.power_up()
            device.settle(now_ms)
            return "the SIM wants no PIN"
        if not (digits.isascii() and digits.isdigit() and len(digits) in range(4, 9)):
            raise CommandError(f"pin {digits!r}: 4 to 8 digits are needed, as in: pin 1234")
        sim.pin, sim.pin_wanted = digits, True
        sim.power_up()
        device.unsolicited(f"+CPIN: {sim.lock}")
        device.settle(now_ms)
        return f"the SIM wants the PIN {digits}"

    def _sms(self, words: list[str], now_ms: int) -> str:
        network = self._model.device.network
        match words:
            case ["lost", count]:
                network.lose = _number(count, 0, _COUNT_MAX, "sms lost 1")
                return f"the next {network.lose} messages are lost"
            case ["doubled", count]:
                network.double = _number(count, 0, _COUNT_MAX, "sms doubled 1")
                return f"the next {network.double} messages come twice"
            case ["reordered", count]:
                network.reorder = _number(count, 0, _COUNT_MAX, "sms reordered 1")
                return f"the next {network.reorder} messages are overtaken"
            case ["refused", count, *code] if len(code) <= 1:
                network.refuse = _number(count, 0, _COUNT_MAX, "sms refused 1 38")
                network.refuse_code = _number(code[0], 0, 511, "sms refused 1 38") if code else 38
                return f"the next {network.refuse} messages are refused with {network.refuse_code}"
            case ["delay", ms]:
                network.forward_ms = _number(ms, 0, _SLOW_MS_MAX, "sms delay 800")
                return f"messages are {network.forward_ms} ms on their way"
            case [number, *text] if text:
                return self._arrives(number, text, now_ms)
            case _:
                raise CommandError("sms: a number and a text are needed, as in: sms +99900000042 hello")

    def _arrives(self, number: str, words: list[str], now_ms: int) -> str:
        sim = self._model.device.sim
        digits = number.removeprefix("+")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX):
            raise CommandError(f"sms {number!r}: a telephone number is needed, as in: sms +99900000042 hello")
        if sim is None:
            raise CommandError("sms: there is no SIM that it could be for")
        header = words[0] == "udh"
        octets = _octets(words[1:] if header else words)
        if header and octets is None:
            raise CommandError("sms: octets in hexadecimal are needed after udh")
        text = None if octets is not None else " ".join(words)
        data = octets if octets is not None else pack_septets(text or "")
        if len(data) > USER_DATA_MAX or any(letter not in GSM_ALPHABET for letter in text or ""):
            raise CommandError(f"sms: at most {USER_DATA_MAX} octets, or 160 letters of the GSM alphabet")
        self._model.device.network.inject(number, sim.number, data, now_ms, text=text, header=header)
        self._model.device.receive(now_ms)
        return f"a message from {number} is on its way"


def _octets(words: list[str]) -> bytes | None:
    try:
        return bytes.fromhex(" ".join(words))
    except ValueError:
        return None


def _number(text: str, least: int, most: int, example: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise CommandError(f"{text!r}: a number from {least} to {most} is needed, as in: {example}")
    return value
