import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import { PubSubError } from '../errors.js';
import { compileFilter } from '../filter/filter.js';
import { invalidParameter } from './failures.js';
import { type QueryName, queryFilter, queryGroups, queryInteger, queryUserId, queryValue } from './parameters.js';

/** Parameters that can be wrong by themselves; reading one throws when it is. */
const checks: Readonly<Partial<Record<QueryName, (request: FastifyRequest) => unknown>>> = {
  filter: checkFilter,
  messageTtlSeconds: request => queryInteger(request, 'messageTtlSeconds'),
  reason: request => queryValue(request, 'reason'),
  maxpagesize: request => queryInteger(request, 'maxpagesize'),
  top: request => queryInteger(request, 'top'),
  minutesToExpire: request => queryInteger(request, 'minutesToExpire'),
  group: queryGroups,
  userId: queryUserId,
};

/**
 * A hook that checks what an operation takes, before its body is read.
 * @throws RestFailure for a parameter out of range, from the hook [rest-api 1.7]
 */
export function queryCheck(names: readonly QueryName[]): onRequestHookHandler {
  const needed = names.flatMap(name => checks[name] ?? []);
  return (request, _reply, done) => {
    for (const check of needed) check(request);
    done();
  };
}

/** An invalid filter is rejected before the call has any effect. [rest-api 4.3] */
function checkFilter(request: FastifyRequest): void {
  const filter = queryFilter(request);
  if (filter !== undefined) assertFilter(filter, 'filter');
}

/** @param parameter what to name in the failure @throws RestFailure with the compiler's own message [rest-api 3.2] */
export function assertFilter(filter: string, parameter: 'filter' | 'Filter'): void {
  try {
    compileFilter(filter);
  } catch (error) {
    if (!(error instanceof PubSubError)) throw error;
    throw invalidParameter(parameter, error.message, `The ${parameter} is not valid; the response has the details.`);
  }
}
