import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { textPayload } from '../support/fake-ports.js';
import { ManualClock } from '../support/manual-clock.js';
import { type OpenedSession, openSession, recoveryCloseCode, takeUp } from '../support/reliable-client.js';
import { type StartedHub, startHub, stopInTime } from '../support/start-hub.js';
import type { TestClient } from '../support/test-client.js';

const windowMs = 30_000;

/** A reliable client that keeps score over all its sockets. Every message's text is the id that it must have. */
class Scorer {
  readonly session: OpenedSession;
  /** What was lost, came twice on one socket, or came again after it was acknowledged. */
  readonly wrong: string[] = [];
  /** The last id heard. */
  last = 0;
  client: TestClient;
  #acknowledged = 0;
  #lastOnSocket = 0;
  #waiting: { readonly id: number; readonly done: () => void } | undefined;

  constructor(session: OpenedSession) {
    this.session = session;
    this.client = session.client;
    this.#listen();
  }

  /** Takes up the session on a new socket: all that was not acknowledged must come again, and nothing else. */
  async recover(hub: StartedHub): Promise<void> {
    this.client = await takeUp(hub, this.session);
    this.#lastOnSocket = this.#acknowledged;
    this.#listen();
  }

  /** Settles once it has heard this id. */
  reaches(id: number): Promise<void> {
    if (this.last >= id) return Promise.resolve();
    return new Promise(done => {
      this.#waiting = { id, done };
    });
  }

  /** Acknowledges all it has heard; the service knows once this settles. */
  async acknowledge(): Promise<void> {
    this.#acknowledged = this.last;
    this.client.send({ type: 'sequenceAck', sequenceId: this.last });
    await this.client.settle();
  }

  #listen(): void {
    for (const { bytes } of this.client.rest) this.#hear(bytes);
    this.client.ws.on('message', bytes => this.#hear(bytes as Buffer));
  }

  #hear(bytes: Buffer): void {
    const { sequenceId, data } = JSON.parse(bytes.toString());
    if (sequenceId === undefined) return;
    if (sequenceId !== this.#lastOnSocket + 1) this.wrong.push(`${sequenceId} after ${this.#lastOnSocket}`);
    if (data !== `${sequenceId}`) this.wrong.push(`${data} as ${sequenceId}`);
    this.#lastOnSocket = sequenceId;
    this.last = Math.max(this.last, sequenceId);
    if (this.#waiting !== undefined && this.last >= this.#waiting.id) this.#waiting.done();
  }
}

/** Does it with all of them, so many at a time. */
async function inBatches<T>(items: readonly T[], size: number, work: (item: T, index: number) => Promise<void>) {
  for (let start = 0; start < items.length; start += size) {
    await Promise.all(items.slice(start, start + size).map((item, offset) => work(item, start + offset)));
  }
}

/** A service whose time stands still, with so many clients in group `g`; `publish` sends them the next number. */
async function startStorm(count: number) {
  const clock = new ManualClock();
  const hub = { ...(await startHub({ clock })), clock };
  onTestFinished(() => stopInTime(hub, clock));
  const chat = hub.service.hubs.get('chat');
  const scorers: Scorer[] = [];
  await inBatches(Array.from({ length: count }), 100, async (_none, index) => {
    scorers.push(new Scorer(await openSession(hub, { token: { userId: `${index}`, groups: ['g'] } })));
  });
  let published = 0;
  const publish = (): number => {
    published += 1;
    chat.sendToGroup('g', textPayload(`${published}`));
    return published;
  };
  const wrong = () => scorers.flatMap(scorer => scorer.wrong);
  return { hub, chat, scorers, publish, wrong };
}

test('[CP-077] [CP-079] a thousand clients are cut off at once and come back within the window, while messages flow: nothing is lost, nothing comes twice', async () => {
  const { hub, chat, scorers, publish, wrong } = await startStorm(1_000);
  for (let count = 0; count < 10; count += 1) publish();
  await Promise.all(scorers.map(scorer => scorer.reaches(10)));
  const acknowledging = scorers.filter((_, index) => index % 2 === 0);
  await Promise.all(acknowledging.map(scorer => scorer.acknowledge()));

  const timers = hub.clock.pending;
  for (const [index, { client }] of scorers.entries()) {
    client.ws.terminate();
    if (index % 100 === 0) publish();
  }
  while (hub.clock.pending < timers + scorers.length) await setImmediate();
  publish();
  expect(chat.size).toBe(1_000);

  hub.clock.advance(windowMs - 1);
  const [away, back] = [scorers.slice(0, 10), scorers.slice(10)];
  await inBatches(back, 50, async (scorer, index) => {
    await scorer.recover(hub);
    if (index % 50 === 0) publish();
  });
  const last = publish();
  await Promise.all(back.map(scorer => scorer.reaches(last)));
  expect(wrong()).toEqual([]);
  expect(back.map(scorer => scorer.last).filter(id => id !== last)).toEqual([]);
  expect(chat.size).toBe(1_000);

  hub.clock.advance(1);
  expect(chat.size).toBe(back.length);
  for (const { session } of away) expect(await recoveryCloseCode(hub, session)).toBe(1008);
});

test('[CP-089] a client that never acknowledges is ended at its buffer’s limit and forgotten; the others hear everything', async () => {
  const { hub, chat, scorers, publish, wrong } = await startStorm(10);
  const [present, suspended, ...others] = scorers as [Scorer, Scorer, ...Scorer[]];
  const timers = hub.clock.pending;
  suspended.client.ws.terminate();
  while (hub.clock.pending === timers) await setImmediate();
  const silent = [present, suspended];
  for (let round = 1; round <= 10; round += 1) {
    for (let count = 0; count < 100; count += 1) publish();
    await Promise.all(others.map(other => other.reaches(round * 100)));
    await Promise.all(others.map(other => other.acknowledge()));
  }
  await present.reaches(1_000);
  expect(chat.size).toBe(10);

  const last = publish();
  expect((await present.client.closed).code).toBe(1008);
  await Promise.all(others.map(other => other.reaches(last)));
  expect(chat.size).toBe(others.length);
  while (hub.clock.pending > timers) await setImmediate(); // neither a recovery window nor a closing one is left
  expect((await chat.listGroup('g')).length).toBe(others.length);
  for (const { session } of silent) {
    expect(await chat.connectionExists(session.connectionId)).toBe(false);
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
  }
  expect([present.last, wrong()]).toEqual([1_000, []]);
});
