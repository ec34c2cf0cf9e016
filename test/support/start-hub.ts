import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { developmentKey } from '../../src/cli/key-settings.js';
import { parseConfig } from '../../src/config/load.js';
import type { Observer } from '../../src/hub/ports.js';
import { Service } from '../../src/service.js';
import type { ServiceOptions } from '../../src/service-options.js';
import type { ManualClock } from './manual-clock.js';
import type { OneProcess } from './one-process.js';
import { observerOf, type Reports } from './reports.js';
import { hasSeveralNodes, severalNodes } from './several-nodes.js';
import { type Dial, dialer } from './test-client.js';
import { type RecordedUpstream, startUpstream } from './upstream.js';

export interface StartOptions extends Partial<Omit<ServiceOptions, 'config' | 'port' | 'observer'>> {
  /** An observer, or something with methods for what a test looks at. */
  readonly observer?: Observer | Partial<Reports>;
  /** Text of hubs.yaml; `UPSTREAM` stands for the recorded upstream's origin. Default: hub `chat` with `handler`. */
  readonly yaml?: string;
  /** Lines of hub `chat`'s one event handler, besides its URL; undefined: `chat` has no handler. */
  readonly handler?: {
    readonly systemEvents?: readonly string[];
    readonly userEventPattern?: string;
    readonly path?: string;
  };
  /** More settings of hub `chat`, e.g. `anonymousConnectPolicy: allow`. */
  readonly chat?: Readonly<Record<string, unknown>>;
  /** Why what is tested is of one process, also where others are tested with several nodes. */
  readonly oneProcess?: OneProcess;
  /** Settings beside `hubs`: `delivery`, `limits`. */
  readonly file?: Readonly<Record<string, unknown>> & { readonly limits?: object };
}

export interface StartedHub {
  readonly service: Service;
  /** Plays the app server, and keeps what it was sent. */
  readonly upstream: RecordedUpstream;
  /** Opens a client of hub `chat`, or of another. */
  readonly dial: Dial;
  readonly connectionString: string;
}

/** A whole service on a free port, and an upstream for it. Both end with the test. */
export async function startHub(options: StartOptions = {}): Promise<StartedHub> {
  const { yaml, handler, chat, file, oneProcess, observer = {}, ...rest } = options;
  const upstream = await startUpstream();
  const text = (yaml ?? defaultYaml(handler, chat, file)).replaceAll('UPSTREAM', upstream.origin);
  const dataDirectory = join(tmpdir(), `hubwire-${randomUUID()}`); // made when something is durable
  const reason = oneProcess ?? (limitsNode(file?.limits ?? {}) ? 'limit' : undefined);
  const make = reason === undefined ? newService : newNode;
  const service = await make({
    host: '127.0.0.1',
    port: 0,
    admin: undefined,
    keys: { primary: developmentKey, secondary: undefined },
    endpoints: [],
    version: 'test',
    allowsLoopbackWebhooks: true,
    dataDirectory,
    log: pino({ level: 'silent' }),
    observer: 'tell' in observer ? observer : observerOf(observer),
    ...rest,
    config: parseConfig(text, { file: 'hubs.yaml', env: {} }),
  });
  onTestFinished(async () => {
    await service.stop();
    await upstream.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  });
  await service.listen();
  await service.activate();
  return { service, upstream, dial: dialer(service), connectionString: service.connectionString };
}

/** Besides those of one client's queue, which are the same on any node. */
function limitsNode(limits: object): boolean {
  return Object.keys(limits).some(name => !name.startsWith('outboundQueue'));
}

async function newNode(options: ServiceOptions): Promise<Service> {
  return new Service(options);
}

/** One node, or several behind one address: see `several-nodes.ts`. */
async function newService(options: ServiceOptions): Promise<Service> {
  // A test with a backplane of its own makes its own nodes.
  return hasSeveralNodes && options.backplane === undefined ? await severalNodes(options) : new Service(options);
}

/** Stops a service whose time only a test lets pass: it waits for retries, and between one wave of goodbyes and the next. */
export async function stopInTime({ service }: Pick<StartedHub, 'service'>, clock: ManualClock): Promise<void> {
  let isStopped = false;
  const stopped = service.stop().finally(() => {
    isStopped = true;
  });
  while (!isStopped) await clock.advanceAsync(1_000);
  await stopped;
}

function defaultYaml(handler: StartOptions['handler'], chat: StartOptions['chat'], file: StartOptions['file']): string {
  const handlers = handler && [
    {
      urlTemplate: `UPSTREAM${handler.path ?? '/{event}'}`,
      systemEvents: handler.systemEvents ?? [],
      userEventPattern: handler.userEventPattern ?? '',
    },
  ];
  return JSON.stringify({ ...file, hubs: { chat: { ...chat, ...(handlers && { eventHandlers: handlers }) } } });
}
