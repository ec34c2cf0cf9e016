import type { Ledger } from '../load/ledger.js';
import type { ServerLog } from '../server/log.js';
import type { Samples } from '../server/metrics.js';
import { equal, none, type Row } from './row.js';

type LogFacts = Pick<ServerLog, 'faults' | 'faultCount' | 'refusedEdits'>;

export function serviceRows(samples: Samples, log: LogFacts, ledger: Ledger): Row[] {
  return [
    none('faults in the log', log.faults, log.faultCount),
    equal('faults in /metrics', [
      ['counted', samples.sum('faults_total')],
      ['expected', 0],
    ]),
    equal('bad edits in the log', [
      ['reported', log.refusedEdits],
      ['made', ledger.edits.refused],
    ]),
    none('answers that did not come, or made no sense', ledger.complaints, ledger.complaintCount),
  ];
}
