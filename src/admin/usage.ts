import { freemem, totalmem } from 'node:os';
import type { FastifyPluginAsync } from 'fastify';

/** `GET /usage`, as soketi and Sockudo answer it: the memory of this process. [pusher-webhooks 1.6, row 53] */
export const usageRoute: FastifyPluginAsync = async app => {
  app.get('/usage', async () => ({ memory: memoryUse() }));
};

/** In bytes; `total` is the machine's. */
function memoryUse() {
  const total = totalmem();
  const used = process.memoryUsage.rss();
  return { free: freemem(), used, total, percent: (used / total) * 100 };
}
