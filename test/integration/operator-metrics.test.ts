import { describe, expect, test } from 'vitest';
import type { Service } from '../../src/service.js';
import { startHub } from '../support/start-hub.js';

const admin = { host: '127.0.0.1', port: 0 };

/** Values of one metric, by its labels. */
async function readMetric(service: Service, name: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${service.adminUrl}/metrics`)).text();
  const samples = [...text.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))];
  return Object.fromEntries(samples.map(([, labels = '', value]) => [labels, Number(value)]));
}

describe('[MG-308] metrics of the service itself', () => {
  test('each validation of an upstream is counted, those that are repeated too', async () => {
    const { service } = await startHub({
      admin,
      yaml: `hubs:
  chat: { eventHandlers: [{ urlTemplate: "UPSTREAM/{event}", userEventPattern: "*" }] }
  lost: { eventHandlers: [{ urlTemplate: "http://127.0.0.1:1/{event}", userEventPattern: "*" }] }
`,
    });
    const count = () => readMetric(service, 'hubwire_event_handler_validations_total');
    expect(await count()).toMatchObject({ '{result="success"}': 1 });
    await expect.poll(async () => (await count())['{result="failed"}'], { timeout: 5_000 }).toBeGreaterThan(1);
    expect(await count()).toMatchObject({ '{result="success"}': 1 });
  });

  test('bytes that wait for a client that reads nothing are summed, and gone when it reads', async () => {
    const { service, dial } = await startHub({ admin });
    const [reader, stalled] = [await dial(), await dial()];
    for (const client of [reader, stalled]) await client.next();
    stalled.ws.pause();
    const queued = async () => (await readMetric(service, 'hubwire_outbound_queue_bytes'))[''];
    expect(await queued()).toBe(0);
    const bytes = Buffer.alloc(500_000);
    const messages = 30; // more than the kernel keeps for a client, and less than a queue may have
    for (let count = 0; count < messages; count += 1) {
      service.hubs.reach('chat').sendToAll({ dataType: 'binary', bytes, metadata: undefined });
      await reader.next();
    }
    expect(await queued()).toBeGreaterThan(bytes.length);
    stalled.ws.resume();
    for (let count = 0; count < messages; count += 1) await stalled.next();
    await expect.poll(queued).toBe(0);
  });
});
