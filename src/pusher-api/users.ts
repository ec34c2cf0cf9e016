import type { FastifyInstance } from 'fastify';
import { type AppPath, callOf } from './call.js';
import { operation } from './operation.js';
import type { Rates } from './rates.js';

const terminate = operation('PusherApi_TerminateConnections', 'Close the connections that signed in as a user.');

/** Also of a user without connections. [pusher-webhooks 3.9, 4.2] */
export function addUsers(app: FastifyInstance, rates: Rates): void {
  app.post<AppPath<'user'>>('/:app/users/:user/terminate_connections', terminate, async request => {
    const { appId, limits, channels } = callOf(request);
    rates.use(appId, 1, limits.maxBackendEventsPerSecond);
    await channels.terminate(request.params.user);
    return {};
  });
}
