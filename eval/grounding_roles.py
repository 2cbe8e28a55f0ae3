"""Who has which part in a deal: a winner is not the agent, a holder not the supplier. Part of V1."""

import re
from collections.abc import Sequence

from eval.grounding_posts import is_person
from eval.grounding_records import is_text, records_of
from eval.grounding_statements import Claim, Known, ids_of
from eval.grounding_words import NEGATION, clauses

_ROLES = {  # the name of a relation that gives the part; the words that give it in a sentence
    "winner": (
        r"winn\w*|award(?:ed)?_to|successful|中标(?:单位|人|方|公司|供应商|企业)|成交(?:人|供应商)",
        r"中标(?!价|金额|公告|通知|候选|单价)|拿下|夺标|(?<![A-Za-z])(?:won|winner|went to|awarded to|took"
        r"|successful bidder)(?![A-Za-z])",
    ),
    "agent": (
        r"agent|agency|代理",
        r"代理|受[^，。]{1,20}委托|(?<![A-Za-z])(?:agent|agency|acting for|on behalf of)(?![A-Za-z])",
    ),
    "buyer": (
        r"buyer|purchaser|采购人|招标人|采购单位",
        r"采购人|招标人|(?<![A-Za-z])(?:buyer|purchaser|called by|tendered by)(?![A-Za-z])",
    ),
    "holder": (
        r"holder|注册人|持有人|持证",
        r"注册人|持有(?!期)|持证|(?<![A-Za-z])(?:holder|holds the (?:certificate|registration|clearance|number"
        r"|licen[cs]e)|registrant)(?![A-Za-z])",
    ),
    "supplier": (
        r"supplier|vendor|供方|供应商|供货|中选",
        r"供应商|供方|供货方?|供的|供应|(?<![A-Za-z])(?:supplied by|supplier|supplies|vendor)(?![A-Za-z])",
    ),
    "trainer": (
        r"trainer|讲师|授课|培训师|instructor",
        r"讲师|授课|主讲|讲的|讲课|(?<![A-Za-z])(?:trainer|trained by|given by|instructor)(?![A-Za-z])",
    ),
    "engineer": (
        r"engineer|工程师|技师",
        r"工程师|(?<![A-Za-z])(?:engineer|installed by|repaired by|handled by|serviced by)(?![A-Za-z])",
    ),
    "signatory": (
        r"signator\w*|signed_by|签字|签署人|签约人",
        r"签字|签署人|签约人|(?<![A-Za-z])(?:signatory|signed by|signed for)(?![A-Za-z])",
    ),
    "contact": (r"contact_person|联系人|经办", r"联系人|经办人|(?<![A-Za-z])contact person(?![A-Za-z])"),
    "lessor": (
        r"lessor|leasing_company|leased\.from|出租",
        r"出租方|(?<![A-Za-z])(?:leased from|lessor|on lease from)(?![A-Za-z])",
    ),
    "donor": (r"donor|捐赠方|捐赠人", r"捐赠方|捐赠人|(?<![A-Za-z])(?:donor|donated by)(?![A-Za-z])"),
}
_RELATION = {role: re.compile(relation, re.IGNORECASE) for role, (relation, _) in _ROLES.items()}
_SAID = {role: re.compile(said, re.IGNORECASE) for role, (_, said) in _ROLES.items()}


_HOUSE = re.compile("医院|卫生院|Hospital|Clinic|Infirmary|Centre|Center|Trust")
_BY = re.compile(r"由([\u4e00-\u9fff]{2,10}?)(?:供应|供货|代理|中标|承接|提供|负责|安装|维修|处理)")


def role_of(relation: str) -> str:
    """The part that the name of a relation gives; "" when it gives none."""
    return next((role for role, words in _RELATION.items() if words.search(relation)), "")


def parts(sentence: str, known: Sequence[Known]) -> list[Claim]:
    """A part said of somebody who has another one, while nobody who has it is named beside it."""
    given = [(k, role_of(k.fact.relation)) for k in known if is_text(k.fact)]
    roles = {role for _, role in given if role}
    if not roles:
        return []
    records = records_of(tuple(k.fact for k in known))
    claims: list[Claim] = []
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        if NEGATION.search(clause):
            continue
        for role in roles:
            match = _SAID[role].search(clause)
            if match is None:
                continue
            near = [k for k, r in given if r == role and not records.elsewhere(k, sentence, ())]
            if not near or any(records.names(k, sentence) for k in near):
                continue
            person, subject = is_person(near[0].fact.value), near[0].fact.subject
            others = [
                k
                for k, r in given
                if r != role
                and is_person(k.fact.value) == person
                and k.fact.value != subject
                and not _HOUSE.search(k.fact.value)
                and records.names(k, clause)
            ]
            others = [k for k in others if not _has_own_part(k, clause)]
            by = _BY.search(clause)
            if by and not others and by[1][:2] not in "".join(f"{k.fact.subject}{k.fact.value}" for k in known):
                claims.append(Claim(by[1], "organisation", "contradicted", ids_of(near), "no fact gives it this part"))
            elif others:
                claims.append(
                    Claim(match.group(), "relation", "contradicted", ids_of([*near, *others]), "another's part")
                )
    return claims


def _has_own_part(k: Known, clause: str) -> bool:
    """Whether a clause also gives somebody the part that a fact gives; the words of his own name do not."""
    role = role_of(k.fact.relation)
    return bool(role) and _SAID[role].search(clause.replace(k.fact.value, "")) is not None
