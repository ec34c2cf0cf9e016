import { expect, test } from 'vitest';
import { EnvelopeWriter } from '../../../../src/backplane/nats/envelope.js';
import type { Channel } from '../../../../src/backplane/nats/outgoing.js';
import type { Target } from '../../../../src/hub/commands.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { helloWith, quietBus } from '../../../support/quiet-bus.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

/** A node that takes part, and knows of another one. */
function setup() {
  const clock = new ManualClock();
  const bus = quietBus(clock);
  const replies: string[] = [];
  const channel: Channel = {
    maxPayload: 1_000_000,
    publish: (_subject, _bytes, reply) => void (reply !== undefined && replies.push(reply)),
    flush: () => Promise.resolve(),
  };
  bus.outgoing.attach(channel);
  bus.outgoing.open();
  bus.barriers.open();
  const other = new EnvelopeWriter('bbbbbb', undefined);
  bus.receive('hw.1.all', other.hello(helloWith()));
  const turnEnd = () => new Promise<void>(resolve => setImmediate(resolve));
  return { bus, clock, other, replies, turnEnd };
}

test('[CL-033] a barrier does not wait for a node that has said bye', async () => {
  const { bus, other, turnEnd } = setup();
  let isThrough = false;
  void bus.barriers.pass().then(() => {
    isThrough = true;
  });
  await turnEnd(); // the request is on its way, and the other node ends before it has come
  bus.receive('hw.1.all', other.bye());
  await turnEnd();
  expect(isThrough).toBe(true);
});

test('[CL-033] nor where the server says, after the bye, that nobody listens', async () => {
  const { bus, other, replies, turnEnd } = setup();
  let isThrough = false;
  void bus.barriers.pass().then(() => {
    isThrough = true;
  });
  await turnEnd();
  bus.receive('hw.1.all', other.bye());
  bus.nobodyListens(replies.at(-1)!);
  await turnEnd();
  expect(isThrough).toBe(true);
});

test('[CL-041] a query that was under way when a node said bye, or whose lease ended, is whole without it', async () => {
  for (const isBye of [true, false]) {
    const { bus, clock, other, turnEnd } = setup();
    const asked = bus.questions.gather(group, { kind: 'exists' }, answer => answer);
    await turnEnd();
    if (isBye) bus.receive('hw.1.all', other.bye());
    else bus.peers.forget('bbbbbb');
    await clock.advanceAsync(1_100);
    expect((await asked).missing).toEqual([]);
  }
});
