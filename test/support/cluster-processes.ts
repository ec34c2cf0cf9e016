import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { onTestFinished } from 'vitest';
import { AppServer } from './app-server.js';
import { EventAudit } from './event-audit.js';
import type { HubwireProcess, RunningService } from './hubwire-process.js';
import type { TestClient } from './test-client.js';

/** The id of a `disconnected` that the node of the connection had not named: the last there is. [cluster 6.3] */
export const claimersId = '2147483647';

/** Lines of a node's log. */
export const lines = {
  paused: 'this node is paused',
  live: 'this node is live',
  isolated: 'this node has been cut off for too long',
  fenced: 'other nodes have ended the connections of this node',
  claims: 'this one ends its connections',
} as const;

/** Unix milliseconds of the first log line with this text, now or later. */
export async function loggedAtMs({ process }: { readonly process: HubwireProcess }, text: string): Promise<number> {
  const [line] = await process.find(new RegExp(`^\\{.*${text}.*\\}$`, 'm'), 'stderr');
  return Date.parse((JSON.parse(line) as { time: string }).time);
}

export async function readinessOf({ adminUrl }: RunningService): Promise<number> {
  return (await fetch(new URL('/readyz', adminUrl))).status;
}

/** The value of a metric without labels. */
export async function metricOf({ adminUrl }: RunningService, name: string): Promise<number> {
  const metrics = await (await fetch(new URL('/metrics', adminUrl))).text();
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(metrics)?.[1]);
}

export function restOf({ connectionString }: RunningService): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
}

/** So many clients that have got their `connected`. */
export function dialAll(node: RunningService, count: number): Promise<readonly TestClient[]> {
  const dial = async () => {
    const client = await node.dial();
    await client.next();
    return client;
  };
  return Promise.all(Array.from({ length: count }, dial));
}

/** An app server that ends with the test, what it is told of connections, and the hubs.yaml that has it told of all. */
export async function startAudited(clusterYaml = ''): Promise<{
  readonly app: AppServer;
  readonly audit: EventAudit;
  readonly yaml: string;
}> {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const yaml = `hubs:
  chat:
    eventHandlers:
      - urlTemplate: ${app.url}/{event}
        systemEvents: [connected, disconnected]
        userEventPattern: "*"
${clusterYaml}`;
  return { app, audit: new EventAudit(app), yaml };
}
