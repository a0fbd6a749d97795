"""Bytes from a modem, of any kind and at any pace: nothing but events, and no more memory for more bytes."""

import contextlib

from drivers.modem.at import answers
from drivers.modem.at.dialogue import AtDialogue
from drivers.modem.at.exchange import ANSWER_LINES_MAX, HEADERS_MAX
from drivers.modem.at.inbox import STORED_MAX
from drivers.modem.at.lines import LINE_MAX
from drivers.modem.at.outbox import QUEUE_MAX
from drivers.modem.at.results import final_result
from drivers.modem.at.settings import AtSettings
from drivers.modem.errors import AtAnswerError

_CHUNK = 16  # bytes heard at once
_SETTINGS = AtSettings(poll_interval_ms=500, pin="0000", apn="internet", sim_slots=2, sim_switch="csus")
_PARSERS = (
    answers.parse_sim,
    answers.parse_tries,
    answers.parse_registration,
    answers.parse_operator,
    answers.parse_csq,
    answers.parse_cesq,
    answers.parse_qcsq,
    answers.parse_context,
    answers.parse_stores,
    answers.parse_stores_known,
    answers.parse_stored,
    answers.parse_first_number,
    answers.parse_tpdu_length,
    answers.parse_imei,
    answers.parse_plain,
    final_result,
)
# What a modem could answer, so that the dialogue gets beyond its first question: chosen by the input.
_SAID = (
    b"\r\nOK\r\n",
    b"\r\nERROR\r\n",
    b"\r\n> ",
    b"\r\n+CPIN: READY\r\n\r\nOK\r\n",
    b"\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n",
    b"\r\n+CREG: 2,1\r\n\r\nOK\r\n",
    b"\r\n+CMGS: 7\r\n\r\nOK\r\n",
    b"\r\n+CMGL: 1,1,,8\r\n000004038121F300\r\n\r\nOK\r\n",
    b'\r\n+CMTI: "SM",1\r\n',
    b"\r\nRDY\r\n",
    b"\r\n+CMS ERROR: 38\r\n",
)


def one_input(data: bytes) -> None:
    """The line as it is, every parser on every line of it, and a modem whose answers the input chooses and spoils."""
    text = data.decode("latin-1")
    for line in text.splitlines()[:20]:
        for parse in _PARSERS:
            with contextlib.suppress(AtAnswerError):
                parse(line[:LINE_MAX])
    dialogue = AtDialogue(_SETTINGS, can_power_cycle=True)
    now = 0
    dialogue.handle_line_up(now)
    for at in range(0, len(data), _CHUNK):
        piece = data[at : at + _CHUNK]
        now += piece[0] * 20
        dialogue.handle_tick(now)
        if piece[0] % 16 == 1:
            dialogue.send_sms(piece[0], "+98912", piece, now)
        elif piece[0] % 64 == 2:
            dialogue.use_sim(1 + piece[0] // 64 % 2, now)
        elif piece[0] % 64 == 3:
            dialogue.reset(now)
        elif piece[0] % 128 == 4:
            dialogue.handle_line_lost("fuzzed", now)
            dialogue.handle_line_up(now)
        elif piece[0] % 2:
            dialogue.handle_bytes(_SAID[piece[0] % len(_SAID)], now)
        dialogue.handle_bytes(piece[1:], now)
        _check(dialogue)


def _check(dialogue: AtDialogue) -> None:
    session = dialogue._session
    assert len(session.exchange.decoder._line) <= LINE_MAX
    assert len(session.exchange.answer.lines) <= ANSWER_LINES_MAX
    assert len(session.exchange.answer.messages) <= ANSWER_LINES_MAX
    assert len(session.exchange._headers) <= HEADERS_MAX
    assert len(session.inbox.stored) <= STORED_MAX
    assert len(session.outbox) <= QUEUE_MAX
    assert len(session._unknown) <= 256  # commands that the driver knows
    assert dialogue.wake_at() is not None
