import { Ajv, type CodeOptions, type ValidateFunction } from 'ajv';
import { oneOrMore } from './fields.js';
import { type HubsFile, hubsFileSchema } from './hubs-file.js';

/** Formats are parsed by `canonicalise`, which can describe the problem, and makes lists of only items. */
const options = {
  allErrors: true,
  verbose: true,
  allowUnionTypes: true,
  ownProperties: true,
  validateFormats: false,
  keywords: [oneOrMore],
};

/** The schema of hubs.yaml as a function, whose `errors` are those of its last call. */
export function compileHubsFile(code: CodeOptions = {}): { ajv: Ajv; isHubsFile: ValidateFunction<HubsFile> } {
  const ajv = new Ajv({ ...options, code });
  return { ajv, isHubsFile: ajv.compile<HubsFile>(hubsFileSchema) };
}
