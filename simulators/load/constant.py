"""The bare framework, for `bench login`: one POST that reads its JSON and answers a constant."""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

app = FastAPI()
_ANSWER = {"claims": {"national_code": "0" * 10}, "receipt": {"code": "0" * 10}}


@app.post("/v1/authentications")
async def authenticate(body: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - parsing it is the point
    """Parses and forgets."""
    return _ANSWER


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
