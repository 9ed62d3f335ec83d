"""Who may: every route declares one of these guards, and a test fails for a route without one.

Guards are coroutines: the framework sends any other guard through a thread, at every request.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from api import masking
from api.services import Services
from schemas.access import Principal, Role
from schemas.problems import Refusal
from storage import scope
from sync import devices

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]

STAFF: tuple[Role, ...] = (
    "dispatcher", "agent", "safety_reviewer", "supervisor", "auditor", "administrator",
)  # fmt: skip
NO_GRID = UUID(int=0)
DISPATCH: tuple[Role, ...] = ("dispatcher", "supervisor", "administrator")


class SignedIn(AbstractAuthenticationMiddleware):
    """Resolves the bearer token once a request; no token is nobody, a bad one is refused.

    What the request may see is said here, from the principal alone.
    """

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Finds the principal."""
        scope.leave()
        masking.speak_to(None)
        given = connection.headers.get("authorization", "")
        if not given:
            return AuthenticationResult(user=None, auth=None)
        scheme, _, token = given.partition(" ")
        services: Services = connection.app.state.services
        found = None
        if scheme.lower() == "bearer" and 20 <= len(token) <= 100:
            with scope.everywhere():  # whose token it is decides which unit
                found = await devices.principal(services.engine, token, now=services.ambient().now)
        if found is None:
            await _count_stranger(connection)
            raise Refusal("not_signed_in")
        await _count(services, found)
        # who is limited to grids that do not exist sees none, not all
        grids = () if found.grids is None else found.grids or (NO_GRID,)
        scope.enter(found.unit_id, grids=grids)
        masking.speak_to(found.role)
        return AuthenticationResult(user=found, auth=token)


async def _count(services: Services, who: Principal) -> None:
    now = services.ambient().now
    if who.tablet_id is not None:
        await services.turnstile.tablet(who.tablet_id, now=now)
    else:
        await services.turnstile.account(who.account_id, now=now)


async def _count_stranger(connection: Connection) -> None:
    services: Services = connection.app.state.services
    await services.turnstile.stranger(
        address(connection, behind_proxy=services.behind_proxy), now=services.ambient().now
    )


def address(connection: Connection, *, behind_proxy: bool) -> str:
    """Where a request comes from: what our own proxy wrote last, never what a client claims."""
    told = connection.headers.get("x-forwarded-for", "")
    if behind_proxy and told:
        return told.rpartition(",")[2].strip()[:60]
    return connection.client.host if connection.client else ""


async def stranger(connection: Connection, _: BaseRouteHandler) -> None:
    """Open on purpose, and counted by address: sign-in, enrolment, customers' links."""
    await _count_stranger(connection)
    scope.enter_everywhere()


async def whole_unit(connection: Connection, _: BaseRouteHandler) -> None:
    """Not for somebody who is limited to some grids: this concerns the whole unit."""
    who: Principal | None = connection.user
    if who is not None and who.grids is not None:
        raise Refusal("not_allowed")


async def everybody(_: Connection, __: BaseRouteHandler) -> None:
    """Open on purpose: health, the faces' files. Nobody's unit is known."""
    scope.enter_everywhere()


def roles(*allowed: Role) -> Guard:
    """Members of staff with one of these roles."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        who: Principal | None = connection.user
        if who is None:
            raise Refusal("not_signed_in")
        if who.role not in allowed:
            raise Refusal("not_allowed")

    return guard


async def tablet(connection: Connection, _: BaseRouteHandler) -> None:
    """A technician's enrolled tablet."""
    who: Principal | None = connection.user
    if who is None:
        raise Refusal("not_signed_in")
    if who.role == "revoked":
        raise Refusal("tablet_revoked")
    if who.tablet_id is None:
        raise Refusal("not_allowed")


async def tablet_even_revoked(connection: Connection, _: BaseRouteHandler) -> None:
    """A tablet, or one that was revoked and hands in what it still holds."""
    who: Principal | None = connection.user
    if who is None:
        raise Refusal("not_signed_in")
    if who.tablet_id is None:
        raise Refusal("not_allowed")
