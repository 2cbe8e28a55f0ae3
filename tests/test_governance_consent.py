"""Consent: who may be contacted, why not, and what a permit reaches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from governance import passport
from governance.consent import REDACTION, Consent, consents_of, permit, record, redaction_permit
from governance.errors import NoConsent, NotFound

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PERSON, OTHER = "p_0123456789abcdef", "p_fedcba9876543210"


def consent(
    given: int = -100,
    expires: int | None = None,
    withdrawn: int | None = None,
    purpose: str = "contact",
    who: str = PERSON,
) -> Consent:
    """Days from now."""
    ends, gone = (None if days is None else NOW + days * DAY for days in (expires, withdrawn))
    return Consent(who, purpose, NOW + given * DAY, ends, gone, "visit", None, "a" * 64)


LIVE = [
    [consent()],
    [consent(expires=1)],
    [consent(withdrawn=1)],
    [consent(-300, expires=-10), consent(-5)],
    [consent(-300, withdrawn=-10), consent(-5)],
    [consent(purpose="training", withdrawn=-10), consent()],
    [consent(who=OTHER, withdrawn=-10), consent()],
]
REFUSED = [
    ([], "没有同意记录", "absent"),
    ([consent(purpose="training")], "没有同意记录", "absent"),
    ([consent(who=OTHER)], "没有同意记录", "absent"),
    ([consent(given=1)], "没有同意记录", "absent"),
    ([consent(expires=0)], "已于 2026-11-20 到期", "expired on 2026-11-20"),
    ([consent(-300, expires=-10), consent(-200, expires=-2)], "已于 2026-11-18 到期", "expired on 2026-11-18"),
    ([consent(withdrawn=0)], "已于 2026-11-20 撤回", "withdrawn on 2026-11-20"),
    ([consent(withdrawn=-10), consent()], "已于 2026-11-10 撤回", "withdrawn on 2026-11-10"),
    ([consent(withdrawn=-10), consent(-50)], "已于 2026-11-10 撤回", "withdrawn on 2026-11-10"),
    ([consent(-300, withdrawn=-10), consent(-9, expires=-2)], "已于 2026-11-18 到期", "expired on 2026-11-18"),
    ([consent(withdrawn=-10, expires=-20)], "已于 2026-11-10 撤回", "withdrawn on 2026-11-10"),
]


@pytest.mark.parametrize("consents", LIVE)
def test_a_live_consent_gives_a_permit_for_this_person_only(consents: list[Consent]) -> None:
    given = permit(PERSON, "contact", consents, actor="rep", now=NOW, called="和平医院设备科主任")
    assert (given.actor, given.purpose, given.granted_at) == ("rep", "contact", NOW)
    assert given.basis == "consent:" + "a" * 64
    assert given.covers(PERSON)
    assert not given.covers(OTHER)


@pytest.mark.parametrize(("consents", "chinese", "english"), REFUSED)
def test_without_a_live_consent_the_refusal_says_why(consents: list[Consent], chinese: str, english: str) -> None:
    with pytest.raises(NoConsent) as refusal:
        permit(PERSON, "contact", consents, actor="rep", now=NOW, called="和平医院设备科主任")
    assert f"不能联系和平医院设备科主任：没有“联系”用途的有效同意（{chinese}）" in refusal.value.say("zh")
    assert f"no live consent for 'contact' ({english})" in refusal.value.say("en")
    assert PERSON not in refusal.value.say("zh")


def test_a_redaction_permit_reaches_everybody_and_no_other_permit_can() -> None:
    everybody = redaction_permit("importer", NOW)
    assert everybody.purpose == REDACTION
    assert everybody.covers(PERSON)
    one = permit(PERSON, "contact", [consent()], actor="rep", now=NOW, called="x")
    with pytest.raises(ValueError, match="names its subjects"):
        replace(one, subjects=None)
    with pytest.raises(ValueError, match="names its subjects"):
        replace(one, purpose=REDACTION)


def test_consents_are_recorded_once_and_never_changed(db: Engine) -> None:
    with db.begin() as tx:
        issued = passport.issue(
            tx, kind="record", origin="consents.csv#1", sha256="0" * 64, purposes=["contact"], channel="crm", now=NOW
        )
        given = replace(consent(), passport=issued.id, text_hash="b" * 64)
        withdrawn = replace(given, withdrawn_at=NOW - DAY)
        for each in (given, given, withdrawn, given):  # a stale export follows
            record(tx, each)
        assert consents_of(tx, PERSON) == [given, withdrawn]
        assert consents_of(tx, OTHER) == []
        with pytest.raises(NoConsent, match="withdrawn on 2026-11-19"):
            permit(PERSON, "contact", consents_of(tx, PERSON), actor="rep", now=NOW, called="x")


def test_a_passport_is_the_same_for_the_same_content_and_counts_versions_of_one_origin(db: Engine) -> None:
    def issue(sha256: str, purposes: list[str], now: datetime = NOW) -> passport.Passport:
        return passport.issue(
            tx, kind="document", origin="说明书.docx", sha256=sha256, purposes=purposes, channel="upload", now=now
        )

    with db.begin() as tx:
        first = issue("1" * 64, ["training", "retrieval"])
        assert issue("1" * 64, ["retrieval", "training"], NOW + DAY) == first
        assert (first.version, first.collected_at, first.permits("training")) == (1, NOW, True)
        assert issue("2" * 64, ["training", "retrieval"]).version == 2
        third = issue("2" * 64, ["retrieval"])
        assert (third.version, third.permits("training")) == (3, False)
        assert passport.passport_of(tx, third.id) == third
        with pytest.raises(NotFound):
            passport.passport_of(tx, "0" * 64)
