"""Failed tries: counted for all servers, bounded where the password is known, told to holder and chain."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from issuance.audit import AuditEntry
from issuance.errors import LoginRefusedError
from issuance.operators.accounts import Wanted
from issuance.operators.changes import ChangeKind, OperatorCard
from issuance.operators.failures import MOST_CODES, NOTED_AT, Failures, OperatorFailures
from tests.unit.issuance.operators.test_second_factors import CLERK, FIRST, OTHER, SECOND, House, house

__all__ = ["house"]
LONGEST_WAIT = timedelta(minutes=16)


def counting(house: House) -> Failures:
    """As servers count; a try at a password costs more time than there is for hundreds of them."""
    return Failures(house.depot.database, house.depot.audit, house.depot.clock)


def wrong_codes(house: House, number: int) -> None:
    """As slowly as they are compared; the last ones at two servers and from two networks."""
    failures, servers = counting(house), (house.operators, house.again)
    for _ in range(number - len(servers)):
        assert failures.take_code(CLERK.username)
        failures.code_failed(CLERK.username)
    for count, server in enumerate(servers[: min(number, len(servers))]):
        house.depot.clock.forward(LONGEST_WAIT)
        with pytest.raises(LoginRefusedError):
            server.sign_in(CLERK.username, house.passwords[CLERK.username], f"client {count}", "000000")


def wrong_passwords(house: House, number: int, username: str = CLERK.username) -> None:
    for count in range(number):
        with pytest.raises(LoginRefusedError):
            house.operators.sign_in(username, "wrong", f"client {count}")


def noted(house: House) -> list[tuple[str, object]]:
    query = select(AuditEntry).where(AuditEntry.action == "operator.sign_in_failed")
    with house.depot.database.reading() as session:
        entries = session.scalars(query.order_by(AuditEntry.sequence)).all()
    assert {entry.subject for entry in entries} <= {f"operator:{CLERK.username}"}
    return [(str(entry.details["factor"]), entry.details["in_a_row"]) for entry in entries]


def test_guessing_of_codes_ends(house: House) -> None:
    secret = house.enrol()
    wrong_codes(house, MOST_CODES)
    house.depot.clock.forward(LONGEST_WAIT)
    for server in (house.operators, house.again):
        with pytest.raises(LoginRefusedError):
            server.sign_in(CLERK.username, house.passwords[CLERK.username], "another", house.code(secret))
    assert noted(house) == [("code", count) for count in sorted(NOTED_AT)]
    accounts = {account.username: account.second_factor_closed for account in house.accounts.all(FIRST)}
    assert {name for name, closed in accounts.items() if closed} == {CLERK.username}


def test_a_right_code_before_the_bound_begins_anew(house: House) -> None:
    secret = house.enrol()
    wrong_codes(house, MOST_CODES - 1)
    house.depot.clock.forward(LONGEST_WAIT)
    assert house.sign_in(code=house.code(secret))
    wrong_codes(house, 1)
    house.depot.clock.forward(LONGEST_WAIT)
    assert house.sign_in(code=house.code(secret))


def test_at_once_no_more_codes_are_compared_than_there_are_tries(house: House) -> None:
    house.enrol()
    wrong_codes(house, MOST_CODES - 3)
    failures = counting(house)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: failures.take_code(CLERK.username), range(8)))
    assert sum(taken) == 3


def test_two_administrators_open_it_again(house: House) -> None:
    house.enrol()
    wrong_codes(house, MOST_CODES)
    house.depot.clock.forward(LONGEST_WAIT)
    reset = house.accounts.propose(FIRST, Wanted(ChangeKind.TOTP_RESET, CLERK.username))
    house.accounts.confirm(SECOND, reset)
    secret = house.enrol()
    assert house.sign_in(code=house.code(secret))


def test_the_holders_card_opens_it_again(house: House) -> None:
    secret = house.enrol()
    wrong_codes(house, MOST_CODES)
    change = house.accounts.propose(FIRST, Wanted(ChangeKind.CARD, CLERK.username))
    house.accounts.confirm(SECOND, change)
    now = house.depot.clock()
    with house.depot.database.writing() as session:
        bound = {"username": CLERK.username, "confirmed_by": SECOND.username, "certificate_sha256": "cd"}
        times = {"issued_at": now, "not_after": now + timedelta(days=1)}
        session.add(OperatorCard(change_id=change, serial="ab", **bound, **times))
    assert house.operators.sign_in_holder(CLERK.username, lambda digest: digest == "cd")
    house.depot.clock.forward(LONGEST_WAIT)
    assert house.sign_in(code=house.code(secret))


def test_nobody_without_the_password_closes_anything(house: House) -> None:
    secret = house.enrol()
    for _ in range(2 * MOST_CODES):
        counting(house).password_failed(CLERK.username)
    wrong_passwords(house, 3)
    with pytest.raises(LoginRefusedError):
        house.operators.sign_in(CLERK.username, "wrong", "elsewhere", house.code(secret))
    assert house.sign_in(code=house.code(secret), client="at home")
    assert noted(house) == [("password", count) for count in sorted(NOTED_AT)]


def test_without_a_code_nothing_is_guessed(house: House) -> None:
    secret = house.enrol()
    wrong_codes(house, MOST_CODES - 1)
    for code in (None, "", None):
        house.depot.clock.forward(LONGEST_WAIT)
        with pytest.raises(LoginRefusedError):
            house.sign_in(code=code)
    house.depot.clock.forward(LONGEST_WAIT)
    assert house.sign_in(code=house.code(secret))


def test_the_holder_is_told_at_the_next_sign_in(house: House) -> None:
    secret = house.enrol()
    wrong_passwords(house, 3)
    wrong_codes(house, 2)
    last = house.depot.clock()
    house.depot.clock.forward(LONGEST_WAIT)
    token = house.sign_in(code=house.code(secret))
    told = house.again.failed_before(token)
    assert (told.tries, told.last_at) == (5, last)
    house.depot.clock.forward(LONGEST_WAIT)
    told = house.operators.failed_before(house.sign_in(code=house.code(secret)))
    assert (told.tries, told.last_at) == (0, None)


def test_a_proof_in_between_hides_nothing_from_the_holder(house: House) -> None:
    secret = house.enrol()
    token = house.sign_in(code=house.code(secret))
    wrong_codes(house, 4)
    house.depot.clock.forward(LONGEST_WAIT)
    house.operators.prove(token, house.passwords[CLERK.username], "here", house.code(secret))
    house.depot.clock.forward(LONGEST_WAIT)
    assert house.operators.failed_before(house.sign_in(code=house.code(secret))).tries == 4


def test_others_are_told_nothing(house: House) -> None:
    wrong_passwords(house, 4)
    assert house.operators.failed_before(house.sign_in(OTHER)).tries == 0


@pytest.mark.parametrize("name", ["nobody", "", " clerk-9", "CLERK-9"])
def test_names_that_nobody_has_leave_one_row(house: House, name: str) -> None:
    wrong_passwords(house, 6, name)
    with house.depot.database.reading() as session:
        counted = dict(session.execute(select(OperatorFailures.username, OperatorFailures.passwords)).all())
    assert counted == {"": 6}
    assert noted(house) == []
