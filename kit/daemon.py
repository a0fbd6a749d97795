"""kitd: builds the cores and edges from a configuration and ports, and runs them until told to stop.

``build(config, ports)`` is all that differs between a branch and a simulated world: the ports.
"""

import asyncio
import contextlib
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec

from crypto.errors import EvidenceError
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest
from drivers.ports import PrinterLost
from failover.events import Connect, Disconnect, Probe
from kit import exit_codes
from kit.config import Config, ConfigError
from kit.control import Control
from kit.courier import Courier
from kit.effects import (
    AdoptManifest,
    AskTerminal,
    Effect,
    KeepManifest,
    PrintTape,
    Publish,
    Reply,
    SealTally,
    SendSms,
    SignAccount,
    UseSim,
)
from kit.events import ManifestHeard, ManifestKept, PrinterHeard
from kit.held import hold
from kit.journal.journal import JournalError
from kit.journal.signed import open_journal
from kit.ladder.ladder import LadderSetup
from kit.log import Log
from kit.manifests.file import (
    adopted_in,
    begun_with,
    file_of,
    forget_unadopted,
    keep,
    keep_first,
    laid_instead,
    load_adopted,
)
from kit.manifests.judge import ManifestJudge
from kit.periphery import Periphery
from kit.ports import Ports, Sealer, Uplinks
from kit.printing import make_printing
from kit.runner import Runner
from kit.sealer import LocalSealer
from kit.station import Station
from kit.tables.escalation import ladder_clocks
from kit.tables.sims import data_plans, sims_of
from kit.uplinks.gateway import gateway_of
from kit.uplinks.uplinks import MqttUplinks

WATCHDOG_S: Final = 5.0  # how often systemd hears that the event loop turns
ANSWER_S: Final = 0.1  # to answer whoever brought a manifest, before the next life


class ManifestAdoptedError(Exception):
    """No error: the kit begins its next life, under a newer manifest. Its supervisor starts it again."""


def load_manifest(config: Config) -> TrustedManifest:
    """Read and verify the manifest.

    Raises:
        ConfigError: the file cannot be read, or the signatures or contents are not what the configuration trusts.
    """
    try:
        manifest = ManifestJudge.of(config).load(Path(config.manifest).read_bytes())
        entry = manifest.branch(config.branch)
    except OSError as error:
        raise ConfigError(
            f"{config.manifest}: cannot be read ({error}); copy the signed manifest there"
        ) from error
    except EvidenceError as error:
        raise ConfigError(f"{config.manifest}: {error}") from error
    device = config.device or entry.device
    if device not in entry.all_devices:
        raise ConfigError(
            f"device {device!r} is none of branch {config.branch}: it is {' or '.join(entry.all_devices)}"
        )
    if config.poll == "re-vote" and device == entry.device:
        raise ConfigError(
            f'poll = "re-vote" is for a standby kit: name it by device = ... ({", ".join(entry.standby_devices)}); the '
            "branch's own kit has the journal of the first poll"
        )
    foreign = sorted({line.id for line in config.terminals} - set(entry.all_terminals))
    if foreign:
        raise ConfigError(
            f"branch {config.branch} has terminals {', '.join(entry.all_terminals)} in the manifest (standbys too), "
            f"the configuration has {', '.join(foreign)}"
        )
    return manifest


def load_key(config: Config, manifest: TrustedManifest) -> SigningKey:
    """Read the device key (32 raw bytes) and check that it is the enrolled one; raises ConfigError."""
    path = Path(config.device_key)
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path}: others than its owner can reach this key; do: chmod 600 {path}")
        key = SigningKey.from_seed(path.read_bytes())
        device = config.device or manifest.branch(config.branch).device
        if key.public != manifest.device_key(device):
            raise ConfigError(
                f"{config.device_key}: not the key that the manifest enrols for device {device}"
            )
    except OSError as error:
        raise ConfigError(f"{config.device_key}: cannot be read ({error})") from error
    except (EvidenceError, ValueError) as error:
        raise ConfigError(f"{config.device_key}: not a device key ({error})") from error
    return key


class Daemon:
    """All parts of a running kit.

    Attributes:
        laid: a newer manifest that somebody laid over the old one, to be judged like one that was brought.
    """

    laid: bytes | None = None

    def __init__(
        self, config: Config, manifest: TrustedManifest, key: SigningKey, ports: Ports, log: Log
    ) -> None:
        self._config, self._ports, self._log = config, ports, log
        self._adopted = asyncio.Event()
        self.journal = open_journal(
            Path(config.state_dir), manifest, config.branch, key, entropy=ports.entropy, vfs=ports.vfs
        )
        self.station = _station_of(config, manifest)
        self.runner = Runner(self.station, self.journal, ports.clock, self._release)
        self.control = Control(
            self.runner.post,
            lambda: self.station.status(ports.clock.monotonic_ms()),
            self._journal_page,
            self._for_courier,
        )
        self._sealer: Sealer = LocalSealer(
            key, ports.entropy, manifest, config.branch, self.journal.anchor, device=config.device
        )
        self._courier = Courier(
            manifest,
            config.branch,
            config.device or manifest.branch(config.branch).device,
            self._sealer.bundle,
        )
        self._uplinks: Uplinks = MqttUplinks(
            {uplink.name: gateway_of(uplink) for uplink in config.uplinks},
            election=manifest.manifest.election,
            branch=config.branch,
            post=self.runner.post,
            log=log,
            wall_ms=ports.clock.wall_ms,
            standby=None if config.device == manifest.branch(config.branch).device else config.device,
        )
        self._periphery = Periphery(config, ports, self.runner.post, log)
        self._printing = make_printing(config, manifest, ports, self.runner.post, log)
        self._releases: dict[type[Effect], Callable[[Any], None]] = {
            SendSms: self._periphery.send_sms,
            UseSim: self._periphery.use_sim,
            AskTerminal: lambda effect: self._periphery.terminals[effect.terminal].request(effect.action),
            SignAccount: self._seal,
            SealTally: self._seal,
            Publish: lambda effect: self._uplinks.publish(effect.uplink, effect.data),
            PrintTape: self._print_tape,
            KeepManifest: self._keep_manifest,
            AdoptManifest: self._end_for_manifest,
            Reply: lambda effect: self.control.reply(effect.reply, effect.body),
            Connect: lambda effect: self._uplinks.connect(effect.uplink, effect.deadline_ms, effect.path),
            Disconnect: lambda effect: self._uplinks.disconnect(effect.uplink, effect.reason),
            Probe: lambda effect: self._uplinks.probe(effect.uplink, effect.nonce),
        }

    async def run(self, *, listen: bool = True) -> None:
        """Replay, then run until cancelled; any part that ends takes the daemon down, to be restarted.

        Drivers never end: one that fails begins anew (``kit.held``), and the poll goes on.
        """
        facts = self.runner.replay()
        self._check_lines()
        boot_id = self._ports.entropy(8).hex()
        self._log.info("started", facts=facts, phase=self.station.day.state.phase, boot_id=boot_id)
        if self.journal.key_lost is not None:
            self._log.warning("journal key lost", reason=self.journal.key_lost)
        self.runner.boot(boot_id, journal_key_lost=self.journal.key_lost)
        if self.laid is not None:
            self.runner.post(ManifestHeard(self.laid, "courier"))
        if listen:
            await self._listen(Path(self._config.control_socket))
        parts: list[tuple[str, Coroutine[Any, Any, None]]] = [("runner", self.runner.run())]
        parts += self._periphery.parts()
        if self._printing is not None:
            parts.append(("printer", hold("printer", self._printing.run, self._printer_lost, self._log)))
        parts += [("watchdog", self._watchdog()), ("adoption", self._until_adopted())]
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(part, name=name) for name, part in parts]
        ended: asyncio.Future[asyncio.Task[None]] = loop.create_future()
        for task in tasks:
            task.add_done_callback(lambda task: None if ended.done() else ended.set_result(task))
        self._ports.notify("READY=1")
        stopped = False
        try:
            await (await ended)  # raises what the part raised
        except asyncio.CancelledError:
            stopped = True
            raise
        finally:
            self._ports.notify("STOPPING=1")
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
            await self._uplinks.close()
            await self.control.close()
            if stopped:
                self._sign_off()
            self.journal.close()
            self._log.info("stopped")

    def _check_lines(self) -> None:
        """Every terminal that takes part needs its line; a standby that joined may get its line a little later."""
        for unit in self.station.day.state.active():
            if unit.terminal in self._periphery.terminals:
                continue
            words = (
                f"terminal {unit.terminal} takes part and has no line: add [[terminals]] for it in the file"
            )
            if not unit.joined:
                raise ConfigError(words)
            self._log.warning(words)

    async def _listen(self, path: Path) -> None:
        try:
            await self.control.listen(path)
        except OSError as error:
            raise ConfigError(
                f"control_socket {path}: cannot be created ({error}); check the folder, its permissions, and that the "
                "path is shorter than 108 bytes"
            ) from error

    def _sign_off(self) -> None:
        """Leave nothing unsigned. Where that fails, the next life signs it."""
        try:
            self.journal.sign_off()
        except JournalError as error:
            self._log.warning("journal not signed to its end", error=str(error))

    def _journal_page(self, first: int) -> dict[str, Any]:
        """Facts from one number on, for ``kitctl journal``; everything is signed before the first page."""
        try:
            if first == 1:
                self.journal.sign_off()
            facts, following = self.journal.page(first)
        except JournalError as error:
            return {"ok": False, "error": str(error), "code": exit_codes.UNAVAILABLE}
        return {"ok": True, "facts": facts, "next": following}

    def _for_courier(self, media: dict[str, Any], to_print: list[Any] | None) -> dict[str, Any]:
        packed = self._courier.pack(media)
        if to_print is None:
            return {"ok": True, "courier": packed}
        print_codes = None if self._printing is None else self._printing.print_courier
        return self._courier.printed(packed, to_print, print_codes)

    def _release(self, effect: Effect) -> None:
        self._releases[type(effect)](effect)

    def _printer_lost(self, why: str) -> None:
        self.runner.post(PrinterHeard(PrinterLost(why)))

    def _print_tape(self, effect: PrintTape) -> None:
        assert self._printing is not None  # noqa: S101 - without a printer the core prints nothing
        self._printing.print(effect)

    def _seal(self, effect: SignAccount | SealTally) -> None:
        self.runner.post(self._sealer.make(effect))

    def _keep_manifest(self, effect: KeepManifest) -> None:
        error = None
        try:
            keep(Path(self._config.state_dir), effect.version, effect.data)
        except OSError as reason:
            path = file_of(Path(self._config.state_dir), effect.version)
            error = f"{path} cannot be written ({reason.strerror}): check the disk"
        self.runner.post(ManifestKept(effect.version, effect.sha256, effect.rung, effect.reply, error))

    def _end_for_manifest(self, effect: AdoptManifest) -> None:
        """After the answers of this turn are out."""
        self._log.info("manifest adopted", version=effect.version, manifest_sha256=effect.sha256)
        self._adopted.set()

    async def _until_adopted(self) -> None:
        await self._adopted.wait()
        await asyncio.sleep(ANSWER_S)
        raise ManifestAdoptedError

    async def _watchdog(self) -> None:
        while True:
            self._ports.notify("WATCHDOG=1")
            await asyncio.sleep(WATCHDOG_S)


def _station_of(config: Config, manifest: TrustedManifest) -> Station:
    """The cores, as the configuration wants them."""
    return Station(
        manifest,
        config.branch,
        uplinks=tuple(uplink.name for uplink in config.uplinks),
        timing=config.failover,
        has_ups=config.ups is not None or config.nut is not None,
        battery=config.battery.ratings(),
        modems=tuple(line.name for line in config.modems),
        has_fibre=config.fibre is not None,
        printer=None if config.printer is None else config.printer.habits,
        device=config.device,
        poll=config.poll,
        manifest_judge=_judge_of(config),
        data_plans=data_plans(config.uplinks, config.modems),
        ladder=_ladder_of(config),
        bound=frozenset(uplink.name for uplink in config.uplinks if uplink.interface is not None),
        lines={uplink.name: uplink.line for uplink in config.uplinks if uplink.line is not None},
        sims=sims_of(config.modems, config.uplinks),
    )


def _judge_of(config: Config) -> ManifestJudge | None:
    """None in a world without manifest keys."""
    try:
        return ManifestJudge.of(config)
    except EvidenceError:
        return None


def _ladder_of(config: Config) -> LadderSetup:
    plan = None if config.sms is None else config.sms.plan(config.modems)
    return LadderSetup(ladder_clocks(config.escalation, has_sms=plan is not None), plan)


def build(config: Config, ports: Ports, log: Log) -> Daemon:
    """The whole kit from its configuration; raises ConfigError, JournalError."""
    state_dir, laid = Path(config.state_dir), None
    adopted = adopted_in(state_dir, ports.vfs)
    begun = begun_with(state_dir) if adopted is None and ports.vfs is None else None
    forget_unadopted(state_dir, adopted or begun)
    if adopted is not None:
        config = msgspec.structs.replace(config, manifest=str(load_adopted(config, adopted)))
    elif begun is not None and (instead := laid_instead(config, begun)) is not None:
        kept, laid = instead
        log.warning(
            "a newer manifest lies in the place of this journal's: taken as if brought", path=config.manifest
        )
        config = msgspec.structs.replace(config, manifest=str(kept))
    manifest = load_manifest(config)
    daemon = Daemon(config, manifest, load_key(config, manifest), ports, log)
    daemon.laid = laid
    if adopted is None and ports.vfs is None:
        keep_first(state_dir, manifest.manifest.version, Path(config.manifest))
    return daemon
