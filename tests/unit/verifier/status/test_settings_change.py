"""verifier.toml while the verifier runs: a change counts, a mistake keeps what was before and is told."""

import asyncio
import logging
from pathlib import Path

import pytest

from pki.validation import ValidatedPath
from pki.validation.certificate import read_certificate
from tests.unit.pki.validation.making import NOW
from tests.unit.verifier.status.responder import ANCHOR, Watch, card
from verifier.authentication.statuserrors import SourceFault, StatusSourceUnknownError
from verifier.status.lookup import ForeignStatus
from verifier.status.sources import SETTINGS_FILE
from verifier.status.sourcesfile import SourcesFile

TABLE = '[status."CN=ca"]\nlabel = "{label}"\nmode = "ocsp"\nhosts = ["ocsp.example"]\n'
MISTAKES = {
    "no TOML": "[status",
    "unknown table": "[other]",
    "unknown setting": TABLE.format(label="new") + "colour = 1\n",
    "no host": '[status."CN=ca"]\nmode = "ocsp"\n',
    "a responder that is not there": TABLE.format(label="new") + 'responder_certificates = ["gone.pem"]\n',
    "not UTF-8": "\udcff",
}


def write(folder: Path, text: str) -> None:
    (folder / SETTINGS_FILE).write_bytes(text.encode("utf-8", "surrogateescape"))


def labels(file: SourcesFile) -> list[str]:
    return [source.settings.label for source in file.current().all]


def test_a_change_counts_within_a_second(tmp_path: Path) -> None:
    watch = Watch()
    file = SourcesFile(tmp_path, watch)
    assert labels(file) == []
    write(tmp_path, TABLE.format(label="one"))
    assert labels(file) == []  # who asks again within the second makes nobody look
    watch.now += 1
    assert labels(file) == ["one"]
    (tmp_path / SETTINGS_FILE).unlink()
    watch.now += 1
    assert labels(file) == []


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_keeps_what_was_before(text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    write(tmp_path, TABLE.format(label="one"))
    file = SourcesFile(tmp_path, watch)
    assert labels(file) == ["one"]
    write(tmp_path, text)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            watch.now += 1
            assert labels(file) == ["one"]
    assert SETTINGS_FILE in (file.fault() or "")
    assert len(caplog.records) == 1  # told once, not at each look
    write(tmp_path, TABLE.format(label="two"))
    watch.now += 1
    assert labels(file) == ["two"]
    assert file.fault() is None


def test_a_mistake_at_the_start_leaves_nobody_to_ask(tmp_path: Path) -> None:
    write(tmp_path, "[status")
    file = SourcesFile(tmp_path, Watch())
    lookup = ForeignStatus.of_file(file)
    path = ValidatedPath((read_certificate(card()),), read_certificate(ANCHOR))
    with pytest.raises(StatusSourceUnknownError) as caught:
        asyncio.run(lookup.ask_path(path, NOW))
    assert caught.value.fault is SourceFault.NOT_CONFIGURED
    lookup.close()


def test_a_responders_certificate_counts_when_it_changes(tmp_path: Path) -> None:
    watch = Watch()
    responder = tmp_path / "responder.der"
    responder.write_bytes(ANCHOR)
    write(tmp_path, TABLE.format(label="one") + 'responder_certificates = ["responder.der"]\n')
    file = SourcesFile(tmp_path, watch)
    assert [item.raw for item in file.current().all[0].responders] == [ANCHOR]
    other = card()
    responder.write_bytes(other)
    for _ in range(2):
        watch.now += 1
        file.current()
    assert [item.raw for item in file.current().all[0].responders] == [other]


def test_what_stays_keeps_its_breaker_and_what_goes_is_asked_no_more(tmp_path: Path) -> None:
    watch = Watch()
    text = TABLE.format(label="one")
    write(tmp_path, text)
    lookup = ForeignStatus.of_file(SourcesFile(tmp_path, watch), watch)
    path = ValidatedPath((read_certificate(card()),), read_certificate(ANCHOR))

    async def work() -> None:
        async def ask() -> SourceFault:
            watch.now += 1
            with pytest.raises(StatusSourceUnknownError) as caught:
                await lookup.ask_path(path, NOW)
            return caught.value.fault

        assert await ask() is SourceFault.NOT_NAMED
        write(
            tmp_path, text + '[status."CN=other ca"]\nmode = "crl"\nhosts = ["crl.example"]\nlabel = "two"\n'
        )
        assert await ask() is SourceFault.NOT_NAMED
        counted = 'source="one",protocol="ocsp",outcome="status-source-unknown"} 2'
        assert counted in "\n".join(lookup.report())
        write(tmp_path, text.replace("ocsp.example", "elsewhere.example"))
        assert await ask() is SourceFault.NOT_NAMED
        page = "\n".join(lookup.report())
        assert 'outcome="status-source-unknown"} 1' in page
        assert "two" not in page
        write(tmp_path, "")
        assert await ask() is SourceFault.NOT_CONFIGURED

    asyncio.run(work())
    lookup.close()
