package hubwire;

import static hubwire.Check.expectEqual;

import com.azure.core.util.BinaryData;
import com.azure.core.util.serializer.TypeReference;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A WebSocket client of {@code json.webpubsub.azure.v1} that keeps what it gets. */
final class Receiver implements WebSocket.Listener {
    private static final long PATIENCE_S = 5;
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final BlockingQueue<Map<String, Object>> frames = new LinkedBlockingQueue<>();
    private final CompletableFuture<Integer> closeCode = new CompletableFuture<>();
    private final StringBuilder partial = new StringBuilder();
    private final WebSocket socket;
    final String connectionId;
    final Object userId;

    Receiver(String url) throws Exception {
        socket = HTTP.newWebSocketBuilder()
            .subprotocols("json.webpubsub.azure.v1")
            .buildAsync(URI.create(url), this)
            .get(PATIENCE_S, TimeUnit.SECONDS);
        Map<String, Object> connected = next();
        expectEqual(connected.get("event"), "connected", "the first frame");
        connectionId = (String) connected.get("connectionId");
        userId = connected.get("userId");
    }

    Map<String, Object> next() throws InterruptedException {
        Map<String, Object> frame = frames.poll(PATIENCE_S, TimeUnit.SECONDS);
        if (frame == null) {
            throw new Check.Failed("no message came within " + PATIENCE_S + " s");
        }
        return frame;
    }

    Object data() throws InterruptedException {
        return next().get("data");
    }

    /** The answer to a request that carries an ackId; nothing else may come before it. */
    Map<String, Object> ask(long ackId, Map<String, Object> request) throws InterruptedException {
        Map<String, Object> frame = new LinkedHashMap<>(request);
        frame.put("ackId", ackId);
        socket.sendText(BinaryData.fromObject(frame).toString(), true).join();
        return next();
    }

    int closeCode() throws Exception {
        return closeCode.get(PATIENCE_S, TimeUnit.SECONDS);
    }

    void close() {
        if (!socket.isOutputClosed()) {
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
        }
    }

    @Override
    public CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
        partial.append(data);
        if (last) {
            frames.add(BinaryData.fromString(partial.toString()).toObject(new TypeReference<Map<String, Object>>() { }));
            partial.setLength(0);
        }
        webSocket.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket webSocket, int statusCode, String reason) {
        closeCode.complete(statusCode);
        return null;
    }

    @Override
    public void onError(WebSocket webSocket, Throwable error) {
        closeCode.completeExceptionally(error);
    }
}
