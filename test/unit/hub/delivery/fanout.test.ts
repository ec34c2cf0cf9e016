import { describe, expect, test } from 'vitest';
import { Frame, type Frames } from '../../../../src/frames/frames.js';
import { Connection, type ConnectionEnder } from '../../../../src/hub/connection.js';
import { type Conditions, fanOut } from '../../../../src/hub/delivery/fanout.js';
import { Permissions } from '../../../../src/hub/permissions.js';
import type { DataMessage } from '../../../../src/protocols/messages.js';
import type { Encoder, Protocol } from '../../../../src/protocols/protocol.js';
import { jsonReliable } from '../../../../src/protocols/webpubsub/json/index.js';
import { simpleEvents } from '../../../../src/protocols/webpubsub/simple.js';
import { RecordingOutlet, ScriptedUpstream, textPayload } from '../../../support/fake-ports.js';
import { RecordingObserver } from '../../../support/recording-observer.js';

const everybody: Conditions = { excluded: [], accepts: undefined };
const expiresAtMs = Number.POSITIVE_INFINITY;
const owner = { execute: () => undefined, received: () => {}, flush: () => {} };
const nobody: ConnectionEnder = { fail: () => {} };
const message: DataMessage = { kind: 'serverMessage', payload: textPayload('hello') };

/** Counts what it is asked to encode. */
class CountingEncoder implements Encoder {
  encoded: unknown[] = [];

  constructor(readonly text: string | undefined) {}

  encode(asked: unknown): Frame | undefined {
    this.encoded.push(asked);
    return this.text === undefined ? undefined : new Frame(false, Buffer.from(this.text));
  }
}

function protocolOf(subprotocol: string | undefined, encoder: Encoder): Protocol {
  return { ...simpleEvents, name: subprotocol ?? 'simple', subprotocol, encoder };
}

function connect(id: string, protocol: Protocol, ender = nobody) {
  const outlet = new RecordingOutlet();
  const upstream = new ScriptedUpstream().open('chat', id);
  const parts = { id, hub: 'chat', userId: undefined, protocol, permissions: new Permissions([]), upstream, outlet };
  return { connection: new Connection(parts, owner, ender), outlet };
}

/** Sends to all of them, but for the excluded ids. */
function send(receivers: readonly ReturnType<typeof connect>[], excluded: readonly string[] = []): RecordingObserver {
  const observer = new RecordingObserver();
  const connections = receivers.map(({ connection }) => connection);
  fanOut(connections, [{ message, expiresAtMs }], { ...everybody, excluded }, 'chat', observer);
  return observer;
}

describe('[design 4] fan-out', () => {
  test('encodes once per encoder, however the receivers are mixed, and gives all of them one frame', () => {
    const [long, short] = [new CountingEncoder('long text'), new CountingEncoder('short')];
    const protocols = [protocolOf('a', long), protocolOf('b', short), protocolOf('a2', long)];
    const receivers = Array.from({ length: 30 }, (_, index) => connect(`${index}`, protocols[index % 3] as Protocol));
    const observer = send(receivers);
    expect(long.encoded).toEqual([message]);
    expect(short.encoded).toEqual([message]);
    const frames = new Set(receivers.flatMap(({ outlet }) => outlet.frames));
    expect(frames.size).toBe(2);
    expect(receivers.every(({ outlet }) => outlet.frames.length === 1)).toBe(true);
    expect(observer.facts).toEqual([
      { what: 'sent', hub: 'chat', protocol: 'a', receivers: 20, bytes: 9 },
      { what: 'sent', hub: 'chat', protocol: 'b', receivers: 10, bytes: 5 },
    ]);
  });

  test('[RA-040] the excluded do not get it and are not counted', () => {
    const protocol = protocolOf('a', new CountingEncoder('x'));
    const [a, b, c] = [connect('a', protocol), connect('b', protocol), connect('c', protocol)];
    const observer = send([a, b, c], ['b', 'nobody']);
    expect([a, b, c].map(({ outlet }) => outlet.frames.length)).toEqual([1, 0, 1]);
    expect(observer.facts).toMatchObject([{ receivers: 2 }]);
  });

  test('a protocol without words for it gets nothing, and nothing is reported', () => {
    const mute = new CountingEncoder(undefined);
    const receivers = [connect('a', protocolOf('mute', mute)), connect('b', protocolOf('mute', mute))];
    expect(send(receivers).facts).toEqual([]);
    expect(mute.encoded).toHaveLength(1);
    expect(receivers.flatMap(({ outlet }) => outlet.frames)).toEqual([]);
  });

  test('without receivers nothing is encoded', () => {
    const encoder = new CountingEncoder('x');
    expect(send([connect('a', protocolOf('a', encoder))], ['a']).facts).toEqual([]);
    expect(encoder.encoded).toEqual([]);
  });

  test('a simple client’s protocol is reported as `simple`', () => {
    expect(send([connect('a', protocolOf(undefined, new CountingEncoder('x')))]).facts).toMatchObject([
      { protocol: 'simple' },
    ]);
  });

  test('several messages are encoded once each and reach every receiver in order, as one object', () => {
    const encoder: Encoder = { encode: asked => new Frame(false, (asked as DataMessage).payload.bytes) };
    const [a, b] = [connect('a', protocolOf('a', encoder)), connect('b', protocolOf('a', encoder))];
    const given: Frames[] = [];
    for (const { outlet } of [a, b]) outlet.send = frames => void given.push(frames);
    const observer = new RecordingObserver();
    const sends = ['one', 'three'].map(text => ({
      message: { kind: 'serverMessage', payload: textPayload(text) } as const,
      expiresAtMs: 7,
    }));
    fanOut([a.connection, b.connection], sends, everybody, 'chat', observer);
    expect(given[0]?.each().map(({ bytes, expiresAtMs }) => [bytes.toString(), expiresAtMs])).toEqual([
      ['one', 7],
      ['three', 7],
    ]);
    expect(given[1]).toBe(given[0]);
    expect(observer.facts).toMatchObject([
      { receivers: 2, bytes: 3 },
      { receivers: 2, bytes: 5 },
    ]);
  });

  test('a receiver that leaves while it is written to does not keep the others from their copy', () => {
    const protocol = protocolOf('a', new CountingEncoder('x'));
    const receivers = [connect('a', protocol), connect('b', protocol), connect('c', protocol)];
    const present = new Set(receivers.map(({ connection }) => connection));
    const [first] = receivers;
    if (first === undefined) throw new Error('unreachable');
    first.outlet.send = () => {
      for (const connection of present) if (connection.id === 'a') present.delete(connection);
    };
    fanOut(present, [{ message, expiresAtMs }], everybody, 'chat', new RecordingObserver());
    expect(receivers.slice(1).map(({ outlet }) => outlet.frames.length)).toEqual([1, 1]);
  });
});

describe('[client-protocols 5.1] reliable receivers', () => {
  /** Ends a connection that fails, as a hub does. */
  const strict: ConnectionEnder = {
    fail: connection => void connection.end({ category: 'SlowClient', reason: '' }),
  };

  test('[CP-076] get the body with the id that is their own; those at the same id share the frames', () => {
    const [a, b, late] = [connect('a', jsonReliable), connect('b', jsonReliable), connect('late', jsonReliable)];
    const given = new Map<object, Frames[]>([a, b, late].map(({ outlet }) => [outlet, []]));
    for (const { outlet } of [a, b, late]) {
      const send = outlet.send.bind(outlet);
      outlet.send = frames => {
        given.get(outlet)?.push(frames);
        send(frames);
      };
    }
    send([a, b]);
    send([a, b, late]);
    expect(late.outlet.take()).toEqual([
      '{"type":"message","from":"server","dataType":"text","data":"hello","sequenceId":1}',
    ]);
    const ids = b.outlet.frames.map(({ bytes }) => JSON.parse(bytes.toString()).sequenceId);
    expect(ids).toEqual([1, 2]);
    expect(given.get(a.outlet)?.map((frames, at) => frames === given.get(b.outlet)?.[at])).toEqual([true, true]);
  });

  test('[CP-089] one whose buffer is full is ended, not counted, and does not keep the others from their copy', () => {
    const [full, other] = [connect('full', jsonReliable, strict), connect('other', jsonReliable, strict)];
    for (let count = 0; count < 1_000; count += 1) send([full]);
    const { facts } = send([other, full]);
    expect([full.connection.isAlive, full.outlet.frames.length]).toEqual([false, 1_000]);
    expect(other.outlet.frames).toHaveLength(1);
    const bytes = other.outlet.frames[0]?.bytes.length;
    expect(facts).toEqual([{ what: 'sent', hub: 'chat', protocol: jsonReliable.subprotocol, receivers: 1, bytes }]);
  });

  test('what JSON has no words for takes no id', () => {
    const receiver = connect('a', jsonReliable);
    const empty = { dataType: 'json', bytes: Buffer.from('null'), metadata: undefined } as const;
    const nothing = { message: { kind: 'serverMessage', payload: empty }, expiresAtMs } as const;
    fanOut([receiver.connection], [nothing], everybody, 'chat', new RecordingObserver());
    expect(receiver.outlet.frames).toEqual([]);
    send([receiver]);
    expect(receiver.outlet.take()[0]).toContain('"sequenceId":1}');
  });
});
