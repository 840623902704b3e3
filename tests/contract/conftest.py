"""One PIV contract over every medium: in process, pcscd with vpcd, and a card that was given (`--reader`)."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.session import PivSession
from cardio.transport import pcsc
from simulators.card.card import SimulatedCard
from simulators.readers.vpcd import Card
from tests.contract.media import PIN, TRANSPORT_PIN, Hands, Place, given, in_process, over_pcscd
from tests.givencard import GivenCard

_IN_PROCESS, _PCSCD = "in-process", "pcscd"
_AT_PCSCD = [pytest.mark.pcscd, pytest.mark.xdist_group("pcscd")]


class Bench:
    """A reader with a blank card in it. What a given card or its reader can't do skips the test."""

    def __init__(self, place: Place, stack: ExitStack) -> None:
        self._place = place
        self._stack = stack
        self.name = place.reader
        self.serial = place.serial
        self.management_key = place.management_key

    @property
    def channel_keys(self) -> KeySet:
        """The keys of its issuer security domain."""
        if self._place.channel_keys is None:
            pytest.skip("the file of this card tells no keys of its issuer security domain")
        return self._place.channel_keys

    @property
    def card(self) -> SimulatedCard:
        """The simulated card itself."""
        return self._hands.card

    @property
    def _hands(self) -> Hands:
        if self._place.hands is None:
            pytest.skip("no program moves the cards of this reader")
        return self._place.hands

    def remove(self) -> None:
        """Pulls the card."""
        self._hands.remove()

    def put_in(self, card: Card) -> None:
        """Puts a card in, in place of the one that was in."""
        self._hands.put_in(card)

    def require_transport_pin(self) -> None:
        """For what only cards with a transport PIN do."""
        if not self._place.transport_pin:
            pytest.skip("this card has no transport PIN")

    def require_one_of_many(self) -> None:
        """For what can't be taken back, on a card that there is only one of."""
        if self._place.hands is None:
            pytest.skip("this would change the given card for good")

    def put_in_random_challenges(self) -> None:
        """Puts the same blank in, but that its secure channel's challenges are random."""
        self._hands.put_in(self._hands.random_challenges)

    def connect(self) -> pcsc.PcscConnection:
        """A connection that the end of the test closes; to no other card than the one that was given."""
        connection = self._stack.enter_context(pcsc.connect(self.name))
        if self._place.given is not None:
            self._place.given.require(connection)
        return connection

    def session(self) -> PivSession:
        """A session over a connection of its own."""
        return PivSession(self.connect())

    def domain(self) -> IssuerSecurityDomain:
        """A session with the issuer security domain over a connection of its own."""
        return IssuerSecurityDomain(self.connect())

    def issuer(self) -> PivSession:
        """A session with the management key given."""
        session = self.session()
        session.authenticate_management(self.management_key)
        return session

    def delivered(self) -> PivSession:
        """A session after the holder replaced the transport PIN; nothing is verified."""
        session = self.session()
        session.change_pin(TRANSPORT_PIN, PIN)
        session.reset()
        return session


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The medium is in the name of every test."""
    if "bench" not in metafunc.fixturenames:
        return
    media = [pytest.param(_IN_PROCESS, id=_IN_PROCESS), pytest.param(_PCSCD, id=_PCSCD, marks=_AT_PCSCD)]
    reader = metafunc.config.getoption("--reader")
    if reader is not None:
        media.append(pytest.param(reader, id=f"reader {reader}", marks=_AT_PCSCD))
    metafunc.parametrize("bench", media, indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A blank card in a reader of each medium."""
    reader = request.config.getoption("--reader")
    with ExitStack() as stack:
        if request.param == _IN_PROCESS:
            place = stack.enter_context(in_process(tmp_path))
        elif request.param == _PCSCD:
            place = stack.enter_context(over_pcscd(tmp_path, busy=reader))
        else:
            card = GivenCard.load(Path(request.config.getoption("--reader-card")))
            place = stack.enter_context(given(reader, card))
        yield Bench(place, stack)
