import { isDeepStrictEqual } from 'node:util';
import { BadEnvelope } from '../../src/backplane/nats/bad-envelope.js';
import { type Envelope, EnvelopeWriter, readEnvelope } from '../../src/backplane/nats/envelope.js';
import { Assembly } from '../../src/backplane/nats/parts.js';
import type { QueryKind } from '../../src/hub/commands.js';
import { answered, commands, queries, targets } from '../support/backplane-contract.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const writer = new EnvelopeWriter('AbC-_9', undefined);
const [hub] = targets as [(typeof targets)[0]];
const kinds = Object.keys(answered) as QueryKind[];

/** Any bytes are an envelope, or have a flaw; one that is read is written again as it was. [cluster 3.3] */
export const target: FuzzTarget = {
  name: 'envelopes',
  corpus: [
    ...commands.map((command, index) => writer.commands(index, targets[index % targets.length]!, [command])),
    ...queries.map((query, index) => writer.query(index, hub, query)),
    ...kinds.flatMap(kind => (answered[kind] as never[]).map(answer => writer.answer(1, kind, answer))),
    writer.hello({
      number: 5,
      name: 'east',
      formats: [1, 2],
      isDraining: true,
      isNew: true,
      formerTag: 'AbC-_8',
      replaced: 'cccccc',
    }),
    writer.part(1, 0, 1, Buffer.from('whatever')),
    ...[writer.failure(3), writer.barrier(8), writer.passed(8, { late: [1, 2], isNew: true }), writer.bye()],
  ],
  run(bytes) {
    try {
      checkRead(readEnvelope(bytes, undefined));
    } catch (error) {
      if (!(error instanceof BadEnvelope)) throw error;
    }
  },
};

function checkRead(envelope: Envelope): void {
  if (envelope.kind === 'part') new Assembly().add(envelope);
  if (envelope.kind === 'answer') for (const kind of kinds) answerOf(envelope, kind);
  if (envelope.kind !== 'commands') return;
  const { from, number, target: to, commands: given } = envelope;
  const again = readEnvelope(new EnvelopeWriter(from, undefined).commands(number, to, given), undefined);
  if (!isDeepStrictEqual(again, envelope))
    throw new RuleBroken('commands are written in another way than they were read');
}

/** One that is no answer to this kind has a flaw too. */
function answerOf({ answer }: Envelope & { kind: 'answer' }, kind: QueryKind): void {
  try {
    answer?.read(kind);
  } catch (error) {
    if (!(error instanceof BadEnvelope)) throw error;
  }
}
