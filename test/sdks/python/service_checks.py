"""Every operation of the service client, seen by plain receivers."""

from azure.core.rest import HttpRequest
from azure.messaging.webpubsubservice import WebPubSubServiceClient

from bench import HUB, Failed, NotOffered, Receiver, expect_equal, failure_of

CHECKS = {}
TEXT = {"content_type": "text/plain"}
JSON_SAMPLE = {"n": 1, "list": [True, None]}


def check(name):
    def register(function):
        CHECKS[name] = function
        return function

    return register


def not_offered(name, why):
    def refuse(_bench):
        raise NotOffered(why)

    CHECKS[name] = refuse


def error_code(error):
    return [error.status_code, error.response.headers.get("x-ms-error-code")]


def two_and_one(bench, **options):
    """Two receivers of one user and one of nobody's."""
    user = bench.own("user")
    return user, [bench.receiver(user_id=user, **options), bench.receiver(user_id=user, **options)], bench.receiver(**options)


# ---------------------------------------------------------------------------------------------------------- tokens


@check("getClientAccessToken")
def token(bench):
    user = bench.own("user")
    expect_equal(bench.receiver(user_id=user).user_id, user, "userId")
    expect_equal(bench.receiver().user_id, None, "userId of a token without one")


@check("getClientAccessToken.groups")
def token_groups(bench):
    group = bench.own("group")
    bench.expect_members(group, [bench.receiver(groups=[group])], [bench.receiver()])


@check("getClientAccessToken.roles")
def token_roles(bench):
    group = bench.own("group")
    join = {"type": "joinGroup", "group": group}
    allowed = bench.receiver(roles=[f"webpubsub.joinLeaveGroup.{group}"])
    expect_equal(allowed.ask(join)["success"], True, "joining with the role")
    expect_equal(bench.receiver().ask(join)["error"]["name"], "Forbidden", "joining without it")


@check("generateClientToken")
def generate_token(bench):
    user = bench.own("user")
    request = HttpRequest("POST", f"/api/hubs/{HUB}/:generateToken", params={"userId": user, "api-version": "2024-12-01"})
    response = bench.service.send_request(request)
    response.raise_for_status()
    url = f"{bench.service.get_client_access_token()['baseUrl']}?access_token={response.json()['token']}"
    receiver = Receiver(url)
    bench.later(receiver.close)
    expect_equal(receiver.user_id, user, "userId")
    return "with send_request; get_client_access_token calls it with Entra credentials over TLS only"


@check("getServiceStatus")
def service_status(bench):
    response = bench.service.send_request(HttpRequest("HEAD", "/api/health", params={"api-version": "2024-12-01"}))
    expect_equal(response.status_code, 200, "status")
    return "with send_request"


@check("reverseProxyEndpoint")
def reverse_proxy(bench):
    receiver = bench.receiver()
    with WebPubSubServiceClient.from_connection_string(
        bench.connection_string, hub=HUB, reverse_proxy_endpoint=bench.unsteady_endpoint
    ) as proxied:
        proxied.send_to_connection(receiver.connection_id, "through the proxy", **TEXT)
    expect_equal(receiver.data(), "through the proxy", "what arrived")


# ----------------------------------------------------------------------------------------------------------- sends


def expect_each_type(send, receiver, sender):
    """Text, JSON and bytes leave in this order and arrive in it, each as what it is."""
    send(message="héllo".encode(), content_type="text/plain; charset=utf-8")
    send(message=JSON_SAMPLE)
    send(message=bytes([0, 1, 128, 255]), content_type="application/octet-stream")
    got = [receiver.next() for _ in range(3)]
    expect_equal([frame["from"] for frame in got], [sender] * 3, "from")
    wanted = [("text", "héllo"), ("json", JSON_SAMPLE), ("binary", "AAGA/w==")]
    expect_equal([(frame["dataType"], frame["data"]) for frame in got], wanted, "what arrived")


def expect_only(bench, wanted, unwanted, send):
    """`wanted` gets the message; `unwanted` gets only the one after it."""
    send()
    expect_equal(wanted.data(), "for some", "the one that was meant got")
    bench.service.send_to_connection(unwanted.connection_id, "for all", **TEXT)
    expect_equal(unwanted.data(), "for all", "the one that was not meant got first")


@check("sendToAll")
def send_to_all(bench):
    expect_each_type(bench.service.send_to_all, bench.receiver(), "server")


@check("sendToAll.excluded")
def send_to_all_excluded(bench):
    wanted, unwanted = bench.receiver(), bench.receiver()
    options = {**TEXT, "excluded": [unwanted.connection_id]}
    expect_only(bench, wanted, unwanted, lambda: bench.service.send_to_all("for some", **options))


@check("sendToAll.filter")
def send_to_all_filter(bench):
    user = bench.own("o'hara")
    wanted, unwanted = bench.receiver(user_id=user), bench.receiver()
    options = {**TEXT, "filter": "userId eq '{}'".format(user.replace("'", "''"))}
    expect_only(bench, wanted, unwanted, lambda: bench.service.send_to_all("for some", **options))


@check("sendToGroup")
def send_to_group(bench):
    group = bench.own("group")
    expect_each_type(
        lambda **options: bench.service.send_to_group(group, **options), bench.receiver(groups=[group]), "group"
    )


@check("sendToGroup.excluded")
def send_to_group_excluded(bench):
    group = bench.own("group")
    wanted, unwanted = bench.receiver(groups=[group]), bench.receiver(groups=[group])
    options = {**TEXT, "excluded": [unwanted.connection_id]}
    expect_only(bench, wanted, unwanted, lambda: bench.service.send_to_group(group, "for some", **options))


@check("sendToGroup.filter")
def send_to_group_filter(bench):
    group, other = bench.own("group"), bench.own("other")
    wanted, unwanted = bench.receiver(groups=[group]), bench.receiver(groups=[group, other])
    options = {**TEXT, "filter": f"not('{other}' in groups)"}
    expect_only(bench, wanted, unwanted, lambda: bench.service.send_to_group(group, "for some", **options))


@check("sendToUser")
def send_to_user(bench):
    user = bench.own("user")
    expect_each_type(
        lambda **options: bench.service.send_to_user(user, **options), bench.receiver(user_id=user), "server"
    )


@check("sendToUser.filter")
def send_to_user_filter(bench):
    user, group = bench.own("user"), bench.own("group")
    wanted, unwanted = bench.receiver(user_id=user, groups=[group]), bench.receiver(user_id=user)
    options = {**TEXT, "filter": f"'{group}' in groups"}
    expect_only(bench, wanted, unwanted, lambda: bench.service.send_to_user(user, "for some", **options))


@check("sendToConnection")
def send_to_connection(bench):
    receiver = bench.receiver()
    expect_each_type(
        lambda **options: bench.service.send_to_connection(receiver.connection_id, **options), receiver, "server"
    )
    bench.service.send_to_connection("nobody", "x", **TEXT)


@check("send.messageTtlSeconds")
def send_ttl(bench):
    receiver = bench.receiver()
    soon = {**TEXT, "params": {"messageTtlSeconds": 300}}
    bench.service.send_to_connection(receiver.connection_id, "soon", **soon)
    expect_equal(receiver.data(), "soon", "what arrived")
    too_long = {**TEXT, "params": {"messageTtlSeconds": 301}}
    error = failure_of(lambda: bench.service.send_to_all("never", **too_long))
    expect_equal(error.status_code, 400, "status of 301 s")
    return "with params={'messageTtlSeconds': …}; the methods have no argument for it"


@check("send.invalidFilter")
def send_invalid_filter(bench):
    error = failure_of(lambda: bench.service.send_to_all("x", filter="invalid filter", **TEXT))
    expect_equal(error.status_code, 400, "status")
    wanted = "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. (Parameter 'filter')"
    expect_equal(error.response.json()["message"], wanted, "message")


# ------------------------------------------------------------------------------------------------------- existence


@check("connectionExists")
def connection_exists(bench):
    expect_equal(bench.service.connection_exists(bench.receiver().connection_id), True, "one that is open")
    expect_equal(bench.service.connection_exists("nobody"), False, "one that never was")


@check("groupExists")
def group_exists(bench):
    group = bench.own("group")
    expect_equal(bench.service.group_exists(group), False, "without a member")
    bench.receiver(groups=[group])
    expect_equal(bench.service.group_exists(group), True, "with a member")


@check("userExists")
def user_exists(bench):
    user = bench.own("user")
    expect_equal(bench.service.user_exists(user), False, "without a connection")
    bench.receiver(user_id=user)
    expect_equal(bench.service.user_exists(user), True, "with a connection")


# ----------------------------------------------------------------------------------------------------------- close


def expect_open(bench, receiver):
    expect_equal(bench.service.connection_exists(receiver.connection_id), True, "the other is still there")


@check("closeConnection")
def close_connection(bench):
    one, other = bench.receiver(), bench.receiver()
    reason = " ".join(["long"] * 40)
    bench.service.close_connection(one.connection_id, reason=reason)
    bench.expect_closed(one, reason)
    bench.service.close_connection("nobody")
    expect_open(bench, other)


@check("closeAllConnections")
def close_all(bench):
    everybody = [bench.receiver(), bench.receiver()]
    bench.service.close_all_connections(reason="all")
    for one in everybody:
        bench.expect_closed(one, "all")


@check("closeAllConnections.excluded")
def close_all_excluded(bench):
    one, other = bench.receiver(), bench.receiver()
    bench.service.close_all_connections(reason="some", excluded=[other.connection_id])
    bench.expect_closed(one, "some")
    expect_open(bench, other)


@check("closeGroupConnections")
def close_group(bench):
    group = bench.own("group")
    one, other = bench.receiver(groups=[group]), bench.receiver()
    bench.service.close_group_connections(group, reason="group")
    bench.expect_closed(one, "group")
    expect_open(bench, other)


@check("closeGroupConnections.excluded")
def close_group_excluded(bench):
    group = bench.own("group")
    one, other = bench.receiver(groups=[group]), bench.receiver(groups=[group])
    bench.service.close_group_connections(group, reason="some", excluded=[other.connection_id])
    bench.expect_closed(one, "some")
    expect_open(bench, other)


@check("closeUserConnections")
def close_user(bench):
    user, his, other = two_and_one(bench)
    bench.service.close_user_connections(user, reason="user")
    for one in his:
        bench.expect_closed(one, "user")
    expect_open(bench, other)


@check("closeUserConnections.excluded")
def close_user_excluded(bench):
    user, (one, other), _ = two_and_one(bench)
    bench.service.close_user_connections(user, reason="some", excluded=[other.connection_id])
    bench.expect_closed(one, "some")
    expect_open(bench, other)


# ---------------------------------------------------------------------------------------------------------- groups


@check("addConnectionToGroup")
def add_connection(bench):
    group = bench.own("group")
    one, other = bench.receiver(), bench.receiver()
    bench.service.add_connection_to_group(group, one.connection_id)
    bench.service.add_connection_to_group(group, one.connection_id)
    bench.expect_members(group, [one], [other])
    error = failure_of(lambda: bench.service.add_connection_to_group(group, "nobody"))
    expect_equal(error_code(error), [404, "Error.Connection.NotExisted"], "an unknown connection")


@check("removeConnectionFromGroup")
def remove_connection(bench):
    group = bench.own("group")
    one, other = bench.receiver(groups=[group]), bench.receiver(groups=[group])
    bench.service.remove_connection_from_group(group, one.connection_id)
    bench.service.remove_connection_from_group(group, "nobody")
    bench.expect_members(group, [other], [one])


@check("removeConnectionFromAllGroups")
def remove_connection_from_all(bench):
    groups = [bench.own("red"), bench.own("blue")]
    one, other = bench.receiver(groups=groups), bench.receiver(groups=groups)
    bench.service.remove_connection_from_all_groups(one.connection_id)
    for group in groups:
        bench.expect_members(group, [other], [one])


not_offered("addConnectionsToGroups", "no such method")
not_offered("removeConnectionsFromGroups", "no such method")


@check("addUserToGroup")
def add_user(bench):
    group = bench.own("group")
    user, his, other = two_and_one(bench)
    bench.service.add_user_to_group(group, user)
    bench.expect_members(group, his, [other])
    error = failure_of(lambda: bench.service.add_user_to_group(group, "nobody"))
    expect_equal(error_code(error), [404, "Warning.User.NotExisted"], "an unknown user")


@check("removeUserFromGroup")
def remove_user(bench):
    group = bench.own("group")
    user, his, other = two_and_one(bench, groups=[group])
    bench.service.remove_user_from_group(group, user)
    bench.service.remove_user_from_group(group, "nobody")
    bench.expect_members(group, [other], his)


@check("removeUserFromAllGroups")
def remove_user_from_all(bench):
    groups = [bench.own("red"), bench.own("blue")]
    user, his, other = two_and_one(bench, groups=groups)
    bench.service.remove_user_from_all_groups(user)
    for group in groups:
        bench.expect_members(group, [other], his)


@check("listConnectionsInGroup")
def list_connections(bench):
    group, user = bench.own("group"), bench.own("user")
    known, anonymous = bench.receiver(user_id=user, groups=[group]), bench.receiver(groups=[group])
    listed = {member.connection_id: member.user_id for member in bench.service.list_connections(group=group)}
    expect_equal(listed, {known.connection_id: user, anonymous.connection_id: None}, "members")
    expect_equal(list(bench.service.list_connections(group=bench.own("empty"))), [], "a group without members")


@check("listConnectionsInGroup.paging")
def list_pages(bench):
    group = bench.own("group")
    ids = {bench.receiver(groups=[group]).connection_id for _ in range(6)}

    def pages(**options):
        return [len(page) for page in bench.service.list_connections(group=group, **options).by_page()]

    listed = {member.connection_id for member in bench.service.list_connections(group=group, maxpagesize=2)}
    expect_equal(listed, ids, "members over all pages")
    expect_equal(pages(maxpagesize=2), [2, 2, 2], "page sizes")
    expect_equal(pages(maxpagesize=2, top=5), [2, 2, 1], "page sizes with top 5")
    expect_equal(pages(top=3), [3], "page sizes with top 3 alone")


# ----------------------------------------------------------------------------------------------------- permissions


@check("grantPermission")
def grant(bench):
    group, receiver = bench.own("group"), bench.receiver()
    for permission in ("joinLeaveGroup", "sendToGroup"):
        bench.service.grant_permission(permission, receiver.connection_id, target_name=group)
    expect_equal(receiver.ask({"type": "joinGroup", "group": group}, 1)["success"], True, "joining")
    send = {"type": "sendToGroup", "group": group, "noEcho": True, "data": 1}
    expect_equal(receiver.ask(send, 2)["success"], True, "sending")
    error = failure_of(lambda: bench.service.grant_permission("sendToGroup", "nobody", target_name=group))
    expect_equal(error.status_code, 404, "status for an unknown connection")


@check("revokePermission")
def revoke(bench):
    group = bench.own("group")
    receiver = bench.receiver(roles=["webpubsub.joinLeaveGroup"])
    bench.service.revoke_permission("joinLeaveGroup", receiver.connection_id, target_name=group)
    answer = receiver.ask({"type": "joinGroup", "group": group}, 1)
    expect_equal((answer.get("error") or {}).get("name"), "Forbidden", "joining the group")
    expect_equal(receiver.ask({"type": "joinGroup", "group": bench.own("other")}, 2)["success"], True, "another")
    bench.service.revoke_permission("joinLeaveGroup", "nobody", target_name=group)


@check("checkPermission")
def check_permission(bench):
    group = bench.own("group")
    connection_id = bench.receiver(roles=[f"webpubsub.sendToGroup.{group}"]).connection_id

    def has(permission, of=connection_id):
        return bench.service.has_permission(permission, of, target_name=group)

    expect_equal(has("sendToGroup"), True, "by role")
    expect_equal(has("joinLeaveGroup"), False, "not given")
    bench.service.grant_permission("joinLeaveGroup", connection_id, target_name=group)
    expect_equal(has("joinLeaveGroup"), True, "granted")
    expect_equal(has("sendToGroup", "nobody"), False, "unknown connection")
