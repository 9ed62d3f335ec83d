"""A made-up operating unit in the form that companies export, with the mess that they export too.

County, streets and people are invented; the same seed writes the same region. `truth.json`
names what was planted, by kind, so that an import can be judged by it.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from math import cos, radians
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import xlsxwriter

from runtime.geo import to_gcj02
from schemas.base import Place

HEADERS = {
    "premises": "户号,户名,联系电话,用气地址,客户类别,网格,经度,纬度,坐标系,表号,表型,表具启用日期,"
    "首次通气日期,上次安检日期,上次安检结果",
    "technicians": "工号,姓名,联系电话,服务站,技能,证书有效期,驻地经度,驻地纬度,坐标系,上班,下班,"
    "午休,负责网格,交通工具",
    "requests": "受理单号,受理时间,渠道,业务类型,户号,描述,预约时段,购买日期",
}
COUNTY = "青浦原市云泽县"
TOWNS = (
    ("云泽", 31.402, 113.702, 0.58),
    ("石桥", 31.318, 113.846, 0.27),
    ("柳渡", 31.497, 113.868, 0.15),
)
"""Name, latitude, longitude (WGS-84) and share of all premises."""
SIDES = (("东", 0.0, 1.0), ("南", -1.0, 0.0), ("西", 0.0, -1.0), ("北", 1.0, 0.0))
ESTATES = (
    "枫林",
    "望湖",
    "澄园",
    "金穗",
    "白鹭",
    "听雨",
    "南风",
    "竹溪",
    "和光",
    "启明",
    "芳洲",
    "长堤",
)
VILLAGES = (
    "沙坝",
    "杏花",
    "小河",
    "上湾",
    "九里",
    "桥头",
    "塘边",
    "松岗",
    "新窑",
    "大田",
    "三棵树",
    "石磨",
)
SHOPS = ("小厨", "豆花店", "包子铺", "烧烤", "洗衣房", "客栈", "火锅")
FAMILIES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
RESULTS = ("合格",) * 16 + ("存在隐患", "存在隐患", "现场整改合格", "到访不遇")
SHARES = {
    "inspected_in_future": 0.003,
    "row_repeated": 0.0014,
    "never_inspected": 0.002,
    "coordinates_missing": 0.004,
    "address_fullwidth": 0.0045,
    "class_unknown": 0.0012,
    "coordinates_zero": 0.0009,
    "date_excel_serial": 0.004,
    "account_two_addresses": 0.0011,
    "coordinates_swapped": 0.0022,
}
"""How often each mess befalls an account; at least once in any region that has room for it."""
CYCLE_DAYS = {"居民": 730, "非居民": 365, "农村管道": 182}
SKILLS = ("repair", "ignition", "appliance_install", "alteration", "emergency", "non_resident")
KINDS = {
    "户内维修": 28,
    "预约安检": 22,
    "燃气具安装": 18,
    "拆改迁": 10,
    "置换通气": 8,
    "退款": 6,
    "投诉": 5,
    "泄漏抢险": 3,
}
TROUBLES = {
    "户内维修": ("灶具打不着火", "燃气表不显示", "阀门漏油", "热水器时断时续"),
    "泄漏抢险": ("厨房有燃气味", "报警器一直响"),
    "投诉": ("上门迟到", "电话打不通"),
}
CHANNELS = ("热线", "营业厅", "网上营业厅", "微信公众号")
HOURS = ("09:00-11:00", "14:00-16:00", "18:00-20:00")
EXCEL_EPOCH = date(1899, 12, 30)
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
DEGREE_METRES = 111_200.0


class Size(NamedTuple):
    """How much of everything."""

    premises: int = 3_000
    technicians: int = 12
    requests: int = 120


class Town(NamedTuple):
    """A town with its middle and its grids."""

    name: str
    middle: Place
    urban: tuple[str, ...]
    rural: tuple[str, ...]


def write_region(folder: Path, *, size: Size, seed: int, as_of: date) -> dict[str, Any]:
    """Writes the four files and `truth.json`; returns the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(size, seed=seed, as_of=as_of)
    writer.premises(folder)
    writer.technicians(folder / "technicians.xlsx")
    writer.requests(folder / "requests.csv")
    truth = writer.truth()
    (folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1), "utf-8")
    return truth


class _Writer:
    def __init__(self, size: Size, *, seed: int, as_of: date) -> None:
        # the region is a story, not a secret
        self._random = Random(seed)  # nosec B311
        self._size, self._seed, self._as_of = size, seed, as_of
        self._towns = [_town(each[0], latitude=each[1], longitude=each[2]) for each in TOWNS]
        self._planted: dict[str, list[str]] = {}
        self._rows = 0
        self._grids: set[str] = set()
        self._mess = self._plan_mess()

    def truth(self) -> dict[str, Any]:
        """What was planted, and how much there is of everything."""
        return {
            "seed": self._seed,
            "asof": self._as_of.isoformat(),
            "planted": {kind: sorted(keys) for kind, keys in self._planted.items()},
            "counts": {
                "premises_rows": self._rows,
                "premises_distinct": self._size.premises,
                "technicians": self._size.technicians,
                "requests": self._size.requests,
                "grids": len(self._grids),
            },
        }

    def premises(self, folder: Path) -> None:
        """Half the premises in each of the two encodings that companies use."""
        half = self._size.premises // 2
        halves = ((1, range(half), "gb18030"), (2, range(half, self._size.premises), "utf-8-sig"))
        for number, indexes, encoding in halves:
            rows = (row for index in indexes for row in self._household(index))
            _csv(folder / f"premises-{number}.csv", "premises", rows=rows, encoding=encoding)

    def technicians(self, path: Path) -> None:
        """People near their grids, one of each station able to do everything."""
        expired = set(self._some(range(self._size.technicians), 0.08))
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet("人员")
            sheet.write_row(0, 0, HEADERS["technicians"].split(","))
            for index in range(self._size.technicians):
                row = self._technician(index, expired=index in expired)
                for column, value in enumerate(row):
                    sheet.write_string(index + 1, column, value)

    def requests(self, path: Path) -> None:
        """A week of requests in the order they came in."""
        strangers = set(self._some(range(self._size.requests), 0.014))
        minutes = sorted(self._random.randrange(7 * 24 * 60) for _ in range(self._size.requests))
        first = datetime.combine(self._as_of - timedelta(days=6), time())
        rows = (
            self._request(index, first + timedelta(minutes=minute), stranger=index in strangers)
            for index, minute in enumerate(minutes)
        )
        _csv(path, "requests", rows=rows, encoding="gb18030")

    def _plan_mess(self) -> dict[int, str]:
        """Each account has one trouble at most, so that every count can be told from the others."""
        wanted = {kind: max(1, round(self._size.premises * s)) for kind, s in SHARES.items()}
        room = min(sum(wanted.values()), self._size.premises)
        chosen = self._random.sample(range(self._size.premises), room)
        kinds = [kind for kind, count in wanted.items() for _ in range(count)]
        return dict(zip(chosen, kinds, strict=False))

    def _some(self, among: Sequence[int], share: float) -> list[int]:
        count = min(len(among), max(1, round(len(among) * share)))
        return self._random.sample(among, count)

    def _plant(self, kind: str, key: str) -> None:
        self._planted.setdefault(kind, []).append(key)

    def _household(self, index: int) -> Iterator[list[str]]:
        row = self._clean_household(index)
        mess = self._mess.get(index)
        if mess is not None:
            self._plant(mess, row[0])
            self._spoil(row, mess)
        self._rows += 1
        yield row
        if mess == "row_repeated":
            self._rows += 1
            yield row
        if mess == "account_two_addresses":
            self._rows += 1
            yield [*row[:3], f"{row[3]}(旧址)", *row[4:]]

    def _clean_household(self, index: int) -> list[str]:
        draw = self._random
        town = draw.choices(self._towns, [share for *_, share in TOWNS])[0]
        customer_class = draw.choices(("居民", "农村管道", "非居民"), (58, 35, 7))[0]
        address, grid, place = self._home(town, customer_class)
        self._grids.add(grid)
        gas_on = self._as_of - timedelta(days=draw.randrange(800, 5_500))
        # a little over the cycle, so that some are overdue as they are in life
        since = draw.randrange(1, round(CYCLE_DAYS[customer_class] * 1.02))
        person = draw.choice(FAMILIES)
        shop = customer_class == "非居民"
        return [
            f"YZ{self._seed % 10}{index:07d}",
            f"{person}记{draw.choice(SHOPS)}"
            if shop
            else f"{person}{draw.choice(('女士', '先生'))}",
            f"1990{draw.randrange(10**7):07d}",
            f"{COUNTY}{address}",
            customer_class,
            grid,
            *_coordinates(place, gcj02=draw.random() < 0.3),
            f"B{draw.randrange(10**10):010d}",
            draw.choice(("G10", "G16", "G25")) if shop else draw.choice(("G2.5", "G4")),
            (gas_on + timedelta(days=draw.randrange(500))).isoformat(),
            gas_on.isoformat(),
            (self._as_of - timedelta(days=since)).isoformat(),
            draw.choice(RESULTS),
        ]

    def _home(self, town: Town, customer_class: str) -> tuple[str, str, Place]:
        draw = self._random
        if customer_class == "农村管道":
            number = draw.randrange(len(town.rural))
            name = VILLAGES[(number * 5 + draw.randrange(3)) % len(VILLAGES)]
            middle = _moved(town.middle, _village(number))
            return (
                f"{town.name}镇{name}村{draw.randrange(1, 220)}号",
                town.rural[number],
                self._near(middle, 700),
            )
        side = draw.randrange(len(SIDES))
        estate = draw.randrange(3)
        _, north, east = SIDES[side]
        block = (1_100 + 420 * estate, 380 * (estate - 1))
        middle = _moved(
            town.middle, (north * block[0] + east * block[1], east * block[0] + north * block[1])
        )
        name = f"{town.name}镇{ESTATES[side * 3 + estate]}小区"
        if customer_class == "非居民":
            name += f"商铺{draw.randrange(1, 60)}号"
        else:
            floor, door = draw.randrange(1, 18), draw.randrange(1, 5)
            name += f"{draw.randrange(1, 24)}号楼{draw.randrange(1, 5)}单元{floor}0{door}室"
        return name, town.urban[side], self._near(middle, 180)

    def _near(self, middle: Place, metres: float) -> Place:
        return _moved(
            middle, (self._random.gauss(0, metres / 2), self._random.gauss(0, metres / 2))
        )

    def _spoil(self, row: list[str], mess: str) -> None:
        if mess == "inspected_in_future":
            row[13] = (self._as_of + timedelta(days=self._random.randrange(20, 330))).isoformat()
        elif mess == "never_inspected":
            row[13] = ""
        elif mess == "coordinates_missing":
            row[6] = row[7] = ""
        elif mess == "coordinates_zero":
            row[6] = row[7] = "0"
        elif mess == "coordinates_swapped":
            row[6], row[7] = row[7], row[6]
        elif mess == "address_fullwidth":
            row[3] = row[3].translate(WIDE)
        elif mess == "class_unknown":
            row[4] = "居 民"
        elif mess == "date_excel_serial":
            row[13] = str((date.fromisoformat(row[13]) - EXCEL_EPOCH).days)

    def _technician(self, index: int, *, expired: bool) -> list[str]:
        draw = self._random
        station = _station(index, self._size.technicians)
        town = self._towns[station]
        before = [_station(each, self._size.technicians) for each in range(index)].count(station)
        # the first of a station goes everywhere and can do everything, so that no work is stranded
        able = SKILLS if before == 0 else draw.sample(SKILLS, draw.randrange(2, 5))
        rural = before % 2 == 1
        until = self._as_of + timedelta(days=draw.randrange(90, 900))
        if expired:
            until = self._as_of - timedelta(days=draw.randrange(1, 60))
            self._plant("certificate_expired", f"W{index + 1:03d}")
        early = index % 3 == 0
        grids = town.rural if rural else town.urban
        if before == 0:
            grids = town.urban + town.rural
        return [
            f"W{index + 1:03d}",
            f"{draw.choice(FAMILIES)}师傅",
            f"1990100{index:04d}",
            f"{town.name}服务站",
            ";".join(("inspection", *able)),
            until.isoformat(),
            *_coordinates(self._near(town.middle, 3_000), gcj02=False),
            "07:30" if early else "08:00",
            "16:30" if early else "17:30",
            "12:00-13:00",
            ";".join(grids),
            draw.choice(("摩托车", "汽车")) if rural else draw.choice(("电动车", "汽车")),
        ]

    def _request(self, index: int, received: datetime, *, stranger: bool) -> list[str]:
        draw = self._random
        number = f"Q{index + 1:05d}"
        kind = draw.choices(tuple(KINDS), tuple(KINDS.values()))[0]
        account = f"YZ{self._seed % 10}{draw.randrange(self._size.premises):07d}"
        if stranger:
            account = f"YZ{self._seed % 10}9{draw.randrange(10**6):06d}"
            self._plant("request_unknown_account", number)
        window = ""
        if kind != "泄漏抢险" and draw.random() < 0.6:
            day = received.date() + timedelta(days=draw.randrange(1, 4))
            window = f"{day} {draw.choice(HOURS)}"
        bought = received.date() - timedelta(days=draw.randrange(3))
        return [
            number,
            received.strftime("%Y-%m-%d %H:%M"),
            draw.choice(CHANNELS),
            kind,
            account,
            draw.choice(TROUBLES.get(kind, ("",))),
            window,
            bought.isoformat() if kind == "燃气具安装" else "",
        ]


def _town(name: str, *, latitude: float, longitude: float) -> Town:
    return Town(
        name=name,
        middle=Place(latitude=latitude, longitude=longitude),
        urban=tuple(f"{name}-{side}" for side, *_ in SIDES),
        rural=tuple(f"{name}-乡村{number}" for number in range(1, 5)),
    )


def _village(number: int) -> tuple[float, float]:
    """Metres north and east of the town: villages lie on its diagonals."""
    return (
        5_200 * (1 if number in (0, 1) else -1),
        4_600 * (1 if number in (0, 2) else -1),
    )


def _station(index: int, technicians: int) -> int:
    """Which town a technician serves, in proportion to the premises there."""
    at, reached = (index + 0.5) / technicians, 0.0
    for number, (*_, share) in enumerate(TOWNS):
        reached += share
        if at < reached:
            return number
    return len(TOWNS) - 1


def _moved(place: Place, by: tuple[float, float]) -> Place:
    metres_north, metres_east = by
    across = DEGREE_METRES * cos(radians(place.latitude))
    return Place(
        latitude=place.latitude + metres_north / DEGREE_METRES,
        longitude=place.longitude + metres_east / across,
    )


def _coordinates(place: Place, *, gcj02: bool) -> tuple[str, str, str]:
    shown = to_gcj02(place) if gcj02 else place
    datum = "GCJ02" if gcj02 else "WGS84"
    return f"{shown.longitude:.6f}", f"{shown.latitude:.6f}", datum


def _csv(path: Path, name: str, *, rows: Iterator[list[str]], encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS[name].split(","))
        writer.writerows(rows)
