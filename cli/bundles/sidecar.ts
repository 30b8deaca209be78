/** Entry of the sidecar's own bundle: the one command, without the control plane. */
import { main } from '../sidecar.ts';

process.exitCode = await main(process.argv.slice(2));
