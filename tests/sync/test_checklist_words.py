"""What a checklist brings along so that a tablet can ask it without the server."""

import re

import pytest

from storage import checklists
from storage.catalogue import document
from sync.template import files_in, policy_of, refused

TEMPLATES = checklists.templates()


@pytest.mark.parametrize("ref", sorted(TEMPLATES))
def test_every_option_and_part_is_called_something_in_both_languages(ref):
    template = TEMPLATES[ref]
    used = {word for item in template.items for word in (*item.options, *item.fields)}
    used |= {word for item in template.items for part in item.fields.values()
             for word in part.options}  # fmt: skip
    assert used | set(template.variants) <= set(template.words)
    for zh, en in template.words.values():
        assert re.search("[\u4e00-\u9fff]", zh)
        assert en.isascii()


def test_no_word_is_kept_that_no_checklist_uses():
    used = {word for template in TEMPLATES.values() for word in template.words}
    assert set(document("words.yaml")["words"]) == used


def test_a_relight_asks_only_what_its_variant_names():
    install = TEMPLATES["INST@2026.1"]
    assert set(install.variants["stove"]) == {item.code for item in install.items}
    assert install.variants["relight_only"] == (
        "A01", "A04", "A05", "A12", "A13", "A14", "A15", "A16", "A17", "A19", "A21", "A22",
    )  # fmt: skip


def test_only_what_is_measured_names_an_instrument():
    items = checklists.items_of("RES-INSP@2026.1")
    assert policy_of(items, "visit", field="R26.instrument") == "technician_owns"
    assert policy_of(items, "visit", field="R07.instrument") is None
    named = {"instrument": "JCY-0417", "calibration_due": "2027-03-01"}
    assert refused(items, "R26.instrument", value=named) is None
    assert refused(items, "R26.instrument", value={"calibration_due": "2027-03-01"})


def test_a_small_copy_is_a_file_of_the_visit_beside_its_photo():
    items = checklists.items_of("RES-INSP@2026.1")
    pair = f"{'a' * 64}:{'b' * 64}"
    assert policy_of(items, "visit", field="R07.thumbs") == "union_set"
    assert refused(items, "R07.thumbs", value=[pair]) is None
    assert refused(items, "R07.thumbs", value=["a" * 64]) == "answer_type"
    assert files_in(items, "R07.thumbs", value=[pair]) == ["b" * 64]
