/** Names of what is kept, behind the installation's own. */
export const SHARD_OBJECT = 'shard-';
export const DAY_OBJECT = 'day-';
