"""Every operation of the document under generated data, by five roles, against a real server.

Valid data must be answered as the document says; data that breaks the document must be refused; and
nothing may be answered by a failure: 503 counts as one here, since that is how a surprise is answered.
"""

import asyncio
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from runtime import processes, sample_region
from runtime.ambient import fixed
from runtime.opening import open_region
from runtime.server import hash_password
from schemas.ids import named
from storage import access, embedded, migrate, registry
from storage.engine import make_engine

UNIT, PASSWORD, AS_OF = "guan", "only-in-tests-1234", date(2026, 11, 23)
STAFF = ("dispatcher", "agent", "administrator", "crew_lead")
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip
QUIET = {"/metrics", "/health/ready", "/health/live"}
ENDS = {("DELETE", "/api/v1/session")}
"""Would sign the role out in the middle."""


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A real server over a small region: its address and a token for each of five roles."""
    cluster = embedded.start(folder / "postgres", durable=False)
    try:
        cluster.ensure_database("fuzz")
        url = cluster.url("fuzz")
        asyncio.run(_prepared(url, folder))
        port = processes.free_port()
        environment = {
            "DATABASE_URL": url, "DOORSTEP_PORT": str(port), "DOORSTEP_STATE": str(folder),
            "DOORSTEP_RATE_FACTOR": "100000",
        }  # fmt: skip
        with processes.process("serve", environment) as child:
            processes.wait_until_ready(port, child)
            base = f"http://127.0.0.1:{port}"
            yield base, _tokens(base)
    finally:
        cluster.stop()
        embedded.remove(folder / "postgres")


async def _prepared(url: str, folder: Path) -> None:
    await migrate.upgrade(url)
    size = sample_region.Size(premises=120, technicians=3, requests=20)
    sample_region.write_region(folder / "region", size=size, seed=3, as_of=AS_OF)
    engine = make_engine(url, connections=2, statement_seconds=60)
    ambient = fixed(datetime.now(UTC))
    await open_region(engine, folder / "region", unit=(UNIT, AS_OF), ambient=ambient)
    stored = hash_password(PASSWORD)
    async with engine.begin() as tx:
        people = await registry.technicians(tx, UNIT)
        for role in STAFF:
            row = {
                "id": named(UNIT, "account", role), "unit_id": UNIT, "login": role, "name": role,
                "password_hash": stored, "role": role,
                "grids": list(people[0].grids) if role == "crew_lead" else [],
            }  # fmt: skip
            await access.add_account(tx, row)
    await engine.dispose()


def _tokens(base: str) -> dict[str, str]:
    with httpx.Client(base_url=f"{base}/api/v1", timeout=30) as client:
        tokens = {}
        for role in STAFF:
            wish = {"login": role, "password": PASSWORD}
            tokens[role] = client.post("/session", json=wish).json()["access"]
        office = {"Authorization": f"Bearer {tokens['dispatcher']}"}
        person = client.get("/technicians", headers=office).json()["items"][0]["id"]
        wish = {"technician": person}
        code = client.post("/enrolment-codes", json=wish, headers=office).json()["code"]
        enrolled = client.post("/devices/enrol", json={"code": code, "label": "t"}).json()
        return tokens | {"tablet": enrolled["access"]}


class Lane:
    """Runs operations and collects what was wrong, with the request that shows it."""

    def __init__(self, base: str, tokens: dict[str, str]) -> None:
        self.base, self.tokens = base, tokens
        self.session = requests.Session()
        self.calls: Counter[str] = Counter()
        self.pools = self.known()
        self.wrong: dict[tuple[str, str], str] = {}
        document = self.session.get(f"{base}/schema/openapi.json", timeout=30).json()
        # a case of ours is judged by the problem's code as well as by the document
        self.schema = schemathesis.openapi.from_dict(document)
        self.operations = [
            each.ok()
            for each in self.schema.get_all_operations()
            if each.ok().path not in QUIET
            and (each.ok().method.upper(), each.ok().path) not in ENDS
        ]

    def known(self) -> dict[str, list[str]]:
        """Ids that are there, by the name of the path's parameter: half of the valid requests
        ask for one, or everything would end at 404."""
        office = {"Authorization": f"Bearer {self.tokens['dispatcher']}"}

        def ids(path: str) -> list[str]:
            reply = self.session.get(f"{self.base}/api/v1/{path}", headers=office, timeout=30)
            return [each["id"] for each in reply.json()["items"]][:20]

        orders = ids("work-orders")
        return {
            "case_id": ids("cases"), "order_id": orders, "commitment_id": ids("commitments"),
            "device_id": ids("devices"), "premises_id": ids("premises"),
            "technician_id": ids("technicians"), "plan_id": ids("plans"),
        }  # fmt: skip

    def run(self, examples: int, *, part: tuple[int, int]) -> None:
        """So many valid and so many invalid requests of every operation of a part (its number, of
        how many), shared by the roles."""
        each = max(1, examples // len(self.tokens) // 2)
        for operation in self.operations[part[0] - 1 :: part[1]]:
            for role, token in self.tokens.items():
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    self._operation(operation, (role, token), mode=mode, examples=each)

    def _operation(
        self, operation: Any, who: tuple[str, str], *, mode: GenerationMode, examples: int
    ) -> None:
        role, token = who
        headers = {"Authorization": f"Bearer {token}"}

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Any) -> None:
            self._made_real(case, mode)
            # every request has an identity of its own in the server's log
            asked = headers | {"X-Request-Id": uuid.uuid4().hex}
            reply = case.call(base_url=self.base, session=self.session, headers=asked, timeout=60)
            self.calls[mode.value] += 1
            try:
                case.validate_response(reply, checks=CHECKS)
            except (FailureGroup, Exception) as error:
                self._note(operation, error, shown=(role, case.as_curl_command()))

        try:
            one()
        except Exception as error:  # what cannot be broken has no invalid data: that is no finding
            if "Unsatisfiable" not in type(error).__name__:
                self._note(operation, error, shown=(role, ""))

    def _made_real(self, case: Any, mode: GenerationMode) -> None:
        if mode is GenerationMode.POSITIVE and case.path_parameters:
            for name, value in case.path_parameters.items():
                pool = self.pools.get(name)
                at = int(str(value).replace("-", "")[:8] or "0", 16) if pool else 1
                if pool and at % 2 == 0:
                    case.path_parameters[name] = pool[at // 2 % len(pool)]

    def _note(self, operation: Any, error: BaseException, *, shown: tuple[str, str]) -> None:
        said = [str(each) for each in getattr(error, "exceptions", [error])]
        key = (operation.label, " | ".join(each.splitlines()[0][:120] for each in said if each))
        self.wrong.setdefault(key, f"{shown[0]}: {' '.join(said)[:1200]}\n{shown[1][:1200]}")


def fuzzed(examples: int, *, part: tuple[int, int] = (1, 1)) -> Lane:
    """The lane, or a part of its operations, over a fresh server; `wrong` is empty where everything is as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with server(Path(folder)) as (base, tokens):
            lane = Lane(base, tokens)
            lane.run(examples, part=part)
            return lane
