/** The registry of prom-client alone: the rest of the package, which we do not use, takes 8 MiB of every pod. */
declare module 'prom-client/lib/registry.js' {
  import { Registry } from 'prom-client';
  export default Registry;
}
