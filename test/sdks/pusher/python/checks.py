"""One check for each row of features.json that is about server libraries."""

import json
import time

from bench import Failed, NotOffered, expect_equal, failure_of
from pusher.errors import PusherBadAuth, PusherBadStatus

DATA = {"text": "grüße ☃", "list": [1, 2.5, None]}


def not_offered(why):
    def check(_bench):
        raise NotOffered(why)

    return check


def trigger(bench):
    channels = [bench.own("one"), bench.own("two")]
    receiver = bench.receiver()
    for channel in channels:
        receiver.subscribe(channel)
    expect_equal(bench.pusher.trigger(channels, "greeting", DATA), {}, "the answer")
    frames = [receiver.next("greeting"), receiver.next("greeting")]
    expect_equal(sorted(frame["channel"] for frame in frames), sorted(channels), "the channels")
    for frame in frames:
        expect_equal(frame["data"], DATA, "the data")


def trigger_excluded(bench):
    channel = bench.own("channel")
    sender, other = bench.subscriber(channel), bench.subscriber(channel)
    bench.pusher.trigger(channel, "greeting", "for others", sender.socket_id)
    bench.pusher.trigger(channel, "greeting", "for all")
    expect_equal(other.next("greeting")["data"], "for others", "the first at the other")
    expect_equal(sender.next("greeting")["data"], "for all", "the first at the sender")


def trigger_too_large(bench):
    error = failure_of(lambda: bench.pusher.trigger(bench.own("channel"), "e", "x" * 10_241), PusherBadStatus)
    expect_equal(str(error)[:3], "413", "the status")


def trigger_batch(bench):
    one, two = bench.own("one"), bench.own("two")
    receiver = bench.subscriber(one)
    receiver.subscribe(two)
    batch = [{"channel": one, "name": "first", "data": DATA}, {"channel": two, "name": "second", "data": "text"}]
    expect_equal(bench.pusher.trigger_batch(batch), {}, "the answer")
    expect_equal(receiver.next("first")["data"], DATA, "the data of the first")
    expect_equal(receiver.next("second")["channel"], two, "the channel of the second")


def trigger_batch_info(bench):
    empty, channel = bench.own("empty"), bench.own("channel")
    bench.subscriber(channel)
    batch = [{"channel": name, "name": "e", "data": DATA, "info": "subscription_count"} for name in (empty, channel)]
    answer = {"batch": [{"subscription_count": 0}, {"subscription_count": 1}]}
    expect_equal(bench.pusher.trigger_batch(batch), answer, "the answer")


def trigger_encrypted(bench):
    channel = bench.own("private-encrypted")
    receiver = bench.receiver()
    receiver.subscribe(channel, {"auth": bench.pusher.authenticate(channel, receiver.socket_id)["auth"]})
    bench.pusher.trigger(channel, "greeting", DATA)
    expect_equal(sorted(receiver.next("greeting")["data"]), ["ciphertext", "nonce"], "the keys of the data")


def send_to_user(bench):
    user_id = bench.own("user")
    receivers = [bench.signed_in(user_id), bench.signed_in(user_id)]
    bench.pusher.send_to_user(user_id, "greeting", DATA)
    for receiver in receivers:
        expect_equal(receiver.next("greeting")["data"], DATA, "the data")


def channels(bench):
    channel = bench.own("presence")
    bench.member(channel, "ann")
    answer = {"channels": {channel: {"user_count": 1}}}
    expect_equal(bench.pusher.channels_info(channel, ["user_count"]), answer, "the answer")


def one_channel(bench):
    channel = bench.own("channel")
    expect_equal(bench.pusher.channel_info(channel), {"occupied": False}, "of an empty channel")
    bench.subscriber(channel)
    answer = {"occupied": True, "subscription_count": 1}
    expect_equal(bench.pusher.channel_info(channel, ["subscription_count"]), answer, "of an occupied channel")


def users(bench):
    channel = bench.own("presence")
    for user_id in ("ann", "ann", "ben"):
        bench.member(channel, user_id)
    found = bench.pusher.users_info(channel)["users"]
    expect_equal(sorted(user["id"] for user in found), ["ann", "ben"], "the users")


def authorize_channel(bench):
    channel = bench.own("private")
    receiver = bench.receiver()
    receiver.subscribe(channel, bench.pusher.authenticate(channel, receiver.socket_id))


def authorize_presence(bench):
    channel = bench.own("presence")
    first = bench.member(channel, "ann")
    bench.member(channel, "ben")
    expect_equal(first.next("pusher_internal:member_added")["data"]["user_id"], "ben", "who came")


def authenticate_user(bench):
    bench.signed_in(bench.own("user"))


def wrong_secret(bench):
    stranger = bench.library(secret="of-another")
    failure_of(lambda: stranger.trigger("channel", "greeting", DATA), PusherBadAuth)


def read(bench, webhook):
    """What the library makes of it; None when it does not accept it."""
    headers = {name.lower(): value for name, value in webhook["headers"].items()}
    return bench.pusher.validate_webhook(headers["x-pusher-key"], headers["x-pusher-signature"], webhook["body"])


def valid(bench, name, channel):
    found = read(bench, bench.webhook(name, channel))
    if found is None:
        raise Failed("the library does not accept it")
    return found


def webhook(bench):
    channel = bench.own("channel")
    bench.subscriber(channel)
    found = valid(bench, "channel_occupied", channel)
    expect_equal(found["events"], [{"name": "channel_occupied", "channel": channel}], "the events")
    if abs(found["time_ms"] / 1000 - time.time()) > 5:
        raise Failed(f"the time {found['time_ms']}")


def webhook_altered(bench):
    channel = bench.own("channel")
    bench.subscriber(channel)
    came = bench.webhook("channel_occupied", channel)
    if read(bench, came) is None:
        raise Failed("the library does not accept it")
    altered = {**came, "body": came["body"].replace("channel_occupied", "channel_occupieD")}
    expect_equal(read(bench, altered), None, "the altered one")


def webhook_presence(bench):
    channel = bench.own("presence")
    member = bench.member(channel, "ann")
    event = {"channel": channel, "user_id": "ann"}
    expect_equal(valid(bench, "member_added", channel)["events"], [{"name": "member_added", **event}], "the first event")
    member.drop()
    left = valid(bench, "member_removed", channel)["events"]
    expect_equal(left, [{"name": "member_removed", **event}], "the second event")


def webhook_client_event(bench):
    channel = bench.own("presence")
    member = bench.member(channel, "ann")
    member.send("client-note", DATA, channel)
    event = valid(bench, "client_event", channel)["events"][0]
    expect_equal(json.loads(event["data"]), DATA, "the data")
    rest = {name: event[name] for name in ("event", "socket_id", "user_id")}
    expected = {"event": "client-note", "socket_id": member.socket_id, "user_id": "ann"}
    expect_equal(rest, expected, "the rest")


def webhook_vacated(bench):
    channel = bench.own("channel")
    bench.subscriber(channel).drop()
    valid(bench, "channel_vacated", channel)


CHECKS = {
    "trigger": trigger,
    "trigger.excluded": trigger_excluded,
    "trigger.info": not_offered("`trigger` has no parameter for it"),
    "trigger.tooLarge": trigger_too_large,
    "triggerBatch": trigger_batch,
    "triggerBatch.info": trigger_batch_info,
    "triggerEncrypted": trigger_encrypted,
    "sendToUser": send_to_user,
    "terminateUserConnections": not_offered("its path lacks the app: /users/{id}/terminate_connections"),
    "channels": channels,
    "channel": one_channel,
    "users": users,
    "authorizeChannel": authorize_channel,
    "authorizeChannel.presence": authorize_presence,
    "authenticateUser": authenticate_user,
    "wrongSecret": wrong_secret,
    "webhook": webhook,
    "webhook.altered": webhook_altered,
    "webhook.presence": webhook_presence,
    "webhook.clientEvent": webhook_client_event,
    "webhook.vacated": webhook_vacated,
}
