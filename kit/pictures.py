"""Pictures of the cores for ``kitctl status``: plain JSON, no secrets, of no account to any decision."""

from typing import Any

from failover.events import Instant
from failover.machine import Failover
from failover.uplink import Uplink
from kit.day.day_state import DayState
from kit.devices import Devices
from kit.links.links import Links
from kit.links.traffic import Traffic
from kit.outbox import Outbox
from kit.power.power import Power
from kit.tapes import DueTape, Tapes


def day(state: DayState) -> dict[str, Any]:
    """Phase, orders, terminals and findings."""
    return {
        "phase": state.phase,
        "stage": state.stage,
        "next_order": state.serial + 1,
        "cause": state.envelope_cause,
        "released": list(state.released[1]),
        "replaced": [
            {"at": fact.at, "terminal": fact.terminal, "standby": fact.standby, "reason": fact.reason}
            for fact in state.replaced
        ],
        "terminals": [
            {
                "id": unit.terminal,
                "part": unit.part,
                "at": unit.at,
                "connected": unit.connected,
                "public_counter": unit.public_counter,
                "close_no": unit.close_no,
                "cover_open": unit.cover_open,
                "tampered": unit.tampered,
                "firmware": unit.identity.firmware if unit.identity and unit.connected else None,
                "firmware_sha256": unit.identity.firmware_sha256
                if unit.identity and unit.connected
                else None,
            }
            for unit in state.units.values()
            if unit.part != "standby" or unit.connected
        ],
        "findings": [
            {"grade": finding.grade, "code": finding.code, "contest": finding.contest}
            for finding in state.findings
        ],
    }


def power(core: Power, *, has_ups: bool) -> dict[str, Any]:
    """What the UPS says, and how long the battery lasts as we reckon it. Not the load: it tells how busy a poll is."""
    reading, endurance = core.reading, core.endurance
    return {
        "ups": has_ups,
        "state": core.heard,
        "input_voltage_v": reading.input_voltage_v if reading else None,
        "flags": sorted(reading.flags) if reading else [],
        "runtime_s": None if endurance.runtime_s is None else round(endurance.runtime_s),
        "runtime_why": endurance.why,
        "ups_lies": endurance.lies,
    }


def devices(core: Devices) -> dict[str, Any]:
    """The modems and the fibre line, for technicians."""
    return {
        "modems": [_modem(core, name) for name in core.modems],
        "fibre": _fibre(core) if core.has_fibre else None,
    }


def _modem(core: Devices, name: str) -> dict[str, Any]:
    state, reading, fault, resets = core.modem(name)
    picture: dict[str, Any] = {"name": name, "state": state, "fault": fault, "resets": resets}
    picture["messages"] = core.messages(name)
    if reading is not None:
        picture |= {
            "model": f"{reading.identity.manufacturer} {reading.identity.model}".strip(),
            "sim": reading.sim,
            "sim_slot": reading.sim_slot,
            "pin_tries_left": reading.pin_tries_left,
            "operator": reading.operator_name or reading.operator_code,
            "registration": reading.registration,
            "technology": reading.technology,
            "grade": reading.signal.grade,
            "rsrp_dbm": reading.signal.rsrp_dbm,
            "rsrq_db": reading.signal.rsrq_db,
            "sinr_db": reading.signal.sinr_db,
            "bearer_up": reading.bearer_up,
        }
    return picture


def _fibre(core: Devices) -> dict[str, Any]:
    state, reading, fault = core.fibre()
    picture: dict[str, Any] = {"state": state, "fault": fault}
    if reading is not None:
        picture |= {"interface": reading.interface, "carrier": reading.carrier}
        if reading.optical is not None:
            optical = reading.optical
            picture |= {
                "rx_power_dbm": optical.rx_power_dbm,
                "tx_power_dbm": optical.tx_power_dbm,
                "los": optical.los,
            }
    return picture


def printer(core: Tapes) -> dict[str, Any] | None:
    """The printer, what it is at, and every tape that was ever due. None without a printer."""
    if not core.has_printer:
        return None
    return {
        "state": core.state,
        "tapes": [
            {
                "kind": tape.kind,
                "terminal": tape.terminal,
                "close_no": tape.close_no,
                "copies": tape.copies,
                "state": _tape_state(core, tape),
                "done": tape.progress[0] if tape.progress else None,
                "of": tape.progress[1] if tape.progress else None,
                "broke_off": tape.broke_off.reason if tape.broke_off and not tape.finished else None,
            }
            for tape in core.due.values()
        ],
    }


def _tape_state(core: Tapes, tape: DueTape) -> str:
    if tape.finished is not None:
        return "printed" if tape.finished.confirmed else "unconfirmed"
    return "printing" if core.printing is tape else "due"


def links(failover: Failover, core: Links, now: Instant) -> dict[str, Any]:
    """Each uplink's health, what it may still spend, who is preferred, and how that came about."""
    pinned = failover.pinned
    return {
        "preferred": failover.preferred(),
        "pace": "critical" if failover.critical else "polls" if failover.polls_open else "quiet",
        "pinned": None if pinned is None else pinned[0],
        "pinned_for_s": None if pinned is None else max(0, pinned[1] - now) // 1000,
        "uplinks": [
            {
                **_link(failover, name, now),
                "data": _data(failover.uplink(name), core.traffic, now),
                "notices": list(core.notices(name)),
            }
            for name in failover.states()
        ],
        "history": [
            {
                "at": fact.at,
                "left": fact.left,
                "to": fact.to,
                "cause": fact.cause,
                "reason": fact.reason,
                "unwritten": fact.unwritten,
            }
            for fact in core.history
        ],
        "unwritten": core.unwritten,
    }


def _link(failover: Failover, name: str, now: Instant) -> dict[str, Any]:
    uplink = failover.uplink(name)
    health = uplink.health
    sensed = health.sensed
    spared = uplink.spending.used_up(now) and not failover.critical
    return {
        "name": name,
        "state": uplink.state,
        "usable": name in failover.usable(),
        "score": health.score_at(now),
        "rtt_ms": health.rtt_at(now),
        "loss_permille": health.loss_permille,
        "falls": health.falls,
        "penalty": health.penalty(now),
        "late_echoes": health.late_echoes,
        "trouble": uplink.trouble,
        "bound": uplink.binding is not None,
        "path": _path(uplink),
        "line": {"grade": sensed.grade, "words": sensed.words} if sensed.words else None,
        "tcp": None
        if sensed.tcp_rtt_ms is None
        else {"rtt_ms": sensed.tcp_rtt_ms, "stalled_ms": sensed.stalled_ms(now)},
        "probe_every_ms": None if spared else uplink.probe_ms(now),
    }


def _data(uplink: Uplink, traffic: Traffic, now: Instant) -> dict[str, Any]:
    """Bytes: of the month's budget, and of what may go out at once."""
    spending = uplink.spending
    budget = spending.budget
    state, left, used = budget.state(now), budget.left(now), traffic.used(budget, now)
    return {
        "sim": spending.sim if len(spending.budgets) > 1 else None,
        "state": state,
        "month_used": used,
        "month_left": max(0, budget.per_month - used),
        "month_budget": budget.per_month,
        "spendable": max(0, left - budget.reserve),
        "reserve_left": max(0, min(left, budget.reserve)),
        "a_day": budget.inflow_per_day,
        "session_every_ms": budget.pause_ms(budget.connect, now),
    }


def _path(uplink: Uplink) -> dict[str, Any] | None:
    path = None if uplink.binding is None else uplink.binding.path
    if path is None:
        return None
    return {
        "interface": path.interface,
        "index": path.index,
        "sources": list(path.sources),
        "mtu": path.mtu,
        "table": path.table,
    }


def outbox(core: Outbox, state: DayState) -> dict[str, Any]:
    """What waits, what was delivered, and what receipts there are."""
    return {
        "waiting": [{"seq": item.seq, "kind": item.kind} for item in core.items.values()],
        "delivered": list(core.delivered),
        "hashes": {str(seq): sha256 for seq, sha256 in core.hashes.items()},
        "receipts": {
            str(seq): {"grade": fact.grade, "uplink": fact.uplink, "index": fact.index}
            for seq, fact in state.receipts.items()
        },
    }
