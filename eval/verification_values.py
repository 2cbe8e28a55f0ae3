"""The names and ways of saying values of the made lines of suite `verification`; no split shares a name."""

import random
from dataclasses import dataclass
from datetime import date
from typing import Literal

Lang = Literal["zh", "en"]
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_MONTHS = ("January February March April May June July August September October November December").split()  # noqa: SIM905
_SMALL = "零 一 两 三 四 五 六 七 八 九 十".split()  # noqa: SIM905
_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Pool:
    """The names that the lines of one language and split may use."""

    orgs: tuple[str, ...]
    people: tuple[str, ...]
    titles: tuple[str, ...]
    products: tuple[tuple[str, str], ...]
    units: tuple[str, ...]
    certificates: tuple[str, ...]
    tenders: tuple[str, ...]
    pains: tuple[str, ...]


POOLS: dict[tuple[Lang, str], Pool] = {
    ("zh", "tune"): Pool(
        ("青禾市第一人民医院", "云渚市中医院", "鹤汀市中心医院", "雁汀县人民医院", "岚溪大学附属医院",
         "澄湖市妇幼保健院", "枫屿市第三人民医院", "梅渡市中西医结合医院", "徽原市第一医院", "禾浦区中心医院",
         "松陵县妇幼保健院", "临泽医科大学附属第二医院", "望川市人民医院", "苍屏市肿瘤医院", "白榆市第四医院",
         "南浔河县中医院", "宁屿大学第一附属医院", "泉亭区妇幼保健院",),
        ("王建国", "李思源", "陈晓梅", "赵立平", "孙海燕", "欧阳明", "周文", "许志强", "郑国栋", "林慧敏", "高翔",
         "何雨桐", "谢振华", "诸葛宁", "唐蕾", "韩启明", "冯俊杰", "曹雅琴", "程东升", "罗小燕", "丁浩然",
         "司马青", "彭德华", "邓婉清",),
        ("设备科主任", "采购中心主任", "副院长", "检验科主任", "超声科副主任", "护理部主任", "医学装备部主任",
         "设备科副科长", "院长", "重症医学科主任", "麻醉科护士长", "信息科科长", "医疗设备科科长",
         "招标采购办公室主任", "药剂科副主任", "影像科主任", "总务处处长", "血透室护士长",),
        (("CY-90彩色超声", "台"), ("TM-12监护仪", "台"), ("YD-300输液泵", "台"), ("XP-PCT试剂盒", "盒"),
         ("内镜清洗机", "台"), ("HX-75血液透析机", "台"), ("ZL-8除颤仪", "台"), ("KM-20呼吸机", "套"),
         ("SN-CRP试剂", "盒"), ("便携式心电图机", "台"), ("BR-210超声刀", "台"), ("GS-5血气分析仪", "台"),
         ("LM-77手术无影灯", "套"), ("QT-IL6试剂盒", "盒"), ("移动式DR", "台"),),
        ("台", "套", "盒", "箱",),
        ("国械注准20223061187", "苏械注准20222070456", "国械注进20213060123", "粤械注准20232140877",
         "国械注准20243080551", "浙械注准20212090316", "鲁械注准20212060913", "国械注准20253120046",
         "沪械注准20232180659",),
        ("QHZB", "YZCG", "FYZC", "HPCG", "WCZB", "CPYY",),
        ("探头老化图像不清楚", "输液泵夜里报警太频繁", "监护仪电池掉电快", "清洗机一天要跑满负荷",
         "报告打印经常卡住", "呼吸机备件等了三个星期", "透析机水路老是漏水", "心电图数据导不出来",
         "除颤仪自检常常失败", "试剂到货没有温度记录", "血气仪定标总是超时", "无影灯臂固定不住",
         "移动式DR电池撑不过半天", "超声刀头消耗太大", "试剂批间差异明显",),
    ),
    ("zh", "heldout"): Pool(
        ("汐原市第五人民医院", "乐亭港区人民医院", "青梧市口腔医院", "石门坝镇卫生院", "东岚大学医学院附属医院",
         "海晏市传染病医院",),
        ("潘志远", "夏雪", "贺文斌", "黎小曼", "上官婷", "熊建军", "白露", "任嘉诚",),
        ("设备管理科科长", "物资采购部部长", "消化内科主任", "病理科副主任", "分管副院长", "手术室护士长",),
        (("PN-33腹腔镜", "套"), ("VE-9肺功能仪", "台"), ("DK-500洗板机", "台"), ("HB-A1C试剂", "盒"),
         ("高频电刀", "台"),),
        ("台", "套", "盒", "件",),
        ("京械注准20222221345", "国械注准20213180702", "川械注准20242070118",),
        ("XYCG", "DLYY",),
        ("腹腔镜镜头起雾", "肺功能仪导管老断货", "洗板机堵针", "电刀脚踏失灵", "糖化试剂批次不稳",),
    ),
    ("en", "tune"): Pool(
        ("Qinghe First People's Hospital", "Northfield General Hospital", "Yunzhu Central Hospital",
         "St Brannoc Clinic", "Fengyu Third People's Hospital", "Westbrook Medical Center",
         "Hepu District Hospital", "Larkspur University Hospital", "Wangchuan People's Hospital",
         "Ashgrove Memorial Hospital", "Baiyu Fourth Hospital", "Kestrel Children's Hospital",),
        ("Wang Jianguo", "Emily Carter", "Daniel Osei", "Chen Xiaomei", "Laura Petrov", "Zheng Guodong",
         "Maria Jensen", "Thomas Adeyemi", "Lin Huimin", "Nora Whitfield", "Feng Junjie", "Olivia Grant",
         "Samuel Okafor", "Ding Haoran", "Priya Raman",),
        ("Director of Medical Equipment", "Head of Procurement", "Chief of Ultrasound", "Vice President",
         "Director of Intensive Care", "Deputy Director of Procurement", "Head of Information Technology",
         "Chief of Anaesthesiology", "Director of Radiology", "Head of Clinical Engineering",
         "Deputy Head of Pharmacy", "Chief of Surgery",),
        (("the CY-90 ultrasound", "units"), ("the TM-12 monitor", "units"), ("the YD-300 pump", "units"),
         ("the XP-PCT test", "kits"), ("the HX-75 dialysis machine", "units"), ("the ZL-8 defibrillator", "units"),
         ("the KM-20 ventilator", "sets"), ("the SN-CRP reagent", "boxes"), ("the BR-210 scalpel", "units"),
         ("the GS-5 analyser", "units"), ("the LM-77 lamp", "sets"), ("the QT-IL6 assay", "kits"),),
        ("units", "boxes", "kits", "sets",),
        ("REG-20223061187", "CE-0482-771", "REG-20232140877", "CE-0511-320", "REG-20212060913", "CE-0733-118",),
        ("NFT", "QHT", "WBT", "FYT", "WCT", "AMH",),
        ("the probe images are blurred", "the pumps raise false alarms at night", "the batteries drain too fast",
         "the ventilator spares took three weeks to arrive", "the water circuit keeps leaking",
         "the data export fails every day", "the analyser calibration keeps timing out",
         "the lamp arms will not stay in place", "the batches of reagent differ too much",),
    ),
    ("en", "heldout"): Pool(
        ("Xiyuan Fifth People's Hospital", "Harrowgate Infirmary", "Qingwu Dental Hospital",
         "Mapleton County Hospital",),
        ("Pan Zhiyuan", "Grace Lindholm", "Omar Haddad", "Ren Jiacheng", "Sofia Marchetti",),
        ("Director of Nursing", "Head of Supply Chain", "Deputy Director of Pathology", "Chief of Cardiology",),
        (("the PN-33 laparoscope", "sets"), ("the VE-9 spirometer", "units"), ("the DK-500 washer", "units"),
         ("the HB-A1C reagent", "boxes"),),
        ("units", "sets", "boxes", "pieces",),
        ("REG-20222221345", "CE-0921-556",),
        ("XYT", "HGI",),
        ("the lens keeps fogging", "the spirometer tubes are always out of stock",
         "the pedal fails during surgery",),
    ),
}  # fmt: skip


def amount_fault(amount: int, rng: random.Random) -> int:
    """The amount with one of its leading digits changed."""
    digits = list(str(amount))
    at = rng.randrange(min(3, len(digits.copy())))
    digits[at] = rng.choice([d for d in "123456789" if d != digits[at]])
    return int("".join(digits))


def spoken_amount(amount: int, lang: Lang, rng: random.Random) -> str:
    """One of the ways in which an amount is written."""
    if lang == "en":
        ways = [f"RMB {amount:,}", f"CNY {amount:,}", f"{amount:,} yuan", f"RMB {_short(amount / 10**6)} million"]
        ways += (
            [f"about RMB {amount / 10**6:.2f} million"]
            if amount > 10**6
            else [f"about RMB {round(amount / 1000)} thousand"]
        )
        return rng.choice(ways)
    ways = [
        f"{amount:,}元",
        f"{amount}元",
        f"{_short(amount / 10_000)}万元",
        f"¥{amount:,}",
        f"人民币{_short(amount / 10_000)}万元",
        f"{_short(amount / 10_000)}万",
    ]
    return rng.choice([*ways, f"约{amount / 10_000:.1f}万元", f"大约{round(amount / 10_000)}万元", formal(amount)])


def _short(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def formal(amount: int) -> str:
    """345600 → 叁拾肆万伍仟陆佰元整."""
    high, low = divmod(amount, 10_000)
    text = (_group(high) + "万" if high else "") + ("零" if high and 0 < low < 1000 else "") + _group(low)
    return f"{text}元整"


def _group(number: int) -> str:
    text, zero = "", False
    for place, unit in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
        digit, number = divmod(number, place)
        if digit:
            text += ("零" if zero and text else "") + _DIGITS[digit] + unit
            zero = False
        else:
            zero = True
    return text


def spoken_quantity(count: int, unit: str, lang: Lang, rng: random.Random | None) -> str:
    """12台, 十台, 两台; 12 units, twelve units."""
    if lang == "en":
        return f"{_WORDS[count] if rng and count < 13 and rng.random() < 0.4 else count} {unit}"
    if rng and count <= 10 and rng.random() < 0.4:
        return f"{_SMALL[count]}{unit}"
    return f"{count}{unit}"


def spoken_period(months: int, lang: Lang, rng: random.Random | None) -> str:
    """36个月, 三年, 一年半; 36 months, three years."""
    years, rest = divmod(months, 12)
    if lang == "en":
        return f"{_WORDS[years]} years" if rng and not rest and years > 1 and rng.random() < 0.5 else f"{months} months"
    if rng and rng.random() < 0.5:
        return f"{'零一两三四五'[years]}年{'半' if rest == 6 else ''}"
    return f"{months}个月"


def spoken_day(day: date, lang: Lang, rng: random.Random | None) -> str:
    """A day, with `rng` also its month or year alone."""
    if lang == "en":
        ways = [f"{_MONTHS[day.month - 1]} {day.year}"] * 2 + [str(day.year)] * (rng is not None and False)
        return rng.choice(ways) if rng else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    whole = f"{day.year}年{day.month}月{day.day}日"
    return (
        rng.choice([whole, whole, f"{day.year}年{day.month}月", f"{day:%Y-%m-%d}", f"{day.year}/{day.month}/{day.day}"])
        if rng
        else whole
    )
