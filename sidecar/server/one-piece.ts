/**
 * Messages that are there as a whole, sent in one piece. Given bytes, node:http writes head, body and an empty end as three;
 * given text, it joins head and body. Latin-1 stands for every byte as it is.
 */
import type { ServerResponse } from 'node:http';
import { ONE_PIECE } from '../http1/one-piece.ts';

/** Ends an answer; worth it where its head is still to be sent, and right in any case. */
export function endAnswer(res: ServerResponse, body: Buffer): void {
  const { socket } = res;
  if (socket === null || body.length === 0 || body.length > ONE_PIECE) {
    res.end(body);
    return;
  }
  // Corked by us, the piece leaves before the end, which then has nothing to wait for and writes nothing of its own.
  socket.cork();
  res.write(body.toString('latin1'), 'latin1');
  socket.uncork();
  res.end();
}
