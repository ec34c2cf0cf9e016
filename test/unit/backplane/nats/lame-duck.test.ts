import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { EnvelopeWriter } from '../../../../src/backplane/nats/envelope.js';
import { formats } from '../../../../src/backplane/nats/frame.js';
import { NatsBackplane } from '../../../../src/backplane/nats/nats-backplane.js';
import type { Target } from '../../../../src/hub/commands.js';
import type { Link, LinkListener } from '../../../../src/nats/link.js';
import { EventLoopTurn } from '../../../../src/sockets/turn.js';
import { send } from '../../../support/backplane-contract.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { quietObserver } from '../../../support/quiet-bus.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };
const about = { name: 'other', formats, isDraining: false, formerTag: undefined, replaced: undefined, isNew: false };

/** A connection by which a test sends; what is sent by the node is kept. */
class Connection {
  readonly info = { max_payload: 1_000_000 };
  readonly sent: { subject: string; bytes: Uint8Array; reply: string | undefined }[] = [];
  isDead = false;
  #receive: ((error: Error | null, message: object) => void) | undefined;

  get asNats(): NatsConnection {
    return this as unknown as NatsConnection;
  }

  readonly #ended = new Set<() => void>();

  closed(): Promise<void> {
    return new Promise(resolve => void this.#ended.add(resolve));
  }

  die(): void {
    this.isDead = true;
    for (const resolve of this.#ended) resolve();
  }

  isClosed(): boolean {
    return this.isDead;
  }

  publish(subject: string, bytes: Uint8Array, options?: { reply?: string }): void {
    if (!this.isDead) this.sent.push({ subject, bytes, reply: options?.reply });
  }

  flush(): Promise<void> {
    return this.isDead ? new Promise(() => {}) : Promise.resolve();
  }

  subscribe(_subject: string, { callback }: { callback: (error: Error | null, message: object) => void }) {
    this.#receive = callback;
    return { unsubscribe() {} };
  }

  bring(subject: string, data: Buffer): void {
    if (!this.isDead) this.#receive?.(null, { subject, data });
  }
}

/** A node, and another one whose part a test plays: it answers barriers that come by a connection that lives. */
function setup() {
  const clock = new ManualClock();
  let listener: LinkListener | undefined;
  const link = {
    listen(given: LinkListener) {
      listener = given;
      return () => {};
    },
    start: async () => {},
    close: async () => {},
  } as unknown as Link;
  const backplane = new NatsBackplane({
    ...{ root: 'hw.1', tag: 'aaaaaa', name: 'node', keepBytes: 1_000_000, goneAfterMs: 20_000, signer: undefined },
    ...{ clock, turn: new EventLoopTurn(clock), link, settleMs: 500 },
    observer: quietObserver,
  });
  const got: string[] = [];
  const performer = {
    perform: (_target: Target, command: { message: { payload: { bytes: Buffer } } }) =>
      void got.push(command.message.payload.bytes.toString()),
  };
  backplane.attach({
    performerOf: () => performer as never,
    failed(_target, error) {
      throw error;
    },
  });
  let isReady = false;
  void backplane.start().then(() => {
    isReady = true;
  });
  return { clock, backplane, got, listener: () => listener!, isReady: () => isReady };
}

const other = new EnvelopeWriter('bbbbbb', undefined);

/** The other node answers each request of a barrier, by all connections that live. */
function answerBarriers(from: Connection, ways: readonly Connection[]): void {
  for (const { subject, bytes, reply } of from.sent.splice(0)) {
    if (!subject.endsWith('n.bbbbbb.b')) continue;
    const round = Number(/r(\d+)-/.exec(reply ?? '')?.[1]);
    expect(bytes.length).toBeGreaterThan(0);
    for (const way of ways) way.bring('hw.1.n.aaaaaa.a', other.passed(round, { late: [], isNew: false }));
  }
}

test('[CL-034] a new node that has to leave its server before it has introduced itself does not take part without the others', async () => {
  const { clock, backplane, listener, isReady } = setup();
  const [first, next] = [new Connection(), new Connection()];
  listener().connected(first.asNats);
  await clock.advanceAsync(100); // of 500: others have not heard of it, by a slow route
  void listener().leaving!(next.asNats);
  await clock.advanceAsync(50);
  expect(isReady()).toBe(false);
  next.bring('hw.1.all', other.hello({ ...about, number: 0 }));
  expect(backplane.countOf('present')).toBe(1);
});

test('[CL-016] a node whose next server ends while it moves there goes on by the old one until there is another', async () => {
  const { clock, backplane, got, listener, isReady } = setup();
  const [old, next, third] = [new Connection(), new Connection(), new Connection()];
  listener().connected(old.asNats);
  old.bring('hw.1.all', other.hello({ ...about, number: 0 }));
  for (let ms = 0; ms < 800; ms += 100) {
    await clock.advanceAsync(100);
    answerBarriers(old, [old]);
  }
  await clock.advanceAsync(1);
  expect(isReady()).toBe(true);
  backplane.listen(group);
  old.bring('hw.1.g.chat.g', other.commands(1, group, [send('one')]));
  void listener().leaving!(next.asNats);
  next.die(); // it ends as well: the link tries another one, and the old one still lives
  await clock.advanceAsync(10);
  answerBarriers(old, [old]);
  await clock.advanceAsync(1_500);
  old.bring('hw.1.g.chat.g', other.commands(2, group, [send('two')]));
  void listener().leaving!(third.asNats);
  await clock.advanceAsync(10);
  old.bring('hw.1.g.chat.g', other.commands(3, group, [send('three')]));
  expect(got).toEqual(['one', 'two', 'three']);
});
