import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startService } from '../support/hubwire-process.js';
import { notRun } from '../support/not-run.js';
import type { TestClient } from '../support/test-client.js';
import { startUpstream } from '../support/upstream.js';

/** Resident memory in MB, and open descriptors, of a process on Linux. */
function usageOf(pid: number): { readonly megabytes: number; readonly descriptors: number } {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { megabytes: Number(kilobytes) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Looks again each 50 ms. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 50));
}

/** 24 invocations of 1 MB, of which as many leave as the service reads. */
function invokeMuch(client: TestClient): void {
  const data = 'x'.repeat(1_040_000);
  for (let id = 0; id < 24; id += 1)
    client.send({ type: 'invoke', invocationId: `${id}`, event: 'e', dataType: 'text', data });
}

test('[F4] invocations that an upstream does not answer cost a bounded amount, which clients that left give back', {
  timeout: 60_000,
}, async context => {
  if (process.platform !== 'linux') notRun(context, 'the memory of a process is read from /proc, as Linux has it');
  const upstream = await startUpstream();
  upstream.on('e', () => {}); // no answer
  const eventHandlers = [{ urlTemplate: `${upstream.origin}/{event}`, userEventPattern: '*' }];
  // A socket that is not read shows its end only when something is written to it.
  const yaml = JSON.stringify({ hubs: { chat: { webSocketKeepAliveIntervalInSeconds: 5, eventHandlers } } });
  const { process: service, dial } = await startService(yaml);
  const open = () => Promise.all(Array.from({ length: 10 }, () => dial()));
  const warmUp = await open();
  for (const client of warmUp) client.ws.terminate();
  const before = usageOf(service.pid);

  const clients = await open();
  for (const client of clients) invokeMuch(client);
  await until(() => upstream.requests.filter(({ event }) => event === 'e').length >= 20);
  await new Promise(resolve => setTimeout(resolve, 500)); // what is read without a bound is read by then
  const during = usageOf(service.pid);
  expect(upstream.requests.filter(({ event }) => event === 'e').length).toBeLessThanOrEqual(30);
  expect(during.megabytes - before.megabytes).toBeLessThan(120);
  expect(during.descriptors - before.descriptors).toBeLessThanOrEqual(10 + 30 + 5);

  for (const client of clients) client.ws.terminate();
  await until(() => usageOf(service.pid).descriptors <= before.descriptors + 5);
  expect(usageOf(service.pid).megabytes).toBeLessThanOrEqual(during.megabytes + 20);
  await upstream.stop();
});
