"""The desk of readers: movements, conditions, and the HTTP that moves cards."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cardio.cli import card as card_command
from cardio.errors import ApduError, InvalidPinError, PinRequiredError
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot as KeySlot
from cardio.transport import pcsc
from cardio.transport.base import CardRemovedError, NoCardError, TransmitError
from cardio.transport.pinpad import PinEntryError
from simulators.card.blank import create_blank
from simulators.card.card import CONTACTLESS_ATR
from simulators.card.file import CardFile
from simulators.clock import VirtualClock
from simulators.control.app import MAX_BODY, create_app
from simulators.control.conditions import Conditions, ConditionsError, assemble
from simulators.control.desk import Desk, Occupancy, UnknownCardError, UnknownReaderError
from simulators.control.padkeys import PadKeys
from simulators.installation.server import running
from simulators.readers.inprocess import InProcessReader
from simulators.readers.slots import Slot
from tests.unit.simulators.card.host import MANAGEMENT_KEY, PIN, PUK

NEW_PIN = "471100"
TOKEN = "a token of this test"
PERFECT = Conditions()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cards 1.card and 2.card, and a file that is none."""
    for serial in (1, 2):
        create_blank(tmp_path / f"{serial}.card", serial, PIN, PUK, MANAGEMENT_KEY)
    (tmp_path / "broken.card").write_text("{}")
    return tmp_path


@pytest.fixture
def desk(folder: Path) -> Iterator[Desk]:
    """Two readers of this process."""
    with ExitStack() as stack:
        slots: list[Slot] = [stack.enter_context(InProcessReader(f"Desk Reader {uuid4()}")) for _ in range(2)]
        found = Desk(slots, folder)
        stack.callback(found.clear)
        yield found


@pytest.fixture
def names(desk: Desk) -> list[str]:
    return [entry.reader for entry in desk.occupancies()]


def serial_in(reader: str) -> int:
    with pcsc.connect(reader) as connection:
        return PivSession(connection).card_serial()


class TestDesk:
    def test_cards_are_inserted_swapped_and_removed(self, desk: Desk, names: list[str]) -> None:
        desk.insert(names[0], "1.card", PERFECT)
        desk.insert(names[1], "2.card", PERFECT)
        assert [serial_in(name) for name in names] == [1, 2]
        desk.remove(names[1])
        desk.insert(names[0], "2.card", PERFECT)
        assert serial_in(names[0]) == 2
        assert desk.occupancies() == [Occupancy(names[0], "2.card"), Occupancy(names[1], None)]
        desk.remove(names[0])
        with pytest.raises(NoCardError):
            serial_in(names[0])

    def test_one_card_is_in_one_reader(self, desk: Desk, names: list[str]) -> None:
        desk.insert(names[0], "1.card", PERFECT)
        with pytest.raises(Exception, match="another process runs this card"):
            desk.insert(names[1], "1.card", PERFECT)
        assert desk.occupancies()[1].card is None
        assert serial_in(names[0]) == 1

    @pytest.mark.parametrize("name", ["3.card", "../1.card", "", ".", "/etc/passwd", "1.card/"])
    def test_cards_are_named_never_reached_by_a_path(self, name: str, desk: Desk, names: list[str]) -> None:
        desk.insert(names[0], "1.card", PERFECT)
        with pytest.raises(UnknownCardError):
            desk.insert(names[0], name, PERFECT)
        assert serial_in(names[0]) == 1

    def test_a_reader_that_is_not_there(self, desk: Desk) -> None:
        with pytest.raises(UnknownReaderError):
            desk.insert("nowhere", "1.card", PERFECT)
        with pytest.raises(UnknownReaderError):
            desk.remove("nowhere")

    def test_conditions_are_the_card_s_until_it_is_removed(self, desk: Desk, names: list[str]) -> None:
        conditions = Conditions.from_json({"faults": [{"apdu": 1, "effect": "mute"}]})
        desk.insert(names[0], "1.card", conditions)
        with pytest.raises(TransmitError):
            serial_in(names[0])
        desk.insert(names[0], "1.card", PERFECT)
        assert serial_in(names[0]) == 1

    def test_power_is_cut_at_a_durable_write(self, desk: Desk, names: list[str]) -> None:
        conditions = Conditions.from_json({"faults": [{"apdu": 1, "effect": "cut-at-write", "value": 1}]})
        desk.insert(names[0], "1.card", conditions)
        with pcsc.connect(names[0]) as connection, pytest.raises(CardRemovedError):
            PivSession(connection).change_pin(PIN, NEW_PIN)
        desk.insert(names[0], "1.card", PERFECT)
        with pcsc.connect(names[0]) as connection:
            assert PivSession(connection).pin_tries_left() == 2

    def test_a_swap_brings_the_other_card_without_a_word(self, desk: Desk, names: list[str]) -> None:
        conditions = Conditions.from_json({"faults": [{"apdu": 2, "effect": "swap"}]})
        with pytest.raises(ConditionsError, match="other"):
            desk.insert(names[0], "1.card", conditions)
        desk.insert(names[0], "1.card", conditions, "2.card")
        with pcsc.connect(names[0]) as connection:
            session = PivSession(connection)  # its SELECT is the first APDU
            assert session.card_serial() == 2

    def test_a_reader_without_contacts_shows_little(self, desk: Desk, names: list[str]) -> None:
        desk.insert(names[0], "1.card", Conditions.from_json({"contactless": True}))
        with pcsc.connect(names[0]) as connection:
            assert connection.atr == CONTACTLESS_ATR
            session = PivSession(connection)
            assert session.version() >= (5, 0, 0)
            with pytest.raises(ApduError):
                session.pin_status()
            with pytest.raises(PinRequiredError, match="only to a reader with contacts"):
                session.read_certificate(KeySlot.AUTHENTICATION)
        shown = CliRunner().invoke(card_command, ["info", "--reader", names[0]])
        assert shown.exit_code == 0, shown.output
        assert "not told" in shown.stdout
        assert "Key 9A       not shown over this interface" in shown.stdout
        assert "Key 9E       no certificate" in shown.stdout


class TestPad:
    """A pad is the reader's, not the card's: it is there for each card, and changes under it."""

    def test_pins_are_pressed_as_ordered(self, desk: Desk, names: list[str]) -> None:
        desk.insert(names[0], "1.card", PERFECT)
        with pcsc.connect(names[0]) as connection:
            session = PivSession(connection)
            assert session.pin_pad() is None
            desk.set_pad(names[0], PadKeys.from_json({"pin": PIN, "new_pin": NEW_PIN}))
            pad = session.pin_pad()
            assert pad is not None
            session.change_pin_at(pad)
            with pytest.raises(InvalidPinError):
                session.enter_pin(None)
            for otherwise, reason in (("cancel", "cancelled"), ("timeout", "too long")):
                desk.set_pad(names[0], PadKeys.from_json({"otherwise": otherwise}))
                with pytest.raises(PinEntryError, match=reason):
                    session.enter_pin(None)
            desk.set_pad(names[0], PadKeys.from_json({"pin": NEW_PIN}))
            session.enter_pin(None)
            desk.set_pad(names[0], None)
            assert session.pin_pad() is None

    def test_no_repr_shows_what_is_pressed(self) -> None:
        shown = repr(PadKeys.from_json({"pin": PIN, "new_pin": NEW_PIN}))
        assert PIN not in shown
        assert NEW_PIN not in shown

    def test_two_new_pins_that_differ(self, desk: Desk, names: list[str]) -> None:
        desk.insert(names[0], "1.card", PERFECT)
        keys = {"current_pin": PIN, "new_pin": NEW_PIN, "new_pin_again": "000000"}
        desk.set_pad(names[0], PadKeys.from_json(keys))
        with pcsc.connect(names[0]) as connection:
            session = PivSession(connection)
            pad = session.pin_pad()
            assert pad is not None
            with pytest.raises(PinEntryError, match="differ"):
                session.change_pin_at(pad)

    @pytest.mark.parametrize(
        ("apdu", "answer"),
        [
            ("FFC2010000", "06079000"),
            ("FFC201", "6E00"),
            ("FFC20108", "6A86"),
            ("FFC20106", "6700"),
            ("FFC2010600", "6700"),
            ("FFC201060200", "6700"),
            ("FFC201060100", "6B80"),
        ],
    )
    def test_pseudo_apdus_that_go_wrong(self, apdu: str, answer: str, desk: Desk, names: list[str]) -> None:
        desk.insert(names[0], "1.card", PERFECT)
        desk.set_pad(names[0], PadKeys())
        with pcsc.connect(names[0]) as connection:
            assert connection.transmit(bytes.fromhex(apdu)).hex().upper() == answer

    @pytest.mark.parametrize(
        "value",
        [
            [],
            {"x": "1"},
            {"pin": 1},
            {"pin": ""},
            {"pin": "1" * 17},
            {"pin": "۱۲۳۴۵۶"},
            {"otherwise": None},
            {"otherwise": []},
        ],
        ids=repr,
    )
    def test_what_nobody_presses(self, value: object) -> None:
        with pytest.raises(ConditionsError):
            PadKeys.from_json(value)


class TestConditions:
    def test_time_is_spent_on_the_clock_that_is_given(self, folder: Path) -> None:
        clock = VirtualClock()
        with CardFile.open(folder / "1.card") as file:
            card = assemble(file, Conditions.from_json({"ta1": 0x96, "pace": "slowest"}), clock=clock)
            card.power_on()
            card.transmit(bytes.fromhex("00F8000000"))
        assert clock.elapsed == pytest.approx((5 + 4 + 6 + 4) / 25_000)

    @pytest.mark.parametrize(
        "value",
        [
            [],
            {"unknown": 1},
            {"faults": {}},
            {"faults": [{"apdu": 0, "effect": "mute"}]},
            {"faults": [{"apdu": 1, "effect": "cut-at-write", "value": -1}]},
            {"max_command": 4},
            {"max_command": True},
            {"silent": True},
            {"t0": 1},
            {"contactless": "yes"},
            {"contactless": True, "t0": True},
            {"contactless": True, "ta1": 0x96},
            {"ta1": 12},
            {"ta1": 0x96, "pace": "brisk"},
            {"ta1": 0x96, "seed": -1},
            {"pace": "median"},
        ],
    )
    def test_what_can_t_be_is_refused(self, value: object) -> None:
        with pytest.raises(ConditionsError):
            Conditions.from_json(value)

    @given(
        st.dictionaries(
            st.sampled_from(
                ["faults", "max_command", "silent", "t0", "contactless", "ta1", "pace", "seed", "x"]
            ),
            st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers()),
        )
    )
    def test_any_object_is_conditions_or_a_clear_error(self, value: dict[str, object]) -> None:
        try:
            Conditions.from_json(value)
        except ConditionsError as error:
            assert error.field in str(error)  # noqa: PT017 - one of two lawful ends


@pytest.fixture
def http(desk: Desk) -> Iterator[httpx.Client]:
    with (
        running(create_app(desk, TOKEN)) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client,
    ):
        yield client


class TestHttp:
    def test_a_script_moves_cards(self, http: httpx.Client, names: list[str]) -> None:
        path = f"/readers/{names[0]}/card"
        assert http.put(path, json={"card": "1.card", "t0": True}).status_code == 200
        assert serial_in(names[0]) == 1
        assert http.get("/readers").json()[0] == {"reader": names[0], "card": "1.card", "pad": False}
        assert http.delete(path).status_code == 204
        assert http.get("/readers").json()[0]["card"] is None

    def test_a_script_presses_keys(self, http: httpx.Client, names: list[str]) -> None:
        path = f"/readers/{names[0]}/pad"
        assert http.put(path, json={"pin": PIN}).status_code == 204
        assert http.get("/readers").json()[0] == {"reader": names[0], "card": None, "pad": True}
        assert http.put(path, json={"pin": "x"}).status_code == 422
        assert http.put("/readers/nowhere/pad", json={}).status_code == 404
        assert http.delete(path).status_code == 204
        assert http.get("/readers").json()[0]["pad"] is False

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}])
    def test_without_the_token_nothing_moves(
        self, headers: dict[str, str], http: httpx.Client, names: list[str]
    ) -> None:
        with httpx.Client(base_url=http.base_url, headers=headers) as stranger:
            answers = [
                stranger.get("/readers"),
                stranger.put(f"/readers/{names[0]}/card", json={"card": "1.card"}),
                stranger.delete(f"/readers/{names[0]}/card"),
                stranger.put(f"/readers/{names[0]}/pad", json={}),
                stranger.delete(f"/readers/{names[0]}/pad"),
            ]
        assert [answer.status_code for answer in answers] == [401] * 5
        assert http.get("/readers").json()[0]["card"] is None

    @pytest.mark.parametrize(
        ("reader", "body", "status"),
        [
            (0, b"{", 400),
            (0, b"[]", 422),
            (0, json.dumps({"card": 1}).encode(), 422),
            (0, json.dumps({"card": "1.card", "x": 1}).encode(), 422),
            (0, json.dumps({"card": "1.card", "\ud800": 1}).encode(), 422),
            (0, json.dumps({"card": "9.card"}).encode(), 404),
            (0, json.dumps({"card": "c" * 256}).encode(), 404),
            (0, json.dumps({"card": "1.card", "other": "c" * 5000}).encode(), 404),
            (0, json.dumps({"card": "\ud800"}).encode(), 404),
            (0, json.dumps({"card": "\udcff.card"}).encode(), 404),
            (0, json.dumps({"card": "1.card\0"}).encode(), 404),
            (None, json.dumps({"card": "1.card"}).encode(), 404),
            (0, json.dumps({"card": "broken.card"}).encode(), 409),
            (0, b"[" * 100_000, 400),
            (0, b" " * (MAX_BODY + 1), 413),
        ],
    )
    def test_bad_requests_get_a_problem_document(
        self, reader: int | None, body: bytes, status: int, http: httpx.Client, names: list[str]
    ) -> None:
        name = "nowhere" if reader is None else names[reader]
        answer = http.put(f"/readers/{name}/card", content=body)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"

    def test_a_card_whose_name_is_no_text(self, http: httpx.Client, names: list[str], folder: Path) -> None:
        (folder / "1.card").rename(folder / "\udcff.card")
        body = json.dumps({"card": "\udcff.card"}).encode()
        assert http.put(f"/readers/{names[0]}/card", content=body).status_code == 200
        assert http.get("/readers").json()[0]["card"] == "\udcff.card"

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "localhost:x", "[::2]:80", ""]
    )
    def test_a_name_that_is_not_this_machine_s_is_not_served(
        self, host: str, http: httpx.Client, names: list[str]
    ) -> None:
        answer = http.put(f"/readers/{names[0]}/card", json={"card": "1.card"}, headers={"Host": host})
        assert answer.status_code == 421
        assert http.get("/readers").json()[0]["card"] is None

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "LocalHost", "[::1]", "[::1]:80"])
    def test_names_of_this_machine_are_served(self, host: str, http: httpx.Client) -> None:
        assert http.get("/readers", headers={"Host": host}).status_code == 200
