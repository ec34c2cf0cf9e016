import { type Bench, type Checks, expect, expectEqual, failureOf, text } from './checks.js';
import type { Receiver } from './receiver.js';

const bytes = Uint8Array.of(0, 1, 128, 255);

interface Send {
  (message: string, options: { contentType: 'text/plain' }): Promise<void>;
  (message: object): Promise<void>;
}

/** Text, JSON and bytes leave in this order and arrive in it, each as what it is. */
async function expectEachType(send: Send, receiver: Receiver, from: 'server' | 'group'): Promise<void> {
  await send('héllo', { contentType: 'text/plain' });
  await send({ n: 1, list: [true, null] });
  await send(bytes.buffer);
  const got = [await receiver.next(), await receiver.next(), await receiver.next()];
  expectEqual(
    got.map(frame => frame.from),
    [from, from, from],
    'from',
  );
  expectEqual(
    got.map(({ dataType, data }) => [dataType, data]),
    [
      ['text', 'héllo'],
      ['json', { n: 1, list: [true, null] }],
      ['binary', 'AAGA/w=='],
    ],
    'what arrived',
  );
}

/** `wanted` gets the message; `unwanted` gets only the one after it. */
async function expectOnly(
  bench: Bench,
  wanted: Receiver,
  unwanted: Receiver,
  send: () => Promise<void>,
): Promise<void> {
  await send();
  expectEqual((await wanted.next()).data, 'for some', 'the one that was meant got');
  await bench.service.sendToConnection(unwanted.connectionId, 'for all', { contentType: 'text/plain' });
  expectEqual((await unwanted.next()).data, 'for all', 'the one that was not meant got first');
}

export const sendChecks: Checks = {
  async sendToAll(bench) {
    await expectEachType(bench.service.sendToAll.bind(bench.service) as Send, await bench.receiver(), 'server');
  },
  async 'sendToAll.excluded'(bench) {
    const [wanted, unwanted] = [await bench.receiver(), await bench.receiver()];
    const options = { ...text, excludedConnections: [unwanted.connectionId] };
    await expectOnly(bench, wanted, unwanted, () => bench.service.sendToAll('for some', options));
  },
  async 'sendToAll.filter'(bench) {
    const userId = bench.own("o'hara");
    const [wanted, unwanted] = [await bench.receiver({ userId }), await bench.receiver()];
    const filter = `userId eq '${userId.replace("'", "''")}'`;
    await expectOnly(bench, wanted, unwanted, () => bench.service.sendToAll('for some', { ...text, filter }));
  },
  async sendToGroup(bench) {
    const name = bench.own('group');
    const group = bench.service.group(name);
    await expectEachType(group.sendToAll.bind(group) as Send, await bench.receiver({ groups: [name] }), 'group');
  },
  async 'sendToGroup.excluded'(bench) {
    const name = bench.own('group');
    const [wanted, unwanted] = [await bench.receiver({ groups: [name] }), await bench.receiver({ groups: [name] })];
    const options = { ...text, excludedConnections: [unwanted.connectionId] };
    await expectOnly(bench, wanted, unwanted, () => bench.service.group(name).sendToAll('for some', options));
  },
  async 'sendToGroup.filter'(bench) {
    const [name, other] = [bench.own('group'), bench.own('other')];
    const wanted = await bench.receiver({ groups: [name] });
    const unwanted = await bench.receiver({ groups: [name, other] });
    const options = { ...text, filter: `not('${other}' in groups)` };
    await expectOnly(bench, wanted, unwanted, () => bench.service.group(name).sendToAll('for some', options));
  },
  async sendToUser(bench) {
    const userId = bench.own('user');
    const send = bench.service.sendToUser.bind(bench.service, userId) as Send;
    await expectEachType(send, await bench.receiver({ userId }), 'server');
  },
  async 'sendToUser.filter'(bench) {
    const [userId, group] = [bench.own('user'), bench.own('group')];
    const [wanted, unwanted] = [await bench.receiver({ userId, groups: [group] }), await bench.receiver({ userId })];
    const options = { ...text, filter: `'${group}' in groups` };
    await expectOnly(bench, wanted, unwanted, () => bench.service.sendToUser(userId, 'for some', options));
  },
  async sendToConnection(bench) {
    const receiver = await bench.receiver();
    const send = bench.service.sendToConnection.bind(bench.service, receiver.connectionId) as Send;
    await expectEachType(send, receiver, 'server');
    await bench.service.sendToConnection('nobody', 'x', text);
  },
  async 'send.messageTtlSeconds'(bench) {
    const receiver = await bench.receiver();
    await bench.service.sendToConnection(receiver.connectionId, 'soon', { ...text, messageTtlSeconds: 300 });
    expectEqual((await receiver.next()).data, 'soon', 'what arrived');
    const { statusCode } = await failureOf(bench.service.sendToAll('never', { ...text, messageTtlSeconds: 301 }));
    expectEqual(statusCode, 400, 'status of 301 s');
  },
  async 'send.invalidFilter'(bench) {
    const failure = await failureOf(bench.service.sendToAll('x', { ...text, filter: 'invalid filter' }));
    expectEqual(failure.statusCode, 400, 'status');
    const { message } = JSON.parse(failure.message) as { message: string };
    const wanted =
      "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. (Parameter 'filter')";
    expect(message === wanted, `message: ${message}`);
  },
};
