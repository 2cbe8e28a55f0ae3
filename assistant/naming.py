"""People in texts: named to a rep with a live permit for them, called by post or number for everybody else."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from assistant.i18n import Locale, language_of
from assistant.parts import Parts
from assistant.view import SEPARATOR
from governance import consent, vault
from governance.accounts import User
from governance.db import reading
from governance.errors import Language, NoConsent
from governance.vault import token
from rag.called import STRANGERS, Crew
from rag.customer_360 import consents_with
from rag.merged import merged_into

Names = Mapping[tuple[str, str], str]  # person and field → name


def permitted_names(
    parts: Parts, called: Callable[[str], str], people: Iterable[str], user: User, language: Language, now: datetime
) -> dict[tuple[str, str], str]:
    """In the records' two languages, of those whom this viewer may contact at this moment; noted in the ledger."""
    names: dict[tuple[str, str], str] = {}
    for person in people if "rep" in user.roles else ():
        if not person.startswith("p_"):
            continue
        with reading(parts.db) as tx:
            given = consents_with(tx, person, merged_into(tx))
        try:
            permit = consent.permit(person, "contact", given, actor=user.name, now=now, called=called(person))
        except NoConsent:
            continue
        asked = SEPARATOR.join(token(person, field) for field in vault.NAME_FIELDS)
        with parts.db.begin() as tx:
            shown = vault.reveal(tx, parts.vault, permit, asked, language, now=now)
        if shown != vault.pseudonymise(asked, language):
            fields = zip(vault.NAME_FIELDS, shown.split(SEPARATOR), strict=True)
            names |= {(person, field): name for field, name in fields}
    return names


@dataclass(frozen=True, slots=True)
class Numbering:
    """How one viewer reads texts that hold tokens; who is not named is called by his post where `crew` knows him."""

    names: Names
    lang: Locale
    crew: Crew = STRANGERS

    def name(self, person: str) -> str:
        """ "" for whom he may not see by name."""
        return self.names.get((person, "name" if self.lang == "zh-CN" else "name_en"), "")

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Each of those who are not named is called the same in all of the texts."""
        named = [vault.TOKEN.sub(self._name_of, text) for text in texts]
        if not named:
            return []
        return self.crew.shown(SEPARATOR.join(named), language_of(self.lang)).split(SEPARATOR)

    def text(self, text: str) -> str:
        """One text by itself."""
        return self.texts([text])[0]

    def _name_of(self, match: re.Match[str]) -> str:
        """Only a name is ever put in: telephone numbers and the like stay tokens."""
        return self.names.get((match[1], match[2]), match[0])
