"""The technician's words for the printer and its tapes, each with what to do, in Persian and English."""

from collections.abc import Callable, Mapping
from typing import Any, Final

TAPES_FA: Final[dict[str, str]] = {
    "printer": "چاپگر",
    "printer ok": "آماده است",
    "printer near-end": "کاغذ رو به پایان است: رول تازه دم دست بگذارید",
    "printer paper-out": "کاغذ ندارد: رول تازه بگذارید؛ چاپ خودش از نو آغاز می‌شود",
    "printer cover-open": "در آن باز است: در را ببندید؛ چاپ خودش از نو آغاز می‌شود",
    "printer error": "گیر کرده است: تیغه و کاغذ آن را ببینید و خاموش و روشنش کنید",
    "printer lost": "پاسخ نمی‌دهد: کابل و برق آن را ببینید",
    "printer unknown": "هنوز پاسخی نداده است: کابل و برق آن را ببینید",
    "printer silent": "از خود خبری نمی‌دهد: هر نوار را با چشم ببینید",
    "tape zero": "نوار صفر",
    "tape tally": "نوار شمارش",
    "of terminal": "پایانهٔ",
    "tape printed": "چاپ شد",
    "tape unconfirmed": "فرستاده شد، ولی چاپگر خبر نمی‌دهد: ببینید کامل است یا نه",
    "tape printing": "در حال چاپ",
    "tape due": "هنوز چاپ نشده است",
    "tape broke off": "چاپ پیشین ناتمام ماند، تکهٔ آن را باطل کنید",
    "copy": "چاپ شمارهٔ",
    "tape-missing": "نوار شمارش چاپ نشد و نتیجه بی آن فرستاده شد: چاپگر را درست کنید، نوار خودش چاپ می‌شود",
}
TAPES_EN: Final[dict[str, str]] = {
    "printer ok": "ready",
    "printer near-end": "paper is nearly used up: have a new roll at hand",
    "printer paper-out": "paper is out: put in paper; it starts again by itself",
    "printer cover-open": "its cover is open: close it; it starts again by itself",
    "printer error": "it is stuck: look at its knife and paper, and switch it off and on",
    "printer lost": "does not answer: check its cable and power",
    "printer unknown": "has not answered yet: check its cable and power",
    "printer silent": "says nothing of itself: look at every tape",
    "tape zero": "zero tape",
    "tape tally": "tally tape",
    "of terminal": "of terminal",
    "tape printed": "is printed",
    "tape unconfirmed": "was sent, and the printer cannot say whether it is whole: look at it",
    "tape printing": "is being printed",
    "tape due": "is not printed",
    "tape broke off": "the earlier print broke off, mark that piece as void",
    "tape-missing": "the tally tape is missing, and the tally was sent without it: mend the printer",
}


def tape_lines(printer: Mapping[str, Any] | None, say: Callable[[str], str]) -> list[str]:
    """One line for the printer and one for each tape that was ever due; none without a printer."""
    if printer is None:
        return []
    state = say(f"printer {printer['state']}")
    return [f"{say('printer')}: {state}", *(_tape_line(tape, state, say) for tape in printer["tapes"])]


def look_at_printer(printer: Mapping[str, Any] | None) -> bool:
    """Whether a technician should look at it: a tape is not there, or the next one may not be."""
    if printer is None:
        return False
    return printer["state"] not in ("ok", "silent") or any(
        tape["state"] == "due" for tape in printer["tapes"]
    )


def _tape_line(tape: Mapping[str, Any], printer: str, say: Callable[[str], str]) -> str:
    said = say(f"tape {tape['state']}")
    if tape["state"] == "due":
        said = f"{said}: {printer}"
    elif tape["state"] == "printing" and tape["of"]:
        said = f"{said} ({100 * tape['done'] // tape['of']} %)"
    parts = [f"{say('tape ' + tape['kind'])} {say('of terminal')} {tape['terminal']} {said}"]
    if tape["copies"] > 1:
        parts.append(f"{say('copy')} {tape['copies']}")
    if tape["broke_off"] is not None:
        parts.append(say("tape broke off"))
    return "; ".join(parts)
