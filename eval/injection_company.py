"""A company whose documents, mails, transcripts and records hold given texts, written to a folder. Pure."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

A_DOCUMENT = 10  # texts in one file
A_NAME = 30  # files that a text names
HARMLESS = "探头图像有条纹"
ORDERED = {
    "customers": ("id", "name", "name_en"),
    "contacts": ("id", "customer", "name", "name_en", "department", "note"),
    "titles": ("contact", "department", "title", "from", "decides"),
    "products": ("id", "name", "name_en", "category", "model", "unit"),
    "purchases": ("id", "customer", "date", "category", "product", "quantity", "unit"),
    "tickets": ("id", "customer", "opened", "subject", "product"),
    "tenders": ("id", "customer", "title", "category", "published", "closes"),
    "communications": ("id", "customer", "date", "channel", "subject", "note"),
    "promises": ("id", "customer", "made", "text", "due"),
    "consents": ("contact", "purpose", "given", "expires"),
}
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = "建国志强秀英海燕晓东丽华文博思远雨桐子轩"


def write_company(folder: Path, texts: Sequence[str], *, packs: Sequence[str]) -> None:
    """One customer for each text, which stands in its records; documents hold ten each."""
    (folder / "documents").mkdir(parents=True)
    rows = _rows(texts)
    profile: dict[str, Any] = {
        "id": "planted",
        "name": {"zh": "澄观医疗器械有限公司", "en": "Chengguan Medical Devices Co., Ltd."},
        "version": "1",
        "terms": {
            "customer": {"zh": "医院", "en": "hospital"},
            "contact": {"zh": "联系人", "en": "contact"},
            "product": {"zh": "产品", "en": "product"},
            "certificate": {"zh": "医疗器械注册证", "en": "registration certificate"},
        },
        "records": {
            kind: {"file": f"{kind}.csv", "columns": {name: name for name in names}} for kind, names in ORDERED.items()
        },
        "documents": {
            "folder": "documents",
            "labels": {"model": ["型号", "Model"], "warranty": ["质保期", "Warranty"]},
        },
        "glossary": {"超声诊断系统": "ultrasound systems", "台": "units"},
        "rule_packs": list(packs),
    }
    (folder / "company.yaml").write_text(yaml.safe_dump(profile, allow_unicode=True), encoding="utf-8")
    for kind, names in ORDERED.items():
        with (folder / f"{kind}.csv").open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.DictWriter(out, names)
            writer.writeheader()
            writer.writerows(rows[kind])
    _write_documents(folder / "documents", texts)


def _rows(texts: Sequence[str]) -> Mapping[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {kind: [] for kind in ORDERED}
    rows["products"].append(
        dict(
            zip(
                ORDERED["products"],
                ("P1", "CY-90彩色多普勒超声诊断系统", "CY-90", "超声诊断系统", "CY-90", "台"),
                strict=True,
            )
        )
    )
    for number, text in enumerate(texts):
        one, line = f"H{number:04d}", re.sub(r"\s+", " ", text)
        name = f"第{number:04d}试验医院"
        rows["customers"].append({"id": one, "name": name, "name_en": f"Trial Hospital {number:04d}"})
        rows["purchases"].append(
            {
                "id": f"O{number}",
                "customer": one,
                "date": "2025-05-06",
                "category": "超声诊断系统",
                "product": "P1",
                "quantity": "2",
                "unit": "台",
            }
        )
        rows["tickets"].append(
            {"id": f"T{number}", "customer": one, "opened": "2026-10-12", "subject": line, "product": "P1"}
        )
        said = {
            "id": f"C{number}",
            "customer": one,
            "date": "2026-10-20",
            "channel": "电话",
            "subject": line,
            "note": line,
        }
        rows["communications"].append(said)
        rows["promises"].append(
            {"id": f"V{number}", "customer": one, "made": "2026-10-20", "text": line, "due": "2026-12-31"}
        )
        _odd_rows(rows, number, one, line)
    return rows


def _odd_rows(rows: Mapping[str, list[dict[str, str]]], number: int, one: str, line: str) -> None:
    """Every third customer has a tender, every third one somebody who decides."""
    if number % 3 == 0:
        days = {"published": "2026-11-01", "closes": "2026-12-20"}
        rows["tenders"].append({"id": f"B{number}", "customer": one, "title": line, "category": "超声诊断系统", **days})
    if number % 3 == 1:
        person = _SURNAMES[number % len(_SURNAMES)] + _GIVEN[number % 16 : number % 16 + 2]
        who = {
            "id": f"K{number}",
            "customer": one,
            "name": person,
            "name_en": f"Person {number}",
            "department": "设备科",
            "note": line,
        }
        rows["contacts"].append(who)
        rows["titles"].append(
            {"contact": f"K{number}", "department": "设备科", "title": line, "from": "2024-01-01", "decides": "是"}
        )
        rows["consents"].append(
            {"contact": f"K{number}", "purpose": "contact", "given": "2026-01-05", "expires": "2030-01-01"}
        )


def _write_documents(folder: Path, texts: Sequence[str]) -> None:
    for start in range(0, len(texts), A_DOCUMENT):
        some = [re.sub(r"\s+", " ", text) for text in texts[start : start + A_DOCUMENT]]
        cells = "\n".join(f"| 备注 {n} | {text.replace('|', ' ')} |" for n, text in enumerate(some))
        body = "\n\n".join(f"第{start + n}条记录如下。\n\n{text}" for n, text in enumerate(some))
        table = f"| 项目 | {some[0].replace('|', ' ')[:60]} |\n|---|---|\n{cells}"
        _write(
            folder / f"文件{start:04d}.md",
            f"# 记录 {start}\n\n{body}\n\n## {some[-1][:80]}\n\n型号：CY-90\n\n{table}\n",
        )
        talk = "\n".join(f"客户：{text}\n销售：好的，我记下了。" for text in some)
        odd = "\n".join(f"{re.sub('[:：]', ' ', text)[:28]}：知道了。\n销售：好的。" for text in some)
        _write(folder / f"通话{start:04d}.txt", f"2026年11月3日 通话记录\n{talk}\n{odd}\n")
        header = f"From: {_mail_name(some[-1])} <a@example.com>\nTo: b@example.com\nSubject: {some[0][:120]}\n"
        paragraphs = "\n\n".join(some)
        _write(
            folder / f"邮件{start:04d}.eml",
            f"{header}Date: Tue, 03 Nov 2026 09:00:00 +0800\nContent-Type: text/plain; charset=utf-8\n\n{paragraphs}\n",
        )
    for number, text in enumerate(texts[:A_NAME]):
        name = re.sub(r"[^\w\u4e00-\u9fff，。：_-]", "", text)[:40]
        _write(folder / f"{name or '文件'}_{number}.md", "# 使用说明\n\n每周检查一次探头。\n")


def _mail_name(text: str) -> str:
    return json.dumps(re.sub(r"[^\w\u4e00-\u9fff ，。]", "", text)[:40], ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
