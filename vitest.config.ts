import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Module of another version of the vendor's client to run the suites with; newer ones need a newer Node. */
const otherClient = process.env.HUBWIRE_TEST_CLIENT;

/**
 * Files with a bound on memory, on time or on open files, which other work on the machine would break: one after the other,
 * when all others are done.
 */
const alone = ['bulk-operations', 'descriptors', 'invocations', 'recovery-storm', 'stalled-clients', 'strangers'].map(
  name => `test/integration/${name}.test.ts`,
);

export default defineConfig({
  resolve: { alias: otherClient === undefined ? {} : { '@azure/web-pubsub-client': otherClient } },
  test: {
    reporters: ['default', './test/support/not-run-reporter.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Tests wait for sockets, processes and timers about as long as they compute.
    maxWorkers: availableParallelism() + 1,
    // Files share a worker and the modules that it has loaded, which is half of the time: they leave nothing behind.
    isolate: false,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { extends: true, test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'] } },
      { extends: true, test: { name: 'integration', include: ['test/integration/**/*.test.ts'], exclude: alone } },
      {
        extends: true,
        test: { name: 'integration-alone', include: alone, isolate: true, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
