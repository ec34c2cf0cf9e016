import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Target } from '../../src/hub/commands.js';
import { Link } from '../../src/nats/link.js';
import { FakeNode, send } from '../support/backplane-contract.js';
import { eventually } from '../support/eventually.js';
import { natsOptions, ToldEvents } from '../support/nats-link.js';
import { NatsEnd, proxiesTo } from '../support/nats-nodes.js';
import { startNats } from '../support/nats-server.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

test('[CL-026] what the only node accepts while NATS is away is kept for a node that comes meanwhile, and it does not say that it knows all', async context => {
  const server = await startNats(context, { jetStream: false });
  const [proxy] = await proxiesTo([server.port], 1);
  const urls = [`nats://127.0.0.1:${proxy!.port}`];
  const first = new NatsEnd(server.url, { link: new Link(natsOptions(urls), 'bus', new ToldEvents().parts) });
  const second = new NatsEnd(server.url);
  onTestFinished(async () => {
    await Promise.all([first, second].map(({ backplane }) => backplane.close()));
  });
  await first.backplane.start();
  new FakeNode(first.backplane);
  proxy!.stopReading(); // the first node is cut off
  await setTimeout(4_000); // it has noticed
  await second.backplane.start();
  const listener = new FakeNode(second.backplane);
  await listener.listen(group); // in force: acknowledged
  const answers: string[] = [];
  answers.push(first.backplane.publish(group, send('one')));
  const asked = await first.backplane.gather(group, { kind: 'exists' } as never, () => false);
  const joined = first.backplane.listen(group); // its first member
  answers.push(joined === undefined ? 'in force at once' : 'waits');
  proxy!.resume();
  await eventually(() => expect(first.backplane.countOf('present')).toBe(1));
  first.backplane.publish(group, send('two'));
  await eventually(() => expect(listener.texts).toContain('two'));
  expect([listener.texts, asked.missing.length, answers]).toEqual([['one', 'two'], 1, ['accepted', 'waits']]);
}, 30_000);
