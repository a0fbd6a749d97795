"""The words of tapes: each in Persian and in English."""

from typing import Final, NamedTuple


class Words(NamedTuple):
    """The same in both languages."""

    persian: str
    english: str


ZERO: Final = Words("نوار صفر", "ZERO TAPE")
TALLY: Final = Words("نوار شمارش", "TALLY TAPE")
ELECTION: Final = Words("انتخابات", "election")
ROUND: Final = Words("دور", "round")
BRANCH: Final = Words("شعبه", "branch")
TERMINAL: Final = Words("پایانهٔ رأی", "terminal")
CLOSE_NO: Final = Words("بستن شمارهٔ", "close no.")
PRINTED: Final = Words("زمان چاپ", "printed")
COPY: Final = Words("چاپ شمارهٔ", "copy")
BROKE_OFF: Final = Words("چاپ پیشین ناتمام ماند", "the earlier print broke off")
MANIFEST: Final = Words("اثر انگشت بیانیهٔ انتخابات", "manifest fingerprint")
DEFINITION: Final = Words("اثر انگشت تعرفه", "ballot definition")
REPORT: Final = Words("اثر انگشت گزارش امضاشدهٔ پایانه", "SHA-256 of the terminal's signed report")
BLANK: Final = Words("سفید", "blank")
VALID: Final = Words("صحیح", "valid")
INVALID: Final = Words("باطل", "invalid")
BALLOTS: Final = Words("همهٔ برگه‌ها", "all ballots")
COUNTER: Final = Words("شمارندهٔ عمومی", "public counter")
FINDINGS: Final = Words("یافته‌ها", "findings")
NONE: Final = Words("هیچ", "none")
CODES: Final = Words("شمارش امضاشده برای بازخوانی", "the signed tally, to be read back")
COURIER: Final = Words("بسته‌های مهرشده برای پیک", "SEALED, FOR THE COURIER")
PHOTOGRAPH: Final = Words("از هر کد عکس بگیرید؛ ترتیب مهم نیست", "photograph every code, in any order")
SIGNATURES: Final = Words("امضای مسئولان و نمایندگان نامزدها", "signed by officials and candidates' agents")
END: Final = Words("پایان نوار", "end of the tape")

FINDING: Final[dict[str, Words]] = {
    "signed-in-differs": Words(
        "امضاهای دفتر از برگه‌های شمرده‌شده بیشتر است", "more voters signed in than ballots counted"
    ),
    "more-counted-than-signed-in": Words(
        "برگه‌های شمرده‌شده از امضاهای دفتر بیشتر است", "more ballots counted than voters signed in"
    ),
    "candidates-do-not-add-up": Words(
        "جمع آرای نامزدها با آرای صحیح نمی‌خواند", "votes do not add up to the valid ones"
    ),
    "valid-and-invalid-do-not-add-up": Words(
        "جمع صحیح و باطل با برگه‌ها نمی‌خواند", "valid and invalid do not add up to the ballots"
    ),
    "public-counter-differs": Words(
        "شمارندهٔ عمومی با برگه‌ها نمی‌خواند", "public counter differs from the ballots"
    ),
    "account-differs-from-tally": Words(
        "صورت‌حساب با شمارش نمی‌خواند", "ballot account differs from the tally"
    ),
}
GRADE: Final[dict[str, Words]] = {"note": Words("یادداشت", "note"), "alarm": Words("هشدار", "alarm")}
