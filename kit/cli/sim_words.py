"""What ``kitctl`` says of modems with several SIMs, in Persian and English. Reasons of changes are English."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from kit.cli.path_words import line_in_words

_EN: Final = {
    "uses": "modem {modem}: SIM {slot} of {slots}",
    "not known": "modem {modem}: which of its {slots} SIMs it uses is not known",
    "trouble": "gives nothing for {trouble_s} s: {trouble}",
    "failed in": "SIM {slot} in {in_s} s",
    "returned in": "SIM {slot} is tried again in {in_s} s, if all stays quiet",
    "hindered": "not changed over now: {why}",
    "off": "the kit does not change over by itself (change_sim = false)",
    "cannot": "no other SIM can be used: {cannot}",
    "refused": "was told to use SIM {wanted}, and does not",
    "last": "  last change of modem {modem}: {at} SIM {left} -> SIM {slot}: {cause} ({reason})",
    "failed": "the one before gave nothing",
    "returned": "the first one is tried again",
    "ordered": "by hand",
    "changed": "modem {modem} changes over to SIM {slot}; a SIM needs up to a minute to find its network",
    "already": "modem {modem} uses SIM {slot} already",
}
_FA: Final = {
    "uses": "مودم {modem}: سیم‌کارت {slot} از {slots}",
    "not known": "مودم {modem}: معلوم نیست کدام‌یک از {slots} سیم‌کارت در کار است",
    "trouble": "{trouble_s} ثانیه است که کار نمی‌کند: {trouble}",
    "failed in": "تا {in_s} ثانیهٔ دیگر سیم‌کارت {slot} به کار می‌افتد",
    "returned in": "اگر آرام بماند، تا {in_s} ثانیهٔ دیگر سیم‌کارت {slot} دوباره آزموده می‌شود",
    "hindered": "اکنون عوض نمی‌شود: {why}",
    "off": "دستگاه خودش سیم‌کارت را عوض نمی‌کند (change_sim = false)",
    "cannot": "سیم‌کارت دیگری به کار نمی‌افتد: {cannot}",
    "refused": "سیم‌کارت {wanted} خواسته شد و مودم عوض نکرد",
    "last": "  آخرین تغییر مودم {modem}: {at} سیم‌کارت {left} ← سیم‌کارت {slot}: {cause} ({reason})",
    "failed": "سیم‌کارت پیشین کار نمی‌کرد",
    "returned": "سیم‌کارت نخست دوباره آزموده می‌شود",
    "ordered": "به خواست فنی‌کار",
    "changed": "مودم {modem} به سیم‌کارت {slot} می‌رود؛ یافتن شبکه تا یک دقیقه زمان می‌برد",
    "already": "مودم {modem} همین حالا با سیم‌کارت {slot} کار می‌کند",
}
_WHY_FA: Final = {
    "no network known": "شبکه‌ای نیست",
    "an SMS is under way": "پیامکی در راه است",
    "an envelope goes by SMS over this SIM": "بسته‌ای با پیامک از همین سیم‌کارت می‌رود",
    "its uplink is the only one that works": "ارتباط آن تنها ارتباطی است که کار می‌کند",
}
_NO_SESSION: Final = "registered, and no session over "


class SimWords:
    """Sentences of one language."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._sentences = _FA if language == "fa" else _EN

    def __call__(self, key: str, **values: object) -> str:
        """One sentence."""
        return self._sentences[key].format(**values)

    def brief(self, sims: Iterable[Mapping[str, Any]]) -> list[str]:
        """For the status: modems of whose SIMs there is something to say."""
        told = ("trouble", "refused", "last")
        return [line for sim in sims if any(sim[key] for key in told) for line in self.lines(sim)]

    def of(self, uplink: str, sims: Iterable[Mapping[str, Any]]) -> list[str]:
        """For one uplink: all that is known of the SIMs under it."""
        return [line for sim in sims if uplink in sim["uplinks"] for line in self.lines(sim)]

    def lines(self, sim: Mapping[str, Any]) -> list[str]:
        """Which SIM, how it does, what comes next; and how it came about."""
        parts = [self("not known" if sim["slot"] is None else "uses", **sim)]
        if sim["trouble"]:
            parts.append(self("trouble", **{**sim, "trouble": self._why(sim["trouble"])}))
        if sim["refused"]:
            parts.append(self("refused", wanted=sim["last"]["slot"]))
        if sim["cannot"]:
            parts.append(self("cannot", **sim))
        elif not sim["changes"]:
            parts.append(self("off"))
        if sim["next"]:
            hindered, cause, due = sim["next"]["hindered"], sim["next"]["cause"], sim["next"]["in_s"] == 0
            say_when = self(f"{cause} in", **sim["next"])
            parts.append(self("hindered", why=self._why(hindered)) if hindered and due else say_when)
        lines = ["; ".join(parts)]
        if sim["last"]:
            last = {**sim["last"], "cause": self(sim["last"]["cause"]), "modem": sim["modem"]}
            lines.append(self("last", **last))
        return lines

    def _why(self, words: str) -> str:
        if self._language != "fa":
            return words
        if words.startswith(_NO_SESSION):
            return f"در شبکه هست، ولی {words.removeprefix(_NO_SESSION)} ارتباطی ندارد"
        return _WHY_FA.get(words) or line_in_words(words, self._language)
