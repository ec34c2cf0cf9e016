import type { AttemptRecord, DeadLetter, Envelope, Selection } from '../envelope.js';
import { remember } from '../envelope.js';
import { NotKept } from '../outbox-error.js';
import type {
  Claim,
  Claimed,
  Deadline,
  Depth,
  EndDeadline,
  EndpointFacts,
  OutboxStore,
  Room,
  Successors,
} from '../store.js';
import { DeadRows, type DeadRowsOptions, deadChange } from './dead-rows.js';
import { DeadlineRows } from './deadline-rows.js';
import { DraftRows } from './draft-rows.js';
import { type Lane, Lanes } from './lane.js';
import { type NewRow, RowRoom } from './ready-rows.js';
import { Removals } from './removals.js';
import { buryLane, type End } from './row-burial.js';
import { claimFrom, firstReadyAtMs, type Place } from './row-claims.js';
import { decodeRow, encodeRow, type RowHead } from './row-codec.js';
import { recover } from './row-recovery.js';
import type { Change, Tables } from './tables.js';

export interface RowStoreOptions extends DeadRowsOptions {
  /** A row that cannot be read; it stays where it is. */
  readonly onFault?: ((error: unknown) => void) | undefined;
  /** The place where it is kept may be in use: that is waited for. */
  readonly onWaiting?: ((text: string) => void) | undefined;
}

/** Of rows that are kept in memory until they are claimed. */
const recentBytes = 16 * 1024 * 1024;

/** An outbox in ordered tables that one process has for itself. What is in delivery is known to the process only. */
export class RowStore implements OutboxStore {
  readonly pollMs = undefined;
  readonly deadlinePollMs = undefined;
  readonly maxConcurrency = undefined;
  readonly #tables: Tables;
  readonly #options: RowStoreOptions;
  readonly #lanes: Lanes;
  readonly #dead: DeadRows;
  readonly #deadlines: DeadlineRows;
  readonly #drafts: DraftRows;
  readonly #delivered: Removals;
  #seq: number;
  /** Of the last claim. */
  #moving: Promise<unknown> = Promise.resolve();
  /** One after another. */
  #burials: Promise<unknown> = Promise.resolve();

  /** @throws StoreOpenError for what another version wrote, CorruptRow for a row that cannot be read */
  static async open(tables: Tables, options: RowStoreOptions = {}): Promise<RowStore> {
    const store = new RowStore(tables, options);
    store.#seq = await recover(tables, store.#lanes);
    store.#deadlines.load();
    return store;
  }

  private constructor(tables: Tables, options: RowStoreOptions) {
    this.#tables = tables;
    this.#options = options;
    this.#seq = 0;
    this.#lanes = new Lanes(new RowRoom(tables.isDurable ? recentBytes : 0)); // from memory, a row is read soon enough
    this.#dead = new DeadRows(tables, this.#lanes, options);
    this.#deadlines = new DeadlineRows(tables);
    this.#drafts = new DraftRows(this.#lanes);
    this.#delivered = new Removals(places => this.#removeAll(places), tables.gatherMs);
  }

  get isDurable(): boolean {
    return this.#tables.isDurable;
  }

  async add(envelopes: readonly Envelope[], nowMs: number): Promise<void> {
    this.#tables.checkRoom();
    const rows = envelopes.map(envelope => this.#newRow(envelope, nowMs));
    await this.#writeNew(rows, []);
  }

  async addDrafts(drafts: readonly Envelope[], _untilMs: number, nowMs: number): Promise<void> {
    if (!this.isDurable) return;
    this.#tables.checkRoom();
    await this.#keepDrafts(drafts, nowMs, changes => this.#write(changes));
  }

  async replaceDrafts(drafts: readonly string[], envelope: Envelope, nowMs: number): Promise<void> {
    const removals = this.#drafts.removals(drafts);
    if (removals.length === 0) this.#tables.checkRoom();
    const row = this.#newRow(envelope, nowMs);
    await this.#writeNew([row], removals);
    for (const id of drafts) this.#drafts.forget(id);
  }

  claim(room: () => Room, nowMs: () => number): Claim | Promise<Claim> {
    const now = nowMs();
    const { total, endpoints } = room();
    const claimed: Claimed[] = [];
    const moves: Change[] = [];
    const from = { tables: this.#tables, onFault: this.#fault, claimed, moves };
    let dueAtMs = Infinity;
    for (const wanted of endpoints) {
      const lane = this.#lanes.find(wanted.endpoint);
      if (lane === undefined || lane.isBurying || lane.ready + lane.delayed === 0) continue;
      const count = Math.min(wanted.count, total - claimed.length);
      dueAtMs = Math.min(dueAtMs, claimFrom(from, lane, { count, isOrdered: wanted.isOrdered, nowMs: now }));
    }
    const claim: Claim = { claimed, nextDueAtMs: dueAtMs === Infinity ? undefined : dueAtMs };
    if (moves.length === 0) return claim;
    const moved = this.#move(moves, claimed.length > 0);
    this.#moving = moved.catch(() => undefined); // the claim has it
    return moved.then(() => claim);
  }

  /** Hot path: those that come while others are written are written together. */
  delivered(claimed: Claimed): Promise<void> {
    return this.#delivered.add(placeOf(claimed));
  }

  /** A full disk may have room for the removal of one when it has none for that of all. @returns the failure, if any, of each */
  async #removeAll(places: readonly Place[]): Promise<(Error | undefined)[]> {
    try {
      await this.#write(places.flatMap(place => removalOf(place)));
      for (const place of places) settled(place);
      return [];
    } catch (error) {
      if (places.length === 1) return [error as NotKept];
    }
    const failures: (Error | undefined)[] = [];
    for (const place of places) failures.push((await this.#removeAll([place]))[0]);
    return failures;
  }

  /**
   * Rows to where they are held back. When that fails, as on a full disk, the next claim finds them again; what was claimed
   * beside them is delivered.
   */
  async #move(moves: readonly Change[], hasClaimed: boolean): Promise<void> {
    try {
      await this.#write(moves);
    } catch (error) {
      for (const [table, [endpoint, seq]] of moves) {
        if (table === 'ready') this.#lanes.of(endpoint as string).rewind(seq as number);
      }
      if (!hasClaimed) throw error;
      this.#fault(error);
    }
  }

  async retry(claimed: Claimed, dueAtMs: number, attempt: AttemptRecord): Promise<void> {
    const { lane, seq, keyDigest: digest } = placeOf(claimed);
    const { endpoint } = claimed.envelope;
    const head = { ...headOf(claimed), attempts: claimed.attempts + 1, history: remember(claimed.history, attempt) };
    const changes: Change[] = [['waiting', [endpoint, dueAtMs, seq], encodeRow(head, claimed.envelope.content)]];
    if (digest !== undefined) changes.push(['blocked', [endpoint, digest], Buffer.alloc(0)]);
    await this.#settle(claimed, changes, true);
    lane.delayed += 1;
  }

  async bury(claimed: Claimed, reason: string, diedAtMs: number, attempt?: AttemptRecord): Promise<void> {
    const { lane, seq } = placeOf(claimed);
    const letter: DeadLetter = {
      ...claimed.envelope,
      diedAtMs,
      reason,
      attempts: claimed.attempts + (attempt ? 1 : 0),
      history: attempt ? remember(claimed.history, attempt) : claimed.history,
    };
    await this.#settle(claimed, [deadChange(letter, seq)]);
    lane.dead += 1;
    await this.#dead.trim();
  }

  /** Of an envelope that this store did not have. */
  async addDead(letter: DeadLetter): Promise<void> {
    this.#seq += 1;
    await this.#write([deadChange(letter, this.#seq)]);
    this.#lanes.of(letter.endpoint).dead += 1;
    await this.#dead.trim();
  }

  async release(claimed: Claimed): Promise<void> {
    const { lane, table, seq, keyDigest: digest } = placeOf(claimed);
    lane.inFlight -= 1;
    lane.taken.delete(seq);
    if (table === 'waiting') lane.delayed += 1;
    else lane.ready += 1;
    if (table === 'ready') lane.rewind(seq);
    if (digest === undefined) return;
    if (table === 'held') lane.freedKeys.add(digest);
    else lane.activeKeys.delete(digest); // of one in `waiting`, the row in `blocked` says it
  }

  async buryAll(endpoint: string, reason: string, diedAtMs: number): Promise<number> {
    const buried = this.#burials.then(() => this.#buryLane(this.#lanes.of(endpoint), { reason, diedAtMs }));
    this.#burials = buried.catch(() => undefined); // the caller has it
    const count = await buried;
    await this.#dead.trim();
    return count;
  }

  async #buryLane(lane: Lane, end: End): Promise<number> {
    lane.isBurying = true;
    try {
      await this.#moving;
      return await buryLane(this.#tables, lane, end);
    } finally {
      lane.isBurying = false;
      lane.ahead.forget();
    }
  }

  async deadLetters(selection: Selection): Promise<readonly DeadLetter[]> {
    return this.#dead.list(selection);
  }

  replay(selection: Selection, nowMs: number, endpoint?: string): Promise<readonly string[]> {
    return this.#dead.take(selection, letter =>
      additionOf('ready', this.#newRow({ ...letter, endpoint: endpoint ?? letter.endpoint }, nowMs, true)),
    );
  }

  drop(selection: Selection): Promise<readonly string[]> {
    return this.#dead.take(selection, () => undefined);
  }

  schedule(deadline: Deadline): Promise<void> {
    return this.#deadlines.schedule(deadline);
  }

  async scheduleAtEnd(deadline: EndDeadline): Promise<void> {
    if (!this.isDurable) return;
    this.#tables.checkRoom();
    await this.#deadlines.scheduleAtEnd(deadline);
  }

  async cancelAtEnd(key: string): Promise<void> {
    if (this.isDurable) await this.#deadlines.cancelAtEnd(key);
  }

  cancel(key: string): Promise<boolean> {
    return this.#deadlines.cancel(key);
  }

  async dueDeadlines(nowMs: number, limit: number) {
    return this.#deadlines.due(nowMs, limit);
  }

  async complete(deadline: Deadline, { envelopes, drafts }: Successors, nowMs: number): Promise<boolean> {
    if (!this.#deadlines.isPending(deadline)) return false;
    this.#tables.checkRoom();
    const rows = envelopes.map(envelope => this.#newRow(envelope, nowMs));
    await this.#keepDrafts(this.isDurable ? drafts : [], nowMs, changes =>
      this.#deadlines.complete(deadline, removals => this.#writeNew(rows, [...removals, ...changes])),
    );
    return true;
  }

  async facts(endpoint: string): Promise<EndpointFacts | undefined> {
    const row = this.#tables.get('facts', [endpoint]);
    return row && decodeRow<EndpointFacts>(row).head;
  }

  async saveFacts(endpoint: string, facts: EndpointFacts | undefined): Promise<void> {
    await this.#write([['facts', [endpoint], facts && encodeRow(facts, Buffer.alloc(0))]]);
  }

  async depths(): Promise<ReadonlyMap<string, Depth>> {
    const lanes = [...this.#lanes.all()].filter(lane => !lane.isEmpty);
    return new Map(
      lanes.map(({ endpoint, ready, drafts, delayed, inFlight, dead }) => [
        endpoint,
        { ready: ready + drafts, delayed, inFlight, dead },
      ]),
    );
  }

  async oldestReadyAtMs(): Promise<number | undefined> {
    const lanes = [...this.#lanes.all()].filter(lane => lane.ready > 0);
    const times = lanes.flatMap(lane => firstReadyAtMs(this.#tables, lane) ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  close(): Promise<void> {
    return this.#tables.close();
  }

  readonly #fault = (error: unknown): void => this.#options.onFault?.(error);

  /** Removes the row from where it is, in one write with `changes`. @param isBlocking its key stays taken */
  async #settle(claimed: Claimed, changes: Change[], isBlocking = false): Promise<void> {
    const place = placeOf(claimed);
    await this.#write([...removalOf(place, isBlocking), ...changes]);
    settled(place, isBlocking);
  }

  /** @param write called at once, with what adds the drafts */
  async #keepDrafts(
    drafts: readonly Envelope[],
    nowMs: number,
    write: (changes: readonly Change[]) => Promise<void>,
  ): Promise<void> {
    const changes = drafts.map(draft => additionOf('drafts', this.#newRow(draft, nowMs)));
    for (const [index, { id }] of drafts.entries()) this.#drafts.remember(id, changes[index]![1]);
    try {
      await write(changes);
      for (const { id } of drafts) this.#drafts.kept(id);
    } catch (error) {
      for (const { id } of drafts) this.#drafts.forget(id);
      throw error;
    }
  }

  #newRow(envelope: Envelope, acceptedAtMs: number, isReplay?: true): NewRow {
    const { id, endpoint, key, createdAtMs, content } = envelope;
    this.#seq += 1;
    return { endpoint, seq: this.#seq, head: { id, key, createdAtMs, acceptedAtMs, isReplay }, content };
  }

  /** Rows become claimable in the order of their numbers: all come this way, as fast as the others. */
  async #writeNew(rows: readonly NewRow[], changes: readonly Change[]): Promise<void> {
    await this.#write([...changes, ...rows.map(row => additionOf('ready', row))]);
    for (const row of rows) this.#lanes.of(row.endpoint).added(row);
  }

  async #write(changes: readonly Change[]): Promise<void> {
    try {
      await this.#tables.write(changes);
    } catch (error) {
      throw NotKept.from(error);
    }
  }
}

function additionOf(table: 'ready' | 'drafts', { endpoint, seq, head, content }: NewRow): Change {
  return [table, [endpoint, seq], encodeRow(head, content)];
}

function removalOf({ lane, table, rowKey, keyDigest: digest }: Place, isBlocking = false): Change[] {
  const removal: Change = [table, rowKey, undefined];
  if (table !== 'waiting' || digest === undefined || isBlocking) return [removal];
  return [removal, ['blocked', [lane.endpoint, digest], undefined]];
}

/** Its row is removed. */
function settled(place: Place, isBlocking = false): void {
  const { lane, seq, keyDigest: digest } = place;
  place.isGone = true;
  lane.taken.delete(seq);
  lane.inFlight -= 1;
  if (digest === undefined) return;
  if (isBlocking)
    lane.activeKeys.delete(digest); // the row in `blocked` says it now
  else lane.freedKeys.add(digest);
}

function placeOf(claimed: Claimed): Place {
  return claimed.place as Place;
}

function headOf({ envelope, acceptedAtMs, attempts, history }: Claimed): RowHead {
  const { id, key, createdAtMs } = envelope;
  return { id, key, createdAtMs, acceptedAtMs, attempts, history };
}
