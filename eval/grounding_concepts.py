"""Products, departments and ranks of the trade as concepts, so that Chinese and English words for one thing meet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_PRODUCTS: Mapping[str, tuple[str, str]] = {
    "fetal_monitor": ("胎心监护仪?|胎监", r"f(?:o)?etal monitors?\b"),
    "haematology": ("血球仪|血细胞分析|血常规仪", r"ha?ematology (?:analy[sz]ers?|systems?)\b|blood cell counters?\b"),
    "niv": ("无创呼吸机", r"non-?invasive ventilators?\b|niv (?:machines?|devices?|units?)\b"),
    "syringe": ("(?<!泵)注射器", r"(?<!pump )(?:disposable )?syringes?\b(?! pump| driver)"),
    "filter": ("过滤器", r"(?:bacterial )?filters?\b"),
    "tubing": ("血透管路|透析管路", r"dialysis tubing|bloodlines?\b"),
    "oxygen_sensor": ("氧传感器|氧电池", r"oxygen sensors?\b"),
    "hba1c": ("糖化", r"hba1c"),
    "portable_ultrasound": (
        "便携(?:式)?(?:超声|彩超)|掌上超声",
        r"portable ultrasound\w*(?: scanners?)?|handheld ultrasound",
    ),
    "monitor": ("监护仪|监护设备", r"(?:patient |bedside )?monitors?\b"),
    "central_station": ("中央站|中央监护", r"central (?:monitoring )?station"),
    "ventilator": ("呼吸机", r"ventilators?\b"),
    "infusion_pump": ("输液泵|输注泵(?!.{0,2}靶)|输注系统", r"infusion pumps?\b"),
    "syringe_pump": ("注射泵", r"syringe pumps?\b|syringe drivers?\b"),
    "target_pump": ("靶控", r"target.controlled"),
    "ultrasound": (
        "超声(?!科|室|医学|主任|雾化)|彩超|B超",
        r"ultrasound(?! department| lab| unit\b)|sonograph\w*|echo machines?\b",
    ),
    "defibrillator": ("除颤|AED", r"(?:automated )?defibrillators?\b|\baeds?\b"),
    "blood_gas": ("血气(?!试剂)(?:分析仪)?", r"blood[ -]gas (?!reagent)\w*"),
    "ecg": (
        "心电图机|心电图仪|(?<!电极)心电(?!电极|监护|图室)",
        r"(?:ecg|ekg) (?:recorders?|machines?|devices?|units?)\b",
    ),
    "electrode": ("电极", r"electrodes?\b"),
    "sensor": ("血氧(?!仪|模块)|传感器", r"(?:spo2|oximet\w+) ?sensors?\b|sensors?\b"),
    "oximeter": ("血氧仪|指夹", r"oximeters?\b"),
    "probe": ("(?<!血氧)探头", r"(?<!spo2 )(?:ultrasound )?(?:probes?|transducers?)\b"),
    "reagent": ("试剂", r"reagents?\b"),
    "analyser": ("生化仪|分析仪|生化分析", r"(?:chemistry |haematology |hematology )?analy[sz]ers?\b"),
    "centrifuge": ("离心机", r"centrifuges?\b"),
    "incubator": ("培养箱|暖箱", r"incubators?\b"),
    "dialysis": ("透析机|血透机|透析设备|透析仪", r"(?:haemo|hemo)?dialysis (?:machines?|systems?)\b"),
    "water_unit": ("水处理", r"water (?:treatment )?units?\b"),
    "infusion_set": ("输液管|输液器", r"infusion (?:sets?|lines?)\b|giving sets?\b"),
    "breathing_circuit": ("呼吸管路|呼吸回路", r"breathing circuits?\b"),
    "endoscope": ("内镜(?!中心|科|室|清洗)|胃镜|肠镜|腹腔镜", r"endoscopes?\b|gastroscopes?\b|laparoscopes?\b"),
    "laser": ("激光", r"lasers?\b"),
    "microscope": ("显微镜", r"microscopes?\b"),
    "laryngoscope": ("喉镜", r"(?:video )?laryngoscopes?\b"),
    "bladder_scanner": ("膀胱扫描|膀胱容量", r"bladder scanners?\b"),
    "injector": ("高压注射器", r"injectors?\b"),
    "c_arm": ("C ?[型形]?臂", r"c-arms?\b"),
    "robot": ("机器人", r"robots?\b"),
    "electrosurgery": ("电刀|电外科", r"electrosurg\w+"),
    "operating_table": ("手术床", r"operating tables?\b"),
    "tower": ("腔镜塔", r"endoscope[ _]towers?\b|endoscopy towers?\b"),
    "dialyser": ("透析器", r"dialy[sz]ers?\b"),
    "spirometer": ("肺功能仪", r"spirometers?\b"),
    "ct": ("CT", r"\bct scanners?\b"),
    "mri": ("核磁|磁共振", r"\bmri\b"),
    "xray": ("X光|DR机|胸片机", r"x-?ray"),
    "anaesthesia_machine": ("麻醉机|麻醉工作站", r"an(?:a)?esthesia (?:machines?|workstations?)\b"),
    "lamp": ("无影灯", r"(?:operating|surgical) (?:lamps?|lights?)\b"),
    "fridge": ("冰箱|冷藏柜", r"(?:blood )?(?:fridges?|refrigerators?)\b"),
    "agitator": ("振荡仪", r"agitators?\b"),
    "nebuliser": ("雾化器", r"nebuli[sz]ers?\b"),
    "bed": ("床位|病床", r"\bbeds?\b"),
    "telemetry": ("遥测", r"telemetry"),
    "test_strip": ("试纸", r"test strips?\b"),
    "sterilizer": ("灭菌器|灭菌柜|(?:内镜)?清洗机", r"sterili[sz]ers?\b|(?:endoscope )?washers?\b|autoclaves?\b"),
}
_DEPARTMENTS: Mapping[str, tuple[str, str]] = {
    "equipment": ("设备|装备|器械", r"equipment|devices?\b|biomedical|clinical engineering"),
    "procurement": (
        "采购|招标|招采|物资|供应链",
        r"procurement|tender(?:ing)? office|purchas\w+|supply chain|supplies",
    ),
    "icu": ("ICU|重症|监护室", r"\bicu\b|intensive care|critical care"),
    "anaesthesia": ("麻醉", r"an(?:a)?esthe\w+|an(?:a)?esthesiology"),
    "emergency": ("急诊", r"emergency|\ba&e\b|casualty"),
    "it": ("信息|网络", r"\bit\b|information|informatics|digital"),
    "lab": ("检验|化验|实验室", r"\blab(?:oratory)?\b|pathology lab"),
    "imaging": ("放射|影像", r"radiology|imaging"),
    "ultrasound": ("超声", r"ultrasound|sonography"),
    "cardiology": ("心内|心血管|心脏", r"cardiology|cardiac"),
    "oncology": ("肿瘤", r"oncology|cancer"),
    "surgery": ("外科|手术室|手术", r"surg\w+|theatres?\b|operating (?:rooms?|theatre)"),
    "paediatrics": ("儿科|新生儿", r"p(?:a)?ediatrics?|neonat\w+"),
    "respiratory": ("呼吸(?!机|管|回)", r"respiratory|pulmon\w+"),
    "nursing": ("护理", r"nursing(?! home)"),
    "finance": ("财务|会计", r"financ\w+|account\w*"),
    "logistics": ("后勤|总务", r"logistics|facilit\w+|general affairs|estates"),
    "pharmacy": ("药剂|药房|药学", r"pharmac\w+"),
    "quality": ("质控|质管|质量", r"quality"),
    "dialysis": ("透析|血透|肾内", r"dialysis|renal|nephrology"),
    "obstetrics": ("妇产|产科", r"obstetric\w*|maternity"),
    "urology": ("泌尿", r"urolog\w+"),
    "gynaecology": ("妇科", r"gyn(?:a)?ecolog\w+"),
    "orthopaedics": ("骨科|关节", r"orthop\w+"),
    "neurology": ("神经", r"neuro\w+"),
    "ophthalmology": ("眼科", r"ophthalm\w+|eye"),
    "dental": ("口腔|牙", r"dental|stomatolog\w+"),
    "ent": ("耳鼻喉", r"\bent\b|otolaryngolog\w+"),
    "rehab": ("康复", r"rehab\w*"),
    "infection": ("感染|院感", r"infecti\w+"),
    "haematology": ("血液(?!净化|透析)", r"ha?ematolog\w+"),
    "endocrinology": ("内分泌", r"endocrin\w+"),
    "planning": ("基建", r"capital construction|construction"),
    "medical": ("医务", r"medical (?!equipment|device|centre|center|imaging)"),
    "endoscopy": ("内镜|消化", r"endoscopy|gastro\w+"),
}
_RANKS: Mapping[str, tuple[str, str]] = {
    "head_nurse": ("护士长", r"head[ _]nurse|charge nurse|nurse manager|(?:ward )?sister\b|matron"),
    "vice_president": ("副院长", r"(?:deputy|vice)[ -](?:hospital )?(?:president|director(?! of)|dean|principal)\b"),
    "president": (
        "(?<!副)院长",
        r"(?<!vice )(?<!vice-)(?<!deputy )(?:hospital )?president|hospital director|\bceo\b|chief executive",
    ),
    "station": ("站长", r"station (?:head|director)"),
    "head": (
        "主任(?!医师|技师|护师)|科长|处长|部长|负责人|主管(?!护师)|经理|总监|所长",
        r"director|head(?! nurse|[ _]nurse)|chief(?! executive)|manager|lead\b|superintendent|supervisor|chair\w*",
    ),
    "engineer": ("工程师", r"engineers?\b|technician"),
    "doctor": ("主任医师|副主任医师|医师|教授", r"consultant|professor|physician"),
    "secretary": ("书记|秘书", r"secretary"),
    "officer": ("科员|专员|采购员|干事|会计", r"officer|clerk|specialist|buyer"),
}
HAN_RANKS = (
    "护士长|副?院长|站长|主任医师|主任|科长|处长|部长|负责人|主管|经理|总监|所长|工程师|教授|书记|秘书|科员|专员"
)
_DEPUTY = re.compile(r"副|常务|代理|deputy|vice|associate|assistant|acting", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Post:
    """What a title means: its rank, whether it is a deputy's, and of which departments."""

    rank: str
    deputy: bool
    departments: frozenset[str]
    words: str  # Chinese: the rank as written, since 主任 is not 科长

    def fits(self, other: "Post") -> bool:
        """Whether both can be said of one post."""
        if {self.rank, other.rank} == {"head", "president"} and not (self.words or other.words):
            return not self.departments and not other.departments  # at the head of the hospital
        if self.rank != other.rank or self.deputy != other.deputy:
            return False
        if self.words and other.words and self.words != other.words:
            return False
        return not self.departments or not other.departments or bool(self.departments & other.departments)


def _finders(table: Mapping[str, tuple[str, str]]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """One pattern for Chinese words, tried where one of their signs stands, and one for English words."""
    signs = "".join(sorted(set(re.findall(r"[\u4e00-\u9fffA-Z]", "".join(zh for zh, _ in table.values())))))
    chinese = "|".join(f"(?P<{name}>{zh})" for name, (zh, _) in table.items())
    english = "|".join(f"(?P<{name}>{en})" for name, (_, en) in table.items())
    return re.compile(f"(?=[{signs}])(?:{chinese})"), re.compile(f"(?<![A-Za-z])(?:{english})", re.IGNORECASE)


_PRODUCT, _DEPARTMENT, _RANK = (_finders(table) for table in (_PRODUCTS, _DEPARTMENTS, _RANKS))
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2}")
_RANK_ZH = re.compile(HAN_RANKS)


def _found(finders: tuple[re.Pattern[str], re.Pattern[str]], text: str) -> list[re.Match[str]]:
    plain = text.replace("_", " ")
    found = list(finders[0].finditer(plain)) if _HAN.search(plain) else []
    return found + list(finders[1].finditer(plain)) if _LATIN.search(plain) else found


@lru_cache(maxsize=20_000)
def products(text: str) -> tuple[tuple[int, int, str], ...]:
    """Start, end and concept of the products that a text names; snake_case is read too."""
    return tuple((m.start(), m.end(), m.lastgroup or "") for m in _found(_PRODUCT, text))


@lru_cache(maxsize=20_000)
def departments(text: str) -> frozenset[str]:
    """The departments that a title or a text names."""
    return frozenset(m.lastgroup or "" for m in _found(_DEPARTMENT, text))


@lru_cache(maxsize=20_000)
def post_of(title: str) -> Post | None:
    """What a title means; None when it names no rank."""
    plain = title.replace("_", " ")
    match = min(_found(_RANK, plain), key=lambda found: found.start(), default=None)
    if match is None:
        return None
    words = _RANK_ZH.search(plain)
    rank = match.lastgroup or ""
    deputy = rank == "vice_president" or _DEPUTY.search(plain) is not None
    where = plain[: match.start()] + " " + plain[match.end() :]
    return Post(rank, deputy, departments(where), words.group() if words else "")
