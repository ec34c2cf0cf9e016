import { describe, expect, test } from 'vitest';
import { Peers } from '../../../../src/backplane/nats/peers.js';

/** Until it is forgotten, with the tick in which it was heard last. */
const ticks = 7;

function forgotten(peers: Peers): void {
  for (let tick = 0; tick < ticks; tick += 1) peers.tick();
}

test('[CL-059] a node that is gone is forgotten at once; one that is not gone after all is known again', () => {
  const peers = new Peers(20_000);
  peers.heard('aaaaaa').number = 3;
  peers.heard('bbbbbb');
  peers.forget('aaaaaa');
  peers.forget('cccccc');
  expect([...peers.all()].map(({ tag }) => tag)).toEqual(['bbbbbb']);
  expect(peers.heard('aaaaaa')).toMatchObject({ state: 'present', number: 3 });
});

describe('a node that was only cut off', () => {
  test('[cluster 3.5] sends again what has arrived: its numbers go on where they were', () => {
    const peers = new Peers(6_000);
    peers.heard('aaaaaa').number = 2_510;
    forgotten(peers);
    expect(peers.find('aaaaaa')).toBeUndefined();
    expect(peers.heard('aaaaaa').number).toBe(2_510);
  });

  test('is remembered as long as not too many others have come and gone', () => {
    const peers = new Peers(6_000);
    for (let index = 0; index <= 1_000; index += 1) peers.heard(`n${index}`).number = 7;
    forgotten(peers);
    expect([peers.heard('n0').number, peers.heard('n1').number, peers.heard('n1000').number]).toEqual([0, 7, 7]);
  });
});

test('a node that has said bye does not come back, and its commands are old', () => {
  const peers = new Peers(6_000);
  peers.heard('aaaaaa').number = 3;
  peers.bye('aaaaaa');
  expect(peers.heard('aaaaaa').number).toBe(Number.POSITIVE_INFINITY);
  peers.hello('aaaaaa', {
    name: 'a',
    formats: [1],
    number: 9,
    isDraining: false,
    isNew: false,
    formerTag: undefined,
    replaced: undefined,
  });
  expect([peers.isAlone, peers.heard('aaaaaa').number]).toEqual([true, Number.POSITIVE_INFINITY]);
});
