import type { Apps } from '../config/load.js';
import { sampleKeyOf } from '../config/load.js';

/** What may be shown of an app. */
export interface ShownApp {
  readonly id: string;
  /** Of a sample, which everyone knows; others are not shown. */
  readonly sampleKey: string | undefined;
}

/** The file may have thousands. */
const mostIds = 5;

export function shownApps(apps: Apps): readonly ShownApp[] {
  return apps.all().map(app => ({ id: app.id, sampleKey: sampleKeyOf(app) }));
}

/** `42, shop and 3 more` */
export function idsOfApps(apps: readonly { readonly id: string }[]): string {
  const shown = apps.slice(0, mostIds).map(({ id }) => id);
  const rest = apps.length - shown.length;
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/**
 * How a Pusher client reaches the first app: what its library needs, and a line to try if its key may be shown.
 * @param endpoint where clients reach the service
 */
export function pusherClientLines([app]: readonly ShownApp[], endpoint: string): readonly string[] {
  if (app === undefined) return [];
  const { protocol, hostname, port, pathname } = new URL(endpoint);
  const isSecure = protocol === 'https:';
  const path = pathname.replace(/\/$/, '');
  const key = app.sampleKey ?? `of app ${app.id}`;
  const facts = [
    `host ${hostname}`,
    `port ${port || (isSecure ? 443 : 80)}`,
    ...(path === '' ? [] : [`path ${path}`]),
    ...(isSecure ? ['TLS'] : []),
    `key ${key}`,
  ];
  const reach = `  Pusher clients     ${facts.join(', ')}`;
  if (app.sampleKey === undefined) return [reach];
  const url = `${endpoint.replace(/^http/, 'ws').replace(/\/$/, '')}/app/${app.sampleKey}`;
  return [reach, `  a client of app ${app.id} to try:`, `npx wscat -c ${url}`];
}
