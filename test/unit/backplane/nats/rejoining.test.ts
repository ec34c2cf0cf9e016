import { expect, test } from 'vitest';
import type { NatsBackplane } from '../../../../src/backplane/nats/nats-backplane.js';
import { type MakeBackplane, RejoiningBackplane } from '../../../../src/backplane/nats/rejoining.js';

test('[cluster 6.2] a node that begins again sends nothing before what it kept under its old tag is sent or dropped', async () => {
  const did: string[] = [];
  let end = () => {};
  const make: MakeBackplane = (tag, { formerTag, goneTags = [] } = {}) =>
    ({
      tag,
      goneTags: [...goneTags, `other of ${tag}`],
      start: async () => void did.push(`start ${tag}, was ${formerTag}, gone: ${goneTags}`),
      close: () =>
        new Promise<void>(resolve => {
          end = () => {
            did.push(`end ${tag}`);
            resolve();
          };
        }),
    }) as unknown as NatsBackplane;
  const backplane = new RejoiningBackplane('aaaaaa', make);
  await backplane.start();
  backplane.fence();
  backplane.rejoin('bbbbbb');
  const started = backplane.start();
  await Promise.resolve();
  end();
  await started;
  expect(did).toEqual([
    'start aaaaaa, was undefined, gone: ',
    'end aaaaaa',
    'start bbbbbb, was aaaaaa, gone: other of aaaaaa,aaaaaa',
  ]);
});
