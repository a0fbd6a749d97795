"""The technician's words, in Persian and English. Keys are what the daemon says."""

from typing import Any, Final

from kit.cli.centre_words import CentreWords, centre_lines
from kit.cli.device_words import DEVICES_EN, DEVICES_FA, battery_words, device_lines
from kit.cli.ladder_words import LADDER_EN, LADDER_FA, ladder_lines, promised_lines
from kit.cli.path_words import PathWords
from kit.cli.sim_words import SimWords
from kit.cli.tape_words import TAPES_EN, TAPES_FA, tape_lines

_FA: Final[dict[str, str]] = {
    "branch": "شعبه",
    "phase": "مرحله",
    "power": "برق",
    "terminal": "پایانهٔ رأی",
    "uplinks": "ارتباط‌ها",
    "command-refused": "فرمانی به نام مرکز رسید که اصل نیست: با مرکز تماس بگیرید",
    "command-expired": "فرمانی رسید که مهلتش گذشته بود",
    "commands-too-many": "فرمان‌های بسیار زیادی رسید: با مرکز تماس بگیرید",
    "clock-behind": "ساعت دستگاه از ساعت مرکز عقب است: با ساعتی دیگر بسنجید و درست کنید",
    "manifest-refused": "شناسنامهٔ تازه‌تر پذیرفته نشد: با مرکز تماس بگیرید",
    "note": "یادداشت",
    "waiting": "در انتظار رسید",
    "delivered": "تحویل‌شده",
    "findings": "یافته‌ها",
    "next order": "شمارهٔ دستور بعدی",
    "none": "هیچ",
    "connected": "وصل",
    "not connected": "قطع",
    "ballots": "برگه",
    "standby": "ذخیره",
    "retired": "کنارگذاشته‌شده",
    "close": "پایان رأی‌گیری نه پیش از",
    "preferred": "در حال استفاده",
    "no daemon": "سرویس kitd پاسخ نمی‌دهد. با فرمان systemctl status kitd وضعیت آن را ببینید.",
    "commissioned": "آمادهٔ راه‌اندازی",
    "readiness": "آماده",
    "zeroed": "صفر تأیید شد",
    "open": "رأی‌گیری باز است",
    "suspended": "رأی‌گیری موقتاً متوقف است",
    "closed": "رأی‌گیری بسته شد",
    "accounted": "صورت‌حساب برگه‌ها ثبت شد",
    "tallied": "شمارش انجام شد",
    "sealed": "مهر و موم شد، هنوز ارسال نشده",
    "sending": "در حال ارسال",
    "archived": "بایگانی شد",
    "mains": "برق شهر",
    "battery": "باتری UPS",
    "low": "باتری UPS رو به پایان",
    "unknown": "نامعلوم",
    "up": "برقرار",
    "down": "قطع",
    "connecting": "در حال اتصال",
    "suspect": "مشکوک",
    "pathless": "بدون مسیر",
    "account": "صورت‌حساب برگه‌ها",
    "tally": "شمارش",
    "incident": "رویداد",
    "signed-in-differs": "امضاهای دفتر رأی‌دهندگان از برگه‌های شمرده‌شده بیشتر است",
    "more-counted-than-signed-in": "برگه‌های شمرده‌شده از امضاهای دفتر رأی‌دهندگان بیشتر است",
    "candidates-do-not-add-up": "جمع آرای نامزدها با آرای صحیح نمی‌خواند",
    "valid-and-invalid-do-not-add-up": "جمع آرای صحیح و باطل با برگه‌ها نمی‌خواند",
    "public-counter-differs": "شمارندهٔ عمومی با برگه‌ها نمی‌خواند",
    "account-differs-from-tally": "صورت‌حساب برگه‌ها با شمارش نمی‌خواند",
    "terminal-lost": "پایانهٔ رأی پاسخ نمی‌دهد: کابل و برق آن را ببینید",
    "foreign-terminal": "پایانهٔ دیگری به این خط وصل است: کابل‌ها را جابه‌جا کنید",
    "terminal-refused": "پایانه دستور را نپذیرفت",
    "bad-report": "گزارش پایانه پذیرفته نشد: با مرکز تماس بگیرید",
    "bad-counter": "شمارندهٔ پایانه نادرست است: با مرکز تماس بگیرید",
    "COVER OPEN": "درپوش باز است",
    "TAMPERED": "دست‌کاری شده است",
    "cover-open": "درپوش پایانه باز شد: ببینید چه کسی و چرا، و آن را ببندید",
    "terminal-tampered": "کلید دست‌کاری پایانه عمل کرد: آن را کنار بگذارید و با مرکز تماس بگیرید",
    "firmware-changed": "نرم‌افزار پایانه پس از گزارش صفر عوض شد: با مرکز تماس بگیرید",
    "envelope-refused": "مرکز بسته را نپذیرفت: با مرکز تماس بگیرید",
    "receipt-refused": "رسید نامعتبر رسید: با مرکز تماس بگیرید",
    "schedule-refused": "تغییر زمان‌بندی پذیرفته نشد: با مرکز تماس بگیرید",
    "take-over-refused": "این دستگاه نتوانست کار را به دست بگیرد: وضعیت پایانه‌ها را ببینید",
    "clock-went-back": "ساعت دستگاه هنگام روشن شدن از آخرین ثبت دفتر عقب‌تر است",
    "clock-ahead-or-long-off": "دستگاه مدتی دراز خاموش بوده یا ساعتش جلو است: با ساعتی دیگر بسنجید",
    "journal-key-lost": "کلید دفتر گم شد و بخشی نشان‌دار باز شد: دو مسئول باید گواهی آن را امضا کنند (kitctl journal)",
    "alarm": "هشدار",
}
_EN: Final[dict[str, str]] = {
    "pathless": "no path",
    "close": "closes not before",
    "no daemon": "kitd does not answer. Look at it with: systemctl status kitd",
    "mains": "mains",
    "low": "battery low",
}


_SWITCHES: Final = {"cover_open": "COVER OPEN", "tampered": "TAMPERED"}
"""What a terminal's switches say, by their names in the status."""

_JOINERS: Final = (
    "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian needs them; they print as nothing
)


def printable(line: str) -> str:
    """A line that holds strangers' words, made harmless: no control characters that would paint over the screen.

    A broker's hint, what a terminal calls itself, a file from elsewhere: none of them may show officials "delivered".
    """
    return "".join(c if c.isprintable() or c in _JOINERS else ascii(c)[1:-1] for c in line)


class Words:
    """Looks words up; what has no translation stays as it is."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = (
            _FA | DEVICES_FA | TAPES_FA | LADDER_FA
            if language == "fa"
            else _EN | DEVICES_EN | TAPES_EN | LADDER_EN
        )
        self.path = PathWords(language)
        self._phase_delivered = "تحویل شد و رسید دارد" if language == "fa" else "delivered"

    def __call__(self, key: str) -> str:
        """The word for a key."""
        return self._words.get(key, key)

    def phase(self, key: str) -> str:
        """The word for a phase (``delivered`` is also a heading)."""
        return self._phase_delivered if key == "delivered" else self(key)


def render(status: dict[str, Any], say: Words) -> str:
    """The status as lines of text, most important first."""
    uplinks, outbox, power = status["uplinks"], status["outbox"], status["power"]
    lines = [
        f"{say('branch')}: {status['branch']} ({status['name']})",
        f"{say('phase')}: {say.phase(status['phase'])} [{status['phase']}]",
        f"{say('power')}: {say(power['state'])}{battery_words(power, say)}",
    ]
    for terminal in status["terminals"]:
        state = say("connected" if terminal["connected"] else "not connected")
        counter = f"{terminal['public_counter'] or 0} {say('ballots')}"
        part = "" if terminal["part"] == "active" else f" ({say(terminal['part'])})"
        alarms = "".join(f", {say(what)}" for key, what in _SWITCHES.items() if terminal.get(key))
        lines.append(f"{say('terminal')} {terminal['id']}{part}: {state}, {counter}{alarms}")
    if "centre" in status:
        lines[1:1] = centre_lines(status["centre"], CentreWords(say.language))
    lines += device_lines(status.get("devices", {}), say)
    lines += SimWords(say.language).brief(status.get("links", {}).get("sims", ()))
    lines += tape_lines(status.get("printer"), say)
    times = status["schedule"]
    lines.append(f"{say('close')}: {times['close_not_before']}; {say('tally')}: {times['tally_not_before']}")
    under = {
        link["name"]: f" ({words})"
        for link in status.get("links", {}).get("uplinks", ())
        if (words := say.path.brief(link))
    }
    links = [
        f"{name} {say(state)}{under.get(name, '')}"
        + (f" ← {say('preferred')}" if name == uplinks["preferred"] else "")
        for name, state in uplinks["states"].items()
    ]
    lines.append(f"{say('uplinks')}: {'; '.join(links)}")
    lines += [
        f"{say('note')} {link['name']}: {words}"
        for link in status.get("links", {}).get("uplinks", ())
        for words in link.get("notices", ())
    ]
    waiting = ", ".join(f"{say(item['kind'])} #{item['seq']}" for item in outbox["waiting"])
    lines.append(f"{say('waiting')}: {waiting or say('none')}")
    lines += promised_lines(outbox, say)
    lines += ladder_lines(status.get("ladder"), say)
    lines.append(f"{say('delivered')}: {', '.join(f'#{seq}' for seq in outbox['delivered']) or say('none')}")
    lines.append(f"{say('next order')}: {status['next_order']}")
    lines += [
        f"{say(finding['grade'])}: {say(finding['code'])} {finding['contest'] or ''}".rstrip()
        for finding in status["findings"]
    ]
    lines += [
        f"{say('incident')} {incident['at']}: {say(incident['code'])} ({incident['detail']})"
        for incident in status["incidents"]
    ]
    return "\n".join(map(printable, lines))
