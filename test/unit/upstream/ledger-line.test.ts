import { describe, expect, test } from 'vitest';
import type { OutgoingRequest } from '../../../src/egress/destination.js';
import type { Answer } from '../../../src/egress/exchange.js';
import type { LedgerChange, LedgerConnection, LedgerLine } from '../../../src/hub/ports.js';
import { HandledEvents } from '../../../src/upstream/connection-events.js';
import { EventContext } from '../../../src/upstream/context.js';
import { EventSender } from '../../../src/upstream/event-sender.js';
import { defaultDelivery, type EventHandlerOptions } from '../../../src/upstream/options.js';
import { Routes } from '../../../src/upstream/routes.js';
import { Validation } from '../../../src/upstream/validation.js';
import { settled } from '../../support/fake-ports.js';
import { ManualClock } from '../../support/manual-clock.js';
import { RecordingObserver } from '../../support/recording-observer.js';

/** A ledger that keeps what a test says. */
class Line implements LedgerLine {
  readonly entries: string[] = [];
  readonly #waiting: ((isKept: boolean) => void)[] = [];
  isAllowed: boolean | Promise<boolean> = true;

  opened({ userId }: LedgerConnection, isTold: boolean): Promise<boolean> {
    return this.#add(isTold ? `open ${userId}` : `open ${userId} untold`);
  }

  changed(change: LedgerChange): Promise<boolean> {
    const { kind, ...rest } = change;
    return this.#add([kind, ...Object.values(rest).map(value => JSON.stringify(value))].join(' '));
  }

  ending(eventId: number): Promise<boolean> {
    return this.#add(`intent ${eventId}`);
  }

  ended(wasTold: boolean): void {
    this.entries.push(wasTold ? 'done' : 'done untold');
  }

  allows(): boolean | Promise<boolean> {
    return this.isAllowed;
  }

  async settle(isKept = true): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) resolve(isKept);
    await settled();
  }

  #add(entry: string): Promise<boolean> {
    this.entries.push(entry);
    return new Promise(resolve => void this.#waiting.push(resolve));
  }
}

const everything: EventHandlerOptions = {
  urlTemplate: 'http://app.test/{event}',
  systemEvents: ['connected', 'disconnected'],
  userEventPattern: '*',
  groupPresenceEvents: { eventNames: ['left'], groupFilters: [] },
  auth: { type: 'None' },
};

function setup(options: Partial<EventHandlerOptions> = {}, isKept = true) {
  const line = new Line();
  const clock = new ManualClock();
  const posts: string[] = [];
  const states: (string | undefined)[] = [];
  const answers: Answer[] = [];
  const send = async ({ path, headers }: OutgoingRequest): Promise<Answer> => {
    posts.push(`${path.slice(1)} ${headers[headers.indexOf('ce-id') + 1]}`);
    const at = headers.indexOf('ce-connectionState');
    states.push(at < 0 ? undefined : headers[at + 1]);
    return answers.shift() ?? { kind: 'response', status: 204, headers: {}, body: Buffer.alloc(0) };
  };
  const check = async () => ({ isValid: true as const, answered: 'yes' });
  const validation = new Validation({ clock, check, changed: () => {} });
  const routes = new Routes([{ hub: 'chat', eventHandlers: [{ ...everything, ...options }] }], () => validation);
  const context = new EventContext({ routes, delivery: defaultDelivery, origin: 'test' }, () => 'signature', clock);
  const observer = new RecordingObserver();
  const tokens = { token: async () => '' };
  const sender = new EventSender({ context, tokens, clock, observer, watches: undefined, transport: { send } });
  const events = new HandledEvents(context, sender, 'chat', 'c1', undefined, isKept ? line : undefined);
  events.identify('ann', undefined);
  return { clock, posts, states, answers, events, line };
}

describe('a connection in the ledger', () => {
  test('[CL-058] connected is posted once it is kept, and disconnected once its ce-id is, which it has', async () => {
    const { events, line, posts } = setup();
    events.connected();
    await settled();
    expect([line.entries, posts]).toEqual([['open ann'], []]);
    await line.settle();
    expect(posts).toEqual(['connected 1']);
    events.ended();
    events.disconnected('bye');
    await settled();
    expect([line.entries, posts]).toEqual([['open ann', 'intent 2'], ['connected 1']]);
    await line.settle();
    expect([line.entries, posts]).toEqual([
      ['open ann', 'intent 2', 'done'],
      ['connected 1', 'disconnected 2'],
    ]);
  });

  test('[CL-058] nothing is posted when it is not kept: others speak for this node', async () => {
    const { events, line, posts } = setup();
    events.connected();
    events.disconnected('bye');
    await line.settle(false);
    expect([line.entries, posts]).toEqual([['open ann', 'intent 2'], []]);
  });

  test('has its state and cookies, those of connect too, and the groups of which left is posted', async () => {
    const { events, line, answers } = setup();
    const headers = { 'ce-connectionstate': 's1', 'set-cookie': 'a=1' };
    answers.push({ kind: 'response', status: 204, headers, body: Buffer.alloc(0) });
    await events.event('early', { dataType: 'text', bytes: Buffer.from(''), metadata: undefined } as never);
    expect(line.entries).toEqual([]);
    events.connected();
    events.joined('g');
    answers.push({ kind: 'response', status: 204, headers: { 'ce-connectionstate': 's2' }, body: Buffer.alloc(0) });
    await events.event('later', { dataType: 'text', bytes: Buffer.from(''), metadata: undefined } as never);
    events.left('g');
    expect(line.entries.map(entry => entry.slice(0, 20))).toEqual([
      ...['open ann', 'fact "s1"', expect.stringContaining('cookies'), 'joined "g"', 'fact "s2"', 'left "g"'],
    ]);
  });

  test('[UE-074] connected, posted after an event that was raised later, has the state of when it was raised', async () => {
    const { events, line, answers, posts, states } = setup();
    events.connected();
    answers.push({ kind: 'response', status: 200, headers: { 'ce-connectionstate': 's1' }, body: Buffer.alloc(0) });
    await events.event('vote', { dataType: 'text', bytes: Buffer.from(''), metadata: undefined } as never);
    await line.settle();
    events.disconnected('bye');
    await line.settle();
    expect(posts.map(post => post.split(' ')[0])).toEqual(['vote', 'connected', 'disconnected']);
    expect(states).toEqual([undefined, undefined, 's1']);
  });

  test('keeps its groups when it ends: left of each is still to be posted', () => {
    const { events, line } = setup();
    events.connected();
    events.joined('g');
    events.ended();
    events.left('g');
    expect(line.entries).toEqual(['open ann', 'joined "g"']);
  });

  test('without handlers has nothing to be told: it is done at once', () => {
    const { events, line } = setup({ systemEvents: [], groupPresenceEvents: { eventNames: [], groupFilters: [] } });
    events.connected();
    events.joined('g');
    events.disconnected('bye');
    expect(line.entries).toEqual(['open ann untold', 'done untold']);
  });

  test('that was accepted and never opened is kept before its disconnected', async () => {
    const { events, line, posts } = setup();
    events.disconnected('The client left.');
    await line.settle();
    expect([line.entries, posts]).toEqual([['open ann', 'intent 1', 'done'], ['disconnected 1']]);
  });
});

describe('[CL-055] events of a node that is not sure of its lease', () => {
  test('wait, for as long as that takes, and are sent then', async () => {
    const { events, line, posts, clock } = setup();
    let allow = (_: boolean) => {};
    line.isAllowed = new Promise(resolve => {
      allow = resolve;
    });
    events.connected();
    await line.settle();
    const asked = events.event('e', { dataType: 'text', bytes: Buffer.from(''), metadata: undefined } as never);
    await clock.advanceAsync(600_000);
    expect(posts).toEqual([]);
    line.isAllowed = true;
    allow(true);
    await asked;
    expect(posts).toEqual(['connected 1', 'e 2']);
  });

  test('are never sent once others speak for it', async () => {
    const { events, line, posts } = setup();
    line.isAllowed = false;
    events.connected();
    await line.settle();
    const asked = events.event('e', { dataType: 'text', bytes: Buffer.from(''), metadata: undefined } as never);
    await expect(asked).rejects.toMatchObject({ kind: 'cancelled' });
    expect(posts).toEqual([]);
  });

  test('are not sent when their turn in the queue comes only then: the sending is tried again', async () => {
    const { events, line, posts, answers } = setup();
    answers.push({ kind: 'failure', failure: 'held', code: undefined });
    events.connected();
    await line.settle();
    expect(posts).toEqual(['connected 1', 'connected 1']);
  });
});

test('[CL-051] what is left of a connection of a node that is gone is posted, with ids that lead up to that of its disconnected', async () => {
  const { posts, events, line } = setup({}, false);
  await events.conclude(['g', 'h'], 2_147_483_647, 'gone');
  expect(posts).toEqual(['left 2147483645', 'left 2147483646', 'disconnected 2147483647']);
  expect(line.entries).toEqual([]);
});
