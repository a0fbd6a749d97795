"""What ``kitctl journal`` says, in Persian and English. Details of faults are English: they are for experts."""

from typing import Any, Final

from kit.cli.words import printable
from kit.journal.report import Report

SHOWN_MAX: Final = 50  # faults printed in words; --json has all of them

_EN: Final = {
    "good": "GOOD: every leaf, key, anchor and receipt holds",
    "remarks": "GOOD, WITH REMARKS: everything holds; read the remarks",
    "flagged": "FLAGGED: everything holds, and a key was lost: nobody vouches for what was signed after it",
    "faults": "FAULTS: this journal is not what was written, or contradicts what the centre has",
    "journal": "journal",
    "facts": "facts {facts}, from {first_at} to {last_at}",
    "signed": "signed: facts 1 to {signed} ({signed_at}), by {checkpoints} checkpoints",
    "unsigned": "signed: nothing",
    "segment": "segment {number}: from fact {fact} ({at}), {checkpoints} checkpoints from epoch {epoch} on",
    "sealed": "envelopes {envelopes}, receipts {receipts}",
    "published": "published envelopes of this device held against it: {published}",
    "unpublished": "not held against the centre's log (--anchors): whether it was cut short cannot be told",
    "more": "and {more} more: --json has all",
    "seed-lost-unsigned": "a key was lost, and no two officials vouch for what follows",
    "seed-lost-endorsed": "a key was lost; officials vouch for what follows",
    "tail-unsigned": "not signed yet: whoever has the disk could change these",
    "never-signed": "no checkpoint signs any of it",
    "birth-unsigned": "written before the first key was certified",
    "key-gone": "the key for the next checkpoint is gone: the next start will open a flagged segment",
    "fact-unreadable": "a fact cannot be read",
    "foreign-journal": "this is the journal of something else",
    "fact-rewritten": "facts were rewritten",
    "checkpoint-forged": "a checkpoint is not signed as it should be",
    "epoch-skipped": "an epoch is missing",
    "certificate-forged": "a key is not certified as it should be",
    "anchor-unsigned": "an envelope names what no checkpoint signs",
    "journal-truncated": "the journal was cut short: the centre has an envelope over more of it",
    "envelope-forgotten": "the centre has an envelope that the journal does not know",
    "device-forked": "two envelopes have one number: an older state of the device was brought back",
    "receipt-false": "a receipt does not hold",
    "journal-behind-its-keys": "an older copy of the journal was put back",
    "proof": "PROVEN: fact {fact} stands in {origin}, under the device's checkpoint over {size} facts (epoch {epoch})",
    "anchored": "leaf {anchored_by_leaf} of the centre's log was sealed over this very checkpoint",
    "exported": "{out}: {facts} facts",
    "endorsed": "two officials vouch for segment {segment}",
    "not anchored": "no published envelope was sealed over this checkpoint: the device's word alone",
}
_FA: Final = {
    "good": "درست: همهٔ برگ‌ها، کلیدها، لنگرها و رسیدها با هم می‌خوانند",
    "remarks": "درست، با یادآوری: همه چیز می‌خواند؛ یادآوری‌ها را بخوانید",
    "flagged": "نشان‌دار: همه چیز می‌خواند، ولی کلیدی گم شده و کسی پس از آن را تأیید نکرده است",
    "faults": "نادرست: این دفتر آن نیست که نوشته شد، یا با آنچه مرکز دارد نمی‌خواند",
    "journal": "دفتر",
    "facts": "{facts} رویداد، از {first_at} تا {last_at}",
    "signed": "امضاشده: رویدادهای ۱ تا {signed} ({signed_at})، با {checkpoints} گواهی",
    "unsigned": "امضاشده: هیچ",
    "segment": "بخش {number}: از رویداد {fact} ({at})، {checkpoints} گواهی از دورهٔ {epoch}",
    "sealed": "{envelopes} بسته، {receipts} رسید",
    "published": "بسته‌های منتشرشدهٔ این دستگاه که با دفتر سنجیده شد: {published}",
    "unpublished": "با دفتر مرکز سنجیده نشد (--anchors): کوتاه شدن آن معلوم نمی‌شود",
    "more": "و {more} مورد دیگر: همه در --json",
    "seed-lost-unsigned": "کلیدی گم شده و دو مسئول پس از آن را تأیید نکرده‌اند",
    "seed-lost-endorsed": "کلیدی گم شده؛ مسئولان پس از آن را تأیید کرده‌اند",
    "tail-unsigned": "هنوز امضا نشده: دارندهٔ دیسک می‌تواند آن را عوض کند",
    "never-signed": "هیچ بخشی از آن امضا نشده است",
    "birth-unsigned": "پیش از گواهی نخستین کلید نوشته شده است",
    "key-gone": "کلید گواهی بعدی نیست: راه‌اندازی بعدی بخشی نشان‌دار باز می‌کند",
    "fact-unreadable": "رویدادی خوانده نمی‌شود",
    "foreign-journal": "این دفتر از آنِ جای دیگری است",
    "fact-rewritten": "رویدادها بازنویسی شده‌اند",
    "checkpoint-forged": "امضای گواهی درست نیست",
    "epoch-skipped": "دوره‌ای نیست",
    "certificate-forged": "گواهی کلید درست نیست",
    "anchor-unsigned": "بسته‌ای به چیزی لنگر دارد که امضا نشده است",
    "journal-truncated": "دفتر کوتاه شده است: مرکز بسته‌ای با رویدادهای بیشتر دارد",
    "envelope-forgotten": "مرکز بسته‌ای دارد که دفتر نمی‌شناسد",
    "device-forked": "دو بسته یک شماره دارند: وضعیت کهنهٔ دستگاه برگردانده شده است",
    "receipt-false": "رسیدی درست نیست",
    "journal-behind-its-keys": "نسخهٔ کهنهٔ دفتر برگردانده شده است",
    "proof": "ثابت شد: رویداد {fact} در {origin} زیر گواهی دستگاه بر {size} رویداد است (دورهٔ {epoch})",
    "anchored": "برگ {anchored_by_leaf} دفتر مرکز بر همین گواهی مهر شده است",
    "exported": "{out}: {facts} رویداد",
    "endorsed": "دو مسئول بخش {segment} را تأیید کردند",
    "not anchored": "هیچ بستهٔ منتشرشده‌ای بر این گواهی مهر نشده است: تنها سخن دستگاه",
}


def words(lang: str) -> dict[str, str]:
    """All words of a language."""
    return _FA if lang == "fa" else _EN


def render(report: Report, lang: str) -> str:
    """The report as lines of text, the verdict first."""
    say = words(lang)
    fields = {name: getattr(report, name) for name in ("facts", "first_at", "last_at", "signed", "signed_at")}
    fields |= {name: getattr(report, name) for name in ("checkpoints", "envelopes", "receipts", "published")}
    lines = [say[report.verdict], ""]
    if report.name is not None:
        lines.append(f"{say['journal']} {report.name.origin}")
    lines.append(say["facts"].format(**fields))
    lines.append(say["signed" if report.signed else "unsigned"].format(**fields))
    lines += [
        say["segment"].format(
            number=one.number, fact=one.fact, at=one.at, checkpoints=one.checkpoints, epoch=one.epoch
        )
        for one in report.segments
    ]
    lines.append(say["sealed"].format(**fields))
    lines.append(say["unpublished" if report.published is None else "published"].format(**fields))
    lines += [f"- {say[remark.code]} ({remark.detail})" for remark in report.remarks]
    lines += [f"! {say[fault.code]} ({fault.detail})" for fault in report.faults[:SHOWN_MAX]]
    if len(report.faults) > SHOWN_MAX:
        lines.append(say["more"].format(more=len(report.faults) - SHOWN_MAX))
    return "\n".join(map(printable, lines))


def render_proof(shown: dict[str, Any], lang: str, *, asked: bool) -> str:
    """What a proof shows; ``asked``: whether published envelopes were looked at."""
    say = words(lang)
    lines = [say["proof"].format(**shown)]
    if asked:
        lines.append(say["not anchored" if shown["anchored_by_leaf"] is None else "anchored"].format(**shown))
    return "\n".join(lines)
