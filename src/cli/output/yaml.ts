import { stringify } from 'yaml';

/** As YAML, with each text on a line of its own. */
export function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
