import { ApiFailure } from './failures.js';

/**
 * A JSON object of a body.
 * @param target its place in the body; undefined: the body itself
 * @throws ApiFailure 400
 */
export function mappingOf(value: unknown, target: string | undefined): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  const message = target === undefined ? 'The body must be a JSON object.' : 'must be a JSON object';
  throw ApiFailure.ofContent([{ message, target }]);
}
