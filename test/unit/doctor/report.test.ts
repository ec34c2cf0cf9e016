import { describe, expect, test } from 'vitest';
import { error, ok, warning } from '../../../src/doctor/finding.js';
import { reportItems, reportLines } from '../../../src/doctor/report.js';

const place = { hub: 'chat', url: 'http://app/{event}', line: 4 };

describe('the report', () => {
  test('for people: one line for what is well, and a mark, a place and steps for what is not', () => {
    const findings = [
      ok('settings', {}, 'hubs.yaml: 1 hub(s)'),
      ok('handler', place, 'answered 200 with WebHook-Allowed-Origin: *; takes user events *'),
      warning('order', place, 'earlier ones take it', ['put it first']),
      error('refused', place, `${'word '.repeat(20)}end`, ['start the app', 'is it running?']),
    ];
    const seen = `    seen  ${'word '.repeat(14).trim()}`;
    expect(reportLines(findings, 'hubs.yaml')).toEqual([
      '✔ settings  hubs.yaml: 1 hub(s)',
      '✔ handler  chat  http://app/{event}  hubs.yaml:4',
      '    answered 200 with WebHook-Allowed-Origin: *; takes user events *',
      '! order  chat  http://app/{event}  hubs.yaml:4',
      '    seen  earlier ones take it',
      '    why   the first handler that matches gets an event, and no other',
      '    do    put it first',
      '✘ refused  chat  http://app/{event}  hubs.yaml:4',
      seen,
      `          ${'word '.repeat(6)}end`,
      '    why   no event reaches the app: each one fails',
      '    do    start the app',
      '        - is it running?',
      '',
      '2 ✔  1 !  1 ✘',
    ]);
  });

  test('[MG-241] nothing else when all is well', () => {
    expect(reportLines([ok('key', {}, 'an own key is set')], 'hubs.yaml')).toEqual(['✔ key  an own key is set']);
  });

  test('what a terminal would obey is not printed', () => {
    const text = reportLines([ok('token', {}, 'user \u001b[31mann\u202e\nx')], 'hubs.yaml').join('\n');
    expect(text).toBe('✔ token  user ?[31mann??x');
  });

  test('[MG-242] for programs: null where there is nothing to say', () => {
    expect(reportItems([ok('key', {}, 'fine'), error('refused', place, 'no', ['a', 'b'])])).toEqual([
      { code: 'key', level: 'ok', hub: null, url: null, seen: 'fine', advice: null, line: null },
      { code: 'refused', level: 'error', hub: 'chat', url: 'http://app/{event}', seen: 'no', advice: 'a\nb', line: 4 },
    ]);
  });
});
