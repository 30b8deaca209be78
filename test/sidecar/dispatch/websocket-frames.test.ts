import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeFrame, FrameMeter } from '../../../sidecar/dispatch/websocket-frames.ts';

interface Frame {
  fin: boolean;
  opcode: number;
  length: number;
  masked: boolean;
}

function encode({ fin, opcode, length, masked }: Frame): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  const flag = masked ? 0x80 : 0;
  let head: Buffer;
  if (length < 126) head = Buffer.from([first, flag | length]);
  else if (length < 65_536) head = Buffer.from([first, flag | 126, length >> 8, length & 0xff]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = flag | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 7), Buffer.alloc(length, 0x81)]);
}

const text = (length: number, masked = false): Buffer => encode({ fin: true, opcode: 1, length, masked });

describe('frame meter', () => {
  it('counts messages, not frames, and no control frames', () => {
    const meter = new FrameMeter();
    const frames = [
      encode({ fin: false, opcode: 1, length: 10, masked: false }),
      encode({ fin: true, opcode: 9, length: 4, masked: false }),
      encode({ fin: false, opcode: 0, length: 0, masked: false }),
      encode({ fin: true, opcode: 0, length: 5, masked: false }),
      encode({ fin: true, opcode: 2, length: 70_000, masked: true }),
      encode({ fin: true, opcode: 1, length: 0, masked: false }),
    ];
    meter.follow(Buffer.concat(frames));
    expect([meter.messages, meter.bytes, meter.closed, meter.atBoundary]).toEqual([3, 70_015, false, true]);
    meter.follow(closeFrame(1001, undefined));
    expect(meter.closed).toBe(true);
  });

  it('stops at the end of a frame when asked to', () => {
    const meter = new FrameMeter();
    const [a, b] = [text(200), text(3)];
    meter.follow(a.subarray(0, 100));
    expect(meter.atBoundary).toBe(false);
    expect(meter.follow(Buffer.concat([a.subarray(100), b]), true)).toBe(a.length - 100);
    expect([meter.atBoundary, meter.messages]).toEqual([true, 1]);
  });

  it('gives up on what is no sequence of frames', () => {
    for (const bytes of [
      [0x83, 0],
      [0x09, 0],
      [0x88, 126, 0, 200],
      [0x82, 127, 255, 255, 255, 255, 0, 0, 0, 0],
    ]) {
      const meter = new FrameMeter();
      expect(meter.follow(Buffer.from(bytes))).toBe(bytes.length);
      expect([meter.lost, meter.atBoundary]).toEqual([true, false]);
    }
  });

  it('says the same however the bytes are cut', () => {
    const frame = fc.record({
      fin: fc.boolean(),
      opcode: fc.constantFrom(0, 1, 2),
      length: fc.oneof(fc.nat(130), fc.constantFrom(125, 126, 127, 65_535, 65_536)),
      masked: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 5000 })),
        (frames, cuts) => {
          const all = Buffer.concat(frames.map(encode));
          const meter = new FrameMeter();
          let at = 0;
          for (let i = 0; at < all.length; i++) {
            const next = Math.min(all.length, at + (cuts[i] ?? 997));
            meter.follow(all.subarray(at, next));
            at = next;
          }
          const bytes = frames.reduce((sum, f) => sum + f.length, 0);
          const messages = frames.filter((f) => f.fin).length;
          expect([meter.messages, meter.bytes, meter.atBoundary, meter.lost]).toEqual([
            messages,
            bytes,
            true,
            false,
          ]);
        },
      ),
    );
  });

  it('writes close frames that it can follow itself', () => {
    expect([...closeFrame(1001, undefined)]).toEqual([0x88, 2, 0x03, 0xe9]);
    const masked = closeFrame(1001, Buffer.from([1, 2, 3, 4]));
    expect([...masked]).toEqual([0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2]);
  });
});
