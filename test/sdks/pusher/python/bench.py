"""What each check starts from, and how it says what was wrong."""

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from pusher import Pusher

CONTROL_URL = os.environ["HUBWIRE_CONTROL_URL"]
PLACE = urllib.parse.urlsplit(os.environ["HUBWIRE_PUSHER_URL"])
PATIENCE_S = 15


class NotOffered(Exception):
    """The library has no method for this row; the text says why."""


class Failed(Exception):
    """A check found something else than it should."""


def expect_equal(actual, expected, what):
    if actual != expected:
        raise Failed(f"{what}: {actual!r} instead of {expected!r}")


def failure_of(call, kind):
    """The error of a call that has to fail."""
    try:
        call()
    except kind as error:
        return error
    raise Failed("the call succeeded")


def control(path, method="GET", body=None):
    """What the runner answers; see test/sdks/pusher/stage.ts."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(CONTROL_URL + path, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        raise Failed(f"{method} {path}: {'it did not come' if error.code == 504 else error.code}") from error
    return json.loads(text) if text else None


def as_json(value):
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value  # the event's data is plain text


class Receiver:
    """A client on the runner's side."""

    def __init__(self):
        greeted = control("/receivers", "POST")
        self.path = f"/receivers/{greeted['id']}"
        self.socket_id = greeted["socketId"]

    def send(self, event, data, channel=None):
        frame = {"event": event, "data": data}
        control(self.path, "POST", frame if channel is None else {**frame, "channel": channel})

    def next(self, event):
        """The next frame of this event, with its data read."""
        frame = control(f"{self.path}/next?event={urllib.parse.quote(event)}")
        return {**frame, "data": as_json(frame.get("data"))}

    def subscribe(self, channel, authorization=None):
        self.send("pusher:subscribe", {"channel": channel, **(authorization or {})})
        self.next("pusher_internal:subscription_succeeded")

    def drop(self):
        control(self.path, "DELETE")


class Bench:
    """The library, receivers that end with the check, and names that nobody else uses."""

    def __init__(self, feature):
        self.feature = feature
        self.pusher = self.library()
        self.receivers = []

    def library(self, **options):
        return Pusher(
            **{
                "app_id": PLACE.path.split("/")[2],
                "key": PLACE.username,
                "secret": PLACE.password,
                "host": PLACE.hostname,
                "port": PLACE.port,
                "ssl": False,
                "encryption_master_key_base64": base64.b64encode(os.urandom(32)).decode(),
                **options,
            }
        )

    def own(self, what):
        return f"{what}-{self.feature}-{os.getpid()}"

    def receiver(self):
        receiver = Receiver()
        self.receivers.append(receiver)
        return receiver

    def subscriber(self, channel):
        receiver = self.receiver()
        receiver.subscribe(channel)
        return receiver

    def member(self, channel, user_id):
        """A member of a presence channel, with the library's signature."""
        receiver = self.receiver()
        authorization = self.pusher.authenticate(channel, receiver.socket_id, {"user_id": user_id, "user_info": {}})
        receiver.subscribe(channel, authorization)
        return receiver

    def signed_in(self, user_id):
        receiver = self.receiver()
        receiver.send("pusher:signin", self.pusher.authenticate_user(receiver.socket_id, {"id": user_id}))
        receiver.next("pusher:signin_success")
        return receiver

    def webhook(self, name, channel):
        return control("/webhooks/next?" + urllib.parse.urlencode({"name": name, "channel": channel}))

    def end(self):
        for receiver in self.receivers:
            receiver.drop()
