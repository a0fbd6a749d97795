"""What ``kitctl receipt`` says, in Persian and English. Reasons of refusals are English: they are for experts."""

from typing import Final

_EN: Final = {
    "account": "ballot account",
    "tally": "tally",
    "none": "no receipt yet",
    "acknowledged": "acknowledged: the centre promises that it holds the envelope",
    "included": "included: it stands in the centre's log, for good",
    "witnessed": "witnessed: and enough witnesses vouch for that log",
    "delivered": "this delivers the envelope",
    "waiting": "this does not deliver the envelope yet: the kit keeps asking",
    "nothing sealed": "nothing is sealed yet: receipts come after the account and the tally",
    "envelope": "envelope",
    "leaf": "leaf",
    "size": "in a log of",
    "root": "root",
    "log": "log",
    "witnesses": "vouched for by",
    "time": "at",
    "uplink": "over",
    "written": "written",
    "photograph": "photograph this",
    "part": "part",
    "next": "next: Enter",
    "join": "photograph every part; kitctl receipt join puts them together again",
    "brought": "the kit keeps it",
    "brought for nothing": "the kit holds as much already",
    "fork": "THESE RECEIPTS PROVE THAT THE CENTRE SHOWED TWO LOGS. Keep both files, and show them to everybody.",
    "fork between": "of the leaves {low} to {last}, these two tell differently: {one} and {other}",
    "consistent": "consistent: all of it is of one log",
    "undetermined": "undetermined: nothing here contradicts, and something is missing",
    "gap": "does the log of {new} leaves begin with that of {old}? Ask the centre for that, and give it along: "
    "center log consistency --from {old} --to {new}",
    "no heads": "none of these files says how the log stood: give receipts of the grade included or witnessed",
    "heads": "the log stood at: {sizes}",
    "silent": "{name}: an acknowledgement; it says nothing about how the log stood",
    "unproven": "{name}: its proof does not hold; ask for it again. If the centre has none, that is a fork",
    "no envelopes": "give the envelopes along (kitctl receipt export N --envelope FILE): more can be compared then",
}
_FA: Final = {
    "account": "صورت‌حساب برگه‌ها",
    "tally": "شمارش",
    "none": "هنوز رسیدی ندارد",
    "acknowledged": "دریافت شد: مرکز تعهد می‌کند که بسته را دارد",
    "included": "ثبت شد: بسته برای همیشه در دفتر مرکز است",
    "witnessed": "گواهی شد: گواهان کافی نیز آن دفتر را تأیید کرده‌اند",
    "delivered": "بسته با این رسید تحویل شده است",
    "waiting": "بسته با این رسید هنوز تحویل نشده است: دستگاه باز هم می‌پرسد",
    "nothing sealed": "هنوز چیزی مهر و موم نشده است: رسید پس از صورت‌حساب و شمارش می‌آید",
    "envelope": "بسته",
    "leaf": "برگ",
    "size": "در دفتری با این شمار برگ:",
    "root": "ریشه",
    "log": "دفتر",
    "witnesses": "گواهان",
    "time": "زمان",
    "uplink": "از راه",
    "written": "نوشته شد",
    "photograph": "از این عکس بگیرید",
    "part": "بخش",
    "next": "بعدی: Enter",
    "join": "از همهٔ بخش‌ها عکس بگیرید؛ kitctl receipt join آنها را به هم می‌پیوندد",
    "brought": "دستگاه آن را نگه می‌دارد",
    "brought for nothing": "دستگاه همین یا بهتر از این را دارد",
    "fork": "این رسیدها ثابت می‌کنند که مرکز دو دفتر نشان داده است. هر دو فایل را نگه دارید و به همه نشان دهید.",
    "fork between": "دربارهٔ برگ‌های {low} تا {last} این دو با هم نمی‌خوانند: {one} و {other}",
    "consistent": "سازگار: همه از یک دفتر است",
    "undetermined": "نامعلوم: ناسازگاری دیده نشد، ولی چیزی کم است",
    "gap": "آیا دفتر {new} برگی با دفتر {old} برگی آغاز می‌شود؟ این را از مرکز بخواهید و همراه کنید: "
    "center log consistency --from {old} --to {new}",
    "no heads": "هیچ یک از این فایل‌ها نمی‌گوید دفتر چگونه بوده است: رسید ثبت‌شده یا گواهی‌شده بدهید",
    "heads": "دفتر چنین بوده است: {sizes}",
    "silent": "{name}: رسید دریافت است و دربارهٔ دفتر چیزی نمی‌گوید",
    "unproven": "{name}: اثبات آن درست نیست؛ دوباره بخواهید. اگر مرکز آن را ندارد، دفتر دو شاخه شده است",
    "no envelopes": "اگر بسته‌های این رسیدها را هم بدهید (kitctl receipt export N --envelope FILE)، بیشتر می‌توان سنجید",
}


class ReceiptWords:
    """Looks words up, and fills in what they speak of."""

    def __init__(self, language: str) -> None:
        self._words = _FA if language == "fa" else _EN

    def __call__(self, key: str, **facts: object) -> str:
        """The words for a key."""
        return self._words[key].format(**facts)


KEYS: Final = (frozenset(_EN), frozenset(_FA))
"""Both languages say the same: a test compares them."""
