"""What is true of a simulated modem, as plain JSON for scripts."""

from typing import Any

from simulators.devices.modem.hardware import ModemHardware


def state_of(model: ModemHardware) -> dict[str, Any]:
    """Everything that a script may want to check."""
    device = model.device
    sim, radio, network = device.sim, device.radio, device.network
    return {
        "imei": device.identity.imei,
        "power": "hung" if model.hung else "booting" if model.booting else "on",
        "mode": model.engine.mode,
        "functionality": device.functionality,
        "sim": {
            "slot": device.slot + 1,
            "slots": len(device.sims),
            "state": "ABSENT" if sim is None else sim.lock,
            "number": None if sim is None else sim.number,
            "pin_tries": None if sim is None else sim.pin_tries,
            "puk_tries": None if sim is None else sim.puk_tries,
        },
        "radio": {
            "stat": radio.stat,
            "registered": radio.registered,
            "rsrp_dbm": radio.rsrp_dbm,
            "rsrq_db": radio.rsrq_db,
            "sinr_db": round(radio.sinr_db, 1),
            "rssi_dbm": radio.rssi_dbm,
            "lost": radio.lost,
            "denied": radio.denied,
            "operator": device.operator[1] if radio.registered else None,
            "roaming": radio.roaming,
        },
        "contexts": {
            str(cid): {"kind": one.kind, "apn": one.apn, "active": one.active}
            for cid, one in device.settings.contexts.items()
        },
        "data": device.data_context,
        "settings": {
            "echo": device.settings.echo,
            "charset": device.settings.charset,
            "cmee": device.settings.cmee,
            "cnmi": list(device.settings.cnmi),
        },
        "memories": {name: device.memory(name).used for name in ("SM", "ME")},
        "slow_ms": model.engine.slow_ms,
        "network": {"sent": list(network.sent), "waiting": network.waiting()},
    }
