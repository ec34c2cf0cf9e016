import { ApiFailure } from './failures.js';

/** Those of the vendor's management API, oldest first. [management 1.3] */
export const apiVersions = [
  '2021-10-01',
  '2023-02-01',
  '2024-03-01',
  '2025-01-01-preview',
  '2025-08-01-preview',
  '2025-12-01-preview',
  '2026-03-01-preview',
] as const;

export type ApiVersion = (typeof apiVersions)[number];

const form = /^(\d{4}-\d{2}-\d{2})(?:-preview)?$/i;

/**
 * The newest known version that is not after the one that was given.
 * @param query of the request; the parameter's name is read in any letter case
 * @throws ApiFailure 400 when there is none, or it is no version
 */
export function apiVersionOf(query: Readonly<Record<string, unknown>>): ApiVersion {
  const date = dateOf(query);
  const known = apiVersions.findLast(version => version.slice(0, date.length) <= date);
  if (known === undefined) throw invalid(`The first api-version is ${apiVersions[0]}; ${date} is before it.`);
  return known;
}

/** As `apiVersionOf`, for operations of other resource providers, which have versions of their own. */
export function checkApiVersion(query: Readonly<Record<string, unknown>>): void {
  dateOf(query);
}

/** Is the field or feature of `since` known to clients of this version? */
export function isAtLeast(version: ApiVersion, since: ApiVersion): boolean {
  return apiVersions.indexOf(version) >= apiVersions.indexOf(since);
}

function dateOf(query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).find(([name]) => name.toLowerCase() === 'api-version')?.[1];
  if (given === undefined || given === '') {
    const message = `The query parameter api-version is missing, as in ?api-version=${apiVersions[2]}.`;
    throw new ApiFailure(400, 'MissingApiVersionParameter', message);
  }
  const date = typeof given === 'string' ? form.exec(given)?.[1] : undefined;
  if (date === undefined || Number.isNaN(Date.parse(date))) {
    throw invalid(`The api-version must be one date such as ${apiVersions[2]}, with or without -preview.`);
  }
  return date;
}

function invalid(message: string): ApiFailure {
  return new ApiFailure(400, 'InvalidApiVersionParameter', message);
}
