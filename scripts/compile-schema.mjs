// Replaces build/config/schema/check.js, which compiles the schema of hubs.yaml when it is loaded, by the compiled function.
import { fileURLToPath } from 'node:url';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';
import { compileHubsFile } from '../build/config/schema/compile.js';

const folder = fileURLToPath(new URL('../build/config/schema', import.meta.url));
const { ajv, isHubsFile } = compileHubsFile({ source: true, esm: true });
await build({
  stdin: {
    contents: `${standaloneCode.default(ajv, isHubsFile)}\nexport { validate as isHubsFile };`,
    resolveDir: folder,
  },
  outfile: `${folder}/check.js`,
  allowOverwrite: true,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'warning',
});
