import type { Ledger, SilentRecord } from '../load/ledger.js';
import { mostSilentMs } from '../load/silent-client.js';
import type { MemoryReading } from '../server/memory.js';
import { megabytes, none, type Row } from './row.js';

/** How long a client may wait to be let in while there are more silent connections than descriptors. */
const mostWaitMs = 5_000;

/** What they may cost together. */
const mostFloodBytes = 20e6;

/** @param late under load, before the flood @param flooded during it */
export function silentRows(
  { silent: { connections, flood } }: Pick<Ledger, 'silent'>,
  { late, flooded }: { readonly late: MemoryReading; readonly flooded: MemoryReading },
): Row[] {
  return [
    endedRow(connections),
    none(`clients refused while ${flood.opened} silent connections came`, flood.refused),
    {
      check: 'silent: the longest wait of a client meanwhile',
      figures: `${Math.round(flood.slowestMs)} ms, at most ${mostWaitMs}`,
      isOk: flood.opened > 0 && flood.slowestMs <= mostWaitMs,
    },
    {
      check: 'silent: memory in use meanwhile',
      figures: `${megabytes(flooded.live)}, ${megabytes(late.live)} before, at most ${megabytes(mostFloodBytes)} more`,
      isOk: flooded.live <= late.live + mostFloodBytes,
    },
  ];
}

/** Those that the end of the load cut short say nothing. */
function endedRow(connections: readonly SilentRecord[]): Row {
  const ended = connections.filter(({ isEnded }) => isEnded);
  const kept = connections.filter(({ isEnded, lastedMs }) => !isEnded && lastedMs >= mostSilentMs);
  const longestMs = Math.max(0, ...ended.map(({ lastedMs }) => lastedMs));
  const check = `silent connections that lasted ${mostSilentMs / 1000} s`;
  if (kept.length > 0)
    return none(
      check,
      kept.map(({ form, listener }) => `${form} on the ${listener} listener`),
    );
  return {
    check,
    figures: `none; ${ended.length} were ended, after ${(longestMs / 1000).toFixed(1)} s at most`,
    isOk: true,
  };
}
