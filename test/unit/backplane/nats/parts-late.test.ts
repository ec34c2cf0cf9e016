import { expect, test } from 'vitest';
import { EnvelopeWriter } from '../../../../src/backplane/nats/envelope.js';
import { partsOf } from '../../../../src/backplane/nats/parts.js';
import type { Command, Target } from '../../../../src/hub/commands.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { helloWith, quietBus } from '../../../support/quiet-bus.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

function big(fill: string): Command {
  const payload = { dataType: 'binary', bytes: Buffer.alloc(9_000, fill), metadata: undefined } as const;
  return {
    kind: 'send',
    message: { kind: 'serverMessage', payload },
    excluded: [],
    filter: undefined,
    ttlSeconds: 0,
    keptMs: undefined,
  } as Command;
}

function setup() {
  const clock = new ManualClock();
  const bus = quietBus(clock);
  const got: string[] = [];
  const performer = {
    perform: (_target: Target, command: Command) => {
      if (command.kind === 'send' && command.message.kind === 'serverMessage')
        got.push(command.message.payload.bytes.toString().slice(0, 1));
    },
  };
  bus.node = {
    performerOf: () => performer as never,
    failed: (_t, error) => {
      throw error;
    },
  };
  const writer = new EnvelopeWriter('bbbbbb', undefined);
  const parts = (number: number, fill: string) =>
    partsOf(writer.commands(number, group, [big(fill)]), number, 4_096, writer);
  const receive = (bytes: Buffer) => bus.receive('hw.1.g.chat.g', bytes);
  receive(writer.hello(helloWith({ isNew: true })));
  return { parts, receive, got };
}

test('[cluster 3.3] parts of an older envelope, which a lost connection brings late, break no newer one', () => {
  const { parts, receive, got } = setup();
  const [one, two] = [parts(1, '1'), parts(2, '2')];
  expect(one.length).toBeGreaterThan(2);
  one.forEach(receive); // by the new connection, on which it was sent again
  receive(two[0]!);
  receive(one[1]!); // by the lost one, whose server had not passed it on
  two.slice(1).forEach(receive);
  expect(got).toEqual(['1', '2']);
});

test('[cluster 3.3] parts that come twice, by the connection that is lost and by the new one, make the envelope all the same', () => {
  const { parts, receive, got } = setup();
  const one = parts(1, '1');
  receive(one[0]!); // by the lost one
  receive(one[0]!); // by the new one
  receive(one[1]!);
  receive(one[1]!); // by the lost one, late
  receive(one[2]!);
  one.slice(3).forEach(receive);
  expect(got).toEqual(['1']);
});
