"""The faces open, and anybody can use them."""

import gzip

import pytest
from playwright.sync_api import expect

from runtime.server import FACES
from tests.e2e.conftest import PASSWORD, axe, figure

pytestmark = pytest.mark.smoke
INITIAL_BYTES_MAX = 60_000


def initial_scripts(face: str) -> int:
    page = (FACES / face / "index.html").read_text("utf-8")
    names = [each.split('"')[0] for each in page.split('"/assets/')[1:]]
    return sum(
        len(gzip.compress((FACES / "assets" / name).read_bytes(), 9))
        for name in names
        if name.endswith(".js")
    )


@pytest.mark.parametrize("face", ["board", "field", "track"])
def test_a_face_begins_with_at_most_60_kilobytes_of_script(face):
    size = initial_scripts(face)
    figure(f"initial script of {face}: {size / 1000:.1f} kB gz (goal ≤ 60)")
    assert size <= INITIAL_BYTES_MAX


def test_a_dispatcher_signs_in_and_a_wrong_password_is_a_sentence(context, server):
    page = context.new_page()
    page.goto(f"{server.base}/board/")
    assert axe(page) == []
    page.get_by_label("账号").fill("dispatcher")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("。")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("派工台")
