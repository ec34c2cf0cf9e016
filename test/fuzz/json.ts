import { PubSubError } from '../../src/errors.js';
import { decode } from '../../src/protocols/webpubsub/json/decode.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

/** Any text frame is a request or PubSubError `malformed`; any binary frame is `wrongFrameType`. */
export const target: FuzzTarget = {
  name: 'json',
  corpus: [
    '{"type":"joinGroup","group":"g","ackId":18446744073709551615}',
    '{"type":"sendToGroup","group":"g","ackId":1,"noEcho":true,"dataType":"text","data":"a\\ud83d\\udc4d","ttlSeconds":300}',
    '{"type":"sendToGroup","group":"g","data":{"a":[1.0,{"b":"\\"]}"}],"c":null},"metadata":{"k":"v"}}',
    '{"type":"sendToGroup","group":"g","stream":{"streamId":"s"}}',
    '{"type":"event","event":"e","dataType":"binary","data":"AAEC/w=="}',
    '{"type":"event","event":"e","dataType":"protobuf","data":"CgR0ZXN0EgIIAQ=="}',
    '{"type":"sequenceAck","sequenceId":"42"}',
    '{"type":"invoke","invocationId":"i","target":"event","event":"e","dataType":"json","data":1e-7}',
    '{"type":"ping"}',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const failure = failureOf(bytes, false);
    if (failure !== undefined && failure !== 'malformed') throw new RuleBroken(`a text frame is ${failure}`);
    const kind = failureOf(bytes, true);
    if (kind !== 'wrongFrameType') throw new RuleBroken(`a binary frame is ${kind ?? 'a request'}`);
  },
};

/** The kind of the error that decoding ends with, if it does. */
function failureOf(bytes: Buffer, isBinary: boolean): string | undefined {
  try {
    decode({ isBinary, bytes });
    return undefined;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}
