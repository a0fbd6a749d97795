"""The conversation with upsd, on virtual time: silence, refusals, answers to something else, commands half-way."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dialogue import Step
from drivers.ports import UpsCommandEnded, UpsEvent, UpsLost, UpsReading
from drivers.ups.nut.dialogue import (
    LIST_LINES_MAX,
    TIMEOUT_MS,
    TRACK_MAX_MS,
    UNSENT_MAX_MS,
    NutDialogue,
)
from drivers.ups.nut.frames import decode
from drivers.ups.nut.target import NutTarget

INTERVAL = 5_000
BACKOFF = 250
READING = UpsReading(False, False, 230.1, None, None, 90.0, flags=frozenset({"OL"}))
LIST = (
    "BEGIN LIST VAR u\n"
    'VAR u ups.status "OL"\n'
    'VAR u battery.charge "90"\n'
    'VAR u input.voltage "230.1"\n'
    'VAR u ups.mfr "a \\"b\\" c"\n'
    "END LIST VAR u\n"
)
ID = "2DDC5036-F665-4D29-BE4C-0374D091D263"
KNOWN = NutTarget("h", "u", None, "kit", "secret word")
UNKNOWN = NutTarget("h", "u", None)


class Upsd:
    """Answers as upsd does; ``says`` overrides by the first words of a request. None: no answer."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.says: dict[str, str | None] = {}
        self.connects = True

    def answer(self, line: bytes) -> str | None:
        text = line.decode()
        self.heard.append(text)
        for start, said in self.says.items():
            if text.startswith(start):
                return said
        match decode(line):
            case ["LIST", "VAR", "u"]:
                return LIST
            case ["USERNAME" | "PASSWORD" | "LOGIN", _] | ["SET", "TRACKING", "ON"]:
                return "OK\n"
            case ["INSTCMD", "u", _]:
                return f"OK TRACKING {ID}\n"
            case ["GET", "TRACKING", _]:
                return "SUCCESS\n"
        raise AssertionError(text)


class Bench:
    """The dialogue, upsd at once behind it, and what ``drivers.link`` does when the line goes."""

    def __init__(self, target: NutTarget = KNOWN) -> None:
        self.upsd = Upsd()
        self.dialogue = NutDialogue(target, INTERVAL)
        self.now = 0
        self.events: list[UpsEvent] = []
        self.hang_ups: list[str] = []
        self.open_at: int | None = 0
        self.split = len(LIST)
        self.advance(0)

    def take(self, step: Step[UpsEvent]) -> None:
        self.events += step.events
        if step.hang_up is not None:
            self.hang_ups.append(step.hang_up)
            self.cut(step.hang_up)
            return
        for line in step.send.splitlines():
            said = self.upsd.answer(line)
            if said is not None:
                self.say(said.encode())

    def say(self, data: bytes) -> None:
        for at in range(0, len(data), self.split):
            self.take(self.dialogue.handle_bytes(data[at : at + self.split], self.now))

    def cut(self, reason: str = "cut") -> None:
        self.open_at = self.now + BACKOFF
        self.take(self.dialogue.handle_line_lost(reason, self.now))

    def command(self, command: str = "beeper.toggle") -> None:
        step = self.dialogue.handle_command(command, self.now)  # type: ignore[arg-type]
        assert step.events == ()
        self.take(step)

    def advance(self, ms: int) -> None:
        until = self.now + ms
        while True:
            wakes = [at for at in (self.dialogue.wake_at(), self.open_at) if at is not None and at <= until]
            if not wakes:
                break
            self.now = max(self.now, min(wakes))
            if self.open_at is not None and self.open_at <= self.now:
                self._open()
            else:
                self.take(self.dialogue.handle_tick(self.now))
                assert (self.dialogue.wake_at() or 0) > self.now, "a deadline that never passes would spin"
        self.now = until

    def _open(self) -> None:
        self.open_at = None
        if self.upsd.connects:
            self.take(self.dialogue.handle_line_up(self.now))
        else:
            self.cut("nobody listens")

    def lost(self) -> list[UpsLost]:
        return [event for event in self.events if isinstance(event, UpsLost)]

    def ended(self) -> list[UpsCommandEnded]:
        return [event for event in self.events if isinstance(event, UpsCommandEnded)]


def test_login_comes_before_the_first_poll_and_once() -> None:
    bench = Bench()
    bench.advance(2 * INTERVAL)
    assert bench.upsd.heard == [
        "USERNAME kit",
        'PASSWORD "secret word"',
        "LOGIN u",
        "SET TRACKING ON",
        *["LIST VAR u"] * 3,
    ]
    assert bench.events == [READING] * 3


def test_one_who_looks_on_says_no_name() -> None:
    bench = Bench(UNKNOWN)
    assert bench.upsd.heard == ["LIST VAR u"]
    assert bench.events == [READING]


@pytest.mark.parametrize("size", [1, 2, 7, 33])
def test_answers_arrive_in_pieces(size: int) -> None:
    bench = Bench(UNKNOWN)
    bench.split = size
    bench.advance(INTERVAL)
    assert bench.events == [READING] * 2


@pytest.mark.parametrize(
    "code", ["DRIVER-NOT-CONNECTED", "DATA-STALE", "UNKNOWN-UPS", "ACCESS-DENIED", "SOMETHING-NEW"]
)
def test_what_upsd_does_not_know_is_lost_at_once_and_once(code: str) -> None:
    bench = Bench()
    bench.upsd.says["LIST"] = f"ERR {code}\n"
    bench.advance(INTERVAL)
    (lost,) = bench.lost()
    assert code in lost.reason
    bench.advance(3_600_000)
    assert bench.lost() == [lost]
    assert bench.hang_ups == []
    del bench.upsd.says["LIST"]
    bench.advance(INTERVAL)
    assert bench.events[-1] == READING
    bench.upsd.says["LIST"] = f"ERR {code}\n"
    bench.advance(INTERVAL)
    assert len(bench.lost()) == 2


@pytest.mark.parametrize("kind", ["USERNAME", "PASSWORD", "LOGIN"])
def test_refused_login_is_lost_at_once_and_tried_again(kind: str) -> None:
    bench = Bench()
    bench.cut()
    bench.upsd.says[kind] = "ERR ACCESS-DENIED\n"
    bench.advance(60_000)
    (lost,) = bench.lost()
    assert lost.reason.startswith(f"upsd refuses {kind}: ACCESS-DENIED: check user name")
    assert len(bench.hang_ups) > 5
    del bench.upsd.says[kind]
    bench.advance(INTERVAL)
    assert bench.events[-1] == READING


def test_silence_is_lost_at_the_third_poll() -> None:
    bench = Bench()
    bench.upsd.says["LIST"] = None
    bench.advance(INTERVAL + 3 * TIMEOUT_MS + 2 * BACKOFF - 1)  # a line that is new is polled at once
    assert bench.lost() == []
    bench.advance(1)
    assert [lost.reason for lost in bench.lost()] == [
        f"no believable answer in 3 polls: upsd has not answered LIST VAR within {TIMEOUT_MS} ms"
    ]
    bench.advance(600_000)
    assert len(bench.lost()) == 1
    del bench.upsd.says["LIST"]
    bench.advance(INTERVAL)
    assert bench.events[-1] == READING


def test_late_answer_is_not_taken_for_the_next_ones() -> None:
    """After a time-out the line is let go of: what comes on the old one is not heard."""
    bench = Bench()
    bench.upsd.says["LIST"] = None
    bench.advance(INTERVAL + TIMEOUT_MS)
    assert len(bench.hang_ups) == 1
    bench.say(LIST.encode())
    assert bench.events == [READING]


def test_server_that_is_away_is_lost_once() -> None:
    bench = Bench()
    bench.upsd.connects = False
    bench.cut()
    bench.advance(600_000)
    assert [lost.reason for lost in bench.lost()] == ["no believable answer in 3 polls: nobody listens"]
    bench.upsd.connects = True
    bench.advance(INTERVAL)
    assert bench.events[-1] == READING


def test_line_that_is_back_in_time_is_no_event() -> None:
    bench = Bench()
    for _ in range(10):
        bench.cut()
        bench.advance(INTERVAL)
    assert bench.lost() == []


@pytest.mark.parametrize(
    "said",
    [
        "OK\n",
        "BEGIN LIST VAR another\n",
        'VAR u ups.status "OL"\n',
        'BEGIN LIST VAR u\nVAR u ups.status "OL"\nOK\n',
        "BEGIN LIST VAR u\n" + 'VAR u x "y"\n' * LIST_LINES_MAX + "END LIST VAR u\n",
        '"half\n',
        "\n",
        "\x00\xff\n",
        "HTTP/1.1 400 Bad Request\n",
    ],
)
def test_answer_to_something_else_is_never_a_reading(said: str) -> None:
    bench = Bench()
    bench.upsd.says["LIST"] = said
    bench.advance(60_000)
    assert bench.events[0] == READING
    (lost,) = bench.events[1:]
    assert isinstance(lost, UpsLost)
    assert len(bench.hang_ups) > 5


@pytest.mark.parametrize(
    "said",
    [
        "BEGIN LIST VAR u\nEND LIST VAR u\n",
        'BEGIN LIST VAR u\nVAR u ups.status "WAIT"\nEND LIST VAR u\n',
        'BEGIN LIST VAR u\nVAR u ups.status "OL\nEND LIST VAR u\n',
        'BEGIN LIST VAR u\nVAR another ups.status "OL"\nEND LIST VAR u\n',
    ],
)
def test_list_without_a_status_is_a_missed_poll(said: str) -> None:
    bench = Bench()
    bench.upsd.says["LIST"] = said
    bench.advance(3 * INTERVAL)
    assert len(bench.lost()) == 1
    assert "ups.status" in bench.lost()[0].reason
    assert bench.hang_ups == []


def test_variable_that_is_no_words_spoils_no_other() -> None:
    bench = Bench()
    bench.upsd.says["LIST"] = LIST.replace("END", 'VAR u ups.model "19" rack"\nEND')
    bench.advance(INTERVAL)
    assert bench.events == [READING] * 2


def test_what_nobody_asked_for_is_not_believed() -> None:
    bench = Bench()
    bench.say(LIST.replace("OL", "OB").encode())
    assert bench.events == [READING]
    assert "nobody asked for" in bench.hang_ups[0]


def test_echo_of_the_password_is_not_told() -> None:
    bench = Bench()
    bench.upsd.says |= {"PASSWORD": 'PASSWORD "secret word"\n'}
    bench.cut()
    bench.advance(60_000)
    assert "secret" not in repr(bench.events) + repr(bench.hang_ups)
    assert bench.lost()[0].reason.endswith("upsd answered PASSWORD with something else")


# --- commands --------------------------------------------------------------------------------------------------


def test_command_is_followed_until_it_is_done() -> None:
    bench = Bench()
    bench.upsd.says["GET TRACKING"] = "PENDING\n"
    bench.command()
    bench.command()
    bench.advance(1_000)
    assert bench.ended() == []
    bench.upsd.says["GET TRACKING"] = "SUCCESS\n"
    bench.advance(1_000)
    assert [(end.command, end.outcome) for end in bench.ended()] == [("beeper.toggle", "done")]
    assert bench.upsd.heard.count("INSTCMD u beeper.toggle") == 1
    assert f"GET TRACKING {ID}" in bench.upsd.heard


@pytest.mark.parametrize(
    ("request_", "said", "outcome", "detail"),
    [
        ("INSTCMD", "OK\n", "forwarded", "does not track"),
        ("INSTCMD", "ERR CMD-NOT-SUPPORTED\n", "refused", "CMD-NOT-SUPPORTED"),
        ("INSTCMD", "ERR ACCESS-DENIED\n", "refused", "upsd.users"),
        ("GET TRACKING", "ERR FAILED\n", "refused", "FAILED"),
        ("GET TRACKING", "PENDING\n", "forwarded", f"pending after {TRACK_MAX_MS} ms"),
        ("INSTCMD", None, "lost", "may or may not"),
        ("GET TRACKING", None, "lost", "may or may not"),
        ("INSTCMD", "YES\n", "lost", "may or may not"),
        ("GET TRACKING", "OK\n", "lost", "may or may not"),
    ],
)
def test_command_ends_one_way_or_another(request_: str, said: str | None, outcome: str, detail: str) -> None:
    bench = Bench()
    bench.upsd.says[request_] = said
    bench.command("test.battery.start.quick")
    bench.advance(30_000)
    (end,) = bench.ended()
    assert (end.command, end.outcome) == ("test.battery.start.quick", outcome)
    assert detail in end.detail
    bench.upsd.says.clear()
    bench.command("beeper.toggle")
    bench.advance(INTERVAL)
    assert bench.ended()[1:] == [UpsCommandEnded("beeper.toggle", "done", "the driver carried it out")]


def test_upsd_that_knows_no_tracking_forwards() -> None:
    bench = Bench()
    bench.upsd.says |= {"SET TRACKING": "ERR UNKNOWN-COMMAND\n", "INSTCMD": "OK\n"}
    bench.cut()
    bench.advance(INTERVAL)
    bench.command()
    assert [end.outcome for end in bench.ended()] == ["forwarded"]


def test_command_is_sent_long_after_it_was_asked_for() -> None:
    bench = Bench()
    bench.upsd.connects = False
    bench.cut()
    bench.command("shutdown.return")
    bench.advance(UNSENT_MAX_MS - 1)
    assert bench.ended() == []
    bench.advance(1)
    (end,) = bench.ended()
    assert (end.outcome, "given up: nobody listens" in end.detail) == ("lost", True)
    bench.upsd.connects = True
    bench.advance(60_000)
    assert not any(line.startswith("INSTCMD") for line in bench.upsd.heard)


def test_command_waits_for_the_line_and_its_turn() -> None:
    bench = Bench()
    bench.cut()
    bench.command("test.battery.start.quick")
    bench.command("test.battery.stop")
    bench.advance(INTERVAL)
    assert [(end.command, end.outcome) for end in bench.ended()] == [
        ("test.battery.start.quick", "done"),
        ("test.battery.stop", "done"),
    ]


def test_polls_go_on_while_a_command_is_pending() -> None:
    bench = Bench()
    bench.upsd.says["GET TRACKING"] = "PENDING\n"
    bench.command()
    bench.advance(2 * INTERVAL)
    assert bench.events.count(READING) == 3


def _say_anything(bench: Bench, data: bytes) -> None:
    bench.upsd.says[""] = None  # only what is said here is heard
    bench.say(data)
    bench.advance(700)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [b"OK\n", LIST.encode(), b"ERR X\n", b"ERR\n", b"SUCCESS\n", f"OK TRACKING {ID}\n".encode()]
            ),
        ),
        max_size=30,
    ),
    st.sampled_from(["beeper.toggle", "shutdown.return"]),
)
def test_no_talk_upsets_the_conversation(talk: list[bytes], command: str) -> None:
    bench = Bench()
    for data in talk:
        bench.command(command)
        _say_anything(bench, data)
    bench.upsd.says.clear()
    bench.cut()
    bench.advance(INTERVAL + TIMEOUT_MS)
    assert bench.events[-1] == READING
    assert len(bench.dialogue._queue) <= 1


def test_interval_out_of_range() -> None:
    make: Callable[[], NutDialogue] = lambda: NutDialogue(KNOWN, 0)  # noqa: E731
    with pytest.raises(ValueError, match="at least 1 is needed"):
        make()
