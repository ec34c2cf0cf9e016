/** The app of the Pusher scenarios; the other products that speak the protocol are given the same one. */
export const app = { id: 'bench', key: 'bench-key', secret: 'bench-secret' };

/** hubs.yaml with that app. Client events count against no limit. @param more lines of the app */
export function appYaml(more: readonly string[] = []): string {
  const lines = [
    `id: ${app.id}`,
    `key: ${app.key}`,
    `secret: ${app.secret}`,
    'enable_client_messages: true',
    'max_client_events_per_second: 0',
    ...more,
  ];
  return `apps:\n  - ${lines.join('\n    ')}\n`;
}
