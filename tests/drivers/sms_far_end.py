"""SMS as a network makes and reads them, written from TS 23.040 without a look at the driver's codec."""

SCTS = "52112250030021"  # some time; nobody reads it


def swap(digits: str) -> str:
    if len(digits) % 2:
        digits += "F"
    return "".join(b + a for a, b in zip(digits[::2], digits[1::2], strict=True))


def address(number: str) -> str:
    digits = number.removeprefix("+")
    return f"{len(digits):02X}{'91' if number.startswith('+') else '81'}{swap(digits)}"


def deliver(sender: str, user_data: bytes, *, dcs: int = 0x04, header: bool = True, centre: str = "") -> str:
    """Hexadecimal PDU of an SMS-DELIVER in 8-bit coding or UCS2."""
    sca = "00"
    if centre:
        body = "91" + swap(centre.removeprefix("+"))
        sca = f"{len(body) // 2:02X}{body}"
    first = "44" if header else "04"
    return f"{sca}{first}{address(sender)}00{dcs:02X}{SCTS}{len(user_data):02X}{user_data.hex()}".upper()


def report(reference: int, recipient: str, status: int) -> str:
    """Hexadecimal PDU of an SMS-STATUS-REPORT."""
    return f"0006{reference:02X}{address(recipient)}{SCTS}{SCTS}{status:02X}".upper()


def read_submit(pdu: str) -> dict[str, object]:
    """What a service centre takes out of an SMS-SUBMIT."""
    at = 0

    def octet() -> int:
        nonlocal at
        value = int(pdu[at : at + 2], 16)
        at += 2
        return value

    centre = octet()
    at += 2 * centre
    first = octet()
    assert first & 3 == 1, "not an SMS-SUBMIT"
    octet()  # TP-MR
    digits, kind = octet(), octet()
    width = digits + digits % 2
    number = swap(pdu[at : at + width])[:digits]
    at += width
    pid, dcs = octet(), octet()
    assert first >> 3 & 3 == 2, "validity is not relative"
    validity, length = octet(), octet()
    data = bytes.fromhex(pdu[at:])
    assert len(data) == length
    return {
        "number": ("+" if kind == 0x91 else "") + number,
        "pid": pid,
        "dcs": dcs,
        "validity": validity,
        "data": data,
        "header": bool(first & 0x40),
        "report": bool(first & 0x20),
    }
