"""Kinds, evidence, leases, withdrawal, and what the civil register says meanwhile, on both databases."""

from dataclasses import replace
from datetime import date, timedelta
from typing import TypeAlias

import pytest

from issuance.enrolment.confirmation import answers_of
from issuance.enrolment.errors import (
    BeingEditedError,
    CardNotStoppedError,
    EvidenceMissingError,
    NoCardToReplaceError,
    UnknownDocumentError,
    VersionConflictError,
)
from issuance.enrolment.evidence import Shown
from issuance.enrolment.kinds import RULES, ApplicationKind, ReplacementCause
from issuance.enrolment.repository import find_applications
from issuance.enrolment.service import Correction
from issuance.errors import (
    BirthDateMismatchError,
    CivilRegisterAnswerError,
    CivilRegisterUnavailableError,
    DeceasedError,
    ForbiddenTransitionError,
    InvalidInputError,
    InvalidNameError,
    LiveCardError,
    OpenApplicationError,
    OwnWorkError,
    RecordChangedError,
    RoleRequiredError,
    UnknownCitizenError,
)
from issuance.lifecycle.states import ApplicationState
from issuance.registry.dates import Precision
from simulators.population.register import record_of
from tests.integration.issuance.desk import (
    CLERK,
    OTHER_CLERK,
    OTHER_SUPERVISOR,
    PEOPLE,
    PORTRAIT,
    SUPERVISOR,
    Desk,
    new,
)

K: TypeAlias = ApplicationKind
C: TypeAlias = ReplacementCause
RECORD = record_of(PEOPLE.person(0))
LOST_PAPERS = (Shown("loss_declaration"), Shown("birth_certificate", "۱۲۳"))


def with_card(desk: Desk, state: str = "active") -> str:
    """The person has a card, handed over; returns its number."""
    application = desk.submitted()
    desk.approval.approve(SUPERVISOR, application)
    return desk.hand_over(application, "0000000001", state)


def test_the_way_of_a_first_card(desk: Desk) -> None:
    application = desk.open()
    assert desk.application(application).tracking_code is None
    desk.enrolment.submit(CLERK, application)
    submitted = desk.application(application)
    assert submitted.tracking_code is not None
    desk.approval.approve(SUPERVISOR, application)
    assert desk.state(application) == "approved"
    with desk.database.reading() as session:
        (answer,) = answers_of(session, application)
        assert answer.taken_over
        assert answer.record["surname"] == RECORD.surname
        assert (answer.asked_by, answer.asked_at, answer.revision) == ("clerk-1", desk.clock(), 1)


@pytest.mark.parametrize(("kind", "cause"), [key for key in RULES.kinds if key[0] is not K.NEW])
def test_nothing_is_replaced_where_there_is_no_card(desk: Desk, kind: K, cause: C | None) -> None:
    desk.register.add(RECORD)
    with pytest.raises(NoCardToReplaceError):
        desk.enrolment.open(CLERK, new(RECORD, kind, cause))


@pytest.mark.parametrize(("kind", "cause"), [(K.NEW, C.LOST), (K.REPLACEMENT, None), (K.RENEWAL, C.DAMAGED)])
def test_a_cause_is_a_replacements_alone(desk: Desk, kind: K, cause: C | None) -> None:
    desk.register.add(RECORD)
    with pytest.raises(InvalidInputError, match="lost, stolen or damaged"):
        desk.enrolment.open(CLERK, new(RECORD, kind, cause))


@pytest.mark.parametrize(("kind", "cause"), [key for key in RULES.kinds if key[0] is not K.NEW])
def test_each_kind_wants_its_own_documents(desk: Desk, kind: K, cause: C | None) -> None:
    card = with_card(desk, "suspended")
    application = desk.enrolment.open(CLERK, new(RECORD, kind, cause))
    assert desk.application(application).replaces == card
    needed = RULES.rule(kind, cause).documents
    for name in needed:
        with pytest.raises(EvidenceMissingError) as refused:
            desk.enrolment.submit(CLERK, application)
        assert name in refused.value.documents
        number = "AB-12" if RULES.documents[name].has_number else ""
        desk.enrolment.correct(CLERK, application, Correction(evidence=(Shown(name, number),)))
    desk.enrolment.submit(CLERK, application)
    assert {each.document for each in desk.application(application).evidence} == set(needed)


@pytest.mark.parametrize("cause", [C.LOST, C.STOLEN])
def test_a_lost_card_is_stopped_first(desk: Desk, cause: C) -> None:
    card = with_card(desk)
    evidence = (*LOST_PAPERS, Shown("police_report", "7"))
    application = desk.enrolment.open(CLERK, replace(new(RECORD, K.REPLACEMENT, cause), evidence=evidence))
    with pytest.raises(CardNotStoppedError) as refused:
        desk.enrolment.submit(CLERK, application)
    assert refused.value.card_number == card


def test_a_lost_card_that_was_revoked_long_ago_is_replaced(desk: Desk) -> None:
    with_card(desk, "revoked")
    lost = replace(new(RECORD, K.REPLACEMENT, C.LOST), evidence=LOST_PAPERS)
    application = desk.enrolment.open(CLERK, lost)
    desk.enrolment.submit(CLERK, application)
    assert {each.reference for each in desk.application(application).evidence} == {"", "123"}


def test_a_revoked_card_is_not_renewed(desk: Desk) -> None:
    with_card(desk, "revoked")
    with pytest.raises(NoCardToReplaceError):
        desk.enrolment.open(CLERK, new(RECORD, K.RENEWAL))


def test_a_first_card_while_one_is_live(desk: Desk) -> None:
    with_card(desk)
    with pytest.raises(LiveCardError):
        desk.enrolment.open(CLERK, new(RECORD))


@pytest.mark.parametrize(
    "shown",
    [
        Shown("library_card", "1"),
        Shown("birth_certificate"),
        Shown("loss_declaration", "1"),
        Shown("birth_certificate", "x" * 65),
        Shown("birth_certificate", "\u202e\u200f"),
    ],
)
def test_documents_that_are_none(desk: Desk, shown: Shown) -> None:
    application = desk.open()
    with pytest.raises(UnknownDocumentError):
        desk.enrolment.correct(CLERK, application, Correction(evidence=(shown,)))
    assert desk.application(application).evidence == []


def test_one_editor_at_a_time(desk: Desk) -> None:
    application = desk.open()
    with pytest.raises(BeingEditedError) as held:
        desk.enrolment.correct(OTHER_CLERK, application, Correction(latin_surname="Other"))
    assert held.value.holder == "clerk-1"
    desk.clock.forward(minutes=16)
    with pytest.raises(RoleRequiredError):
        desk.enrolment.correct(OTHER_CLERK, application, Correction(latin_surname="Other"))
    with pytest.raises(RoleRequiredError):
        desk.enrolment.take_over(OTHER_CLERK, application)
    desk.enrolment.correct(CLERK, application, Correction(latin_surname="Own"))
    assert desk.application(application).latin_surname == "Own"


def test_a_supervisor_takes_over_and_then_decides_nothing(desk: Desk) -> None:
    application = desk.open()
    desk.enrolment.take_over(SUPERVISOR, application)
    with pytest.raises(BeingEditedError):
        desk.enrolment.correct(CLERK, application, Correction(latin_surname="Late"))
    desk.enrolment.correct(SUPERVISOR, application, Correction(latin_surname="Taken"))
    desk.enrolment.submit(SUPERVISOR, application)
    with pytest.raises(OwnWorkError):
        desk.approval.approve(SUPERVISOR, application)
    assert "application.taken_over" in desk.actions(application)
    desk.approval.approve(OTHER_SUPERVISOR, application)
    assert desk.state(application) == "approved"


def test_who_took_the_portrait_does_not_decide(desk: Desk) -> None:
    application = desk.open()
    desk.enrolment.take_over(SUPERVISOR, application)
    desk.enrolment.correct(SUPERVISOR, application, Correction(portrait=PORTRAIT))
    desk.enrolment.give_back(SUPERVISOR, application)
    desk.enrolment.correct(CLERK, application, Correction(latin_surname="Last"))
    desk.enrolment.submit(CLERK, application)
    assert desk.application(application).edited_by == "clerk-1"
    for decide in (desk.approval.refuse, desk.approval.send_back):
        with pytest.raises(OwnWorkError):
            decide(SUPERVISOR, application, "no")


def test_who_returned_it_may_put_it_right_but_not_decide_again(desk: Desk) -> None:
    application = desk.submitted()
    desk.approval.send_back(SUPERVISOR, application, "the name")
    desk.enrolment.take_over(SUPERVISOR, application)
    desk.enrolment.correct(SUPERVISOR, application, Correction(latin_surname="Right"))
    desk.enrolment.submit(SUPERVISOR, application)
    with pytest.raises(OwnWorkError):
        desk.approval.approve(SUPERVISOR, application)


def test_what_was_looked_at_is_what_is_changed_and_approved(desk: Desk) -> None:
    application = desk.open()
    seen = desk.application(application).version
    desk.enrolment.correct(CLERK, application, Correction(latin_surname="One", version=seen))
    with pytest.raises(VersionConflictError):
        desk.enrolment.correct(CLERK, application, Correction(latin_surname="Two", version=seen))
    with pytest.raises(VersionConflictError):
        desk.enrolment.submit(CLERK, application, seen)
    desk.enrolment.submit(CLERK, application)
    with pytest.raises(VersionConflictError):
        desk.approval.approve(SUPERVISOR, application, seen)
    assert desk.application(application).latin_surname == "One"
    desk.approval.approve(SUPERVISOR, application, desk.application(application).version)


@pytest.mark.parametrize("stage", ["draft", "submitted", "returned", "approved"])
def test_withdrawal(desk: Desk, stage: str) -> None:
    application = desk.open()
    if stage != "draft":
        desk.enrolment.submit(CLERK, application)
    if stage == "returned":
        desk.approval.send_back(SUPERVISOR, application, "wrong")
    if stage == "approved":
        desk.approval.approve(SUPERVISOR, application)
    assert desk.state(application) == stage
    with pytest.raises(RoleRequiredError):
        desk.enrolment.withdraw(OTHER_CLERK, application)
    desk.enrolment.withdraw(CLERK, application)
    assert desk.state(application) == "withdrawn"
    with pytest.raises(ForbiddenTransitionError):
        desk.enrolment.submit(CLERK, application)
    assert desk.enrolment.open(OTHER_CLERK, new(RECORD)) != application


def test_two_applications_of_one_person(desk: Desk) -> None:
    desk.open()
    with pytest.raises(OpenApplicationError):
        desk.enrolment.open(OTHER_CLERK, new(RECORD))


def test_the_dead_get_no_card(desk: Desk) -> None:
    dead = replace(RECORD, deceased_on=date(2026, 2, 1), revision=2)
    desk.register.add(dead)
    with pytest.raises(DeceasedError):
        desk.enrolment.open(CLERK, new(dead))


def test_a_death_before_the_submission_and_before_the_approval(desk: Desk) -> None:
    application, other = desk.open(0), desk.submitted(1)
    for number in (0, 1):
        record = record_of(PEOPLE.person(number))
        desk.register.add(replace(record, deceased_on=date(2026, 3, 2), revision=2))
    desk.clock.forward(days=8)
    with pytest.raises(DeceasedError):
        desk.enrolment.submit(CLERK, application)
    with pytest.raises(DeceasedError):
        desk.approval.approve(SUPERVISOR, other)
    assert (desk.state(application), desk.state(other)) == ("draft", "submitted")
    with desk.database.reading() as session:
        assert [each.taken_over for each in answers_of(session, other)] == [True, False]
    with pytest.raises(DeceasedError):
        desk.enrolment.accept_record(CLERK, application)


def test_a_changed_record_is_offered_and_taken_over(desk: Desk) -> None:
    application = desk.open()
    changed = replace(RECORD, surname="كاكاوند\u200f", latin_surname="Kakavand", revision=2)
    desk.register.add(changed)
    desk.enrolment.submit(CLERK, application)  # what was said an hour ago still holds
    desk.approval.send_back(SUPERVISOR, application, "another name now?")
    desk.clock.forward(days=2)
    with pytest.raises(RecordChangedError) as refused:
        desk.enrolment.submit(CLERK, application)
    assert refused.value.fields == ("surname",)
    assert "کاکاوند" not in str(refused.value)
    with pytest.raises(RecordChangedError):  # asked again as long as nobody took it over
        desk.enrolment.submit(CLERK, application)
    assert desk.enrolment.accept_record(CLERK, application) == ("surname",)
    desk.enrolment.submit(CLERK, application)
    now = desk.application(application)
    assert (now.citizen.surname, now.latin_surname) == ("کاکاوند", "Kakavand")
    with desk.database.reading() as session:
        assert [each.taken_over for each in answers_of(session, application)] == [True, False, False, True]


def test_a_change_before_the_approval_goes_back_to_the_clerk(desk: Desk) -> None:
    application = desk.submitted()
    desk.register.add(replace(RECORD, birth_date=RECORD.birth_date + timedelta(days=1), revision=2))
    desk.clock.forward(days=8)
    with pytest.raises(RecordChangedError):
        desk.approval.approve(SUPERVISOR, application)
    desk.approval.send_back(SUPERVISOR, application, "the register has another date")
    desk.enrolment.accept_record(CLERK, application)
    desk.enrolment.submit(CLERK, application)
    desk.approval.approve(SUPERVISOR, application)


def test_an_answer_that_is_fresh_is_not_asked_for_again(desk: Desk) -> None:
    application = desk.submitted()
    desk.clock.forward(days=6)
    desk.approval.approve(SUPERVISOR, application)
    assert desk.register.asked == 1


def test_whoever_may_not_decide_asks_no_register(desk: Desk) -> None:
    application = desk.submitted()
    desk.clock.forward(days=30)
    asked = desk.register.asked
    for actor, refusal in ((CLERK, OwnWorkError), (OTHER_CLERK, RoleRequiredError)):
        with pytest.raises(refusal):
            desk.approval.approve(actor, application)
    assert desk.register.asked == asked


def test_a_register_that_is_down_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    application = desk.submitted()
    desk.clock.forward(days=8)

    def down(_code: str) -> None:
        raise CivilRegisterUnavailableError("down")

    monkeypatch.setattr(desk.register, "find", down)
    with pytest.raises(CivilRegisterUnavailableError):
        desk.approval.approve(SUPERVISOR, application)
    with pytest.raises(CivilRegisterUnavailableError):
        desk.enrolment.open(CLERK, new(record_of(PEOPLE.person(1))))
    assert desk.state(application) == "submitted"


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, surname="\u200f "),
        replace(RECORD, surname="کاشانی (ترابی)"),
        replace(RECORD, surname="کاشانی۲"),
        replace(RECORD, given_name="\u0301"),
        replace(RECORD, father_name="ا" * 101),
        replace(RECORD, deceased_on=date(1800, 1, 1)),
    ],
)
def test_answers_that_cannot_be_believed(desk: Desk, record: object) -> None:
    desk.register.records[RECORD.national_code] = record  # type: ignore[assignment]
    with pytest.raises(CivilRegisterAnswerError):
        desk.enrolment.open(CLERK, new(RECORD))


def test_an_answer_about_somebody_else(desk: Desk) -> None:
    desk.register.records[RECORD.national_code] = record_of(PEOPLE.person(1))
    with pytest.raises(CivilRegisterAnswerError, match="another person"):
        desk.enrolment.open(CLERK, new(RECORD))


def test_nobody_and_somebody_elses_birthday(desk: Desk) -> None:
    with pytest.raises(UnknownCitizenError):
        desk.enrolment.open(CLERK, new(RECORD))
    desk.register.add(RECORD)
    with pytest.raises(BirthDateMismatchError):
        desk.enrolment.open(CLERK, new(RECORD, birth_date=date(1999, 9, 9)))


def test_a_register_that_knows_the_year_alone(desk: Desk) -> None:
    record = desk.register.add(replace(RECORD, birth_date=date(1990, 3, 21), birth_precision=Precision.YEAR))
    with pytest.raises(BirthDateMismatchError):
        desk.enrolment.open(CLERK, new(record, birth_date=date(1991, 3, 21)))
    application = desk.enrolment.open(CLERK, new(record, birth_date=date(1990, 12, 5)))
    assert desk.application(application).citizen.birth_precision == "year"


def test_a_person_with_one_name(desk: Desk) -> None:
    record = desk.register.add(
        replace(RECORD, given_name="", surname="آرش", latin_given_name="", latin_surname="Arash")
    )
    application = desk.enrolment.open(CLERK, new(record))
    desk.enrolment.submit(CLERK, application)
    assert (desk.application(application).latin_given_name, desk.application(application).latin_surname) == (
        "",
        "Arash",
    )


def test_a_latin_name_too_long_for_the_card_is_shortened_by_the_clerk(desk: Desk) -> None:
    record = desk.register.add(replace(RECORD, latin_surname="Abdolrahmanzadeh Khatounabadi Firouzkouhi"))
    with pytest.raises(InvalidNameError):
        desk.enrolment.open(CLERK, new(record))
    application = desk.enrolment.open(CLERK, replace(new(record), latin_surname="Abdolrahmanzadeh K F"))
    assert desk.application(application).latin_surname == "Abdolrahmanzadeh K F"


def test_applications_are_found_by_their_persons(desk: Desk) -> None:
    first, _other = desk.open(0), desk.open(1)
    record = record_of(PEOPLE.person(0))
    full = f"{record.given_name} {record.surname}"

    def found(words: str, state: ApplicationState | None = None) -> list[str]:
        with desk.database.reading() as session:
            page = find_applications(session, state, words, 1)
        assert page.total == len(page.applications)
        return [application.id for application in page.applications]

    born = record.birth_date.isoformat()
    for words in (record.national_code, first.lower(), full, f"{record.surname} {record.given_name}"):
        assert found(words) == [first]
    for words in (f"{record.surname} {born}", f"{record.given_name} {born}", f"{full} {born}"):
        assert found(words) == [first]
    for words in (record.surname, f"{full} 1950/01/01", "%", "0" * 10, "' OR 1=1", f"{full} x"):
        assert found(words) == []
    assert found(full, ApplicationState.SUBMITTED) == []
    assert len(found("")) == 2


def test_what_went_back_and_came_again_meanwhile_is_not_approved_unseen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the decision, while the civil register is asked."""
    application, second = desk.submitted(), OTHER_SUPERVISOR
    search = desk.duplicates.search_again

    def meanwhile(username: str, application_id: str) -> None:
        monkeypatch.undo()
        desk.approval.send_back(second, application, "the name")
        desk.enrolment.correct(CLERK, application, Correction(latin_surname="Another"))
        desk.clock.forward(minutes=1)
        desk.enrolment.submit(CLERK, application)
        search(username, application_id)

    monkeypatch.setattr(desk.duplicates, "search_again", meanwhile)
    with pytest.raises(VersionConflictError):
        desk.approval.approve(SUPERVISOR, application)
    assert desk.state(application) == ApplicationState.SUBMITTED
