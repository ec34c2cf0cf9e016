import { expect, test } from 'vitest';
import { NatsBackplane } from '../../../../src/backplane/nats/nats-backplane.js';
import { type MakeBackplane, RejoiningBackplane } from '../../../../src/backplane/nats/rejoining.js';
import type { Target } from '../../../../src/hub/commands.js';
import { MessageCache } from '../../../../src/hub/features/cache.js';
import { listenTo } from '../../../../src/hub/reach.js';
import type { Link } from '../../../../src/nats/link.js';
import { EventLoopTurn } from '../../../../src/sockets/turn.js';
import { TestNode } from '../../../support/fake-ports.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { quietObserver } from '../../../support/quiet-bus.js';

const hub: Target = { scope: 'hub', hub: 'chat' };

/** A node that may begin again, without NATS: it is alone, so that what it listens to is in force at once. */
function setup() {
  const clock = new ManualClock();
  const turn = new EventLoopTurn(clock);
  let now: NatsBackplane | undefined;
  const make: MakeBackplane = (tag, past) => {
    now = new NatsBackplane({
      ...{ root: 'hw.1', tag, name: 'node', keepBytes: 1_000_000, goneAfterMs: 20_000, signer: undefined, clock, turn },
      ...past,
      link: { listen: () => () => {}, close: async () => {} } as unknown as Link,
      observer: quietObserver,
    });
    return now;
  };
  const backplane = new RejoiningBackplane('aaaaaa', make);
  const turnEnd = () => new Promise(resolve => setImmediate(resolve));
  return { backplane, clock, turnEnd, subscriptions: () => now!.subscriptions };
}

test('[cluster 6.2] a client that was being admitted when its node was fenced takes no subscription of those who came since', async () => {
  const { backplane, turnEnd, subscriptions } = setup();
  const waits = listenTo(backplane, [hub]); // of a client that is being admitted; this takes as long as the barrier does
  void waits.catch(() => {});
  backplane.fence();
  backplane.rejoin('bbbbbb');
  backplane.listen(hub); // the first connection under the new tag
  backplane.unlisten(hub); // the client is opened, or is not
  await turnEnd();
  expect(subscriptions()).toBe(1);
  expect(() => backplane.unlisten(hub)).not.toThrow(); // that connection ends
});

test('[cluster 6.2] a cached message outlives that its node begins again, and its expiry is no fault', async () => {
  const { backplane, clock, turnEnd, subscriptions } = setup();
  const cache = new MessageCache(clock, backplane);
  const payload = { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined } as const;
  cache.keep('chat', 'g', { kind: 'serverMessage', payload }, 30_000);
  expect(subscriptions()).toBe(2); // of its hub and of its group
  backplane.fence();
  backplane.rejoin('bbbbbb');
  await turnEnd();
  expect(subscriptions()).toBe(2); // else the queries of other nodes for it do not reach this one, nor what they publish since
});

test('[cluster 6.2] the expiry of a cached message is no fault of a node that has begun again: it would end the process', () => {
  const { backplane, clock } = setup();
  const cache = new MessageCache(clock, backplane);
  const payload = { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined } as const;
  cache.keep('chat', 'g', { kind: 'serverMessage', payload }, 30_000);
  backplane.fence();
  backplane.rejoin('bbbbbb');
  expect(() => clock.advance(61_000)).not.toThrow(); // in a timer
});

test('[cluster 6.2] a connection in many groups, which it leaves in slices, ends also when its node begins again meanwhile', async () => {
  const { backplane } = setup();
  let ms = 0;
  const monotonicMs = () => ++ms; // so that there are several slices
  const node = new TestNode(
    backplane,
    { atEnd: task => task() },
    { monotonicMs, nextTurn: task => void setImmediate(task) },
  );
  const groups = Array.from({ length: 1_500 }, (_, at) => `g${at}`);
  node.open({ groups });
  const { lifecycle } = node.chat;
  backplane.fence();
  lifecycle.fence();
  backplane.rejoin('bbbbbb');
  for (let turns = 0; turns < 2_000; turns += 1) await new Promise(resolve => setImmediate(resolve));
  expect(node.observer.faults).toEqual([]);
  expect(await lifecycle.evict(1)).toBe(0); // nobody is left, for whom a stop would wait
});
