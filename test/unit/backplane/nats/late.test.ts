import { expect, test } from 'vitest';
import type { Bus } from '../../../../src/backplane/nats/bus.js';
import { EnvelopeWriter } from '../../../../src/backplane/nats/envelope.js';
import type { Command, Target } from '../../../../src/hub/commands.js';
import { send } from '../../../support/backplane-contract.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { helloWith, quietBus } from '../../../support/quiet-bus.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

/** A node, and how many commands and queries it has carried out. */
function nodeOnBus(goneTags: readonly string[] = []) {
  const clock = new ManualClock();
  const bus = quietBus(clock, { goneTags });
  let performed = 0;
  let answered = 0;
  const performer = {
    perform() {
      performed += 1;
    },
    answer() {
      answered += 1;
    },
  };
  bus.node = {
    performerOf: () => performer as never,
    failed(_target, error) {
      throw error;
    },
  };
  return { bus, performed: () => performed, answered: () => answered };
}

test('[cluster 3.5] what a lost connection of a node brings after its bye is not carried out, whether it is new or not', () => {
  const { bus, performed } = nodeOnBus();
  const writer = new EnvelopeWriter('bbbbbb', undefined);
  const receive = (bytes: Buffer) => bus.receive('hw.1.g.chat.g', bytes);
  receive(writer.hello(helloWith({ number: 0, isNew: true })));
  receive(writer.commands(1, group, [send('one')]));
  receive(writer.bye());
  expect([performed(), bus.peers.isAlone]).toEqual([1, true]);
  receive(writer.commands(1, group, [send('one')]));
  receive(writer.commands(2, group, [send('two')]));
  receive(writer.hello(helloWith({ number: 2, isNew: false })));
  receive(writer.commands(3, group, [send('three')]));
  expect([performed(), bus.peers.isAlone]).toEqual([1, true]);
});

test('[cluster 6.2] nothing of a node’s old tag is carried out once its new one is known, although it could not say bye', () => {
  const { bus, performed } = nodeOnBus();
  const old = new EnvelopeWriter('bbbbbb', undefined);
  const now = new EnvelopeWriter('cccccc', undefined);
  const receive = (bytes: Buffer) => bus.receive('hw.1.g.chat.g', bytes);
  receive(old.hello(helloWith({ number: 0, isNew: true })));
  receive(old.commands(1, group, [send('one')]));
  bus.peers.forget('bbbbbb');
  receive(now.hello(helloWith({ number: 0, isNew: true, formerTag: 'bbbbbb' })));
  receive(now.commands(1, group, [send('three')]));
  receive(old.commands(2, group, [send('two')]));
  expect(performed()).toBe(2);
  expect([...bus.peers.all()].map(({ tag }) => tag)).toEqual(['cccccc']);
});

test('[cluster 6.2] a node that has begun again carries out nothing that it has sent under an old tag', () => {
  const { bus, performed } = nodeOnBus(['bbbbbb', 'cccccc']);
  for (const formerTag of ['bbbbbb', 'cccccc']) {
    const old = new EnvelopeWriter(formerTag, undefined);
    bus.receive('hw.1.g.chat.g', old.commands(7, group, [send('late')]));
    bus.receive('hw.1.all', old.hello(helloWith({ number: 7, isNew: false })));
    bus.receive('hw.1.g.chat.g', old.commands(8, group, [send('later')]));
  }
  expect([performed(), bus.peers.isAlone]).toEqual([0, true]);
});

test('[cluster 3.5] a change that a lost connection brings late, or again, is not made once its node is gone', () => {
  const { bus, answered } = nodeOnBus(['cccccc']);
  const change = { kind: 'leaveAll' } as never;
  const receive = (tag: string, id: number) =>
    bus.receive('hw.1.g.chat.g', new EnvelopeWriter(tag, undefined).query(id, group, change));
  receive('bbbbbb', 3);
  bus.peers.forget('bbbbbb');
  receive('bbbbbb', 3);
  receive('cccccc', 9);
  expect(answered()).toBe(1);
  receive('bbbbbb', 4); // it was only cut off
  expect(answered()).toBe(2);
});

const state: Command = {
  kind: 'groupState',
  item: { connectionId: 'c', userId: undefined, state: undefined, updatedAtMs: 1 },
};

test.each<[string, (bus: Bus) => void]>([
  [
    'a hello tells that another node speaks for it',
    bus => {
      const heir = new EnvelopeWriter('cccccc', undefined);
      bus.receive('hw.1.all', heir.hello(helloWith({ number: 0, isNew: false, replaced: 'bbbbbb' })));
    },
  ],
  ['this node speaks for it', bus => bus.replace('bbbbbb')],
  ['its lease has ended', bus => bus.peers.forget('bbbbbb')],
])('[CL-059] once %s, of what a node had kept only messages are carried out', (_when, replace) => {
  const { bus, performed } = nodeOnBus();
  const writer = new EnvelopeWriter('bbbbbb', undefined);
  const receive = (bytes: Buffer) => bus.receive('hw.1.g.chat.g', bytes);
  receive(writer.commands(1, group, [send('one'), state]));
  expect(performed()).toBe(2);
  replace(bus);
  receive(writer.commands(2, group, [send('two'), state]));
  expect(performed()).toBe(3);
});

test('[CL-059] a node that another one speaks for has connections until its lease has ended', () => {
  const { bus } = nodeOnBus();
  const writer = new EnvelopeWriter('bbbbbb', undefined);
  bus.receive('hw.1.all', writer.hello(helloWith({ number: 0, isNew: true })));
  bus.replace('bbbbbb');
  expect(bus.peers.isAlone).toBe(false);
  bus.peers.forget('bbbbbb');
  expect(bus.peers.isAlone).toBe(true);
});
