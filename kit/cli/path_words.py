"""What lies under an uplink's session, in Persian and English: its path, its line, and what TCP says."""

from typing import Any, Final

_EN: Final = {
    "path": "path: {interface} (index {index}), from {sources}, MTU {mtu}, routing table {table}",
    "pathless": "no path: {why}",
    "main": "of the system",
    "no address": "no address",
    "line": "line: {words}",
    "tcp": "TCP: round trip {rtt_ms} ms",
    "stall": "what was sent stays unacknowledged for {seconds} s",
    "penalty": "falls cost it {penalty} of 1000 points now",
}
_FA: Final = {
    "path": "مسیر: {interface} (شمارهٔ {index})، از {sources}، MTU {mtu}، جدول مسیریابی {table}",
    "pathless": "بدون مسیر: {why}",
    "main": "سیستم",
    "no address": "بدون نشانی",
    "line": "خط: {words}",
    "tcp": "رفت‌وبرگشت TCP: {rtt_ms} هزارم ثانیه",
    "stall": "آنچه فرستاده شده {seconds} ثانیه است که تأیید نشده",
    "penalty": "قطع‌شدن‌های پیشین اکنون {penalty} امتیاز کم کرده است",
}
_LINE_FA: Final = {
    "line not known": "نامعلوم",
    "no SIM": "سیم‌کارت نیست",
    "the SIM fails": "سیم‌کارت خراب است",
    "the SIM asks for its PIN": "سیم‌کارت PIN می‌خواهد",
    "the SIM asks for its PUK": "سیم‌کارت PUK می‌خواهد",
    "searching for the network": "در جست‌وجوی شبکه",
    "not registered with a network": "در شبکه ثبت نشده",
    "the network denies access": "شبکه اجازهٔ دسترسی نمی‌دهد",
    "emergency calls only": "تنها تماس اضطراری",
    "the data bearer is down": "اتصال دادهٔ همراه قطع است",
    "the modem is being reset": "مودم در حال راه‌اندازی دوباره است",
    "signal not measured": "سیگنال اندازه‌گیری نشده",
    "signal good": "سیگنال خوب",
    "signal fair": "سیگنال متوسط",
    "signal poor": "سیگنال ضعیف",
    "its interface is not there": "رابط شبکهٔ آن نیست",
    "no light": "نور نیست",
    "no carrier": "کابل قطع است",
    "carrier": "کابل وصل است",
    "light and carrier": "نور و کابل هست",
}
"""What kit.links.lines says; other words stay as they are."""


def line_in_words(words: str, language: str) -> str:
    """What kit.links.lines says of a line, in a language."""
    return _LINE_FA.get(words, words) if language == "fa" else words


class PathWords:
    """Sentences of one language."""

    def __init__(self, language: str) -> None:
        self._sentences = _FA if language == "fa" else _EN
        self._lines = _LINE_FA if language == "fa" else {}

    def brief(self, link: dict[str, Any]) -> str:
        """In a few words, such as ``wwan0 10.0.0.2, signal fair``; empty where nothing is known."""
        words: list[str] = []
        if link.get("path"):
            words.append(" ".join((link["path"]["interface"], *link["path"]["sources"][:1])))
        if link.get("line"):
            words.append(self._line(link))
        words += self._stalled(link)
        return ", ".join(words)

    def lines(self, link: dict[str, Any]) -> list[str]:
        """All of it, a sentence a line."""
        say, lines = self._sentences, []
        path = link.get("path")
        if path:
            sources = ", ".join(path["sources"]) or say["no address"]
            table = say["main"] if path["table"] is None else path["table"]
            lines.append(say["path"].format(**{**path, "sources": sources, "table": table}))
        elif link.get("bound"):
            lines.append(say["pathless"].format(why=link["trouble"] or "..."))
        if link.get("line"):
            lines.append(say["line"].format(words=self._line(link)))
        if link.get("tcp"):
            about = [say["tcp"].format(rtt_ms=link["tcp"]["rtt_ms"]), *self._stalled(link)]
            lines.append("; ".join(about))
        if link.get("penalty"):
            lines.append(say["penalty"].format(penalty=link["penalty"]))
        return lines

    def _line(self, link: dict[str, Any]) -> str:
        words = str(link["line"]["words"])
        return self._lines.get(words, words)

    def _stalled(self, link: dict[str, Any]) -> list[str]:
        stalled_ms = (link.get("tcp") or {}).get("stalled_ms", 0)
        return [self._sentences["stall"].format(seconds=f"{stalled_ms / 1000:.1f}")] if stalled_ms else []
