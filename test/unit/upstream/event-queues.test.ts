import { expect, test } from 'vitest';
import { EventQueues } from '../../../src/upstream/event-queues.js';
import type { Insertion } from '../../../src/upstream/options.js';
import { type ParsedHandler, parseHandler } from '../../../src/upstream/routes.js';

function handler(hub: string, urlTemplate: string, insertions: readonly Insertion[] = []): ParsedHandler {
  const options = {
    urlTemplate,
    insertions,
    systemEvents: [],
    userEventPattern: undefined,
    auth: { type: 'None' },
  } as const;
  return parseHandler(hub, options);
}

function queueOf(...args: Parameters<typeof handler>): string {
  return new EventQueues(() => []).placeOf(handler(...args)).queue;
}

test('the queue of a handler is that of its hub, host and path, whatever the query and the spelling of the hub', () => {
  const name = queueOf('chat', 'https://app.test/e/{event}?code=1');
  expect(queueOf('Chat', 'https://app.test/e/{event}?code=2&x={hub}')).toBe(name);
  expect(queueOf('chat', 'https://app.test/e/{event}')).toBe(name);
  const others = ['https://app.test/f/{event}', 'https://b.test/e/{event}', 'http://app.test/e/{event}'];
  expect(
    new Set([name, queueOf('chat2', 'https://app.test/e/{event}'), ...others.map(url => queueOf('chat', url))]).size,
  ).toBe(5);
});

test('the value of a variable in the path is no part of it', () => {
  const of = (secret: string) => {
    const start = 'https://app.test/'.length;
    return queueOf('chat', `https://app.test/${secret}/{event}`, [{ start, end: start + secret.length }]);
  };
  expect(of('first')).toBe(of('another'));
});
