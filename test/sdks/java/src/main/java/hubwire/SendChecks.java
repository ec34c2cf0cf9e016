package hubwire;

import static hubwire.Bench.TEXT;
import static hubwire.Bench.failureOf;
import static hubwire.Bench.in;
import static hubwire.Bench.token;
import static hubwire.Bench.with;
import static hubwire.Check.expectEqual;

import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.rest.RequestOptions;
import com.azure.core.util.BinaryData;
import com.azure.messaging.webpubsub.models.WebPubSubContentType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every way to send with the service client, and what limits who gets it. */
final class SendChecks {
    private SendChecks() {
    }

    /** A send to some target: the methods that take bytes, their type and their length. */
    @FunctionalInterface
    private interface Send {
        void send(BinaryData body, WebPubSubContentType type, long length);
    }

    private static final BinaryData FOR_SOME = BinaryData.fromString("for some");

    private static void expectEachType(Send send, Receiver receiver, String from) throws Exception {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("n", 1);
        json.put("list", Arrays.asList(true, null));
        each(send, BinaryData.fromString("héllo"), WebPubSubContentType.TEXT_PLAIN);
        each(send, BinaryData.fromObject(json), WebPubSubContentType.APPLICATION_JSON);
        each(send, BinaryData.fromBytes(new byte[] {0, 1, (byte) 128, (byte) 255}), WebPubSubContentType.APPLICATION_OCTET_STREAM);
        List<List<Object>> got = new ArrayList<>();
        for (int count = 0; count < 3; count++) {
            Map<String, Object> frame = receiver.next();
            expectEqual(frame.get("from"), from, "from");
            got.add(List.of(frame.get("dataType"), frame.get("data")));
        }
        List<List<Object>> wanted = List.of(List.of("text", "héllo"), List.of("json", json), List.of("binary", "AAGA/w=="));
        expectEqual(got, wanted, "what arrived");
    }

    private static void each(Send send, BinaryData body, WebPubSubContentType type) {
        send.send(body, type, body.getLength());
    }

    /** {@code wanted} gets the message; {@code unwanted} gets only the one after it. */
    private static void expectOnly(Bench bench, Receiver wanted, Receiver unwanted) throws Exception {
        expectEqual(wanted.data(), "for some", "the one that was meant got");
        bench.service.sendToConnection(unwanted.connectionId, "for all", TEXT);
        expectEqual(unwanted.data(), "for all", "the one that was not meant got first");
    }

    static Map<String, Check> all() {
        Map<String, Check> checks = new LinkedHashMap<>();
        toAll(checks);
        toGroup(checks);
        toUserAndConnection(checks);
        limits(checks);
        return checks;
    }

    private static void toAll(Map<String, Check> checks) {
        checks.put("sendToAll", bench -> expectEachType(
            (body, type, length) -> bench.service.sendToAllWithResponse(body, type, length, new RequestOptions()),
            bench.receiver(), "server"));
        checks.put("sendToAll.excluded", bench -> {
            Receiver wanted = bench.receiver();
            Receiver unwanted = bench.receiver();
            bench.service.sendToAllWithResponse(FOR_SOME, TEXT, 8, with("excluded", unwanted.connectionId));
            expectOnly(bench, wanted, unwanted);
        });
        checks.put("sendToAll.filter", bench -> {
            String user = bench.own("o'hara");
            Receiver wanted = bench.receiver(token().setUserId(user));
            Receiver unwanted = bench.receiver();
            String filter = "userId eq '" + user.replace("'", "''") + "'";
            bench.service.sendToAllWithResponse(FOR_SOME, TEXT, 8, with("filter", filter));
            expectOnly(bench, wanted, unwanted);
        });
    }

    private static void toGroup(Map<String, Check> checks) {
        checks.put("sendToGroup", bench -> {
            String group = bench.own("group");
            expectEachType((body, type, length) ->
                bench.service.sendToGroupWithResponse(group, body, type, length, new RequestOptions()),
                bench.receiver(in(group)), "group");
        });
        checks.put("sendToGroup.excluded", bench -> {
            String group = bench.own("group");
            Receiver wanted = bench.receiver(in(group));
            Receiver unwanted = bench.receiver(in(group));
            bench.service.sendToGroupWithResponse(group, FOR_SOME, TEXT, 8, with("excluded", unwanted.connectionId));
            expectOnly(bench, wanted, unwanted);
        });
        checks.put("sendToGroup.filter", bench -> {
            String group = bench.own("group");
            String other = bench.own("other");
            Receiver wanted = bench.receiver(in(group));
            Receiver unwanted = bench.receiver(in(group, other));
            String filter = "not('" + other + "' in groups)";
            bench.service.sendToGroupWithResponse(group, FOR_SOME, TEXT, 8, with("filter", filter));
            expectOnly(bench, wanted, unwanted);
        });
    }

    private static void toUserAndConnection(Map<String, Check> checks) {
        checks.put("sendToUser", bench -> {
            String user = bench.own("user");
            expectEachType((body, type, length) ->
                bench.service.sendToUserWithResponse(user, body, type, length, new RequestOptions()),
                bench.receiver(token().setUserId(user)), "server");
        });
        checks.put("sendToUser.filter", bench -> {
            String user = bench.own("user");
            String group = bench.own("group");
            Receiver wanted = bench.receiver(in(group).setUserId(user));
            Receiver unwanted = bench.receiver(token().setUserId(user));
            bench.service.sendToUserWithResponse(user, FOR_SOME, TEXT, 8, with("filter", "'" + group + "' in groups"));
            expectOnly(bench, wanted, unwanted);
        });
        checks.put("sendToConnection", bench -> {
            Receiver receiver = bench.receiver();
            expectEachType((body, type, length) -> bench.service.sendToConnectionWithResponse(
                receiver.connectionId, body, type, length, new RequestOptions()), receiver, "server");
            bench.service.sendToConnection("nobody", "x", TEXT);
        });
    }

    private static void limits(Map<String, Check> checks) {
        checks.put("send.messageTtlSeconds", bench -> {
            Receiver receiver = bench.receiver();
            bench.service.sendToConnectionWithResponse(receiver.connectionId, BinaryData.fromString("soon"), TEXT, 4,
                with("messageTtlSeconds", "300"));
            expectEqual(receiver.data(), "soon", "what arrived");
            HttpResponseException error = failureOf(
                () -> bench.service.sendToAllWithResponse(FOR_SOME, TEXT, 8, with("messageTtlSeconds", "301")));
            expectEqual(error.getResponse().getStatusCode(), 400, "status of 301 s");
        });
        checks.put("send.invalidFilter", bench -> {
            HttpResponseException error = failureOf(
                () -> bench.service.sendToAllWithResponse(FOR_SOME, TEXT, 8, with("filter", "invalid filter")));
            expectEqual(error.getResponse().getStatusCode(), 400, "status");
            String wanted = "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'."
                + " (Parameter 'filter')";
            expectEqual(error.getMessage().contains(wanted), true, "the exception tells why: " + error.getMessage());
        });
    }
}
