"""A modem that starts anew, and says so once more while it is left alone because of that."""

from modem_far_end import Bench

from drivers.ports import ModemReading


def test_boot_message_after_the_echo_gave_the_boot_away_is_lost_on_the_driver() -> None:
    bench = Bench()
    bench.modem.echo = True
    bench.on_send = lambda data: setattr(bench.modem, "echo", bench.modem.echo and b"E0" not in data)
    bench.up()
    bench.advance(60_000)
    bench.modem.echo = True  # it started anew without a word
    while bench.dialogue._session.echoes == 0:
        bench.advance(10)
    bench.advance(50)
    bench.says("RDY")  # the word comes late
    told = len(bench.of(ModemReading))
    bench.advance(30_000)
    assert len(bench.of(ModemReading)) > told
