"""Scripts that a terminal misunderstands, and a terminal by itself that is another one each time."""

from pathlib import Path

import pytest

from crypto.codec import b64, unb64
from crypto.reports import check_report
from simulators.devices.terminal import COUNTER_MS, TerminalModel
from simulators.devices.terminal_factory import make_terminal as standalone
from simulators.devices.terminal_wire import Kind
from simulators.stand.faults import FaultyLine
from simulators.stand.model import CommandError, DeviceModel
from tests.simulators.terminal_asker import ELECTION, EVENING, TERMINAL, VOTERS, ask, do, fetch, make_terminal

NOW = EVENING


def obey(model: TerminalModel, script: str) -> str:
    return model.command(script.split(), NOW)


def shown(model: TerminalModel) -> int:
    return int.from_bytes(do(model, Kind.STATUS)[3:7], "little")


def switches(model: TerminalModel) -> int:
    return do(model, Kind.STATUS)[7]


def test_script_is_not_carried_out() -> None:
    model: DeviceModel = make_terminal()
    assert isinstance(model, TerminalModel)
    do(model, Kind.ZERO, Kind.OPEN)
    assert obey(model, "vote 5") == "5 voted"
    assert obey(model, "vote all") == f"{VOTERS - 5} voted"
    assert obey(model, "vote 5") == "0 voted"
    assert obey(model, "cover open") == "the cover is open"
    obey(model, "tamper")
    assert switches(model) == 3
    obey(model, "cover closed")
    assert switches(model) == 2
    assert obey(model, "reboot") == "rebooted: boot id 2"
    assert switches(model) == 2, "tampered is tampered"
    obey(model, "self-test fails")
    assert ask(model, Kind.SELF_TEST).payload == bytes((Kind.SELF_TEST, 3))
    obey(model, "self-test passes")
    do(model, Kind.SELF_TEST)
    assert obey(model, "break").startswith("fault, clock ")
    assert ask(model, Kind.CLOSE).payload == bytes((Kind.CLOSE, 1))
    assert obey(model, "mend").startswith("open, clock ")
    do(model, Kind.CLOSE, Kind.ACCOUNT)
    obey(model, "clock 2020-01-01T00:00:00Z")
    assert ask(model, Kind.TALLY).payload == bytes((Kind.TALLY, 2))
    obey(model, "clock 2099-01-01T00:00:00.000Z")
    assert obey(model, "phase") == "closed, clock 2099-01-01T00:00:00.000Z"
    do(model, Kind.TALLY)


@pytest.mark.parametrize(
    "script",
    ["", "vote", "vote many", "vote -1", "vote " + "9" * 5000, "cover", "cover ajar", "clock", "clock noon"],
)
def test_nonsense_is_obeyed(script: str) -> None:
    model = make_terminal()
    do(model, Kind.ZERO, Kind.OPEN)
    before = model.state(NOW)
    with pytest.raises(CommandError):
        obey(model, script)
    assert model.state(NOW) == before


def test_line_faults_come_with_every_model() -> None:
    line = FaultyLine(make_terminal())
    assert {"mute", "garble N %", "vote N", "cover open | cover closed"} <= set(line.commands)
    line.command(["mute"], NOW)
    assert line.feed(b"\0", NOW) == b""
    assert line.state(NOW)["line"]["mute"] is True


def test_wake_ups_or_questions_show_a_vote() -> None:
    """Asked every ten seconds and woken at every deadline, the number moves once in a quarter of an hour."""
    model = make_terminal()
    do(model, Kind.ZERO, Kind.OPEN)
    told = []
    for second in range(0, 3 * COUNTER_MS // 1000, 10):
        obey(model, "vote 1") if second % 60 == 0 else None
        wake_at = model.wake_at()
        assert wake_at is not None
        assert NOW < wake_at <= NOW + second * 1000 + COUNTER_MS
        model.tick(NOW + second * 1000)
        told.append(
            int.from_bytes(ask(model, Kind.STATUS, wall_ms=NOW + second * 1000).payload[3:7], "little")
        )
    assert len(set(told)) == 3, set(told)
    assert told[0] == 0


@pytest.mark.parametrize("how", ["reboot", "clock 2099-01-01T00:00:00Z", "suspend"])
def test_counter_is_renewed_out_of_turn(how: str) -> None:
    model = make_terminal()
    do(model, Kind.ZERO, Kind.OPEN)
    obey(model, "vote 9")
    if how == "suspend":
        do(model, Kind.SUSPEND, Kind.RESUME, Kind.SUSPEND)
    else:
        obey(model, how)
    assert shown(model) == 0
    do(model, Kind.CLOSE)
    assert shown(model) == 9
    assert model.wake_at() is None


def test_request_for_another_terminal_is_followed() -> None:
    model = make_terminal()
    for kind in (Kind.SELF_TEST, Kind.ZERO, Kind.OPEN, Kind.CLOSE, Kind.ACCOUNT, Kind.TALLY):
        answer = ask(model, kind, b"\x0cterminal-1-2")
        assert (answer.kind, answer.payload) == (0xFF, bytes((kind, 5)))
        assert ask(model, kind, b"").payload == bytes((kind, 4))
        assert ask(model, kind, b"\x0bterminal-1-1").payload == bytes((kind, 4))
    assert model.phase == "idle"


def test_standalone_terminal_is_another_one_each_time(tmp_path: Path) -> None:
    one, again, other = (
        standalone(now_ms=1_000, wall_lead_ms=EVENING, seed=seed, write=folder)
        for seed, folder in ((1, tmp_path), (1, None), (2, None))
    )
    assert one.state(1_000) == again.state(1_000)
    assert one.state(1_000)["public_key"] != other.state(1_000)["public_key"]
    assert (
        one.setup.firmware_sha256
        != standalone(now_ms=0, wall_lead_ms=EVENING, firmware="sim-2").setup.firmware_sha256
    )
    assert {"manifest.dsse.json", "keys"} <= {path.name for path in tmp_path.iterdir()}
    assert one.command(["vote", "all"], 1_000) == "0 voted"


def test_state_does_not_name_the_key_that_the_reports_are_signed_with() -> None:
    model = make_terminal()
    state = model.state(NOW)
    assert (state["terminal"], state["phase"]) == (TERMINAL, "idle")
    assert unb64(state["public_key"]) == ELECTION.terminals[TERMINAL].public
    assert b64(unb64(state["public_key"])) == state["public_key"]
    report = fetch(model, Kind.ZERO)
    check_report(report, ELECTION.loaded, branch="branch-1", terminal=TERMINAL, kind="zero")
    assert model.state(NOW)["reports"] == ["ZERO"]
