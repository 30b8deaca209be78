/** What a bench says: figures, and bars that are met or not. */

export class Report {
  #missed = 0;

  get missed(): number {
    return this.#missed;
  }

  note(text: string): void {
    console.log(`  ${text}`);
  }

  figure(what: string, value: string): void {
    console.log(`${what.padEnd(64)} ${value.padStart(14)}`);
  }

  atMost(what: string, value: number, bar: number, unit = ''): void {
    const isMet = value <= bar;
    if (!isMet) this.#missed += 1;
    const shown = Number.isInteger(value) ? String(value) : value.toFixed(1);
    console.log(
      `${what.padEnd(64)} ${`${shown}${unit}`.padStart(14)}  <= ${bar}${unit} ${isMet ? 'met' : 'MISSED'}`,
    );
  }
}
