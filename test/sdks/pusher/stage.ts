import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { startServiceNodes } from '../../support/service-nodes.js';
import type { Stage } from '../stage.js';
import { listen, UnsteadyProxy } from '../unsteady-proxy.js';
import { Receiver, Shelf } from './receivers.js';

const app = { id: '42', key: 'sdks-key', secret: 'sdks-secret' } as const;

/** A webhook as it came. */
interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Events of an envelope, as far as webhooks are looked up by them. */
interface Told {
  readonly name: string;
  readonly channel?: string;
}

/** One service with app 42, the receiver of its webhooks, and a way to it that breaks on command. */
export async function startPusherStage(): Promise<Stage> {
  const proxy = new UnsteadyProxy();
  const control = new Control(proxy);
  const server = createServer((request, response) => void control.answer(request, response));
  const controlPort = await listen(server);
  const controlUrl = `http://127.0.0.1:${controlPort}`;
  const service = await startServiceNodes(hubsYaml(`${controlUrl}/hooks`));
  const { port } = new URL(service.publicUrl);
  control.clientUrl = `ws://127.0.0.1:${port}/app/${app.key}?protocol=7`;
  return {
    environment: {
      HUBWIRE_PUSHER_URL: `http://${app.key}:${app.secret}@127.0.0.1:${port}/apps/${app.id}`,
      HUBWIRE_UNSTEADY_PORT: String(await proxy.listen(Number(port))),
      HUBWIRE_CONTROL_URL: controlUrl,
    },
    log: service.log,
    async stop() {
      control.end();
      await service.stop();
      proxy.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** JSON is YAML. Webhooks of what has gone come half a second later, so that the suites need not wait for three. */
function hubsYaml(url: string): string {
  const endpoint = { url, event_types: ['*'] };
  const features = { enable_client_messages: true, enable_subscription_count: true };
  return JSON.stringify({ apps: [{ ...app, ...features, linger_ms: 500, webhooks: [endpoint] }] });
}

/**
 * What the suites do over HTTP: connect receivers and read what they get, read the webhooks that came, break connections.
 *
 * - `POST /receivers` → `{ id, socketId }`; `POST /receivers/{id}` sends the body as a frame; `DELETE /receivers/{id}`
 * - `GET /receivers/{id}/next?event=` → the next frame of this event; `GET /receivers/{id}/close` → `{ code, reason }`
 * - `GET /webhooks/next?name=&channel=` → `{ headers, body }` of a webhook with such an event
 * - `POST /cut`, `POST /mend`
 *
 * 504: it did not come.
 */
class Control {
  clientUrl = '';
  readonly #proxy: UnsteadyProxy;
  readonly #receivers: Receiver[] = [];
  readonly #webhooks = new Shelf<Delivery>();

  constructor(proxy: UnsteadyProxy) {
    this.#proxy = proxy;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control');
    const [, subject, id, what] = pathname.split('/');
    const json = (value: unknown) =>
      response
        .writeHead(value === undefined ? 504 : 200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify(value));
    const done = () => response.writeHead(204).end();
    const receiver = this.#receivers[Number(id)];
    if (subject === 'hooks') {
      this.#webhooks.put({ headers: headersOf(request), body });
      done();
    } else if (subject === 'webhooks') json(await this.#webhook(searchParams));
    else if (subject === 'cut') this.#proxy.cut(done);
    else if (subject === 'mend') this.#proxy.mend(done);
    else if (subject === 'receivers' && id === undefined) json(await this.#connect());
    else if (receiver === undefined) response.writeHead(404).end();
    else if (what === 'next') json(await receiver.next(searchParams.get('event') ?? ''));
    else if (what === 'close') json(await receiver.closed());
    else {
      if (request.method === 'DELETE') receiver.end();
      else receiver.send(body);
      done();
    }
  }

  end(): void {
    for (const receiver of this.#receivers) receiver.end();
  }

  async #connect(): Promise<{ id: number; socketId: string } | undefined> {
    const receiver = new Receiver(this.clientUrl);
    const id = this.#receivers.push(receiver) - 1;
    const socketId = await receiver.socketId();
    return socketId === undefined ? undefined : { id, socketId };
  }

  #webhook(wanted: URLSearchParams): Promise<Delivery | undefined> {
    const [name, channel] = [wanted.get('name'), wanted.get('channel')];
    return this.#webhooks.take(({ body }) => {
      const { events } = JSON.parse(body) as { events: Told[] };
      return events.some(event => event.name === name && (event.channel ?? null) === channel);
    });
  }
}

/** With the spelling in which they came: one of the libraries looks for it. */
function headersOf({ rawHeaders }: IncomingMessage): Record<string, string> {
  const pairs = rawHeaders.flatMap((text, index) => (index % 2 === 0 ? [[text, rawHeaders[index + 1] ?? '']] : []));
  return Object.fromEntries(pairs);
}
