"""Slips of real applications, and the question that needs no login, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from secrets import token_bytes

import pytest

from issuance.audit import Audit
from issuance.errors import ForbiddenTransitionError
from issuance.lifecycle.states import ApplicationState
from issuance.orders.service import Orders
from issuance.registry.dates import Precision
from issuance.tracking import throttle
from issuance.tracking.codes import check_symbol, printed
from issuance.tracking.errors import StatusThrottledError, StatusUnknownError
from issuance.tracking.service import MOST_WRONG, WINDOW, Tracking
from issuance.tracking.slips import verify
from simulators.population.register import record_of
from tests.integration.issuance.desk import CLERK, PEOPLE, SUPERVISOR, Desk, new

BORN = PEOPLE.person(0).birth_date
WRONG = date(1999, 9, 9)


def code_of(desk: Desk, application: str) -> str:
    code = desk.application(application).tracking_code
    assert code is not None
    return code


def tracking_of_another_process(desk: Desk) -> Tracking:
    return Tracking(desk.database, desk.tracking.keys, desk.clock)


def test_how_far_it_is(desk: Desk) -> None:
    application = desk.submitted()
    code = printed(code_of(desk, application)).lower()
    status = desk.tracking.status(code, BORN, "1")
    assert (status.stage, status.promised_on) == (ApplicationState.SUBMITTED, None)  # nobody has reckoned it
    desk.approval.approve(SUPERVISOR, application)
    assert desk.tracking.status(code, BORN, "1").stage is ApplicationState.APPROVED


def test_no_date_is_told_that_nobody_can_know(desk: Desk) -> None:
    application = desk.submitted()
    desk.approval.approve(SUPERVISOR, application)
    Orders(desk.database, Audit(desk.clock), desk.clock, token_bytes).tell(CLERK, application)
    # No card was ever made here: nobody can know how long it takes.
    assert desk.tracking.status(code_of(desk, application), BORN, "1").promised_on is None


def test_wrong_codes_and_wrong_dates_are_answered_alike(desk: Desk) -> None:
    code = code_of(desk, desk.submitted())
    nobodys = "000000000" + check_symbol("000000000")
    told = set()
    for asked, born in ((code, WRONG), (nobodys, BORN), (nobodys, WRONG), ("no code", BORN), ("", BORN)):
        with pytest.raises(StatusUnknownError) as refused:
            desk.tracking.status(asked, born, "1")
        told.add(str(refused.value))
    assert len(told) == 1


def test_guessing_the_date_of_a_code_ends_for_all_processes(desk: Desk) -> None:
    code = code_of(desk, desk.submitted())
    for _ in range(MOST_WRONG):
        with pytest.raises(StatusUnknownError):
            desk.tracking.status(code, WRONG, "1")
    for address, tracking in (("1", desk.tracking), ("2", tracking_of_another_process(desk))):
        with pytest.raises(StatusThrottledError) as refused:
            tracking.status(code, BORN, address)
        assert 0 < refused.value.wait_s <= WINDOW.total_seconds() + 1
    desk.clock.now += WINDOW
    assert desk.tracking.status(code, BORN, "3").stage is ApplicationState.SUBMITTED


def test_asking_all_at_once_gives_no_more_tries(desk: Desk) -> None:
    code = code_of(desk, desk.submitted())

    def guess(number: int) -> type[Exception] | None:
        try:
            desk.tracking.status(code, WRONG + timedelta(days=number), str(number))
        except (StatusUnknownError, StatusThrottledError) as error:
            return type(error)
        return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(24)))
    assert answers.count(StatusUnknownError) == MOST_WRONG
    assert answers.count(StatusThrottledError) == 24 - MOST_WRONG


def test_right_answers_cost_no_tries(desk: Desk) -> None:
    code = code_of(desk, desk.submitted())
    for _ in range(max(MOST_WRONG, throttle.ALLOWED) + 5):
        desk.tracking.status(code, BORN, "1")


def test_an_address_that_guesses_codes_waits(desk: Desk) -> None:
    code = code_of(desk, desk.submitted())
    for _ in range(throttle.ALLOWED):
        with pytest.raises(StatusUnknownError):
            desk.tracking.status("no code", BORN, "guesser")
    with pytest.raises(StatusThrottledError):
        desk.tracking.status(code, BORN, "guesser")
    assert desk.tracking.status(code, BORN, "somebody else").stage is ApplicationState.SUBMITTED
    desk.clock.now += throttle.WINDOW
    assert desk.tracking.status(code, BORN, "guesser").stage is ApplicationState.SUBMITTED


def test_a_flood_of_addresses_takes_no_more_memory(desk: Desk) -> None:
    tries = desk.tracking._addresses
    for number in range(throttle.MAX_ADDRESSES + 100):
        tries.take(str(number))
    assert len(tries._counts) == throttle.MAX_ADDRESSES


def test_a_birth_date_of_which_a_part_is_known(desk: Desk) -> None:
    record = replace(
        record_of(PEOPLE.person(0)), birth_date=date(1990, 3, 21), birth_precision=Precision.YEAR
    )
    desk.register.add(record)
    application = desk.enrolment.open(CLERK, new(record))
    desk.enrolment.submit(CLERK, application)
    code = code_of(desk, application)
    assert desk.tracking.status(code, date(1990, 11, 11), "1").stage is ApplicationState.SUBMITTED
    with pytest.raises(StatusUnknownError):
        desk.tracking.status(code, date(1991, 3, 21), "1")


def test_the_slip_of_an_application(desk: Desk) -> None:
    application = desk.submitted()
    slip, text = desk.tracking.slip(application)
    assert verify(text, desk.tracking.keys.public, desk.clock()) == slip
    assert slip.tracking_code == code_of(desk, application)
    assert slip.code_ending == PEOPLE.national_code(0)[-4:]
    assert PEOPLE.national_code(0) not in text


def test_slips_are_for_what_is_under_way(desk: Desk) -> None:
    draft = desk.open()
    with pytest.raises(ForbiddenTransitionError):
        desk.tracking.slip(draft)
    desk.enrolment.submit(CLERK, draft)
    desk.approval.refuse(SUPERVISOR, draft, "no")
    with pytest.raises(ForbiddenTransitionError):
        desk.tracking.slip(draft)


def test_a_code_stays_over_a_return(desk: Desk) -> None:
    application = desk.submitted()
    code = code_of(desk, application)
    desk.approval.send_back(SUPERVISOR, application, "again")
    assert desk.tracking.status(code, BORN, "1").stage is ApplicationState.RETURNED
    desk.enrolment.submit(CLERK, application)
    assert code_of(desk, application) == code
