"""An event handler without an SDK: validation, signature check, and answers to events."""

import hashlib
import hmac
import os
import time
from urllib.parse import quote

import jwt
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

ENDPOINT = os.environ.get("HUBWIRE_ENDPOINT", "http://localhost:8080")
KEY = os.environ.get("HUBWIRE_PRIMARY_KEY", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH")
HUB = "chat"

app = FastAPI()


@app.options("/eventhandler/{event}")
def validate() -> Response:
    """Validation: the header accepts events of any service ("*"); in production, name the host of yours."""
    return Response(headers={"WebHook-Allowed-Origin": "*"})


@app.post("/eventhandler/{event}")
async def handle(request: Request) -> Response:
    """CloudEvents in binary mode: attributes in ce-… headers, the client's data in the body."""
    check_signature(request)
    # Dispatch on the type, not on the URL: a client may name its event `connect`.
    match request.headers["ce-type"].removeprefix("azure.webpubsub."):
        case "sys.connect":
            return await connect(request)
        case "sys.connected" | "sys.disconnected":
            print(request.headers["ce-eventname"], user_of(request), flush=True)
            return Response(status_code=204)
        case _:
            text = (await request.body()).decode()
            return Response(f"{user_of(request)} said: {text}", media_type="text/plain")


async def connect(request: Request) -> Response:
    """2xx admits the client; user, groups and roles are optional. Any other status refuses it."""
    body = await request.json()
    if "banned" in body["claims"].get("sub", []):
        raise HTTPException(403, "You are banned.")
    return JSONResponse({"groups": ["lobby"], "roles": ["webpubsub.sendToGroup.lobby"]})


def check_signature(request: Request) -> None:
    """ce-signature is HMAC-SHA256 of the connection id, one for each access key: sha256=HEX,sha256=HEX."""
    connection_id = request.headers.get("ce-connectionid", "")
    expected = "sha256=" + hmac.new(KEY.encode(), connection_id.encode(), hashlib.sha256).hexdigest()
    given = request.headers.get("ce-signature", "").split(",")
    if not any(hmac.compare_digest(expected.encode(), item.encode()) for item in given):
        raise HTTPException(401, "The signature is not one of this app's access key.")


def user_of(request: Request) -> str:
    """The header is UTF-8; frameworks read headers as Latin-1."""
    return request.headers.get("ce-userid", "").encode("latin-1").decode() or "anonymous"


@app.get("/negotiate")
def negotiate(user: str) -> dict:
    """A client URL. A real app takes the user from its session, never from the query."""
    claims = {"aud": f"{ENDPOINT}/client/hubs/{HUB}", "exp": int(time.time()) + 3600, "sub": user}
    token = jwt.encode(claims, KEY, algorithm="HS256")
    return {"url": f"{ENDPOINT.replace('http', 'ws', 1)}/client/hubs/{quote(HUB)}?access_token={token}"}
