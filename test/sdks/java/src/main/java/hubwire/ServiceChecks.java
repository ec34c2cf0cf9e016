package hubwire;

import static hubwire.Bench.NOTHING;
import static hubwire.Bench.TEXT;
import static hubwire.Bench.failureOf;
import static hubwire.Bench.in;
import static hubwire.Bench.token;
import static hubwire.Bench.with;
import static hubwire.Check.expectEqual;
import static hubwire.Check.notOffered;

import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.HttpHeaderName;
import com.azure.messaging.webpubsub.models.WebPubSubPermission;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every operation of the service client but the sends, seen by plain receivers. */
final class ServiceChecks {
    private static final HttpHeaderName ERROR_CODE = HttpHeaderName.fromString("x-ms-error-code");

    private ServiceChecks() {
    }

    static Map<String, Check> all() {
        Map<String, Check> checks = new LinkedHashMap<>();
        tokens(checks);
        checks.putAll(SendChecks.all());
        existence(checks);
        closes(checks);
        memberships(checks);
        permissions(checks);
        return checks;
    }

    private record TwoAndOne(String user, List<Receiver> his, Receiver other) {
    }

    /** Two receivers of one user and one of nobody's. */
    private static TwoAndOne twoAndOne(Bench bench, String... groups) throws Exception {
        String user = bench.own("user");
        Receiver one = bench.receiver(in(groups).setUserId(user));
        return new TwoAndOne(user, List.of(one, bench.receiver(in(groups).setUserId(user))), bench.receiver(in(groups)));
    }

    private static List<Object> statusAndCode(HttpResponseException error) {
        return List.of(error.getResponse().getStatusCode(), error.getResponse().getHeaderValue(ERROR_CODE));
    }

    private static Object errorName(Map<String, Object> ack) {
        return ack.get("error") instanceof Map<?, ?> error ? error.get("name") : null;
    }

    private static Map<String, Object> join(String group) {
        return Map.of("type", "joinGroup", "group", group);
    }

    private static void tokens(Map<String, Check> checks) {
        checks.put("getClientAccessToken", bench -> {
            String user = bench.own("user");
            expectEqual(bench.receiver(token().setUserId(user)).userId, user, "userId");
            expectEqual(bench.receiver().userId, null, "userId of a token without one");
        });
        checks.put("getClientAccessToken.groups", bench -> {
            String group = bench.own("group");
            bench.expectMembers(group, List.of(bench.receiver(in(group))), List.of(bench.receiver()));
        });
        checks.put("getClientAccessToken.roles", bench -> {
            String group = bench.own("group");
            Receiver allowed = bench.receiver(token().addRole("webpubsub.joinLeaveGroup." + group));
            expectEqual(allowed.ask(1, join(group)).get("success"), true, "joining with the role");
            expectEqual(errorName(bench.receiver().ask(1, join(group))), "Forbidden", "joining without it");
        });
        checks.put("generateClientToken", notOffered("called with Entra credentials over TLS only"));
        checks.put("getServiceStatus", notOffered("no such method"));
        checks.put("reverseProxyEndpoint", bench -> {
            Receiver receiver = bench.receiver();
            Bench.builder().reverseProxyEndpoint(bench.unsteadyEndpoint).buildClient()
                .sendToConnection(receiver.connectionId, "through the proxy", TEXT);
            expectEqual(receiver.data(), "through the proxy", "what arrived");
        });
    }

    private static void existence(Map<String, Check> checks) {
        checks.put("connectionExists", bench -> {
            expectEqual(bench.exists(bench.receiver()), true, "one that is open");
            expectEqual(bench.service.connectionExistsWithResponse("nobody", NOTHING).getValue(), false, "one that never was");
        });
        checks.put("groupExists", bench -> {
            String group = bench.own("group");
            expectEqual(bench.service.groupExistsWithResponse(group, NOTHING).getValue(), false, "without a member");
            bench.receiver(in(group));
            expectEqual(bench.service.groupExistsWithResponse(group, NOTHING).getValue(), true, "with a member");
        });
        checks.put("userExists", bench -> {
            String user = bench.own("user");
            expectEqual(bench.service.userExistsWithResponse(user, NOTHING).getValue(), false, "without a connection");
            bench.receiver(token().setUserId(user));
            expectEqual(bench.service.userExistsWithResponse(user, NOTHING).getValue(), true, "with a connection");
        });
    }

    private static void closes(Map<String, Check> checks) {
        checks.put("closeConnection", bench -> {
            Receiver one = bench.receiver();
            Receiver other = bench.receiver();
            String reason = "long ".repeat(40).trim();
            bench.service.closeConnectionWithResponse(one.connectionId, with("reason", reason));
            bench.expectClosed(one, reason);
            bench.service.closeConnectionWithResponse("nobody", NOTHING);
            expectEqual(bench.exists(other), true, "the other is still there");
        });
        checks.put("closeAllConnections", bench -> {
            List<Receiver> all = List.of(bench.receiver(), bench.receiver());
            bench.service.closeAllConnectionsWithResponse(with("reason", "all"));
            for (Receiver one : all) {
                bench.expectClosed(one, "all");
            }
        });
        checks.put("closeAllConnections.excluded", bench -> {
            Receiver one = bench.receiver();
            Receiver other = bench.receiver();
            bench.service.closeAllConnectionsWithResponse(
                with("reason", "some").addQueryParam("excluded", other.connectionId));
            bench.expectClosed(one, "some");
            expectEqual(bench.exists(other), true, "the other is still there");
        });
        checks.put("closeGroupConnections", bench -> {
            String group = bench.own("group");
            Receiver one = bench.receiver(in(group));
            Receiver other = bench.receiver();
            bench.service.closeGroupConnectionsWithResponse(group, with("reason", "group"));
            bench.expectClosed(one, "group");
            expectEqual(bench.exists(other), true, "the other is still there");
        });
        checks.put("closeGroupConnections.excluded", bench -> {
            String group = bench.own("group");
            Receiver one = bench.receiver(in(group));
            Receiver other = bench.receiver(in(group));
            bench.service.closeGroupConnectionsWithResponse(group,
                with("reason", "some").addQueryParam("excluded", other.connectionId));
            bench.expectClosed(one, "some");
            expectEqual(bench.exists(other), true, "the other is still there");
        });
        checks.put("closeUserConnections", bench -> {
            TwoAndOne who = twoAndOne(bench);
            bench.service.closeUserConnectionsWithResponse(who.user, with("reason", "user"));
            for (Receiver one : who.his) {
                bench.expectClosed(one, "user");
            }
            expectEqual(bench.exists(who.other), true, "the other is still there");
        });
        checks.put("closeUserConnections.excluded", bench -> {
            TwoAndOne who = twoAndOne(bench);
            Receiver spared = who.his.get(1);
            bench.service.closeUserConnectionsWithResponse(who.user,
                with("reason", "some").addQueryParam("excluded", spared.connectionId));
            bench.expectClosed(who.his.get(0), "some");
            expectEqual(bench.exists(spared), true, "the spared one is still there");
        });
    }

    private static void memberships(Map<String, Check> checks) {
        checks.put("addConnectionToGroup", bench -> {
            String group = bench.own("group");
            Receiver one = bench.receiver();
            Receiver other = bench.receiver();
            bench.service.addConnectionToGroupWithResponse(group, one.connectionId, NOTHING);
            bench.service.addConnectionToGroupWithResponse(group, one.connectionId, NOTHING);
            bench.expectMembers(group, List.of(one), List.of(other));
            HttpResponseException error = failureOf(
                () -> bench.service.addConnectionToGroupWithResponse(group, "nobody", NOTHING));
            expectEqual(statusAndCode(error), List.of(404, "Error.Connection.NotExisted"), "an unknown connection");
        });
        checks.put("removeConnectionFromGroup", bench -> {
            String group = bench.own("group");
            Receiver one = bench.receiver(in(group));
            Receiver other = bench.receiver(in(group));
            bench.service.removeConnectionFromGroupWithResponse(group, one.connectionId, NOTHING);
            bench.service.removeConnectionFromGroupWithResponse(group, "nobody", NOTHING);
            bench.expectMembers(group, List.of(other), List.of(one));
        });
        checks.put("removeConnectionFromAllGroups", bench -> {
            String red = bench.own("red");
            String blue = bench.own("blue");
            Receiver one = bench.receiver(in(red, blue));
            Receiver other = bench.receiver(in(red, blue));
            bench.service.removeConnectionFromAllGroupsWithResponse(one.connectionId, NOTHING);
            bench.expectMembers(red, List.of(other), List.of(one));
            bench.expectMembers(blue, List.of(other), List.of(one));
        });
        checks.put("addConnectionsToGroups", bench -> {
            List<String> groups = List.of(bench.own("red"), bench.own("blue"));
            TwoAndOne who = twoAndOne(bench);
            bench.service.addConnectionsToGroups(groups, "userId eq '" + who.user + "'");
            for (String group : groups) {
                bench.expectMembers(group, who.his, List.of(who.other));
            }
        });
        checks.put("removeConnectionsFromGroups", notOffered("no such method"));
        checks.put("addUserToGroup", bench -> {
            String group = bench.own("group");
            TwoAndOne who = twoAndOne(bench);
            bench.service.addUserToGroupWithResponse(group, who.user, NOTHING);
            bench.expectMembers(group, who.his, List.of(who.other));
            HttpResponseException error = failureOf(
                () -> bench.service.addUserToGroupWithResponse(group, "nobody", NOTHING));
            expectEqual(statusAndCode(error), List.of(404, "Warning.User.NotExisted"), "an unknown user");
        });
        checks.put("removeUserFromGroup", bench -> {
            String group = bench.own("group");
            TwoAndOne who = twoAndOne(bench, group);
            bench.service.removeUserFromGroupWithResponse(group, who.user, NOTHING);
            bench.service.removeUserFromGroupWithResponse(group, "nobody", NOTHING);
            bench.expectMembers(group, List.of(who.other), who.his);
        });
        checks.put("removeUserFromAllGroups", bench -> {
            String red = bench.own("red");
            String blue = bench.own("blue");
            TwoAndOne who = twoAndOne(bench, red, blue);
            bench.service.removeUserFromAllGroupsWithResponse(who.user, NOTHING);
            bench.expectMembers(red, List.of(who.other), who.his);
            bench.expectMembers(blue, List.of(who.other), who.his);
        });
        checks.put("listConnectionsInGroup", notOffered("came with 1.5.0"));
        checks.put("listConnectionsInGroup.paging", notOffered("came with 1.5.0"));
    }

    private static void permissions(Map<String, Check> checks) {
        WebPubSubPermission joining = WebPubSubPermission.JOIN_LEAVE_GROUP;
        WebPubSubPermission sending = WebPubSubPermission.SEND_TO_GROUP;
        checks.put("grantPermission", bench -> {
            String group = bench.own("group");
            Receiver receiver = bench.receiver();
            for (WebPubSubPermission each : List.of(joining, sending)) {
                bench.service.grantPermissionWithResponse(each, receiver.connectionId, with("targetName", group));
            }
            expectEqual(receiver.ask(1, join(group)).get("success"), true, "joining");
            Map<String, Object> send = Map.of("type", "sendToGroup", "group", group, "noEcho", true, "data", 1);
            expectEqual(receiver.ask(2, send).get("success"), true, "sending");
            HttpResponseException error = failureOf(
                () -> bench.service.grantPermissionWithResponse(sending, "nobody", with("targetName", group)));
            expectEqual(error.getResponse().getStatusCode(), 404, "status for an unknown connection");
        });
        checks.put("revokePermission", bench -> {
            String group = bench.own("group");
            Receiver receiver = bench.receiver(token().addRole("webpubsub.joinLeaveGroup"));
            bench.service.revokePermissionWithResponse(joining, receiver.connectionId, with("targetName", group));
            expectEqual(errorName(receiver.ask(1, join(group))), "Forbidden", "joining the group");
            expectEqual(receiver.ask(2, join(bench.own("other"))).get("success"), true, "another");
            bench.service.revokePermissionWithResponse(joining, "nobody", with("targetName", group));
        });
        checks.put("checkPermission", bench -> {
            String group = bench.own("group");
            String id = bench.receiver(token().addRole("webpubsub.sendToGroup." + group)).connectionId;
            expectEqual(has(bench, sending, id, group), true, "by role");
            expectEqual(has(bench, joining, id, group), false, "not given");
            bench.service.grantPermissionWithResponse(joining, id, with("targetName", group));
            expectEqual(has(bench, joining, id, group), true, "granted");
            expectEqual(has(bench, sending, "nobody", group), false, "unknown connection");
        });
    }

    private static boolean has(Bench bench, WebPubSubPermission permission, String connectionId, String group) {
        return bench.service.checkPermissionWithResponse(permission, connectionId, with("targetName", group)).getValue();
    }
}
