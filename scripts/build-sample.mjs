// Bundles samples/chat with the packages it uses into dist/sample, so that `hubwire start --sample` needs nothing beside
// this package: esbuild, express and the vendor's SDKs are for development only.
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licencesOf } from './licences.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'samples/chat');
const target = join(root, 'dist/sample');
const common = { bundle: true, minify: true, format: 'esm', metafile: true, absWorkingDir: root, logLevel: 'warning' };

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await cp(join(source, 'public'), join(target, 'public'), { recursive: true });

const server = await build({
  ...common,
  entryPoints: [join(source, 'server.js')],
  outfile: join(target, 'server.js'),
  platform: 'node',
  target: 'node20.19',
  // CommonJS packages call `require` for Node's own modules, which an ES module does not have.
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
});
const pages = await build({
  ...common,
  entryPoints: ['client.js', 'pusher-client.js'].map(name => join(source, 'public', name)),
  outdir: join(target, 'public'),
  allowOverwrite: true,
});
await writeFile(join(target, 'LICENSES.txt'), await licencesOf(root, [server.metafile, pages.metafile]));
