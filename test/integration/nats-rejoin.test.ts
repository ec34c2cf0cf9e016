import { expect, onTestFinished, test } from 'vitest';
import type { Target } from '../../src/hub/commands.js';
import { FakeNode, send } from '../support/backplane-contract.js';
import { eventually } from '../support/eventually.js';
import { NatsEnd, startEnds } from '../support/nats-nodes.js';
import { startNats } from '../support/nats-server.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

test('[CL-026] what a node accepts before it knows the others is kept for them, and what it does not know it does not tell', async context => {
  const server = await startNats(context, { jetStream: false });
  const [other] = await startEnds([server.url], 1);
  const newcomer = new NatsEnd(server.url);
  onTestFinished(async () => {
    await Promise.all([other!, newcomer].map(({ backplane }) => backplane.close()));
  });
  const listener = new FakeNode(other!.backplane);
  await listener.listen(group);
  const count = () => newcomer.backplane.gather(group, { kind: 'exists' } as never, () => false);
  expect((await count()).missing).toHaveLength(1);
  expect(['one', 'two'].map(text => newcomer.backplane.publish(group, send(text)))).toEqual(['accepted', 'accepted']);
  await newcomer.backplane.start();
  expect(newcomer.backplane.publish(group, send('three'))).toBe('accepted');
  await eventually(() => expect(listener.texts).toEqual(['one', 'two', 'three']));
});
