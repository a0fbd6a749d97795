"""The technician's words for envelopes that nobody acknowledges: which rung, what next, what to do."""

from collections.abc import Callable, Mapping
from typing import Any, Final

LADDER_EN: Final[dict[str, str]] = {
    "no acknowledgement": "no acknowledgement for {waited}",
    "rung data": "goes over data links",
    "rung sms": "goes over data links and by SMS",
    "rung courier": "must be carried by hand, too",
    "next sms": "SMS in {wait}",
    "next courier": "a courier in {wait}",
    "sms parts": "SMS over modem {modem} to {number}: {taken} of {parts} parts taken, {delivered} reported delivered",
    "sms waits": "again in {wait}, unless an acknowledgement comes",
    "sms unfit": "cannot go by SMS: {unfit}",
    "sms none": "SMS: no part was taken yet",
    "sms used up": "no more SMS goes for it: the limit of {limit} is used up ([sms] max_per_envelope)",
    "sms hour": "SMS of all envelopes within the hour: {in_hour} of {max_per_hour}",
    "by sms": "by SMS",
    "has acknowledged": "{what}: acknowledged by the centre ({by}); its receipt comes over a data link; nothing to do",
    "has included": "{what}: in the centre's log ({by}); only its witnesses are missing; nothing to do",
    "courier order": "WHAT TO DO: two officials order the release (kitctl order sign release-media), then: kitctl "
    "courier export to a stick, or kitctl courier show and photograph the codes; hand them to the courier",
    "courier now": "WHAT TO DO: kitctl courier export to a stick, or kitctl courier show and photograph the codes; "
    "hand them to the courier",
    "courier gone": "was written to a medium: hand it to the courier (again: kitctl courier export)",
    "sms modem fault": "SMS over modem {name}: {fault}",
    "sms-refused": "an SMS was refused for good: top up the SIM or check the number; another way is tried",
    "sms-limit": "the limit of SMS is reached",
    "sms-unfit": "an envelope cannot go by SMS: let couriers carry it",
    "hours": "{h} h {m} min",
    "minutes": "{m} min {s} s",
    "seconds": "{s} s",
}
LADDER_FA: Final[dict[str, str]] = {
    "no acknowledgement": "{waited} است که تأییدی نیامده",
    "rung data": "از ارتباط‌های داده فرستاده می‌شود",
    "rung sms": "از ارتباط‌های داده و با پیامک فرستاده می‌شود",
    "rung courier": "باید با پیک هم برده شود",
    "next sms": "پیامک تا {wait} دیگر",
    "next courier": "پیک تا {wait} دیگر",
    "sms parts": "پیامک با مودم {modem} به {number}: شبکه {taken} بخش از {parts} را گرفت، {delivered} بخش رسید",
    "sms waits": "اگر تأییدی نیاید {wait} دیگر دوباره",
    "sms unfit": "با پیامک فرستادنی نیست: {unfit}",
    "sms none": "پیامک: شبکه هنوز بخشی را نگرفته است",
    "sms used up": "دیگر پیامکی برای آن فرستاده نمی‌شود: سقف {limit} پیامک پر شده است ([sms] max_per_envelope)",
    "sms hour": "پیامک در یک ساعت، برای همه: {in_hour} از {max_per_hour}",
    "by sms": "با پیامک",
    "has acknowledged": "{what}: مرکز دریافت آن را تأیید کرده است ({by})؛ رسید آن از ارتباط داده می‌آید؛ کاری لازم نیست",
    "has included": "{what}: در دفتر مرکز ثبت شده است ({by})؛ تنها شاهدان مانده‌اند؛ کاری لازم نیست",
    "courier order": "چه باید کرد: دو مسئول دستور تحویل را امضا کنند (kitctl order sign release-media)، سپس "
    "kitctl courier export روی حافظه، یا kitctl courier show و عکس گرفتن از کدها؛ به پیک بسپارید",
    "courier now": "چه باید کرد: kitctl courier export روی حافظه، یا kitctl courier show و عکس گرفتن از کدها؛ به پیک "
    "بسپارید",
    "courier gone": "روی حافظه نوشته شد: آن را به پیک بسپارید (دوباره: kitctl courier export)",
    "sms modem fault": "پیامک با مودم {name}: {fault}",
    "sms-refused": "شبکه پیامک را نپذیرفت: سیم‌کارت را شارژ کنید یا شماره را ببینید؛ راه دیگری آزموده می‌شود",
    "sms-limit": "دیگر پیامکی فرستاده نمی‌شود: سقف آن پر شده است",
    "sms-unfit": "بسته‌ای با پیامک فرستادنی نیست: آن را با پیک بفرستید",
    "hours": "{h} ساعت و {m} دقیقه",
    "minutes": "{m} دقیقه و {s} ثانیه",
    "seconds": "{s} ثانیه",
}

Say = Callable[[str], str]


def ladder_lines(ladder: Mapping[str, Any] | None, say: Say) -> list[str]:
    """Per envelope without an acknowledgement: its rung, how far SMS got, what comes next, what people must do."""
    if ladder is None:
        return []
    lines = [line for envelope in ladder["envelopes"] for line in _envelope_lines(envelope, say)]
    sms = ladder["sms"] or {}
    if any(envelope["sms"] is not None for envelope in ladder["envelopes"]) and "in_hour" in sms:
        lines.append(say("sms hour").format(in_hour=sms["in_hour"], max_per_hour=sms["max_per_hour"]))
    return [
        *lines,
        *(say("sms modem fault").format(**modem) for modem in sms.get("modems", ()) if modem["fault"]),
    ]


def promised_lines(outbox: Mapping[str, Any], say: Say) -> list[str]:
    """Per envelope that waits for its receipt, and of which the centre has said already that it has it."""
    lines = []
    for item in outbox["waiting"]:
        held = outbox["receipts"].get(str(item["seq"]))
        if held is not None and held["grade"] in ("acknowledged", "included"):
            what = f"{say(item['kind'])} #{item['seq']}"
            by = say("by sms") if held["uplink"] == "sms" else held["uplink"]
            lines.append(say(f"has {held['grade']}").format(what=what, by=by))
    return lines


def must_be_carried(ladder: Mapping[str, Any] | None) -> bool:
    """Whether something waits for people to carry it."""
    return ladder is not None and any(one["rung"] == "courier" for one in ladder["envelopes"])


def _envelope_lines(envelope: Mapping[str, Any], say: Say) -> list[str]:
    waited = say("no acknowledgement").format(waited=_span(envelope["waited_s"], say))
    said = [f"{say(envelope['kind'])} #{envelope['seq']}: {waited}", say(f"rung {envelope['rung']}")]
    ahead = envelope["next"]
    if ahead is not None:
        said.append(say(f"next {ahead['rung']}").format(wait=_span(ahead["in_s"], say)))
    lines = ["; ".join(said)]
    if envelope["sms"] is not None:
        lines.append(f"  {_sms_line(envelope['sms'], say)}")
    if envelope["rung"] == "courier":
        done = "gone" if envelope["handed_out"] else "now" if envelope["released"] else "order"
        lines.append(f"  {say(f'courier {done}')}")
    return lines


def _sms_line(sms: Mapping[str, Any], say: Say) -> str:
    if sms["unfit"] is not None:
        return say("sms unfit").format(unfit=sms["unfit"])
    if sms["parts"] is None:
        return say("sms none")
    line = say("sms parts").format(**sms)
    if sms["limit"] is not None:
        line += f"; {say('sms used up').format(limit=sms['limit'])}"
    elif sms["again_in_s"]:
        line += f"; {say('sms waits').format(wait=_span(sms['again_in_s'], say))}"
    return line


def _span(seconds: int, say: Say) -> str:
    hours, minutes, left = seconds // 3600, seconds // 60 % 60, seconds % 60
    key = "hours" if hours else "minutes" if minutes else "seconds"
    return say(key).format(h=hours, m=minutes, s=left)
