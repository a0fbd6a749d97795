"""What ``kitctl courier`` says, in Persian and English."""

from typing import Final

_EN: Final = {
    "account": "ballot account",
    "tally": "tally",
    "written": "{files} files written to {folder}, synced, read back and compared; it may be taken out",
    "carries": "#{seq} {kind} {terminal}",
    "nothing": "nothing to carry: all that is released is delivered",
    "unreleased": "not released yet, and left out: envelopes {seqs}; two officials must order release-media again",
    "part": "envelope #{seq}, {kind} {terminal}: code {number} of {count}",
    "photograph": "photograph it, whole and sharp",
    "next": "next: Enter",
    "order": "the order of the photographs is of no account; each may be sent from any telephone: center import",
    "printing": "on the printer: envelopes {seqs}; look at the tape, its codes are numbered; if it broke off, again",
    "medium": "{error}; is the medium mounted and writable? Nothing is lost: the kit keeps everything, "
    "take another medium",
}
_FA: Final = {
    "account": "صورت‌حساب برگه‌ها",
    "tally": "شمارش",
    "written": "{files} پرونده در {folder} نوشته، بازخوانی و مقایسه شد؛ می‌توان آن را جدا کرد",
    "carries": "#{seq} {kind} {terminal}",
    "nothing": "چیزی برای بردن نیست: هر چه تحویل پیک می‌شد به مرکز رسیده است",
    "unreleased": "اجازهٔ بردن ندارد و کنار گذاشته شد: بسته‌های {seqs}؛ دو مسئول باید release-media را باز دستور دهند",
    "part": "بستهٔ #{seq}، {kind} {terminal}: کد {number} از {count}",
    "photograph": "از آن عکس کامل و واضح بگیرید",
    "next": "بعدی: Enter",
    "order": "ترتیب عکس‌ها مهم نیست و هر کدام را می‌توان با هر تلفنی فرستاد: center import",
    "printing": "در چاپگر: بسته‌های {seqs}؛ نوار را ببینید، کدها شماره دارند؛ اگر ناتمام ماند دوباره بخواهید",
    "medium": "{error}؛ آیا حافظه وصل و نوشتنی است؟ چیزی از دست نرفته است: دستگاه همه را دارد، حافظهٔ دیگری بیاورید",
}


class CourierWords:
    """Looks words up, and fills in what they speak of."""

    def __init__(self, language: str) -> None:
        self._words = _FA if language == "fa" else _EN

    def __call__(self, key: str, **facts: object) -> str:
        """The words for a key."""
        return self._words[key].format(**facts)


KEYS: Final = (frozenset(_EN), frozenset(_FA))
"""Both languages say the same: a test compares them."""
