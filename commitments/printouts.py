"""Shell: the inspection sheet (检查单) and the rectification notice (整改通知书) as printed pages."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import sheet
from schemas.access import Principal
from schemas.base import Value
from schemas.problems import Refusal
from schemas.template import Item
from storage import catalogue, checklists, printing, prints
from storage.blobs import Blobs, photo_path

ORDERS = {
    "critical": (
        "立即停止使用并关闭阀门，经复检合格前不得恢复供气",
        "须由我单位现场复检后方可关闭",
    ),
    "major": (
        "在期限内完成整改，整改期间注意通风与用气安全",
        "逾期未整改的，我单位可按合同暂停供气",
    ),
    "minor": ("请在期限内自行整改，或预约我单位协助", "下次检查时复核"),
}
PROVEN = {"certified": "已认证", "needs_notice": "缺书面告知"}
BASIS = "《城镇燃气管理条例》第十七条"
STATUTORY_BASIS = "《城镇燃气经营安全重大隐患判定标准》（建城规〔2023〕4号）第九条"


class Printed(Value, frozen=True):
    """Pictures for a page, and what the page says of each."""

    photos: list[dict[str, Any]]
    pictures: dict[str, bytes]
    signature: str | None


async def visit_sheet(
    engine: AsyncEngine, who: Principal, *, visit_id: UUID, blobs: Blobs, now: datetime
) -> bytes:
    """A visit's checklist with answers, hazards, photos and signature; `not_found` if not one's."""
    async with engine.connect() as tx:
        held = await prints.visit(tx, who.unit_id, visit_id=visit_id)
        _refuse_foreign(held, who)
        hazards = await prints.hazards(
            tx, who.unit_id, visit_id=visit_id, premises_id=held["premises_id"]
        )
        files = await prints.files(tx, who.unit_id, visit_id=visit_id)
    fields: dict[str, Any] = msgspec.json.decode(held["fields"] or "{}")
    template = checklists.templates().get(held["template"])
    if template is None:
        raise Refusal("not_found", template=held["template"])
    signed = sheet.signature_of(template, fields)
    items = checklists.items_of(held["template"])
    shown = await _pictures(blobs, who.unit_id, files=files, items=items, signed=signed)
    data = {
        "title": template.name_zh,
        "unit": held["unit"],
        "printed_at": sheet.local(now),
        "head": _head(held),
        "items": sheet.answer_lines(template, fields),
        "left_open": sheet.left_open(template, fields),
        "hazards": [_hazard_line(each, held["template"]) for each in hazards],
        "photos": shown.photos,
        "signature": shown.signature,
        "no_signature": "未签字" if held["state"] == "ended" else "",
        "technician": held["technician"] or "",
        "version": held["version"] or 0,
        "digest": sha256((held["fields"] or "").encode()).hexdigest()[:32],
    }
    return await asyncio.to_thread(printing.pdf, "sheet", data, pictures=shown.pictures)


async def hazard_notice(
    engine: AsyncEngine, who: Principal, *, hazard_id: UUID, blobs: Blobs, now: datetime
) -> bytes:
    """The written notice of a hazard: what, how bad, until when, by what law, and the proof."""
    async with engine.connect() as tx:
        held = await prints.hazard(tx, who.unit_id, hazard_id=hazard_id)
        _refuse_foreign(held, who)
        files = (
            await prints.files(tx, who.unit_id, visit_id=held["visit_id"])
            if held["visit_id"]
            else []
        )
    ours = [
        each
        for each in files
        if each["field"].startswith(held["item"]) or each["record"] == held["record"]
    ]
    items = checklists.items_of(held["template"])
    shown = await _pictures(blobs, who.unit_id, files=ours, items=items)
    line = _hazard_line(held, held["template"])
    data = {
        "title": "燃气安全隐患整改通知书",
        "number": f"ZG-{held['found_at']:%Y%m%d}-{hazard_id.hex[-8:].upper()}",
        "unit": held["unit"],
        "printed_at": sheet.local(now),
        "customer": held["customer"] or "燃气用户",
        "account": held["account"],
        "address": held["address"],
        "technician": held["technician"] or "",
        "hazard": line["zh"],
        "grade": line["grade"],
        "statutory": _statutory(held["statutory"]),
        "found": line["found"],
        "due": line["due"],
        "orders": ORDERS[held["grade"]],
        "basis": [BASIS, *([STATUTORY_BASIS] if held["statutory"] else [])],
        "photos": shown.photos,
    }
    return await asyncio.to_thread(printing.pdf, "notice", data, pictures=shown.pictures)


def _refuse_foreign(held: Any, who: Principal) -> None:
    # a technician prints the own work and nobody else's; both answers are the same
    own = (None, None) if held is None else (held["technician_id"], held["second_id"])
    if held is None or (who.role == "technician" and who.technician_id not in own):
        raise Refusal("not_found")


def _head(held: Any) -> list[list[str]]:
    outcome = sheet.OUTCOMES.get(held["outcome"] or "", held["outcome"] or "进行中")
    certified = PROVEN.get(held["certification"], "待证据齐全")
    return [
        ["工单", held["number"], "户号", held["account"]],
        ["户名", held["customer"] or "", "地址", held["address"]],
        ["开始", sheet.local(held["started_at"]), "结束", sheet.local(held["ended_at"])],
        ["结果", outcome, "存证", f"{certified}（第 {held['attempt']} 次上门）"],
    ]


def _hazard_line(each: Any, template: str | None) -> dict[str, str]:
    item = checklists.items_of(template).get(each["item"]) if template else None
    legal = _statutory(each["statutory"])
    return {
        "zh": item.zh if item else each["note"] or each["item"],
        "statutory": f"（法定重大隐患：{legal}）" if legal else "",
        "grade": sheet.GRADES.get(each["grade"], each["grade"]),
        "state": sheet.STATES.get(each["state"], each["state"]),
        "found": sheet.local(each["found_at"]),
        "due": sheet.local(each["due_at"]),
    }


def _statutory(code: str | None) -> str | None:
    if code is None:
        return None
    listed: Iterable[Mapping[str, str]] = catalogue.document("hazard_grades.yaml")[
        "statutory_major"
    ]
    return next(
        (f"{each['zh']}（{each['basis']}）" for each in listed if each["code"] == code), code
    )


async def _pictures(
    blobs: Blobs,
    unit_id: str,
    *,
    files: Sequence[Any],
    items: Mapping[str, Item],
    signed: str | None = None,
) -> Printed:
    """Verified photos up to the bounds of a page; what is not printed says why and keeps its hash."""
    photos: list[dict[str, Any]] = []
    pictures: dict[str, bytes] = {}
    signature, held = None, 0
    for each in files:
        name = printing.file_name(each["sha256"], each["media_type"] or "")
        room = len(pictures) < printing.PICTURES_MAX
        content = None
        if each["state"] == "verified" and name is not None and room:
            content = await blobs.read(photo_path(unit_id, each["sha256"]))
        if content is not None and held + len(content) > printing.PICTURES_BYTES_MAX:
            content, room = None, False
        if content is not None and name is not None:
            held += len(content)
            pictures[name] = content
        shown = name if content is not None else None
        if each["sha256"] == signed and shown is not None:
            signature = shown
            continue
        why = "另存，不随页打印" if not room else "照片尚未上传"
        caption = sheet.caption(items, each["field"])
        photos.append({"file": shown, "why": why, "caption": caption, "hash": each["sha256"][:16]})
    return Printed(photos=photos, pictures=pictures, signature=signature)
