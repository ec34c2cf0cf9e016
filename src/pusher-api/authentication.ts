import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ApiApps, type AppChannels, limitsOf } from './apps.js';
import { type AppPath, bodyOf, callOf } from './call.js';
import { ApiFailure } from './failures.js';
import { checkSignature } from './request-signature.js';

export interface CallerChecks {
  readonly apps: ApiApps;
  channelsOf(appId: string): AppChannels;
  /** Of the public endpoints. */
  readonly endpoints: { readonly basePaths: readonly string[] };
  /** Unix milliseconds. */
  now(): number;
  /** Called for each request with a valid signature. */
  readonly onAuthenticated?: ((socket: Socket) => void) | undefined;
}

/**
 * A hook that accepts a request signed with a key of the app in its path, before its body is read. The body is checked by
 * `checkBody`, when it is there. [pusher-webhooks 4.1, 4.3]
 */
export function authentication({ apps, channelsOf, endpoints, now, onAuthenticated }: CallerChecks) {
  return (request: FastifyRequest, _reply: FastifyReply): void => {
    const { app: id } = request.params as AppPath['Params'];
    const app = apps.findById(id);
    if (app === undefined) throw new ApiFailure('notFound', 'There is no app with the id in the path.');
    const { method, originalUrl: target } = request;
    const checks = { keys: app.keys, nowMs: now(), basePaths: endpoints.basePaths };
    const parameters = checkSignature({ method, target }, checks);
    if (!app.enabled) throw new ApiFailure('forbidden', `App ${app.id} is disabled.`);
    request.signed = { appId: app.id, limits: limitsOf(app), channels: channelsOf(app.id), parameters };
    onAuthenticated?.(request.raw.socket);
  };
}

/** A hook for requests whose body has been read. [pusher-webhooks 4.1] */
export function checkBody(request: FastifyRequest): void {
  callOf(request).parameters.checkBody(bodyOf(request));
}
