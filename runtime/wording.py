"""What a customer reads: short, in Chinese, without names or addresses."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
OUTCOMES = {
    "field_done": "已完成",
    "no_access": "因无人应答未能进行，我们将再次与您预约",
    "refused": "已按您的意见未进行",
    "not_done": "本次未能完成，我们将再次与您联系",
}


def text(kind: str, told: dict[str, Any], *, work: str = "上门服务") -> str:
    """The text of a notification to a customer about `work`, the business in its own words; what is
    not known is left out, never guessed."""
    number = told.get("work_order") or ""
    if kind == "visit.booked":
        return f"【到家】您的{work}（{number}）已安排在{_when(told)}上门，如需改期请联系我们。"
    if kind == "visit.on_the_way":
        return f"【到家】{work}（{number}）的工作人员正在前往您处，请留意来访并核验工作证。"
    if kind == "visit.arrived":
        return f"【到家】{work}（{number}）的工作人员已到达，请核验工作证后开门。"
    outcome = OUTCOMES.get(told.get("outcome") or "", "已结束")
    return f"【到家】您的{work}（{number}）{outcome}。"


def _when(told: dict[str, Any]) -> str:
    opens = datetime.fromisoformat(told["at"]).astimezone(ZONE)
    closes = datetime.fromisoformat(told["until"]).astimezone(ZONE)
    return f"{opens.month}月{opens.day}日{opens:%H:%M}至{closes:%H:%M}"
