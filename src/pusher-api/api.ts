import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { failureOf, logFailure } from '../listener/failure.js';
import { syncHook } from '../listener/hooks.js';
import { authentication, type CallerChecks, checkBody } from './authentication.js';
import { addChannels } from './channels.js';
import { addEvents } from './events.js';
import { ApiFailure, sendFailure } from './failures.js';
import { Rates } from './rates.js';
import { addUsers } from './users.js';

export interface PusherApiOptions extends CallerChecks {
  /** Milliseconds of a clock that is never set. */
  monotonicMs(): number;
  readonly logger?: FastifyBaseLogger | undefined;
}

/** Prefix with which the API is registered. */
export const pusherApiPrefix = '/apps';

/** Ten events of 100 KB, the largest that are usual elsewhere, each as JSON in a string of JSON. Only callers whose signature is valid are read. */
const maxBodyBytes = 2 * 1024 * 1024;

/** Pusher's HTTP API as a plugin of the public server, with an error format of its own. [PW §4] */
export function pusherApi(options: PusherApiOptions): FastifyPluginAsync {
  return async api => {
    api.decorateRequest('signed', undefined);
    api.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.logger));
    api.setNotFoundHandler((_request, reply) => sendFailure(reply, noRoute));
    api.register(async routes => addRoutes(routes, options));
  };
}

/** Checks run before the body is read, as far as they can. */
function addRoutes(app: FastifyInstance, options: PusherApiOptions): void {
  readBodiesAsBytes(app);
  app.addHook('onRequest', syncHook(authentication(options)));
  app.addHook('preValidation', syncHook(checkBody));
  const rates = { messages: new Rates(options.monotonicMs), reads: new Rates(options.monotonicMs) };
  addEvents(app, rates.messages);
  addChannels(app, rates.reads);
  addUsers(app, rates.messages);
}

/** The signature is over the bytes. Some SDKs name no media type, or another one: all bodies are JSON. */
function readBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // The usual one is named only because Fastify remembers the parser of a named one.
  const settings = { parseAs: 'buffer', bodyLimit: maxBodyBytes } as const;
  app.addContentTypeParser(['application/json', '*'], settings, (_request, body, done) => done(null, body));
}

const noRoute = new ApiFailure('notFound', 'There is no operation with this path and method.');

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: FastifyBaseLogger | undefined,
): FastifyReply {
  const failure = failureOf(error);
  logFailure(failure, request, logger, 'a call of the Pusher API failed');
  return sendFailure(reply, failure);
}
