"""What Web eID asks of an OCSP answer beyond RFC 6960: one answer to one question, and a young one."""

from datetime import datetime, timedelta

from pki.validation.ocsp import OcspAnswer, SingleAnswer
from verifier.authentication.statuserrors import StatusStaleError, StatusUntrustedAnswerError


def check_answer(answer: OcspAnswer, at: datetime, max_age: timedelta, skew: timedelta) -> None:
    """Raises StatusUntrustedAnswerError, StatusStaleError. Who signed it, and about what, is for others."""
    singles = [single for group in answer.answers.values() for single in group]
    if len(singles) != 1:
        raise StatusUntrustedAnswerError((f"{len(singles)} answers to one question",))
    check_times(singles[0], at, max_age, skew)


def check_times(single: SingleAnswer, at: datetime, max_age: timedelta, skew: timedelta) -> None:
    """Differences, not sums: times at the ends of the calendar come too. Raises StatusStaleError."""
    if single.this_update - at > skew:
        raise StatusStaleError("thisUpdate has not come")
    if at - single.this_update > max_age:
        raise StatusStaleError("thisUpdate is too long ago")
    if single.next_update is None:
        return
    if single.next_update < single.this_update:
        raise StatusStaleError("nextUpdate is before thisUpdate")
    if at - single.next_update > skew:
        raise StatusStaleError("nextUpdate is over")


def young_until(answer: OcspAnswer, max_age: timedelta) -> datetime:
    """The last moment at which an answer that passed `check_answer` would pass it, without any skew."""
    [single] = [single for group in answer.answers.values() for single in group]
    oldest = single.this_update + max_age
    return oldest if single.next_update is None else min(oldest, single.next_update)
