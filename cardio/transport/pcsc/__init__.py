"""The one door to PC/SC: nothing else in the project imports `smartcard` (pyscard).

Readers are known by their full names only: names like `Virtual PCD 00 00` and `Virtual PCD 00 01` share every
prefix that a person would type. Readers inside this process (`register_reader`) stand beside those of pcscd
and need no pcscd at all.
"""

from smartcard.Exceptions import CardConnectionException, NoCardException, SmartcardException
from smartcard.reader.Reader import Reader as PyscardReader

from cardio.transport.pcsc.connection import PcscConnection
from cardio.transport.pcsc.readers import connect, list_readers, reader_states, wait_for_card
from cardio.transport.pcsc.registry import register_reader, unregister_reader
from cardio.transport.pcsc.service import service_answers
from cardio.transport.pcsc.shapes import InProcessReaderLike, PyscardConnectionLike, ReaderState

__all__ = [
    "CardConnectionException",
    "InProcessReaderLike",
    "NoCardException",
    "PcscConnection",
    "PyscardConnectionLike",
    "PyscardReader",
    "ReaderState",
    "SmartcardException",
    "connect",
    "list_readers",
    "reader_states",
    "register_reader",
    "service_answers",
    "unregister_reader",
    "wait_for_card",
]
