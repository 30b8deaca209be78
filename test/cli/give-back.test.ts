import { afterEach, describe, expect, it, vi } from 'vitest';
import { giveBackAfterStart } from '../../cli/give-back.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('giving back what starting took', () => {
  it('collects once, thoroughly, when the start is over', () => {
    vi.useFakeTimers();
    const gc = vi.fn();
    vi.stubGlobal('gc', gc);
    giveBackAfterStart();
    vi.advanceTimersByTime(999);
    expect(gc).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(gc.mock.calls).toEqual([[{ type: 'major', execution: 'sync', flavor: 'last-resort' }]]);
  });

  it('keeps a tick waiting meanwhile, or all later ones would be made in the slow way', () => {
    vi.useFakeTimers();
    const tick = vi.spyOn(process, 'nextTick');
    const gc = vi.fn(() => expect(tick).toHaveBeenCalledOnce());
    vi.stubGlobal('gc', gc);
    giveBackAfterStart();
    vi.advanceTimersByTime(1000);
    expect(gc).toHaveBeenCalledOnce();
    tick.mockRestore();
  });

  it('does without where Node has no such thing to offer', () => {
    vi.useFakeTimers();
    vi.stubGlobal('gc', undefined);
    giveBackAfterStart();
    expect(vi.getTimerCount()).toBe(0);
  });
});
