"""What each check starts from, and how it says what was wrong."""

import json
import os
import queue
import threading
import time
import urllib.request
from urllib.parse import urlsplit

import websocket
from azure.core.exceptions import HttpResponseError
from azure.messaging.webpubsubservice import WebPubSubServiceClient

HUB = "sdks"  # its events go to the runner's upstream, which echoes them
PATIENCE_S = 5


class NotOffered(Exception):
    """The SDK has no method for this row; the text says why."""


class Failed(Exception):
    """A check found something else than it should."""


def expect_equal(actual, expected, what):
    if actual != expected:
        raise Failed(f"{what}: {actual!r} instead of {expected!r}")


def failure_of(call):
    """The HTTP error of a call that has to fail."""
    try:
        call()
    except HttpResponseError as error:
        return error
    raise Failed("the call succeeded")


def until(is_so, what):
    """Asks again until it is so: for states that the SDK has no event for."""
    for _ in range(100):
        if is_so():
            return
        time.sleep(0.1)
    raise Failed(f"never: {what}")


class Receiver:
    """A WebSocket client of `json.webpubsub.azure.v1` that keeps what it gets."""

    def __init__(self, url):
        self.socket = websocket.create_connection(url, subprotocols=["json.webpubsub.azure.v1"], timeout=PATIENCE_S)
        connected = self.next()
        expect_equal(connected.get("event"), "connected", "the first frame")
        self.connection_id = connected["connectionId"]
        self.user_id = connected["userId"]

    def next(self):
        return json.loads(self.socket.recv())

    def data(self):
        return self.next().get("data")

    def ask(self, request, ack_id=1):
        """The answer to a request that carries an ackId; nothing else may come before it."""
        self.socket.send(json.dumps({**request, "ackId": ack_id}))
        return self.next()

    def close_code(self):
        opcode, payload = self.socket.recv_data()
        expect_equal(opcode, websocket.ABNF.OPCODE_CLOSE, "frame after the last message")
        return int.from_bytes(payload[:2], "big")

    def close(self):
        self.socket.close()


class Bench:
    """A service client, names nobody else uses, and receivers that end with the check."""

    def __init__(self, name):
        self.name = name
        self.connection_string = os.environ["HUBWIRE_CONNECTION_STRING"]
        self.unsteady_endpoint = os.environ["HUBWIRE_UNSTEADY_ENDPOINT"]
        self.control_url = os.environ["HUBWIRE_CONTROL_URL"]
        self.service = WebPubSubServiceClient.from_connection_string(self.connection_string, hub=HUB)
        self._ends = [self.service.close]

    def own(self, what):
        """A name of this check's own, e.g. for a group."""
        return f"{what}-{self.name}-{os.getpid()}"

    def url(self, **options):
        return self.service.get_client_access_token(**options)["url"]

    def unsteady_url(self, **options):
        """The same, through the connection that can be cut."""
        return urlsplit(self.url(**options))._replace(netloc=urlsplit(self.unsteady_endpoint).netloc).geturl()

    def receiver(self, **options):
        receiver = Receiver(self.url(**options))
        self.later(receiver.close)
        return receiver

    def later(self, end):
        self._ends.append(end)

    def cut(self):
        self._control("cut")

    def mend(self):
        self._control("mend")

    def _control(self, what):
        urllib.request.urlopen(urllib.request.Request(f"{self.control_url}/{what}", method="POST")).close()

    def end(self):
        self.mend()
        for end in reversed(self._ends):
            end()

    def expect_members(self, group, members, others=()):
        """The group reaches exactly these: nobody else gets anything before the next message."""
        self.service.send_to_group(group, "probe", content_type="text/plain")
        for one in members:
            expect_equal(one.data(), "probe", "a member got")
        for one in others:
            self.service.send_to_connection(one.connection_id, "next", content_type="text/plain")
            expect_equal(one.data(), "next", "one who is no member got first")

    def expect_closed(self, receiver, reason):
        """The service says why, then closes with 1000, and for REST the connection is gone."""
        last = receiver.next()
        expect_equal(last.get("event"), "disconnected", "last frame")
        if not (last.get("message") or "").endswith(f" Reason: {reason}"):
            raise Failed(f"message of the last frame: {last.get('message')}")
        expect_equal(receiver.close_code(), 1000, "close code")
        expect_equal(self.service.connection_exists(receiver.connection_id), False, "exists afterwards")


class Inbox(queue.Queue):
    """What came, each taken once, with one patience for all."""

    def take(self, what):
        try:
            return self.get(timeout=30)
        except queue.Empty:
            raise Failed(f"no {what} within 30 s") from None


def within(seconds, call):
    """Runs the call in a thread of its own. Raises what it raises, or Failed when it takes too long."""
    outcome = queue.Queue()

    def work():
        try:
            outcome.put((call(), None))
        except Exception as error:  # handed to the caller below
            outcome.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        result, error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise Failed(f"no end after {seconds} s") from None
    if error is not None:
        raise error
    return result
