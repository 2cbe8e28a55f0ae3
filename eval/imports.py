"""A generated company with many purchases, for measuring imports; the same seed writes the same bytes."""

import csv
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

CUSTOMERS_HEADER = ("客户编号", "客户名称", "省市")
PURCHASES_HEADER = ("订单号", "客户编号", "订单日期", "品类", "产品编号", "数量", "单位", "金额", "合同号")
FIRST_DAY, DAYS = date(2020, 1, 1), 2_190  # to the end of 2025
_CATEGORIES = ("超声诊断系统", "病人监护仪", "输液泵", "注射泵", "内镜清洗消毒设备", "体外诊断试剂")
_PROFILE = """id: generated
name: {zh: 生成的公司, en: Generated company}
version: "1"
terms:
  customer: {zh: 客户, en: customer}
  contact: {zh: 联系人, en: contact}
  product: {zh: 产品, en: product}
  certificate: {zh: 证书, en: certificate}
records:
  customers:
    file: records/customers.csv
    columns: {id: 客户编号, name: 客户名称, region: 省市}
  purchases:
    file: records/purchases.csv
    columns:
      {id: 订单号, customer: 客户编号, date: 订单日期, category: 品类, product: 产品编号, quantity: 数量,
       unit: 单位, amount: 金额, contract: 合同号}
rule_packs: []
"""


def write_company(folder: Path, *, customers: int, purchases: int, seed: int) -> None:
    """company.yaml and records/: customers.csv and purchases.csv with so many rows."""
    write_profile(folder)
    random_ = random.Random(seed)
    rows = ((f"C{number:05d}", f"客户{number:05d}有限公司", "江苏") for number in range(customers))
    _write(folder / "records" / "customers.csv", CUSTOMERS_HEADER, rows)
    _write(folder / "records" / "purchases.csv", PURCHASES_HEADER, _purchases(random_, customers, purchases))


def write_profile(folder: Path) -> None:
    """company.yaml alone."""
    (folder / "records").mkdir(parents=True, exist_ok=True)
    (folder / "company.yaml").write_text(_PROFILE, encoding="utf-8")


def change_first_row(path: Path) -> None:
    """The export with another amount in its first row: the whole file has other bytes."""
    header, first, rest = path.read_text(encoding="utf-8").split("\n", 2)
    cells = first.split(",")
    cells[PURCHASES_HEADER.index("金额")] = "1"
    path.write_text("\n".join((header, ",".join(cells), rest)), encoding="utf-8")


def ids_of(path: Path) -> list[str]:
    """The first column of a table, without its header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[0] for row in csv.reader(file) if row][1:]


def _purchases(random_: random.Random, customers: int, count: int) -> Iterator[tuple[str, ...]]:
    for number in range(count):
        day = FIRST_DAY + timedelta(days=number * DAYS // count)
        customer, kind = random_.randrange(customers), random_.randrange(len(_CATEGORIES))
        quantity = random_.randint(1, 60)
        amount = quantity * random_.randint(800, 90_000)
        yield (
            f"XS{number:08d}",
            f"C{customer:05d}",
            day.isoformat(),
            _CATEGORIES[kind],
            f"P{kind:02d}",
            str(quantity),
            "台",
            str(amount),
            f"HT-{day.year}-{number:08d}",
        )


def _write(path: Path, header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
