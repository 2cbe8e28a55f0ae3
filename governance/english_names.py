"""A Presidio recognizer for people in English text: spaCy's answer, pinyin names, and the places where names stand."""

import re
from collections.abc import Iterator

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

WORD = r"(?:[A-ZÀ-Þ]['’])?[A-ZÀ-Þ][a-zß-ÿ]+(?:[-'’][A-Za-zÀ-ÿ][a-zß-ÿ]+)*"
PARTICLE = r"(?:(?:de|da|di|del|la|van|von|der|den|bin|al|el|ter) ){0,2}"
FULL = rf"{WORD}(?: {PARTICLE}(?:{WORD}|[A-Z]\.)){{1,3}}"
LATIN_NAME = re.compile(rf"(?<![A-Za-zÀ-ÿ]){FULL}")
NAME_AFTER_HONORIFIC = re.compile(
    rf"\b(?:Dr|Mr|Ms|Mrs|Prof|Professor|Nurse|Sister)\.? (?:{WORD}|[A-Z]\.)(?: {PARTICLE}{WORD}){{0,2}}"
)
# spaCy takes many a capitalised word for a person; a single one needs a neighbour that only people have
SPOKEN_OF = re.compile(
    r"(?i)\b(?:with|by|from|and|ask|tell|told|call|called|contact|met|dear|hi|hello|hey|thanks|regards,?|ping|"
    r"@|to|cc|see)\s?$"
)
ACTS = (
    r"said|says|asked|asks|told|called|calls|wrote|replied|agreed|confirmed|promised|thinks|wants|prefers|"
    r"sends|sent|complained|"
    r"abstained|disagreed|voted|joined|signed|mentioned|suggested|approved|presented|insisted|sounded|moved|retired|"
    r"(?:will|would) (?:join|send|call|decide|sign|bring|review|ask|answer|confirm|visit|attend|be)|to (?:send|"
    r"call|check|confirm)|"
    r"is (?:on leave|away|out|sick|back|responsible|in charge)"
)
SPEAKS = re.compile(rf"(?:'s\b|:)|\s(?:{ACTS}|will|would)\b")
# A first name alone: who is greeted or thanked, and who does what only people do.
GREETED = re.compile(
    rf"(?:(?:^|(?<=[\n.;!?]))\s*|(?<=, ))(?:[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey|[Tt]hanks,?|[Tt]hank you,?|"
    rf"[Cc]heers,?|[Pp]ing) "
    rf"(?P<name>{WORD})(?=\s*[,!.\n]|$)"
)
ACTOR = re.compile(rf"(?:(?:^|(?<=[\n.;:!?,]))\s*|\band )(?P<name>{WORD})(?:,? and (?P<other>{WORD}))? (?:{ACTS})\b")
FIELD = re.compile(
    r"(?i:\b(?:new contact|contact person|contact|contacts|driver|patient|attention|attn\.?|c/o|signed by|"
    r"minutes by|minutes|approved by|"
    r"prepared by|reviewed by|on behalf of|gatekeeper|decision maker|account holder|passport (?:copy )?of|"
    r"refund to|named|name|"
    r"from|cc|to|call|ring|ask|meet|met|visited|speak to|spoke (?:to|with)|spoken to|talked to|talk to|this is|"
    r"i am|with|by|"
    rf"attendees|present|participants|absent|chair|chaired by|engineer|manager|head nurse|refund|"
    rf"customer)\b)\s*[:：]?\s+(?P<name>{FULL})"
)
HEADER = re.compile(
    r"(?i:\b(?:attendees|present|participants|apologies|absent|cc|to|committee|panel|"
    r"members))\s*[:(]\s*(?P<list>[^.\n]{3,160})"
)
MEMBER = re.compile(rf"(?:^|[,;/]|\band\b)\s*(?P<name>{FULL})(?=\s*(?:[,;/()<]|and\b|$))")
BEFORE_MAIL = re.compile(rf"(?P<name>{FULL})(?= ?<[^<>\s]+@)")
SIGNED = re.compile(
    rf"(?i:\b(?:regards|sincerely|yours|cheers|thanks|best|wishes))[,.]?[ \t]*\n\s*(?P<name>{FULL})(?=\s*(?:\n|"
    rf"$|,|\|))"
)
PINYIN = (
    r"(?:(?:[zcs]h|[bpmfdtnlgkhjqxzcsryw])?(?:iang|iong|uang|ang|eng|ing|ong|uai|uan|ian|iao|ai|ei|ao|ou|an|en|"
    r"in|un|ia|ie|iu|ua|"
    r"uo|ui|ue|a|o|e|i|u)|er)"
)
PINYIN_SURNAMES = (
    "Wang|Li|Zhang|Liu|Chen|Yang|Huang|Zhao|Wu|Zhou|Xu|Sun|Ma|Zhu|Hu|Guo|He|Lin|Gao|Luo|Zheng|Liang|Xie|Song|"
    "Tang|Deng|Han|Feng|Cao|"
    "Peng|Zeng|Xiao|Tian|Dong|Pan|Yuan|Cai|Jiang|Yu|Du|Ye|Cheng|Wei|Su|Lu|Lv|Ding|Ren|Shen|Yao|Jin|Cui|Tan|Fan|"
    "Shi|Liao|Jia|Xia|Fu|"
    "Fang|Bai|Zou|Meng|Xiong|Qin|Qiu|Hou|Yin|Xue|Yan|Duan|Lei|Long|Tao|Gu|Mao|Hao|Gong|Shao|Wan|Qian|Kong|Dai|"
    "Mo|Xiang|Chang|Wen|Kang|"
    "Niu|Ge|Xing|Qi|An|Hong|Zhuang|Ji|Yi|Nie|Lan|Ou|Zuo|Lai|Rao|Guan|Chai|Bao|Bi|Hua|Rong|Mei|Ning|Pu|Qu|Ruan|"
    "Shang|Sheng|Shu|Tong|"
    "Zhan|Zhong|Zong|Ouyang|Sima|Zhuge|Shangguan|Situ|Murong|Xiahou|Huangfu|Linghu|Dongfang|Duanmu|Yuwen|Gongsun"
)
PINYIN_NAME = re.compile(
    rf"(?<![A-Za-z])(?:(?P<first>{PINYIN_SURNAMES}) (?=[A-Z])(?i:{PINYIN}[-']?){{1,2}}|"
    rf"(?=[A-Z])(?i:{PINYIN}[-']?){{1,2}} "
    rf"(?P<last>{PINYIN_SURNAMES}))(?![A-Za-z])"
)
NOT_PINYIN = re.compile(
    r"(?:Hong Kong|Shang Hai|Bei Jing|He Nan|Hu Nan|He Bei|Hu Bei|An Hui|Can He|Can Ye|Men An|Hu Man)\b"
)
NOT_FIRST_NAMES = frozenset(
    re.findall(
        r"\w+",
        "The This That These Those It He She We They You Who What When Where Why How All Both Some Someone Nobody "
        "Everyone Anyone None One Two Each Either Neither Another Other Our Your My His Her Their Its Here There "
        "Then Now Today Tomorrow Yesterday Please Also And But Or If So No Yes Not Caller Rep Customer Client "
        "Sales Finance Procurement Purchasing Legal Support Service Management Hospital Clinic Ward Department "
        "Committee Board Team Staff Nurse Nurses Doctor Doctors Director Manager Engineer Engineers Patient "
        "Patients Company Supplier Vendor Distributor Dealer Manufacturer Order Orders Contract Tender Bid "
        "Invoice Payment Delivery Shipment Budget Price Quote Offer Meeting Call Visit Action Agenda Minutes Note "
        "Notes Item Items Firmware Software Hardware Device System Unit Model Version Serial Battery Probe Pump "
        "Monitor Alarm Warranty Certificate Training Installation Monday Tuesday Wednesday Thursday Friday "
        "Saturday Sunday January February March April May June July August September October November December "
        "Spring Summer Autumn Winter Grace Hope Will Mark Bill Hello Hi Dear Thanks Regards Colleagues Sir Madam "
        "Sirs Professor Everybody Nothing Something Everything Administration Accounting Logistics Marketing "
        "Security Reception Radiology Cardiology Surgery Anaesthesia Laboratory Pharmacy Maintenance Warehouse "
        "Chengyan Users User Buyer Seller Bidder Bidders Distributors Experts Members",
    )
)
LEADING = re.compile(
    r"^(?:(?:Call|Ring|Ask|Met|Meet|Contact|Please|Dear|Hi|Hello|Hey|Spoke|Visited|Thanks|From|Tell|Send|Email|"
    r"Mail|Refund|Ping|And|With|"
    r"The|To|Cc|Attn|Caller|Rep|Minutes|Action|New|Dr|Mr|Ms|Mrs|Prof|Nurse|Patient|Driver|Head|Signed|Regards|"
    r"Sincerely|Today|In|On|At|"
    r"If|When|After|Before|For|By|Is|Was|Has|Did|Can|Could|May|Will|Would|Should|Our|Your|Their|His|Her|This|"
    r"That|It|He|She|We|They|I)\.? )+"
)
ORGANISATION_FOLLOWS = re.compile(
    r"(?:'s)?(?: [A-Z][\w'’]*)* (?:Hospitals?|Clinic|University|School|Company|Group|Medical|Co\.|Ltd|Street|"
    r"Road|Avenue)"
)
NOT_A_PERSON = re.compile(
    r"(?i)\b(hospital|clinic|inc|ltd|corp|co|&|medical|healthcare|imaging|technology|pharma|biotech|"
    r"instruments?|group|"
    r"systems?|pump|monitor|analy[sz]er|center|centre|department|committee|university|tender|mindray|siemens|abbott|"
    r"roche|wechat|philips|stryker|baxter|medtronic|school|college|road|street|building|room|city|province|"
    r"kit|assay|endoscope|ultrasound|colou?r|doppler|probe|washer|catheter|lock|position|filter|mode|dongle|"
    r"key|screw|dish|effect|law|"
    r"board|office|key accounts?|regional|manager|director|sales|service|support|key|annex|chapter|order|"
    r"contract|warranty|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"january|february|april|july|august|september|october|november|december|central|first|second|third|people|"
    r"children|pro|max|elite|"
    r"plus|summer|spring|winter|autumn|st|saint|passport|mobile|phone|card|id|tax|dear|regards|sincerely|framework)\b"
    r"|\d|[\u4e00-\u9fff]"
)

Span = tuple[int, int, float]  # start, end, score


class EnPersonRecognizer(EntityRecognizer):
    """spaCy's people and names where names stand, minus what looks like a company, a thing, a model number or "
    "Chinese."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], supported_language="en", name="EnPerson")

    def load(self) -> None: ...

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        spans = [(match.start(), match.end(), 0.8) for match in NAME_AFTER_HONORIFIC.finditer(text)]
        for span in nlp_artifacts.entities:
            if span.label_ == "PERSON" and (part := person_part(span.text)):
                start, end = span.start_char + part[0], span.start_char + part[1]
                if ORGANISATION_FOLLOWS.match(text[end:]):
                    continue
                alone = " " not in text[start:end].strip()
                if not alone or SPOKEN_OF.search(text[:start]) or SPEAKS.match(text[end:]):
                    spans.append((start, end, 0.8))
        spans += placed_names(text)
        spans += _single_names(text)
        return [RecognizerResult("PERSON", *span) for span in spans]


def placed_names(text: str) -> Iterator[Span]:
    """Full names where only names stand: pinyin, fields, lists of people, before a mail address, under a letter."""
    for match in PINYIN_NAME.finditer(text):
        if not NOT_PINYIN.match(match[0]) and not ORGANISATION_FOLLOWS.match(text[match.end() :]):
            yield *match.span(), 0.6
    found = [match.span("name") for pattern in (FIELD, BEFORE_MAIL, SIGNED) for match in pattern.finditer(text)]
    for header in HEADER.finditer(text):
        offset = header.start("list")
        found += [(m.start("name") + offset, m.end("name") + offset) for m in MEMBER.finditer(header["list"])]
    for start, end in found:
        if lead := LEADING.match(text[start:end]):
            start += lead.end()
        part = person_part(text[start:end])
        if part and " " in text[start:end] and not ORGANISATION_FOLLOWS.match(text[end:]):
            yield start + part[0], start + part[1], 0.6


def _single_names(text: str) -> Iterator[Span]:
    for match in GREETED.finditer(text):
        if match["name"] not in NOT_FIRST_NAMES and person_part(match["name"]):
            yield *match.span("name"), 0.6
    for match in ACTOR.finditer(text):
        for group in ("name", "other"):
            if match[group] and match[group] not in NOT_FIRST_NAMES and person_part(match[group]):
                yield *match.span(group), 0.55


def person_part(name: str) -> tuple[int, int] | None:
    """Where the person is in what looks like one: Mindray [Zhang Wei]; None for a company or a model number."""
    vetoes = list(NOT_A_PERSON.finditer(name))
    if not vetoes:
        return 0, len(name)
    rest = LATIN_NAME.search(name, vetoes[-1].end())  # a company's words come first: Hexin Medical Zhang Wei
    return rest.span() if rest else None
