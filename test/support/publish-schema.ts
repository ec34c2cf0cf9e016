import { writeFileSync } from 'node:fs';
import { publishedSchema } from '../../src/config/schema/published.js';

/** Writes hubs.schema.json, which editors read, from the schema that the service validates with. */
const target = new URL('../../hubs.schema.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(publishedSchema(), null, 2)}\n`);
