"""Open the envelopes of a published order again, from the trustees' answers: with nothing but Python's standard library.

    python3 reopen.py          in a published folder (or the example)

For each envelope: every answer's DLEQ proof (RFC 9381 §5.4.3, §5.5), the answers combined, HPKE opened (RFC 9180; the
authenticator is not checked here: hash and signatures inside are what binds), and the counts unpacked.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # RFC 8032 §5.1
D = -121665 * pow(121666, -1, P) % P


def add(a, b):  # affine addition on edwards25519
    (x1, y1), (x2, y2) = a, b
    m = D * x1 * x2 * y1 * y2
    return (
        (x1 * y2 + x2 * y1) * pow(1 + m, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - m, -1, P) % P,
    )


def times(k, point):
    total = (0, 1)
    while k:
        if k & 1:
            total = add(total, point)
        point, k = add(point, point), k >> 1
    return total


def with_y(y, odd):  # the point with this y, and an x of this parity (RFC 8032 §5.1.3)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "no point of the curve"
    return (P - x if x % 2 != odd else x, y)


def point(data):
    y = int.from_bytes(data, "little")
    return with_y(y % 2**255, y >> 255)


def encoded(a):
    return (a[1] | (a[0] % 2) << 255).to_bytes(32, "little")


def from_u(data):  # an X25519 key as a point (RFC 7748 §4.1), of the two the one with even x
    u = int.from_bytes(data, "little")
    return with_y((u - 1) * pow(u + 1, -1, P) % P, 0)


def to_u(a):
    return ((1 + a[1]) * pow(1 - a[1], -1, P) % P).to_bytes(32, "little")


BASE = with_y(4 * pow(5, -1, P) % P, 0)


def proven(share, e, answer, proof, digest):
    c, s = int.from_bytes(proof[:16], "little"), int.from_bytes(proof[16:], "little")
    u = add(times(s, BASE), times(L - c, share))
    v = add(times(s, e), times(L - c, answer))
    suite = b"branch-kit/trustee-opening/v1/challenge" + digest
    points = b"".join(map(encoded, (share, e, answer, u, v)))
    return hashlib.sha512(suite + b"\x02" + points + b"\x00").digest()[:16] == proof[:16]


def combine(answers):  # {trustee: point}: Lagrange at 0
    total = (0, 1)
    for i, answer in answers.items():
        factor = 1
        for j in answers:
            if j != i:
                factor = factor * j * pow(j - i, -1, L) % L
        total = add(total, times(factor, answer))
    return total


def extract(suite, salt, label, ikm):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite, key, label, info, length):  # one block is enough for 32 bytes
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labeled + b"\x01", "sha256")[:length]


def key_and_nonce(dh, enc, public, info):  # RFC 9180 §4.1 and §5.1
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"
    shared = expand(kem, extract(kem, b"", b"eae_prk", dh), b"shared_secret", enc + public, 32)
    context = b"\x00" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    secret = extract(suite, shared, b"secret", b"")
    return expand(suite, secret, b"key", context, 32), expand(suite, secret, b"base_nonce", context, 12)


def chacha20(key, nonce, data):  # RFC 8439 §2.4, from block 1 as the AEAD has it
    def rotate(v, n):
        return (v << n | v >> 32 - n) & 0xFFFFFFFF

    words = [int.from_bytes((b"expand 32-byte k" + key)[i : i + 4], "little") for i in range(0, 48, 4)]
    out = bytearray()
    for block in range(-(-len(data) // 64)):
        start = [*words, block + 1, *(int.from_bytes(nonce[i : i + 4], "little") for i in (0, 4, 8))]
        s = list(start)
        for _ in range(10):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                               (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):  # fmt: skip
                for left, right, n in ((16, 12, 0), (8, 7, 1)):
                    s[a] = s[a] + s[b] & 0xFFFFFFFF
                    s[d] = rotate(s[d] ^ s[a], left)
                    s[c] = s[c] + s[d] & 0xFFFFFFFF
                    s[b] = rotate(s[b] ^ s[c], right)
        out += b"".join((x + y & 0xFFFFFFFF).to_bytes(4, "little") for x, y in zip(s, start))
    return bytes(a ^ b for a, b in zip(data, out))


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def payload(path):
    return json.loads(base64.b64decode(json.loads(Path(path).read_bytes())["payload"]))


def counts(manifest, branch, packed):  # docs/adr/0003: manifest order, fixed width
    style = next(s for s in manifest["ballot_styles"] if s["id"] == branch["style"])
    contests = [c for i in style["contests"] for c in manifest["contests"] if c["id"] == i]
    fields = sum(len(c["candidates"]) + c["blank"] + 3 for c in contests) + 1
    width = style["count_bits"]
    size = -(-fields * width // 8)
    bits = int.from_bytes(packed[:size], "big") >> 8 * size - fields * width
    return contests, [bits >> width * i & (1 << width) - 1 for i in reversed(range(fields))]


def main():
    manifest = payload("manifest.dsse.json")
    board = manifest["election_key"]["board"]
    shares = [point(base64.b64decode(t["verification_share"])) for t in board["trustees"]]
    numbers = {t["id"]: i for i, t in enumerate(board["trustees"], 1)}
    public = base64.b64decode(manifest["election_key"]["public_key"])
    order_sha256 = hashlib.sha256(Path("opening/1/order.dsse.json").read_bytes()).hexdigest()
    listing = json.loads(Path("opening/1/listing.json").read_bytes())
    files = [json.loads(path.read_bytes()) for path in sorted(Path("opening/1").glob("answers-*.json"))]
    branches = {branch["id"]: branch for branch in manifest["branches"]}
    opened = [u for u in listing["units"] if u["status"] == "counted" and u["opened_by"] is None]
    for place, unit in enumerate(opened):
        sealed = payload(f"leaves/{unit['leaf']}.dsse.json")
        enc = base64.b64decode(sealed["enc"])
        context = {
            "election": manifest["election"],
            "round": manifest["round"],
            "order_sha256": order_sha256,
            "envelope_sha256": unit["envelope_sha256"],
            "enc": enc.hex(),
            "type": "trustee-opening",
        }
        digest, e, good = hashlib.sha256(canonical(context)).digest(), from_u(enc), {}
        for file in files:
            partial = base64.b64decode(file["answers"][place])
            trustee, bound, answer, proof = partial[0], partial[1:33], partial[33:65], partial[65:]
            assert trustee == numbers[file["trustee"]] and bound == digest, "an answer for something else"
            assert proven(shares[trustee - 1], e, point(answer), proof, digest), "a forged answer"
            good[trustee] = point(answer)
        assert len(good) >= board["threshold"]
        dh = to_u(combine(dict(list(good.items())[: board["threshold"]])))
        header = {k: v for k, v in sealed.items() if k not in ("enc", "enc_proof", "ciphertext")}
        key, nonce = key_and_nonce(dh, enc, public, hashlib.sha256(canonical(header)).digest())
        plain = chacha20(key, nonce, base64.b64decode(sealed["ciphertext"])[:-16])
        contests, numbers_inside = counts(manifest, branches[unit["branch"]], plain[8:])
        print(f"{unit['branch']}: {len(good)} answers proven; public counter {numbers_inside[-1]}")
        at = 0
        for contest in contests:
            votes = numbers_inside[at : at + len(contest["candidates"])]
            at += len(votes) + contest["blank"] + 3
            print(" ", contest["id"], *(f"{c['code']}:{n}" for c, n in zip(contest["candidates"], votes)))


main()
