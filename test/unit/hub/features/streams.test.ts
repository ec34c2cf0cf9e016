import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  defaultIdleTimeoutMs,
  maxOpenStreams,
  type StreamOutput,
  type StreamState,
  Streams,
  step,
} from '../../../../src/hub/features/streams.js';
import type { StreamRecord } from '../../../../src/hub/session.js';
import { jsonReliable } from '../../../../src/protocols/webpubsub/json/index.js';
import { simpleEvents } from '../../../../src/protocols/webpubsub/simple.js';
import { TestNode, textPayload } from '../../../support/fake-ports.js';
import { ManualClock } from '../../../support/manual-clock.js';

const payload = textPayload('x');

/** What came out, in short. */
function short(output: StreamOutput): string {
  if (output.to === 'group') {
    const { group, payload, position } = output;
    const { sequenceId, isEnd, error } = position;
    const text = `${payload.dataType} ${JSON.stringify(payload.bytes.toString())}`;
    return `${group} ← ${sequenceId} ${text}${isEnd ? ' end' : ''}${error ? ` ${error.name}` : ''}`;
  }
  const { notice } = output;
  if (notice.kind === 'streamClosed') return `closed ${notice.error?.name ?? 'well'}`;
  return notice.kind === 'streamAck'
    ? `ack ${notice.expectedSequenceId}`
    : `nack ${notice.expectedSequenceId} ${notice.error.name}`;
}

describe('[client-protocols 4.8] one stream', () => {
  const at = (expected: bigint): StreamState => ({ streamId: 's', group: 'g', noEcho: false, expected });
  const fragment = (sequenceId: bigint) => ({ kind: 'fragment', sequenceId, payload }) as const;
  const run = (expected: bigint, input: Parameters<typeof step>[1]) => {
    const { state, isSignOfLife, outputs } = step(at(expected), input);
    return { expected: state?.expected, isSignOfLife, outputs: outputs.map(short) };
  };

  test('[CP-095] the start is acked with 1; the expected fragment is published, then acked with the next', () => {
    expect(run(1n, { kind: 'start' })).toEqual({ expected: 1n, isSignOfLife: true, outputs: ['ack 1'] });
    expect(run(1n, fragment(1n))).toEqual({
      expected: 2n,
      isSignOfLife: true,
      outputs: ['g ← 1 text "x"', 'ack 2'],
    });
  });

  test.each([0n, 1n, 4n])('[CP-096] fragment %s of those before 5 is acked again, and that is all', sequenceId => {
    expect(run(5n, fragment(sequenceId))).toEqual({ expected: 5n, isSignOfLife: false, outputs: ['ack 5'] });
  });

  test.each([6n, 2n ** 64n - 1n])('[CP-097] fragment %s beyond 5 is refused, and the stream goes on', sequenceId => {
    expect(run(5n, fragment(sequenceId))).toEqual({
      expected: 5n,
      isSignOfLife: false,
      outputs: ['nack 5 InvalidSequenceId'],
    });
  });

  test('a keep-alive says nothing', () => {
    expect(run(5n, { kind: 'keepAlive' })).toEqual({ expected: 5n, isSignOfLife: true, outputs: [] });
  });

  test.each([
    ['[CP-098]', { kind: 'end', error: undefined } as const, ['g ← 5 text "" end', 'closed well']],
    [
      '[CP-099]',
      { kind: 'end', error: { message: 'm', userErrorCode: 'c' } } as const,
      ['g ← 5 text "" end UserError', 'closed well'],
    ],
    ['[CP-100]', { kind: 'idle' } as const, ['g ← 5 text "" end IdleTimeout', 'closed IdleTimeout']],
    ['[client-protocols D22]', { kind: 'cancel' } as const, ['g ← 5 text "" end Cancelled']],
  ])('%s %o closes it, with a last message whose id is the next one', (_id, input, outputs) => {
    expect(run(5n, input)).toEqual({ expected: undefined, isSignOfLife: false, outputs });
  });

  test('[CP-099] the publisher’s own words are passed on', () => {
    const error = { message: 'm', userErrorCode: 'c' };
    const [last] = step(at(1n), { kind: 'end', error }).outputs;
    expect(last).toMatchObject({ position: { error: { name: 'UserError', ...error } } });
  });

  test('whatever is sent in whatever order: each fragment once, in order, and acks never go back', () => {
    const ids = fc.array(fc.bigInt({ min: 0n, max: 12n }), { maxLength: 60 });
    fc.assert(
      fc.property(ids, arriving => {
        let state = at(1n);
        const published: bigint[] = [];
        let lastAck = 1n;
        for (const sequenceId of arriving) {
          const next = step(state, fragment(sequenceId));
          state = next.state as StreamState;
          for (const output of next.outputs) {
            if (output.to === 'group') published.push(output.position.sequenceId);
            else if (output.notice.kind === 'streamAck') {
              expect(output.notice.expectedSequenceId).toBeGreaterThanOrEqual(lastAck);
              lastAck = output.notice.expectedSequenceId;
            }
          }
        }
        expect(published).toEqual(published.map((_, index) => BigInt(index + 1)));
        expect(state.expected).toBe(BigInt(published.length + 1));
      }),
    );
  });
});

describe('the streams of a session', () => {
  let clock: ManualClock;
  let out: string[];
  let isShed: boolean;
  let streams: Streams;

  beforeEach(() => {
    clock = new ManualClock();
    out = [];
    isShed = false;
    streams = new Streams(clock, output => {
      if (isShed && output.to === 'group') return 'shed';
      out.push(short(output));
      return 'accepted';
    });
  });

  const take = () => out.splice(0);
  const start = (streamId = 's', more: { idleTimeoutMs?: number; isAllowed?: boolean } = {}) => {
    const { idleTimeoutMs, isAllowed = true } = more;
    streams.start({ kind: 'streamStart', streamId, group: 'g', noEcho: false, idleTimeoutMs }, isAllowed);
    return take();
  };
  const data = (sequenceId?: bigint, streamId = 's') => {
    const fragment = sequenceId === undefined ? undefined : { sequenceId, payload };
    streams.data({ kind: 'streamData', streamId, fragment });
    return take();
  };
  const end = (streamId = 's') => {
    streams.end({ kind: 'streamEnd', streamId, error: undefined });
    return take();
  };

  test('[CP-101] a start that is not allowed is closed at once, and nothing is open', () => {
    expect(start('s', { isAllowed: false })).toEqual(['closed Forbidden']);
    expect(data(1n)).toEqual(['closed StreamNotFound']);
    expect(clock.pending).toBe(0);
  });

  test('one whose fragment cannot be passed on is closed, and its id is free', () => {
    start();
    isShed = true;
    expect(data(1n)).toEqual(['closed InternalServerError']);
    expect(clock.pending).toBe(0);
    isShed = false;
    expect([data(2n), start()]).toEqual([['closed StreamNotFound'], ['ack 1']]);
  });

  test('one whose end cannot be passed on has ended all the same, in time too', async () => {
    start('ended');
    start('idle');
    isShed = true;
    expect(end('ended')).toEqual(['closed InternalServerError']);
    await clock.advanceAsync(defaultIdleTimeoutMs);
    expect(take()).toEqual(['closed InternalServerError']);
    expect(clock.pending).toBe(0);
  });

  test('[client-protocols 4.8] an unknown id is StreamNotFound: data, keep-alive and end', () => {
    expect([data(1n), data(), end()]).toEqual(Array(3).fill(['closed StreamNotFound']));
  });

  test('[client-protocols 4.8] an id is the stream’s own while it is open, and free afterwards', () => {
    start();
    data(1n);
    expect(start()).toEqual(['closed BadRequest']);
    expect(data(2n)).toEqual(['g ← 2 text "x"', 'ack 3']);
    expect(end()).toEqual(['g ← 3 text "" end', 'closed well']);
    expect(start()).toEqual(['ack 1']);
    expect(data(1n)).toEqual(['g ← 1 text "x"', 'ack 2']);
  });

  test('streams do not share their numbers', () => {
    start('a');
    start('b');
    data(1n, 'a');
    expect(data(1n, 'b')).toEqual(['g ← 1 text "x"', 'ack 2']);
  });

  test('a session has room for 100; one that closes makes room', () => {
    for (let index = 0; index < maxOpenStreams; index += 1) expect(start(`${index}`)).toEqual(['ack 1']);
    expect(start('more')).toEqual(['closed BadRequest']);
    end('0');
    expect(start('more')).toEqual(['ack 1']);
  });

  test('idleTimeoutMs 0 is BadRequest', () => {
    expect(start('s', { idleTimeoutMs: 0 })).toEqual(['closed BadRequest']);
  });

  test.each([
    ['by default', undefined, defaultIdleTimeoutMs],
    ['as asked', 1_500, 1_500],
    ['however long', 2 ** 32, 2 ** 32],
  ])('[CP-100] silence %s: everybody is told, and the id is free', (_title, idleTimeoutMs, expected) => {
    start('s', idleTimeoutMs === undefined ? {} : { idleTimeoutMs });
    clock.advance(expected - 1);
    expect(take()).toEqual([]);
    clock.advance(1);
    expect(take()).toEqual(['g ← 1 text "" end IdleTimeout', 'closed IdleTimeout']);
    expect(data(1n)).toEqual(['closed StreamNotFound']);
    expect(clock.pending).toBe(0);
  });

  test('a stream may be silent for as long as a client can ask', () => {
    start('s', { idleTimeoutMs: Number(2n ** 64n - 1n) });
    clock.advance(2 ** 40);
    expect(take()).toEqual([]);
  });

  test.each([
    ['a fragment that is next', () => data(1n), true],
    ['a keep-alive', () => data(), true],
    ['a fragment sent again', () => data(0n), false],
    ['a fragment too far', () => data(9n), false],
  ])('[CP-100] %s begins the wait anew: %s', (_title, say, isAnew) => {
    start('s', { idleTimeoutMs: 1_000 });
    clock.advance(999);
    say();
    clock.advance(1);
    expect(take().some(text => text.includes('IdleTimeout'))).toBe(!isAnew);
    clock.advance(998);
    expect(data().includes('closed StreamNotFound')).toBe(!isAnew);
    clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  test('[client-protocols D22] at the end of the session all are cancelled', () => {
    start('a');
    start('b');
    data(1n, 'b');
    streams.cancel();
    expect(take()).toEqual(['g ← 1 text "" end Cancelled', 'g ← 2 text "" end Cancelled']);
    expect(clock.pending).toBe(0);
    streams.cancel();
    expect(take()).toEqual([]);
  });
});

describe('a record', () => {
  test('goes on at the same fragments, with what is left of each idle timeout', () => {
    const [here, there] = [new ManualClock(), new ManualClock()];
    there.advance(700_000);
    const out: string[] = [];
    const emit = (output: StreamOutput) => {
      out.push(short(output));
      return 'accepted' as const;
    };
    const [original, copy] = [new Streams(here, emit), new Streams(there, emit)];
    for (const [streamId, idleTimeoutMs] of [['long', 2 ** 32] as const, ['short', 1_000] as const]) {
      original.start({ kind: 'streamStart', streamId, group: streamId, noEcho: true, idleTimeoutMs }, true);
    }
    original.data({ kind: 'streamData', streamId: 'long', fragment: { sequenceId: 1n, payload } });
    here.advance(400);
    const record = JSON.parse(JSON.stringify(original.record())) as StreamRecord[];
    original.abandon();
    here.advance(2 ** 33);
    expect(here.pending).toBe(0);
    out.length = 0;

    copy.restore(record, there.monotonicMs());
    copy.data({ kind: 'streamData', streamId: 'long', fragment: { sequenceId: 2n, payload } });
    there.advance(599);
    expect(out.splice(0)).toEqual(['long ← 2 text "x"', 'ack 3']);
    there.advance(1);
    expect(out.splice(0)).toEqual(['short ← 1 text "" end IdleTimeout', 'closed IdleTimeout']);
    there.advance(2 ** 32 - 601);
    expect(out).toEqual([]);
    there.advance(1);
    expect(out).toEqual(['long ← 3 text "" end IdleTimeout', 'closed IdleTimeout']);
    expect(there.pending).toBe(0);
  });
});

describe('in a hub', () => {
  const publisher = { roles: ['webpubsub.sendToGroup'], userId: 'ann' };
  const startMessage = { type: 'sendToGroup', group: 'g', stream: { streamId: 's' } };
  const fragment = (streamSequenceId: number) => ({
    type: 'streamData',
    streamId: 's',
    streamSequenceId,
    dataType: 'text',
    data: 'x',
  });
  const cancelled = (streamSequenceId: number) =>
    `{"type":"message","from":"group","group":"g","fromUserId":"ann","dataType":"text","data":"","stream":{"streamId":"s","streamSequenceId":${streamSequenceId},"endOfStream":true,"error":{"name":"Cancelled","message":"the publisher is gone"}}}`;

  test('[client-protocols D22] the end of a plain connection cancels; that of a reliable one after the window', () => {
    const node = new TestNode();
    const member = node.open({ groups: ['g'] });
    for (const protocol of [undefined, jsonReliable]) {
      const client = node.open({ ...publisher, ...(protocol && { protocol }) });
      client.say(startMessage);
      client.say(fragment(1));
      member.heard();
      node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
      expect(member.heard()).toEqual(protocol ? [] : [cancelled(2)]);
      if (protocol === undefined) continue;
      node.clock.advance(node.recoveryWindowMs);
      expect(member.heard()).toEqual([cancelled(2)]);
    }
    expect(node.clock.pending).toBe(0);
  });

  test('a simple receiver hears the contents, and nothing of the end', () => {
    const node = new TestNode();
    const simple = node.open({ protocol: simpleEvents, groups: ['g'] });
    const client = node.open(publisher);
    client.say(startMessage);
    client.say(fragment(1));
    client.say({ type: 'streamEnd', streamId: 's' });
    expect(simple.heard()).toEqual(['x']);
  });

  test('noEcho spares the publisher every message of the stream, its end too', () => {
    const node = new TestNode();
    const client = node.open({ ...publisher, groups: ['g'] });
    client.say({ ...startMessage, noEcho: true });
    client.say(fragment(1));
    client.say({ type: 'streamEnd', streamId: 's' });
    const acks = [1, 2].map(expected => `{"type":"streamAck","streamId":"s","expectedSequenceId":${expected}}`);
    expect(client.heard()).toEqual([...acks, '{"type":"streamClosed","streamId":"s"}']);
  });

  test('a publisher whose own copies overflow its buffer is ended once, and its stream with it', () => {
    const node = new TestNode();
    const member = node.open({ groups: ['g'] });
    const client = node.open({ ...publisher, groups: ['g'], protocol: jsonReliable });
    client.say(startMessage);
    for (let id = 1; id <= 1_001; id += 1) client.say(fragment(id));
    expect(client.outlet.closed).toMatchObject({ code: 1008 });
    expect(member.heard().filter(text => text.includes('endOfStream'))).toEqual([cancelled(1_002)]);
    expect(node.clock.pending).toBe(0);
  });

  test('[CP-101] the permission counts at the start alone', async () => {
    const node = new TestNode();
    const member = node.open({ groups: ['g'] });
    const client = node.open(publisher);
    client.say(startMessage);
    await node.chat.revokePermission(client.id, 'sendToGroup', 'g');
    client.say(fragment(1));
    expect(member.heard()).toHaveLength(1);
    client.say({ type: 'sendToGroup', group: 'g', stream: { streamId: 't' } });
    expect(client.heard().at(-1)).toContain('"Forbidden"');
  });
});
