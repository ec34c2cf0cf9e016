import type { ApiVersion } from './api-version.js';

/** One request, checked: its caller may make it, its api-version and subscription id are valid. */
export interface Call {
  /** The variable segments of the path, decoded: `sub`, `rg`, `name`, `hub`, `location`. */
  readonly params: Readonly<Record<string, string>>;
  readonly apiVersion: ApiVersion;
  /** Parsed JSON; undefined when there is none. */
  readonly body: unknown;
  /** Of the caller's login, when it named one. */
  readonly tenantId: string | undefined;
}

export interface Answer {
  readonly status: 200 | 201 | 204;
  readonly body?: object;
}

export type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';

/**
 * An operation of the management API. Other methods of its path are answered with 405, other paths with 404. It may throw
 * an ApiFailure or a PubSubError: `invalid`, `notFound`, `conflict`.
 */
export interface Operation {
  readonly method: Method;
  /** Below `/subscriptions`; fixed segments match in any letter case. See paths.ts. */
  readonly path: string;
  /** What the audit log calls it: `listKeys`. */
  readonly name: string;
  /** It is one of another resource provider, whose api-versions are not known here. */
  readonly hasOtherVersions?: boolean;
  run(call: Call): Answer | Promise<Answer>;
}
