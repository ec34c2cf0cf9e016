import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { parseNatsUrls } from '../../src/nats/options.js';
import { repository } from '../support/doc-pages.js';
import { fileWith } from '../support/hubwire-process.js';
import { natsProgram, requireNats } from '../support/nats-server.js';
import { hasProgram, notRun } from '../support/not-run.js';

const deploy = join(repository, 'deploy');
const compose = async () => parse(await readFile(join(deploy, 'compose.cluster.yaml'), 'utf8'), { merge: true });
const password = 'a0b1c2';

describe('deploy/compose.cluster.yaml', () => {
  const three = ['1', '2', '3'];

  test('has three nodes, each of which knows all three nats-servers', async () => {
    const { services } = await compose();
    for (const number of three) {
      const { image, environment, read_only, cap_drop } = services[`node-${number}`];
      const urls = environment.HUBWIRE_NATS.replaceAll(/\$\{HUBWIRE_NATS_PASSWORD:\?[^}]*\}/g, password);
      const expected = three.map(each => ({ host: `nats-${each}`, port: 4222, login: { user: 'hubwire', password } }));
      expect(parseNatsUrls(urls)).toMatchObject(expected);
      expect({ image, read_only, cap_drop, name: environment.HUBWIRE_NODE_NAME }).toEqual({
        image: 'hubwire',
        read_only: true,
        cap_drop: ['ALL'],
        name: `node-${number}`,
      });
    }
  });

  test('has a folder for temporary files wherever the rest is read-only, as has the one with a single node', async () => {
    const files = [join(deploy, 'compose.cluster.yaml'), join(repository, 'compose.yaml')];
    for (const file of files) {
      const { services } = parse(await readFile(file, 'utf8'), { merge: true });
      for (const [name, { read_only, tmpfs }] of Object.entries<{ read_only?: boolean; tmpfs?: string[] }>(services))
        expect(read_only === true ? tmpfs : ['/tmp'], name).toEqual(['/tmp']);
    }
  });

  test('has three nats-servers, each with routes to the others and a store that stays', async () => {
    const { services, volumes } = await compose();
    for (const number of three) {
      const { command, volumes: mounted } = services[`nats-${number}`];
      const routes = String(command[command.indexOf('--routes') + 1]).split(',');
      const others = three.filter(each => each !== number);
      expect(routes).toEqual(others.map(each => `nats://nats-${each}:6222`));
      expect(command[command.indexOf('--name') + 1]).toBe(`nats-${number}`);
      expect(mounted).toContain(`nats-${number}:/data`);
    }
    expect(Object.keys(volumes)).toEqual(['nats-1', 'nats-2', 'nats-3']);
  });

  test('mounts what exists, and two variables have to be set', async () => {
    const { services } = await compose();
    const mounts = Object.values<{ volumes?: string[] }>(services).flatMap(({ volumes = [] }) => volumes);
    const files = mounts.map(mount => mount.split(':')[0] ?? '').filter(source => source.startsWith('.'));
    expect(files).toHaveLength(7);
    for (const file of files) expect(existsSync(join(deploy, file)), file).toBe(true);
    const required = [...JSON.stringify(services).matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    expect([...new Set(required)].sort()).toEqual(['HUBWIRE_NATS_PASSWORD', 'HUBWIRE_PRIMARY_KEY']);
    const config = await loadConfig(join(deploy, 'compose/hubs.cluster.yaml'), {});
    expect(config.hubs.get('chat')?.eventHandlers[0]?.urlTemplate).toBe('http://chat:3000/eventhandler/{event}');
  });

  test('has a proxy whose configuration is valid', async context => {
    if (!hasProgram('nginx')) return notRun(context, 'there is no nginx here');
    const text = await readFile(join(deploy, 'compose/nginx.conf'), 'utf8');
    expect(text.match(/server node-\d:8080/g)).toEqual([
      'server node-1:8080',
      'server node-2:8080',
      'server node-3:8080',
    ]);
    // What stands for the output cannot be opened where that is a socket.
    const local = text.replaceAll(/node-\d/g, '127.0.0.1').replaceAll(/\/dev\/std\w+/g, '/dev/null');
    const file = await fileWith(local, 'nginx.conf');
    execFileSync('nginx', ['-t', '-c', file, '-g', `pid ${file}.pid;`], { stdio: 'pipe' });
  });
});

describe('deploy/nats/nats-server.conf', () => {
  const file = join(deploy, 'nats/nats-server.conf');
  const check = (path: string, more: readonly string[] = [], secret = password) =>
    execFileSync(natsProgram ?? '', ['-t', '--config', path, ...more], {
      env: { ...process.env, HUBWIRE_NATS_PASSWORD: secret },
      stdio: 'pipe',
    });

  test('is valid, alone and in a cluster', context => {
    requireNats(context);
    check(file);
    const routes = 'nats://nats-2:6222,nats://nats-3:6222';
    check(file, [
      '--name',
      'nats-1',
      '--cluster_name',
      'hubwire',
      '--cluster',
      'nats://0.0.0.0:6222',
      '--routes',
      routes,
    ]);
  });

  test('takes each password that the documented command makes, also where the random part reads as a number', async context => {
    requireNats(context);
    for (const random of ['0e7b11', '123456789', '5k', 'true']) expect(() => check(file, [], random)).toThrow();
    const documented = 'HUBWIRE_NATS_PASSWORD="';
    const texts = ['deploy/compose.cluster.yaml', 'docs/cluster.md'].map(name =>
      readFileSync(join(repository, name), 'utf8'),
    );
    for (const text of texts) {
      const [, value = ''] = new RegExp(`${documented}([^"]*)"`).exec(text) ?? [];
      expect(value).toContain('$(openssl rand -hex 24)');
      for (const random of ['0e7b11', '123456789', '5e0', '000000']) check(file, [], value.replace(/\$\(.*\)/, random));
    }
  });

  test('[cluster 2] has the recommended times', async () => {
    const text = await readFile(file, 'utf8');
    for (const line of ['ping_interval: "5s"', 'ping_max: 2', 'write_deadline: "5s"']) expect(text).toContain(line);
    expect(Number(/lame_duck_grace_period: "(\d+)s"/.exec(text)?.[1])).toBeGreaterThanOrEqual(5);
    expect(text).toMatch(/^jetstream \{/m);
  });

  test('takes the permissions of a node', async context => {
    requireNats(context);
    const permissions = join(deploy, 'nats/permissions.conf');
    const text = await readFile(file, 'utf8');
    const limited = text.replace(
      /authorization \{[\s\S]*\}/,
      'include ./permissions.conf\nauthorization { users: [ { user: hubwire, password: $HUBWIRE_NATS_PASSWORD, permissions: $HUBWIRE } ] }',
    );
    const path = await fileWith(limited, 'nats-server.conf');
    await writeFile(join(path, '../permissions.conf'), await readFile(permissions));
    check(path);
  });
});
