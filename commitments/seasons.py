"""Shell: heating seasons. Each opens the window in which rural homes are inspected (clause 3e), and
moves its end when the city moves the start, by an event of every clock that still runs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import entry, ledger, writing
from commitments.calendar import end_of_day, local_day
from commitments.intake import midnight
from commitments.rules import rule_for
from schemas.ambient import Ambient
from schemas.base import Span, Value, date
from schemas.commitment import AMENDED, Event, Rule
from schemas.ids import named
from schemas.problems import Refusal
from schemas.standing import Season, SeasonAnswer, SeasonWish
from storage import audit, catalogue, standing
from storage.engine import Transaction

CODE, INSPECTED = "3e", "inspection_completed"
PAGE = 2_000


class Opened(Value, frozen=True):
    """A season with its window, and who says so when."""

    wish: SeasonWish
    window: Span
    rule: Rule
    by: tuple[str, Ambient]


async def lay_down(
    engine: AsyncEngine, unit_id: str, *, wish: SeasonWish, by: tuple[str, Ambient]
) -> SeasonAnswer:
    """A planned or actual start: clocks of the window begin, or their end moves with history."""
    refuse_unsound(wish)
    actor, ambient = by
    async with engine.begin() as tx:
        # the audit's lock first: two starts of one season follow each other
        said = audit.Entry(
            at=ambient.now,
            actor=actor,
            action="season.laid_down",
            subject=f"{wish.region} {wish.season}",
            detail={"planned": wish.planned_start.isoformat(), "source": wish.source},
        )
        await audit.append(tx, unit_id, entry=said)
        settings = await standing.settings(tx, unit_id)
        window = window_of(wish.planned_start, wish.actual_start, days=settings.window_days)
        row = {name: getattr(wish, name) for name in _COLUMNS}
        await standing.save_season(tx, {"unit_id": unit_id, **row})
        rules = await writing.rulebook(tx, unit_id)
        rule = rule_for(rules, CODE, on_day=local_day(catalogue.calendar(), window.opens))
        season = Opened(wish=wish, window=window, rule=rule, by=by)
        opened, moved = await _clocks(tx, unit_id, season=season)
    return SeasonAnswer(season=_shown(wish, window), opened=opened, moved=moved)


async def listed(engine: AsyncEngine, unit_id: str) -> list[Season]:
    """Heating seasons of the unit with their windows, the newest first."""
    async with engine.connect() as tx:
        days = (await standing.settings(tx, unit_id)).window_days
        rows = await standing.seasons(tx, unit_id)
    return [_shown(row, window_of(row.planned_start, row.actual_start, days=days)) for row in rows]


def window_of(planned: date, actual: date | None, *, days: int) -> Span:
    """Opens `days` before the planned start, closes with the day before heating really starts."""
    calendar = catalogue.calendar()
    last = (actual or planned) - timedelta(days=1)
    return Span(
        opens=midnight(calendar, planned - timedelta(days=days)), closes=end_of_day(calendar, last)
    )


def refuse_unsound(wish: SeasonWish) -> None:
    """A season begins in the autumn or winter that it is named after."""
    first, second = (int(year) for year in wish.season.split("-"))
    earliest, latest = date(first, 8, 1), date(first + 1, 3, 31)
    if second != first + 1 or not earliest <= wish.planned_start <= latest:
        raise Refusal("season_dates", season=wish.season)
    if wish.actual_start is not None and not earliest <= wish.actual_start <= latest:
        raise Refusal("season_dates", season=wish.season, actual=wish.actual_start.isoformat())


async def _clocks(tx: Transaction, unit_id: str, *, season: Opened) -> tuple[int, int]:
    opened = moved = 0
    after: UUID | None = None
    while True:
        homes = await standing.rural_premises(
            tx, unit_id, grids=season.wish.grids, after=after, limit=PAGE
        )
        ids = {_clock_id(unit_id, each.account, season=season.wish.season): each for each in homes}
        known = {
            each.id: each for each in await standing.commitments_by_id(tx, unit_id, ids=list(ids))
        }
        opened += await _begin(
            tx, unit_id, season=season, homes={i: h for i, h in ids.items() if i not in known}
        )
        moved += await _move(tx, unit_id, season=season, clocks=list(known.values()))
        if len(homes) < PAGE:
            return opened, moved
        after = homes[-1].id


async def _begin(tx: Transaction, unit_id: str, *, season: Opened, homes: dict[UUID, Any]) -> int:
    ambient, calendar = season.by[1], catalogue.calendar()
    rules = await writing.rulebook(tx, unit_id)
    drafts = []
    for clock, home in homes.items():
        opening = entry.Opening(
            id=clock,
            unit_id=unit_id,
            rule=season.rule,
            started_at=season.window.opens,
            received_at=ambient.now,
            source=f"season:{season.wish.region}:{season.wish.season}",
            premises_id=home.id,
            facts={
                "season": season.wish.season,
                "region": season.wish.region,
                "deadline": season.window.closes.isoformat(),
            },
        )
        draft = entry.opened(opening, calendar, now=ambient.now)
        done = _done_before(home, season)
        if done is not None:
            draft = entry.told(draft, done, rule=season.rule, calendar=calendar, now=ambient.now)
        drafts.append(draft)
    return await writing.begin(tx, drafts, rules=rules, ambient=ambient)


def _done_before(home: Any, season: Opened) -> Event | None:
    """An inspection of this window that was done before the season was laid down."""
    if home.last_inspection_on is None:
        return None
    day_end = end_of_day(catalogue.calendar(), home.last_inspection_on) - timedelta(seconds=1)
    at = min(day_end, season.by[1].now)
    if not season.window.opens <= at < season.window.closes:
        return None
    return Event(
        kind=INSPECTED,
        observed_at=at.astimezone(UTC),
        received_at=season.by[1].now,
        source=f"premises:{home.last_inspection_on}",
        body={"day": home.last_inspection_on.isoformat()},
    )


async def _move(tx: Transaction, unit_id: str, *, season: Opened, clocks: list[Any]) -> int:
    actor, ambient = season.by
    until = season.window.closes
    event = Event(
        kind=AMENDED,
        observed_at=ambient.now,
        received_at=ambient.now,
        source=f"season:{ambient.new_id()}",
        body={"due_at": _said(until), "reason": season.wish.source, "actor": actor},
    )
    running = [each for each in clocks if each.stopped_at is None and each.due_at != until]
    await ledger.told(tx, unit_id, heard={each.id: [event] for each in running}, ambient=ambient)
    return len(running)


def _said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _shown(row: Any, window: Span) -> Season:
    shown = {name: getattr(row, name) for name in _COLUMNS}
    return Season(**shown, window_opens=window.opens, window_closes=window.closes)


_COLUMNS = ("region", "season", "planned_start", "actual_start", "source", "grids")


def _clock_id(unit_id: str, account: str, *, season: str) -> UUID:
    return named(unit_id, "commitment", "season", season, account, CODE)
