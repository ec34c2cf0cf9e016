import type { FastifyInstance } from 'fastify';
import { isUserId, userIdRule } from '../protocols/names.js';
import { type AppPath, callOf } from './call.js';
import { invalid } from './failures.js';
import { operation } from './operation.js';
import type { Rates } from './rates.js';

const terminate = operation('PusherApi_TerminateConnections', 'Close the connections that signed in as a user.');

/** Also of a user without connections. [pusher-webhooks 3.9, 4.2] */
export function addUsers(app: FastifyInstance, rates: Rates): void {
  app.post<AppPath<'user'>>('/:app/users/:user/terminate_connections', terminate, async request => {
    const { appId, limits, channels } = callOf(request);
    rates.use(appId, 1, limits.maxBackendEventsPerSecond);
    await channels.terminate(userOf(request.params.user));
    return {};
  });
}

/** @throws ApiFailure `invalid` for what no user can have signed in as, or be on a presence channel */
function userOf(id: string): string {
  if (isUserId(id)) return id;
  throw invalid(`${JSON.stringify(id)} is no user id, which has ${userIdRule}.`);
}
