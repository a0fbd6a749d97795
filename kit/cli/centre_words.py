"""Words about what the centre asks, in Persian and English."""

from typing import Any, Final

_FA: Final[dict[str, str]] = {
    "message": "پیام",
    "from the centre": "پیام مرکز",
    "no message": "از مرکز پیامی نرسیده است",
    "pacing": "آهسته‌تر فرستادن",
    "clock": "مقایسهٔ ساعت",
    "manifest": "شناسنامهٔ انتخابات",
    "followed": "پذیرفته شد",
    "known": "پیش‌تر پذیرفته شده بود",
    "expired": "مهلتش گذشته است",
    "of another branch": "برای شعبهٔ دیگری است",
    "paced": "به خواست مرکز آهسته‌تر فرستاده می‌شود تا",
    "behind": "ساعت این دستگاه دست‌کم این‌قدر عقب است",
    "ahead": "ساعت این دستگاه شاید این‌قدر جلو باشد",
    "set the clock": "آن را با ساعتی دیگر بسنجید، درست کنید (timedatectl) و kitd را از نو راه بیندازید",
    "minutes": "دقیقه",
    "newer manifest": "شناسنامهٔ تازه‌تری اعلام شده و هنوز به این دستگاه نرسیده است: نسخهٔ",
    "bring it": "اگر نرسد، پرونده‌اش را با kitctl manifest bring بدهید",
    "manifest refused": "شناسنامهٔ تازه پذیرفته نشد",
    "manifest adopted": "شناسنامهٔ تازه پذیرفته شد و kitd با آن از نو آغاز می‌کند: نسخهٔ",
    "refused": "فرمان‌های پذیرفته‌نشده (جعلی، نادرست یا مهلت‌گذشته)",
}
_EN: Final[dict[str, str]] = {
    "no message": "the centre wrote nothing to this branch",
    "clock": "clock hint",
    "known": "followed before",
    "expired": "expired",
    "paced": "the centre asks to send more slowly until",
    "behind": "this kit's clock is behind by at least",
    "ahead": "this kit's clock may be ahead by about",
    "set the clock": "compare it with a watch, set it right (timedatectl), then restart kitd",
    "newer manifest": "a newer manifest is announced and not here yet: version",
    "bring it": "if it does not come, bring it as a file: kitctl manifest bring",
    "manifest refused": "a newer manifest was refused",
    "manifest adopted": "the manifest is adopted, and kitd starts again under it: version",
    "refused": "commands refused (forged, malformed or expired)",
}


class CentreWords:
    """Looks words up; what has no translation stays as it is."""

    def __init__(self, language: str) -> None:
        self._words = _FA if language == "fa" else _EN

    def __call__(self, key: str) -> str:
        """The word for a key."""
        return self._words.get(key, key)


def centre_lines(centre: dict[str, Any], say: CentreWords) -> list[str]:
    """What the centre said, messages first; nothing where there is nothing to say."""
    lines = [
        f">>> {say('from the centre')} {message['at']}: {message['text']}" for message in centre["messages"]
    ]
    clock, pacing, newer = centre["clock"], centre["pacing"], centre["manifest_announced"]
    for which in ("behind", "ahead"):
        if clock[f"{which}_s"]:
            minutes = clock[f"{which}_s"] // 60
            lines.append(f"{say(which)} {minutes} {say('minutes')}: {say('set the clock')}")
    if newer is not None:
        lines.append(
            f"{say('newer manifest')} {newer['version']} ({newer['sha256'][:16]}); {say('bring it')}"
        )
    if centre["manifest"]["refusal"] is not None:
        lines.append(f"{say('manifest refused')}: {centre['manifest']['refusal']}")
    if pacing is not None:
        lines.append(f"{say('paced')} {pacing['until']}")
    if centre["refused"]:
        lines.append(f"{say('refused')}: {centre['refused']}")
    return lines
