// A process of its own that edits a hubs.yaml: node hubs-file-editing.mjs FILE [--die AT] [--user UID] NAME...
// Prints `put NAME` for each hub that it has put, or `KIND MESSAGE` of an error.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { die: { type: 'string' }, user: { type: 'string' } },
});
const [file, ...names] = positionals;
const die = () => process.kill(process.pid, 'SIGKILL');
const { rename, open } = fs.promises;

/** Where the process is killed. */
const deaths = {
  'in the middle of the write': () => {
    fs.promises.open = async (...args) => {
      const handle = await open(...args);
      handle.writeFile = async content => {
        await handle.write(content.subarray(0, content.length / 2));
        die();
      };
      return handle;
    };
  },
  'before the rename': () => {
    fs.promises.rename = die;
  },
  'after the rename': () => {
    fs.promises.rename = async (...args) => {
      await rename(...args);
      die();
    };
  },
};

if (values.die !== undefined) deaths[values.die]();
syncBuiltinESMExports();
const { HubsFileEditor } = await import('../../build/config/edit/hubs-file-editor.js');
const { systemClock } = await import('../../build/clock.js');
if (values.user !== undefined) {
  process.setgid(Number(values.user));
  process.setuid(Number(values.user));
}

const editor = new HubsFileEditor({ file, env: {}, clock: systemClock });
for (const name of names) {
  const line = await editor.put(name, { anonymousConnectPolicy: 'allow' }).then(
    () => `put ${name}`,
    error => `${error.kind} ${error.message}`,
  );
  process.stdout.write(`${line}\n`);
}
