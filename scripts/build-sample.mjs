// Bundles samples/chat with the packages it uses into dist/sample, so that `hubwire start --sample` needs nothing beside
// this package: esbuild, express and the vendor's SDKs are for development only.
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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
await writeFile(join(target, 'LICENSES.txt'), await licencesOf([server.metafile, pages.metafile]));

/** The licence texts of all packages that are part of the bundles, as their licences require. */
async function licencesOf(metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = new Set(inputs.map(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean));
  const texts = await Promise.all([...folders].sort().map(folder => licenceOf(join(root, folder))));
  return `${texts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find(each => /^licen[cs]e/i.test(each));
  const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}
