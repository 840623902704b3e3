"""A root on a real PKCS#11 token: its PIN belongs to the officers together."""

import json
from typing import Any

import pytest

from tests.softhsm import SoftHsm

from .conftest import OFFICERS, Site


@pytest.fixture
def pin(softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("HOVIAT_OFFLINE_HSM_PIN", softhsm.pin)
    return monkeypatch


def test_the_root_is_made_and_used_on_the_token(new_site: Site, softhsm: SoftHsm, pin: Any) -> None:
    new_site.ceremony("found", "--offline-keys", softhsm.location, officers=OFFICERS)
    assert {path.name for path in new_site.offline.iterdir()} == {"custody.json"}
    custody = json.loads((new_site.offline / "custody.json").read_text())
    assert custody["keys"] == softhsm.location
    assert softhsm.pin not in (new_site.offline / "custody.json").read_text()
    pin.delenv("HOVIAT_OFFLINE_HSM_PIN")
    done = new_site.ceremony("renew", "root", officers=("be", "pe"))
    assert [item["name"] for item in done["created"]][:2] == ["root-g2", "root-g2-by-root-g1"]
    assert new_site.run("ceremony", "verify", done["transcript"]).exit_code == 0


def test_without_the_token_nothing_is_signed_and_with_it_it_goes_on(
    new_site: Site, softhsm: SoftHsm, pin: Any
) -> None:
    new_site.ceremony("found", "--offline-keys", softhsm.location, officers=OFFICERS)
    pin.delenv("HOVIAT_OFFLINE_HSM_PIN")
    softhsm.take_out()
    assert "token" in new_site.refused("ca", "card")
    softhsm.put_back()
    assert new_site.ceremony("ca", "card")["kind"] == "ca"


@pytest.mark.usefixtures("pin")
def test_a_wrong_pin_hands_out_no_share(
    new_site: Site, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOVIAT_OFFLINE_HSM_PIN", "000000")
    error = new_site.refused("found", "--offline-keys", softhsm.location, officers=OFFICERS)
    assert "PIN" in error
    assert "000000" not in error
    assert not new_site.share("alef").exists()
    assert not list(new_site.offline.glob("*"))


def test_no_pin_is_named(new_site: Site, softhsm: SoftHsm) -> None:
    error = new_site.refused("found", "--offline-keys", softhsm.location, officers=OFFICERS)
    assert "no PIN is given" in error
