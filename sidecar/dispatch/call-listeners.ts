/** From events of node:http to calls: one function per event for the whole process instead of a closure per request. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

export interface WireEvents {
  readonly response: IncomingMessage | undefined;
  socketAssigned(socket: Socket): void;
  connectedNow(): void;
  responded(response: IncomingMessage): void;
  received(chunk: Buffer): void;
  ended(): void;
  broken(error: unknown): void;
}

const CALL = Symbol('call');
type Tagged<T> = T & { [CALL]?: WireEvents | undefined };

/** `socket`: whether the request has yet to be given one. */
export function listenToRequest(outgoing: Tagged<ClientRequest>, call: WireEvents, socket: boolean): void {
  outgoing[CALL] = call;
  if (socket) outgoing.on('socket', onSocket);
  outgoing.on('response', onResponse);
  outgoing.on('error', onError);
  outgoing.on('close', onClose);
}

export function listenToConnect(socket: Tagged<Socket>, call: WireEvents, tls: boolean): void {
  socket[CALL] = call;
  socket.once(tls ? 'secureConnect' : 'connect', onConnected);
}

export function listenToResponse(response: Tagged<IncomingMessage>, call: WireEvents): void {
  response[CALL] = call;
  response.on('data', onData);
  response.on('end', onEnd);
  response.on('error', onResponseError);
}

export function forgetSocket(socket: Tagged<Socket>): void {
  if (socket[CALL] !== undefined) socket[CALL] = undefined;
}

function onSocket(this: Tagged<ClientRequest>, socket: Socket): void {
  this[CALL]?.socketAssigned(socket);
}
function onConnected(this: Tagged<Socket>): void {
  this[CALL]?.connectedNow();
}
function onResponse(this: Tagged<ClientRequest>, response: IncomingMessage): void {
  this[CALL]?.responded(response);
}
function onError(this: Tagged<ClientRequest>, error: Error): void {
  this[CALL]?.broken(error);
}
/** An unwanted switch of protocols ends a request without an error and without a response. */
function onClose(this: Tagged<ClientRequest>): void {
  const call = this[CALL];
  if (call && call.response === undefined) call.broken({ code: 'ECONNRESET' });
}
function onData(this: Tagged<IncomingMessage>, chunk: Buffer): void {
  this[CALL]?.received(chunk);
}
function onEnd(this: Tagged<IncomingMessage>): void {
  this[CALL]?.ended();
}
function onResponseError(this: Tagged<IncomingMessage>, error: Error): void {
  this[CALL]?.broken(error);
}
