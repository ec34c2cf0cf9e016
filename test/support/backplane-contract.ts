import { describe, expect, onTestFinished, test } from 'vitest';
import type { Answer, Backplane, Operation, Performer, Target } from '../../src/hub/ports.js';
import type { GroupStateItem, NumberedMessage, StreamPosition } from '../../src/protocols/messages.js';
import { textPayload } from './fake-ports.js';
import { Mailbox } from './mailbox.js';

const hub = 'chat';
const group: Target = { scope: 'group', hub, group: 'g' };

/** One of each scope, with names that a transport may have to write in another way. */
const targets: readonly Target[] = [
  { scope: 'hub', hub },
  group,
  ...['G', 'a.b', 'a', '*', '>', 'é 日本', '$x/..', ' ', 'g'.repeat(1024)].map(
    name => ({ scope: 'group', hub, group: name }) as const,
  ),
  { scope: 'user', hub, userId: 'g' },
  { scope: 'connection', hub, connectionId: 'g' },
  { scope: 'group', hub: 'h`,.[]_1', group: 'g' },
];

type Heard = readonly [target: Target, operation: Operation];

/** The rest of one node: keeps what it is asked, and says for which targets it has a connection. */
class FakeNode implements Performer {
  readonly heard: Heard[] = [];
  readonly #inbox = new Mailbox<Heard>();
  readonly #present: Target[] = [];
  /** Given to each query on a target with a connection. */
  answer: () => Answer | Promise<Answer> = () => ({ matched: 1, members: [], conflicts: 0 });

  constructor(readonly backplane: Backplane) {
    backplane.attach(this);
  }

  perform(target: Target, operation: Operation): Answer | Promise<Answer> {
    this.heard.push([target, operation]);
    this.#inbox.put([target, operation]);
    const isHere = this.#present.some(present => isSame(present, target));
    return isHere ? this.answer() : { matched: 0, members: [], conflicts: 0 };
  }

  async listen(target: Target): Promise<void> {
    this.#present.push(target);
    await this.backplane.listen(target);
  }

  unlisten(target: Target): void {
    this.#present.splice(
      this.#present.findIndex(present => isSame(present, target)),
      1,
    );
    this.backplane.unlisten(target);
  }

  publish(target: Target, text: string): void {
    this.backplane.publish(target, send(text));
  }

  /** Waits for the message; all that this publisher sent to the target before it has been heard then. */
  async hears(text: string): Promise<void> {
    await this.#inbox.take(([, operation]) => textOf(operation) === text);
  }

  /** Texts of the messages heard, in order. */
  get texts(): (string | undefined)[] {
    return this.heard.map(([, operation]) => textOf(operation));
  }
}

function isSame(a: Target, b: Target): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function send(text: string): Operation {
  return {
    kind: 'send',
    message: { kind: 'serverMessage', payload: textPayload(text) },
    excluded: [],
    filter: undefined,
    ttlSeconds: 0,
  };
}

function textOf(operation: Operation): string | undefined {
  return operation.kind === 'send' && 'payload' in operation.message
    ? operation.message.payload.bytes.toString('utf8')
    : undefined;
}

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const metadata = new Map([
  ['Trace', 'a, b'],
  ['__proto__', ''],
]);

const stream: StreamPosition = { streamId: 's', sequenceId: 2n ** 64n - 1n, isEnd: false, error: undefined };
const error = { name: 'UserError', message: 'm', userErrorCode: undefined };
const ended: StreamPosition = { ...stream, sequenceId: 0n, isEnd: true, error };
const item: GroupStateItem = { connectionId: 'c', userId: 'ann', state: metadata, updatedAtMs: 1_900_000_000_000 };

/** Messages that differ in all that a message can differ in. */
const messages: readonly NumberedMessage[] = [
  { kind: 'serverMessage', payload: { dataType: 'binary', bytes: allBytes, metadata: undefined } },
  { kind: 'serverMessage', payload: { dataType: 'json', bytes: Buffer.from(' {"a":1.0,"a":2}'), metadata } },
  { kind: 'groupMessage', group: 'g', fromUserId: undefined, payload: textPayload(''), stream: undefined },
  { kind: 'groupMessage', group: 'é\n', fromUserId: '', payload: textPayload('😀'), stream },
  {
    kind: 'groupMessage',
    group: 'g',
    fromUserId: 'ann',
    payload: { dataType: 'protobuf', bytes: allBytes, metadata },
    stream: ended,
  },
  { kind: 'groupStateSnapshot', group: 'g', items: [] },
  { kind: 'groupStateUpdate', group: 'é.*', items: [item, { ...item, userId: undefined, state: undefined }] },
];

const operations: readonly Operation[] = [
  ...messages.map(message => ({ kind: 'send', message, excluded: [], filter: undefined, ttlSeconds: 0 }) as const),
  {
    kind: 'send',
    message: { kind: 'serverMessage', payload: textPayload('x') },
    excluded: ['c1', 'c2'],
    filter: "userId eq 'é'",
    ttlSeconds: 300,
  },
  { kind: 'join', groups: ['é.*', 'g'], filter: undefined },
  { kind: 'leave', groups: ['g'], filter: "'g' in groups" },
  { kind: 'leaveAll' },
  { kind: 'close', reason: undefined, excluded: [] },
  { kind: 'close', reason: 'r'.repeat(2_000), excluded: ['c1'] },
  { kind: 'grant', permission: 'sendToGroup', group: 'g' },
  { kind: 'revoke', permission: 'joinLeaveGroup', group: 'g' },
  { kind: 'check', permission: 'sendToGroup', group: 'g' },
  { kind: 'count', filter: undefined },
  { kind: 'count', filter: "userId eq 'é'" },
  { kind: 'list', after: undefined, limit: 201 },
  { kind: 'list', after: 'c', limit: Number.MAX_SAFE_INTEGER },
  { kind: 'groupState', item },
  { kind: 'groupState', item: { ...item, userId: undefined, state: undefined } },
  { kind: 'listStates' },
];

/**
 * What every backplane promises, as a suite.
 * @param connect gives that many nodes' ends of one new backplane; the suite closes them
 */
export function describeBackplane(name: string, connect: (count: number) => Promise<readonly Backplane[]>): void {
  const start = async (count: number): Promise<FakeNode[]> => {
    const ends = await connect(count);
    onTestFinished(async () => {
      await Promise.all(ends.map(end => end.close()));
    });
    return ends.map(end => new FakeNode(end));
  };

  /** Two nodes, of which the second listens to the group. */
  const pair = async (): Promise<[FakeNode, FakeNode]> => {
    const [a, b] = (await start(2)) as [FakeNode, FakeNode];
    await b.listen(group);
    return [a, b];
  };

  describe(`${name}: commands`, () => {
    test('reach each other node that listens, once', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      for (const node of [b, c]) await node.listen(group);
      for (const text of ['x', 'end']) a.publish(group, text);
      for (const node of [b, c]) {
        await node.hears('end');
        expect(node.texts).toEqual(['x', 'end']);
      }
    });

    test('come in the order of their publisher', async () => {
      const [a, b] = await pair();
      const texts = Array.from({ length: 500 }, (_, index) => `${index}`);
      for (const text of texts) a.publish(group, text);
      await b.hears('499');
      expect(b.texts).toEqual(texts);
    });

    test('come in the order of each of several publishers', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      await c.listen(group);
      const of = (publisher: string) => Array.from({ length: 100 }, (_, index) => `${publisher}${index}`);
      for (let index = 0; index < 100; index += 1) {
        a.publish(group, `a${index}`);
        b.publish(group, `b${index}`);
      }
      await Promise.all([c.hears('a99'), c.hears('b99')]);
      for (const publisher of ['a', 'b']) {
        expect(c.texts.filter(text => text?.startsWith(publisher))).toEqual(of(publisher));
      }
      expect(c.heard).toHaveLength(200);
    });

    test('are not echoed to their publisher', async () => {
      const [a, b] = await pair();
      await a.listen(group);
      a.publish(group, 'mine');
      await b.hears('mine');
      b.publish(group, 'theirs');
      await a.hears('theirs');
      expect(a.texts).toEqual(['theirs']);
    });

    test('without a listener are lost, not kept', async () => {
      const [a, b] = (await start(2)) as [FakeNode, FakeNode];
      a.publish({ scope: 'user', hub, userId: 'nobody' }, 'lost');
      await b.listen(group);
      a.publish(group, 'x');
      await b.hears('x');
      expect(b.texts.filter(text => text === 'x')).toHaveLength(1);
    });

    test('keep every target apart, whatever its name', async () => {
      const [a, b] = (await start(2)) as [FakeNode, FakeNode];
      for (const target of targets) await b.listen(target);
      for (const [index, target] of targets.entries()) {
        a.publish(target, `${index}`);
        await b.hears(`${index}`);
      }
      expect(b.heard.map(([target]) => target)).toEqual(targets);
    });
  });

  describe(`${name}: queries`, () => {
    const found: Answer = {
      matched: 2,
      members: [
        { connectionId: 'c1', userId: 'ann' },
        { connectionId: 'c2', userId: undefined },
      ],
      conflicts: 1,
      states: [item, { ...item, connectionId: 'd', userId: undefined }],
    };

    test('gather what the other nodes found', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      for (const node of [a, b, c]) await node.listen(group);
      b.answer = () => found;
      c.answer = () => Promise.resolve({ ...found, matched: 5, members: [], conflicts: 0 });
      const answers = await a.backplane.gather(group, { kind: 'list', after: undefined, limit: 9 });
      expect([...answers].sort((one, other) => one.matched - other.matched)).toEqual([
        found,
        { ...found, matched: 5, members: [], conflicts: 0 },
      ]);
      expect([a.heard.length, b.heard.length, c.heard.length]).toEqual([0, 1, 1]);
    });

    test('of a single node gather nothing', async () => {
      const [a] = (await start(1)) as [FakeNode];
      await a.listen(group);
      expect(await a.backplane.gather(group, { kind: 'count', filter: undefined })).toEqual([]);
    });

    test('find nothing where nobody listens', async () => {
      const [a] = await pair();
      for (const target of targets.filter(other => !isSame(other, group))) {
        const answers = await a.backplane.gather(target, { kind: 'count', filter: undefined });
        expect(answers.reduce((sum, { matched }) => sum + matched, 0)).toBe(0);
      }
    });

    test('wait until the operation is done', async () => {
      const [a, b] = await pair();
      let finish = (_answer: Answer) => {};
      const asked = new Promise<void>(resolve => {
        b.answer = () => {
          resolve();
          return new Promise(done => {
            finish = done;
          });
        };
      });
      let isSettled = false;
      const gathered = a.backplane.gather(group, { kind: 'join', groups: ['h'], filter: undefined }).finally(() => {
        isSettled = true;
      });
      await asked;
      expect(isSettled).toBe(false);
      finish(found);
      expect(await gathered).toEqual([found]);
    });

    test('of several callers are answered each to its own', async () => {
      const [a, b] = await pair();
      await a.listen(group);
      a.answer = () => ({ matched: 10, members: [], conflicts: 0 });
      b.answer = () => ({ matched: 20, members: [], conflicts: 0 });
      const ask = (node: FakeNode) => node.backplane.gather(group, { kind: 'count', filter: undefined });
      const answers = await Promise.all([a, b, a, b, a].map(ask));
      expect(answers.map(([answer]) => answer?.matched)).toEqual([20, 10, 20, 10, 20]);
    });

    test.each(operations.map(operation => [operation.kind, operation] as const))(
      'carry %s as it is',
      async (_kind, operation) => {
        const [a, b] = await pair();
        await a.backplane.gather(group, operation);
        expect(b.heard).toEqual([[group, operation]]);
        a.backplane.publish(group, operation);
        a.publish(group, 'end');
        await b.hears('end');
        expect(b.heard[1]).toEqual([group, operation]);
      },
    );
  });

  describe(`${name}: interest`, () => {
    test('of one target or node ends without ending that of others', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      const user: Target = { scope: 'user', hub, userId: 'ann' };
      for (const node of [b, c]) for (const target of [group, user]) await node.listen(target);
      b.unlisten(group);
      a.publish(group, 'x');
      a.publish(user, 'y');
      await Promise.all([c.hears('x'), c.hears('y'), b.hears('y')]);
      const answers = await a.backplane.gather(group, { kind: 'count', filter: undefined });
      expect(answers.reduce((sum, { matched }) => sum + matched, 0)).toBe(1);
    });

    test('that is shown again after it ended is heard again, once', async () => {
      const [a, b] = await pair();
      b.unlisten(group);
      await b.listen(group);
      a.publish(group, 'x');
      a.publish(group, 'end');
      await b.hears('end');
      expect(b.texts).toEqual(['x', 'end']);
    });
  });

  describe(`${name}: the end`, () => {
    test('a closed node hears nothing and answers nothing', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      for (const node of [b, c]) await node.listen(group);
      await b.backplane.close();
      a.publish(group, 'x');
      await c.hears('x');
      expect(await a.backplane.gather(group, { kind: 'count', filter: undefined })).toHaveLength(1);
      expect(b.heard).toEqual([]);
    });
  });
}
