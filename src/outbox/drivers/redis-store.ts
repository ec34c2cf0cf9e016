import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.js';
import { type AttemptRecord, type DeadLetter, type Envelope, remember, type Selection } from '../envelope.js';
import type { Claim, Claimed, Deadline, Depth, EndpointFacts, OutboxStore, Room, Successors } from '../store.js';
import { envelopeOfJson, type JsonEnvelope, jsonOf, jsonOfClaimed } from './json-envelope.js';
import { RedisClient } from './redis-client.js';
import { RedisDead } from './redis-dead.js';

/** What others put into the lists is found after this time. */
const pollMs = 500;
const defaultClaimMs = 60_000;
const buriedAtOnce = 100;

export interface RedisOptions {
  /** Of the server: `redis://user:password@host:6379/0`, `rediss://` for TLS. Either this or `nodes`. */
  readonly url?: string | undefined;
  /** Of a cluster: the URLs of some nodes, without a database. Others are found; they have the user, the password and the TLS of the first one. */
  readonly nodes?: readonly string[] | undefined;
  /** Of all keys; `hubwire_queue:` by default. In a cluster `{hubwire_queue:}`: the braces keep them in one slot. */
  readonly prefix?: string | undefined;
  /** Envelopes in delivery on this node at a time; the outbox' own limit by default. */
  readonly concurrency?: number | undefined;
  /** Envelopes of a node that does not report for so long are delivered by others; 60 s by default. */
  readonly claimMs?: number | undefined;
}

/**
 * The outbox in lists of a redis server or cluster, for one or several nodes. Kept as well as redis keeps them.
 * @throws StoreOpenError
 */
export async function openRedisStore(
  options: RedisOptions,
  clock: Clock,
  onFault: (error: unknown) => void = () => {},
): Promise<OutboxStore> {
  const { url = '', nodes, prefix = 'hubwire_queue:', concurrency, claimMs = defaultClaimMs } = options;
  const place = nodes === undefined ? { url } : { nodes };
  return new RedisStore(await RedisClient.open(place, prefix, onFault, clock), clock, concurrency, claimMs);
}

class RedisStore implements OutboxStore {
  readonly pollMs = pollMs;
  readonly deadlinePollMs = pollMs;
  readonly maxConcurrency: number | undefined;
  readonly isDurable = true;
  readonly #redis: RedisClient;
  readonly #dead: RedisDead;
  readonly #clock: Clock;
  readonly #claimMs: number;
  readonly #node = randomBytes(4).toString('hex');
  /** In delivery here. */
  readonly #handles = new Set<string>();
  /** Handles of the drafts of this node, by id. */
  readonly #drafts = new Map<string, string>();
  /** The clock of those who claim. */
  #nowMs: () => number;
  #count = 0;
  #cancelTimer: () => void = () => {};

  constructor(redis: RedisClient, clock: Clock, concurrency: number | undefined, claimMs: number) {
    this.#redis = redis;
    this.#dead = new RedisDead(redis);
    this.#clock = clock;
    this.maxConcurrency = concurrency;
    this.#claimMs = claimMs;
    this.#nowMs = () => clock.now();
    this.#extendLater();
  }

  async add(envelopes: readonly Envelope[], nowMs: number): Promise<void> {
    await this.#redis.push('default', this.#raws(envelopes, nowMs));
  }

  async addDrafts(drafts: readonly Envelope[], untilMs: number, nowMs: number): Promise<void> {
    const made = this.#newDrafts(drafts, nowMs);
    for (const { id, handle } of made) this.#drafts.set(id, handle); // it may be replaced before redis has answered
    try {
      await this.#redis.run('addDrafts', untilMs + this.#claimMs, ...made.flatMap(({ row }) => row));
    } catch (error) {
      for (const { id } of drafts) this.#drafts.delete(id);
      throw error;
    }
  }

  async replaceDrafts(drafts: readonly string[], envelope: Envelope, nowMs: number): Promise<void> {
    const handles = drafts.map(id => this.#drafts.get(id)).filter(handle => handle !== undefined);
    await this.#redis.run('replaceDrafts', ...this.#raws([envelope], nowMs), ...handles);
    for (const id of drafts) this.#drafts.delete(id);
  }

  async claim(room: () => Room, nowMs: () => number): Promise<Claim> {
    this.#nowMs = nowMs;
    const { total, endpoints } = room();
    return await this.#claim(total, endpoints, nowMs(), nowMs());
  }

  async delivered({ envelope, place }: Claimed): Promise<void> {
    await this.#redis.run('delivered', envelope.endpoint, place as string, envelope.key ?? '');
    this.#handles.delete(place as string);
  }

  async retry(claimed: Claimed, dueAtMs: number, attempt: AttemptRecord): Promise<void> {
    const { envelope, attempts, history } = claimed;
    const handle = claimed.place as string;
    const next = { ...claimed, attempts: attempts + 1, history: remember(history, attempt) };
    const raw = JSON.stringify(jsonOfClaimed(next, handle));
    await this.#redis.run('retry', envelope.endpoint, handle, dueAtMs, raw);
    this.#handles.delete(handle);
  }

  async bury(claimed: Claimed, reason: string, diedAtMs: number, attempt?: AttemptRecord): Promise<void> {
    const { envelope, attempts, history } = claimed;
    const handle = claimed.place as string;
    const all = attempt === undefined ? history : remember(history, attempt);
    const last = { ...claimed, attempts: attempts + (attempt ? 1 : 0), history: all };
    const raw = JSON.stringify({ ...jsonOfClaimed(last, handle), diedAtMs, reason });
    await this.#redis.run('bury', envelope.endpoint, handle, envelope.key ?? '', raw);
    this.#handles.delete(handle);
  }

  async release({ envelope, place }: Claimed): Promise<void> {
    await this.#redis.run('release', envelope.endpoint, place as string);
    this.#handles.delete(place as string);
  }

  async buryAll(endpoint: string, reason: string, diedAtMs: number): Promise<number> {
    const room = [{ endpoint, count: buriedAtOnce, isOrdered: false }];
    for (let count = 0; ; ) {
      const { claimed } = await this.#claim(buriedAtOnce, room, this.#nowMs(), Number.MAX_SAFE_INTEGER);
      if (claimed.length === 0) return count;
      for (const each of claimed) await this.bury(each, reason, diedAtMs);
      count += claimed.length;
    }
  }

  deadLetters(selection: Selection): Promise<readonly DeadLetter[]> {
    return this.#dead.list(selection);
  }

  replay(selection: Selection, nowMs: number, endpoint?: string): Promise<readonly string[]> {
    return this.#dead.take(selection, letter => {
      const envelope = { ...letter, endpoint: endpoint ?? letter.endpoint };
      return JSON.stringify({ ...jsonOf(envelope, this.#handle(nowMs), nowMs), isReplay: true });
    });
  }

  drop(selection: Selection): Promise<readonly string[]> {
    return this.#dead.take(selection, () => '');
  }

  async schedule({ key, dueAtMs, content }: Deadline): Promise<void> {
    await this.#redis.run('schedule', key, dueAtMs, content.toString('base64'));
  }

  /** Redis does not see which of the processes has ended. */
  async scheduleAtEnd(): Promise<void> {}

  async cancelAtEnd(): Promise<void> {}

  async cancel(key: string): Promise<boolean> {
    return (await this.#redis.run('cancel', key)) === 1;
  }

  async dueDeadlines(nowMs: number, limit: number) {
    const [next, ...flat] = (await this.#redis.run('due', nowMs, limit)) as string[];
    const due: Deadline[] = [];
    for (let at = 0; at < flat.length; at += 3) {
      const [key = '', dueAtMs, content = ''] = flat.slice(at, at + 3);
      due.push({ key, dueAtMs: Number(dueAtMs), content: Buffer.from(content, 'base64') });
    }
    return { due, nextDueAtMs: next === '' ? undefined : Number(next) };
  }

  /** Drafts that redis has kept without an answer are delivered as those of a node that is gone. */
  async complete(deadline: Deadline, { envelopes, drafts, untilMs }: Successors, nowMs: number): Promise<boolean> {
    const { key, dueAtMs, content } = deadline;
    const raws = this.#raws(envelopes, nowMs);
    const made = this.#newDrafts(drafts, nowMs);
    const added = [untilMs + this.#claimMs, raws.length, ...raws, ...made.flatMap(({ row }) => row)];
    const isOurs = (await this.#redis.run('complete', key, dueAtMs, content.toString('base64'), ...added)) === 1;
    if (isOurs) for (const { id, handle } of made) this.#drafts.set(id, handle);
    return isOurs;
  }

  async facts(endpoint: string): Promise<EndpointFacts | undefined> {
    const text = await this.#redis.field('facts', endpoint);
    return text === null ? undefined : (JSON.parse(text) as EndpointFacts);
  }

  saveFacts(endpoint: string, facts: EndpointFacts | undefined): Promise<void> {
    return this.#redis.setField('facts', endpoint, facts && JSON.stringify(facts));
  }

  async depths(): Promise<ReadonlyMap<string, Depth>> {
    const flat = (await this.#redis.run('depths')) as (string | number)[];
    const found = new Map<string, Depth>();
    for (let at = 0; at < flat.length; at += 5) {
      const [ready = 0, delayed = 0, inFlight = 0, dead = 0] = flat.slice(at + 1, at + 5).map(Number);
      if (ready + delayed + inFlight + dead > 0) found.set(String(flat[at]), { ready, delayed, inFlight, dead });
    }
    return found;
  }

  async oldestReadyAtMs(): Promise<number | undefined> {
    const atMs = (await this.#redis.run('oldest')) as string;
    return atMs === '' ? undefined : Number(atMs);
  }

  async close(): Promise<void> {
    this.#cancelTimer();
    this.#redis.close();
  }

  async #claim(total: number, endpoints: Room['endpoints'], nowMs: number, dueBeforeMs: number): Promise<Claim> {
    const rooms = endpoints.flatMap(({ endpoint, count, isOrdered }) => [endpoint, count, isOrdered ? 1 : 0]);
    const reply = await this.#redis.run('claim', nowMs, dueBeforeMs, nowMs + this.#claimMs, total, ...rooms);
    const [nextDue, raws] = reply as [string, string[]];
    const claimed = raws.map(raw => claimedOf(JSON.parse(raw) as JsonEnvelope, nowMs));
    for (const { place } of claimed) this.#handles.add(place as string);
    return { claimed, nextDueAtMs: nextDue === '' ? undefined : Number(nextDue) };
  }

  /** With the row of each as the scripts take it: endpoint, handle, JSON. */
  #newDrafts(drafts: readonly Envelope[], nowMs: number) {
    return drafts.map(draft => {
      const handle = this.#handle(nowMs);
      const row = [draft.endpoint, handle, JSON.stringify(jsonOf(draft, handle, nowMs))];
      return { id: draft.id, handle, row };
    });
  }

  #raws(envelopes: readonly Envelope[], nowMs: number): string[] {
    return envelopes.map(envelope => JSON.stringify(jsonOf(envelope, this.#handle(nowMs), nowMs)));
  }

  #handle(nowMs: number): string {
    this.#count += 1;
    return [String(nowMs).padStart(14, '0'), String(this.#count).padStart(10, '0'), this.#node].join('-');
  }

  /** What is in delivery here stays with this node as long as it reports. */
  #extendLater(): void {
    this.#cancelTimer = this.#clock.after(this.#claimMs / 3, () => {
      this.#extendLater();
      if (this.#handles.size === 0) return;
      const untilMs = this.#nowMs() + this.#claimMs;
      this.#redis.run('extend', untilMs, ...this.#handles).catch(() => {
        // The next report comes soon, and its claims told what is wrong with redis.
      });
    });
  }
}

function claimedOf(json: JsonEnvelope, nowMs: number): Claimed {
  const { attempts = 0, history = [], acceptedAtMs, isReplay = false, diedAtMs, handle } = json;
  const envelope = envelopeOfJson(json);
  // Moved here from the dead letters by hand.
  if (diedAtMs !== undefined) {
    return { envelope, acceptedAtMs: nowMs, attempts: 0, history: [], isReplay: true, place: handle };
  }
  return { envelope, acceptedAtMs, attempts, history, isReplay, place: handle };
}
