import { describe, expect, test } from 'vitest';
import { BadEnvelope } from '../../../../src/backplane/nats/bad-envelope.js';
import { EnvelopeWriter, readEnvelope } from '../../../../src/backplane/nats/envelope.js';
import { frameOf, type Signer } from '../../../../src/backplane/nats/frame.js';
import { KeySigner } from '../../../../src/backplane/nats/key-signer.js';
import type { QueryKind } from '../../../../src/hub/commands.js';
import { answered, commands, queries, targets } from '../../../support/backplane-contract.js';
import { ManualClock } from '../../../support/manual-clock.js';

const clock = new ManualClock();

const from = 'AbC-_9';
const writer = new EnvelopeWriter(from, undefined);
const [target] = targets as [(typeof targets)[0]];

function flawOf(bytes: Uint8Array, signer?: Signer): string {
  try {
    readEnvelope(bytes, signer);
    return 'none';
  } catch (error) {
    if (error instanceof BadEnvelope) return error.flaw;
    throw error;
  }
}

describe('[cluster 3.3] what is written is read as it was', () => {
  test('any number of commands', () => {
    const read = readEnvelope(writer.commands(7, target, commands), undefined);
    expect(read).toEqual({ kind: 'commands', from, number: 7, target, commands });
  });

  test.each(targets)('target %j', to => {
    expect(readEnvelope(writer.commands(1, to, []), undefined)).toMatchObject({ target: to });
  });

  test.each(queries.map(query => [query.kind, query] as const))('query %s', (_kind, query) => {
    const read = readEnvelope(writer.query(9, target, query), undefined);
    expect(read).toStrictEqual({ kind: 'query', from, id: 9, target, query });
  });

  test.each(Object.keys(answered) as QueryKind[])('answers to %s', kind => {
    for (const answer of answered[kind]) {
      const read = readEnvelope(writer.answer(3, kind, answer), undefined);
      expect(read).toMatchObject({ kind: 'answer', from, id: 3 });
      expect(read.kind === 'answer' && read.answer?.read(kind)).toEqual(answer);
    }
  });

  test('a failure, a barrier, what has passed it, a hello, a bye, a part', () => {
    const about = {
      number: 5,
      name: 'east',
      formats: [1],
      isDraining: true,
      isNew: false,
      formerTag: 'AbC-_8',
      replaced: 'cccccc',
    };
    const bytes = Buffer.from('whatever');
    const written = [
      writer.failure(3),
      writer.barrier(8),
      writer.passed(8, { late: [1, 2], isNew: true }),
      writer.passed(9, { late: [], isNew: false }),
      writer.hello(about),
      writer.bye(),
      writer.part(5, 1, 3, bytes),
    ];
    expect(written.map(each => readEnvelope(each, undefined))).toEqual([
      { kind: 'answer', from, id: 3, answer: undefined },
      { kind: 'barrier', from, round: 8 },
      { kind: 'passed', from, round: 8, passing: { late: [1, 2], isNew: true } },
      { kind: 'passed', from, round: 9, passing: { late: [], isNew: false } },
      { kind: 'hello', from, hello: about },
      { kind: 'bye', from },
      { kind: 'part', from, number: 5, index: 1, of: 3, bytes },
    ]);
  });

  test('payloads are bodies: neither base64 nor JSON of their own', () => {
    const bytes = writer.commands(1, target, commands.slice(0, 1));
    const [{ message }] = commands as unknown as [{ message: { payload: { bytes: Buffer } } }];
    expect(bytes.subarray(-256)).toEqual(message.payload.bytes);
    expect(bytes.readUInt32BE(1)).toBe(bytes.length - 5 - 256);
  });
});

/** The operations of an envelope, as they are in its head. */
function operationsIn(envelope: Buffer): unknown {
  return JSON.parse(envelope.toString('utf8', 5, 5 + envelope.readUInt32BE(1))).o;
}

describe('[cluster 3.3] the commonest commands are lists', () => {
  const payload = { dataType: 'json', bytes: Buffer.from('{}'), metadata: undefined } as const;
  const server = { kind: 'serverMessage', payload } as const;
  const inGroup = { kind: 'groupMessage', group: 'é.*', fromUserId: undefined, payload } as const;
  const message = { ...inGroup, stream: undefined, event: undefined };
  const send = { kind: 'send', message, excluded: [], filter: undefined, ttlSeconds: 0, keptMs: undefined } as const;

  test.each([
    [send, [1, 2, 'é.*', 0]],
    [{ ...send, message: { ...message, fromUserId: 'ann' }, excluded: ['c1', 'c2'] }, [1, 2, 'é.*', 'ann', 'c1', 'c2']],
    [{ ...send, message: { ...message, fromUserId: '' } }, [1, 2, 'é.*', '']],
    [{ ...send, message: server }, [1, 2, 0, 0]],
    [{ ...send, message: server, excluded: ['c1'] }, [1, 2, 0, 0, 'c1']],
  ])('%j', (command, operation) => {
    const envelope = writer.commands(1, target, [command, command]);
    expect(operationsIn(envelope)).toEqual([operation, operation]);
    expect(readEnvelope(envelope, undefined)).toStrictEqual({
      ...{ kind: 'commands', from, number: 1, target },
      commands: [command, command],
    });
  });

  test.each([
    { ...send, filter: "userId eq 'ann'" },
    { ...send, ttlSeconds: 1 },
    { ...send, keptMs: 0 },
    { ...send, message: { ...message, event: 'tick' } },
    { ...send, message: { ...message, stream: { streamId: 's', sequenceId: 1n, isEnd: false, error: undefined } } },
    { ...send, message: { ...server, payload: { ...payload, metadata: new Map([['a', 'b']]) } } },
  ])('one with more is none, case %#', command => {
    const envelope = writer.commands(1, target, [command]);
    expect(operationsIn(envelope)).toMatchObject([{ kind: 'send' }]);
    expect(readEnvelope(envelope, undefined)).toMatchObject({ commands: [command] });
  });
});

describe('[cluster 3.3] what is no envelope has its flaw', () => {
  const head = { f: from, n: 1, t: { h: 'chat' }, o: [{ kind: 'userChanged', userId: 'ann' }] };
  const framed = (changed: object) => frameOf({ ...head, ...changed }, [], undefined);

  test('as the head is, it is an envelope', () => {
    expect(flawOf(framed({}))).toBe('none');
    expect(flawOf(framed({ later: 'field of a later version' }))).toBe('none');
  });

  test.each([
    ['a tag that is none', { f: 'AbC.*>' }],
    ['no tag', { f: undefined }],
    ['a number that is none', { n: '1' }],
    ['a number below 0', { n: -1 }],
    ['no target', { t: undefined }],
    ['a target without a hub', { t: { g: 'g' } }],
    ['operations that are no list', { o: {} }],
    ['an operation that is none', { o: [null] }],
    ['an unknown operation', { o: [{ kind: 'toString' }] }],
    ['an operation without a field', { o: [{ kind: 'userChanged' }] }],
    ['a field of another type', { o: [{ kind: 'userChanged', userId: 7 }] }],
    ['two queries at once', { q: 1, o: [{ kind: 'exists' }, { kind: 'exists' }] }],
    ['a list of less than a message', { o: [[0, 0, 'g']] }],
    ['a type of payload that is none', { o: [[4, 0, 'g', 0]] }],
    ['a type of payload that is a name', { o: [['length', 0, 'g', 0]] }],
    ['a group that is none', { o: [[0, 0, 1, 0]] }],
    ['a user that is none', { o: [[0, 0, 'g', null]] }],
    ['an excluded one that is none', { o: [[0, 0, 'g', 0, 7]] }],
    ['a body of a list that is not there', { o: [[0, 1, 'g', 0]] }],
    ['a body that is not there', { o: [sendOf(5)] }],
    ['a body of a negative length', { o: [sendOf(-5)] }],
  ])('head: %s', (_what, changed) => {
    expect(flawOf(framed(changed))).toBe('head');
  });

  test.each([
    ['bodies that the head does not have', frameOf(head, [Buffer.from('x')], undefined)],
    ['no kind', frameOf({ f: from }, [], undefined)],
    ['no object', frameOf([], [], undefined)],
    ['a sequence id above 64 bits', frameOf({ ...head, o: [streamed('1'.repeat(21))] }, [], undefined)],
    ['no JSON', Buffer.from('\x01\0\0\0\x02{x')],
    ['a head longer than all', Buffer.from('\x01\xff\xff\xff\xff{}', 'latin1')],
    ['less than a length', Buffer.from('\x01\0')],
  ])('head: %s', (_what, bytes) => {
    expect(flawOf(bytes)).toBe('head');
  });

  test.each([Buffer.alloc(0), Buffer.from('\x02\0\0\0\x02{}'), Buffer.from('{"f":1}')])('format: %j', bytes => {
    expect(flawOf(bytes)).toBe('format');
  });

  test('[cluster 10] signature: none, a wrong one, one of other bytes, one where none is', () => {
    const signer = new KeySigner({ primary: 'first', secondary: undefined }, clock);
    const other = new KeySigner({ primary: 'other', secondary: undefined }, clock);
    const signed = new EnvelopeWriter(from, signer).bye();
    expect(flawOf(signed, signer)).toBe('none');
    expect(flawOf(writer.bye(), signer)).toBe('signature');
    expect(flawOf(signed, other)).toBe('signature');
    for (let at = 1; at < signed.length; at += 1) {
      const changed = Buffer.from(signed);
      changed[at] = changed[at]! ^ 1;
      expect(flawOf(changed, signer)).toBe('signature');
    }
    expect(flawOf(signed)).toBe('head');
  });

  test('[cluster 10] keys are changed one after the other without a pause', () => {
    const keys = { primary: 'old', secondary: 'new' as string | undefined };
    const before = new EnvelopeWriter(from, new KeySigner({ ...keys }, clock)).bye();
    const receiver = new KeySigner(keys, clock);
    expect(flawOf(before, receiver)).toBe('none');
    Object.assign(keys, { primary: 'new', secondary: 'old' });
    expect(flawOf(before, receiver)).toBe('none');
    const after = new EnvelopeWriter(from, receiver).bye();
    expect(flawOf(after, new KeySigner({ primary: 'new', secondary: undefined }, clock))).toBe('none');
    keys.secondary = 'newer';
    expect(flawOf(before, receiver)).toBe('none');
    clock.advance(60_000);
    expect(flawOf(before, receiver)).toBe('signature');
  });

  test('[cluster 10] so are keys that are replaced twice, of which another node has read the last one only', () => {
    const [keys, othersKeys] = [
      { primary: 'a', secondary: undefined },
      { primary: 'a', secondary: undefined },
    ];
    const [own, other] = [new KeySigner(keys, clock), new KeySigner(othersKeys, clock)];
    const flaws = () => [own, other].map((by, at) => flawOf(new EnvelopeWriter(from, by).bye(), [other, own][at]!));
    keys.primary = 'b';
    expect(flaws()).toEqual(['none', 'none']);
    keys.primary = 'c';
    othersKeys.primary = 'c';
    for (let second = 0; second < 70; second += 1) {
      expect(flaws()).toEqual(['none', 'none']);
      clock.advance(1_000);
    }
  });

  test('[cluster 10] the keys may be an object with getters, as those of the service', () => {
    class Keys {
      get primary() {
        return 'first';
      }
      get secondary() {
        return undefined;
      }
    }
    const signer = new KeySigner(new Keys(), clock);
    expect(flawOf(new EnvelopeWriter(from, signer).bye(), signer)).toBe('none');
  });

  test('[cluster 10] a key that is replaced at once is signed with when the others have read it, and the former one is accepted meanwhile', () => {
    const [keys, othersKeys] = [
      { primary: 'old', secondary: undefined },
      { primary: 'old', secondary: undefined },
    ];
    const [own, other] = [new KeySigner(keys, clock), new KeySigner(othersKeys, clock)];
    const sent = (by: KeySigner) => new EnvelopeWriter(from, by).bye();
    keys.primary = 'new';
    expect([flawOf(sent(own), other), flawOf(sent(other), own)]).toEqual(['none', 'none']);
    clock.advance(5_000);
    othersKeys.primary = 'new';
    expect([flawOf(sent(own), other), flawOf(sent(other), own)]).toEqual(['none', 'none']);
    clock.advance(12_000);
    expect([flawOf(sent(own), other), flawOf(sent(other), own)]).toEqual(['none', 'none']);
    clock.advance(3_000);
    const late = new KeySigner({ primary: 'new', secondary: undefined }, clock);
    expect([flawOf(sent(own), late), flawOf(sent(other), late)]).toEqual(['none', 'none']);
  });
});

function sendOf(bytes: number): object {
  return { kind: 'send', message: { kind: 'serverMessage', payload: { dataType: 'text', bytes } }, ttlSeconds: 0 };
}

function streamed(sequenceId: string): object {
  const stream = { streamId: 's', sequenceId, isEnd: false };
  const message = { kind: 'groupMessage', group: 'g', payload: { dataType: 'text', bytes: 0 }, stream };
  return { kind: 'send', message, ttlSeconds: 0 };
}
