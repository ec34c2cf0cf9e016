import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, parse, relative, resolve, sep } from 'node:path';

/** Every symbolic link on the way to the file, and the final path: a change of any of them changes the file. */
export async function linkChainOf(file: string): Promise<readonly string[]> {
  const links: string[] = [];
  let path = file;
  // As many links as the operating system follows.
  for (let count = 0; count < 40; count += 1) {
    const link = await firstLink(path);
    // A link that goes away in between causes an event; the links found until then are enough.
    const target = link === undefined ? undefined : await readlink(link).catch(() => undefined);
    if (link === undefined || target === undefined) break;
    links.push(link);
    path = resolve(dirname(link), target, relative(link, path));
  }
  return [...links, path];
}

async function firstLink(path: string): Promise<string | undefined> {
  let step = parse(path).root;
  for (const name of path.slice(step.length).split(sep)) {
    step = join(step, name);
    // What is not there yet is no link; its folder is watched for it.
    const stats = await lstat(step).catch(() => undefined);
    if (stats?.isSymbolicLink()) return step;
  }
  return undefined;
}
