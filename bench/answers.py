"""The answers that every server of the comparison is given: of one size, no two the same."""

import random
from typing import Any

import msgspec

BYTES = 387
_WORDS = [
    "阀门",
    "软管",
    "灶具",
    "报警器",
    "表前阀",
    "立管",
    "厨房",
    "通风",
    "复检",
    "正常",
    "已告知",
    "更换",
    "压力",
    "读数",
    "卡箍",
]


def answers(many: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Sections of a checklist whose JSON is `BYTES` long each; one home in twelve has a hazard."""
    dice = random.Random(seed)
    made = []
    for _ in range(many):
        fields: dict[str, Any] = {
            "R01": True,
            "R02": dice.choices(["match", "mismatch"], [97, 3])[0],
            "R04": round(dice.uniform(0.6, 1.4), 2),
            "R07": round(dice.uniform(10, 9000), 1),
            "R12": dice.choices(["pass", "fail"], [97, 3])[0],
            "R15": dice.choices([["ok"], ["near_wiring"]], [95, 5])[0],
            "R19": f"20{dice.randint(27, 34)}-05-20",
            "note": "",
        }
        while len(msgspec.json.encode(fields)) < BYTES:
            fields["note"] += dice.choice(_WORDS) + str(dice.randint(0, 99))
        while len(msgspec.json.encode(fields)) > BYTES:
            fields["note"] = fields["note"][:-1]
        fields["note"] += "." * (BYTES - len(msgspec.json.encode(fields)))
        made.append(fields)
    return made
