"""A story for every scenario."""

import pytest

from tests.scenarios.story import Story


@pytest.fixture
def story() -> Story:
    return Story()
