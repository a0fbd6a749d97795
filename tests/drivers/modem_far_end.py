"""A modem that follows a script of answers, written without a look at the driver's codec."""

from collections import deque
from collections.abc import Callable

from drivers.dialogue import Step
from drivers.modem.at.dialogue import AtDialogue
from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemEvent

OK = ["OK"]
LATENCY_MS = 1


class ScriptedModem:
    """Answers whole command lines. ``answers``: lines by command; what is not in there is ERROR."""

    def __init__(self) -> None:
        self.echo = False
        self.mute = False
        self.between: list[str] = []
        """URC lines that come between any two lines of every answer."""
        self.heard: list[str] = []
        self.reference = 6
        self.submitted: list[tuple[int, str]] = []
        self.submit_error: str | None = None
        self.swallow_submit = False
        self.stores: dict[str, dict[int, tuple[int, str]]] = {"SM": {}, "ME": {}}
        self.store = "SM"
        self.answers: dict[str, list[str]] = {
            "AT": OK,
            "ATZ": OK,
            "ATQ0V1E0": OK,
            "AT+CMEE=1": OK,
            'AT+CSCS="GSM"': OK,
            "AT+CFUN?": ["+CFUN: 1", "OK"],
            "AT+CFUN=1": OK,
            "AT+CFUN=4": OK,
            "AT+CFUN=1,1": OK,
            "AT+CREG=2": OK,
            "AT+CGREG=2": OK,
            "AT+CEREG=2": OK,
            "AT+CGMI": ["Quectel", "OK"],
            "AT+CGMM": ["EC25", "OK"],
            "AT+CGMR": ["EC25EFAR06A01M4G", "OK"],
            "AT+CGSN": ["490154203237518", "OK"],
            "AT+CPIN?": ["+CPIN: READY", "OK"],
            "AT+CPINR": ["+CPINR: SIM PIN,3,3", "OK"],
            "AT+CREG?;+CGREG?;+CEREG?": [
                '+CREG: 2,1,"1A2B","01234567",7',
                '+CGREG: 2,1,"1A2B","01234567",7',
                '+CEREG: 2,1,"1A2B","01234567",7',
                "OK",
            ],
            "AT+COPS=3,2;+COPS?;+COPS=3,0;+COPS?": ['+COPS: 0,2,"43211",7', '+COPS: 0,0,"MCI",7', "OK"],
            "AT+CSQ;+CESQ": ["+CSQ: 20,99", "+CESQ: 99,99,255,255,20,60", "OK"],
            "AT+QCSQ": ['+QCSQ: "LTE",-60,-81,170,-10', "OK"],
            "AT+CGACT?": ["+CGACT: 1,1", "OK"],
            "AT+CMGF=0": OK,
            "AT+CSMS?": ["+CSMS: 0,1,1,1", "OK"],
            "AT+CNMI=2,1,0,2,0": OK,
            "AT+CPMS?": ['+CPMS: "SM",0,20,"SM",0,20,"SM",0,20', "OK"],
            "AT+CPMS=?": ['+CPMS: ("SM","ME"),("SM","ME"),("SM")', "OK"],
            "AT+CMMS=1": OK,
        }
        self._line = ""
        self._wants: int | None = None

    def set_registration(self, state: int) -> None:
        self.answers["AT+CREG?;+CGREG?;+CEREG?"] = [
            f"{d}: 2,{state}" for d in ("+CREG", "+CGREG", "+CEREG")
        ] + OK

    def feed(self, data: bytes) -> bytes:
        out = ""
        for byte in data.decode("latin-1"):
            if byte == "\x1b":
                self._wants, self._line = None, ""
            elif self._wants is not None and byte == "\x1a":
                out += (self._line + "\x1a" if self.echo else "") + self._submit(self._line)
                self._wants, self._line = None, ""
            elif self._wants is None and byte == "\r":
                command, self._line = self._line, ""
                if command:
                    out += (command + "\r" if self.echo else "") + self._answer(command)
            else:
                self._line += byte
        return b"" if self.mute else out.encode("latin-1")

    def _answer(self, command: str) -> str:
        self.heard.append(command)
        if command.startswith("AT+CMGS=") and "AT+CMGS" not in self.answers:
            self._wants = int(command.removeprefix("AT+CMGS="))
            return "\r\n> "
        if command.startswith('AT+CPMS="'):
            self.store = command.split('"')[1]
            return self._lines(["+CPMS: 1,20,1,20,1,20", *OK])
        if command == "AT+CMGL=4":
            listed: list[str] = []
            for index, (state, pdu) in self.stores[self.store].items():
                listed += [f"+CMGL: {index},{state},,{_length(pdu)}", pdu]
            return self._lines([*listed, *OK])
        if command.startswith("AT+CMGR="):
            if int(command[8:]) not in self.stores[self.store]:
                return self._lines(["+CMS ERROR: 321"])
            state, pdu = self.stores[self.store][int(command[8:])]
            return self._lines([f"+CMGR: {state},,{_length(pdu)}", pdu, *OK])
        if command.startswith("AT+CMGD="):
            self.stores[self.store].pop(int(command[8:]), None)
            return self._lines(OK)
        return self._lines(self.answers.get(command, ["ERROR"]))

    def _submit(self, pdu: str) -> str:
        self.submitted.append((self._wants or 0, pdu))
        if self.swallow_submit:
            return ""
        if self.submit_error is not None:
            return self._lines([self.submit_error])
        self.reference += 1
        return self._lines([f"+CMGS: {self.reference}", *OK])

    def _lines(self, lines: list[str]) -> str:
        out = "".join(f"\r\n{line}\r\n" for line in self.between)
        for line in lines:
            out += f"\r\n{line}\r\n"
            if line not in ("OK", "ERROR"):
                out += "".join(f"\r\n{urc}\r\n" for urc in self.between)
        return out


def _length(pdu: str) -> int:
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)


class Bench:
    """A dialogue and a modem that answers after LATENCY_MS, in pieces of ``piece`` bytes, on a clock that jumps."""

    def __init__(self, settings: AtSettings | None = None, *, piece: int = 4096, power: bool = False) -> None:
        self.modem = ScriptedModem()
        self.dialogue = AtDialogue(settings or AtSettings(), can_power_cycle=power)
        self.piece = piece
        self.now = 0
        self.line = True
        self.events: list[ModemEvent] = []
        self.delay_ms = 0
        """How much later the answers come."""
        self._last_due = 0
        self._arriving: deque[tuple[int, bytes]] = deque()
        self.on_send: Callable[[bytes], None] = lambda _: None

    def take(self, step: Step[ModemEvent]) -> None:
        self.events += step.events
        if step.send and self.line:
            self.on_send(step.send)
            answer = self.modem.feed(step.send)
            due = self.now + LATENCY_MS + self.delay_ms
            for at in range(0, len(answer), self.piece):
                self._arriving.append((max(due, self._last_due), answer[at : at + self.piece]))
                self._last_due = max(due, self._last_due)

    def up(self) -> None:
        self.line = True
        self.take(self.dialogue.handle_line_up(self.now))

    def down(self) -> None:
        self.line = False
        self.take(self.dialogue.handle_line_lost("unplugged", self.now))

    def says(self, *lines: str) -> None:
        self.take(self.dialogue.handle_bytes("".join(f"\r\n{line}\r\n" for line in lines).encode(), self.now))

    def send(self, token: int, number: str, user_data: bytes) -> None:
        self.take(self.dialogue.send_sms(token, number, user_data, self.now))

    def advance(self, ms: int) -> None:
        until = self.now + ms
        while True:
            wake_at = self.dialogue.wake_at()
            arrival = self._arriving[0][0] if self._arriving else None
            due = min((at for at in (wake_at, arrival) if at is not None), default=until + 1)
            if due > until:
                break
            self.now = max(self.now, due)
            if arrival is not None and arrival <= self.now:
                data = self._arriving.popleft()[1]
                if self.line:
                    self.take(self.dialogue.handle_bytes(data, self.now))
            else:
                self.take(self.dialogue.handle_tick(self.now))
                wake_at = self.dialogue.wake_at()
                assert wake_at is None or wake_at > self.now, "a deadline that never passes would spin"
        self.now = until

    def of(self, kind: type) -> list[ModemEvent]:
        return [event for event in self.events if isinstance(event, kind)]
