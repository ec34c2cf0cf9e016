"""Prints one JSON line per feature. Arguments: names of checks, when only some are wanted."""

import json
import os
import sys
import time

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.webpubsub import WebPubSubManagementClient
from azure.mgmt.webpubsub.models import (
    EventHandler,
    ManagedIdentitySettings,
    NameAvailabilityParameters,
    RegenerateKeyParameters,
    UpstreamAuthSettings,
    WebPubSubHub,
    WebPubSubHubProperties,
    WebPubSubResource,
)

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
WHERE = ("any-group", "any-name")
CHECKS = {}


class Failed(Exception):
    """A check found something else than it should."""


def expect_equal(actual, expected, what):
    if actual != expected:
        raise Failed(f"{what}: {actual!r} instead of {expected!r}")


class Token:
    def __init__(self, text):
        self.text = text

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.text, int(time.time()) + 3600)


class Count(SansIOHTTPPolicy):
    """Counts requests, repetitions too."""

    def __init__(self):
        self.requests = 0

    def on_request(self, request):
        self.requests += 1

    def taken(self):
        requests, self.requests = self.requests, 0
        return requests


def client_of(url, token):
    count = Count()
    client = WebPubSubManagementClient(
        Token(token),
        SUBSCRIPTION,
        base_url=url,
        credential_scopes=[f"{url}/.default"],
        connection_verify=os.environ["HUBWIRE_CA"],
        per_retry_policies=[count],
        polling_interval=1,
    )
    return client, count


def check(name):
    def register(function):
        CHECKS[name] = function
        return function

    return register


def failure_of(call):
    try:
        call()
    except HttpResponseError as error:
        return [error.status_code, error.error.code]
    raise Failed("the call succeeded")


def hub_with(*handlers):
    return WebPubSubHub(properties=WebPubSubHubProperties(event_handlers=list(handlers)))


@check("hubs.createOrUpdate")
def create(client, count):
    identity = UpstreamAuthSettings(
        type="ManagedIdentity", managed_identity=ManagedIdentitySettings(resource="uri://myUri")
    )
    handlers = [
        EventHandler(url_template="http://127.0.0.1:1/{event}", user_event_pattern="*"),
        EventHandler(url_template="http://127.0.0.1:1/two", system_events=["connected", "disconnected"], auth=identity),
    ]
    hub = client.web_pub_sub_hubs.begin_create_or_update("MyHub", *WHERE, hub_with(*handlers)).result()
    expect_equal(count.taken(), 1, "requests")
    expect_equal([hub.name, hub.type], ["MyHub", "Microsoft.SignalRService/WebPubSub/hubs"], "name and type")
    expect_equal([one.url_template for one in hub.properties.event_handlers], [one.url_template for one in handlers], "URLs")
    expect_equal(hub.properties.event_handlers[1].auth.managed_identity.resource, "uri://myUri", "resource")
    expect_equal(hub.properties.anonymous_connect_policy, "deny", "policy")


@check("hubs.get")
def get(client, count):
    client.web_pub_sub_hubs.begin_create_or_update("Other", *WHERE, hub_with()).result()
    count.taken()
    expect_equal(client.web_pub_sub_hubs.get("other", *WHERE).name, "Other", "name")
    expect_equal(count.taken(), 1, "requests")
    expect_equal(failure_of(lambda: client.web_pub_sub_hubs.get("nobody", *WHERE)), [404, "ResourceNotFound"], "missing")


@check("hubs.update")
def update(client, count):
    """What `az webpubsub hub update` does: get, change, put."""
    handler = EventHandler(url_template="http://127.0.0.1:1/e", user_event_pattern="a")
    client.web_pub_sub_hubs.begin_create_or_update("Changed", *WHERE, hub_with(handler)).result()
    hub = client.web_pub_sub_hubs.get("Changed", *WHERE)
    hub.properties.anonymous_connect_policy = "allow"
    count.taken()
    changed = client.web_pub_sub_hubs.begin_create_or_update("Changed", *WHERE, hub).result()
    expect_equal(count.taken(), 1, "requests")
    expect_equal(changed.properties.anonymous_connect_policy, "allow", "policy")
    expect_equal(changed.properties.event_handlers[0].user_event_pattern, "a", "pattern")


@check("hubs.list")
def list_hubs(client, count):
    client.web_pub_sub_hubs.begin_create_or_update("Listed", *WHERE, hub_with()).result()
    count.taken()
    names = [hub.name for hub in client.web_pub_sub_hubs.list(*WHERE)]
    expect_equal(count.taken(), 1, "requests")
    expect_equal(["chat" in names, "Listed" in names], [True, True], "names")


@check("hubs.delete")
def delete(client, count):
    client.web_pub_sub_hubs.begin_create_or_update("Gone", *WHERE, hub_with()).result()
    count.taken()
    client.web_pub_sub_hubs.begin_delete("Gone", *WHERE).result()
    client.web_pub_sub_hubs.begin_delete("Gone", *WHERE).result()
    expect_equal(count.taken(), 2, "requests")
    expect_equal(failure_of(lambda: client.web_pub_sub_hubs.get("Gone", *WHERE)), [404, "ResourceNotFound"], "afterwards")


@check("hubs.invalid")
def invalid(client, _count):
    handler = EventHandler(url_template="http://{hub}.example/e")
    put = lambda: client.web_pub_sub_hubs.begin_create_or_update("Bad", *WHERE, hub_with(handler)).result()
    expect_equal(failure_of(put), [400, "InvalidRequestContent"], "placeholder in the host")


@check("listKeys")
def list_keys(client, count):
    keys = client.web_pub_sub.list_keys(*WHERE)
    expect_equal(count.taken(), 1, "requests")
    for key, text in ((keys.primary_key, keys.primary_connection_string), (keys.secondary_key, keys.secondary_connection_string)):
        expect_equal(text.split(";")[1], f"AccessKey={key}", "connection string")


@check("regenerateKey")
def regenerate(client, count):
    before = client.web_pub_sub.list_keys(*WHERE)
    count.taken()
    after = client.web_pub_sub.begin_regenerate_key(*WHERE, RegenerateKeyParameters(key_type="secondary")).result()
    expect_equal(count.taken(), 1, "requests")
    expect_equal([after.primary_key == before.primary_key, after.secondary_key == before.secondary_key], [True, False], "kept")
    expect_equal(client.web_pub_sub.list_keys(*WHERE).secondary_key, after.secondary_key, "listed")


@check("resource")
def resource(client, count):
    one = client.web_pub_sub.get(*WHERE)
    expect_equal([one.name, one.provisioning_state, one.disable_aad_auth], ["any-name", "Succeeded", False], "resource")
    expect_equal([bool(one.host_name), bool(one.public_port), bool(one.server_port)], [True, True, True], "address")
    expect_equal([each.name for each in client.web_pub_sub.list_by_subscription()], ["hubwire"], "in the subscription")
    expect_equal([each.name for each in client.web_pub_sub.list_by_resource_group("any-group")], ["hubwire"], "in the group")
    expect_equal(count.taken(), 3, "requests")
    body = WebPubSubResource(location="westeurope", disable_aad_auth=True, tags={"a": "b"})
    changed = client.web_pub_sub.begin_create_or_update(*WHERE, body).result()
    expect_equal([changed.disable_aad_auth, changed.tags, changed.location], [True, {"a": "b"}, "westeurope"], "changed")
    client.web_pub_sub.begin_update(*WHERE, WebPubSubResource(location="", disable_aad_auth=False)).result()
    expect_equal(count.taken(), 2, "requests")
    expect_equal(failure_of(lambda: client.web_pub_sub.begin_delete(*WHERE).result()), [409, "Conflict"], "deletion")


@check("emptyLists")
def empty_lists(client, count):
    lists = [
        client.usages.list("westeurope"),
        client.web_pub_sub_replicas.list(*WHERE),
        client.web_pub_sub_custom_domains.list(*WHERE),
        client.web_pub_sub_custom_certificates.list(*WHERE),
        client.web_pub_sub_private_endpoint_connections.list(*WHERE),
        client.web_pub_sub_private_link_resources.list(*WHERE),
        client.web_pub_sub_shared_private_link_resources.list(*WHERE),
    ]
    expect_equal([list(each) for each in lists], [[]] * len(lists), "lists")
    expect_equal(count.taken(), len(lists), "requests")
    client.web_pub_sub.list_skus(*WHERE)
    name = NameAvailabilityParameters(type="Microsoft.SignalRService/WebPubSub", name="x")
    expect_equal(client.web_pub_sub.check_name_availability("westeurope", name).name_available, True, "available")


@check("restart")
def restart(client, count):
    client.web_pub_sub.begin_restart(*WHERE).result()
    expect_equal(count.taken(), 1, "requests")


@check("readToken")
def reading(_client, _count):
    client, _ = client_of(os.environ["HUBWIRE_ADMIN_URL"], os.environ["HUBWIRE_ADMIN_READ_TOKEN"])
    expect_equal("chat" in [hub.name for hub in client.web_pub_sub_hubs.list(*WHERE)], True, "listed")
    expect_equal(failure_of(lambda: client.web_pub_sub.list_keys(*WHERE)), [403, "AuthorizationFailed"], "keys")


@check("plainHttp")
def plain(_client, count):
    client, count = client_of(os.environ["HUBWIRE_PLAIN_ADMIN_URL"], os.environ["HUBWIRE_ADMIN_TOKEN"])
    names = [hub.name for hub in client.web_pub_sub_hubs.list(*WHERE, enforce_https=False)]
    expect_equal([names, count.taken()], [["chat"], 1], "names and requests")


def run(one):
    """How the check went: its status and one line about it."""
    try:
        one(*client_of(os.environ["HUBWIRE_ADMIN_URL"], os.environ["HUBWIRE_ADMIN_TOKEN"]))
        return "pass", ""
    except Exception as error:  # whatever it is, it is this row's result
        return "fail", f"{type(error).__name__}: {error}"


for name, one in CHECKS.items():
    if len(sys.argv) > 1 and name not in sys.argv[1:]:
        continue
    status, detail = run(one)
    print(json.dumps({"feature": name, "status": status, "detail": detail}, ensure_ascii=False), flush=True)
