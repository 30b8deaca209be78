/** Reads the wire format of Protocol Buffers, as strictly as a collector: what it does not understand, it throws at. */

export class Message {
  readonly #fields = new Map<number, { type: number; bytes: Buffer; number: bigint }[]>();

  constructor(bytes: Buffer) {
    let at = 0;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++];
        if (byte === undefined || shift > 63n) throw new Error('a number does not end');
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
      }
    };
    const take = (length: number): Buffer => {
      if (at + length > bytes.length)
        throw new Error(`a field ends ${at + length - bytes.length} bytes too late`);
      return bytes.subarray(at, (at += length));
    };
    while (at < bytes.length) {
      const tag = Number(varint());
      const [field, type] = [tag >>> 3, tag & 7];
      const list = this.#fields.get(field) ?? [];
      this.#fields.set(field, list);
      const none = Buffer.alloc(0);
      if (type === 0) list.push({ type, bytes: none, number: varint() });
      else if (type === 1) list.push({ type, bytes: take(8), number: 0n });
      else if (type === 2) list.push({ type, bytes: take(Number(varint())), number: 0n });
      else if (type === 5) list.push({ type, bytes: take(4), number: 0n });
      else throw new Error(`field ${field} has the unknown type ${type}`);
    }
  }

  messages(field: number): Message[] {
    return this.#all(field, 2).map((one) => new Message(one.bytes));
  }

  /** Of a varint or four bytes. */
  number(field: number): number | undefined {
    const one = this.#fields.get(field)?.at(-1);
    if (one === undefined) return undefined;
    if (one.type === 0) return Number(one.number);
    if (one.type === 5) return one.bytes.readUInt32LE();
    throw new Error(`field ${field} is no number`);
  }

  double(field: number): number | undefined {
    return this.#all(field, 1).at(-1)?.bytes.readDoubleLE();
  }

  fixed64(field: number): bigint | undefined {
    return this.#all(field, 1).at(-1)?.bytes.readBigUInt64LE();
  }

  text(field: number): string | undefined {
    const bytes = this.#all(field, 2).at(-1)?.bytes;
    return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  }

  hex(field: number): string | undefined {
    return this.#all(field, 2).at(-1)?.bytes.toString('hex');
  }

  #all(field: number, type: number): { bytes: Buffer }[] {
    const list = this.#fields.get(field) ?? [];
    for (const one of list)
      if (one.type !== type) throw new Error(`field ${field} has type ${one.type}, not ${type}`);
    return list;
  }
}

export const readMessage = (bytes: Buffer): Message => new Message(bytes);
