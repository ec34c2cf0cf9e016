import { expect, test } from 'vitest';
import { EnvelopeWriter } from '../../../../src/backplane/nats/envelope.js';
import { Outgoing } from '../../../../src/backplane/nats/outgoing.js';
import { FakeChannel } from '../../../support/fake-channel.js';
import { ManualClock } from '../../../support/manual-clock.js';

const mebibyte = 1024 * 1024;

test('[cluster 5] the answer to a barrier does not overtake the answer to the query before it, when the server is left meanwhile', async () => {
  const clock = new ManualClock();
  const writer = new EnvelopeWriter('AbC-_9', undefined);
  const outgoing = new Outgoing({ clock, writer, keepBytes: 16 * mebibyte, senders: () => 1, onSent: () => {} });
  const channel = new FakeChannel();
  const next = new FakeChannel();
  outgoing.attach(channel);
  outgoing.open();
  for (let number = 1; number <= 9; number += 1) outgoing.keep(number, `s${number}`, Buffer.alloc(mebibyte), 1);
  outgoing.reply('answer', Buffer.alloc(10)); // waits: the server is behind
  outgoing.hold(); // lame duck
  outgoing.reply('passed', Buffer.alloc(10));
  outgoing.move(next);
  outgoing.open();
  for (let turns = 0; turns < 20; turns += 1) await next.confirm();
  const sent = [...channel.sent, ...next.sent].filter(subject => !subject.startsWith('s'));
  expect(sent).toEqual(['answer', 'passed']);
});
