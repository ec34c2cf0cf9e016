import { target as commandArguments } from './arguments.js';
import { target as envelopes } from './envelopes.js';
import { target as filter } from './filter.js';
import type { FuzzTarget } from './fuzz-target.js';
import { target as hubBodies } from './hub-bodies.js';
import { target as hubsFileEdits } from './hubs-file-edits.js';
import { target as importFile } from './import.js';
import { target as importAzure } from './import-azure.js';
import { target as json } from './json.js';
import { target as protobuf } from './protobuf.js';
import { target as pusher } from './pusher.js';
import { target as pusherApi } from './pusher-requests.js';
import { target as webhookFilter } from './webhook-filter.js';

/** A new target is one file and one line here. */
export const targets: readonly FuzzTarget[] = [
  commandArguments,
  envelopes,
  filter,
  hubBodies,
  hubsFileEdits,
  importAzure,
  importFile,
  json,
  protobuf,
  pusher,
  pusherApi,
  webhookFilter,
];
