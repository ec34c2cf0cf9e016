"""Everything the client SDK does, against the service and against the service client."""

from azure.messaging.webpubsubclient import WebPubSubClient, WebPubSubClientCredential
from azure.messaging.webpubsubclient.models import (
    CallbackType,
    SendMessageError,
    WebPubSubDataType,
    WebPubSubProtocolType,
)

from bench import Failed, Inbox, expect_equal, until

CHECKS = {}
TEXT = {"content_type": "text/plain"}
ROLES = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"]
BYTES = bytes([0, 1, 128, 255])
SAMPLES = {"text": "héllo", "json": {"n": 1, "list": [True, None]}, "binary": memoryview(BYTES)}

# An answer that comes before the client waits for it is noticed only after these: with a service this near that happens.
ACK_TIMEOUT_S = 2
START_TIMEOUT_S = 3


def check(name):
    def register(function):
        CHECKS[name] = function
        return function

    return register


def plain(data):
    return bytes(data) if isinstance(data, (memoryview, bytearray)) else data


class Client:
    """An SDK client that has started, and what it reports."""

    def __init__(self, bench, url, reliable=False):
        protocol = WebPubSubProtocolType.JSON_RELIABLE if reliable else WebPubSubProtocolType.JSON
        self.sdk = WebPubSubClient(
            WebPubSubClientCredential(lambda: url),
            protocol_type=protocol,
            message_retry_total=0,
            ack_timeout=ACK_TIMEOUT_S,
            start_timeout=START_TIMEOUT_S,
        )
        self.inboxes = {kind: Inbox() for kind in CallbackType}
        for kind, inbox in self.inboxes.items():
            self.sdk.subscribe(kind, lambda *event, inbox=inbox: inbox.put(event[0] if event else None))
        bench.later(self.sdk.close)
        self.sdk.open()
        self.connected = self.take(CallbackType.CONNECTED)

    def take(self, kind):
        return self.inboxes[kind].take(kind.value)

    def group_message(self):
        return self.take(CallbackType.GROUP_MESSAGE)

    def server_message(self):
        return self.take(CallbackType.SERVER_MESSAGE)


def joined(bench):
    """A client that is in a group of its own."""
    group = bench.own("group")
    client = Client(bench, bench.url(roles=ROLES, user_id=bench.own("user")))
    client.sdk.join_group(group)
    return client, group


def refusal(call):
    """`error_detail.name` of a call that the service refuses."""
    try:
        call()
    except SendMessageError as error:
        return error.error_detail.name
    raise Failed("the call succeeded")


@check("client.start")
def start(bench):
    user = bench.own("user")
    client = Client(bench, bench.url(user_id=user))
    expect_equal(client.connected.user_id, user, "userId")
    expect_equal(bench.service.connection_exists(client.connected.connection_id), True, "exists")


@check("client.stop")
def stop(bench):
    client = Client(bench, bench.url())
    client.sdk.close()
    client.take(CallbackType.STOPPED)
    until(lambda: not bench.service.connection_exists(client.connected.connection_id), "the connection is gone")


@check("client.joinGroup")
def join(bench):
    client, group = joined(bench)
    bench.service.send_to_group(group, {"n": 1})
    expect_equal(client.group_message().data, {"n": 1}, "what arrived")


@check("client.leaveGroup")
def leave(bench):
    client, group = joined(bench)
    client.sdk.leave_group(group)
    expect_equal(bench.service.group_exists(group), False, "the group has a member")


def send_to_group(kind):
    @check(f"client.sendToGroup.{kind}")
    def send(bench):
        client, group = joined(bench)
        client.sdk.send_to_group(group, SAMPLES[kind], WebPubSubDataType(kind))
        got = client.group_message()
        expect_equal((got.data_type, plain(got.data)), (kind, plain(SAMPLES[kind])), "what arrived")
        expect_equal((got.group, got.from_user_id), (group, bench.own("user")), "group and sender")


def send_event(kind):
    @check(f"client.sendEvent.{kind}")
    def send(bench):
        client, _ = joined(bench)
        client.sdk.send_event("echo", SAMPLES[kind], WebPubSubDataType(kind))
        got = client.server_message()
        expect_equal((got.data_type, plain(got.data)), (kind, plain(SAMPLES[kind])), "what the upstream sent back")


for each in SAMPLES:
    send_to_group(each)
    send_event(each)


@check("client.sendToGroup.noEcho")
def no_echo(bench):
    client, group = joined(bench)
    other = bench.receiver(groups=[group])
    client.sdk.send_to_group(group, "not for me", WebPubSubDataType.TEXT, no_echo=True)
    client.sdk.send_to_group(group, "for all", WebPubSubDataType.TEXT)
    expect_equal(other.data(), "not for me", "the other got first")
    expect_equal(client.group_message().data, "for all", "the sender got first")


@check("client.sendToGroup.fireAndForget")
def fire_and_forget(bench):
    client, group = joined(bench)
    client.sdk.send_to_group(group, "no ack", WebPubSubDataType.TEXT, ack=False)
    expect_equal(client.group_message().data, "no ack", "what arrived")


@check("client.sendEvent.failed")
def event_failed(bench):
    client, _ = joined(bench)
    name = refusal(lambda: client.sdk.send_event("refuse", "x", WebPubSubDataType.TEXT))
    expect_equal(name, "InternalServerError", "error of the ack")


@check("client.ack.forbidden")
def ack_forbidden(bench):
    client = Client(bench, bench.url())
    expect_equal(refusal(lambda: client.sdk.join_group(bench.own("group"))), "Forbidden", "error of the ack")


@check("client.ack.duplicate")
def ack_duplicate(bench):
    client, group = joined(bench)
    client.sdk.send_to_group(group, "once", WebPubSubDataType.TEXT, ack_id=77)
    client.sdk.send_to_group(group, "twice", WebPubSubDataType.TEXT, ack_id=77)
    expect_equal(client.group_message().data, "once", "first")
    client.sdk.send_to_group(group, "last", WebPubSubDataType.TEXT)
    expect_equal(client.group_message().data, "last", "second")


@check("client.serverMessage")
def server_message(bench):
    client = Client(bench, bench.url())
    samples = [("text", "héllo"), ("json", {"n": 1}), ("binary", BYTES)]
    types = {"text": "text/plain; charset=utf-8", "json": "application/json", "binary": "application/octet-stream"}
    for kind, data in samples:  # one by one: the client hands each message to a thread of its own
        body = data.encode() if kind == "text" else data
        bench.service.send_to_connection(client.connected.connection_id, body, content_type=types[kind])
        got = client.server_message()
        expect_equal((got.data_type, plain(got.data)), (kind, data), "what arrived")


@check("client.largeMessage")
def large_message(bench):
    client = Client(bench, bench.url())
    text = "é" * 100_000
    bench.service.send_to_connection(client.connected.connection_id, text.encode(), content_type="text/plain; charset=utf-8")
    expect_equal(client.server_message().data == text, True, "all of it arrived")


@check("client.disconnected")
def disconnected(bench):
    client = Client(bench, bench.url())
    bench.service.close_connection(client.connected.connection_id, reason="maintenance")
    event = client.take(CallbackType.DISCONNECTED)
    expect_equal(event.connection_id, client.connected.connection_id, "connectionId")
    if not (event.message or "").endswith(" Reason: maintenance"):
        raise Failed(f"message: {event.message}")


@check("client.reconnect")
def reconnect(bench):
    group = bench.own("group")
    client = Client(bench, bench.unsteady_url(roles=ROLES))
    client.sdk.join_group(group)
    bench.cut()
    ended = client.take(CallbackType.DISCONNECTED)
    expect_equal(ended.connection_id, client.connected.connection_id, "the one that ended")
    bench.mend()
    again = client.take(CallbackType.CONNECTED)
    expect_equal(again.connection_id == client.connected.connection_id, False, "the same connection")
    until(lambda: bench.service.group_exists(group), "the client is in its group again")
    bench.service.send_to_group(group, "back", **TEXT)
    expect_equal(client.group_message().data, "back", "what arrived")


@check("client.reliable.start")
def reliable_start(bench):
    group = bench.own("group")
    client = Client(bench, bench.url(roles=ROLES), reliable=True)
    client.sdk.join_group(group)
    for n in (1, 2, 3):
        client.sdk.send_to_group(group, {"n": n}, WebPubSubDataType.JSON)
    got = sorted(((one.sequence_id or 0), one.data) for one in [client.group_message() for _ in range(3)])
    expect_equal(got, [(n, {"n": n}) for n in (1, 2, 3)], "sequence ids and data")


@check("client.reliable.recovery")
def reliable_recovery(bench):
    group = bench.own("group")
    client = Client(bench, bench.unsteady_url(groups=[group]), reliable=True)
    bench.service.send_to_group(group, "before", **TEXT)
    expect_equal(client.group_message().data, "before", "what arrived before")
    bench.cut()
    bench.service.send_to_group(group, "missed 1", **TEXT)
    bench.service.send_to_group(group, "missed 2", **TEXT)
    bench.mend()
    got = sorted((one.sequence_id, one.data) for one in [client.group_message() for _ in range(2)])
    expect_equal(got, [(2, "missed 1"), (3, "missed 2")], "what arrived after the recovery")
    bench.service.send_to_connection(client.connected.connection_id, {"n": 1})
    expect_equal(client.server_message().data, {"n": 1}, "sent to the same connection id")
