import { expect, test } from 'vitest';
import { countsOfJasmine, countsOfMocha } from '../../pusher/counts.js';

test('mocha: passes, failures, and the reasons of these', () => {
  const report = {
    stats: { tests: 7, passes: 6, failures: 1 },
    failures: [{ fullTitle: 'Pusher #get should return code 400', err: { message: 'expected 200 to equal 400' } }],
  };
  expect(countsOfMocha(JSON.stringify(report))).toEqual({
    passed: 6,
    failed: 1,
    failures: 'Pusher #get should return code 400: expected 200 to equal 400',
  });
});

test.each<[line: string, passed: number, failed: number]>([
  ['Executed 84 of 84 specs SUCCESS.', 84, 0],
  ['\u001b[31mExecuted 84 of 84 specs \u001b[39m\u001b[31m(20 FAILED)\u001b[39m.', 64, 20],
  ['Executed 83 of 84 specs (2 FAILED) (1 PENDING).', 81, 2],
  ['Executed 1 of 1 spec SUCCESS.', 1, 0],
])('jasmine: %j', (line, passed, failed) => {
  expect(countsOfJasmine(`Failures\n1) a spec\n${line}\n`)).toMatchObject({ passed, failed });
});

test('jasmine: failures are what stands under the last heading of that name', () => {
  const output =
    'Failures of which one test speaks\n...\nFailures\n1) a spec: reason\nExecuted 2 of 2 specs (1 FAILED).\n';
  expect(countsOfJasmine(output).failures).toMatch(/^Failures\n1\) a spec: reason/);
});

test('jasmine: a suite that ended without counts is an error with what it printed', () => {
  expect(() => countsOfJasmine('the service did not start')).toThrow('the service did not start');
});
