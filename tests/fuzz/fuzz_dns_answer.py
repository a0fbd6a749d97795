"""Datagrams that claim to be answers of a DNS server: addresses, or the one error; everything else is dropped."""

import ipaddress

import dns.exception
import dns.message
import dns.rrset

from kit.uplinks.errors import NameUnknownError
from kit.uplinks.resolver import read_addresses, read_answer

QUERY = dns.message.make_query("broker.example", "A", id=7)


def _answer(*sets: str) -> bytes:
    response = dns.message.make_response(QUERY)
    response.answer += [dns.rrset.from_text(*words.split()) for words in sets]
    return response.to_wire()


SEEDS = (
    _answer("broker.example. 60 IN A 192.0.2.1 192.0.2.2"),
    _answer("broker.example. 60 IN CNAME b.example.", "b.example. 9 IN A 192.0.2.1"),
    _answer("broker.example. 60 IN CNAME b.example.", "b.example. 9 IN CNAME broker.example."),
    _answer(),
)


def one_input(data: bytes) -> None:
    """Any datagram; then the same under the number that we asked with, which an attacker would have to guess."""
    for datagram in (data, b"\0\7" + data[2:]):
        answer = read_answer(datagram, QUERY)
        if answer is None:
            continue
        try:
            found, ttl_s = read_addresses(answer, "192.0.2.53")
        except (NameUnknownError, dns.exception.DNSException):
            continue
        assert all(ipaddress.IPv4Address(address) for address in found)
        assert ttl_s >= 0
