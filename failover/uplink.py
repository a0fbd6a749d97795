"""One uplink's session: what each transition of ``failover.table`` does.

Everything that changes an uplink goes through ``TABLE[state][happening]``. What a state does not know is a
``MachineError`` and changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from failover.binding import Binding
from failover.budget import DataBudget
from failover.events import Connect, Disconnect, FailoverEffect, Instant, LineGrade, Probe
from failover.health import Health
from failover.path import Path
from failover.patience import patience_ms
from failover.retries import Retries
from failover.spending import Spending
from failover.table import TABLE, Action, Happening, State
from failover.timing import Timing
from failover.under_way import UnderWay

TROUBLE_MAX: Final = 200  # characters of a reason that are kept
_STEPS_MAX: Final = 8  # deadlines of one uplink that can come due in one instant; more is a bug


class MachineError(Exception):
    """An event that cannot happen in this state, or about an uplink that we don't have. Nothing was changed."""


class Uplink:
    """One uplink's session state. Volatile: wanting a session is configuration, having one is never journaled.

    Args:
        name: the uplink's name, as configured.
        device: this device's id; makes its waits its own.
        timing: all durations.
        budgets: what may go over the air, by SIM; None: one, as much as by default.
        bound: whether it is bound to an interface, and has no session before it heard of a path.

    Attributes:
        trouble: why it last stopped being usable, in words; empty before that.
        binding: its path, where it is bound; None where it is not.
        polls_open: whether probing must notice what polls need; said before "pace-changed".
    """

    def __init__(
        self,
        name: str,
        device: str,
        timing: Timing,
        budgets: Sequence[DataBudget] | None = None,
        *,
        bound: bool = False,
    ) -> None:
        self.name = name
        self.health = Health(timing.flap_half_life_ms)
        self.spending = Spending(budgets or (DataBudget(),))
        self.trouble = ""
        self.polls_open = False
        self._timing = timing
        self.binding = Binding(timing.steady_ms) if bound else None
        self._state: State = "pathless" if bound else "down"
        self._critical = False
        self._by_hand = self._silent = False
        """Whether the last session was given up because it answered no more, and nothing was heard since."""
        self._retries = Retries(device, name, timing)
        self._under_way = UnderWay()
        """Only up and suspect have any; suspect always has one."""
        self._heard_at: Instant = 0
        self._connected_at: Instant = 0
        self._connect_until: Instant = 0
        self._probe_at: Instant = 0
        self._sensed_at: Instant | None = None
        """The last probe that passive evidence asked for; in the future where it had to wait its turn."""
        self._give_up_at: Instant = 0

    @property
    def state(self) -> State:
        """Where this uplink stands in the table."""
        return self._state

    def happen(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        """Make one transition.

        Raises:
            MachineError: the state does not know the happening; nothing was changed.
        """
        transition = TABLE[self._state].get(happening)
        if transition is None:
            raise MachineError(
                f"uplink {self.name!r}: {happening!r} cannot happen while {self._state!r}; "
                f"known there: {', '.join(sorted(TABLE[self._state]))}"
            )
        if self._state == "up" and transition.to != "up":
            self.health.fell(now)
        self._state = transition.to
        return self._ACTIONS[transition.action](self, happening, now)

    def connect(self, now: Instant) -> tuple[FailoverEffect, ...]:
        """A session stands.

        Raises:
            MachineError: one stood already; nothing was changed.
        """
        # In doubt only where a probe is paid for that could prove it.
        in_doubt = self._silent and (self._critical or not self.spending.used_up(now))
        return self.happen("connected-in-doubt" if in_doubt else "connected", now)

    def lose(self, reason: str, now: Instant) -> tuple[FailoverEffect, ...]:
        """The session ended, or could not be made; ``reason`` is the shell's, in words.

        Raises:
            MachineError: never; every state knows it.
        """
        self.trouble = reason[:TROUBLE_MAX]
        return self.happen("lost", now)

    def hear_path(self, path: Path | None, reason: str, now: Instant) -> tuple[FailoverEffect, ...]:
        """The kernel says by which path packets leave, or why there is none.

        Raises:
            MachineError: the uplink is bound to no interface; nothing was changed.
        """
        binding = self.binding
        if binding is None:
            raise MachineError(
                f"uplink {self.name!r} is bound to no interface: it has no path that could change"
            )
        if path is None:
            self.trouble = reason[:TROUBLE_MAX]
            binding.change(None, now)
            return self.happen("path-lost", now)
        if binding.path is None:
            binding.change(path, now)
            return self.happen("path-found", now)
        if binding.is_moved_by(path, session=self._state != "down"):
            where = f"{path.sources[0]} on {path.interface}" if path.sources else path.interface
            self.trouble = f"its path is now {where}"
            binding.change(path, now)
            return self.happen("path-moved", now)
        binding.keep(path)
        # Another gateway or MTU at most: sessions go on, and one that is missing may be made now.
        return self.happen("line-back", now) if self._state == "down" else ()

    def hear_line(self, grade: LineGrade, words: str, now: Instant) -> tuple[FailoverEffect, ...]:
        """A device says something of the line."""
        before = self.health.sensed.grade
        self.health.sensed.hear_line(grade, words)
        if (before == "none") == (grade == "none"):
            return ()
        return self.happen("sensed" if grade == "none" else "line-back", now)

    def hear_tcp(self, rtt_ms: int, now: Instant, *, stalled: bool) -> tuple[FailoverEffect, ...]:
        """The kernel says something of the session; of one that has ended, it is of no account.

        A stall makes nobody suspect, not even in the critical window: on a link that loses a third of its packets most
        sessions stall for a moment, and deliver. The kernel notices after a retransmission timeout of 200 ms at least
        (RFC 6298 §2 says 1 s), when the probe under way has half of its 400 ms behind it; so waiting costs little.
        """
        if self._state not in ("up", "suspect"):
            return ()
        began = stalled and not self.health.sensed.stalled
        self.health.sensed.hear_tcp(rtt_ms, now, stalled=stalled)
        return self.happen("sensed", now) if began else ()

    def probe_now(self, now: Instant) -> tuple[FailoverEffect, ...]:
        """A probe out of turn, whoever pays for it; nothing where no session stands, or too many are under way."""
        self._by_hand = True
        effects = self.happen("probe-due", now) if "probe-due" in TABLE[self._state] else ()
        self._by_hand = False
        return effects

    def probe_ms(self, now: Instant) -> int:
        """Between two probes of a healthy session, as things are."""
        if self._critical:
            return self._timing.critical_probe_ms
        wanted_ms = self._timing.polls_probe_ms if self.polls_open else self._timing.probe_ms
        return self.spending.budget.interval_ms(wanted_ms, now)

    def hear_echo(self, nonce: int, now: Instant) -> tuple[FailoverEffect, ...]:
        """A probe came back. Only one that this session waits for says anything about it."""
        heard = self._under_way.hear(nonce)
        if heard is None:
            self.health.strayed()
            return self.happen("stray-echo", now)
        sent_at, lost = heard
        self.health.lost(lost)
        self._heard_at, self._silent = now, False
        rtt_ms = now - sent_at
        in_time = rtt_ms < self._echo_ms()
        self.health.echoed(rtt_ms, now, late=not in_time)
        if in_time and (self._critical or now - self._connected_at >= self._timing.steady_ms):
            self._retries.failures = 0
        return self.happen("echo", now)

    def catch_up(self, now: Instant) -> tuple[FailoverEffect, ...]:
        """Let every deadline that came happen. Afterwards the next one is later than ``now``."""
        effects: list[FailoverEffect] = []
        for _ in range(_STEPS_MAX):
            deadline = self._next_deadline()
            if deadline is None or deadline[0] > now:
                return tuple(effects)
            effects += self.happen(deadline[1], now)
        raise AssertionError(
            f"uplink {self.name!r}: deadlines don't settle at {now} in state {self._state!r}"
        )

    def wake_at(self) -> Instant | None:
        """The next deadline. None without a path alone: an uplink is never given up for good."""
        deadline = self._next_deadline()
        return None if deadline is None else deadline[0]

    def _next_deadline(self) -> tuple[Instant, Happening] | None:
        match self._state:
            case "pathless":
                return None
            case "down":
                due = self._retries.due
                return (due if self._critical else max(due, self.spending.not_before)), "retry-due"
            case "connecting":
                return self._connect_until + self._timing.connect_grace_ms, "connect-overdue"
            case "up" if self._under_way and self._overdue_at() <= self._probe_at:
                return self._overdue_at(), "echo-overdue"
            case "suspect" if self._give_up_at <= self._probe_at:
                return self._give_up_at, "given-up"
            case "up" | "suspect":
                return self._probe_at, "probe-due"

    def _echo_ms(self) -> int:
        return self._timing.critical_echo_ms if self._critical else self._timing.echo_ms

    def _overdue_at(self) -> Instant:
        return self._under_way.oldest_at + self._echo_ms()

    def _patience_ms(self, now: Instant) -> int:
        return patience_ms(self.health, self._retries, self._timing, now)

    # --- actions: named in the table, nowhere else called ------------------------------------------------------

    def _nothing(self, _: Happening, __: Instant) -> tuple[FailoverEffect, ...]:
        return ()

    def _connect(self, _: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        deadline_ms = self._timing.connect_ms
        if self._critical:
            # The several round trips of a slow uplink may not fit; then the next deadline is longer.
            deadline_ms = min(self._timing.critical_connect_ms << self._retries.doublings(), deadline_ms)
        self._connect_until, self._retries.tried_at = now + deadline_ms, now
        self.spending.try_session(now)
        path = None if self.binding is None else self.binding.take()
        return (Connect(self.name, deadline_ms, path),)

    def _start(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._connected_at = self._heard_at = now
        self.spending.stand()
        return self._probe(happening, now)

    def _start_in_doubt(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._give_up_at = now + (self._patience_ms(now) if self._critical else self._timing.echo_ms)
        return self._start(happening, now)

    def _probe(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._probe_at = now + self.probe_ms(now)
        spared = happening in ("probe-due", "connected") and not (self._critical or self._by_hand)
        if self._under_way.full or (spared and self.spending.used_up(now)):
            return ()
        self.spending.probe(now)
        return (Probe(self.name, self._under_way.send(now)),)

    def _doubt(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._note_silence(now)
        if not self._critical:  # the second chance goes out at once; its miss is the second one
            self._give_up_at = now + self._timing.echo_ms
            return self._probe(happening, now)
        self._give_up_at = self._under_way.oldest_at + self._patience_ms(now)
        if now - self._overdue_at() > self._timing.late_ms:
            # We come late ourselves (held up, or the window opened only now): the echo may be next in our queue.
            self._give_up_at = max(self._give_up_at, now + self._timing.critical_echo_ms)
        return ()

    def _trust(self, _: Happening, __: Instant) -> tuple[FailoverEffect, ...]:
        return ()  # what the echo says of the uplink's health was booked when it was heard

    def _back_off(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._end_session(happening, now)
        self._retries.fail(now)
        return ()

    def _tear_down(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        if happening == "given-up":
            self._note_silence(now)
            self._silent = True
        elif happening != "lost":
            self.trouble = _REASONS[happening]
        self._back_off(happening, now)
        return (Disconnect(self.name, _REASONS[happening]),)

    def _refuse(self, happening: Happening, _: Instant) -> tuple[FailoverEffect, ...]:
        return (Disconnect(self.name, _REASONS[happening]),)

    def _hurry(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._critical = True
        self._retries.hurry(now)
        self._connect_until = min(self._connect_until, now + self._timing.critical_connect_ms)
        self._give_up_at = min(self._give_up_at, now + self._timing.critical_echo_ms)
        return self._probe(happening, now) if self._state in ("up", "suspect") else ()

    def _relax(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._critical = self._retries.critical = False
        self._probe_at = now + self.probe_ms(now)
        self._give_up_at = now + self._timing.echo_ms
        return self._probe(happening, now) if self._state == "suspect" else ()

    def _pace(self, _: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._probe_at = min(self._probe_at, now + self.probe_ms(now))
        return ()

    def _bind(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._silent = False  # what fell silent was another path
        if happening == "path-moved":
            self._retries.move_path(self._flaps(), now)
        else:
            self._retries.find_path(now)
        return ()

    def _unbind(self, _: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._silent = False
        self._retries.end_path(self._flaps(), now)
        return ()

    def _cut(self, happening: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        """The session cannot go on, whatever it would say itself: nobody waits for a probe to find out."""
        self._end_session(happening, now)
        self._silent = False
        self._retries.move_path(self._flaps(), now)
        self._retries.not_before(now + self._timing.backoff_min_ms)
        return (Disconnect(self.name, _REASONS[happening]),)

    def _flaps(self) -> int:
        return 0 if self.binding is None else self.binding.penalty()

    def _sense(self, _: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        """Passive evidence calls for a probe: now, or when its turn comes. It takes the place of the next one."""
        if not self._critical and self.spending.saves(now):
            return ()
        turn_ms = self._timing.critical_probe_ms if self._critical else self._timing.sensed_probe_ms
        if self._sensed_at is None or self._sensed_at <= now:
            self._sensed_at = now if self._sensed_at is None else max(now, self._sensed_at + turn_ms)
        self._probe_at = min(self._probe_at, self._sensed_at)
        return ()

    def _try_sooner(self, _: Happening, now: Instant) -> tuple[FailoverEffect, ...]:
        self._retries.try_sooner(now)
        return ()

    def _end_session(self, happening: Happening, now: Instant) -> None:
        self.spending.end(now, told=happening == "lost")
        self.health.lost(self._under_way.end())
        self.health.sensed.end_session()

    def _note_silence(self, now: Instant) -> None:
        lost, silent_ms = len(self._under_way), now - max(self._heard_at, self._connected_at)
        self.trouble = f"{lost} of {lost} probes unanswered, silent for {silent_ms / 1000:.1f} s"

    _ACTIONS: ClassVar[
        "Mapping[Action, Callable[[Uplink, Happening, Instant], tuple[FailoverEffect, ...]]]"
    ] = {
        "nothing": _nothing,
        "connect": _connect,
        "start": _start,
        "start-in-doubt": _start_in_doubt,
        "back-off": _back_off,
        "tear-down": _tear_down,
        "refuse": _refuse,
        "probe": _probe,
        "doubt": _doubt,
        "trust": _trust,
        "hurry": _hurry,
        "relax": _relax,
        "pace": _pace,
        "bind": _bind,
        "move": _cut,
        "unbind": _unbind,
        "cut": _cut,
        "sense": _sense,
        "try-sooner": _try_sooner,
    }


_REASONS: Final[Mapping[Happening, str]] = {
    "lost": "the attempt under way may not outlive its loss",
    "connect-overdue": "no session and no word of failure within the connect deadline",
    "given-up": "probes stay unanswered",
    "path-lost": "its interface cannot carry packets now",
    "path-moved": "its packets leave another way now",
    "connected": "this session was given up before it stood",
    "connected-in-doubt": "this session was given up before it stood",
}
