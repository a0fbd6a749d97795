"""What an uplink's data budget is, in Persian and English: used, left, and what follows from it."""

from typing import Any, Final

MB: Final = 1_000_000

_EN: Final = {
    "line": "data{sim}: {used} MB of {budget} MB used this month, {left} MB left; {follows}",
    "sim": " (SIM {sim})",
    "enough": "enough",
    "low": "running low: outside the critical window probes and attempts get rarer",
    "used-up": "used up for now: outside the critical window only envelopes, receipts and commands go over it",
    "now": "of it {spendable} MB may go out now, and {a_day} MB more a day; for the critical window {reserve} MB more "
    "are kept",
    "attempts": "an attempt to make a session every {minutes} min at most",
}
_FA: Final = {
    "line": "داده{sim}: این ماه {used} مگابایت از {budget} مگابایت خرج شده و {left} مگابایت مانده است؛ {follows}",
    "sim": " (سیم‌کارت {sim})",
    "enough": "بس است",
    "low": "رو به پایان: بیرون از بازهٔ بحرانی آزمون‌ها و تلاش‌ها کمتر می‌شوند",
    "used-up": "فعلاً تمام شده: بیرون از بازهٔ بحرانی تنها بسته‌ها، رسیدها و فرمان‌ها از آن می‌گذرند",
    "now": "از آن اکنون {spendable} مگابایت و هر روز {a_day} مگابایت دیگر می‌توان خرج کرد؛ {reserve} مگابایت دیگر برای "
    "بازهٔ بحرانی نگه داشته می‌شود",
    "attempts": "تلاش برای برقراری نشست حداکثر هر {minutes} دقیقه یک بار",
}


class DataWords:
    """Sentences of one language."""

    def __init__(self, language: str) -> None:
        self._sentences = _FA if language == "fa" else _EN

    def brief(self, link: dict[str, Any]) -> str:
        """Used, left, and what follows; empty where the kit does not say."""
        data = link.get("data")
        if data is None:
            return ""
        sim = "" if data["sim"] is None else self._sentences["sim"].format(sim=data["sim"])
        return self._sentences["line"].format(
            sim=sim,
            used=_megabytes(data["month_used"]),
            budget=data["month_budget"] // MB,
            left=_megabytes(data["month_left"]),
            follows=self._sentences[data["state"]],
        )

    def lines(self, link: dict[str, Any]) -> list[str]:
        """All of it."""
        data = link.get("data")
        if data is None:
            return []
        lines = [
            self.brief(link),
            self._sentences["now"].format(
                spendable=_megabytes(data["spendable"]),
                a_day=_megabytes(data["a_day"]),
                reserve=_megabytes(data["reserve_left"]),
            ),
        ]
        if data["session_every_ms"]:
            lines.append(self._sentences["attempts"].format(minutes=-(-data["session_every_ms"] // 60_000)))
        return lines


def _megabytes(size: int) -> str:
    return f"{size / MB:.1f}"
