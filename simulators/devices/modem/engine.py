"""The command line of V.250: echo, editing, compound commands, prompts, result codes, data mode."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

from simulators.devices.modem.answers import (
    CME_TEXTS,
    CMS_TEXTS,
    OK,
    Answer,
    CmeError,
    CmsError,
    Later,
    PlainError,
    Reply,
    ResultCode,
)
from simulators.devices.modem.at_syntax import AtCommand, AtSyntaxError, parse_line
from simulators.devices.modem.settings import Settings

LINE_MAX: Final = 2048  # bytes of a command line; more makes it an error
TYPED_AHEAD_MAX: Final = 4096  # bytes that wait while a command runs; more is lost
PROMPTED_MAX: Final = 1024  # bytes of a text that was asked for
HELD_MAX: Final = 200  # unasked lines that wait for the end of a prompt or of data; the oldest are lost
GUARD_MS: Final = 1000  # silence around +++
_CTRL_Z: Final = 0x1A
_ESCAPE: Final = 0x1B
_PRINTABLE: Final = 0x20
_NUMERIC: Final[dict[ResultCode, int]] = {"OK": 0, "CONNECT": 1, "NO CARRIER": 3, "ERROR": 4}

Mode = Literal["command", "prompt", "data"]


class AtEngine:
    """Reads command lines and runs them one by one. ``settings`` is asked anew each time: a reboot replaces them."""

    def __init__(
        self,
        run: Callable[[AtCommand, int], Answer],
        hung_up: Callable[[int], None],
        settings: Callable[[], Settings],
    ) -> None:
        self._run: Final = run
        self._hung_up: Final = hung_up
        self._settings: Final = settings
        self.slow_ms = 0
        """How much longer every command line takes."""
        self.interrupt: Callable[[], str | None] = lambda: None
        """Asked before every final result code: an unasked line for the middle of the answer."""
        self.restart()

    def restart(self) -> None:
        """Forget everything, as at power-up."""
        self.mode: Mode = "command"
        self._line = bytearray()
        self._last_body = ""
        self._too_long = False
        self._typed_ahead: deque[int] = deque(maxlen=TYPED_AHEAD_MAX)
        self._commands: deque[AtCommand] = deque()
        self._pending: Callable[[int], Answer] | None = None
        self._pending_ms = 0
        self._prompt: Callable[[bytes, int], Answer] | None = None
        self._held: deque[str] = deque(maxlen=HELD_MAX)
        self._out = bytearray()
        self._escape = bytearray()
        self._heard_ms = 0

    def feed(self, data: bytes, now_ms: int) -> None:
        """Take bytes from the line."""
        if self.mode == "data":
            self._data(data, now_ms)
            return
        for byte in data:
            if self._pending is not None:
                self._typed_ahead.append(byte)
            else:
                self._byte(byte, now_ms)

    def tick(self, now_ms: int) -> None:
        """Finish what takes time."""
        if self._pending is not None and now_ms >= self._pending_ms:
            then, self._pending = self._pending, None
            self._answer(lambda: then(now_ms), now_ms)
        while self._typed_ahead and self._pending is None:
            self._byte(self._typed_ahead.popleft(), now_ms)
        if self.mode == "data" and self._escape == b"+++" and now_ms >= self._heard_ms + GUARD_MS:
            self._escape.clear()
            self._leave_data("OK")

    def due_at(self) -> int | None:
        """When ``tick`` has something to do."""
        if self._pending is not None:
            return self._pending_ms
        if self.mode == "data" and self._escape == b"+++":
            return self._heard_ms + GUARD_MS
        return None

    @property
    def has_output(self) -> bool:
        """Whether something is to be sent."""
        return bool(self._out)

    def take(self) -> bytes:
        """What is to be sent, once."""
        sent = bytes(self._out)
        self._out.clear()
        return sent

    def unsolicited(self, line: str) -> None:
        """Send a line unasked: at once, or after the prompt or the data."""
        if self.mode != "command":
            self._held.append(line)
        else:
            self._information(line)

    def carrier_lost(self) -> None:
        """The far end hung up."""
        if self.mode == "data":
            self._leave_data("NO CARRIER")

    def _byte(self, byte: int, now_ms: int) -> None:
        if self.mode == "data":
            self._data(bytes([byte]), now_ms)
            return
        settings = self._settings()
        if self.mode == "prompt":
            self._prompted(byte, now_ms)
            return
        if settings.echo:
            self._out.append(byte)
        if byte == settings.registers[3]:
            self._line_done(now_ms)
        elif byte == settings.registers[5]:
            del self._line[-1:]
        elif len(self._line) >= LINE_MAX:
            self._too_long = True
        elif byte >= _PRINTABLE:
            self._line.append(byte)
            if bytes(self._line) in (b"A/", b"a/"):
                self._line.clear()
                self._start(self._last_body, now_ms)

    def _line_done(self, now_ms: int) -> None:
        line = self._line.decode("ascii", "replace")
        start = line.upper().find("AT")
        too_long, self._too_long = self._too_long, False
        self._line.clear()
        if start < 0:
            return  # no command line: V.250 5.2.1
        if too_long:
            self._result("ERROR")
            return
        self._last_body = line[start + 2 :]
        self._start(self._last_body, now_ms)

    def _start(self, body: str, now_ms: int) -> None:
        try:
            self._commands = deque(parse_line(body))
        except AtSyntaxError:
            self._result("ERROR")
            return
        if self.slow_ms > 0:
            self._pending, self._pending_ms = (lambda _: Reply(code="OK")), now_ms + self.slow_ms
        else:
            self._advance(now_ms)

    def _advance(self, now_ms: int) -> None:
        """Run commands until one takes time, fails, or all are done."""
        while self._commands:
            command = self._commands.popleft()
            if not self._answered(partial(self._run, command, now_ms), now_ms):
                return
        self._result("OK")

    def _answer(self, make: Callable[[], Answer], now_ms: int) -> None:
        """The answer of the command under way, and of those behind it."""
        if self._answered(make, now_ms):
            self._advance(now_ms)

    def _answered(self, make: Callable[[], Answer], now_ms: int) -> bool:
        """Whether all went well and the next command is due."""
        try:
            answer = make()
        except PlainError:
            self._fail("ERROR")
        except CmeError as error:
            self._fail(self._error_text("+CME ERROR", error.code, CME_TEXTS))
        except CmsError as error:
            self._fail(self._error_text("+CMS ERROR", error.code, CMS_TEXTS))
        else:
            if isinstance(answer, Later):
                self._pending, self._pending_ms = answer.then, now_ms + answer.after_ms
            else:
                return self._reply(answer, now_ms)
        return False

    def _reply(self, reply: Reply, now_ms: int) -> bool:
        for line in reply.lines:
            self._information(line)
        if reply.prompt is not None:
            self.mode, self._prompt = "prompt", reply.prompt
            self._out += b"\r\n> "
        elif reply.code == "CONNECT":
            self._commands.clear()
            self.mode, self._heard_ms = "data", now_ms
            self._escape.clear()
            self._result("CONNECT")
        elif reply.code != "OK":
            self._fail(reply.code)
        else:
            return True
        return False

    def _error_text(self, kind: str, code: int, texts: dict[int, str]) -> str:
        cmee = self._settings().cmee
        if cmee == 0 and kind == "+CME ERROR":
            return "ERROR"
        return f"{kind}: {texts.get(code, 'unknown') if cmee == 2 else code}"  # noqa: PLR2004 - +CMEE=2

    def _fail(self, text: str) -> None:
        self._commands.clear()
        if text in _NUMERIC:
            self._result(text)
        else:
            self._result("ERROR", text)

    def _information(self, text: str) -> None:
        end = self._line_end()
        start = end if self._settings().verbose else ""
        self._out += f"{start}{text}{end}".encode("latin-1", "replace")

    def _result(self, code: ResultCode, text: str | None = None) -> None:
        settings = self._settings()
        between = self.interrupt()
        if between is not None:
            self._information(between)
        if settings.quiet:
            return
        if settings.verbose:
            words = "CONNECT 150000000" if code == "CONNECT" and settings.extended_codes else text or code
            self._out += f"{self._line_end()}{words}{self._line_end()}".encode("ascii")
        else:
            self._out += f"{text or _NUMERIC[code]}{chr(settings.registers[3])}".encode("ascii")

    def _line_end(self) -> str:
        registers = self._settings().registers
        return chr(registers[3]) + chr(registers[4])

    def _prompted(self, byte: int, now_ms: int) -> None:
        if self._settings().echo:
            self._out.append(byte)
        if byte == _ESCAPE:
            self._prompt_over()
            self._answer(lambda: OK, now_ms)
        elif byte == _CTRL_Z:
            prompt, text = self._prompt, bytes(self._line)
            self._prompt_over()
            assert prompt is not None  # noqa: S101 - the mode says so
            self._answer(lambda: prompt(text, now_ms), now_ms)
        elif len(self._line) < PROMPTED_MAX:
            self._line.append(byte)

    def _prompt_over(self) -> None:
        self.mode, self._prompt = "command", None
        self._line.clear()
        self._release()

    def _data(self, data: bytes, now_ms: int) -> None:
        """Data goes nowhere: no network interface is simulated. What matters is how the mode is left.

        A pseudo-terminal carries no DTR. A command line after a silence stands for its fall: no PPP frame begins so.
        """
        if now_ms >= self._heard_ms + GUARD_MS:
            self._escape.clear()
        elif not self._escape:
            self._heard_ms = now_ms
            return
        self._heard_ms = now_ms
        self._escape += data
        typed = bytes(self._escape[:2]).upper()
        if typed == b"AT":
            rest = bytes(self._escape)
            self._escape.clear()
            self.mode = "command"
            self._hung_up(now_ms)
            self._release()
            self.feed(rest, now_ms)
        elif not b"AT".startswith(typed) and not b"+++".startswith(self._escape):
            self._escape.clear()

    def _leave_data(self, code: ResultCode) -> None:
        self.mode = "command"
        self._line.clear()
        self._result(code)
        self._release()

    def _release(self) -> None:
        while self._held:
            self._information(self._held.popleft())
