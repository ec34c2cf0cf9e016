package hubwire;

/** One row of the table: does what an application would do, and throws when something is not as it should be. */
@FunctionalInterface
interface Check {
    void run(Bench bench) throws Exception;

    /** The SDK has no method for this row; the text says why. */
    final class NotOffered extends Exception {
        private static final long serialVersionUID = 1;

        NotOffered(String why) {
            super(why);
        }
    }

    /** A check found something else than it should. */
    final class Failed extends RuntimeException {
        private static final long serialVersionUID = 1;

        Failed(String what) {
            super(what);
        }
    }

    static Check notOffered(String why) {
        return bench -> {
            throw new NotOffered(why);
        };
    }

    static void expectEqual(Object actual, Object expected, String what) {
        if (!java.util.Objects.equals(actual, expected)) {
            throw new Failed(what + ": " + actual + " instead of " + expected);
        }
    }
}
