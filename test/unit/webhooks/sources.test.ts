import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/load.js';
import { Settings } from '../../../src/settings.js';
import { Sources } from '../../../src/webhooks/sources.js';

const secret = `whsec_${Buffer.alloc(32).toString('base64')}`;

/** What an operator is told about a configuration. */
function warningsOf(yaml: string): string[] {
  const warnings: string[] = [];
  const settings = new Settings(parseConfig(yaml, { file: 'hubs.yaml', env: {} }));
  new Sources(settings.ofWebhooks(), (source, warning) => warnings.push(`${source}: ${warning}`));
  return warnings;
}

function appYaml(types: string, more = ''): string {
  const webhooks = `webhooks: [{ id: w, url: "https://h/", event_types: ${types} }]`;
  return `apps: [{ id: "42", key: k, secret: s, ${more} ${webhooks} }]`;
}

test.each([
  ['[client_event, subscription_count]', '', ['client_event', 'subscription_count']],
  ['[client_event, channel_occupied]', 'enable_client_messages: true,', []],
  ['[subscription_count]', 'enable_client_messages: true,', ['subscription_count']],
  ['["*"]', '', []],
])('an app whose webhooks list %s (%s): a warning about %j, which its settings switch off', (types, more, missing) => {
  const settings = { client_event: 'enable_client_messages', subscription_count: 'enable_subscription_count' };
  expect(warningsOf(appYaml(types, more))).toEqual(
    missing.map(
      type =>
        `app:42: a webhook lists ${type}, which is never sent: set ${settings[type as keyof typeof settings]} of the app`,
    ),
  );
});

test.each([
  ['', ['chat: webhook w is not signed, so its receiver cannot tell who sent it: give it a signing_secret']],
  [`, signing_secret: ${secret}`, []],
  [`, signing_secrets: [{ secret: ${secret} }]`, []],
])('a webhook of a hub with %s: warnings %j', (signed, warnings) => {
  const yaml = `hubs: { chat: { webhooks: [{ id: w, url: "https://h/", event_types: [connected]${signed} }] } }`;
  expect(warningsOf(yaml)).toEqual(warnings);
});
