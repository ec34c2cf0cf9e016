import { describe, expect, test } from 'vitest';
import { EnvelopeWriter } from '../../../../src/backplane/nats/envelope.js';
import { Outgoing } from '../../../../src/backplane/nats/outgoing.js';
import { FakeChannel } from '../../../support/fake-channel.js';
import { ManualClock } from '../../../support/manual-clock.js';

const mebibyte = 1024 * 1024;

function start(keepBytes = 16 * mebibyte) {
  const clock = new ManualClock();
  const writer = new EnvelopeWriter('AbC-_9', undefined);
  const outgoing = new Outgoing({ clock, writer, keepBytes, senders: () => 1, onSent: () => {} });
  const channel = new FakeChannel();
  return { clock, outgoing, channel };
}

test('[CL-013] at most 8 MiB are given to the client beyond what a flush has confirmed; past that envelopes wait in the ring', async () => {
  const { outgoing, channel } = start();
  outgoing.attach(channel);
  outgoing.open();
  for (let number = 1; number <= 12; number += 1) outgoing.keep(number, `s${number}`, Buffer.alloc(mebibyte), 1);
  expect(channel.bytes).toBe(8 * mebibyte);
  outgoing.send('query', Buffer.alloc(10));
  expect(channel.bytes).toBe(8 * mebibyte);
  while (channel.sent.length < 13) await channel.confirm();
  expect(channel.sent).toEqual([...Array.from({ length: 12 }, (_, index) => `s${index + 1}`), 'query']);
  expect(outgoing.sentNumber).toBe(12);
});

describe('[cluster 3.5] a connection that is not open yet', () => {
  test('takes replies, and what waits only afterwards', () => {
    const { outgoing, channel } = start();
    outgoing.keep(1, 'kept', Buffer.alloc(10), 1);
    outgoing.send('lost', Buffer.alloc(10));
    outgoing.attach(channel);
    outgoing.send('query', Buffer.alloc(10));
    outgoing.reply('reply', Buffer.alloc(10));
    expect(channel.sent).toEqual(['reply']);
    outgoing.open();
    expect(channel.sent).toEqual(['reply', 'kept', 'query']);
  });

  test('that replaces a lost one sends again what was not confirmed, and tells no number above what it has sent', async () => {
    const { outgoing, channel, clock } = start();
    outgoing.attach(channel);
    outgoing.open();
    outgoing.keep(1, 's1', Buffer.alloc(10), 1);
    clock.advance(100);
    await channel.confirm();
    clock.advance(2_000);
    outgoing.send('hello', Buffer.alloc(10));
    clock.advance(100);
    await channel.confirm();
    outgoing.keep(2, 's2', Buffer.alloc(10), 1);
    outgoing.send('query', Buffer.alloc(10));
    expect(outgoing.sentNumber).toBe(2);
    outgoing.lose();
    expect(outgoing.sentNumber).toBe(1);
    const next = new FakeChannel();
    outgoing.attach(next);
    outgoing.open();
    expect(next.sent).toEqual(['s2']);
    expect(outgoing.sentNumber).toBe(2);
    await channel.confirm(); // of the old one
    outgoing.lose();
    const last = new FakeChannel();
    outgoing.attach(last);
    outgoing.open();
    expect(last.sent).toEqual(['s2']);
  });
});

test('[cluster 3.5] without a connection as much is accepted as can be kept; with one, a window of it', () => {
  const { outgoing, channel } = start(mebibyte);
  expect([outgoing.reserve(mebibyte / 2), outgoing.reserve(mebibyte)]).toEqual([true, false]);
  outgoing.release(mebibyte / 2);
  outgoing.attach(channel);
  expect([outgoing.reserve(7 * mebibyte), outgoing.reserve(mebibyte)]).toEqual([true, false]);
});
