/** Entry of the operator's own bundle. */
import { main } from '../operator.ts';

process.exitCode = await main(process.argv.slice(2));
