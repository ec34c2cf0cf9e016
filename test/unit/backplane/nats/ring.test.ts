import { describe, expect, test } from 'vitest';
import { Ring } from '../../../../src/backplane/nats/ring.js';

const limits = { keepBytes: 100_000, keepMs: 1_000 };
const envelopeBytes = 10_000;

/** A ring, and the connection that it is told of: positions are bytes. */
class Sending {
  readonly ring: Ring;
  position = 0;
  nowMs = 0;

  constructor(keepBytes = limits.keepBytes) {
    this.ring = new Ring({ ...limits, keepBytes });
  }

  add(...numbers: readonly (number | undefined)[]): void {
    for (const number of numbers) {
      const bytes = Buffer.alloc(envelopeBytes);
      this.ring.add({ number, subject: `s${number}`, bytes, reply: undefined, commands: 1 }, this.nowMs);
    }
  }

  /** Sends up to `most`; gives their numbers. */
  send(most = Number.POSITIVE_INFINITY, nowMs = 0): (number | undefined)[] {
    const sent: (number | undefined)[] = [];
    for (let next = this.ring.waiting; next !== undefined && sent.length < most; next = this.ring.waiting) {
      sent.push(next.number);
      this.position += next.bytes.length;
      this.ring.sent(this.position, nowMs);
    }
    return sent;
  }
}

describe('[cluster 3.5] while there is no connection', () => {
  test('no more is accepted than can be kept', () => {
    const sending = new Sending();
    let accepted = 0;
    for (; sending.ring.hasRoom(envelopeBytes, 0); accepted += 1) sending.add(accepted);
    expect(accepted).toBe(9);
    expect(sending.ring.bytes).toBeLessThanOrEqual(limits.keepBytes);
  });

  test('what is reserved counts', () => {
    const { ring } = new Sending();
    ring.reservedBytes = 95_000;
    expect(ring.hasRoom(envelopeBytes, 0)).toBe(false);
    ring.reservedBytes = 0;
    expect(ring.hasRoom(envelopeBytes, 0)).toBe(true);
  });

  test('with nothing to keep nothing is accepted; with a connection, what that takes', () => {
    const { ring } = new Sending(0);
    expect([ring.hasRoom(1, 0), ring.hasRoom(1, 50_000)]).toEqual([false, true]);
  });

  test('there is room again once the server has confirmed', () => {
    const sending = new Sending();
    sending.add(1, 2, 3, 4, 5, 6, 7, 8, 9);
    sending.send(4);
    sending.ring.confirm(20_000);
    expect(sending.ring.hasRoom(20_000, 0)).toBe(true);
    expect(sending.ring.hasRoom(40_000, 0)).toBe(false);
  });
});

describe('[cluster 3.5] when the connection is lost', () => {
  test('what is not confirmed goes again, then what waited', () => {
    const sending = new Sending();
    sending.add(1, 2, 3, 4, 5, 6);
    expect(sending.send(4)).toEqual([1, 2, 3, 4]);
    expect(sending.ring.rewind(true)).toBe(1);
    sending.position = 0;
    expect(sending.send(4)).toEqual([1, 2, 3, 4]);
    sending.ring.confirm(40_000);
    expect(sending.send()).toEqual([5, 6]);
  });

  test('what was sent in the second before the last confirmation goes again: the server may have vanished then', () => {
    const sending = new Sending();
    for (const [number, sentAtMs] of [1, 2, 3].map(number => [number, number * 600] as const)) {
      sending.add(number);
      sending.send(1, sentAtMs);
    }
    sending.ring.confirm(sending.position);
    expect(sending.ring.rewind(true)).toBe(2);
    expect(sending.send()).toEqual([2, 3]);
  });

  test('what was of use only on it is gone', () => {
    const sending = new Sending();
    sending.add(1, undefined, 2, undefined);
    expect(sending.ring.rewind(true)).toBe(1);
    expect(sending.send()).toEqual([1, 2]);
    expect(sending.ring.bytes).toBe(2 * 10_256);
  });

  test('what was of use only there and is not sent yet goes by the next, when the connection is left in order', () => {
    const sending = new Sending();
    sending.add(1, undefined, 2, undefined);
    sending.send(2);
    sending.ring.rewind(false);
    expect(sending.send()).toEqual([1, 2, undefined]);
  });

  test('nothing goes again where nothing is kept', () => {
    const sending = new Sending();
    sending.add(undefined);
    expect(sending.ring.rewind(true)).toBeUndefined();
    expect(sending.ring.bytes).toBe(0);
  });
});

test('[cluster 3.5] confirmed envelopes go with time, and earlier when they are too many', () => {
  const sending = new Sending();
  for (let number = 1; number <= 20; number += 1) {
    sending.add(number);
    sending.send();
    sending.ring.confirm(sending.position);
  }
  expect(sending.ring.bytes).toBeLessThanOrEqual(limits.keepBytes);
  sending.add(21);
  sending.send(1, 2_000);
  sending.ring.confirm(sending.position);
  expect(sending.ring.bytes).toBe(10_256);
  expect(sending.ring.hasRoom(80_000, 0)).toBe(true);
});

describe('[cluster 3.5] of what waits', () => {
  test('bytes and numbers are known', () => {
    const sending = new Sending();
    sending.add(1, 2, undefined);
    const { ring } = sending;
    expect([ring.waitingBytes, ring.lastWaiting(), ring.lastWaiting('s1')]).toEqual([3 * 10_256, 2, 1]);
    sending.send(1);
    expect([ring.waitingBytes, ring.lastWaiting(), ring.lastWaiting('s1')]).toEqual([2 * 10_256, 2, undefined]);
    ring.rewind(true);
    expect([ring.waitingBytes, ring.lastWaiting('s1')]).toEqual([2 * 10_256, 1]);
    sending.send();
    expect([ring.waitingBytes, ring.lastWaiting()]).toEqual([0, undefined]);
  });

  test('it is known when it was added; but of what was confirmed before, that is long ago', () => {
    const sending = new Sending();
    for (sending.nowMs of [100, 200]) sending.add(sending.nowMs);
    sending.send(1);
    sending.ring.confirm(sending.position);
    sending.ring.rewind(true);
    expect(sending.ring.waiting).toMatchObject({ number: 100, addedAtMs: Number.NEGATIVE_INFINITY });
    sending.send(1);
    expect(sending.ring.waiting).toMatchObject({ number: 200, addedAtMs: 200 });
  });
});
