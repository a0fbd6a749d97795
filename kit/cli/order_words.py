"""What ``kitctl order``, ``schedule`` and ``media`` say, in Persian and English."""

from typing import Any, Final

from crypto.statements import Order

_EN: Final[dict[str, str]] = {
    "you sign": "You sign this order:",
    "order": "order",
    "branch": "branch",
    "kit": "for",
    "own kit": "the branch's own kit",
    "serial": "number",
    "voters": "voters signed in, {contest}",
    "schedule": "{name}",
    "terminal": "terminal out of order",
    "standby": "takes its place",
    "takes-over": "takes over",
    "nobody": "nothing",
    "reason": "reason",
    "pin": "PIN of {official}: ",
    "accepted": "order accepted",
    "waits": "signature taken; the order waits for an official of another body",
    "differs": "another order with this number waits too and says something else: both officials must sign the same",
    "written": "{path}: signed by {official}; hand it in with: kitctl order {path}",
    "followed": "schedule change followed; the times that hold now are in: kitctl status --json",
    "not-followed": "nothing to do: this change moves nothing later than it is, or is for another branch",
    "exported": "{files} files written to {folder}, read back and compared",
}
_FA: Final[dict[str, str]] = {
    "you sign": "شما این دستور را امضا می‌کنید:",
    "order": "دستور",
    "branch": "شعبه",
    "kit": "برای",
    "own kit": "دستگاه اصلی شعبه",
    "serial": "شماره",
    "voters": "امضاکنندگان دفتر رأی‌دهندگان، {contest}",
    "schedule": "{name}",
    "terminal": "پایانهٔ ازکارافتاده",
    "standby": "جایگزین آن",
    "takes-over": "کار را به دست می‌گیرد",
    "nobody": "هیچ",
    "reason": "دلیل",
    "pin": "رمز {official}: ",
    "accepted": "دستور پذیرفته شد",
    "waits": "امضا ثبت شد؛ دستور در انتظار مسئولی از نهاد دیگر است",
    "differs": "دستور دیگری با همین شماره و محتوای دیگر هم در انتظار است: هر دو مسئول باید یک چیز را امضا کنند",
    "written": "{path}: با امضای {official}؛ برای تحویل: kitctl order {path}",
    "followed": "تغییر زمان‌بندی اعمال شد؛ زمان‌های معتبر: kitctl status --json",
    "not-followed": "کاری لازم نیست: این تغییر هیچ زمانی را دیرتر نمی‌کند یا برای شعبهٔ دیگری است",
    "exported": "{files} پرونده در {folder} نوشته، بازخوانی و مقایسه شد",
    "zero": "گواهی صفر",
    "open": "آغاز رأی‌گیری",
    "suspend": "توقف موقت",
    "resume": "ادامهٔ رأی‌گیری",
    "close": "پایان رأی‌گیری",
    "account": "صورت‌حساب برگه‌ها",
    "archive": "بایگانی",
    "reopen": "بازگشایی رأی‌گیری",
    "extend": "تمدید زمان",
    "replace-terminal": "جایگزینی پایانه",
    "reissue": "به دست گرفتن کار با دستگاه ذخیره",
    "release-media": "تحویل مدارک روی حافظهٔ جابه‌جاشدنی",
}


def phrase(key: str, language: str, **values: object) -> str:
    """One sentence or word; what has no translation stays as it is."""
    return (_FA if language == "fa" else _EN).get(key, key).format(**values)


def order_in_words(order: Order, language: str) -> str:
    """What an official is about to sign, all of it."""

    def say(key: str, **values: object) -> str:
        return phrase(key, language, **values)

    device = order.device or say("own kit")
    kind = order.kind if language == "en" else f"{say(order.kind)} [{order.kind}]"
    lines = [(say("order"), kind), (say("branch"), order.branch), (say("kit"), device)]
    lines.append((say("serial"), str(order.serial)))
    for contest, number in sorted(order.voters_signed_in.items()):
        lines.append((say("voters", contest=contest), str(number)))
    if order.schedule is not None:
        names = order.schedule.__struct_fields__
        lines += [(say("schedule", name=name), getattr(order.schedule, name)) for name in names]
    if order.terminal is not None:
        lines.append((say("terminal"), order.terminal))
        lines.append((say("standby"), order.standby or say("nobody")))
    elif order.standby is not None:
        lines.append((say("takes-over"), order.standby))
    if order.reason:
        lines.append((say("reason"), order.reason))
    return "\n".join([say("you sign"), *(f"  {name}: {value}" for name, value in lines)])


def answer_in_words(answer: dict[str, Any], language: str) -> str:
    """What the daemon made of an order or a schedule change that it did not refuse."""
    if "followed" in answer:
        return phrase("followed" if answer["followed"] else "not-followed", language)
    if answer.get("accepted"):
        return phrase("accepted", language)
    lines = [phrase("waits", language)]
    if answer.get("differs"):
        lines.append(phrase("differs", language))
    return "\n".join(lines)
