"""Who may: every route declares one of these guards, and a test fails for a route without one.

Guards are coroutines: the framework sends any other guard through a thread, at every request.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

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
DISPATCH: tuple[Role, ...] = ("dispatcher", "supervisor", "administrator")


class SignedIn(AbstractAuthenticationMiddleware):
    """Resolves the bearer token once a request; no token is nobody, a bad one is refused.

    What the request may see is said here, from the principal alone.
    """

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Finds the principal."""
        scope.leave()
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
            raise Refusal("not_signed_in")
        scope.enter(found.unit_id)
        return AuthenticationResult(user=found, auth=token)


async def everybody(_: Connection, __: BaseRouteHandler) -> None:
    """Open on purpose: health, tracking, sign-in and enrolment. Nobody's unit is known yet."""
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
