"""Logs: one JSON object a line on standard error, with an allow-list of what may stand in it."""

import logging
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

import structlog

WORDS = frozenset(
    {
        "event", "level", "logger", "timestamp", "request", "route", "method", "status", "ms",
        "unit", "role", "step", "error", "rest_seconds", "exception", "place", "figures",
        "cells", "of",
    }
)  # fmt: skip
"""What a line may carry: no names, addresses, paths or bodies. A new word is added here, on
purpose."""


def only_known(*given: Any) -> structlog.typing.EventDict:
    """Leaves out whatever is not on the list, and says that it did. Given as structlog gives:
    logger, method, line."""
    line: structlog.typing.EventDict = given[2]
    # what begins with an underscore is structlog's own and never printed
    known = {name for name in line if name in WORDS or name.startswith("_")}
    left_out = sorted(set(line) - known)
    kept = {name: value for name, value in line.items() if name in known}
    return {**kept, "left_out": left_out} if left_out else kept


def configure(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sends this program's and its libraries' lines through the same list."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _traced,
        only_known,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            foreign_pre_chain=shared,
        )
    )
    # a line that cannot be written must not be written as Python would, with all its values
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # these write addresses and queries of their own
    for chatty in ("httpx", "httpcore", "sqlalchemy", "_granian"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _traced(*given: Any) -> structlog.typing.EventDict:
    line: structlog.typing.EventDict = given[2]
    # where it happened and what kind it was; an error's own text may quote what somebody typed
    found = line.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        line["error"], line["place"] = type(error).__name__, _places(error)
    return line


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames]
