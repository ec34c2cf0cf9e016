import type { AbuseCheck } from './abuse-check.js';
import { type CheckedVerdict, failureStandsMs, trustedMs, type Verdict } from './validation.js';

/** Nodes of a cluster that validate an upstream once for all of them. [cluster 9] */
export interface SharedChecks {
  /**
   * The verdict of another node, if it is usable, or that of `probe`; never a verdict that no node has found.
   * @param subject the same for upstreams that are validated in the same way
   */
  get(
    subject: string,
    probe: () => Promise<Verdict>,
    isUsable: (value: unknown, ageMs: number) => value is Verdict,
  ): Promise<{ readonly value: Verdict; readonly ageMs: number }>;
}

/** Validates through the cluster. @param probe validates from here */
export async function checkShared(
  checks: SharedChecks,
  check: AbuseCheck,
  probe: () => Promise<Verdict>,
): Promise<CheckedVerdict> {
  const { origin, path, requestOrigins, serviceOrigins, servicePorts, lenientOriginList } = check;
  const subject = [origin, path, requestOrigins, serviceOrigins, servicePorts, lenientOriginList];
  const { value, ageMs } = await checks.get(JSON.stringify(subject), probe, isUsable);
  return { ...value, ageMs };
}

/** As long as the node that found it goes by it. */
function isUsable(value: unknown, ageMs: number): value is Verdict {
  return isVerdict(value) && ageMs < (value.isValid ? trustedMs : failureStandsMs);
}

function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null) return false;
  const { isValid, answered, advice } = value as Record<string, unknown>;
  return typeof answered === 'string' && (isValid === true || (isValid === false && typeof advice === 'string'));
}
