import type { PeerSettings } from './peer-settings.js';

/** The URL of a redis server whose parts are settings of their own, with the peers' defaults. */
export function redisUrlOf(redis: PeerSettings): string {
  const host = redis.text('host') ?? '127.0.0.1';
  const port = redis.number('port') ?? 6379;
  const user = redis.text('username');
  const password = redis.text('password');
  const database = redis.number('db') ?? 0;
  const credentials = password === undefined ? '' : `${encode(user ?? '')}:${encode(password)}@`;
  return `redis://${credentials}${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}

/** A lone surrogate has no encoding. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}
