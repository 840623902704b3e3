"""The lane serves everybody, whatever becomes of one."""

import asyncio

from pki.status.ocsp.lane import Lane
from pki.status.ocsp.responder import OcspAnswer
from pki.status.ocsp.response import ResponseStatus


def test_a_client_whose_answer_can_not_be_taken_stops_no_other() -> None:
    async def run() -> list[bytes]:
        lane = Lane(lambda requests: [OcspAnswer(ResponseStatus.SUCCESSFUL, item) for item in requests])
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        lane.submit(b"gone", lambda _: 1 // 0)
        first = await lane.answer(b"one")
        second = await lane.answer(b"two")
        lane.close()
        return [first.body, second.body]

    assert asyncio.run(run()) == [b"one", b"two"]
