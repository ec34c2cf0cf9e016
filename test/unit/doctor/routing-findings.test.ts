import { describe, expect, test } from 'vitest';
import { routingFindings } from '../../../src/doctor/routing-findings.js';
import { type Focus, handlersOf } from '../../../src/doctor/subject.js';
import { inShort, subjectOf } from '../../support/doctor.js';

/** Handlers of hub `chat` at /0, /1 …, each on a line of its own from line 4 on. */
function found(handlers: readonly string[], focus: Partial<Focus> = {}) {
  const lines = handlers.map((more, at) => `      - { urlTemplate: http://app/${at}, ${more} }\n`);
  const subject = subjectOf(`hubs:\n  chat:\n    eventHandlers:\n${lines.join('')}`);
  return routingFindings(handlersOf(subject), { connect: false, ...focus });
}

describe('handlers of a hub', () => {
  test('that all get events', () => {
    expect(found(['userEventPattern: "a, b"', 'userEventPattern: "*"', 'systemEvents: [connect]'])).toEqual([]);
  });

  test.each([
    ['every event', ['userEventPattern: "*"', 'userEventPattern: "order"'], 'user events order'],
    [
      'its names, one each',
      ['userEventPattern: a', 'userEventPattern: B', 'userEventPattern: "A,b"'],
      'user events A,b',
    ],
    ['the same event', ['systemEvents: [connect]', 'systemEvents: [connected, connect]'], 'connect'],
  ])('[MG-221] order: earlier ones take %s', (_, handlers, lost) => {
    const findings = found(handlers);
    expect(inShort(findings)).toEqual(['warning order put']);
    expect(findings[0]).toMatchObject({ line: 3 + handlers.length, url: `http://app/${handlers.length - 1}` });
    expect(findings[0]!.seen).toContain(`take its ${lost}`);
  });

  test.each([
    ['userEventPattern: "mesage"', 'did you mean "mesage"?'],
    ['userEventPattern: "order"', 'add "message" to the userEventPattern of a handler'],
    ['systemEvents: [connect]', 'add "message" to the userEventPattern of a handler'],
  ])('[MG-220] no-handler: %s', (handler, advice) => {
    const findings = found([handler], { hub: 'chat', event: 'message' });
    expect(inShort(findings)).toEqual([`error no-handler ${advice.split(' ')[0]}`]);
    expect(findings[0]).toMatchObject({ line: 4, advice: [advice, expect.stringContaining('"message"')] });
    expect(findings[0]!.seen).toContain('no event handler of hub chat matches user event message');
  });

  test('an event that a handler takes', () => {
    expect(found(['userEventPattern: "*"'], { hub: 'chat', event: 'message' })).toEqual([]);
  });
});
