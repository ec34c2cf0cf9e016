import { expect, test } from 'vitest';
import { Peers } from '../../../../src/backplane/nats/peers.js';
import { Questions } from '../../../../src/backplane/nats/questions.js';
import type { Target } from '../../../../src/hub/commands.js';
import { ManualClock } from '../../../support/manual-clock.js';

const user: Target = { scope: 'user', hub: 'chat', userId: 'ann' };
const close = { kind: 'close', reason: undefined, excluded: [] } as const;

/** A node with one other, which answers nothing; barriers are through at once. */
function start() {
  const clock = new ManualClock();
  const peers = new Peers(60_000);
  const other = peers.heard('AbC-_9');
  const sent: [id: number, kind: string][] = [];
  let endTurn = () => {};
  const partials: string[] = [];
  const questions = new Questions({
    ...{ clock, peers },
    barriers: { pass: () => Promise.resolve({ missing: [], late: new Map() }) },
    turnOf: (_target, { kind }) => {
      if (kind !== 'close') return undefined;
      return new Promise(resolve => {
        endTurn = resolve;
      });
    },
    send: (id, _target, { kind }) => void sent.push([id, kind]),
    onBadAnswer: error => expect.unreachable(String(error)),
    onPartial: () => void partials.push('partial'),
  });
  const gather = (query: typeof close | { kind: 'exists' }) => questions.gather(user, query, () => false);
  return { clock, other, sent, gather, endTurn: () => endTurn(), partials };
}

test('[CL-022] a query is sent once it is its turn; one that need not wait is sent before it, with a lower number', async () => {
  const { sent, gather, endTurn, partials } = start();
  const closed = gather(close);
  await gather({ kind: 'exists' });
  expect(sent).toEqual([[1, 'exists']]);
  endTurn();
  expect(await closed).toEqual({ answers: [], missing: [] });
  expect([sent.at(-1), partials]).toEqual([[2, 'close'], []]);
});

test('[CL-041] after a second it is sent no more: nobody has answered it', async () => {
  const { clock, other, sent, gather, endTurn, partials } = start();
  const closed = gather(close);
  clock.advance(1_000);
  expect(await closed).toEqual({ answers: [], missing: [other.name] });
  endTurn();
  await gather({ kind: 'exists' });
  expect([sent, partials]).toEqual([[[1, 'exists']], ['partial']]);
});
