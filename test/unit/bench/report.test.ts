import { expect, test } from 'vitest';
import type { ContenderResult, SeriesResult } from '../../bench/measure.js';
import { ungradedPeers } from '../../bench/report.js';

const ratio = { median: 2, lowerQuartile: 2, upperQuartile: 2 };

function contender(name: string, bytesPerConnection: number): ContenderResult {
  const none = Number.NaN;
  const figures = { perCpuSecond: 1, perSecond: 1, serverShare: 1, loadShare: 0, residentBytes: 1, cpuMicroseconds: 1 };
  return { name, ...figures, p50Ms: none, p99Ms: none, p999Ms: none, natsShare: none, bytesPerConnection };
}

function resultOf(ours: number, theirs: number): SeriesResult {
  const contenders = [contender('hubwire', ours), contender('bare ws', 1), contender('Other', theirs)];
  return { rounds: 1, contenders, goals: [], peers: [{ name: 'Other', ratio }], vendorUnits: undefined };
}

test('a peer without a goal has the ratio of memory per connection where that is measured', () => {
  expect(ungradedPeers(resultOf(10, 40))).toEqual([{ name: 'Other', ratio, memory: 0.25 }]);
});

test('it has none elsewhere, also when the result was read from a file', () => {
  const result = resultOf(Number.NaN, Number.NaN);
  const readAgain = JSON.parse(JSON.stringify(result)) as SeriesResult;
  for (const each of [result, readAgain])
    expect(ungradedPeers(each)).toEqual([{ name: 'Other', ratio, memory: undefined }]);
});
