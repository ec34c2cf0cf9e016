import { expect, test } from 'vitest';
import { NatsBackplane } from '../../../../src/backplane/nats/nats-backplane.js';
import { type MakeBackplane, RejoiningBackplane } from '../../../../src/backplane/nats/rejoining.js';
import type { Link } from '../../../../src/nats/link.js';
import { EventLoopTurn } from '../../../../src/sockets/turn.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { quietObserver } from '../../../support/quiet-bus.js';

test('[cluster 6.2] a node that begins again sends nothing before what it kept under its old tag is sent or dropped', async () => {
  const did: string[] = [];
  let end = () => {};
  const make: MakeBackplane = (tag, { formerTag, goneTags = [] } = {}) =>
    ({
      tag,
      goneTags: [...goneTags, `other of ${tag}`],
      hasTakenPart: true,
      takeOver() {},
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

test('[cluster 6.2] a node that is fenced again while its old connection still ends takes part once, after all of its old ones have ended', async () => {
  const did: string[] = [];
  const ends = new Map<string, () => void>();
  const make: MakeBackplane = tag =>
    ({
      tag,
      goneTags: [],
      takeOver() {},
      start: async () => void did.push(`start ${tag}`),
      close: () =>
        new Promise<void>(resolve => {
          ends.set(tag, () => {
            did.push(`end ${tag}`);
            resolve();
          });
        }),
    }) as unknown as NatsBackplane;
  const turn = () => new Promise(resolve => setImmediate(resolve));
  const backplane = new RejoiningBackplane('aaaaaa', make);
  await backplane.start();
  backplane.fence();
  backplane.rejoin('bbbbbb');
  const first = backplane.start();
  backplane.fence();
  backplane.rejoin('cccccc');
  const second = backplane.start();
  ends.get('bbbbbb')!(); // it never had a connection
  await turn();
  ends.get('aaaaaa')!(); // it sends what it has kept, for up to two seconds
  await Promise.all([first, second]);
  expect(did).toEqual(['start aaaaaa', 'end bbbbbb', 'end aaaaaa', 'start cccccc']);
});

test('[cluster 6.2] a node that is fenced again before it took part tells the others of the tag under which they know it', async () => {
  const clock = new ManualClock();
  const turn = new EventLoopTurn(clock);
  const told: (string | undefined)[] = [];
  const link = { listen: () => () => {}, start: () => new Promise(() => {}), close: async () => {} } as unknown as Link;
  const make: MakeBackplane = (tag, past) => {
    told.push(past?.formerTag);
    const made = new NatsBackplane({
      ...{
        root: 'hw.1',
        tag,
        name: 'node',
        keepBytes: 1_000_000,
        goneAfterMs: 20_000,
        signer: undefined,
        clock,
        turn,
        link,
      },
      ...past,
      observer: quietObserver,
    });
    if (tag === 'aaaaaa') Object.defineProperty(made, 'hasTakenPart', { value: true }); // as it had
    return made;
  };
  const backplane = new RejoiningBackplane('aaaaaa', make);
  backplane.fence();
  backplane.rejoin('bbbbbb'); // NATS is away: nobody hears of it
  backplane.fence();
  backplane.rejoin('cccccc');
  expect(told).toEqual([undefined, 'aaaaaa', 'aaaaaa']);
});
