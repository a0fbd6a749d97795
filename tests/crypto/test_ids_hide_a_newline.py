import msgspec
import pytest

from crypto import wire


@pytest.mark.parametrize(
    ("type_", "good"),
    [
        (wire.Id, "kit-1-17"),
        (wire.Code, "041"),
        (wire.Sha256, "0" * 64),
        (wire.B64, "AAAA"),
        (wire.Rfc3339, "2027-06-18T03:30:00Z"),
    ],
)
def test_a_trailing_newline_is_taken_for_part_of_an_id(type_: object, good: str) -> None:
    assert msgspec.convert(good, type_) == good
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good + "\n", type_)


def test_digits_of_another_script_are_taken_for_a_time() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("۲۰۲۷-06-18T03:30:00Z", wire.Rfc3339)
