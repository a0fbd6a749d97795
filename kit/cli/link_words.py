"""What ``kitctl link`` says, in Persian and English. Reasons are English: they are for experts, and for the minutes."""

from typing import Any, Final

from kit.cli.data_words import DataWords
from kit.cli.path_words import PathWords
from kit.cli.sim_words import SimWords
from kit.cli.words import Words, printable

_EN: Final = {
    "line": "{mark} {name}: {state}, score {score} of 1000, RTT {rtt}, {loss} % lost",
    "unknown": "not known yet",
    "preferred": "> is preferred; pace of probes: {pace}",
    "pinned": "{name} is used by hand for another {seconds} s; all healthy uplinks still carry what is sealed",
    "not preferred": "no uplink works",
    "every": "probed every {every} s",
    "unprobed": "not probed now: that would cost data",
    "falls": "stopped working {falls} times since the start; {late} echoes came late",
    "trouble": "last trouble: {trouble}",
    "notice": "  note on {name}: {words}",
    "switch": "{at} {left} -> {to}: {cause} ({reason})",
    "between": "  (before this one {unwritten} more, which were not written down)",
    "since": "{unwritten} more since, not written down yet: the journal takes 12 an hour",
    "no switches": "no switch yet",
    "nothing": "nothing",
    "echoed": "{uplink}: an echo after {rtt_ms} ms",
    "silent": "{uplink}: no echo: {why}",
    "used": "{pinned} is named first wherever it works, for {for_s} s or until kitd starts again; preferred now: "
    "{preferred}",
    "auto": "the kit chooses; preferred now: {preferred}",
    "quiet": "slow (no polls)",
    "polls": "as polls need it",
    "critical": "fast (a result is on its way)",
    "found": "nothing had worked",
    "failed": "the one before stopped working",
    "better": "a better one",
    "pinned-cause": "by hand",
    "pin-ended": "no longer by hand",
    "no such": "no uplink {name!r}; there are {names}",
}
_FA: Final = {
    "line": "{mark} {name}: {state}، امتیاز {score} از ۱۰۰۰، رفت‌وبرگشت {rtt}، {loss} درصد گم‌شده",
    "unknown": "هنوز نامعلوم",
    "preferred": "نشان > ارتباط در حال استفاده است؛ آهنگ آزمون‌ها: {pace}",
    "pinned": "{name} تا {seconds} ثانیهٔ دیگر به خواست شما در اولویت است؛ بسته‌ها از همهٔ ارتباط‌های سالم فرستاده می‌شوند",
    "not preferred": "هیچ ارتباطی کار نمی‌کند",
    "every": "آزمون هر {every} ثانیه",
    "unprobed": "اکنون آزموده نمی‌شود تا داده خرج نشود",
    "falls": "از آغاز {falls} بار از کار افتاده؛ {late} پاسخ دیر رسیده است",
    "trouble": "آخرین مشکل: {trouble}",
    "notice": "  یادداشت دربارهٔ {name}: {words}",
    "switch": "{at} {left} ← {to}: {cause} ({reason})",
    "between": "  (پیش از این {unwritten} تغییر دیگر که نوشته نشد)",
    "since": "{unwritten} تغییر دیگر که هنوز نوشته نشده: دفتر ساعتی ۱۲ تغییر می‌پذیرد",
    "no switches": "هنوز هیچ تغییری نبوده است",
    "nothing": "هیچ",
    "echoed": "{uplink}: پاسخ پس از {rtt_ms} هزارم ثانیه رسید",
    "silent": "{uplink}: پاسخی نیامد: {why}",
    "used": "{pinned} هرجا کار کند در اولویت است، {for_s} ثانیه یا تا راه‌اندازی دوبارهٔ kitd؛ اکنون در حال استفاده: "
    "{preferred}",
    "auto": "دستگاه خودش برمی‌گزیند؛ اکنون در حال استفاده: {preferred}",
    "quiet": "کند (رأی‌گیری در کار نیست)",
    "polls": "به نیاز رأی‌گیری",
    "critical": "تند (نتیجه در راه است)",
    "found": "پیش‌تر هیچ ارتباطی کار نمی‌کرد",
    "failed": "ارتباط پیشین از کار افتاد",
    "better": "ارتباط بهتری بود",
    "pinned-cause": "به خواست فنی‌کار",
    "pin-ended": "پایان انتخاب دستی",
    "no such": "ارتباطی به نام {name!r} نیست؛ این‌ها هستند: {names}",
}


class LinkWords:
    """Sentences of one language, made harmless for a screen."""

    def __init__(self, language: str) -> None:
        self._sentences = _FA if language == "fa" else _EN
        self._say = Words(language)
        self._under = PathWords(language)
        self._data = DataWords(language)
        self.sims = SimWords(language)

    def __call__(self, key: str, **values: object) -> str:
        """One sentence."""
        return printable(self._sentences[key].format(**values))

    def listed(self, links: dict[str, Any]) -> list[str]:
        """All uplinks, the preferred one marked."""
        lines = []
        for link in links["uplinks"]:
            under = printable(self._under.brief(link))
            lines.append(self._line(link, links) + (f" ({under})" if under else ""))
            if data := self._data.brief(link):
                lines.append("  " + printable(data))
        lines.append(
            self("preferred", pace=self(links["pace"])) if links["preferred"] else self("not preferred")
        )
        if links["pinned"] is not None:
            lines.append(self("pinned", name=links["pinned"], seconds=links["pinned_for_s"]))
        return lines

    def shown(self, link: dict[str, Any], links: dict[str, Any]) -> list[str]:
        """One uplink with all that is known of it."""
        every_ms = link["probe_every_ms"]
        lines = [
            self._line(link, links),
            self("unprobed") if every_ms is None else self("every", every=every_ms / 1000),
            *map(printable, self._data.lines(link)),
            self("falls", falls=link["falls"], late=link["late_echoes"]),
        ]
        lines += map(printable, self._under.lines(link))
        if link["trouble"]:
            lines.append(self("trouble", trouble=link["trouble"]))
        lines += map(printable, self.sims.of(link["name"], links.get("sims", ())))
        return [*lines, *self.noticed(link)]

    def noticed(self, link: dict[str, Any]) -> list[str]:
        """What is odd about an uplink, whether or not it works."""
        return [self("notice", name=link["name"], words=words) for words in link.get("notices", ())]

    def told(self, links: dict[str, Any]) -> list[str]:
        """The switches, oldest first."""
        lines = []
        for switch in links["history"]:
            if switch["unwritten"]:
                lines.append(self("between", unwritten=switch["unwritten"]))
            cause = self("pinned-cause" if switch["cause"] == "pinned" else switch["cause"])
            left, to = (switch[key] or self("nothing") for key in ("left", "to"))
            lines.append(
                self("switch", at=switch["at"], left=left, to=to, cause=cause, reason=switch["reason"])
            )
        if links["unwritten"]:
            lines.append(self("since", unwritten=links["unwritten"]))
        return lines or [self("no switches")]

    def _line(self, link: dict[str, Any], links: dict[str, Any]) -> str:
        rtt = self("unknown") if link["rtt_ms"] is None else f"{link['rtt_ms']} ms"
        return self(
            "line",
            mark=">" if link["name"] == links["preferred"] else " ",
            name=link["name"],
            state=self._say(link["state"]),
            score=link["score"],
            rtt=rtt,
            loss=f"{link['loss_permille'] / 10:.0f}",
        )
