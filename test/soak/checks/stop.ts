import type { Roll } from '../app/tally.js';
import type { Exit } from '../server/hubwire.js';
import type { Resident } from '../server/resident.js';
import { equal, megabytes, none, type Row, shown } from './row.js';

export interface StopFacts {
  readonly exit: Exit;
  /** From SIGTERM to the end of the process. */
  readonly tookMs: number;
  /** Connections of their hub. */
  readonly clients: number;
  /** Of the same hub. */
  readonly roll: Pick<Roll, 'connected' | 'disconnected'>;
  /** What they read that was wrong. */
  readonly wrong: readonly string[];
  /** Before SIGTERM. Undefined where it cannot be counted. */
  readonly before: Pick<Resident, 'current'> | undefined;
  /** Resident bytes of the stop at their peak. */
  readonly peak: number | undefined;
}

/** Container platforms kill after 30 s. */
const mostStopMs = 25_000;

/** As for a round of stalled clients, whose messages have all come before. */
const mostResidentGrowth = 100e6;

/** The service stops while clients are stalled, and connections silent, on both listeners. */
export function stopRows({ exit, tookMs, clients, roll, wrong, before, peak }: StopFacts): Row[] {
  return [
    {
      check: 'the service ends with 0 after SIGTERM',
      figures: exit.signal ?? `exit code ${exit.code}`,
      isOk: exit.code === 0,
    },
    {
      check: 'the service stops in time',
      figures: `${(tookMs / 1000).toFixed(1)} s, at most ${mostStopMs / 1000} s`,
      isOk: tookMs <= mostStopMs,
    },
    equal(
      'stop: one `connected` and one `disconnected` each',
      [
        ['`connected`', roll.connected.size],
        ['connections', clients],
      ],
      [
        ['`disconnected`', [...roll.connected].filter(id => roll.disconnected.has(id)).length],
        ['connections', clients],
      ],
    ),
    none('stop: messages lost, twice, or out of order', wrong),
    before === undefined || peak === undefined
      ? shown('stop: resident memory', 'not counted: there is no /proc here')
      : {
          check: 'stop: resident memory before and at its peak',
          figures: `${megabytes(before.current)}, ${megabytes(peak)}, at most ${megabytes(mostResidentGrowth)} more`,
          isOk: peak <= before.current + mostResidentGrowth,
        },
  ];
}
