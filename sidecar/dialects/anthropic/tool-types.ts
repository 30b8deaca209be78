/** Which of Anthropic's own tools the app runs, and which the vendor does. */

/** Tools that Anthropic defines and the app runs; a date follows. */
const RUN_BY_APP = ['bash_', 'text_editor_', 'computer_', 'memory_', 'browser_'];

/** A tool with a name and a schema of the app's own. */
export const isFunction = (type: string | undefined): boolean => type === undefined || type === 'custom';

/** Whatever is unknown may run at the vendor. */
export const isClientTool = (type: string): boolean =>
  isFunction(type) || RUN_BY_APP.some((prefix) => type.startsWith(prefix));
