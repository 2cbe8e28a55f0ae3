"""A fictional distributor of bearings starts with Xinyan: no Python, only the folder that it has."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from openpyxl import Workbook

from assistant.new_company import new_company
from governance.db import metadata, open_engine, reading
from governance.errors import Conflict, Invalid, NotFound
from governance.vault import open_vault
from rag.company import DOCUMENT_RELATIONS, RECORD_FIELDS, load_company
from rag.facts import facts_about
from rag.mapping_proposal import load_headers
from rag.pipeline import ingest

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def table(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def bearings(folder: Path) -> Path:
    """Exports with column names, encodings and places of their own, and two documents."""
    exports, documents = folder / "导出" / "2026", folder / "资料" / "产品"
    exports.mkdir(parents=True)
    documents.mkdir(parents=True)
    customers = table(
        "往来单位编码,单位全称,简称,所在城市,信用额度",
        "W001,明州重型机械有限公司,明州重机,明州,500000",
        "W002,海岳风电设备有限公司,海岳风电,海岳,800000",
        "W003,南屏造纸有限公司,南屏纸业,南屏,200000",
    )
    (exports / "往来单位.csv").write_bytes(customers.encode("gb18030"))
    contacts = [
        {"人员编号": "R01", "往来单位编码": "W001", "姓名": "田禾", "部门": "设备部", "手机号码": "19900001001"},
        {"人员编号": "R02", "往来单位编码": "W002", "姓名": "路遥远", "部门": "采购部", "手机号码": "19900001002"},
    ]
    (exports / "通讯录.json").write_text(json.dumps(contacts, ensure_ascii=False), encoding="utf-8")
    posts = table("人员编号,岗位,到任日期,离任日期", "R01,设备部部长,2025/6/1,", "R02,采购员,2024-03-01,")
    (exports / "岗位.csv").write_text(posts, encoding="utf-8-sig")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "出货"
    sheet.append(["单据编号", "购货单位", "出库日期", "产品线", "货号", "件数", "计量单位", "价税合计", "业务员"])
    sheet.append(["X-1", "W001", date(2025, 4, 2), "深沟球轴承", "B6205", 400, "套", 18000, "江一"])
    sheet.append(["X-2", "W001", date(2026, 2, 9), "圆锥滚子轴承", "B32210", 60, "套", 9600, "江一"])
    sheet.append(["X-3", "W002", date(2026, 5, 20), "深沟球轴承", "B6205", 120, "套", 5400, "江二"])
    book.save(exports / "出货明细.xlsx")
    goods = table(
        "货号;品名;产品大类;牌号",
        "B6205;深沟球轴承6205;深沟球轴承;6205-2RS",
        "B32210;圆锥滚子轴承32210;圆锥滚子轴承;32210",
    )
    (exports / "物料.csv").write_text(goods, encoding="utf-8")
    consents = table("人员编号,授权用途,签署日期,到期日期", "R01,contact,2026-01-05,2027-01-04")
    (exports / "联系授权.csv").write_text(consents, encoding="utf-8")
    lines = ["# 深沟球轴承6205 资料", "产品名称：深沟球轴承6205", "合格证编号：ZC-HG-2025-0117"]
    lines += ["有效期至：2028-03-31", "保修期：12个月"]
    (documents / "6205.md").write_text("\n\n".join(lines), encoding="utf-8")
    second = table(
        "圆锥滚子轴承32210 说明",
        "产品名称：圆锥滚子轴承32210",
        "合格证编号：ZC-HG-2024-0032",
        "保修期：18个月",
        "适用工况：用于承受径向和轴向联合载荷的场合",
        "润滑方式：脂润滑",
    )
    (documents / "32210.txt").write_bytes(second.encode("gb18030"))
    return folder


def test_a_distributor_of_bearings_gets_a_profile_that_loads(tmp_path: Path) -> None:
    proposal = new_company(bearings(tmp_path / "zhiyuan-bearings"), "致远轴承有限公司")
    company = load_company(tmp_path / "zhiyuan-bearings")
    records = company.file.records
    assert company.name("zh") == "致远轴承有限公司"
    assert company.id == "zhiyuan-bearings"
    assert set(records) == {"customers", "contacts", "titles", "products", "purchases", "consents"}
    assert records["customers"].file == "导出/2026/往来单位.csv"
    assert records["customers"].columns == {
        "id": "往来单位编码", "name": "单位全称", "aliases": "简称", "region": "所在城市",
    }  # fmt: skip
    assert records["purchases"].sheet == "出货"
    assert records["purchases"].columns == {
        "id": "单据编号", "customer": "购货单位", "date": "出库日期", "category": "产品线", "product": "货号",
        "quantity": "件数", "unit": "计量单位", "amount": "价税合计",
    }  # fmt: skip
    assert records["products"].columns == {"id": "货号", "name": "品名", "category": "产品大类", "model": "牌号"}
    assert records["titles"].columns == {"contact": "人员编号", "title": "岗位", "from": "到任日期", "to": "离任日期"}
    assert records["consents"].columns["expires"] == "到期日期"
    assert company.file.decision_titles == ["设备部部长"]
    assert proposal.documents == 2


def test_documents_give_their_folder_labels_and_the_form_of_certificates(tmp_path: Path) -> None:
    new_company(bearings(tmp_path / "b"))
    documents = load_company(tmp_path / "b").file.documents
    assert documents.folder == "资料/产品"
    assert documents.labels == {
        "product": ["产品名称"], "certificate": ["合格证编号"], "certificate_until": ["有效期至"],
        "scope": ["适用工况"], "warranty": ["保修期"],
    }  # fmt: skip
    assert documents.certificate_pattern == r"ZC\-HG\-\d{4}\-\d{4}"
    assert load_company(tmp_path / "b").term("certificate", "zh") == "合格证"


def test_every_column_has_its_confidence_and_unused_ones_are_listed(tmp_path: Path) -> None:
    text = new_company(bearings(tmp_path / "b")).text
    assert "id: 单据编号  # 0.98" in text
    assert "columns not used: 信用额度" in text
    assert "columns not used: 业务员" in text
    assert "no export of tenders" in text


def test_the_medical_rules_are_not_in_force_for_bearings(tmp_path: Path) -> None:
    new_company(bearings(tmp_path / "b"))
    assert "cn-medical-device" not in load_company(tmp_path / "b").file.rule_packs


@pytest.mark.slow
def test_the_proposed_profile_feeds_facts_from_records_and_documents(tmp_path: Path) -> None:
    folder = bearings(tmp_path / "b")
    new_company(folder)
    db, vault = open_engine(f"sqlite:///{tmp_path / 't.db'}"), open_vault(tmp_path / "keys")
    metadata.create_all(db)
    report = ingest(db, vault, load_company(folder), now=NOW)
    assert [problem.error.say("en") for problem in report.problems] == []
    with reading(db) as tx:
        bought = facts_about(tx, "customer:W001", as_of=None, relation="bought")
        stated = {fact.relation: fact.value for fact in facts_about(tx, "product:B6205", as_of=None)}
    assert {fact.value for fact in bought} == {"X-1", "X-2"}
    assert stated["certificate"] == "ZC-HG-2025-0117"
    assert stated["warranty"] == "12"


def test_an_existing_profile_is_never_overwritten_unless_asked(tmp_path: Path) -> None:
    folder = bearings(tmp_path / "b")
    (folder / "company.yaml").write_text("mine: true\n", encoding="utf-8")
    with pytest.raises(Conflict):
        new_company(folder)
    assert (folder / "company.yaml").read_text(encoding="utf-8") == "mine: true\n"
    new_company(folder, overwrite=True)
    assert load_company(folder).file.records


def test_nothing_but_company_yaml_is_written(tmp_path: Path) -> None:
    folder = bearings(tmp_path / "b")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    new_company(folder)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert set(after) - set(before) == {folder / "company.yaml"}
    assert all(after[path] == content for path, content in before.items())


def test_a_missing_folder_an_empty_one_and_one_of_broken_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        new_company(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match="is empty"):
        new_company(tmp_path / "empty")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.xlsx").write_bytes(b"")
    with pytest.raises(Invalid, match=r"unreadable: a\.xlsx"):
        new_company(tmp_path / "broken")
    assert not (tmp_path / "broken" / "company.yaml").exists()


def test_an_unreadable_file_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = bearings(tmp_path / "b")
    (folder / "资料" / "扫描.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "导出" / "旧.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    proposal = new_company(folder)
    assert len(load_company(folder).file.records) == 6
    said = proposal.say("zh")
    assert "扫描.pdf" in said
    assert "旧.xls" in said
    assert "xlsx" in proposal.say("en")


def test_a_column_that_only_resembles_is_marked_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "客户.csv").write_text("内部客户编号X,全部客户名称表\nA1,明州重机\nA2,海岳风电\n", encoding="utf-8")
    text = new_company(tmp_path).text
    assert "请核对 / please check" in next(line for line in text.splitlines() if "内部客户编号X" in line)


def test_a_table_without_a_required_column_is_proposed_as_a_comment(tmp_path: Path) -> None:
    (tmp_path / "客户.csv").write_text("客户编号,客户名称\nA1,明州重机\nA2,海岳风电\n", encoding="utf-8")
    (tmp_path / "招标.csv").write_text("招标编号,客户编号,项目名称\nT1,A1,轴承年度采购\n", encoding="utf-8")
    proposal = new_company(tmp_path)
    assert set(load_company(tmp_path).file.records) == {"customers"}
    assert any("published" in each.en and "records.tenders.columns" in each.en for each in proposal.open)
    assert "# tenders:" in proposal.text


def test_customers_without_ids_are_identified_by_the_name_that_orders_refer_to(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("Customer name,City\nNorth Mill Ltd,Leeds\nEast Paper Ltd,Hull\n")
    (tmp_path / "orders.csv").write_text(
        "Order no,Customer,Order date,Product line,Qty\n1,North Mill Ltd,2026-01-05,ball bearings,40\n"
        "2,East Paper Ltd,2026-02-05,roller bearings,8\n"
    )
    new_company(tmp_path)
    records = load_company(tmp_path).file.records
    assert records["customers"].columns["id"] == records["customers"].columns["name"] == "Customer name"
    assert records["purchases"].columns["customer"] == "Customer"


def test_orders_that_name_the_customer_beside_a_code_nobody_uses_make_the_name_the_id(tmp_path: Path) -> None:
    (tmp_path / "客户.csv").write_text("客户编号,客户名称\nA1,明州重机\nA2,海岳风电\n", encoding="utf-8")
    (tmp_path / "订单.csv").write_text(
        "订单号,客户,订单日期,品类\n1,明州重机,2026-01-05,轴承\n2,海岳风电,2026-01-06,轴承\n", encoding="utf-8"
    )
    new_company(tmp_path)
    assert load_company(tmp_path).file.records["customers"].columns["id"] == "客户名称"


def test_titles_may_lie_in_the_table_of_contacts(tmp_path: Path) -> None:
    (tmp_path / "客户.csv").write_text("客户编号,客户名称\nA1,明州重机\nA2,海岳风电\n", encoding="utf-8")
    (tmp_path / "联系人.csv").write_text(
        "联系人编号,客户编号,姓名,职务,任职日期\nK1,A1,田禾,设备部部长,2025-06-01\nK2,A2,路远,采购部经理,2024-03-01\n",
        encoding="utf-8",
    )
    new_company(tmp_path)
    company = load_company(tmp_path)
    assert company.file.records["titles"].columns == {"contact": "联系人编号", "title": "职务", "from": "任职日期"}
    assert company.file.decision_titles == ["设备部部长", "采购部经理"]


def test_documents_beside_the_exports_are_to_be_moved(tmp_path: Path) -> None:
    (tmp_path / "客户.csv").write_text("客户编号,客户名称\nA1,明州重机\nA2,海岳风电\n", encoding="utf-8")
    (tmp_path / "说明.md").write_text("# 说明\n\n保修期：12个月\n", encoding="utf-8")
    proposal = new_company(tmp_path)
    assert load_company(tmp_path).file.documents.folder == "documents"
    assert any("说明.md" in each.zh for each in proposal.open)


def test_odd_headers_and_names_never_break_the_file(tmp_path: Path) -> None:
    header = "客户编号,客户名称,简称: 'x' #1,地区[省]\nA1,甲,乙,丙\nA2,丁,戊,己\n"
    (tmp_path / "客户 #1.csv").write_text(header, encoding="utf-8")
    new_company(tmp_path, 'A: "B" #C {d}')
    company = load_company(tmp_path)
    assert company.name("zh") == 'A: "B" #C {d}'
    assert company.file.records["customers"].file == "客户 #1.csv"


def test_the_synonyms_name_only_kinds_fields_and_relations_that_exist() -> None:
    headers = load_headers()
    assert set(headers.kinds) == set(RECORD_FIELDS)
    for kind, names in headers.kinds.items():
        assert set(names.fields) == {field for group in RECORD_FIELDS[kind] for field in group}
    assert set(headers.labels) == set(DOCUMENT_RELATIONS)


def test_the_text_reads_back_as_yaml(tmp_path: Path) -> None:
    assert yaml.safe_load(new_company(bearings(tmp_path / "b")).text)["phrase_book"] == "phrases.yaml"
