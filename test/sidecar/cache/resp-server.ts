/** A store that speaks as much of RESP as the cache and the spool need, and misbehaves as it is told. */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

/** Garbage: what is no RESP. Full: nothing is taken. Damaged: values come with a byte changed. */
type Mood = 'Well' | 'Hung' | 'Garbage' | 'Full' | 'Damaged' | { slowMs: number };

export interface RespServer {
  readonly url: string;
  mood: Mood;
  readonly values: Map<string, Buffer>;
  readonly commands: string[][];
  close(): Promise<void>;
}

export async function respServer(password?: string): Promise<RespServer> {
  const values = new Map<string, Buffer>();
  const sets = new Map<string, Set<string>>();
  const commands: string[][] = [];
  const sockets = new Set<Socket>();
  const state = { mood: 'Well' as Mood };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let rest: Buffer = Buffer.alloc(0);
    let known = password === undefined;
    socket.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      for (let read = readCommand(rest); read; read = readCommand(rest)) {
        rest = rest.subarray(read.end);
        const [name = '', ...args] = read.parts;
        const words = read.parts.map(String);
        commands.push(words);
        const { mood } = state;
        if (mood === 'Hung') continue;
        if (mood === 'Garbage') {
          socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
          continue;
        }
        if (/^auth$/i.test(String(name))) known = String(args.at(-1)) === password;
        const reply = known ? answer(String(name).toUpperCase(), args, mood) : error('NOAUTH who are you');
        if (typeof mood === 'object') setTimeout(() => socket.write(reply), mood.slowMs);
        else socket.write(reply);
      }
    });
  });

  function answer(name: string, args: Buffer[], mood: Mood): Buffer {
    const key = String(args[0]);
    if (name === 'GET') {
      const value = values.get(key);
      if (!value) return Buffer.from('$-1\r\n');
      const sent = Buffer.from(value);
      if (mood === 'Damaged') sent[sent.length - 1] = (sent.at(-1) ?? 0) ^ 1;
      return bulk(sent);
    }
    if (mood === 'Full' && WRITES.has(name))
      return error("OOM command not allowed when used memory > 'maxmemory'.");
    if (name === 'SET') {
      if (args.some((arg) => /^nx$/i.test(String(arg))) && values.has(key)) return Buffer.from('$-1\r\n');
      values.set(key, args[1] as Buffer);
      return Buffer.from('+OK\r\n');
    }
    const value = values.get(key) ?? Buffer.alloc(0);
    if (name === 'STRLEN') return number(value.length);
    if (name === 'GETRANGE') return bulk(value.subarray(Number(args[1]), Number(args[2]) + 1));
    if (name === 'SETRANGE') {
      const [at, piece] = [Number(args[1]), args[2] as Buffer];
      const grown = Buffer.alloc(Math.max(value.length, at + piece.length));
      value.copy(grown);
      piece.copy(grown, at);
      values.set(key, grown);
      return number(grown.length);
    }
    if (name === 'DEL') return number(Number(values.delete(key)));
    if (name === 'PEXPIRE') return number(Number(values.has(key)));
    const set = sets.get(key) ?? new Set<string>();
    if (name === 'SMEMBERS') return list([...set]);
    if (name === 'SADD') {
      sets.set(key, set.add(String(args[1])));
      return number(1);
    }
    if (name === 'SREM') return number(Number(set.delete(String(args[1]))));
    if (name === 'PING') return Buffer.from('+PONG\r\n');
    if (name === 'INFO') return bulk(Buffer.from('redis_version:7.0.0\r\nloading:0\r\n'));
    if (name === 'HELLO') return error('ERR unknown command');
    return Buffer.from('+OK\r\n');
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const who = password === undefined ? '' : `:${password}@`;
  return {
    url: `redis://${who}127.0.0.1:${port}`,
    values,
    commands,
    get mood() {
      return state.mood;
    },
    set mood(mood) {
      state.mood = mood;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

const bulk = (value: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]);
const WRITES = new Set(['SET', 'SETRANGE', 'SADD']);
const number = (value: number): Buffer => Buffer.from(`:${value}\r\n`);
const list = (values: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from(`*${values.length}\r\n`), ...values.map((one) => bulk(Buffer.from(one)))]);
const error = (text: string): Buffer => Buffer.from(`-${text}\r\n`);

/** One command: an array of bulk strings. Undefined: it is not there as a whole. */
function readCommand(bytes: Buffer): { parts: Buffer[]; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n');
  if (lineEnd < 0 || bytes[0] !== 0x2a) return undefined;
  const count = Number(bytes.toString('latin1', 1, lineEnd));
  let at = lineEnd + 2;
  const parts: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const length = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2 + length + 2;
    if (bytes.length < at) return undefined;
    parts.push(Buffer.from(bytes.subarray(end + 2, end + 2 + length)));
  }
  return { parts, end: at };
}
