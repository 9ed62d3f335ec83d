"""A log line holds what is on the list and nothing that somebody typed."""

import io
import json
import logging

import pytest
import structlog

from runtime import logs

SECRET = "13812345678"


@pytest.fixture
def lines():
    written = io.StringIO()
    root = logging.getLogger()
    before, level, raises = root.handlers, root.level, logging.raiseExceptions
    logs.configure(stream=written)
    yield lambda: [json.loads(each) for each in written.getvalue().splitlines()]
    root.handlers, logging.raiseExceptions = before, raises
    root.setLevel(level)
    structlog.reset_defaults()


def test_an_error_is_its_kind_and_its_place_without_its_words(lines):
    try:
        int(SECRET + "x")
    except ValueError as error:
        logging.getLogger("doorstep.api").error("unexpected", exc_info=error)
    (line,) = lines()
    assert (line["event"], line["error"], line["level"]) == ("unexpected", "ValueError", "error")
    assert line["place"][0].startswith("test_logs.py:")
    assert SECRET not in json.dumps(line)


def test_a_word_that_is_not_on_the_list_is_left_out_and_named(lines):
    structlog.get_logger("doorstep.worker").warning("step_failed", step="plan", phone=SECRET)
    (line,) = lines()
    assert (line["step"], line["left_out"]) == ("plan", ["phone"])
    assert SECRET not in json.dumps(line)
