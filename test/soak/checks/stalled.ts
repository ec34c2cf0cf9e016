import type { Ledger, StalledEnding, StalledRound } from '../load/ledger.js';
import type { Samples } from '../server/metrics.js';
import { equal, megabytes, none, type Row, shown } from './row.js';

/**
 * Resident bytes of a round at its peak, besides those before. The messages of a round leave some 80 MB of garbage, however
 * many clients there are; a copy of them for each stalled client would be 300 MB more.
 */
const mostResidentGrowth = 150e6;

/** A message of a client that does read. The load's own process, which is busy then, has a share in it. */
const mostDelayMs = 5_000;

/** Far above what a busy machine needs; copies for all stalled clients at once take seconds. */
const mostTurnMs = 1_000;

/** @param hub of the stalled clients */
export function stalledRows(
  samples: Samples,
  { stalled: { rounds, clients } }: Pick<Ledger, 'stalled'>,
  hub: string,
): Row[] {
  const ended = (how: StalledEnding) => clients.filter(({ ending }) => ending === how);
  const closed = (category: string) => samples.sum('connections_closed_total', { hub, category });
  return [
    shown('stalled clients', `${clients.length} in ${rounds.length} rounds: ${countsOf(rounds)}`),
    none(
      'stalled: messages lost, twice, or out of order',
      clients.flatMap(({ ending, wrong }) => wrong.map(text => `${ending}: ${text}`)),
    ),
    equal(
      'stalled: closed as slow, or by REST',
      [
        ['SlowClient', closed('SlowClient')],
        ['beyond the limits', ended('slow').length],
      ],
      [
        ['ClosedByAppServer', closed('ClosedByAppServer')],
        ['named by REST', ended('closedByRest').length],
      ],
    ),
    slowestRow('stalled: the slowest message of a client beside them', rounds, round => round.slowestMs, mostDelayMs),
    slowestRow('stalled: the slowest turn of the event loop', rounds, round => round.slowestTurnMs, mostTurnMs),
    residentRow(rounds),
  ];
}

function countsOf(rounds: readonly StalledRound[]): string {
  const endings = [...new Set(rounds.map(({ ending }) => ending))];
  return endings.map(each => `${rounds.filter(({ ending }) => ending === each).length} ${each}`).join(', ');
}

function slowestRow(
  check: string,
  rounds: readonly StalledRound[],
  timeMs: (round: StalledRound) => number,
  mostMs: number,
): Row {
  const slowest = rounds.toSorted((a, b) => timeMs(b) - timeMs(a))[0];
  if (slowest === undefined) return { check, figures: 'no rounds', isOk: false };
  const ms = timeMs(slowest);
  return { check, figures: `${Math.round(ms)} ms (${slowest.ending}), at most ${mostMs}`, isOk: ms <= mostMs };
}

function residentRow(rounds: readonly StalledRound[]): Row {
  const check = 'stalled: resident memory of a round, before and at its peak';
  const measured = rounds.flatMap(({ ending, before, peak }) =>
    before === undefined || peak === undefined ? [] : [{ ending, before, peak }],
  );
  const worst = measured.toSorted((a, b) => b.peak - b.before - (a.peak - a.before))[0];
  if (worst === undefined) return shown(check, 'not counted: there is no /proc here');
  const { ending, before, peak } = worst;
  return {
    check,
    figures: `${megabytes(before)}, ${megabytes(peak)} (${ending}), at most ${megabytes(mostResidentGrowth)} more`,
    isOk: peak <= before + mostResidentGrowth,
  };
}
