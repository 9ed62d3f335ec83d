"""Triage: smell, alarm or illness goes to the emergency desk, whatever the caller called it."""

from collections.abc import Mapping

SMELL = ("漏气", "泄漏", "气味", "煤气味", "臭味", "异味", "闻到", "嘶嘶")
ALARM = ("报警器响", "报警器一直响", "报警器报警", "一氧化碳")
ILL = ("头晕", "恶心", "昏迷", "中毒", "不舒服")
DENIED = ("没有气味", "无气味", "无异味", "没有异味", "不漏气", "没有漏气", "无漏气")

AT_HOME = frozenset(
    {"repair", "inspection_booking", "appliance_install", "alteration", "relight", "enquiry"}
)
"""Business at a place with gas. A complaint about an old smell keeps its own two clocks."""


def route(kind: str, description: str, *, answers: Mapping[str, bool] | None = None) -> str:
    """`emergency` where an answer or the words say danger, else the kind as given (clauses 4, 12).

    A denial ("no smell") is taken out before words are looked for; in doubt danger wins.
    """
    if kind == "emergency" or any((answers or {}).values()):
        return "emergency"
    if kind not in AT_HOME:
        return kind
    text = description
    for phrase in DENIED:
        text = text.replace(phrase, "")
    alarmed = any(word in text for word in (*SMELL, *ALARM, *ILL))
    return "emergency" if alarmed else kind
