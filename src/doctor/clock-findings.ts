import type { ResponseHeaders } from '../egress/exchange.js';
import { linesOf } from '../upstream/reply.js';
import { advice } from './advice.js';
import { type Finding, type Place, warning } from './finding.js';

/** Larger differences are told; tokens are refused from five minutes on. */
const toleratedMs = 60_000;

/** Does another machine's clock differ? Pure. @param nowMs Unix milliseconds at which its answer came */
export function clockFindings(
  headers: ResponseHeaders,
  nowMs: number,
  whose: string,
  place: Place,
): readonly Finding[] {
  const date = Date.parse(linesOf(headers, 'date').at(-1) ?? '');
  const aheadMs = date - nowMs;
  if (Number.isNaN(date) || Math.abs(aheadMs) <= toleratedMs) return [];
  const by = `${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of this machine`;
  return [warning('token-time', place, `the clock of ${whose} is ${by}`, advice.clock(`${whose} or of this machine`))];
}
