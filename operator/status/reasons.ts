/** Reasons of the conditions that `status` decides. Each line says when it is used; the other conditions have compile's reasons. */

// Programmed

/** True: every expected sidecar runs this generation. */
export const PROGRAMMED = 'Programmed';
/** True: no running sidecar is meant by the object, so there is nothing to wait for. */
export const NO_PROXIES = 'NoProxies';
/** False: the object was not accepted; sidecars keep what they had, if anything. */
export const NOT_ACCEPTED = 'NotAccepted';
/** False: a sidecar is too old for something the object asks for. Restarting its pod brings a newer one. */
export const UNSUPPORTED_BY_PROXY = 'UnsupportedByProxy';
/** False: a sidecar refused the object for another reason. */
export const REJECTED = 'Rejected';
/** Unknown: an expected sidecar has not been heard of for a minute. */
export const PROXIES_UNREACHABLE = 'ProxiesUnreachable';
/** Unknown: sidecars are being told; not all have answered yet. */
export const PENDING = 'Pending';

// Ready

/** True: accepted, references resolved, programmed. Otherwise the reason is that of the condition in the way. */
export const READY = 'Ready';
