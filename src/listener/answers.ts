import type { FastifyReply, onSendHookHandler } from 'fastify';

type Answer = { readonly reply: FastifyReply; readonly send: () => void };

/**
 * A hook that delays the responses of one turn of the event loop until its end, so that they are written one after
 * another, after the messages that their calls sent. Hot path: callers wake up once for several responses, and their next
 * calls arrive together. A single call is not delayed. [design 4]
 * @param onFault called when a response could not be written, which ends its connection
 */
export function answersAtTurnEnd(onFault: (error: unknown) => void): onSendHookHandler {
  let due: Answer[] = [];
  const sendAll = () => {
    const answers = due;
    due = [];
    for (const { reply, send } of answers) {
      try {
        send();
      } catch (error) {
        reply.raw.destroy(); // no caller could catch the error, and the other responses must still be written
        onFault(error);
      }
    }
  };
  return (_request, reply, _payload, done) => {
    if (due.length === 0) setImmediate(sendAll);
    due.push({ reply, send: done });
  };
}
