"""The technician's words for modems, fibre and battery, each with what to do about it, in Persian and English."""

from collections.abc import Callable, Mapping
from typing import Any, Final

DEVICES_FA: Final[dict[str, str]] = {
    "modem": "مودم",
    "fibre": "فیبر نوری",
    "sim": "سیم‌کارت",
    "light": "نور دریافتی",
    "device ok": "درست کار می‌کند",
    "device weak": "آنتن ضعیف است: آنتن را جابه‌جا کنید یا نزدیک پنجره بگذارید",
    "device searching": "در جست‌وجوی شبکه است: آنتن و کابل آن را ببینید و چند دقیقه صبر کنید",
    "device denied": "شبکه این سیم‌کارت را نمی‌پذیرد: با اپراتور تماس بگیرید یا سیم‌کارت دیگر را بگذارید",
    "device sim-absent": "سیم‌کارت در جای خود نیست: آن را درست در شکاف بگذارید",
    "device sim-failure": "سیم‌کارت خراب است: آن را عوض کنید",
    "device pin-required": "سیم‌کارت PIN می‌خواهد: PIN را در پیکربندی kitd بنویسید",
    "device puk-required": "سیم‌کارت قفل شده است: PUK را از اپراتور بگیرید یا سیم‌کارت دیگر را بگذارید",
    "device no-carrier": "کابل شبکهٔ جعبهٔ فیبر قطع است: کابل و برق جعبه را ببینید",
    "device no-light": "نور فیبر نمی‌رسد: به کابل زرد دست نزنید و به مخابرات خبر دهید",
    "device not-there": "کارت شبکهٔ فیبر پیدا نشد: نام آن را در پیکربندی kitd ببینید",
    "device unknown": "پاسخ نمی‌دهد: کابل و برق آن را ببینید",
    "minutes left": "دقیقهٔ دیگر، به حساب ما",
    "minutes not known": "معلوم نیست تا کی",
    "ups lies": "یوپی‌اس شارژ باتری را نادرست می‌گوید: به آن تکیه نکنید و پس از رأی‌گیری باتری را عوض کنید",
}
DEVICES_EN: Final[dict[str, str]] = {
    "sim": "SIM",
    "light": "received light",
    "device ok": "works",
    "device weak": "weak signal: move the antenna, or put it near a window",
    "device searching": "looks for a network: check the antenna and its cable, and wait a few minutes",
    "device denied": "the network refuses this SIM: call the operator, or put in the other SIM",
    "device sim-absent": "no SIM: put it into its slot properly",
    "device sim-failure": "the SIM is broken: replace it",
    "device pin-required": "the SIM wants a PIN: write it into kitd's configuration",
    "device puk-required": "the SIM is locked: get the PUK from the operator, or put in the other SIM",
    "device no-carrier": "the network cable to the fibre box is dead: check that cable and the box's power",
    "device no-light": "no light from the fibre: leave the yellow cable alone and call the telecom company",
    "device not-there": "the fibre's network card is not there: check its name in kitd's configuration",
    "device unknown": "does not answer: check its cable and power",
    "minutes left": "minutes left, as we reckon",
    "minutes not known": "for how long is not known",
    "ups lies": "the UPS tells the battery's charge wrong: do not rely on it, and replace the battery after the poll",
}


def device_lines(devices: Mapping[str, Any], say: Callable[[str], str]) -> list[str]:
    """One line for each modem and one for the fibre line; none where there are none."""
    lines = [_modem_line(modem, say) for modem in devices.get("modems", ())]
    fibre = devices.get("fibre")
    if fibre is not None:
        light = fibre.get("rx_power_dbm")
        shown = "" if light is None else f" ({say('light')} {light:.1f} dBm)"
        lines.append(f"{say('fibre')}: {say('device ' + fibre['state'])}{shown}{_fault(fibre)}")
    return lines


def battery_words(power: Mapping[str, Any], say: Callable[[str], str]) -> str:
    """What follows the state of the power: how long the battery lasts; nothing on mains."""
    runtime_s: int | None = power.get("runtime_s")
    words = []
    if power["state"] in ("battery", "low"):
        known = None if runtime_s is None else f"{runtime_s // 60} {say('minutes left')}"
        words.append(known or say("minutes not known"))
    if power.get("ups_lies"):
        words.append(say("ups lies"))
    return "".join(f"; {part}" for part in words)


def _modem_line(modem: Mapping[str, Any], say: Callable[[str], str]) -> str:
    parts = [str(modem[key]) for key in ("operator", "technology") if modem.get(key)]
    if modem.get("sim_slot"):
        parts.append(f"{say('sim')} {modem['sim_slot']}")
    if modem.get("rsrp_dbm") is not None:
        parts.append(f"RSRP {modem['rsrp_dbm']:.0f} dBm")
    shown = f" ({', '.join(parts)})" if parts else ""
    return f"{say('modem')} {modem['name']}: {say('device ' + modem['state'])}{shown}{_fault(modem)}"


def _fault(picture: Mapping[str, Any]) -> str:
    return f" [{picture['fault']}]" if picture.get("fault") else ""
