import { expect, onTestFinished, test } from 'vitest';
import type { Target } from '../../src/hub/commands.js';
import { Link } from '../../src/nats/link.js';
import { FakeNode, send } from '../support/backplane-contract.js';
import { eventually } from '../support/eventually.js';
import { natsOptions, ToldEvents } from '../support/nats-link.js';
import { NatsEnd, proxiesTo, startEnds } from '../support/nats-nodes.js';
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
  expect(newcomer.partialQueries).toBe(1);
  expect(['one', 'two'].map(text => newcomer.backplane.publish(group, send(text)))).toEqual(['accepted', 'accepted']);
  await newcomer.backplane.start();
  expect(newcomer.backplane.publish(group, send('three'))).toBe('accepted');
  await eventually(() => expect(listener.texts).toEqual(['one', 'two', 'three']));
});

test('[cluster 3.5] what a lost connection of a node still brings after its bye comes to no client again', async context => {
  const server = await startNats(context, { jetStream: false });
  const [receiver] = await startEnds([server.url], 1);
  const proxies = await proxiesTo([server.port], 2);
  const urls = proxies.map(({ port }) => `nats://127.0.0.1:${port}`);
  const sender = new NatsEnd(server.url, { link: new Link(natsOptions(urls), 'bus', new ToldEvents().parts) });
  onTestFinished(async () => {
    await Promise.all([receiver!, sender].map(({ backplane }) => backplane.close()));
  });
  const listener = new FakeNode(receiver!.backplane);
  await listener.listen(group);
  await sender.backplane.start();
  const lost = proxies.find(({ size }) => size > 0)!;
  sender.backplane.publish(group, send('one'));
  await eventually(() => expect(listener.texts).toEqual(['one']));

  lost.stopReading();
  sender.backplane.publish(group, send('two'));
  await eventually(() => expect(listener.texts).toEqual(['one', 'two'])); // by the other proxy
  await sender.backplane.close();
  await eventually(() => expect(receiver!.backplane.countOf('present')).toBe(0));
  const { repeated } = receiver!.ways; // what the sender could not know to have come before
  const again = new NatsEnd(server.url, { goneTags: [sender.tag] });
  onTestFinished(() => again.backplane.close());
  await again.backplane.start();
  const own = new FakeNode(again.backplane);
  await own.listen(group);
  lost.resume();
  await eventually(() => expect(receiver!.ways.repeated).toBeGreaterThan(repeated));
  await eventually(() => expect(again.ways.repeated).toBeGreaterThan(0));
  expect([listener.texts, own.texts]).toEqual([['one', 'two'], []]);
});
