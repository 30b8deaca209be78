/** The `tools` of a request, as all dialects of a caller have them: a list of objects with a `type`. */
import { OutriderError } from '../../../errors/table.ts';
import type { BodyScan, MemberReader } from './body-scan.ts';
import type { JsonScanner } from './json-scanner.ts';
import { refuse } from './read-value.ts';
import { tallyValue } from './text-tally.ts';

const TYPE = Buffer.from('type');

/** Reads one member of a tool, but for its type; false: it does not know the member, and left the scanner before it. */
type ToolMember = (scanner: JsonScanner, envelope: BodyScan) => boolean;

/**
 * `isLocal` is asked of the type, which is the scanner's last string: whether the app runs the tool. All others run at the vendor,
 * so a request with one is not free to repeat. Members that `readMember` does not know are text.
 */
export function toolListReader(
  isLocal: (scanner: JsonScanner) => boolean,
  readMember: ToolMember = () => false,
): MemberReader {
  return (scanner, envelope) => {
    if (scanner.atNull()) {
      scanner.value();
      return;
    }
    if (!scanner.atArray()) refuse(scanner, 'tools', 'an array of tools');
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
      envelope.tools = true;
      if (!scanner.atObject()) {
        scanner.value();
        continue;
      }
      let type = false;
      for (let member = scanner.enterObject(); member; member = scanner.nextMember()) {
        if (scanner.keyIs(TYPE) && scanner.atString()) {
          if (type) throw new OutriderError('duplicate_member', { member: 'tools[].type' });
          type = true;
          scanner.string();
          if (!isLocal(scanner)) envelope.serverTools = true;
        } else if (!readMember(scanner, envelope)) {
          tallyValue(scanner, envelope.text);
        }
      }
    }
  };
}
