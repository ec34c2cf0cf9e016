import { type NatsConnection, PermissionViolationError } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { NatsChannel } from '../../../../src/backplane/nats/nats-channel.js';
import { ManualClock } from '../../../support/manual-clock.js';

/** Time and a turn that pass when a test says so, and a connection that records what it is given. */
function setup() {
  const clock = new ManualClock();
  let tasks: (() => void)[] = [];
  const given: string[] = [];
  const faults: unknown[] = [];
  const refused: string[] = [];
  const connection = {
    isClosed: () => state.isClosed,
    publish(subject: string) {
      if (subject === 'bad') throw new Error('not a subject');
      given.push(`publish ${subject}`);
    },
    subscribe(subject: string, { callback }: { callback: (error: Error | null) => void }) {
      if (subject === 'forbidden')
        callback(new PermissionViolationError('Permissions Violation', 'subscription', subject));
      given.push(`subscribe ${subject}`);
      return { unsubscribe: () => given.push(`unsubscribe ${subject}`) };
    },
    async flush() {
      given.push('flush');
    },
  };
  const state = { isClosed: false };
  const channel = new NatsChannel(
    connection as unknown as NatsConnection,
    {
      receive() {},
      nobodyListens() {},
      refused: subject => void refused.push(subject),
      fault: error => void faults.push(error),
    },
    { clock, turn: { atEnd: task => void tasks.push(task) } },
  );
  const endTurn = () => {
    const due = tasks;
    tasks = [];
    for (const task of due) task();
    return due.length;
  };
  return { channel, clock, given, faults, refused, state, endTurn };
}

const nothing = new Uint8Array(0);

describe('[cluster 3.4] a connection is written to at the end of a turn', () => {
  test('once, in order', () => {
    const { channel, given, endTurn } = setup();
    channel.publish('a', nothing);
    const end = channel.subscribe('b');
    channel.publish('c', nothing);
    end();
    expect(given).toEqual([]);
    expect(endTurn()).toBe(1);
    expect(given).toEqual(['publish a', 'subscribe b', 'publish c', 'unsubscribe b']);
    channel.publish('d', nothing);
    endTurn();
    expect(given.at(-1)).toBe('publish d');
  });

  test('with the subscriptions since then in front of what is published, in order', () => {
    const { channel, clock, given, endTurn } = setup();
    const end = channel.subscribe('a');
    expect(endTurn()).toBe(0);
    end();
    channel.subscribe('b');
    channel.publish('barrier', nothing);
    expect(endTurn()).toBe(1);
    expect(given).toEqual(['subscribe a', 'unsubscribe a', 'subscribe b', 'publish barrier']);
    expect(clock.pending).toBe(0);
  });

  test('with subscriptions alone where nothing is published for five milliseconds', () => {
    const { channel, clock, given } = setup();
    channel.subscribe('a');
    clock.advance(4);
    channel.subscribe('b')();
    expect(given).toEqual([]);
    clock.advance(1);
    expect(given).toEqual(['subscribe a', 'subscribe b', 'unsubscribe b']);
  });

  test('before a flush, which confirms it', async () => {
    const { channel, given } = setup();
    channel.publish('a', nothing);
    channel.subscribe('b');
    await channel.flush();
    expect(given).toEqual(['publish a', 'subscribe b', 'flush']);
  });

  test('[CL-016] at once while it is left for another one, behind what waits', () => {
    const { channel, given } = setup();
    channel.publish('a', nothing);
    channel.isAtOnce = true;
    channel.publish('b', nothing);
    expect(given).toEqual(['publish a', 'publish b']);
  });

  test('before its own end, and not after it', () => {
    const { channel, given, endTurn } = setup();
    channel.publish('bye', nothing);
    channel.end();
    channel.publish('late', nothing);
    channel.subscribe('late')();
    endTurn();
    expect(given).toEqual(['publish bye']);
  });

  test('not once it is closed', () => {
    const { channel, given, state, endTurn } = setup();
    channel.publish('a', nothing);
    state.isClosed = true;
    endTurn();
    expect(given).toEqual([]);
  });

  test('with all the rest when the client refuses something', () => {
    const { channel, given, faults, endTurn } = setup();
    channel.publish('bad', nothing);
    channel.publish('good', nothing);
    endTurn();
    expect(faults).toEqual([new Error('not a subject')]);
    expect(given).toEqual(['publish good']);
  });
});

test('a subscription that the server refuses is no fault of ours', () => {
  const { channel, clock, faults, refused } = setup();
  channel.subscribe('forbidden');
  clock.advance(5);
  expect([refused, faults]).toEqual([['forbidden'], []]);
});
