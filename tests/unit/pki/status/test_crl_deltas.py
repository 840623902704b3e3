"""Full CRL + delta = what is true now, at every point of any history, read by an independent reader."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from pki.errors import ForbiddenTransitionError, UnknownCrlError
from pki.status import RevocationReason, Status
from pki.status.crl import policy
from pki.status.state import FINAL_REASONS
from pki.status.store import StatusStore
from tests.unit.pki.status.crlreader import REMOVED, Entry, ReadCrl, combine, read_crl
from tests.unit.pki.status.lab import NAME, Lab, open_lab

DELTA = f"{NAME}-delta"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path) as opened:
        yield opened


def current(lab: Lab, name: str = NAME) -> ReadCrl:
    return read_crl(lab.crls.current(name).read())


def test_a_delta_names_its_base_and_tells_the_change(lab: Lab) -> None:
    (held, revoked, untouched) = lab.add(3)
    lab.authority.suspend(held, "tester", "")
    full = current(lab)
    lab.clock.advance(minutes=1)
    lab.authority.resume(held, "tester", "")
    since = lab.clock().replace(microsecond=0)
    lab.authority.revoke(revoked, RevocationReason.KEY_COMPROMISE, "tester", "", since - timedelta(days=1))
    delta = read_crl(lab.crls.publish(DELTA).read())
    assert delta.base == full.number < delta.number
    assert delta.entries == {
        held: Entry(since, REMOVED, None),
        revoked: Entry(since, "keyCompromise", since - timedelta(days=1)),
    }
    assert combine(full, delta) == {revoked: delta.entries[revoked]}
    assert untouched not in delta.entries
    assert delta.next_update - delta.this_update == policy.DELTA_LIFE


def test_the_full_crl_names_its_delta_and_a_delta_names_none(lab: Lab) -> None:
    (freshest,) = current(lab).parsed.extensions.get_extension_for_class(x509.FreshestCRL).value
    assert freshest.full_name == [
        x509.UniformResourceIdentifier(f"http://pki.example.invalid/pki/crl/{DELTA}.crl")
    ]
    with pytest.raises(x509.ExtensionNotFound):
        current(lab, DELTA).parsed.extensions.get_extension_for_class(x509.FreshestCRL)


def test_full_and_delta_share_one_sequence_of_numbers(lab: Lab) -> None:
    numbers = [lab.crls.publish(name).number for name in (NAME, DELTA, DELTA, NAME, DELTA)]
    assert numbers == sorted(set(numbers))


def test_a_delta_serves_every_full_crl_that_is_still_in_force(lab: Lab) -> None:
    (first, second) = lab.add(2)
    oldest = current(lab)
    lab.clock.advance(hours=13)
    lab.authority.revoke(first, RevocationReason.SUPERSEDED, "tester", "")
    newer = current(lab)
    lab.clock.advance(minutes=1)
    lab.authority.revoke(second, RevocationReason.SUPERSEDED, "tester", "")
    delta = current(lab, DELTA)
    assert delta.base == oldest.number
    assert combine(oldest, delta) == combine(newer, delta)
    lab.clock.advance(hours=12)  # the oldest has ended
    assert current(lab, DELTA).base == newer.number


@pytest.mark.parametrize("name", ["root-g1", "csca-g1"])
def test_roots_and_country_signers_have_no_deltas(tmp_path: Path, name: str) -> None:
    with open_lab(tmp_path, name=name) as lab:
        with pytest.raises(UnknownCrlError):
            lab.crls.current(f"{name}-delta")
        crl = current(lab, name)
        # ICAO Doc 9303-12 §7.1.4: these two and nothing of RFC 5280's other extensions
        oids = {extension.oid.dotted_string for extension in crl.parsed.extensions}
        assert oids == {"2.5.29.20", "2.5.29.35"}
        assert crl.next_update - crl.this_update == timedelta(days=90)


def test_a_notice_first_seen_in_a_delta_outlives_its_certificate(lab: Lab) -> None:
    """RFC 5280 §5.2.4: it stays in deltas until a full CRL has had it."""
    (serial,) = lab.add(life=timedelta(hours=2))
    full = current(lab)
    lab.authority.revoke(serial, RevocationReason.SUPERSEDED, "tester", "")
    lab.clock.advance(hours=3)
    delta = current(lab, DELTA)
    assert delta.base == full.number
    assert serial in delta.entries
    lab.clock.advance(hours=10)
    assert serial in current(lab).entries
    lab.clock.advance(hours=13)
    assert serial not in current(lab).entries


class History(RuleBasedStateMachine):
    """Random issue, hold, release, revocation, time and publication."""

    serials = Bundle("serials")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hoviat-crl-"))
        self.stack = contextlib.ExitStack()
        self.lab = self.stack.enter_context(open_lab(self.folder))
        self.store = StatusStore(self.lab.engine, [])  # type: ignore[arg-type]
        self.ends: dict[int, datetime] = {}
        self.fulls: list[ReadCrl] = []
        self.delta: ReadCrl | None = None
        self.numbers: list[int] = []
        self.publish_full()

    def teardown(self) -> None:
        self.stack.close()
        shutil.rmtree(self.folder)

    @rule(target=serials, on_hold=st.booleans(), hours=st.sampled_from([1, 30, 24 * 365]))
    def issue(self, *, on_hold: bool, hours: int) -> int:
        (serial,) = self.lab.add(on_hold=on_hold, life=timedelta(hours=hours))
        self.ends[serial] = self.lab.clock().replace(microsecond=0) + timedelta(hours=hours)
        return serial

    @rule(serial=serials, action=st.sampled_from(["suspend", "resume", "activate"]))
    def change(self, serial: int, action: str) -> None:
        with contextlib.suppress(ForbiddenTransitionError):
            getattr(self.lab.authority, action)(serial, "tester", "")

    @rule(serial=serials, reason=st.sampled_from(sorted(FINAL_REASONS, key=lambda r: r.value)))
    def revoke(self, serial: int, reason: RevocationReason) -> None:
        with contextlib.suppress(ForbiddenTransitionError):
            self.lab.authority.revoke(serial, reason, "tester", "")

    @rule(minutes=st.sampled_from([1, 25, 61, 12 * 60, 25 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.lab.clock.advance(minutes=minutes)

    @rule()
    def publish_full(self) -> None:
        self.fulls.append(self.take(NAME))

    @rule()
    def publish_delta(self) -> None:
        self.delta = self.take(DELTA)

    @rule()
    def ask(self) -> None:
        """As a relying party does: no change is hidden from it."""
        self.agree(current(self.lab).entries)

    @precondition(lambda self: self.delta is not None)
    @rule()
    def read(self) -> None:
        """Every full CRL that the delta may be laid over tells, with it, the truth of that time."""
        delta = self.take(DELTA)
        in_force = [
            full
            for full in self.fulls
            if full.next_update > delta.this_update and full.number >= (delta.base or 0)
        ]
        for full in in_force:
            self.agree(combine(full, delta))

    @invariant()
    def numbers_rise(self) -> None:
        assert self.numbers == sorted(set(self.numbers))

    def take(self, name: str) -> ReadCrl:
        crl = read_crl(self.lab.crls.publish(name).read())
        self.numbers.append(crl.number)
        return crl

    def agree(self, entries: dict[int, Entry]) -> None:
        """What is in force is listed as the store has it; nothing else, but for certificates that ended."""
        now = self.lab.clock()
        for serial, end in self.ends.items():
            state = self.store.state_of(serial)
            entry = entries.get(serial)
            if state.status is Status.GOOD:
                assert entry is None
            elif end >= now:
                assert entry is not None
            if entry is not None and state.reason is not None:
                said = "unspecified" if entry.reason is None else entry.reason
                assert (said, entry.since) == (state.reason.value, state.since)
        assert entries.keys() <= self.ends.keys()


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=25, stateful_step_count=25)
