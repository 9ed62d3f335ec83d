"""Collects what was not as it should be while files are read."""

from schemas.registry import FINDING_KINDS, Done, Finding

SENTENCES: dict[str, tuple[str, str]] = {
    "account_two_addresses": (
        "同一户号有两个地址，先出现的已采用，这一行请人工核实。",
        "This account has two addresses; the first row stands, this one waits for a person.",
    ),
    "address_fullwidth": (
        "地址中的全角字符已改为半角。",
        "Full-width letters or digits in the address were made plain.",
    ),
    "certificate_expired": (
        "证书已过期，换证前不派工。",
        "The certificate has expired; no work until it is renewed.",
    ),
    "class_unknown": (
        "客户类别无法识别，请人工指定。",
        "The customer class is not known; a person has to name it.",
    ),
    "coordinates_missing": (
        "没有坐标，等待地理编码。",
        "There are no coordinates; waiting to be geocoded.",
    ),
    "coordinates_swapped": (
        "经纬度颠倒，已对调。",
        "Longitude and latitude stood in each other's place and were put right.",
    ),
    "coordinates_zero": (
        "坐标为零，等待地理编码。",
        "The coordinates are zero; waiting to be geocoded.",
    ),
    "date_excel_serial": (
        "日期是表格序列号，已换算。",
        "The date was a spreadsheet's day number and was converted.",
    ),
    "inspected_in_future": (
        "上次安检日期晚于数据日期，不予采信。",
        "The last inspection lies in the future and is not taken as done.",
    ),
    "never_inspected": (
        "没有安检记录，从首次通气起算。",
        "No inspection is on record; the cycle runs from first gas-on.",
    ),
    "request_unknown_account": (
        "户号不存在，请联系客户核实。",
        "No premises have this account; ask the customer.",
    ),
    "row_repeated": ("此行与前面的行完全相同。", "This row is the same as an earlier one."),
    "cell_formula": (
        "单元格是公式，内容未采用。",
        "The cell holds a formula; its content was not taken.",
    ),
    "channel_unknown": (
        "受理渠道无法识别，记为其他。",
        "The channel is not known and is kept as other.",
    ),
    "coordinates_far": (
        "坐标不在本区域内，等待地理编码。",
        "The coordinates lie outside the region; waiting to be geocoded.",
    ),
    "coordinates_unreadable": ("坐标无法读取。", "The coordinates cannot be read."),
    "date_unreadable": ("日期无法读取。", "The date cannot be read."),
    "datum_unknown": (
        "坐标系无法识别，坐标未采用。",
        "The datum is not known; the coordinates were not taken.",
    ),
    "gas_on_in_future": ("首次通气日期晚于数据日期。", "First gas-on lies in the future."),
    "home_repaired": (
        "驻地坐标颠倒，已对调。",
        "The home's coordinates were swapped and put right.",
    ),
    "home_unknown": ("驻地坐标不可用。", "The home's coordinates cannot be used."),
    "key_missing": ("缺少编号，此行未导入。", "The row has no number and was not taken."),
    "kind_unknown": (
        "业务类型无法识别，请人工受理。",
        "The kind of business is not known; a person has to take it in.",
    ),
    "meter_in_future": ("表具启用日期晚于数据日期。", "The meter's first day lies in the future."),
    "number_repeated": (
        "编号重复且内容不同，先出现的已采用。",
        "The number stands twice with other content; the first row stands.",
    ),
    "row_ragged": (
        "此行列数与表头不符，未导入。",
        "The row has other columns than the header and was not taken.",
    ),
    "skill_unknown": ("技能无法识别，未采用。", "The skill is not known and was not taken."),
    "time_unreadable": ("时间无法读取。", "The time cannot be read."),
    "value_unreadable": ("内容不符合要求，未采用。", "The value does not have the form it needs."),
}
GIVEN_CHARACTERS_MAX = 200
SERIOUS = frozenset(FINDING_KINDS)


class Notes:
    """Findings and observations of one reading, in the order they were met."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.observations: list[Finding] = []
        self.file = ""
        self.row = 0
        self.key = ""
        self.kinds: list[str] = []

    def at(self, file: str, row: int, *, key: str) -> None:
        """Names the row that the next notes are about."""
        self.file, self.row, self.key = file, row, key or f"{file}:{row}"
        self.kinds = []

    def add(self, kind: str, *, field: str, given: str, done: Done) -> None:
        """Notes one thing about the row at hand."""
        zh, en = SENTENCES[kind]
        found = Finding(
            kind=kind,
            file=self.file,
            row=self.row,
            key=self.key,
            field=field,
            given=given[:GIVEN_CHARACTERS_MAX],
            done=done,
            zh=zh,
            en=en,
        )
        serious = kind in SERIOUS
        (self.findings if serious else self.observations).append(found)
        if serious:
            self.kinds.append(kind)
