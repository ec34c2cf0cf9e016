import type { FastifyRequest } from 'fastify';
import type { ApiLimits, AppChannels } from './apps.js';
import type { SignedParameters } from './request-signature.js';

/** A request whose signature is valid. */
export interface Call {
  readonly appId: string;
  readonly limits: ApiLimits;
  readonly channels: AppChannels;
  /** Of its query. */
  readonly parameters: SignedParameters;
  /** Empty where there is none. */
  readonly body: Buffer;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the Pusher API, once its caller is known. */
    signed: Omit<Call, 'body'> | undefined;
  }
}

/** Names in the path of a route. */
export type AppPath<Names extends string = never> = { Params: Record<Names | 'app', string> };

/** For routes, which run only for requests that are signed. */
export function callOf(request: FastifyRequest): Call {
  const { signed } = request;
  if (signed === undefined) throw new Error('a route of the Pusher API runs before its caller is known');
  return { ...signed, body: bodyOf(request) };
}

export function bodyOf({ body }: FastifyRequest): Buffer {
  return body instanceof Buffer ? body : noBody;
}

const noBody = Buffer.alloc(0);
