"""Who takes messages further: an interface, and a spool folder from which a gateway fetches them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from issuance.notices.models import Channel
from issuance.notices.templates import TEXTS, Template
from pki.durable import sync_folder, write_owner_only

_OWNER_ONLY_FOLDER = 0o700


@dataclass(frozen=True)
class Message:
    """What a sender gets: no name, no number, no address."""

    key: str
    """Idempotency key: the same message may come twice, with the same key."""
    reference: str
    """The person's, known to the registry alone."""
    channel: Channel
    template: Template


class SendError(Exception):
    """None of the messages was taken; `failure` says why in a word of at most 40 characters."""

    def __init__(self, failure: str) -> None:
        super().__init__(f"messages were not taken: {failure}")
        self.failure = failure


class Sender(Protocol):
    """Takes messages over."""

    def send(self, messages: Sequence[Message]) -> Mapping[str, str]:
        """Takes messages over for good, but for those it returns, by key, each with its failure in a word.

        Raises SendError if it takes none.
        """
        ...


class SpoolSender:
    """Writes each batch as one file of JSON lines: whole or not at all, and on disk before it returns.

    A line: `key, reference, channel, template, texts: {fa, en}`. Files are named `<random>.jsonl`; whoever
    fetches one deletes it. What begins with a dot is being written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, messages: Sequence[Message]) -> Mapping[str, str]:
        """Takes all or none."""
        name = f"{token_hex(16)}.jsonl"
        try:
            self._folder.mkdir(_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
            self._write(self._folder / f".{name}", self._folder / name, messages)
        except OSError as error:
            raise SendError(f"spool-{(error.strerror or 'error').lower().replace(' ', '-')}"[:40]) from error
        return {}

    def _write(self, temporary: Path, final: Path, messages: Sequence[Message]) -> None:
        try:
            write_owner_only(temporary, "".join(f"{_line(message)}\n" for message in messages).encode())
            temporary.rename(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(self._folder)


def _line(message: Message) -> str:
    texts = TEXTS[message.template]
    told = {
        "key": message.key,
        "reference": message.reference,
        "channel": message.channel.value,
        "template": message.template.value,
        "texts": {"fa": texts.persian, "en": texts.english},
    }
    return json.dumps(told, ensure_ascii=False)
