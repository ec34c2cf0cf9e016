import { type Bench, expect, expectEqual, text } from './checks.js';
import type { Receiver } from './receiver.js';

/** The group reaches exactly these: each gets the probe, and nobody else gets anything before the next message. */
export async function expectMembers(
  bench: Bench,
  group: string,
  members: readonly Receiver[],
  others: readonly Receiver[] = [],
): Promise<void> {
  await bench.service.group(group).sendToAll('probe', text);
  for (const one of members) expectEqual((await one.next()).data, 'probe', 'a member got');
  for (const one of others) {
    await bench.service.sendToConnection(one.connectionId, 'next', text);
    expectEqual((await one.next()).data, 'next', 'one who is no member got first');
  }
}

/** The service says why, then closes with 1000, and for REST the connection is gone. */
export async function expectClosed(bench: Bench, receiver: Receiver, reason: string): Promise<void> {
  const { event, message } = await receiver.next();
  expectEqual(event, 'disconnected', 'last frame');
  expect(message?.endsWith(` Reason: ${reason}`) === true, `message of the last frame: ${message}`);
  expectEqual(await receiver.closed, 1000, 'close code');
  expectEqual(await bench.service.connectionExists(receiver.connectionId), false, 'exists afterwards');
}
