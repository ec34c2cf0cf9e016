import { PubSubError } from '../../src/errors.js';
import { limitsOf } from '../../src/pusher-api/apps.js';
import { parseBatch, parseEvent, type Trigger } from '../../src/pusher-api/event-parsing.js';
import { checkSignature, type SignedParameters } from '../../src/pusher-api/request-signature.js';
import { signedTarget, testApp } from '../support/pusher-requests.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const defaultLimits = limitsOf({ id: testApp.id, keys: [], enabled: true });

const now = 1_790_000_000;
const checks = {
  keys: [{ key: testApp.key, secret: testApp.secret, active: true }],
  nowMs: now * 1_000,
  basePaths: ['/base'],
};

/** Most of a text that a refusal shows of a request. */
const longestMessage = 4_096;

/**
 * The first line of an input is a request's target, the rest its body. Whatever they are, the request is accepted or
 * refused with a PubSubError that a caller causes; one that is signed here is accepted, and its body read or refused.
 */
export const target: FuzzTarget = {
  name: 'pusher-requests',
  corpus: [
    '/apps/42/events\n{"name":"tick","channels":["orders-7"],"data":{"n":1.0},"socket_id":"1.2","info":"user_count"}',
    '/apps/42/batch_events\n{"batch":[{"name":"a","channel":"b","data":"c"},{"name":"d","channel":"presence-e","data":null}]}',
    '/apps/42/users/a%20b/terminate_connections?x=y+z&x=%2B\n{}',
    '/apps/42/channels/presence-a/users?filter_by_prefix=presence-&Info=user_count%2Ccache&&=&%zz=%\n',
    `${signedTarget({ method: 'POST', path: '/apps/42/events', body: '{}', now })}\n{}`,
    `http://hub/apps/42/events?channels[]=a&channels[]=b&name=n&data=${'%5B'.repeat(50)}#x\n${'['.repeat(99)}`,
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const end = bytes.indexOf('\n');
    const sent = (end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
    const body = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 1);
    accepted(() => checkSignature({ method: 'POST', target: sent }, checks));
    const [path = '', query = ''] = sent.split('?', 2);
    const parts = { method: 'POST', path, query: [['text', query]], now } as const;
    const own = signedTarget(parts);
    if (!isTarget(path)) return;
    const parameters = accepted(() => checkSignature({ method: 'POST', target: own }, checks));
    if (parameters === undefined) throw new RuleBroken('a request that is signed by the rules is refused');
    if (parameters.get('text') !== query) throw new RuleBroken('a parameter is read as another text');
    accepted(() => parameters.checkBody(body));
    readEvents(body, parameters);
  },
};

/** Does the path stay the same in front of a query? */
function isTarget(path: string): boolean {
  return !path.includes('#') && !/^https?:\/\//i.test(path);
}

function readEvents(body: Buffer, parameters: SignedParameters): void {
  const event = accepted(() => parseEvent(body, parameters, defaultLimits));
  const events = [event, ...(accepted(() => parseBatch(body, defaultLimits)) ?? [])];
  for (const each of events) if (each !== undefined) checkTrigger(each);
}

function checkTrigger({ name, channels, data }: Trigger): void {
  if (name === '' || name.startsWith('pusher:')) throw new RuleBroken(`an event is called ${JSON.stringify(name)}`);
  if (channels.length === 0 || channels.length > 100) throw new RuleBroken(`an event has ${channels.length} channels`);
  if (data.length > 10_240) throw new RuleBroken(`data has ${data.length} bytes`);
}

/** What it gives; undefined when the request is refused. */
function accepted<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PubSubError) || error.kind === 'internal') throw error;
    if (error.message.length > longestMessage)
      throw new RuleBroken(`the message has ${error.message.length} characters`);
    return undefined;
  }
}
