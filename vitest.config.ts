import { defineConfig } from 'vitest/config';

/** Module of another version of the vendor's client to run the suites with; newer ones need a newer Node. */
const otherClient = process.env.HUBWIRE_TEST_CLIENT;

export default defineConfig({
  resolve: { alias: otherClient === undefined ? {} : { '@azure/web-pubsub-client': otherClient } },
  test: {
    include: ['test/{unit,conformance,integration}/**/*.test.ts'],
    reporters: ['default', './test/support/not-run-reporter.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
