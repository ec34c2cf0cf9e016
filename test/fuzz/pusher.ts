import { type DialogueApp, PusherDialogue } from '../../src/protocols/pusher/index.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

/** Every signature is taken, so that what is behind it is reached. */
const app: DialogueApp = {
  isSigned: () => true,
  takesClientEvents: true,
  countsSubscriptions: true,
  mostMembers: 100,
  clientEventsPerSecond: 10,
  mostEventBytes: 10_240,
};

const mostAnswerBytes = 16_384;

/** Any message is an act, an answer that is JSON and not much longer than the message, or nothing; none ends the connection. */
export const target: FuzzTarget = {
  name: 'pusher',
  corpus: [
    '{"event":"pusher:subscribe","data":{"channel":"presence-c","auth":"k:0","channel_data":"{\\"user_id\\":7,\\"user_info\\":{\\"a\\":[1]}}"}}',
    '{"event":"pusher:subscribe","data":"{\\"channel\\":\\"private-cache-c\\",\\"auth\\":\\"k:0\\",\\"channel_data\\":null}"}',
    '{"event":"pusher:unsubscribe","data":{"channel":"#server-to-user-a"}}',
    '{"event":"pusher:signin","data":{"auth":"k:0","user_data":"{\\"id\\":\\"a\\",\\"user_info\\":{},\\"watchlist\\":[\\"b\\",\\"c\\"]}"}}',
    '{"event":"client-x","channel":"private-encrypted-c","data":{"nonce":"\\u00e9","n":1.50,"data":{"data":[]}}}',
    '{"channel":"presence-c","data":"text","event":"client-\\u0078"}',
    '{"event":"pusher:ping","data":{}}',
    '{"event":"pusher:pong"}',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    for (const isBinary of [false, true]) {
      const step = new PusherDialogue(app, '1.1').receive({ isBinary, bytes });
      if (step instanceof Error) throw new RuleBroken('the connection is ended');
      if (isBinary && step?.kind !== 'say') throw new RuleBroken('a binary message is not refused');
      if (step?.kind !== 'say') continue;
      if (step.frames.payloadBytes > mostAnswerBytes) throw new RuleBroken('the answer is longer than 16 KiB');
      for (const frame of step.frames.each()) JSON.parse(frame.bytes.toString('utf8'));
    }
  },
};
