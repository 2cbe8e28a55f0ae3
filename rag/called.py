"""How people are called who may not be named: by their post on a day and a letter of their own (设备科主任A)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, func, select

from governance.errors import Language
from governance.pseudonyms import NAME_FIELDS, NOBODY, TOKEN, Namer, token
from rag.company import Company
from rag.facts import holds, in_parts, people_of
from rag.merged import members, merged_into
from rag.tables import facts

_BARE = re.compile(r"[正副]?(?:主任|科长|处长|部长|院长|经理|总监|主管|科员|工程师|护士长)$")
Roles = Mapping[str, str]  # person → post, "" when it is not known; the place in it gives the letter


@dataclass(frozen=True, slots=True)
class Crew:
    """The people of some customers: the same person has the same post and letter in every text of that customer."""

    roles: Mapping[str, Roles] = field(default_factory=dict[str, Roles])  # by customer
    places: Mapping[str, str] = field(default_factory=dict[str, str])  # person → customer

    def of(self, customer: str) -> Roles:
        """Of one customer, as `vault.reveal` takes them."""
        return self.roles.get(customer, NOBODY)

    def calls(self, text: str, language: Language) -> dict[str, str]:
        """Each token of `text` → what stands for it; who belongs to no customer is numbered as he appears."""
        namers = {customer: Namer("", roles) for customer, roles in self.roles.items()}
        others = Namer(text, self.places)
        found: dict[str, str] = {}
        for match in TOKEN.finditer(text):
            namer = namers.get(self.places.get(match[1], ""), others)
            found[match[0]] = namer.call(match[1], match[2], language)
        return found

    def shown(self, text: str, language: Language) -> str:
        """The text with a pseudonym for every token; nothing of a person is left in it."""
        called = self.calls(text, language)
        return TOKEN.sub(lambda match: called[match[0]], text)

    def tokens(self, text: str, language: Language) -> dict[str, str]:
        """Pseudonym → token, the only way back; left out is what could mean two, or stands in the text itself."""
        rest, meant = TOKEN.sub("", text), dict[str, set[str]]()
        called = self.calls(text, language)
        for match in TOKEN.finditer(text):
            value = token(match[1], "name" if match[2] in NAME_FIELDS else match[2])
            meant.setdefault(called[match[0]], set()).add(value)
        return {name: next(iter(found)) for name, found in meant.items() if len(found) == 1 and name not in rest}


STRANGERS = Crew()  # nobody is known: all are numbered


def crew_of(
    tx: Connection, company: Company, day: date, language: Language, *, text: str = "", customer: str = ""
) -> Crew:
    """Of `customer` and of everybody in `text`; who belongs to several counts to `customer`, else to the first."""
    people = sorted({match[1] for match in TOKEN.finditer(text)})
    into, places = merged_into(tx), dict[str, str]()
    for part in in_parts(people):
        query = select(facts.c.subject, facts.c.about).where(facts.c.subject.in_(part), facts.c.about != "")
        for person, about in tx.execute(query.order_by(facts.c.known_from.desc(), facts.c.about.desc())):
            places[str(person)] = into.get(str(about), str(about))
    wanted = {*places.values(), *([into.get(customer, customer)] if customer else [])}
    roles = {each: roles_of(tx, company, each, day, language) for each in wanted}
    if customer:
        own = into.get(customer, customer)
        places |= dict.fromkeys(roles[own], own)
        roles[customer] = roles[own]
    return Crew(roles, places)


def roles_of(tx: Connection, company: Company, customer: str, day: date, language: Language) -> Roles:
    """
    Everybody who ever belonged to a customer, in the order of becoming known, with the post held on `day`.

    Who withdrew keeps his place, so that the letters of the others stay.
    """
    into = merged_into(tx)
    known = func.min(facts.c.known_from)
    query = select(facts.c.subject).where(facts.c.about.in_(members(tx, customer)), facts.c.subject.startswith("p_"))
    people = [str(each) for each in tx.scalars(query.group_by(facts.c.subject).order_by(known, facts.c.subject))]
    posts: dict[str, str] = {}
    for fact in sorted(people_of(tx, customer, "holds_title"), key=lambda each: each.valid_from or date.min):
        if holds(fact, day):
            posts[into.get(fact.subject, fact.subject)] = _post(company, fact.value, fact.attributes, language)
    return {person: posts.get(into.get(person, person), "") for person in people}


def _post(company: Company, title: str, attributes: Mapping[str, str], language: Language) -> str:
    """A title that says nothing by itself with its department: 设备科 + 主任."""
    said, department = company.translate(title, language), attributes.get("department", "")
    if language == "zh" and department and _BARE.match(title) and not TOKEN.search(department):
        return department + title
    return said


def crew_in(tx: Connection, company: Company, day: date, language: Language, texts: Iterable[str]) -> Crew:
    """Of everybody in these texts."""
    return crew_of(tx, company, day, language, text="\n".join(texts))
