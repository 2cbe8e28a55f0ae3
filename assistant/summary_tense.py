"""Whether words near a day tell of what has happened or of what is to come. Pure."""

import re

_PAST_ZH = re.compile(
    r"已经?|刚刚?|曾|上次|上回|(?<!有)没(?!问题|关系|事|货|有问题|法)"
    r"|未(?!来|必)|(?:说|讲|提|约|定)过|[\u4e00-\u9fff]过(?![来去程期敏滤年节])"
    r"|(?<!就)(?<!到时)[\u4e00-\u9fff]了(?!解|吗|吧|[。！]?$)"
    r"|(?:那|这)(?:次|份|批|台|天|张)|(?:寄|发|来|说|到|修|送|提|签|谈|开|装|交)的|[到来完好走寄发](?:了|过)"
)
_COMING_ZH = re.compile(
    r"会(?![议诊务计员上后前场期])|将|要(?!求)|准备|打算|(?<!以)(?<!之)前(?!天"
    r"|面|任|期)|安排|争取|再|计划|预计|就(?!是)"
)
# a verb, where an adjective would stand before its noun: moved it, closed on Friday, not a revised quote
_OBJECT = (
    r"(?=\s*(?:$|[.,;:!?)]|(?:on|in|at|by|to|for|from|with|the|an?|it|them|him|her|us|me|you|this|that|these|our|your|my"
    r"|his|their|yesterday|last|back|up|out|off|and|but|as|over|when|while|after|before|two|three|all|some|only|too"
    r"|during|about|into|of|well|twice|once|mon|tue|wed|thu|fri|sat|sun)))"
)
_PAST_EN = re.compile(
    r"\b(?:was|were|went|had|came|got|sent|gave|did|didn't|saw|told"
    r"|said|met|took|made|found|left|rang|spoke|brought|paid|bought"
    r"|broke|arrived|began|kept|lost|wrote|ran|heard|thought|stood"
    r"|held|shut|fell|rose|has been|have been|ha(?:s|ve) \w+ed"
    r"|(?<!the )(?<!a )(?<!our )(?<!your )(?<!an )(?<!be )(?!agreed"
    r"|promised|committed|offered|scheduled|planned|booked|expected"
    r"|supposed|required|requested|asked|needed|need|speed|feed|proceed"
    r"|succeed|exceed|shed|bed|red|fed)[a-z]{2,}ed" + _OBJECT + r")\b",
    re.IGNORECASE,
)
_COMING_EN = re.compile(
    r"\b(?:will|shall|going to|can|could|may|might|should|must|would"
    r"|to be|needs?|let's|plans?|(?:am|are|is) \w+ing)\b|'(?:ll|d)\b|\blet \w+ have\b",
    re.IGNORECASE,
)
_STOP = re.compile(r"[。！？；!?;\n]|\.(?=\s|$)")
_COMMA = re.compile(r"[，,、：:]|\b(?:and|but|so)\b")


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the sentence begins and ends in which these characters stand."""
    before = [stop.end() for stop in _STOP.finditer(text, max(0, start - 300), start)]
    after = _STOP.search(text, end)
    return (before[-1] if before else max(0, start - 300)), (after.start() if after else len(text))


def tells_past(text: str, start: int, end: int) -> bool:
    """
    Of the clause around, or of the sentence where the clause has no tense: "装机周三已经做完", "we moved it on Friday".
    """
    if re.search(r"\b(?:by|before|until|within|than)(?: the)?\s*$", text[max(0, start - 14) : start], re.IGNORECASE):
        return False
    if re.search(r"\bsince(?: the)?\s*$", text[max(0, start - 12) : start], re.IGNORECASE):
        return True
    first, last = sentence_around(text, start, end)
    before = [comma.end() for comma in _COMMA.finditer(text, first, start)]
    after = _COMMA.search(text, end, last)
    clause = text[before[-1] if before else first : after.start() if after else last]
    chinese = bool(re.search(r"[\u4e00-\u9fff]", clause))
    past, coming = (_PAST_ZH, _COMING_ZH) if chinese else (_PAST_EN, _COMING_EN)
    if not chinese and re.search(r"\b(?:will|shall|going to)\b|'ll\b", text[first:start], re.IGNORECASE):
        return False  # I'll get it packed and handed over on Friday
    if coming.search(clause):
        return bool(chinese and re.search(r"已经?|刚刚?|曾|(?:说|讲|提|约|定)过", clause))
    if past.search(clause):
        return True
    whole = text[first:last]
    return not chinese and bool(past.search(whole)) and not coming.search(whole)
