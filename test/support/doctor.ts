import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import { WebPubSubEventHandler, type WebPubSubEventHandlerOptions } from '@azure/web-pubsub-express';
import { onTestFinished } from 'vitest';
import { Endpoints } from '../../src/auth/endpoints.js';
import { developmentKey } from '../../src/cli/key-settings.js';
import { systemClock } from '../../src/clock.js';
import { lineOf, parseConfig } from '../../src/config/load.js';
import { examine } from '../../src/doctor/examine.js';
import type { Finding } from '../../src/doctor/finding.js';
import type { Subject } from '../../src/doctor/subject.js';
import { noProxies } from '../../src/egress/proxy.js';

const require = createRequire(import.meta.url);

/** Neither has type declarations of its own; this is what the tests need of them. */
export interface ExpressApp extends RequestListener {
  use(handler: RequestListener): unknown;
  use(middleware: unknown): unknown;
  get(path: string, handler: RequestListener): unknown;
  post(path: string, handler: RequestListener): unknown;
}
export const express = require('express') as (() => ExpressApp) & { json(): unknown };
export const cors = require('cors') as () => unknown;

/** The vendor's middleware for a hub. */
export function middleware(options: WebPubSubEventHandlerOptions = {}, hub = 'chat'): unknown {
  return new WebPubSubEventHandler(hub, { path: '/eventhandler', ...options }).getMiddleware();
}

/** The URL of a server that ends with the test. */
export async function listen(server: Server, host = '127.0.0.1', scheme = 'http'): Promise<string> {
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => {
    if ('closeAllConnections' in server) (server as ReturnType<typeof createServer>).closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** As `listen`, of an HTTP app. */
export function serve(app: RequestListener, host?: string): Promise<string> {
  return listen(createServer(app), host);
}

/** The URL of a port of this machine on which nothing listens. */
export async function closedUrl(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** What a test changes: times are short, and nothing runs. */
export interface Changes extends Partial<Omit<Subject, 'endpoints' | 'config' | 'lineOf'>> {
  readonly endpoints?: readonly string[];
}

/** @param yaml of hubs.yaml */
export function subjectOf(yaml: string, changes: Changes = {}): Subject {
  const { endpoints: named = ['http://localhost:8080'], ...rest } = changes;
  const endpoints = new Endpoints(named, () => '');
  return {
    config: parseConfig(yaml, { file: 'hubs.yaml', env: {} }),
    lineOf: lineOf(yaml),
    keys: { primary: developmentKey, secondary: undefined },
    endpoints,
    listener: undefined,
    endpoint: endpoints.primary,
    admin: undefined,
    startLine: 'hubwire start',
    proxies: noProxies,
    env: {},
    clock: systemClock,
    tokens: { token: async () => 'token' },
    machine: { isContainer: false, containerHost: 'host.docker.internal' },
    limits: { slowMs: 1_000, tooSlowMs: 2_000, giveUpMs: 500 },
    focus: { connect: false },
    ...rest,
  };
}

/** What is found of handlers, and not of the service, which does not run. */
export async function handlerFindings(yaml: string, changes: Changes = {}): Promise<readonly Finding[]> {
  return (await examine(subjectOf(yaml, changes))).filter(({ line }) => line !== undefined);
}

/** Code, level and the first word of the advice of each. */
export function inShort(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ code, level, advice }) => [level, code, ...firstWord(advice)].join(' '));
}

function firstWord([first]: readonly string[]): readonly string[] {
  return first === undefined ? [] : [first.split(' ')[0]!];
}

/** hubs.yaml of hub `chat` with one handler, whose URL is on line 4. */
export function handlerYaml(urlTemplate: string, more: readonly string[] = ['userEventPattern: "*"']): string {
  const lines = [`- urlTemplate: ${urlTemplate}`, ...more.map(line => `  ${line}`)];
  return `hubs:\n  chat:\n    eventHandlers:\n${lines.map(line => `      ${line}\n`).join('')}`;
}
