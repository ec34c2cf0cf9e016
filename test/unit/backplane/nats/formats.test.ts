import { expect, test } from 'vitest';
import { EnvelopeWriter, readEnvelope } from '../../../../src/backplane/nats/envelope.js';
import { formats, newestCommon } from '../../../../src/backplane/nats/frame.js';
import { Peers } from '../../../../src/backplane/nats/peers.js';

const about = { number: 0, name: 'n', isDraining: false, isNew: false, formerTag: undefined, replaced: undefined };

test.each([
  ['alone: its newest', [1, 2], [], 2],
  ['beside a node of the version before, the older one', [1, 2], [[1], [1, 2]], 1],
  ['once all are upgraded, the newer one', [1, 2], [[1, 2]], 2],
  ['beside a node of the version after', [1, 2], [[2, 3]], 2],
  ['where there is none in common, its oldest', [2, 3], [[1]], 2],
])('[CL-021] a node writes the newest format that all live nodes can read: %s', (_what, own, others, expected) => {
  const peers = new Peers(20_000);
  for (const [index, read] of others.entries()) peers.hello(`node-${index}`, { ...about, formats: read });
  expect(newestCommon(own, peers.formats())).toBe(expected);
});

test('[CL-021] a node that has left or is gone does not count any more', () => {
  const peers = new Peers(4_000);
  peers.hello('left-1', { ...about, formats: [1] });
  peers.hello('gone-1', { ...about, formats: [1] });
  peers.bye('left-1');
  expect(newestCommon([1, 2], peers.formats())).toBe(1);
  for (let tick = 0; tick < 5; tick += 1) peers.tick();
  expect(newestCommon([1, 2], peers.formats())).toBe(2);
});

test('[CL-021] an envelope begins with its format, and one of a format that is not known is not read', () => {
  const writer = new EnvelopeWriter('AbC-_9', undefined);
  expect(writer.bye()[0]).toBe(formats.at(-1));
  writer.format = 99;
  expect(writer.bye()[0]).toBe(99);
  expect(() => readEnvelope(writer.bye(), undefined)).toThrow('format 99');
});
