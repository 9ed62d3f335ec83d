"""A schedule: what happens, drawn from a seed; faults by name, counted when they really fired."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from runtime import outbox
from schemas.problems import Refusal
from schemas.sync import SyncAnswer
from sync.changes import unlisted
from tests.simulation.device import Device
from tests.simulation.judge import Finding, judge, vanished
from tests.simulation.scene import START, TEMPLATE, UPGRADED, Server, World
from tests.simulation.worlds import Busy, Crashed

FAULTS = (
    "request_lost", "reply_lost", "delayed", "duplicated", "truncated", "corrupted", "partition",
    "clock_seconds", "clock_hour", "clock_eight_hours", "clock_days", "clock_1970", "clock_back",
    "server_crash_before_commit", "server_crash_after_commit", "tablet_crash", "tablet_reboot",
    "tablet_restored", "two_with_one_identity", "template_upgraded", "reassigned", "cancelled",
    "office_edit", "shared_visit", "server_away_days", "database_restored", "poison", "orphan",
    "late_settled", "reinstalled", "forgotten_tablet", "server_crash_at_statement", "merged",
    "reordered_over_days", "plan_published", "revoked", "last_word", "last_word_released",
    "last_word_rejected", "gas_restored_unproven", "safety_alone",
)  # fmt: skip
STEPS = 60
BUSY_MAX = 5
"""So often in a schedule a server may ask to come again; one that says so for ever serves nobody."""
SKEWS = {
    "clock_seconds": timedelta(seconds=40),
    "clock_hour": timedelta(hours=1),
    "clock_eight_hours": timedelta(hours=-8),
    "clock_days": timedelta(days=3),
    "clock_1970": datetime(1970, 1, 2, tzinfo=UTC) - START,
    "clock_back": timedelta(minutes=-30),
}


class Schedule:
    """One run. `fired` counts the faults that happened; `findings` are broken invariants."""

    def __init__(self, seed: int, world: World | None = None) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.server = Server(self.dice, world)
        self.devices: list[Device] = []
        self.fired: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.late: list[tuple[Device, bytes, datetime]] = []
        self.saved_copies: dict[int, bytes] = {}
        self.backup: Any = None
        self.promises: Any = None
        self.visits_then: list[UUID] = []
        # each schedule has its own weather: most faults rare, some common, some absent
        self.rates = {name: self.dice.choice([0.0, 0.02, 0.05, 0.15]) for name in FAULTS}

    async def run(self) -> "Schedule":
        """Safety phase, heal, drain, judge."""
        outbox.uuid7 = lambda: self.server.key()  # type: ignore[assignment]
        await self._begin()
        for _ in range(STEPS):
            await self._step()
        await self._heal()
        tables = await self.server.world.read()
        self.findings += judge(tables, self.server.boxes, devices=self.devices)
        await self._again()
        if self.promises is not None:
            self.findings += await self.promises.judge()
            self.fired += self.promises.fired
        return self

    async def _begin(self) -> None:
        for _ in range(self.dice.choice([2, 3])):
            sender = await self.server.person()
            self.devices.append(Device(sender, self.dice, true=self.server.now))
        for _ in range(self.dice.randint(2, 4)):
            await self.server.visit(self.dice.choice(self.server.people))
        for each in self.devices:
            await self._exchange(each)

    async def _step(self) -> None:
        self._pass(timedelta(minutes=self.dice.randint(1, 90)))
        await self._office()
        device = self.dice.choice([each for each in self.devices if not each.finished])
        if self._happens("reinstalled"):
            device.become(await self.server.install(device.sender.technician_id))
        self._trouble(device)
        for _ in range(self.dice.randint(0, 3)):
            device.tap()
            if self._happens("tablet_crash"):
                device.crash()
                continue
            device.save()
        if self.server.now >= device.offline_until:
            await self._exchange(device, faulty=True)
        if self.server.world.concurrent and self.dice.random() < 0.3:
            # everybody at once, and the office edits meanwhile
            visit = self.dice.choice(self.server.visits)
            await asyncio.gather(
                *(self._exchange(each) for each in self.devices),
                self.server.edit(visit, {"office_note": "z"}),
            )

    def _happens(self, name: str) -> bool:
        if self.dice.random() >= self.rates[name]:
            return False
        self.fired[name] += 1
        return True

    def _pass(self, time: timedelta) -> None:
        self.server.now += time
        for each in self.devices:
            each.true = self.server.now

    def _trouble(self, device: Device) -> None:
        """What happens to a tablet and its user."""
        for name, skew in SKEWS.items():
            if self._happens(name):
                device.turn_clock(skew)
        if self._happens("tablet_reboot"):
            device.reboot()
        if self._happens("partition"):
            device.offline_until = self.server.now + timedelta(
                minutes=self.dice.choice([9, 900, 43200])
            )
        if self._happens("poison"):
            device.poison()
            device.save()
        if self._happens("orphan"):
            device.orphan()
            device.save()
        if self._happens("tablet_restored"):
            # a factory image of yesterday: what it knew then, and nothing since
            copy = self.saved_copies.get(id(device))
            then = msgspec.json.decode(copy, type=outbox.Memory) if copy is not None else None
            if then is not None and then.cursor:
                device.memory.records = then.records
                device.memory.cursor = then.cursor
                device.memory.stale = then.stale
                device.shown.clear()
                device.save()
        self.saved_copies.setdefault(id(device), device.saved)

    async def _office(self) -> None:
        """What the office and fate do meanwhile."""
        visit = self.dice.choice(self.server.visits)
        if self._happens("reassigned"):
            await self.server.reassign(visit, self.dice.choice(self.server.people))
        if self._happens("cancelled"):
            await self.server.cancel(visit)
        if self._happens("merged"):
            await self.server.merge(visit, self.dice.choice(self.server.visits))
        if self.rates["revoked"] and self.dice.random() < 0.02:
            await self._revoke(self.dice.choice(self.devices))
        await self._decide()
        if self.promises is not None:
            orders = sorted((await self.server.world.read()).orders)
            await self.promises.step(orders, self.server.now)
        if self._happens("office_edit"):
            await self.server.edit(
                visit, {"office_note": self.dice.choice(["x", "y"]), "R02": "match"}
            )
        if self._happens("template_upgraded"):
            await self.server.visit(self.dice.choice(self.server.people), template=UPGRADED)
        if self._happens("shared_visit"):
            await self.server.share(visit, self.dice.choice(self.server.people))
        if self._happens("two_with_one_identity"):
            self._clone(self.dice.choice(self.devices))
        if self._happens("server_away_days"):
            self._pass(timedelta(days=3))
        if self._happens("late_settled"):
            await self.server.settle(hours=24)
        if self._happens("database_restored"):
            await self._restore()
        elif self.dice.random() < 0.1:
            self.visits_then = list(self.server.visits)
            self.backup = await self.server.world.backup()

    async def _revoke(self, device: Device) -> None:
        """The office takes a tablet back while it is out; its user gets another one."""
        if device.dismissed or device.finished or len(self.devices) > 5:
            return
        if device.sender.tablet_id not in (await self.server.world.read()).tablets:
            # put back to before it was enrolled: nobody at the office knows it
            return
        if sum(each.sender == device.sender for each in self.devices) > 1:
            # a copied install is a fault of its own
            return
        await self.server.revoke(device.sender.tablet_id)
        device.dismissed = True
        self.fired["revoked"] += 1
        sender = await self.server.install(device.sender.technician_id)
        self.devices.append(Device(sender, self.dice, true=self.server.now))

    async def _decide(self) -> None:
        release = self.dice.random() < 0.5
        if self.dice.random() < 0.2 and await self.server.decide(release=release):
            self.fired["last_word_released" if release else "last_word_rejected"] += 1

    def _clone(self, device: Device) -> None:
        if len(self.devices) > 5 or device.dismissed or device.memory.revoked:
            return
        twin = Device(device.sender, self.dice, true=device.true)
        twin.memory = msgspec.json.decode(device.saved, type=outbox.Memory)
        twin.skew = device.skew
        twin.saved, twin.said = device.saved, dict(device.said)
        self.devices.append(twin)

    async def _restore(self) -> None:
        if self.backup is None:
            return
        await self.server.world.restore(self.backup, epoch=self.server.key())
        self.server.visits = list(self.visits_then)
        # what came before the restore is not on its way any more
        self.late.clear()
        tablets = (await self.server.world.read()).tablets
        for each in self.devices:
            each.shown.clear()
            known = tablets.get(each.sender.tablet_id)
            each.dismissed = known is not None and known["state"] != "active"
            each.finished = False

    async def _exchange(self, device: Device, *, faulty: bool = False) -> bool:
        """One round trip; True while the tablet has more to say or to hear."""
        if device.finished:
            return False
        sent, body = device.request(bad_link=faulty)
        if faulty and self._happens("request_lost"):
            return True
        if faulty and self._happens("delayed"):
            self.late.append((device, body, self.server.now))
            return True
        if faulty and self._happens("truncated"):
            body = body[: self.dice.randrange(len(body))]
        elif faulty and self._happens("corrupted"):
            at = self.dice.randrange(len(body))
            body = body[:at] + bytes([self.dice.randrange(256)]) + body[at + 1 :]
            # a changed byte that is still JSON would be another word: the link's checksum stops it
            body = b"\x00" + body
        reply = await self._served(device, body, faulty=faulty)
        if faulty and self._happens("duplicated"):
            # the link's own copy: nobody hears the answer to it
            await self._arrives(device, body)
        if faulty and self.late and self.dice.random() < 0.3:
            await self._arrives(*self.late.pop(self.dice.randrange(len(self.late))))
        if reply is None or (faulty and self._happens("reply_lost")):
            return True
        if faulty and self._happens("tablet_crash"):
            device.crash()
            return True
        self._watch(device, reply)
        if device.dismissed and sent:
            self.fired["last_word"] += 1
        more = device.take(sent, reply)
        if b'"lanes":["safety"]' in body:
            self.fired["safety_alone"] += 1
            self.findings += vanished(device, sent)
        told = [device.memory.outcomes.get(str(each.id)) for each in sent]
        self.fired["gas_restored_unproven"] += sum(
            1
            for each, outcome in zip(sent, told, strict=True)
            if outcome == "conflict" and each.fields.get("supply") == "on"
        )
        return more

    async def _arrives(self, device: Device, body: bytes, sent_at: datetime | None = None) -> None:
        """A message that its sender has given up: whatever we answer, nobody hears it."""
        if sent_at is not None and self.server.now - sent_at > timedelta(days=1):
            self.fired["reordered_over_days"] += 1
        try:
            with suppress(Refusal, Crashed, msgspec.DecodeError, UnicodeDecodeError):
                await self.server.exchange(device.sender, body)
        except Busy:
            self._not_answered()

    def _not_answered(self) -> None:
        """The server had no room: whoever asked keeps everything and comes again (I16)."""
        self.fired["not_answered"] += 1
        if self.fired["not_answered"] == BUSY_MAX + 1:
            self.findings.append(Finding("I16", f"not answered {BUSY_MAX + 1} times"))

    async def _served(self, device: Device, body: bytes, *, faulty: bool) -> bytes | None:
        self.server.world.dies = faulty and self._happens("server_crash_before_commit")
        if faulty and not self.server.world.dies and self._happens("server_crash_at_statement"):
            self.server.store.dies_in = self.dice.randint(1, 12)
        try:
            reply = await self._answered(device, body, faulty=faulty)
        except Crashed:
            return None
        except Busy:
            self._not_answered()
            return None
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
            return None
        except Refusal as refusal:
            if refusal.code in ("tablet_revoked", "not_signed_in") and device.dismissed:
                await self._turned_away(device, refusal.code)
                return None
            if refusal.code in ("tablet_revoked", "not_signed_in"):
                # the database was put back to before this tablet was enrolled
                self.fired["forgotten_tablet"] += 1
                device.become(await self.server.install(device.sender.technician_id))
                return None
            if refusal.code in ("cursor_of_another_epoch", "cursor_forged"):
                device.memory.begin_again()
                device.shown.clear()
                device.save()
                return None
            raise
        finally:
            self.server.world.dies = False
            self.server.store.dies_in = 0
        if faulty and self._happens("server_crash_after_commit"):
            return None
        return reply

    async def _answered(self, device: Device, body: bytes, *, faulty: bool) -> bytes:
        alone = self.server.world.dies or self.server.store.dies_in
        if not faulty or alone or not self._happens("plan_published"):
            return await self.server.exchange(device.sender, body)
        # a plan is published in the very moment of a push
        who = self.dice.choice(self.server.people)
        reply, _ = await asyncio.gather(
            self.server.exchange(device.sender, body), self.server.visit(who)
        )
        return reply

    async def _turned_away(self, device: Device, code: str) -> None:
        """A revoked tablet sends what it holds, once; whose words have ended is enrolled anew."""
        if code == "tablet_revoked" and device.memory.outbox and not device.memory.revoked:
            device.memory.revoked = True
            device.save()
        elif code == "not_signed_in" and device.memory.outbox:
            device.become(await self.server.install(device.sender.technician_id))
        else:
            device.finished = True

    def _watch(self, device: Device, reply: bytes) -> None:
        """I5: what a tablet is shown never grows older."""
        answer = msgspec.json.decode(reply, type=SyncAnswer)
        for change in (*answer.changes, *map(unlisted, answer.lean)):
            key, version = str(change.record), change.version
            if version < device.shown.get(key, 0):
                self.findings.append(Finding("I5", f"{key} went back to {version}"))
            device.shown[key] = version

    async def _heal(self) -> None:
        """Everything works again; every outbox drains within a bound (I16)."""
        for late in self.late:
            await self._arrives(*late)
        for each in self.devices:
            each.crash()
            bound = 3 * -(-len(each.memory.outbox) // outbox.BATCH) + 5
            for n in range(60):
                if not await self._exchange(each):
                    break
                if n > bound + 3 + self.fired["not_answered"]:
                    self.findings.append(Finding("I16", f"{n} exchanges for {bound}"))
                    break
        # one more round, so that everybody hears what the last one said
        for each in self.devices:
            for _ in range(60):
                if not await self._exchange(each):
                    break

    async def _again(self) -> None:
        """I3, I8: everything sent once more changes nothing."""
        before = await self.server.world.read()
        rejected = {
            row["operation_id"]
            for row in before.quarantine.values()
            if row.get("status") == "rejected"
        }
        for each in self.devices:
            known = [op for op, _ in each.said.values()]
            if each.dismissed or each.finished:
                # enrolled anew it offers what the server heard of; what a person has not decided on
                # yet may still come so, what was rejected may not
                heard = rejected | set(before.operations)
                known = [op for op in known if op.id in heard]
                each.become(await self.server.install(each.sender.technician_id))
            for at in range(0, len(known), outbox.BATCH):
                body = msgspec.json.encode({"operations": known[at : at + outbox.BATCH]})
                await self._arrives(each, body)
        after = await self.server.world.read()
        for name in ("records", "operations", "conflicts", "hazards", "entries"):
            if getattr(before, name) != getattr(after, name):
                self.findings.append(Finding("I8", f"a second sending changed {name}"))


__all__ = ["FAULTS", "TEMPLATE", "Schedule"]
