import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { Frame } from '../../../src/frames/frames.js';
import { Connection, type ConnectionEnder, type ConnectionOwner } from '../../../src/hub/connection.js';
import { Permissions } from '../../../src/hub/permissions.js';
import type { Act } from '../../../src/protocols/acts.js';
import type { Protocol, Steps } from '../../../src/protocols/protocol.js';
import { json, jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { simpleEvents } from '../../../src/protocols/webpubsub/simple.js';
import { RecordingOutlet, ScriptedUpstream, settled, textFrame, textPayload } from '../../support/fake-ports.js';

/** Notes what it is asked to do. A request for a group named `wait…` is under way until the test finishes it. */
class HandOwner implements ConnectionOwner, ConnectionEnder {
  readonly log: string[] = [];
  readonly bytes: number[] = [];
  readonly failures: PubSubError[] = [];
  readonly #pending: (() => void)[] = [];

  execute(_connection: Connection, act: Act): Promise<void> | undefined {
    const name = 'group' in act ? act.group : act.kind;
    this.log.push(name);
    return name.startsWith('wait') ? new Promise(resolve => this.#pending.push(resolve)) : undefined;
  }

  fail(connection: Connection, error: PubSubError): void {
    this.log.push(error.kind);
    this.failures.push(error);
    connection.end({ category: 'BadRequest', reason: error.message });
  }

  flush(): void {}

  received(_connection: Connection, bytes: number): void {
    this.bytes.push(bytes);
  }

  /** Ends the oldest request that is under way. */
  async finish(): Promise<void> {
    this.#pending.shift()?.();
    await settled();
  }

  get underWay(): number {
    return this.#pending.length;
  }
}

/** Not numbered. */
const words = new Frame(false, Buffer.from('words of the dialogue'));

function setup(protocol: Protocol = json) {
  const owner = new HandOwner();
  const outlet = new RecordingOutlet();
  const upstream = new ScriptedUpstream().open('chat', 'c');
  const permissions = new Permissions([]);
  const parts = { id: 'c', hub: 'chat', userId: undefined, protocol, permissions, upstream, outlet };
  const connection = new Connection(parts, owner, owner);
  const ask = (group: string, padding = '') => connection.receive(textFrame({ type: 'joinGroup', group, padding }));
  return { owner, outlet, connection, ask, say: (text: string) => connection.receive(textFrame(text)) };
}

describe('[client-protocols 4.1] requests run in the order of their arrival', () => {
  test('at once while nothing is under way', () => {
    const { owner, ask } = setup();
    for (const group of ['a', 'b', 'c']) ask(group);
    expect(owner.log).toEqual(['a', 'b', 'c']);
  });

  test('later ones wait for the one that is under way, and for each other', async () => {
    const { owner, ask } = setup();
    for (const group of ['wait1', 'a', 'wait2', 'b', 'c']) ask(group);
    expect(owner.log).toEqual(['wait1']);
    await owner.finish();
    expect(owner.log).toEqual(['wait1', 'a', 'wait2']);
    ask('d');
    expect(owner.log).toHaveLength(3);
    await owner.finish();
    expect(owner.log).toEqual(['wait1', 'a', 'wait2', 'b', 'c', 'd']);
    ask('e');
    expect(owner.log.at(-1)).toBe('e');
  });

  test('[CP-062] ping is answered while another request is under way', () => {
    const { owner, outlet, ask, say } = setup();
    ask('wait');
    ask('a');
    say('{"type":"ping"}');
    expect(outlet.take()).toEqual(['{"type":"pong"}']);
    expect(owner.log).toEqual(['wait']);
  });

  test('[CP-070] [client-protocols D18] sequenceAck and cancelInvocation do nothing, and wait for nobody', () => {
    const { owner, outlet, ask, say } = setup();
    say('{"type":"sequenceAck","sequenceId":1}');
    ask('wait');
    say('{"type":"sequenceAck","sequenceId":2}');
    say('{"type":"cancelInvocation","invocationId":"1"}');
    expect(owner.log).toEqual(['wait']);
    expect(outlet.frames).toEqual([]);
  });

  test('a frame that is no request takes effect in its turn: what came before is carried out', async () => {
    const { owner, connection, ask, say } = setup();
    ask('wait');
    ask('a');
    say('nonsense');
    ask('b');
    expect(owner.log).toEqual(['wait']);
    expect(connection.isOpen).toBe(true);
    await owner.finish();
    expect(owner.log).toEqual(['wait', 'a', 'malformed']);
    expect(connection.isOpen).toBe(false);
  });

  test('[CP-055] a binary frame fails as such', () => {
    const { owner, connection } = setup();
    connection.receive({ isBinary: true, bytes: Buffer.from('{"type":"ping"}') });
    expect(owner.log).toEqual(['wrongFrameType']);
  });

  test('every frame is counted with its bytes, pings and malformed ones too', () => {
    const { owner, say } = setup();
    for (const text of ['{"type":"ping"}', '{"type":"joinGroup","group":"é"}', 'x']) say(text);
    expect(owner.bytes).toEqual([15, 33, 1]);
  });
});

describe('what a frame amounts to', () => {
  const join = (group: string) => ({ kind: 'join', group }) as const;
  const frame = (bytes: number) => ({ isBinary: false, bytes: Buffer.alloc(bytes) });

  /** A connection whose dialogue amounts each frame to the next of these. */
  function scripted(...script: Steps[]) {
    const dialogue = { ...simpleEvents.begin(), receive: () => script.shift() };
    return setup({ ...simpleEvents, begin: () => dialogue });
  }

  test('nothing, while a packet is incomplete, then several acts, in order', () => {
    const { owner, connection } = scripted(undefined, [join('a'), join('b'), join('c')]);
    connection.receive(frame(1));
    expect(owner.log).toEqual([]);
    connection.receive(frame(1));
    expect(owner.log).toEqual(['a', 'b', 'c']);
  });

  test('acts of one frame wait for each other; words and acknowledgements do not', async () => {
    const { owner, outlet, connection } = scripted([join('wait'), join('b'), { kind: 'say', frames: words }]);
    connection.receive(frame(1));
    expect([owner.log, outlet.take()]).toEqual([['wait'], ['words of the dialogue']]);
    await owner.finish();
    expect(owner.log).toEqual(['wait', 'b']);
  });

  test('the bytes of a frame count once, however many acts wait', () => {
    const acts = Array.from({ length: 100 }, () => join('wait'));
    const { outlet, connection } = scripted(join('wait'), acts, join('one more'));
    connection.receive(frame(0));
    connection.receive(frame(1024 * 1024));
    expect(outlet.flow).toEqual([]);
    connection.receive(frame(1024 * 1024));
    expect(outlet.flow).toEqual(['pause']);
  });

  test('an error ends it in its turn, and what follows in the frame is not carried out', () => {
    const { owner, connection } = scripted([join('a'), new PubSubError('malformed', 'x'), join('b')]);
    connection.receive(frame(1));
    expect(owner.log).toEqual(['a', 'malformed']);
    expect(connection.isAlive).toBe(false);
  });

  test('a dialogue that an entrance has begun goes on', () => {
    const { connection } = setup();
    const dialogue = json.begin();
    const { id, userId, protocol, permissions, upstream } = connection;
    const parts = { id, userId, protocol, dialogue, permissions, upstream, outlet: new RecordingOutlet() };
    expect(new Connection(parts, new HandOwner(), new HandOwner()).dialogue).toBe(dialogue);
  });
});

describe('a connection that holds too much is not read from', () => {
  test('from the 128th waiting request until one of them is taken', async () => {
    const { owner, outlet, ask } = setup();
    ask('wait');
    for (let count = 0; count < 127; count += 1) ask(`wait${count}`);
    expect(outlet.flow).toEqual([]);
    ask('wait-last');
    expect(outlet.flow).toEqual(['pause']);
    ask('came all the same'); // parsed from what had been read before
    expect(outlet.flow).toEqual(['pause']);
    await owner.finish();
    expect(outlet.flow).toEqual(['pause']); // 128 again
    await owner.finish();
    expect(outlet.flow).toEqual(['pause', 'resume']);
    for (let count = 0; count < 2; count += 1) ask('more');
    expect(outlet.flow).toEqual(['pause', 'resume', 'pause']);
  });

  test('[F4] from 2 MiB of requests, the one under way included', async () => {
    const { owner, outlet, ask } = setup();
    ask('wait');
    const mebibyte = 'x'.repeat(1024 * 1024);
    ask('wait2', mebibyte);
    expect(outlet.flow).toEqual([]);
    ask('a', mebibyte);
    expect(outlet.flow).toEqual(['pause']);
    await owner.finish();
    expect(owner.log).toEqual(['wait', 'wait2']);
    expect(outlet.flow).toEqual(['pause']);
    await owner.finish();
    expect(outlet.flow).toEqual(['pause', 'resume']);
    expect(owner.log).toEqual(['wait', 'wait2', 'a']);
    ask('wait3');
    ask('b', mebibyte);
    expect(outlet.flow).toEqual(['pause', 'resume']); // nothing of the old count is left
  });

  test('one that has ended is neither paused nor resumed', async () => {
    const { owner, outlet, connection, ask } = setup();
    ask('wait');
    for (let count = 0; count < 128; count += 1) ask('a');
    connection.end({ category: 'Normal', reason: '' });
    await owner.finish();
    expect(outlet.flow).toEqual(['pause']);
    expect(owner.log).toEqual(['wait']);
  });
});

describe('the end', () => {
  test('hands out the way out once', () => {
    const { outlet, connection } = setup();
    expect(connection.end({ category: 'Normal', reason: 'a' })).toEqual({ outlet });
    expect(connection.end({ category: 'Normal', reason: 'b' })).toBeUndefined();
    expect(connection.isOpen).toBe(false);
  });

  test('nothing is read, carried out or sent afterwards', async () => {
    const { owner, outlet, connection, ask, say } = setup();
    ask('wait');
    ask('a');
    connection.end({ category: 'Normal', reason: '' });
    ask('b');
    say('{"type":"ping"}');
    await owner.finish();
    connection.say(words);
    expect(owner.log).toEqual(['wait']);
    expect(owner.bytes).toHaveLength(2);
    expect(outlet.frames).toEqual([]);
  });
});

describe('[client-protocols 5.2] a reliable connection outlives its socket', () => {
  const data = (text: string) => ({ kind: 'serverMessage', payload: textPayload(text) }) as const;
  const wire = (text: string, sequenceId: number) =>
    `{"type":"message","from":"server","dataType":"text","data":"${text}","sequenceId":${sequenceId}}`;
  const reliable = () => setup(jsonReliable);
  const nothing = () => {};

  test('[CP-076] data is numbered, the rest is not', () => {
    const { connection, outlet } = reliable();
    connection.tell(data('a'));
    connection.say(words);
    connection.tell(data('b'));
    expect(outlet.take()).toEqual([wire('a', 1), 'words of the dialogue', wire('b', 2)]);
  });

  test('[CP-079] suspended, it is alive, reads nothing, and keeps data; what is not data is lost', () => {
    const { owner, connection, outlet, ask } = reliable();
    connection.suspend(nothing);
    expect([connection.isOpen, connection.isAlive, connection.isOn(outlet)]).toEqual([false, true, false]);
    ask('a');
    connection.say(words);
    connection.tell(data('kept'));
    expect([owner.log, outlet.frames]).toEqual([[], []]);
    const next = new RecordingOutlet();
    connection.resume(next);
    connection.replay(() => 0);
    expect(next.take()).toEqual([wire('kept', 1)]);
  });

  test('[CP-077] [CP-078] a replay is what is unacknowledged, in order, then life goes on', () => {
    const { connection, say } = reliable();
    for (const text of ['a', 'b', 'c']) connection.tell(data(text));
    say('{"type":"sequenceAck","sequenceId":1}');
    connection.suspend(nothing);
    const next = new RecordingOutlet();
    connection.resume(next);
    connection.replay(() => 0);
    connection.tell(data('d'));
    expect(next.take()).toEqual([wire('b', 2), wire('c', 3), wire('d', 4)]);
  });

  test('[client-protocols D18] acks make room while a request is under way', () => {
    const { owner, connection, ask, say } = reliable();
    ask('wait');
    for (let count = 0; count < 1_000; count += 1) connection.tell(data('x'));
    say('{"type":"sequenceAck","sequenceId":1000}');
    connection.tell(data('y'));
    expect(owner.failures).toEqual([]);
    expect(connection.isOpen).toBe(true);
  });

  test('[CP-084] a resume drops the outlet that it replaces, and stops the wait that it ends; one that has ended is not resumed', () => {
    const { connection, outlet } = reliable();
    const [second, third] = [new RecordingOutlet(), new RecordingOutlet()];
    expect(connection.resume(second)).toBe(true);
    expect([connection.isOn(outlet), connection.isOn(second)]).toEqual([false, true]);
    expect(outlet.isDropped).toBe(true);
    let cancelled = 0;
    connection.suspend(() => {
      cancelled += 1;
    });
    expect(connection.resume(third)).toBe(true);
    expect(cancelled).toBe(1);
    connection.end({ category: 'Normal', reason: '' });
    expect(connection.resume(new RecordingOutlet())).toBe(false);
  });

  test('[CP-089] the 1001st unacknowledged message fails it as a slow client, once', () => {
    const { owner, connection } = reliable();
    for (let count = 0; count < 1_002; count += 1) connection.tell(data('x'));
    expect(owner.log).toEqual(['slowClient']);
    expect(connection.isAlive).toBe(false);
  });

  test('requests that wait are carried out while it is suspended, and those of the new socket after them', async () => {
    const { owner, connection, ask } = reliable();
    for (const group of ['wait', 'a', 'b']) ask(group);
    connection.suspend(nothing);
    await owner.finish();
    expect(owner.log).toEqual(['wait', 'a', 'b']);
    connection.resume(new RecordingOutlet());
    ask('c');
    expect(owner.log).toEqual(['wait', 'a', 'b', 'c']);
  });

  test('a socket that comes to a full connection is not read until there is room', async () => {
    const { owner, connection, outlet, ask } = reliable();
    ask('wait');
    for (let count = 0; count < 128; count += 1) ask('wait');
    connection.suspend(nothing);
    const next = new RecordingOutlet();
    connection.resume(next);
    expect([outlet.flow, next.flow]).toEqual([['pause'], ['pause']]);
    await owner.finish();
    expect([outlet.flow, next.flow]).toEqual([['pause'], ['pause', 'resume']]);
  });

  test('a socket that comes to a connection that has room again is read', async () => {
    const { owner, connection, ask } = reliable();
    ask('wait');
    for (let count = 0; count < 128; count += 1) ask('a');
    connection.suspend(nothing);
    await owner.finish();
    const next = new RecordingOutlet();
    connection.resume(next);
    ask('b');
    expect([next.flow, owner.log.at(-1)]).toEqual([[], 'b']);
  });

  test('[RA-050] ended while suspended: nobody is left to tell, nothing is kept, and the wait is over', () => {
    const { owner, connection } = reliable();
    let cancelled = 0;
    connection.suspend(() => {
      cancelled += 1;
    });
    expect(connection.end({ category: 'Normal', reason: '' })).toEqual({ outlet: undefined });
    for (let count = 0; count < 1_001; count += 1) connection.tell(data('x'));
    expect([cancelled, connection.isAlive, owner.failures]).toEqual([1, false, []]);
  });

  test('a plain connection has nothing to replay', () => {
    const { connection, outlet } = setup();
    connection.tell(data('a'));
    outlet.take();
    connection.replay(() => 0);
    expect([connection.isReliable, outlet.frames]).toEqual([false, []]);
  });
});
