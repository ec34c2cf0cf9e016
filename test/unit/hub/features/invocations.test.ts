import { beforeEach, describe, expect, test } from 'vitest';
import { PubSubError } from '../../../../src/errors.js';
import { maxInvocations } from '../../../../src/hub/features/invocations.js';
import { jsonReliable } from '../../../../src/protocols/webpubsub/json/index.js';
import { ackText, type FakeClient, settled, TestNode, textPayload } from '../../../support/fake-ports.js';

let node: TestNode;
let client: FakeClient;

beforeEach(() => {
  node = new TestNode();
  client = node.open({ roles: ['webpubsub.joinLeaveGroup'] });
});

const invoke = (invocationId: string, event = 'e', more: object = { dataType: 'text', data: 'x' }) =>
  client.say({ type: 'invoke', invocationId, event, ...more });
const cancel = (invocationId: string) => client.say({ type: 'cancelInvocation', invocationId });
const succeeded = (id: string, more = '') => `{"type":"invokeResponse","invocationId":"${id}","success":true${more}}`;
const failed = (id: string, name: string, message: string) =>
  `{"type":"invokeResponse","invocationId":"${id}","success":false,"error":${JSON.stringify({ name, message })}}`;
const generic = (id: string) => failed(id, 'InternalServerError', 'Internal server error');

describe('[client-protocols 4.2] invoke', () => {
  test('[CP-072] is an event; its answer is the response', async () => {
    invoke('q-9');
    expect(client.session.calls.at(-1)).toEqual({ call: 'event', name: 'e', payload: textPayload('x') });
    await client.session.answer(textPayload('12.5'));
    expect(client.heard()).toEqual([succeeded('q-9', ',"dataType":"text","data":"12.5"')]);
  });

  test('[CP-072] without an answer it succeeds with nothing; without data the body is empty', async () => {
    invoke('1', 'e', {});
    expect(client.session.calls.at(-1)).toMatchObject({ payload: textPayload('') });
    await client.session.answer();
    expect(client.heard()).toEqual([succeeded('1')]);
  });

  test.each([
    new PubSubError('eventUnhandled', 'SECRET'),
    new PubSubError('eventFailed', 'SECRET'),
    new Error('SECRET'),
  ])('[CP-072] [upstream-events D28] %s: failed, in general words, and open', async error => {
    node.dropsOnEventFailure = true; // is for events, which have no answer of their own
    invoke('1');
    await client.session.refuse(error);
    expect(client.heard()).toEqual([generic('1')]);
    expect(client.connection.isOpen).toBe(true);
    expect(node.observer.of('fault')).toHaveLength(error instanceof PubSubError ? 0 : 1);
  });

  test('[client-protocols D19] several at once; each is answered when it is done, and later requests do not wait', async () => {
    invoke('1');
    invoke('2');
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    expect(client.heard()).toEqual([ackText(1)]);
    expect(client.session.waiting).toBe(2);
    await client.session.answer(textPayload('a'));
    await client.session.answer(textPayload('b'));
    expect(client.heard()).toEqual([
      succeeded('1', ',"dataType":"text","data":"a"'),
      succeeded('2', ',"dataType":"text","data":"b"'),
    ]);
  });

  test('waits for an event before it', async () => {
    client.say({ type: 'event', event: 'slow', data: 1, ackId: 1 });
    invoke('1');
    expect(client.session.waiting).toBe(1);
    await client.session.answer();
    expect(client.session.history.slice(-2)).toEqual(['slow', 'e']);
  });

  test('[client-protocols D19] an id that is under way is BadRequest; afterwards it is free', async () => {
    invoke('1');
    invoke('1');
    expect(client.heard()).toEqual([failed('1', 'BadRequest', 'invocation 1 is under way already')]);
    expect(client.session.waiting).toBe(1);
    await client.session.answer();
    client.heard();
    invoke('1');
    await client.session.answer();
    expect(client.heard()).toEqual([succeeded('1')]);
  });

  test('ids are a connection’s own', async () => {
    const other = node.open();
    invoke('1');
    other.say({ type: 'invoke', invocationId: '1', event: 'e' });
    await other.session.answer();
    expect([other.heard(), client.heard()]).toEqual([[succeeded('1')], []]);
  });

  test('[client-protocols 5.1] the response is not numbered, and lost while the client is away', async () => {
    client = node.open({ protocol: jsonReliable });
    invoke('1');
    await client.session.answer();
    expect(client.heard()).toEqual([succeeded('1')]);
    invoke('2');
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
    await client.session.answer(textPayload('late'));
    node.chat.lifecycle.resume(client.connection, client.outlet);
    expect(client.heard().filter(text => text.includes('invokeResponse'))).toEqual([]);
  });

  test('an answer after the end goes nowhere', async () => {
    invoke('1');
    await node.chat.closeConnection(client.id);
    client.heard();
    await client.session.answer(textPayload('late'));
    expect([client.heard(), node.observer.of('sent')]).toEqual([[], []]);
  });
});

describe('[client-protocols 4.2] cancelInvocation', () => {
  test('[CP-073] suppresses the response, and frees the id', async () => {
    invoke('1', 'first');
    cancel('1');
    invoke('1', 'second');
    await client.session.answer(textPayload('of the first'));
    expect(client.heard()).toEqual([]);
    await client.session.answer(textPayload('b'));
    expect(client.heard()).toEqual([succeeded('1', ',"dataType":"text","data":"b"')]);
  });

  test('[CP-073] that of a failure too', async () => {
    invoke('1');
    cancel('1');
    await client.session.refuse(new PubSubError('eventFailed', ''));
    expect(client.heard()).toEqual([]);
  });

  test('[CP-073] an id that is not under way is ignored', async () => {
    cancel('1');
    invoke('1');
    cancel('2');
    await client.session.answer();
    expect(client.heard()).toEqual([succeeded('1')]);
  });

  test('[CP-073] [client-protocols D18] overtakes an event; what waits behind it is never sent', async () => {
    client.say({ type: 'event', event: 'slow', data: 1 });
    invoke('1', 'one');
    invoke('2', 'two');
    cancel('1');
    await client.session.answer();
    expect(client.session.history.slice(-2)).toEqual(['slow', 'two']);
    await client.session.answer();
    expect(client.heard()).toEqual([succeeded('2')]);
  });

  test('makes room among the waiting, so that the client is read again', () => {
    client.say({ type: 'event', event: 'slow', data: 1 });
    for (let index = 0; index < 128; index += 1) invoke('1');
    expect(client.outlet.flow).toEqual(['pause']);
    cancel('1');
    expect(client.outlet.flow).toEqual(['pause', 'resume']);
  });
});

describe('[F4] the end of its connection', () => {
  test('gives up the invocations under way, and no event', async () => {
    invoke('1');
    client.say({ type: 'event', event: 'bye', data: 1 });
    await node.chat.closeConnection(client.id);
    const signals = client.session.signals.slice(-2);
    expect(signals.map(signal => signal?.aborted)).toEqual([true, undefined]);
  });

  test('is not the loss of a socket that a reliable client may replace', async () => {
    client = node.open({ protocol: jsonReliable });
    invoke('1');
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
    expect(client.session.signals.at(-1)?.aborted).toBe(false);
    node.clock.advance(node.recoveryWindowMs);
    expect(client.session.signals.at(-1)?.aborted).toBe(true);
  });
});

describe('the bound on invocations under way', () => {
  test('past it later requests wait; one that is answered makes room', async () => {
    for (let index = 0; index <= maxInvocations; index += 1) invoke(`${index}`);
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    expect(client.session.waiting).toBe(maxInvocations);
    expect(client.heard()).toEqual([]);
    await client.session.answer();
    expect(client.session.waiting).toBe(maxInvocations);
    expect(client.heard()).toEqual([succeeded('0')]);
    await client.session.answer();
    expect(client.heard()).toEqual([succeeded('1'), ackText(1)]);
  });

  test('[F4] so they do past 2 MiB of payloads; the socket is not read meanwhile', async () => {
    const half = { dataType: 'text', data: 'x'.repeat(1024 * 1024) };
    invoke('1', 'e', half);
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    expect([client.heard(), client.outlet.flow]).toEqual([[ackText(1)], []]);
    invoke('2', 'e', half);
    expect(client.outlet.flow).toEqual(['pause']);
    invoke('3');
    expect(client.session.waiting).toBe(2);
    await client.session.answer();
    expect([client.session.waiting, client.outlet.flow]).toEqual([2, ['pause', 'resume']]);
  });

  test('[F4] an event under way counts with them', async () => {
    invoke('1', 'e', { dataType: 'text', data: 'x'.repeat(1_200_000) });
    client.say({ type: 'event', event: 'e', dataType: 'text', data: 'x'.repeat(900_000) });
    expect(client.outlet.flow).toEqual(['pause']);
    await client.session.answer(); // the invocation
    expect(client.outlet.flow).toEqual(['pause']);
    await client.session.answer();
    expect(client.outlet.flow).toEqual(['pause', 'resume']);
  });

  test('a cancelled one counts while its upstream is at work', async () => {
    for (let index = 0; index < maxInvocations; index += 1) {
      invoke(`${index}`);
      cancel(`${index}`);
    }
    invoke('more');
    await settled();
    expect(client.session.waiting).toBe(maxInvocations);
    await client.session.answer();
    expect(client.session.history.filter(name => name === 'e')).toHaveLength(maxInvocations + 1);
  });
});
