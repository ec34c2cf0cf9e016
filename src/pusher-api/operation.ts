import type { RouteShorthandOptions } from 'fastify';

/** Names a route in metrics. */
export function operation(id: string, summary: string): RouteShorthandOptions {
  return { config: { operation: { id, summary, actions: [], success: { status: 200 } } } };
}
