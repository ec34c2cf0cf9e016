import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import { parseInstant } from '../config/formats.js';
import { takeBodies } from '../listener/bodies.js';
import { sendFailureBody } from '../listener/failure.js';
import type { DeadLetter, Selection } from '../outbox/envelope.js';
import type { Outbox } from '../outbox/outbox.js';
import type { EndpointStatus } from '../outbox/ports.js';
import type { Webhooks } from '../webhooks/webhooks.js';
import { mostBodyBytes, webhooksPrefix } from './webhook-paths.js';

/** What operators see and change of the outbox. */
export type OperatedOutbox = Pick<
  Outbox,
  'status' | 'attempts' | 'enable' | 'test' | 'deadLetterAll' | 'deadLetters' | 'deadLetter' | 'replay' | 'drop'
>;

export interface WebhookRoutesOptions {
  /** Undefined while nothing is delivered through it. */
  readonly outbox: () => OperatedOutbox | undefined;
  readonly webhooks: Pick<Webhooks, 'sources' | 'testEnvelope'>;
}

interface OfEndpoint {
  readonly Params: { readonly id: string };
}

/** A selection as callers write it: times in Unix milliseconds or RFC 3339. */
interface SelectionQuery {
  readonly ids?: unknown;
  readonly endpoint?: unknown;
  readonly since?: unknown;
  readonly until?: unknown;
  readonly limit?: unknown;
  /** Of a replay: another endpoint of the same app or hub. */
  readonly to?: unknown;
}

/** What operators see and do: endpoints, attempts, dead letters. [pusher-webhooks 2.7] */
export function webhookRoutes(options: WebhookRoutesOptions): FastifyPluginAsync {
  return async app => {
    takeBodies(app, mostBodyBytes);
    app.setErrorHandler((error, _request, reply) => {
      if (error instanceof NotInUse) return sendFailureBody(reply, 404, 'Error.NotFound', error.message);
      if (!(error instanceof InvalidSelection)) throw error;
      return badRequest(reply, error.message);
    });
    const { webhooks } = options;
    const outbox = () => {
      const open = options.outbox();
      if (open === undefined) throw new NotInUse('no webhook and no durable event handler is configured');
      return open;
    };

    app.get(`${webhooksPrefix}/endpoints`, async () => ({
      endpoints: (await outbox().status()).map(status => describe(status, webhooks)),
    }));
    app.get<OfEndpoint>(`${webhooksPrefix}/endpoints/:id/attempts`, async ({ params: { id } }, reply) => {
      const attempts = outbox().attempts(id);
      if (attempts.length === 0 && !(await isEndpoint(outbox(), id))) return unknownEndpoint(reply, id);
      return { attempts };
    });
    app.post<OfEndpoint>(
      `${webhooksPrefix}/endpoints/:id/test`,
      logged('testEndpoint'),
      async ({ params: { id } }, reply) => {
        const envelope = webhooks.testEnvelope(id);
        if (envelope !== undefined) return { attempt: await outbox().test(envelope) };
        const state = await stateOf(outbox(), id);
        return state === undefined ? unknownEndpoint(reply, id) : badRequest(reply, untestable(id, state));
      },
    );
    app.post<OfEndpoint>(
      `${webhooksPrefix}/endpoints/:id/enable`,
      logged('enableEndpoint'),
      async ({ params: { id } }, reply) => {
        if (!(await isEndpoint(outbox(), id))) return unknownEndpoint(reply, id);
        await outbox().enable(id);
        return { enabled: id };
      },
    );
    app.post<OfEndpoint>(
      `${webhooksPrefix}/endpoints/:id/dead-letter`,
      logged('deadLetterEndpoint'),
      async ({ params: { id } }, reply) => {
        const state = await stateOf(outbox(), id);
        if (state === undefined) return unknownEndpoint(reply, id);
        if (state !== 'unknown') return badRequest(reply, isConfigured(id));
        return { deadLettered: await outbox().deadLetterAll(id) };
      },
    );
    app.get<{ Querystring: SelectionQuery }>(`${webhooksPrefix}/dead-letters`, async ({ query }) => ({
      deadLetters: (await outbox().deadLetters(selectionOf(query))).map(withoutContent),
    }));
    app.get<OfEndpoint>(`${webhooksPrefix}/dead-letters/:id`, async ({ params: { id } }, reply) => {
      const letter = await outbox().deadLetter(id);
      if (letter === undefined) return sendFailureBody(reply, 404, 'Error.NotFound', `there is no dead letter ${id}`);
      return { ...withoutContent(letter), content: letter.content.toString('utf8') };
    });
    app.post(`${webhooksPrefix}/dead-letters/replay`, logged('replayDeadLetters'), async ({ body }) => {
      const { to: wanted, ...query } = parsed(body);
      const selection = chosen(query);
      const to = await replayTarget(outbox(), selection, wanted);
      return { replayed: await outbox().replay(selection, to) };
    });
    app.post(`${webhooksPrefix}/dead-letters/drop`, logged('dropDeadLetters'), async ({ body }) => ({
      dropped: await outbox().drop(chosen(parsed(body))),
    }));
  };
}

/** The name that the line of the log about an action has. */
function logged(action: string) {
  return { config: { action } };
}

async function isEndpoint(outbox: OperatedOutbox, id: string): Promise<boolean> {
  return (await stateOf(outbox, id)) !== undefined;
}

async function stateOf(outbox: OperatedOutbox, id: string): Promise<EndpointStatus['state'] | undefined> {
  return (await outbox.status()).find(({ endpoint }) => endpoint === id)?.state;
}

/** Why there is no test request: it is listed, and is no webhook. */
function untestable(id: string, state: EndpointStatus['state']): string {
  return state === 'unknown'
    ? `${id} is not configured, so no test request can be sent to it`
    : `${id} is the queue of an event handler with delivery: durable, for which there is no test request`;
}

function isConfigured(id: string): string {
  return `${id} is configured, so what waits for it is delivered: remove it from hubs.yaml first`;
}

function describe(status: EndpointStatus, { sources }: Pick<Webhooks, 'sources'>) {
  const found = sources.endpoint(status.endpoint);
  const { endpoint: id, depth, circuit, state, lastSuccessAtMs, lastFailureAtMs, failingSinceMs, disabled } = status;
  return {
    id,
    target: found?.endpoint.target.display,
    eventTypes: found && [...found.endpoint.types],
    state,
    circuit,
    queued: depth,
    lastSuccessAt: timeText(lastSuccessAtMs),
    lastFailureAt: timeText(lastFailureAtMs),
    failingSince: timeText(failingSinceMs),
    disabledReason: disabled?.reason,
    disabledAt: timeText(disabled?.atMs),
  };
}

function withoutContent({ content: _, createdAtMs, diedAtMs, ...letter }: DeadLetter) {
  return { ...letter, createdAt: timeText(createdAtMs), diedAt: timeText(diedAtMs) };
}

function timeText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function badRequest(reply: FastifyReply, message: string): FastifyReply {
  return sendFailureBody(reply, 400, 'Error.BadRequest', message);
}

function unknownEndpoint(reply: FastifyReply, id: string): FastifyReply {
  const message = `there is no webhook endpoint ${id}: GET ${webhooksPrefix}/endpoints lists them`;
  return sendFailureBody(reply, 404, 'Error.NotFound', message);
}

class InvalidSelection extends Error {}

class NotInUse extends Error {}

/** A body that selects nothing, a limit aside, would select everything: it has to say so by a time or an endpoint. */
function chosen(query: SelectionQuery): Selection {
  const { limit, ...selection } = selectionOf(query);
  if (Object.values(selection).every(value => value === undefined)) {
    throw new InvalidSelection('the body names what is meant: ids, or endpoint, since and until');
  }
  return { ...selection, limit };
}

/** Where a replay goes, if it does not go where it came from. @throws InvalidSelection */
async function replayTarget(outbox: OperatedOutbox, selection: Selection, to: unknown): Promise<string | undefined> {
  if (to === undefined) return undefined;
  const known = (await outbox.status()).filter(({ state }) => state !== 'unknown');
  if (typeof to !== 'string' || !known.some(({ endpoint }) => endpoint === to)) {
    throw new InvalidSelection(`to is the id of a configured endpoint: GET ${webhooksPrefix}/endpoints lists them`);
  }
  const stranger = (await outbox.deadLetters(selection)).find(({ endpoint }) => ownerOf(endpoint) !== ownerOf(to));
  if (stranger === undefined) return to;
  throw new InvalidSelection(
    `${stranger.id} is of ${stranger.endpoint}: it can be replayed to endpoints of ${ownerOf(stranger.endpoint)} only, not to ${to}`,
  );
}

/** `app:42` of `app:42:orders`. */
function ownerOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':'));
}

function parsed(body: unknown): SelectionQuery {
  try {
    const value: unknown = JSON.parse(Buffer.isBuffer(body) ? body.toString('utf8') : '');
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Answered below, as is JSON of another shape.
  }
  throw new InvalidSelection('the body is a JSON object such as {"ids":["whm_…"]} or {"endpoint":"app:42:orders"}');
}

/** @throws InvalidSelection also for a key that is not known: without it, more would be selected than was meant */
function selectionOf({ ids, endpoint, since, until, limit, ...others }: SelectionQuery): Selection {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new InvalidSelection(`${unknown} has no meaning here: known are ids, endpoint, since, until and limit`);
  }
  if (ids !== undefined && !(Array.isArray(ids) && ids.every(id => typeof id === 'string'))) {
    throw new InvalidSelection('ids is a list of texts');
  }
  if (endpoint !== undefined && typeof endpoint !== 'string') throw new InvalidSelection('endpoint is one id');
  return {
    ids,
    endpoint,
    sinceMs: timeOf('since', since),
    untilMs: timeOf('until', until),
    limit: limitOf(limit),
  };
}

/** @throws InvalidSelection also for what only resembles a time: it would select more than was meant */
function timeOf(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(String(value)) ? unixMsOf(Number(value)) : instantOf(String(value));
  if (ms !== undefined) return ms;
  throw new InvalidSelection(`${name} is a time: 2026-11-28T12:00:00Z, or Unix milliseconds such as 1795867200000`);
}

/** In 2001. */
const earliestMs = 1_000_000_000_000;

/** Undefined for what is a year or in seconds, and would mean 1970. 0 says that all is meant. */
function unixMsOf(value: number): number | undefined {
  return value === 0 || (value >= earliestMs && Number.isSafeInteger(value)) ? value : undefined;
}

/** Undefined for a text that is no date and time of RFC 3339. */
function instantOf(text: string): number | undefined {
  try {
    return parseInstant(text);
  } catch {
    return undefined; // the caller says what a time is here
  }
}

function limitOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const limit = Number(value);
  if (Number.isInteger(limit) && limit > 0 && limit <= 10_000) return limit;
  throw new InvalidSelection('limit is a whole number from 1 to 10,000');
}
