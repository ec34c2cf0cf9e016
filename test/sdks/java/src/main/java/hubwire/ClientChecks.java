package hubwire;

import static hubwire.Bench.TEXT;
import static hubwire.Bench.in;
import static hubwire.Bench.token;
import static hubwire.Bench.until;
import static hubwire.Bench.with;
import static hubwire.Check.expectEqual;
import static hubwire.Check.notOffered;

import com.azure.core.http.rest.RequestOptions;
import com.azure.core.util.BinaryData;
import com.azure.core.util.serializer.TypeReference;
import com.azure.messaging.webpubsub.client.WebPubSubClient;
import com.azure.messaging.webpubsub.client.WebPubSubClientBuilder;
import com.azure.messaging.webpubsub.client.models.ConnectedEvent;
import com.azure.messaging.webpubsub.client.models.DisconnectedEvent;
import com.azure.messaging.webpubsub.client.models.GroupMessageEvent;
import com.azure.messaging.webpubsub.client.models.SendMessageFailedException;
import com.azure.messaging.webpubsub.client.models.SendToGroupOptions;
import com.azure.messaging.webpubsub.client.models.ServerMessageEvent;
import com.azure.messaging.webpubsub.client.models.StoppedEvent;
import com.azure.messaging.webpubsub.client.models.WebPubSubClientCredential;
import com.azure.messaging.webpubsub.client.models.WebPubSubDataFormat;
import com.azure.messaging.webpubsub.client.models.WebPubSubProtocolType;
import com.azure.messaging.webpubsub.models.GetClientAccessTokenOptions;
import com.azure.messaging.webpubsub.models.WebPubSubContentType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Everything the client SDK does, against the service and against the service client. */
final class ClientChecks {
    private static final byte[] BYTES = {0, 1, (byte) 128, (byte) 255};
    private static final List<WebPubSubDataFormat> FORMATS =
        List.of(WebPubSubDataFormat.TEXT, WebPubSubDataFormat.JSON, WebPubSubDataFormat.BINARY);

    private ClientChecks() {
    }

    static Map<String, Check> all() {
        Map<String, Check> checks = new LinkedHashMap<>();
        basics(checks);
        for (WebPubSubDataFormat format : FORMATS) {
            sends(checks, format);
        }
        options(checks);
        fromTheService(checks);
        sessions(checks);
        checks.put("client.invokeEvent", notOffered("1.1 has no such method"));
        checks.put("client.groupStream", notOffered("no such method"));
        return checks;
    }

    /** An SDK client that has started, and what it reports. */
    private static final class Client {
        final BlockingQueue<ConnectedEvent> connected = new LinkedBlockingQueue<>();
        final BlockingQueue<DisconnectedEvent> disconnected = new LinkedBlockingQueue<>();
        final BlockingQueue<StoppedEvent> stopped = new LinkedBlockingQueue<>();
        final BlockingQueue<GroupMessageEvent> groupMessages = new LinkedBlockingQueue<>();
        final BlockingQueue<ServerMessageEvent> serverMessages = new LinkedBlockingQueue<>();
        final WebPubSubClient sdk;
        final ConnectedEvent first;

        Client(Bench bench, String url, WebPubSubProtocolType protocol) throws Exception {
            sdk = new WebPubSubClientBuilder()
                .credential(new WebPubSubClientCredential(() -> url))
                .protocol(protocol)
                .buildClient();
            sdk.addOnConnectedEventHandler(connected::add);
            sdk.addOnDisconnectedEventHandler(disconnected::add);
            sdk.addOnStoppedEventHandler(stopped::add);
            sdk.addOnGroupMessageEventHandler(groupMessages::add);
            sdk.addOnServerMessageEventHandler(serverMessages::add);
            bench.later(sdk::stop);
            sdk.start();
            first = take(connected);
        }

        static <T> T take(BlockingQueue<T> queue) throws InterruptedException {
            T value = queue.poll(30, TimeUnit.SECONDS);
            if (value == null) {
                throw new Check.Failed("the client reported nothing within 30 s");
            }
            return value;
        }

        String groupText() throws InterruptedException {
            return take(groupMessages).getData().toString();
        }
    }

    private static GetClientAccessTokenOptions anything() {
        return token().addRole("webpubsub.joinLeaveGroup").addRole("webpubsub.sendToGroup");
    }

    private static Client plain(Bench bench, GetClientAccessTokenOptions options) throws Exception {
        return new Client(bench, bench.url(options), WebPubSubProtocolType.JSON_PROTOCOL);
    }

    /** A client that is in the check's own group. */
    private static Client joined(Bench bench) throws Exception {
        Client client = plain(bench, anything().setUserId(bench.own("user")));
        client.sdk.joinGroup(bench.own("group"));
        return client;
    }

    /** The error name of a call that the service refuses. */
    private static String refusal(Runnable call) {
        try {
            call.run();
        } catch (SendMessageFailedException error) {
            return error.getError().getName();
        }
        throw new Check.Failed("the call succeeded");
    }

    private static boolean exists(Bench bench, String connectionId) {
        return bench.service.connectionExistsWithResponse(connectionId, Bench.NOTHING).getValue();
    }

    private static boolean groupExists(Bench bench, String group) {
        return bench.service.groupExistsWithResponse(group, Bench.NOTHING).getValue();
    }

    private static void basics(Map<String, Check> checks) {
        checks.put("client.start", bench -> {
            Client client = plain(bench, token().setUserId(bench.own("user")));
            expectEqual(client.first.getUserId(), bench.own("user"), "userId");
            expectEqual(exists(bench, client.first.getConnectionId()), true, "exists");
        });
        checks.put("client.stop", bench -> {
            Client client = plain(bench, token());
            client.sdk.stop();
            Client.take(client.stopped);
            until(() -> !exists(bench, client.first.getConnectionId()), "the connection is gone");
        });
        checks.put("client.joinGroup", bench -> {
            Client client = joined(bench);
            bench.service.sendToGroup(bench.own("group"), "to members", TEXT);
            expectEqual(client.groupText(), "to members", "what arrived");
        });
        checks.put("client.leaveGroup", bench -> {
            Client client = joined(bench);
            client.sdk.leaveGroup(bench.own("group"));
            expectEqual(groupExists(bench, bench.own("group")), false, "the group has a member");
        });
    }

    private static BinaryData sample(WebPubSubDataFormat format) {
        return switch (format.toString()) {
            case "text" -> BinaryData.fromString("héllo");
            case "json" -> BinaryData.fromObject(Map.of("n", 1));
            default -> BinaryData.fromBytes(BYTES);
        };
    }

    private static WebPubSubContentType contentType(WebPubSubDataFormat format) {
        return switch (format.toString()) {
            case "text" -> TEXT;
            case "json" -> WebPubSubContentType.APPLICATION_JSON;
            default -> WebPubSubContentType.APPLICATION_OCTET_STREAM;
        };
    }

    /** Data in a form that compares. */
    private static Object plain(WebPubSubDataFormat format, BinaryData data) {
        return switch (format.toString()) {
            case "text" -> data.toString();
            case "json" -> data.toObject(new TypeReference<Map<String, Object>>() { });
            default -> java.util.HexFormat.of().formatHex(data.toBytes());
        };
    }

    private static void sends(Map<String, Check> checks, WebPubSubDataFormat format) {
        Object wanted = plain(format, sample(format));
        checks.put("client.sendToGroup." + format, bench -> {
            Client client = joined(bench);
            client.sdk.sendToGroup(bench.own("group"), sample(format), format);
            GroupMessageEvent got = Client.take(client.groupMessages);
            expectEqual(plain(got.getDataFormat(), got.getData()), wanted, "what arrived");
            expectEqual(got.getGroup(), bench.own("group"), "group");
            expectEqual(got.getFromUserId(), bench.own("user"), "sender");
        });
        checks.put("client.sendEvent." + format, bench -> {
            Client client = joined(bench);
            client.sdk.sendEvent("echo", sample(format), format);
            ServerMessageEvent got = Client.take(client.serverMessages);
            expectEqual(plain(got.getDataFormat(), got.getData()), wanted, "what the upstream sent back");
        });
    }

    private static void options(Map<String, Check> checks) {
        BinaryData text = BinaryData.fromString("for some");
        checks.put("client.sendToGroup.noEcho", bench -> {
            Client client = joined(bench);
            Receiver other = bench.receiver(in(bench.own("group")));
            client.sdk.sendToGroup(bench.own("group"), text, WebPubSubDataFormat.TEXT,
                new SendToGroupOptions().setEchoDisabled(true));
            client.sdk.sendToGroup(bench.own("group"), BinaryData.fromString("for all"), WebPubSubDataFormat.TEXT);
            expectEqual(other.data(), "for some", "the other got first");
            expectEqual(client.groupText(), "for all", "the sender got first");
        });
        checks.put("client.sendToGroup.fireAndForget", bench -> {
            Client client = joined(bench);
            client.sdk.sendToGroup(bench.own("group"), text, WebPubSubDataFormat.TEXT,
                new SendToGroupOptions().setFireAndForget(true));
            expectEqual(client.groupText(), "for some", "what arrived");
        });
        checks.put("client.sendEvent.failed", bench -> {
            Client client = joined(bench);
            String name = refusal(() -> client.sdk.sendEvent("refuse", text, WebPubSubDataFormat.TEXT));
            expectEqual(name, "InternalServerError", "error of the ack");
        });
        checks.put("client.ack.forbidden", bench -> {
            Client client = plain(bench, token());
            expectEqual(refusal(() -> client.sdk.joinGroup(bench.own("group"))), "Forbidden", "error of the ack");
        });
        checks.put("client.ack.duplicate", bench -> {
            Client client = joined(bench);
            SendToGroupOptions same = new SendToGroupOptions().setAckId(77L);
            BinaryData twice = BinaryData.fromString("twice");
            expectEqual(client.sdk.sendToGroup(bench.own("group"), text, WebPubSubDataFormat.TEXT, same).isDuplicated(),
                false, "the first is a duplicate");
            expectEqual(client.sdk.sendToGroup(bench.own("group"), twice, WebPubSubDataFormat.TEXT, same).isDuplicated(),
                true, "the second is a duplicate");
            client.sdk.sendToGroup(bench.own("group"), BinaryData.fromString("last"), WebPubSubDataFormat.TEXT);
            expectEqual(List.of(client.groupText(), client.groupText()), List.of("for some", "last"), "what arrived");
        });
    }

    private static void fromTheService(Map<String, Check> checks) {
        checks.put("client.serverMessage", bench -> {
            Client client = plain(bench, token());
            for (WebPubSubDataFormat format : FORMATS) {
                BinaryData data = sample(format);
                bench.service.sendToConnectionWithResponse(
                    client.first.getConnectionId(), data, contentType(format), data.getLength(), new RequestOptions());
                ServerMessageEvent got = Client.take(client.serverMessages);
                expectEqual(got.getDataFormat(), format, "format");
                expectEqual(plain(format, got.getData()), plain(format, data), "what arrived");
            }
        });
        checks.put("client.largeMessage", bench -> {
            Client client = plain(bench, token());
            String text = "é".repeat(100_000);
            bench.service.sendToConnection(client.first.getConnectionId(), text, TEXT);
            expectEqual(Client.take(client.serverMessages).getData().toString().equals(text), true, "all of it arrived");
        });
        checks.put("client.disconnected", bench -> {
            Client client = plain(bench, token());
            bench.service.closeConnectionWithResponse(client.first.getConnectionId(), with("reason", "maintenance"));
            DisconnectedEvent event = Client.take(client.disconnected);
            expectEqual(event.getConnectionId(), client.first.getConnectionId(), "connectionId");
            String reason = String.valueOf(event.getReason());
            expectEqual(reason.endsWith(" Reason: maintenance"), true, "reason: " + reason);
        });
    }

    private static void sessions(Map<String, Check> checks) {
        checks.put("client.reconnect", bench -> {
            String group = bench.own("group");
            Client client = new Client(bench, bench.unsteadyUrl(anything()), WebPubSubProtocolType.JSON_PROTOCOL);
            client.sdk.joinGroup(group);
            bench.cut();
            Client.take(client.disconnected);
            bench.mend();
            String again = Client.take(client.connected).getConnectionId();
            expectEqual(again.equals(client.first.getConnectionId()), false, "the same connection");
            until(() -> groupExists(bench, group), "the client is in its group again");
            bench.service.sendToGroup(group, "back", TEXT);
            expectEqual(client.groupText(), "back", "what arrived");
        });
        checks.put("client.reliable.start", bench -> {
            String group = bench.own("group");
            Client client = new Client(bench, bench.url(anything()), WebPubSubProtocolType.JSON_RELIABLE_PROTOCOL);
            client.sdk.joinGroup(group);
            for (long n = 1; n <= 3; n++) {
                client.sdk.sendToGroup(group, BinaryData.fromString("no " + n), WebPubSubDataFormat.TEXT);
                GroupMessageEvent got = Client.take(client.groupMessages);
                expectEqual(got.getSequenceId(), n, "sequence id");
                expectEqual(got.getData().toString(), "no " + n, "what arrived");
            }
        });
        checks.put("client.reliable.recovery", bench -> {
            String group = bench.own("group");
            Client client = new Client(bench, bench.unsteadyUrl(in(group)), WebPubSubProtocolType.JSON_RELIABLE_PROTOCOL);
            bench.service.sendToGroup(group, "before", TEXT);
            expectEqual(client.groupText(), "before", "what arrived before");
            bench.cut();
            bench.service.sendToGroup(group, "missed 1", TEXT);
            bench.service.sendToGroup(group, "missed 2", TEXT);
            bench.mend();
            expectEqual(client.groupText(), "missed 1", "first after the recovery");
            expectEqual(client.groupText(), "missed 2", "second after the recovery");
            bench.service.sendToConnection(client.first.getConnectionId(), "still here", TEXT);
            expectEqual(Client.take(client.serverMessages).getData().toString(), "still here", "the same connection id");
        });
    }
}
