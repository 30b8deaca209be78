/** A report as a sidecar posts it. */
export const wireReport = (epoch: string, rows: readonly unknown[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      epoch,
      ack: { hash: '', credentialsVersion: '', exceptions: [] },
      rows,
      proxyVersion: '0.0.0-bench',
      features: [],
    }),
  );
