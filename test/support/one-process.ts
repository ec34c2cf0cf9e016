// What runs with one process also where the services of tests have several nodes (`npm run test:nodes`): all of it is listed here.

/** Why a service of a test is one process. */
export const oneProcess = {
  limit: 'each node counts its own connections, messages and requests: a limit is that of a node',
  address: 'with several nodes the address of all is configured, and no header replaces it',
  fact: 'each node tells its own facts; what is told once for all nodes is a webhook, and has tests of its own',
} as const;

export type OneProcess = keyof typeof oneProcess;

const about = {
  admin: 'the admin listener, the hubs.yaml and the access keys of one process',
  handlers: 'event handlers and what they send, without a service',
  webhooks: 'webhooks and their queue, without a service',
} as const;

/** Files of test/conformance that start no service that could have several nodes, and what they are about instead. */
export const filesOfOneProcess: Readonly<Record<string, string>> = {
  'management-hubs': about.admin,
  'management-keys': about.admin,
  'management-login': about.admin,
  'management-sdk': about.admin,
  'management-wire': about.admin,
  'upstream-delivery': about.handlers,
  'upstream-durable': about.handlers,
  'upstream-identity': about.handlers,
  'upstream-keys': about.handlers,
  'upstream-order': about.handlers,
  'upstream-proxy': about.handlers,
  'upstream-unreadable-answers': about.handlers,
  'webhooks-delivery': about.webhooks,
  'webhooks-events': about.webhooks,
  'webhooks-lambda': about.webhooks,
};
