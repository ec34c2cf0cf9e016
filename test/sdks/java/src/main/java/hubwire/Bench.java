package hubwire;

import static hubwire.Check.expectEqual;

import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.rest.RequestOptions;
import com.azure.messaging.webpubsub.WebPubSubServiceClient;
import com.azure.messaging.webpubsub.WebPubSubServiceClientBuilder;
import com.azure.messaging.webpubsub.models.GetClientAccessTokenOptions;
import com.azure.messaging.webpubsub.models.WebPubSubContentType;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;

/** What each check starts from: a service client, names nobody else uses, and receivers that end with the check. */
final class Bench {
    /** Hub of all checks; its events go to the runner's upstream, which echoes them. */
    static final String HUB = "sdks";
    static final WebPubSubContentType TEXT = WebPubSubContentType.TEXT_PLAIN;

    final String unsteadyEndpoint = System.getenv("HUBWIRE_UNSTEADY_ENDPOINT");
    final WebPubSubServiceClient service;
    private final String name;
    private final Deque<Runnable> ends = new ArrayDeque<>();

    Bench(String name) {
        this.name = name;
        service = builder().buildClient();
    }

    static WebPubSubServiceClientBuilder builder() {
        return new WebPubSubServiceClientBuilder().connectionString(System.getenv("HUBWIRE_CONNECTION_STRING")).hub(HUB);
    }

    /** A name of this check's own, e.g. for a group. */
    String own(String what) {
        return what + "-" + name + "-" + ProcessHandle.current().pid();
    }

    String url(GetClientAccessTokenOptions options) {
        return service.getClientAccessToken(options).getUrl();
    }

    /** The same, through the connection that can be cut. */
    String unsteadyUrl(GetClientAccessTokenOptions options) {
        URI url = URI.create(url(options));
        return url.toString().replaceFirst(url.getAuthority(), URI.create(unsteadyEndpoint).getAuthority());
    }

    static GetClientAccessTokenOptions token() {
        return new GetClientAccessTokenOptions();
    }

    static GetClientAccessTokenOptions in(String... groups) {
        return token().setGroups(List.of(groups));
    }

    Receiver receiver() throws Exception {
        return receiver(token());
    }

    Receiver receiver(GetClientAccessTokenOptions options) throws Exception {
        Receiver receiver = new Receiver(url(options));
        later(receiver::close);
        return receiver;
    }

    void later(Runnable end) {
        ends.push(end);
    }

    void cut() throws Exception {
        control("/cut");
    }

    void mend() throws Exception {
        control("/mend");
    }

    private static void control(String path) throws Exception {
        URI url = URI.create(System.getenv("HUBWIRE_CONTROL_URL") + path);
        HttpRequest request = HttpRequest.newBuilder(url).POST(HttpRequest.BodyPublishers.noBody()).build();
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());
    }

    void end() throws Exception {
        mend();
        ends.forEach(Runnable::run);
    }

    static RequestOptions with(String name, String value) {
        return new RequestOptions().addQueryParam(name, value);
    }

    static final RequestOptions NOTHING = null;

    /** The HTTP error of a call that has to fail. */
    static HttpResponseException failureOf(Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (HttpResponseException error) {
            return error;
        }
        throw new Check.Failed("the call succeeded");
    }

    /** Asks again until it is so: for states that the SDK has no event for. */
    static void until(Callable<Boolean> isSo, String what) throws Exception {
        for (int tries = 0; tries < 100; tries++) {
            if (isSo.call()) {
                return;
            }
            Thread.sleep(100);
        }
        throw new Check.Failed("never: " + what);
    }

    boolean exists(Receiver receiver) {
        return service.connectionExistsWithResponse(receiver.connectionId, NOTHING).getValue();
    }

    /** The group reaches exactly these: nobody else gets anything before the next message. */
    void expectMembers(String group, List<Receiver> members, List<Receiver> others) throws Exception {
        service.sendToGroup(group, "probe", TEXT);
        for (Receiver one : members) {
            expectEqual(one.data(), "probe", "a member got");
        }
        for (Receiver one : others) {
            service.sendToConnection(one.connectionId, "next", TEXT);
            expectEqual(one.data(), "next", "one who is no member got first");
        }
    }

    /** The service says why, then closes with 1000, and for REST the connection is gone. */
    void expectClosed(Receiver receiver, String reason) throws Exception {
        var last = receiver.next();
        expectEqual(last.get("event"), "disconnected", "last frame");
        String message = String.valueOf(last.get("message"));
        expectEqual(message.endsWith(" Reason: " + reason), true, "message of the last frame: " + message);
        expectEqual(receiver.closeCode(), 1000, "close code");
        expectEqual(exists(receiver), false, "exists afterwards");
    }
}
