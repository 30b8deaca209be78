/** Streams as sidecars hold them: TLS, one request, bare from then on, and what comes is read. No client of ours, so that thousands fit a process. */
import { connect } from 'node:net';
import tls from 'node:tls';
import { BARE_STREAM } from '../../sidecar/snapshot/messages.ts';
import type { StreamsSetup, StreamsTold } from './streams.ts';

/** Handshakes under way at a time. */
const IN_FLIGHT = 16;
const BARE = `connection: Upgrade\r\nupgrade: ${BARE_STREAM}\r\n`;
const ANNOUNCED = 'event: snapshot\n';

let [open, lost, announced] = [0, 0, 0];
const tell = (message: StreamsTold): void => void process.send?.(message);

async function run({ ca, from, port, tokens }: StreamsSetup): Promise<void> {
  // One context: the roots are parsed once.
  const secureContext = tls.createSecureContext({ ca });
  let next = 0;
  const worker = async () => {
    while (next < tokens.length) await stream(tokens[next++] ?? '');
  };
  const stream = (token: string) =>
    new Promise<void>((answered) => {
      const socket = tls.connect({
        socket: connect({ host: '127.0.0.1', port, localAddress: from }),
        servername: '',
        secureContext,
        ALPNProtocols: ['http/1.1'],
        checkServerIdentity: () => undefined,
      });
      let isOpen = false;
      socket.write(
        `GET /v1/stream HTTP/1.1\r\nhost: operator\r\nauthorization: Bearer ${token}\r\n${BARE}\r\n`,
      );
      socket.setEncoding('utf8');
      socket.on('data', (text: string) => {
        if (!isOpen && text.startsWith('HTTP/1.1 101 ')) {
          isOpen = true;
          open += 1;
          answered();
        }
        for (let at = text.indexOf(ANNOUNCED); at >= 0; at = text.indexOf(ANNOUNCED, at + 1)) announced += 1;
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        if (isOpen) open -= 1;
        lost += 1;
        answered();
      });
    });
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  tell({ type: 'opened' });
}

process.on('message', (message: StreamsSetup | 'facts') => {
  if (message === 'facts') tell({ type: 'facts', open, lost, announced });
  else void run(message);
});
process.on('disconnect', () => process.exit(0));
