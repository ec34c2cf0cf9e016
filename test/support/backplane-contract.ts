import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Answers, AnyQuery, Command, Query, QueryKind, Target } from '../../src/hub/commands.js';
import type { Backplane, BackplaneNode, Gathered, Performer } from '../../src/hub/ports.js';
import type { GroupStateItem, PublishedMessage, StreamPosition } from '../../src/protocols/messages.js';
import { type Ending, endOfSuite } from './ending.js';
import { textPayload } from './fake-ports.js';
import { Mailbox } from './mailbox.js';

const hub = 'chat';
const group: Target = { scope: 'group', hub, group: 'g' };

/** One of each scope, with names that a transport may have to write in another way. */
export const targets: readonly Target[] = [
  { scope: 'hub', hub },
  group,
  ...['G', 'a.b', 'a', '*', '>', 'é 日本', '$x/..', ' ', 'g'.repeat(1024)].map(
    name => ({ scope: 'group', hub, group: name }) as const,
  ),
  { scope: 'user', hub, userId: 'g' },
  { scope: 'connection', hub, connectionId: 'g' },
  { scope: 'group', hub: 'h`,.[]_1', group: 'g' },
];

type Heard = readonly [target: Target, request: Command | AnyQuery];

/** The rest of one node: keeps what it is requested, and knows for which targets it has a connection. */
export class FakeNode implements BackplaneNode, Performer {
  readonly heard: Heard[] = [];
  readonly failures: unknown[] = [];
  readonly #inbox = new Mailbox<Heard>();
  readonly #present: Target[] = [];
  /** Given to each query on a target with a connection, whatever its kind: a backplane does not look into answers. */
  answers: () => unknown = () => 1;

  constructor(readonly backplane: Backplane) {
    backplane.attach(this);
  }

  performerOf(): Performer {
    return this;
  }

  failed(_target: Target, error: unknown): void {
    this.failures.push(error);
  }

  perform(target: Target, command: Command): void {
    this.heard.push([target, command]);
    this.#inbox.put([target, command]);
  }

  answer<K extends QueryKind>(target: Target, query: Query<K>): Answers[K] | Promise<Answers[K]> {
    this.heard.push([target, query as AnyQuery]);
    const isHere = this.#present.some(present => isSame(present, target));
    return (isHere ? this.answers() : 0) as Answers[K];
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
    expect(this.backplane.publish(target, send(text))).toBe('accepted');
  }

  gather<K extends QueryKind>(target: Target, query: Query<K>): Promise<Gathered<Answers[K]>> {
    return this.backplane.gather(target, query, () => false);
  }

  /** How many connections of the target the others have; all have to answer. */
  async count(target: Target): Promise<number> {
    const { answers, missing } = await this.gather(target, { kind: 'count', filter: undefined });
    expect(missing).toEqual([]);
    return answers.reduce((total, count) => total + count, 0);
  }

  /** Is there one elsewhere? Ends at the first that says so. */
  async exists(target: Target): Promise<Gathered<boolean>> {
    return this.backplane.gather(target, { kind: 'exists' }, isTrue => isTrue);
  }

  /** Waits for the message; all that this publisher sent to the target before it has been heard then. */
  async hears(text: string): Promise<void> {
    await this.#inbox.take(([, request]) => textOf(request) === text);
  }

  /** Texts of the messages heard, in order. */
  get texts(): (string | undefined)[] {
    return this.heard.map(([, request]) => textOf(request));
  }
}

function isSame(a: Target, b: Target): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function send(text: string): Command {
  return {
    kind: 'send',
    message: { kind: 'serverMessage', payload: textPayload(text) },
    excluded: [],
    filter: undefined,
    ttlSeconds: 0,
  };
}

function textOf(request: Command | AnyQuery): string | undefined {
  return request.kind === 'send' && 'payload' in request.message
    ? request.message.payload.bytes.toString('utf8')
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
const messages: readonly PublishedMessage[] = [
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
  { kind: 'groupMessage', group: 'g', fromUserId: '7', payload: textPayload('x'), stream: undefined, event: 'tick' },
  { kind: 'memberAdded', group: 'g', member: { id: '7', about: { idJson: '7', infoJson: '{"a":[null]}', a: [null] } } },
  { kind: 'memberRemoved', group: 'g', member: { id: '__proto__', about: {} } },
  { kind: 'memberCount', group: 'g', count: 101 },
  { kind: 'usersChanged', online: ['é'], offline: [] },
];

export const commands: readonly Command[] = [
  ...messages.map(message => ({ kind: 'send', message, excluded: [], filter: undefined, ttlSeconds: 0 }) as const),
  {
    kind: 'send',
    message: { kind: 'serverMessage', payload: textPayload('x') },
    excluded: ['c1', 'c2'],
    filter: "userId eq 'é'",
    ttlSeconds: 300,
  },
  { kind: 'send', message: messages[2]!, excluded: [], filter: undefined, ttlSeconds: 0, keptMs: 1_800_000 },
  { kind: 'send', message: messages[0]!, excluded: ['c1', 'é'], filter: undefined, ttlSeconds: 0 },
  { kind: 'userChanged', userId: 'é' },
  { kind: 'memberChanged', member: { id: '__proto__', about: { a: null } }, isPresent: true, by: 'AbC-_9' },
  { kind: 'memberChanged', member: { id: '7', about: {} }, isPresent: false, by: 'AbC-_9' },
  { kind: 'groupState', item },
  { kind: 'groupState', item: { ...item, userId: undefined, state: undefined } },
];

export const queries: readonly AnyQuery[] = [
  { kind: 'exists' },
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
  { kind: 'states' },
  { kind: 'members' },
  { kind: 'last', group: 'g' },
  { kind: 'onlineUsers', userIds: ['é', ''] },
  { kind: 'groups', names: ['é.*', 'g'], withMembers: true },
  { kind: 'groups', prefix: '', withMembers: false },
];

const lastMessage = {
  kind: 'groupMessage',
  group: 'cache-g',
  fromUserId: undefined,
  payload: { dataType: 'text', bytes: Buffer.from('é'), metadata: undefined },
  stream: undefined,
  event: 'tick',
} as const;

const members = [
  { connectionId: 'c1', userId: 'ann' },
  { connectionId: 'c2', userId: undefined },
];

/** Answers that differ in all that an answer can differ in, by the kind of query. */
export const answered: { readonly [K in QueryKind]: readonly Answers[K][] } = {
  exists: [true, false],
  check: [true, false],
  count: [0, 2 ** 40],
  list: [members, []],
  members: [
    [{ by: 'AbC-_9', members: [{ member: { id: '7', about: { idJson: '7', infoJson: '{}' } }, atMs: 2 ** 41 }] }],
    [],
  ],
  last: [[{ message: lastMessage, atMs: 2 ** 41, ttlMs: 1_800_000 }], []],
  onlineUsers: [['é'], []],
  states: [[item, { ...item, connectionId: 'd', userId: undefined }], []],
  groups: [[{ group: 'é.*', connections: 2, memberIds: ['é', 'ann'] }], []],
  join: [3],
  leave: [3],
  leaveAll: [3],
  close: [3],
  grant: ['done', 'conflict', 'noConnection'],
  revoke: ['done', 'conflict', 'noConnection'],
};

export interface ContractOptions {
  /** Makes the node of this end answer no query from now on, as one that has stopped. */
  silence(end: Backplane): void;
  /** Takes the other nodes out of this end's reach, so that it can neither listen nor publish; returns what restores it. Left out where that cannot happen. */
  cutOff?(end: Backplane): () => void;
}

/**
 * What every backplane promises, as a suite.
 * @param connect gives that many nodes' ends of one new backplane; the suite closes them. What else it starts ends as they do.
 */
export function describeBackplane(
  name: string,
  connect: (count: number, ending: Ending) => Promise<readonly Backplane[]>,
  { silence, cutOff }: ContractOptions,
): void {
  const start = async (count: number, ending: Ending = onTestFinished): Promise<FakeNode[]> => {
    const ends = await connect(count, ending);
    ending(async () => {
      await Promise.all(ends.map(end => end.close()));
    });
    return ends.map(end => new FakeNode(end));
  };

  /** Two nodes, of which the second listens to the group. */
  const pair = async (ending?: Ending): Promise<[FakeNode, FakeNode]> => {
    const [a, b] = (await start(2, ending)) as [FakeNode, FakeNode];
    await b.listen(group);
    return [a, b];
  };

  /** The same pair for several tests of a `describe`. */
  const sharedPair = (): (() => [FakeNode, FakeNode]) => {
    const ending = endOfSuite();
    let nodes: [FakeNode, FakeNode];
    beforeAll(async () => {
      nodes = await pair(ending);
    });
    return () => nodes;
  };

  describe(`${name}: commands`, () => {
    const shared = sharedPair();

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

    test.each(commands.map(command => [command.kind, command] as const))(
      'carry %s as it is',
      async (_kind, command) => {
        const [a, b] = shared();
        a.backplane.publish(group, command);
        a.publish(group, 'end');
        await b.hears('end');
        expect(b.heard.splice(0)[0]).toEqual([group, command]);
      },
    );

    test('that fail at one node are its failure, and neither the publisher’s nor another node’s', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      for (const node of [b, c]) await node.listen(group);
      const fault = new Error('no');
      b.perform = () => {
        throw fault;
      };
      a.publish(group, 'x');
      await c.hears('x');
      await a.count(group); // both have had what came before it
      expect([b.failures, c.failures]).toEqual([[fault], []]);
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
    const shared = sharedPair();

    test('gather what the other nodes found', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      for (const node of [a, b, c]) await node.listen(group);
      b.answers = () => members;
      c.answers = () => Promise.resolve([]);
      const { answers, missing } = await a.gather(group, { kind: 'list', after: undefined, limit: 9 });
      expect([...answers].sort((one, other) => one.length - other.length)).toEqual([[], members]);
      expect(missing).toEqual([]);
      expect([a.heard.length, b.heard.length, c.heard.length]).toEqual([0, 1, 1]);
    });

    test('of a single node gather nothing', async () => {
      const [a] = (await start(1)) as [FakeNode];
      await a.listen(group);
      expect(await a.gather(group, { kind: 'count', filter: undefined })).toEqual({ answers: [], missing: [] });
    });

    test('find nothing where nobody listens', async () => {
      const [a] = await pair();
      for (const target of targets.filter(other => !isSame(other, group))) expect(await a.count(target)).toBe(0);
    });

    test('find each target, whatever its name', async () => {
      const [a, b] = (await start(2)) as [FakeNode, FakeNode];
      for (const target of targets) {
        await b.listen(target);
        expect(await a.count(target)).toBe(1);
        b.unlisten(target);
      }
      expect(b.heard.map(([target]) => target)).toEqual(targets);
    });

    test('wait until the change is done', async () => {
      const [a, b] = await pair();
      let finish = (_connections: number) => {};
      const asked = new Promise<void>(resolve => {
        b.answers = () => {
          resolve();
          return new Promise(done => {
            finish = done;
          });
        };
      });
      let isSettled = false;
      const gathered = a.gather(group, { kind: 'join', groups: ['h'], filter: undefined }).finally(() => {
        isSettled = true;
      });
      await asked;
      expect(isSettled).toBe(false);
      finish(2);
      expect(await gathered).toEqual({ answers: [2], missing: [] });
    });

    test('of several callers are answered each to its own', async () => {
      const [a, b] = await pair();
      await a.listen(group);
      a.answers = () => 10;
      b.answers = () => 20;
      const counts = await Promise.all([a, b, a, b, a].map(node => node.count(group)));
      expect(counts).toEqual([20, 10, 20, 10, 20]);
    });

    test.each(queries.map(query => [query.kind, query] as const))('carry %s as it is', async (kind, query) => {
      const [a, b] = shared();
      for (const answer of answered[kind]) {
        b.answers = () => answer;
        expect(await a.gather(group, query)).toEqual({ answers: [answer], missing: [] });
        expect(b.heard.splice(0)).toEqual([[group, query]]);
      }
    });

    test('keep their place among the commands of their node', async () => {
      const [a, b] = await pair();
      for (let round = 0; round < 50; round += 1) {
        a.publish(group, `${round}`);
        void a.exists(group);
      }
      a.publish(group, 'end');
      await b.hears('end');
      const heard = b.heard.map(([, request]) => textOf(request) ?? request.kind);
      expect(heard).toEqual([...Array.from({ length: 50 }, (_, round) => [`${round}`, 'exists']).flat(), 'end']);
    });
  });

  describe(`${name}: a query with a final answer`, () => {
    /** Three nodes, of which the second and third listen to the group. */
    const trio = async (): Promise<[FakeNode, FakeNode, FakeNode]> => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      for (const node of [b, c]) await node.listen(group);
      return [a, b, c];
    };

    test('ends at the first, whichever node gives it, and waits for nobody else', async () => {
      const [a, b, c] = await trio();
      for (const [quick, slow] of [
        [b, c],
        [c, b],
      ] as const) {
        quick.answers = () => Promise.resolve(true);
        slow.answers = () => new Promise(() => {});
        expect(await a.exists(group)).toEqual({ answers: [true], missing: [] });
      }
    });

    test('that is not the first waits for it', async () => {
      const [a, b, c] = await trio();
      for (const [no, yes] of [
        [b, c],
        [c, b],
      ] as const) {
        no.answers = () => false;
        yes.answers = () => Promise.resolve(true);
        const { answers, missing } = await a.exists(group);
        expect([answers.includes(true), missing]).toEqual([true, []]);
      }
    });

    test.each([0, 1])('misses nobody, though the other %s is silent', async silent => {
      const [a, ...others] = await trio();
      silence(others[silent]!.backplane);
      others[1 - silent]!.answers = () => Promise.resolve(true);
      expect(await a.exists(group)).toMatchObject({ missing: [] });
    });
  });

  describe(`${name}: a node that does not answer`, () => {
    test('is missing by a name of its own, and the others’ answers are there', async () => {
      const [a, b, c, d] = (await start(4)) as [FakeNode, FakeNode, FakeNode, FakeNode];
      for (const node of [b, c, d]) await node.listen(group);
      for (const node of [b, d]) silence(node.backplane);
      const { answers, missing } = await a.gather(group, { kind: 'count', filter: undefined });
      expect([answers, new Set(missing).size, missing.length]).toEqual([[1], 2, 2]);
      expect(missing.every(node => node !== '')).toBe(true);
    });

    test.each([
      [
        'throws',
        () => {
          throw new Error('no');
        },
      ],
      ['rejects', () => Promise.reject(new Error('no'))],
    ] as const)('because its performer %s is missing too, and has the error', async (_how, answer) => {
      const [a, b] = await pair();
      b.answers = answer;
      const { answers, missing } = await a.gather(group, { kind: 'count', filter: undefined });
      expect([answers, missing.length]).toEqual([[], 1]);
      expect(b.failures).toEqual([new Error('no')]);
      b.answers = () => 1;
      expect(await a.count(group)).toBe(1);
    });
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
      expect(await a.count(group)).toBe(1);
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

  describe(`${name}: interest is counted`, () => {
    test('what is listened to twice is heard once, until both have ended', async () => {
      const [a, b] = await pair();
      await b.listen(group);
      a.publish(group, 'x');
      b.unlisten(group);
      a.publish(group, 'y');
      a.publish(group, 'end');
      await b.hears('end');
      expect(b.texts).toEqual(['x', 'y', 'end']);
      expect(await a.count(group)).toBe(1);
      b.unlisten(group);
      expect(await a.count(group)).toBe(0);
    });

    test('listening again to what is in force already takes effect within the call', async () => {
      const [, b] = await pair();
      expect(b.backplane.listen(group)).toBeUndefined();
    });

    test('a backplane that listens at once gives no promise', async () => {
      const [a] = (await start(1)) as [FakeNode];
      const promises = targets.map(target => a.backplane.listen(target)).filter(promise => promise !== undefined);
      if (a.backplane.listensAtOnce) expect(promises).toEqual([]);
      await Promise.all(promises);
    });
  });

  if (cutOff !== undefined) {
    describe(`${name}: a node that is cut off`, () => {
      test('is told that it cannot listen, and can once it is back', async () => {
        const [a, b] = (await start(2)) as [FakeNode, FakeNode];
        const restore = cutOff(b.backplane);
        await expect(b.listen(group)).rejects.toThrow();
        b.unlisten(group);
        restore();
        await b.listen(group);
        a.publish(group, 'x');
        await b.hears('x');
        expect(await a.count(group)).toBe(1);
      });

      test('is told that a command is shed, which nobody gets', async () => {
        const [a, b] = await pair();
        const restore = cutOff(a.backplane);
        expect(a.backplane.publish(group, send('shed'))).toBe('shed');
        restore();
        a.publish(group, 'x');
        await b.hears('x');
        expect(b.texts).toEqual(['x']);
      });
    });
  }

  describe(`${name}: the end`, () => {
    test('a closed node hears nothing and answers nothing', async () => {
      const [a, b, c] = (await start(3)) as [FakeNode, FakeNode, FakeNode];
      for (const node of [b, c]) await node.listen(group);
      await b.backplane.close();
      a.publish(group, 'x');
      await c.hears('x');
      expect((await a.gather(group, { kind: 'count', filter: undefined })).answers).toHaveLength(1);
      expect(b.heard).toEqual([]);
    });
  });
}
