import { expect, test } from 'vitest';
import { MemoryBus } from '../../../src/backplane/memory.js';
import type { Performer } from '../../../src/hub/ports.js';
import { describeBackplane } from '../../support/backplane-contract.js';
import { textPayload } from '../../support/fake-ports.js';
import { NetworkBus, type NetworkEnd } from '../../support/network-bus.js';

/** A node with this performer for each hub. */
const node = (performer: Performer | undefined) => ({ performerOf: () => performer, failed: () => {} });
const answering = (answer: () => unknown): Performer => ({ perform: () => {}, answer: () => answer() as never });

describeBackplane(
  'memory',
  async count => {
    const bus = new MemoryBus();
    return Array.from({ length: count }, () => bus.connect());
  },
  { silence: end => end.attach(node(answering(() => Promise.reject(new Error('silent'))))) },
);

// The double with which hubs are tested keeps the same promises.
describeBackplane(
  'network of the tests',
  async count => {
    const bus = new NetworkBus();
    return Array.from({ length: count }, () => bus.connect());
  },
  {
    silence: end => {
      (end as NetworkEnd).isSilent = true;
    },
    cutOff: end => {
      const cut = end as NetworkEnd;
      cut.isCutOff = true;
      return () => {
        cut.isCutOff = false;
      };
    },
  },
);

const hub = { scope: 'hub', hub: 'chat' } as const;
const message = { kind: 'serverMessage', payload: textPayload('x') } as const;

test('a command has been carried out when publish returns', () => {
  const bus = new MemoryBus();
  const [a, b] = [bus.connect(), bus.connect()];
  let heard = 0;
  const hear = () => {
    heard += 1;
  };
  b.attach(node({ ...answering(() => 0), perform: hear }));
  a.publish(hub, { kind: 'send', message, excluded: [], filter: undefined, ttlSeconds: 0 });
  expect(heard).toBe(1);
});

test('a query has begun on every node when gather returns', async () => {
  const bus = new MemoryBus();
  const [a, ...others] = [bus.connect(), bus.connect(), bus.connect()];
  let asked = 0;
  const count = () => {
    asked += 1;
    return asked;
  };
  for (const end of others) end.attach(node(answering(count)));
  const gathered = a!.gather(hub, { kind: 'count', filter: undefined }, () => false);
  expect(asked).toBe(2);
  expect(await gathered).toEqual({ answers: [1, 2], missing: [] });
});

test('nodes after the one whose answer is final are not asked', async () => {
  const bus = new MemoryBus();
  const [a, ...others] = [bus.connect(), bus.connect(), bus.connect()];
  let asked = 0;
  const yes = () => {
    asked += 1;
    return true;
  };
  for (const end of others) end.attach(node(answering(yes)));
  expect(await a!.gather(hub, { kind: 'exists' }, isTrue => isTrue)).toEqual({ answers: [true], missing: [] });
  expect(asked).toBe(1);
});

test('a node without the hub has no answer, and is not missing', async () => {
  const bus = new MemoryBus();
  const [a, b] = [bus.connect(), bus.connect()];
  b.attach(node(undefined));
  expect(await a.gather(hub, { kind: 'exists' }, () => false)).toEqual({ answers: [], missing: [] });
});

test('two buses know nothing of each other', async () => {
  const [a, b] = [new MemoryBus().connect(), new MemoryBus().connect()];
  b.attach(node(answering(() => 1)));
  expect(await a.gather(hub, { kind: 'count', filter: undefined }, () => false)).toEqual({ answers: [], missing: [] });
});
