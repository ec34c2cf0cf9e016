import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../../src/errors.js';
import type { Frames } from '../../../../src/frames/frames.js';
import type { Act } from '../../../../src/protocols/acts.js';
import { protocols } from '../../../../src/protocols/index.js';
import type { ActAnswer, Dialogue } from '../../../../src/protocols/protocol.js';
import { json } from '../../../../src/protocols/webpubsub/json/index.js';
import { protobuf } from '../../../../src/protocols/webpubsub/protobuf/index.js';
import { ackText, textFrame, textPayload } from '../../../support/fake-ports.js';
import { request, response } from '../../../support/protobuf-wire.js';

/** The act that a JSON request is. */
function act(dialogue: Dialogue, message: object): Act {
  return dialogue.receive(textFrame(message)) as Act;
}

const textOf = (answer: ActAnswer) => (answer as Frames | undefined)?.each().map(({ bytes }) => bytes.toString());
const failedAck = (ackId: number, name: string, message: string) =>
  `{"type":"ack","ackId":${ackId},"success":false,"error":${JSON.stringify({ name, message })}}`;
const duplicate = (ackId: number) => failedAck(ackId, 'Duplicate', `Message with ack-id: ${ackId} has been processed`);
const join = (ackId?: number) => ({ type: 'joinGroup', group: 'g', ackId });

describe('what a frame amounts to', () => {
  test('a request is its act', () => {
    expect(act(json.begin(), join(7))).toEqual({ kind: 'join', group: 'g', ackId: 7n });
  });

  test('bytes that are no request are the error, which is not thrown', () => {
    for (const [protocol, frame] of [
      [json, textFrame('x')],
      [protobuf, { isBinary: true, bytes: Buffer.from([0xff]) }],
    ] as const) {
      const step = protocol.begin().receive(frame);
      expect(step).toBeInstanceOf(PubSubError);
      expect((step as PubSubError).kind).toBe('malformed');
    }
  });

  test('[CP-062] a ping is answered at once, with the same frame for all clients', () => {
    const step = json.begin().receive(textFrame({ type: 'ping' }));
    expect(step).toMatchObject({ kind: 'say' });
    expect(textOf((step as { frames: Frames }).frames)).toEqual(['{"type":"pong"}']);
    expect(json.begin().receive(textFrame({ type: 'ping' }))).toBe(step);
    const binary = protobuf.begin().receive({ isBinary: true, bytes: request({ ping_message: {} }) });
    expect(response((binary as { frames: Frames }).frames.each()[0]!.bytes)).toEqual({ pong_message: {} });
  });

  test('[client-protocols D18] sequence acks and cancellations are steps of their own, which wait for no act', () => {
    const dialogue = json.begin();
    expect(dialogue.receive(textFrame({ type: 'sequenceAck', sequenceId: 3 }))).toEqual({
      kind: 'acked',
      sequenceId: 3n,
    });
    expect(dialogue.receive(textFrame({ type: 'cancelInvocation', invocationId: 'i' }))).toEqual({
      kind: 'cancelInvocation',
      invocationId: 'i',
    });
  });
});

describe('[client-protocols 4.2] answers', () => {
  test('[CP-037] [CP-039] an ack for who asked for one, with ackId 0 too', () => {
    const dialogue = json.begin();
    expect(textOf(dialogue.answer(act(dialogue, join(0)), undefined))).toEqual([ackText(0)]);
    expect(dialogue.answer(act(dialogue, join()), undefined)).toBeUndefined();
  });

  test('[CP-038] a failure is an ack too, never the end of the connection', () => {
    const dialogue = json.begin();
    const error = new PubSubError('forbidden', 'no right');
    expect(textOf(dialogue.answer(act(dialogue, join(1)), error))).toEqual([failedAck(1, 'Forbidden', 'no right')]);
    expect(dialogue.answer(act(dialogue, join()), error)).toBeUndefined();
  });

  test('[upstream-events D28] why an upstream failed is not told', () => {
    const dialogue = json.begin();
    const error = new PubSubError('eventFailed', 'SECRET');
    expect(textOf(dialogue.answer(act(dialogue, join(1)), error))).toEqual([
      failedAck(1, 'InternalServerError', 'Internal server error'),
    ]);
  });

  test('[CP-072] an invocation has a response of its own', () => {
    const dialogue = json.begin();
    const invoke = act(dialogue, { type: 'invoke', invocationId: 'i', event: 'e', data: 1 });
    const start = '{"type":"invokeResponse","invocationId":"i","success"';
    expect(textOf(dialogue.answer(invoke, textPayload('x')))).toEqual([`${start}:true,"dataType":"text","data":"x"}`]);
    expect(textOf(dialogue.answer(invoke, undefined))).toEqual([`${start}:true}`]);
    expect(textOf(dialogue.answer(invoke, new PubSubError('conflict', 'twice')))).toEqual([
      `${start}:false,"error":{"name":"BadRequest","message":"twice"}}`,
    ]);
    expect(dialogue.repeated(invoke)).toBeUndefined();
  });

  test('[CP-095] streams have notices, and no acks', () => {
    const dialogue = json.begin();
    const start = act(dialogue, { type: 'sendToGroup', group: 'g', stream: { streamId: 's' }, ackId: 1 });
    expect(dialogue.answer(start, undefined)).toBeUndefined();
    expect(textOf(dialogue.notice({ kind: 'streamAck', streamId: 's', expectedSequenceId: 1n }))).toEqual([
      '{"type":"streamAck","streamId":"s","expectedSequenceId":1}',
    ]);
  });
});

describe('[client-protocols 4.4] duplicates', () => {
  test('[CP-059] an ackId that succeeded, of whichever request', () => {
    const dialogue = json.begin();
    dialogue.answer(act(dialogue, join(7)), undefined);
    for (const type of ['joinGroup', 'leaveGroup']) {
      expect(textOf(dialogue.repeated(act(dialogue, { type, group: 'h', ackId: 7 })))).toEqual([duplicate(7)]);
    }
    expect(dialogue.repeated(act(dialogue, join(8)))).toBeUndefined();
    expect(dialogue.repeated(act(dialogue, join()))).toBeUndefined();
  });

  test('[CP-059] one that was received while the first was under way counts from its turn on', () => {
    const dialogue = json.begin();
    const [first, second] = [act(dialogue, join(7)), act(dialogue, join(7))];
    expect(dialogue.repeated(first)).toBeUndefined();
    dialogue.answer(first, undefined);
    expect(textOf(dialogue.repeated(second))).toEqual([duplicate(7)]);
  });

  test('[CP-060] one that failed is no duplicate', () => {
    const dialogue = json.begin();
    dialogue.answer(act(dialogue, join(7)), new PubSubError('forbidden', 'x'));
    expect(dialogue.repeated(act(dialogue, join(7)))).toBeUndefined();
  });

  test('are a dialogue’s own', () => {
    const [one, other] = [json.begin(), json.begin()];
    one.answer(act(one, join(7)), undefined);
    expect(other.repeated(act(other, join(7)))).toBeUndefined();
  });
});

describe('a record', () => {
  test('is nothing for a client that asked for no acks', () => {
    expect(json.begin().record()).toBeUndefined();
  });

  test('is plain data, from which the dialogue goes on, large ids too', () => {
    const dialogue = json.begin();
    for (const text of ['3', '4', '5', '18446744073709551615', '9']) {
      const frame = textFrame(`{"type":"joinGroup","group":"g","ackId":${text}}`);
      dialogue.answer(dialogue.receive(frame) as Act, undefined);
    }
    const written = JSON.stringify(dialogue.record());
    const next = json.begin(JSON.parse(written));
    for (const text of ['3', '4', '5', '18446744073709551615', '9', '6']) {
      const frame = textFrame(`{"type":"joinGroup","group":"g","ackId":${text}}`);
      expect(next.repeated(next.receive(frame) as Act) !== undefined).toBe(text !== '6');
    }
    expect(JSON.stringify(next.record())).toBe(written);
  });
});

test('[client-protocols 8.3] the close codes of the family are the column of the table', () => {
  for (const { closeCodes } of protocols) expect(closeCodes).toMatchObject({ malformed: 1007, internal: 1011 });
});
