import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { answersAtTurnEnd } from '../listener/answers.js';
import { failureOf, logFailure } from '../listener/failure.js';
import { syncHook } from '../listener/hooks.js';
import type { ErrorFormat } from '../listener/http-settings.js';
import { authentication, type CallerChecks, checkBody } from './authentication.js';
import { readBodies } from './body.js';
import { addChannels } from './channels.js';
import { addEvents } from './events.js';
import { ApiFailure, sendFailure } from './failures.js';
import type { MessageQuotas } from './quotas.js';
import { Rates } from './rates.js';
import { addUsers } from './users.js';

export interface PusherApiOptions extends CallerChecks {
  /** Milliseconds of a clock that is never set. */
  monotonicMs(): number;
  /** Of the apps' messages. */
  readonly quotas: MessageQuotas;
  readonly logger?: FastifyBaseLogger | undefined;
}

/** Prefix with which the API is registered. */
export const pusherApiPrefix = '/apps';

/** For what is refused before the plugin below has a say. */
export const pusherErrorFormat: ErrorFormat = { prefix: pusherApiPrefix, send: sendFailure };

/** Pusher's HTTP API as a plugin of the public server, with an error format of its own. [pusher-webhooks 4] */
export function pusherApi(options: PusherApiOptions): FastifyPluginAsync {
  return async api => {
    api.decorateRequest('signed', undefined);
    api.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.logger));
    api.setNotFoundHandler((_request, reply) => sendFailure(reply, noRoute));
    const onFault = (error: unknown) =>
      options.logger?.error({ err: error }, 'an answer of the Pusher API could not be written');
    api.addHook('onSend', answersAtTurnEnd(onFault));
    api.register(async routes => addRoutes(routes, options));
  };
}

/** Checks run before the body is read, as far as they can. */
function addRoutes(app: FastifyInstance, options: PusherApiOptions): void {
  readBodies(app);
  app.addHook('onRequest', syncHook(authentication(options)));
  app.addHook('preValidation', syncHook(checkBody));
  const rates = { messages: new Rates(options.monotonicMs), reads: new Rates(options.monotonicMs) };
  addEvents(app, rates.messages, options.quotas);
  addChannels(app, rates.reads);
  addUsers(app, rates.messages);
}

const noRoute = new ApiFailure('notFound', 'There is no operation with this path and method.');

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: FastifyBaseLogger | undefined,
): FastifyReply {
  const failure = failureOf(error, request);
  logFailure(failure, request, logger, 'a call of the Pusher API failed');
  return sendFailure(reply, failure);
}
