package hubwire;

import com.azure.core.util.BinaryData;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Prints one JSON line per feature. Argument: the class that holds the checks. */
public final class Main {
    private static final long PATIENCE_S = 40;

    private Main() {
    }

    public static void main(String[] arguments) throws Exception {
        Object checks = Class.forName("hubwire." + arguments[0]).getDeclaredMethod("all").invoke(null);
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) checks).entrySet()) {
            run((String) entry.getKey(), (Check) entry.getValue());
        }
        System.exit(0); // a client that a failed check left behind would keep trying to reconnect
    }

    private static void run(String feature, Check check) throws Exception {
        Bench bench = new Bench(feature);
        FutureTask<Void> task = new FutureTask<>(() -> {
            check.run(bench);
            return null;
        });
        Thread thread = new Thread(task, feature);
        thread.setDaemon(true);
        thread.start();
        try {
            task.get(PATIENCE_S, TimeUnit.SECONDS);
            say(feature, "pass", "");
        } catch (ExecutionException error) {
            String status = error.getCause() instanceof Check.NotOffered ? "not offered" : "fail";
            say(feature, status, String.valueOf(error.getCause().getMessage()));
        } catch (TimeoutException error) {
            say(feature, "fail", "no end after " + PATIENCE_S + " s");
        } finally {
            bench.end();
        }
    }

    private static void say(String feature, String status, String detail) {
        Map<String, String> line = new LinkedHashMap<>();
        line.put("feature", feature);
        line.put("status", status);
        line.put("detail", detail);
        System.out.println(BinaryData.fromObject(line));
    }
}
