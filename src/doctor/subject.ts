import type { Endpoints } from '../auth/endpoints.js';
import type { TokenSource } from '../auth/entra.js';
import type { AccessKeys } from '../auth/keys.js';
import type { Clock } from '../clock.js';
import type { Config, Environment, LineOf } from '../config/load.js';
import type { ProxySettings } from '../egress/proxy.js';
import type { EventHandlerOptions } from '../upstream/options.js';
import { type ParsedHandler, parseHandler } from '../upstream/routes.js';

/** What is examined. */
export interface Subject {
  /** Undefined when the file cannot be used. */
  readonly config: Config | undefined;
  readonly lineOf: LineOf;
  /** Undefined when they cannot be read. */
  readonly keys: AccessKeys | undefined;
  readonly endpoints: Endpoints;
  /** The public listener on this machine; undefined when another address is named. */
  readonly listener: string | undefined;
  /** Where clients reach the service, without a trailing slash. */
  readonly endpoint: string;
  /** URL of the admin listener; undefined: none. */
  readonly admin: string | undefined;
  /** The line that starts the service. */
  readonly startLine: string;
  readonly proxies: ProxySettings;
  readonly env: Environment;
  readonly clock: Clock;
  readonly tokens: TokenSource;
  readonly machine: Machine;
  readonly limits: TimeLimits;
  /** What is looked at closely. */
  readonly focus: Focus;
}

export interface Focus {
  /** Only this hub. */
  readonly hub?: string | undefined;
  readonly event?: string | undefined;
  readonly group?: string | undefined;
  /** A client access token, or a URL that has one. */
  readonly token?: string | undefined;
  /** May events be sent to app servers, and may a client connect? */
  readonly connect: boolean;
}

export interface Machine {
  readonly isContainer: boolean;
  /** The name by which a container reaches the machine it runs on. */
  readonly containerHost: string;
}

/** All in milliseconds. */
export interface TimeLimits {
  /** A slower answer to `connect` is told. */
  readonly slowMs: number;
  /** An answer to `connect` that is slower than this is a fault. */
  readonly tooSlowMs: number;
  /** How long an answer is waited for. */
  readonly giveUpMs: number;
}

export const defaultLimits: TimeLimits = { slowMs: 1_000, tooSlowMs: 5_000, giveUpMs: 8_000 };

/** An event handler, with its place in the file. */
export interface Handler {
  readonly parsed: ParsedHandler;
  readonly options: EventHandlerOptions;
  /** As spelled in hubs.yaml. */
  readonly hub: string;
  readonly index: number;
  /** Of its URL. */
  readonly line: number;
}

/** Of the hubs that are looked at, in the order of the file. */
export function handlersOf({ config, lineOf, focus }: Subject): readonly Handler[] {
  return hubsOf(config, focus).flatMap(({ name, eventHandlers }) =>
    eventHandlers.map((options, index) => ({
      parsed: parseHandler(name, options),
      options,
      hub: name,
      index,
      line: lineOf(['hubs', name, 'eventHandlers', index, 'urlTemplate']),
    })),
  );
}

/** Those of the file that are looked at. */
export function hubsOf(config: Config | undefined, { hub }: Focus) {
  const all = [...(config?.hubs.values() ?? [])];
  return hub === undefined ? all : all.filter(({ name }) => name.toLowerCase() === hub.toLowerCase());
}
