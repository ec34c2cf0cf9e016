import { describe, expect, test } from 'vitest';
import { EnvelopeWriter } from '../../../../src/backplane/nats/envelope.js';
import { Outgoing } from '../../../../src/backplane/nats/outgoing.js';
import { FakeChannel } from '../../../support/fake-channel.js';
import { ManualClock } from '../../../support/manual-clock.js';

const envelopeBytes = 100;
/** Of one in the ring. */
const costBytes = envelopeBytes + 256;

/** A node that sends numbered commands, one every 10 ms, on connections that come and go. */
class Sender {
  readonly clock = new ManualClock();
  readonly outgoing: Outgoing;
  channel = new FakeChannel();
  /** Numbers of commands, and subjects of the rest, as they were sent. */
  readonly sent: string[] = [];
  accepted = 0;

  constructor(keepBytes = 16 * 1024 * 1024) {
    const writer = new EnvelopeWriter('AbC-_9', undefined);
    this.outgoing = new Outgoing({ clock: this.clock, writer, keepBytes, senders: () => 1, onSent: () => {} });
  }

  keep(subject?: string): boolean {
    if (!this.outgoing.reserve(envelopeBytes)) return false;
    this.outgoing.release(envelopeBytes);
    this.accepted += 1;
    this.outgoing.keep(this.accepted, subject ?? `${this.accepted}`, Buffer.alloc(envelopeBytes), 1);
    return true;
  }

  /** @param perTick commands every 10 ms; the server confirms meanwhile @returns how many are refused */
  async send(ms: number, perTick = 1): Promise<number> {
    let refused = 0;
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      for (let count = 0; count < perTick; count += 1) if (!this.keep()) refused += 1;
      this.clock.advance(10);
      await this.channel.confirm();
    }
    return refused;
  }

  connect(): void {
    this.attach();
    this.outgoing.open();
  }

  attach(): void {
    this.#newChannel();
    this.outgoing.attach(this.channel);
  }

  move(): void {
    this.#newChannel();
    this.outgoing.move(this.channel);
    this.outgoing.open();
  }

  get numbers(): number[] {
    return this.sent.map(Number).filter(number => !Number.isNaN(number));
  }

  #newChannel(): void {
    this.channel = new FakeChannel();
    this.channel.onSent = subject => this.sent.push(subject);
  }
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

async function sawNatsAway(keepBytes?: number): Promise<Sender> {
  const sender = new Sender(keepBytes);
  sender.connect();
  sender.outgoing.lose();
  expect(await sender.send(10_000)).toBe(0);
  return sender;
}

describe('[CL-024] what was kept', () => {
  test('is sent little by little, in order and once, with what is added behind it; then all is as before', async () => {
    const sender = await sawNatsAway();
    sender.connect();
    expect(sender.numbers).toEqual(upTo(200));
    let before = 200;
    for (let second = 0; second < 3; second += 1) {
      await sender.send(1_000);
      expect(sender.sent.length - before).toBeLessThanOrEqual(440);
      before = sender.sent.length;
    }
    expect(sender.numbers).toEqual(upTo(sender.accepted));
    expect(sender.outgoing.isCatchingUp).toBe(false);
    sender.keep();
    expect(sender.numbers).toEqual(upTo(sender.accepted));
    sender.clock.advance(100); // of the flush window
    expect(sender.clock.pending).toBe(0);
  });

  test('is told by no number before it is sent', async () => {
    const sender = await sawNatsAway();
    sender.connect();
    expect(sender.outgoing.sentNumber).toBe(200);
  });

  test('goes on where it was when NATS is away again', async () => {
    const sender = await sawNatsAway();
    sender.connect();
    await sender.send(1_000);
    const [{ length: sentBefore }, confirmed] = [sender.sent, sender.outgoing.sentNumber];
    sender.outgoing.lose();
    await sender.send(2_000);
    expect(sender.sent).toHaveLength(sentBefore);
    sender.connect();
    const again = sender.numbers.slice(sentBefore);
    const [first = 0] = again;
    expect(again).toEqual(upTo(first + again.length - 1, first));
    expect(first).toBeLessThanOrEqual(confirmed + 1);
    expect(again.filter(number => number > confirmed).length).toBeLessThanOrEqual(200);
    await sender.send(10_000);
    expect(sender.numbers.slice(sentBefore)).toEqual(upTo(sender.accepted, first));
  });

  test('keeps its pace on the connection that takes the place of one that is left in order', async () => {
    const sender = await sawNatsAway();
    sender.connect();
    await sender.send(500);
    const { sentNumber } = sender.outgoing;
    sender.sent.length = 0;
    sender.outgoing.hold();
    sender.outgoing.send('query', Buffer.alloc(10));
    sender.move();
    expect(sender.sent.at(-1)).toBe('query');
    expect(sender.numbers.filter(number => number > sentNumber).length).toBeLessThan(20);
    await sender.send(5_000);
    expect(sender.numbers).toEqual(upTo(sender.accepted, sender.numbers[0]));
  });

  test('is sent at once at the end', async () => {
    const sender = await sawNatsAway();
    sender.connect();
    await sender.outgoing.hurry();
    expect(sender.numbers).toEqual(upTo(1_000));
    await sender.outgoing.hurry();
    expect(sender.outgoing.isCatchingUp).toBe(false);
  });
});

describe('[CL-026] of what is added while it is sent', () => {
  test('nothing is refused, at the rate of before', async () => {
    const sender = await sawNatsAway(1_050 * costBytes);
    sender.connect();
    expect(await sender.send(5_000)).toBe(0);
    expect(sender.numbers).toEqual(upTo(sender.accepted));
  });

  test('nothing is refused at a higher rate: it pushes out what waits', async () => {
    const sender = await sawNatsAway(2_000 * costBytes);
    sender.connect();
    expect(await sender.send(1_500, 20)).toBe(0);
    await sender.send(8_500);
    expect(sender.numbers).toEqual(upTo(sender.accepted));
  });

  test('what cannot be kept is refused, and the rest arrives', async () => {
    const sender = new Sender(1_000 * costBytes);
    expect(await sender.send(20_000)).toBeGreaterThan(900);
    const keptBytes = sender.outgoing.keptBytes;
    expect(keptBytes).toBeLessThanOrEqual(1_000 * costBytes);
    sender.attach();
    for (let count = 0; count < 30_000; count += 1) sender.keep(); // the connection takes 8 MiB
    expect(sender.outgoing.keptBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
    sender.outgoing.open();
    await sender.send(30_000);
    expect(sender.numbers).toEqual(upTo(sender.accepted));
  });
});

describe('[cluster 3.5] while what was kept is sent', () => {
  test('queries, barriers and answers overtake it, in their order', async () => {
    const sender = await sawNatsAway();
    sender.attach();
    sender.outgoing.send('query', Buffer.alloc(10));
    sender.outgoing.open();
    expect(sender.sent.slice(200)).toEqual(['query']);
    sender.outgoing.send('barrier', Buffer.alloc(10));
    sender.outgoing.reply('answer', Buffer.alloc(10));
    expect(sender.sent.slice(201)).toEqual(['barrier', 'answer']);
    await sender.send(5_000);
    expect(sender.numbers).toEqual(upTo(sender.accepted));
  });

  test('they wait as well while the server does not keep up', async () => {
    const sender = await sawNatsAway();
    sender.connect();
    sender.outgoing.send('large', Buffer.alloc(8 * 1024 * 1024 - 40_000));
    sender.outgoing.send('query', Buffer.alloc(50_000));
    expect(sender.sent.at(-1)).toBe('large');
    await sender.send(200);
    expect(sender.sent).toContain('query');
  });

  test('what must not overtake commands for a target waits until those are sent that are before it', async () => {
    const sender = await sawNatsAway();
    sender.keep('target');
    await sender.send(500);
    sender.connect();
    const ends: string[] = [];
    expect(sender.outgoing.turnBehind('other')).toBeUndefined();
    void sender.outgoing.turnBehind('target')?.then(() => ends.push(`${sender.sent.includes('target')}`));
    await sender.send(1_000);
    expect([ends, sender.outgoing.isCatchingUp]).toEqual([[], true]);
    await sender.send(4_000);
    expect(ends).toEqual(['true']);
    expect(sender.outgoing.turnBehind('target')).toBeUndefined();
  });

  test('whoever waits for that is released when the connection is lost', async () => {
    const sender = await sawNatsAway();
    sender.keep('target');
    sender.connect();
    const turn = sender.outgoing.turnBehind('target');
    sender.outgoing.lose();
    await turn;
    expect(sender.sent).not.toContain('target');
    expect(sender.outgoing.isCatchingUp).toBe(false);
  });
});
