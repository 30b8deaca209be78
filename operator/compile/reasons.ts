/** Reasons of the conditions that `compile` decides. Each line says when it is used. */

// Accepted

/** True: the spec is valid and every field of it is enforced. */
export const ACCEPTED = 'Accepted';
/** True: the spec is valid, but a field in it counts only in platform namespaces and this is none. */
export const NOT_A_PLATFORM_NAMESPACE = 'NotAPlatformNamespace';
/** False: the spec has a field that this operator does not know, so it could not be enforced. */
export const UNSUPPORTED_FIELD = 'UnsupportedField';
/** False: a value is wrong. Proxies keep the version they have. */
export const INVALID = 'Invalid';
/** False: the provider inherits from one that is itself not accepted. Proxies keep the version they have. */
export const BASE_INVALID = 'BaseInvalid';
/** False: a policy over the route is not valid, so what it requires is not known. Proxies keep the version they have. */
export const POLICY_INVALID = 'PolicyInvalid';
/** False: policies over the route leave it no target. */
export const NO_TARGET_ALLOWED = 'NoTargetAllowed';
/** False: on every running pod the route is for, other routes answer for all of its models. */
export const SHADOWED = 'Shadowed';

// ResolvedRefs

/** True: everything the object refers to is there and may be used. */
export const RESOLVED_REFS = 'ResolvedRefs';
/**
 * False: a reference is not granted: a provider that is not exported to this namespace, a credential kept for other
 * namespaces, a Secret without the label. Where saying "not there" would tell of other namespaces, this stands for both.
 */
export const REF_NOT_PERMITTED = 'RefNotPermitted';
/** False: a policy over the route does not allow a provider that it names. Such targets take no traffic. */
export const NOT_ALLOWED_BY_POLICY = 'NotAllowedByPolicy';
/** False: no route of the name is there in any namespace that the policy is for. */
export const ROUTE_NOT_FOUND = 'RouteNotFound';
/** False: no provider of the name is there, neither in the route's namespace nor exported to it. */
export const PROVIDER_NOT_FOUND = 'ProviderNotFound';
/** False: the provider is there but not accepted. */
export const PROVIDER_NOT_ACCEPTED = 'ProviderNotAccepted';
/** False: the provider has a list of models, and the target's model is not on it. */
export const MODEL_NOT_FOUND = 'ModelNotFound';
/** False: the model that a signal asks cannot do what it is asked for. */
export const CAPABILITY_MISSING = 'CapabilityMissing';
/** False: the provider has no credential of the name a target asks for. */
export const CREDENTIAL_NOT_FOUND = 'CredentialNotFound';
/** False: a Secret lacks the key, or what is under it cannot be a key of an API. */
export const CREDENTIAL_UNUSABLE = 'CredentialUnusable';
/** False: the operator may not dial the host of a webhook (chart value operator.egressHosts), so nothing is sent there. */
export const EGRESS_NOT_ALLOWED = 'EgressNotAllowed';
/** False: a cloud gave no token for a credential, or the operator may not dial it. It is tried again. */
export const TOKEN_UNAVAILABLE = 'TokenUnavailable';

// Conflicted

/** True: on running pods, another route answers for some of the route's patterns. */
export const PATTERN_SHADOWED = 'PatternShadowed';
/** False: the route answers for all of its patterns wherever it runs. */
export const NO_CONFLICT = 'NoConflict';
