/** An application of hubs.yaml. */
export interface TestApp {
  /** A number: `Pusher.forURL` reads no other. */
  readonly id: string;
  readonly key: string;
  readonly secret: string;
}

/** For the suite of pusher-http-node. */
export const remoteApp: TestApp = { id: '7', key: 'remote-key', secret: 'remote-secret' };

/** For the suite of pusher-js, which has the keys in its source. [pusher-webhooks 9.2] */
export const clusterApps = {
  mt1: { id: '1', key: 'c49a449b916bb4246729', secret: 'secret-of-mt1' },
  eu: { id: '2', key: 'cb7d5e50f5669e5c9ae6', secret: 'secret-of-eu' },
} as const satisfies Record<string, TestApp>;

/** hubs.yaml with these applications; JSON is YAML. */
export function yamlOf(apps: readonly TestApp[]): string {
  return JSON.stringify({ apps: apps.map(app => ({ ...app, enable_client_messages: true })) });
}
