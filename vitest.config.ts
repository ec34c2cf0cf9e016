import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { filesOfOneProcess } from './test/support/one-process.js';
import { SlowestFirst } from './test/support/slowest-first.js';

/** Module of another version of the vendor's client to run the suites with; newer ones need a newer Node. */
const otherClient = process.env.HUBWIRE_TEST_CLIENT;

/** @throws Error for a name that no file has, or has no more */
function filesOf(names: readonly string[], folder = 'integration'): string[] {
  const files = names.map(name => `test/${folder}/${name}.test.ts`);
  const missing = files.filter(file => !existsSync(join(import.meta.dirname, file)));
  if (missing.length > 0) throw new Error(`vitest.config.ts lists ${missing.join(', ')}, which does not exist`);
  return files;
}

/**
 * Nodes and nats-servers that are killed or paused. They mostly wait, but miss a lease, an election or a time limit when they get no
 * processor time then: no more of them at a time than processors, when the others are done.
 */
const leases = filesOf([
  ...['nats-takeover', 'outbox-nats-crash', 'nats-webhooks-death', 'rolling-restart', 'nats-streams'],
  ...['nats-away', 'nats-connected', 'nats-election', 'nats-isolation', 'nats-outage', 'workers-paused'],
  ...['nats-replicas', 'outbox-nats-full'],
]);

/** Bounds on memory, on time or on open files, which other work on the machine would break: one after the other, last. */
const alone = filesOf([
  ...['bulk-operations', 'invocations', 'nats-interest', 'recovery-storm', 'stalled-clients', 'strangers'],
]);

/**
 * What `.ci/run` runs under the first Node only (`HUBWIRE_TEST_SECOND_NODE=1` leaves it out). A second version is to show what
 * differs between versions: sockets, HTTP, TLS, streams, timers, processes, watched files, native modules. These files take long and
 * depend on something else. A new file runs under both, unless it is added here.
 */
const firstNodeOnly = [
  // Hundreds of random cases of pure functions, which take long to compute.
  ...filesOf(['config/edit/edit-text.property', 'cluster/simulation', 'hub/hand-over'], 'unit'),
  ...filesOf([
    // Images, packages, deployment, documents and examples. `package` starts both Nodes itself, an image has one of its own.
    ...['package', 'container', 'proxy', 'cluster-deploy', 'cluster-demo', 'docs', 'examples'],
    ...['sample-page', 'sample-pusher-page', 'cli-completion'],
    // Processes that are killed for minutes: the order of what they have written counts.
    ...['nats-takeover', 'nats-webhooks-death', 'rolling-restart', 'webhooks-restart'],
    ...['nats-away', 'nats-connected', 'nats-election', 'nats-isolation'],
    ...['outbox-crash', 'outbox-nats-crash', 'outbox-nats-nodes', 'outbox-nats-full'],
    // What servers of NATS, Redis and SQS do with what is stored. `outbox-nats`, `outbox-redis` and `outbox-sqs` are run.
    ...[
      'nats-backplane',
      'nats-facts',
      'nats-streams',
      'nats-replicas',
      'nats-config',
      'nats-interest',
      'nats-validation',
    ],
    ...['nats-webhooks', 'outbox-redis-cluster', 'outbox-sqs-fifo', 'outbox-nats-service'],
    // Texts and exit codes of verbs that start a process for each case. `cli-client` and `cli-service` are run.
    ...['cli', 'cli-admin', 'cli-hubs', 'cli-keys', 'cli-requests', 'cli-verbs', 'doctor-cli'],
  ]),
];
const leftOut = process.env.HUBWIRE_TEST_SECOND_NODE === undefined ? [] : firstNodeOnly;

/** With several nodes for each service that a test starts: they need a NATS, and compute where one process would wait. */
const severalNodes = process.env.HUBWIRE_TEST_NODES !== undefined && {
  globalSetup: ['test/support/nodes-nats.ts'],
  exclude: Object.keys(filesOfOneProcess).map(name => `test/conformance/${name}.test.ts`),
  testTimeout: 120_000,
  maxWorkers: availableParallelism(),
};

/** On a busy machine one start of a process takes ten seconds and more, and hundreds of random cases as long. */
const testTimeoutMs = 60_000;

export default defineConfig({
  resolve: { alias: otherClient === undefined ? {} : { '@azure/web-pubsub-client': otherClient } },
  test: {
    reporters: ['default', './test/support/not-run-reporter.ts'],
    testTimeout: testTimeoutMs,
    hookTimeout: 60_000,
    // Tests wait for sockets, processes and timers about as long as they compute: twice as many workers as processors of the
    // smallest machine, which has two.
    maxWorkers: availableParallelism() + 2,
    // Files share a worker and the modules that it has loaded, which is half of the time: they leave nothing behind.
    isolate: false,
    sequence: { sequencer: SlowestFirst },
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], exclude: leftOut } },
      { extends: true, test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...severalNodes } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: [...leases, ...alone, ...leftOut],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration-leases',
          include: leases,
          exclude: leftOut,
          isolate: true,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration-alone',
          include: alone,
          exclude: leftOut,
          isolate: true,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
