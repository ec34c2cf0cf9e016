import Pusher from 'pusher';
import { onTestFinished } from 'vitest';
import { AppServer, type Received } from './app-server.js';
import { type RunningService, startService } from './hubwire-process.js';
import { appKey, appSecret, PusherClient } from './pusher.js';

export const adminToken = 'ADMIN-token-of-the-operators';

export const signingSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

export const linger = (ms: number) => `webhooks: { linger_ms: ${ms} }\n`;

/** The vendor's server library with the credentials of the app. */
const library = new Pusher({ appId: '42', key: appKey, secret: appSecret, host: '127.0.0.1' });

/** hubs.yaml with app 42 whose webhooks go to `url`; without one, the app has none. */
export function appYaml(url: string | undefined, endpoint = '', more = ''): string {
  const entry = `    webhooks:\n      - { id: orders, url: "${url}", event_types: ["*"]${endpoint && `, ${endpoint}`} }\n`;
  return `apps:\n  - id: "42"\n    key: ${appKey}\n    secret: ${appSecret}\n${url === undefined ? '' : entry}${more}`;
}

/** The service as a process on this data directory, with the token of its operators. */
export function startOn(directory: string, yaml: string, args: readonly string[] = []): Promise<RunningService> {
  return startService(yaml, { HUBWIRE_ADMIN_TOKEN: adminToken }, ['--data-dir', directory, ...args]);
}

/** @param status of its answers */
export async function startReceiver(status = 200, port = 0): Promise<AppServer> {
  const app = await AppServer.start(port);
  app.onPost = response => response.writeHead(status).end();
  onTestFinished(() => app.close());
  return app;
}

/** A client of app 42. */
export async function openClient({ dial, publicUrl }: RunningService): Promise<PusherClient> {
  return PusherClient.on(await dial({ url: `${publicUrl.replace('http', 'ws')}/app/${appKey}`, protocols: [] }));
}

/** Does the vendor's library accept the signature? */
export function isSigned({ headers, body }: Received): boolean {
  return library.webhook({ headers, rawBody: body.toString('utf8') }).isValid();
}

interface ToldEvent {
  readonly name: string;
  readonly channel?: string;
}

/** The events of some webhooks, as `channel_occupied news`. */
export function toldBy(posts: readonly Received[]): string[] {
  const events = posts.flatMap(({ body }) => (JSON.parse(body.toString('utf8')) as { events: ToldEvent[] }).events);
  return events.map(({ name, channel }) => (channel === undefined ? name : `${name} ${channel}`));
}

/** A request to a route for operators. */
export function operate({ adminUrl }: RunningService, path: string, token = adminToken, body?: object) {
  return fetch(`${adminUrl}/admin/webhooks/${path}`, {
    headers: { ...(token && { authorization: `Bearer ${token}` }) },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
}

/** The queues, as operators see them. */
export async function endpoints(service: RunningService) {
  const answer = await operate(service, 'endpoints');
  const body = (await answer.json()) as { endpoints: { id: string; queued: Record<string, number> }[] };
  return body.endpoints;
}

export async function stopped({ process }: RunningService, signal: 'SIGTERM' | 'SIGKILL') {
  process.signal(signal);
  return process.exit;
}

export function idsOf(posts: readonly { readonly headers: Readonly<Record<string, unknown>> }[]): string[] {
  return posts.map(({ headers }) => String(headers['webhook-id']));
}
