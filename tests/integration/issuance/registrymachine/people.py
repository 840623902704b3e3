"""Who acts in the registry's machine, and the choices that its rules draw from."""

from itertools import permutations

from hypothesis import strategies as st

from issuance.enrolment.kinds import ApplicationKind, ReplacementCause
from issuance.operators.models import Role
from issuance.operators.service import Actor

CLERK, SECOND_CLERK = Actor("clerk-1", Role.CLERK), Actor("clerk-2", Role.CLERK)
SUPERVISOR, SECOND_SUPERVISOR = Actor("supervisor-1", Role.SUPERVISOR), Actor("supervisor-2", Role.SUPERVISOR)
KEEPER, SECOND_KEEPER = Actor("stock-1", Role.STOCK), Actor("stock-2", Role.STOCK)
INSPECTOR = Actor("production-1", Role.PRODUCTION)
ADMINISTRATOR = Actor("administrator-1", Role.ADMINISTRATOR)
OFFICER = Actor("pki-officer-1", Role.PKI_OFFICER)
NEWCOMERS = (SECOND_CLERK, SECOND_SUPERVISOR, INSPECTOR)
ANYBODY = st.sampled_from([CLERK, SECOND_CLERK, SUPERVISOR, SECOND_SUPERVISOR, KEEPER, ADMINISTRATOR])
PERSONS = 6
IN_USE, WAITING, SUBMITTED, ALIKE, SECOND_IN_USE, APPROVED = range(PERSONS)
"""How each stands at the beginning; ALIKE is submitted, too, and may be SUBMITTED under another code."""
PHRASE = "blue heron 77"
"""The pass phrase of those whose card is in use."""
PERSON = st.integers(0, PERSONS - 1)
KINDS = st.sampled_from(
    [
        *[(ApplicationKind.NEW, None)] * 3,
        (ApplicationKind.RENEWAL, None),
        (ApplicationKind.CORRECTION, None),
        *[(ApplicationKind.REPLACEMENT, cause) for cause in ReplacementCause],
    ]
)
NEVER: st.SearchStrategy[int | None] = st.none()
DEATHS = NEVER | NEVER | st.integers(1, 12)
"""Places around commits, two at each; None: nobody dies."""
LONG_DEATHS = NEVER | st.integers(1, 50)
"""The same where there are many commits."""
PULLED = NEVER | NEVER | st.integers(0, 32)
"""After so many durable writes the card loses its power; None: it doesn't."""
WHICH = st.integers(0, 99)
FITTING = 80
"""Of a hundred choices, those that are made among what fits, where something does."""


def someone(*right: Actor) -> st.SearchStrategy[Actor]:
    """Most often who may do it, else anybody."""
    return st.sampled_from(right) | st.sampled_from(right) | ANYBODY


def two(*right: Actor) -> st.SearchStrategy[tuple[Actor, Actor]]:
    """Most often two who may decide together, else one twice, or anybody."""
    pairs = list(permutations(right, 2))
    return st.sampled_from(pairs) | st.sampled_from(pairs) | st.tuples(someone(*right), someone(*right))
