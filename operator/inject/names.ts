/** Names that injection reads and writes; other parts of the project and people's manifests know them. */

/** On a namespace: `enabled` opts its pods in. */
export const INJECTION_LABEL = 'outrider.dev/injection';
export const INJECTION_ENABLED = 'enabled';
/** On a pod: `"true"` or `"false"`, whatever the namespace says. */
export const INJECT_LABEL = 'outrider.dev/inject';
/** On a pod that has a sidecar. */
export const SIDECAR_LABEL = 'outrider.dev/sidecar';

/** Prefix of every annotation of ours; one that is not in the table is refused, since it would be a wish nobody hears. */
export const ANNOTATION_PREFIX = 'outrider.dev/';
/** Version of the sidecar that was injected. It also tells our container from another one of its name. */
export const VERSION_ANNOTATION = 'outrider.dev/injected-version';
/** Hash of the settings it was injected with. */
export const SETTINGS_ANNOTATION = 'outrider.dev/injected-settings';
export const WRITTEN_ANNOTATIONS = [VERSION_ANNOTATION, SETTINGS_ANNOTATION] as const;
export const DEFAULT_CONTAINER_ANNOTATION = 'kubectl.kubernetes.io/default-container';

/** Name of the sidecar's container. */
export const CONTAINER = 'outrider';
/** Name of the container port that serves probes and metrics. */
export const ADMIN_PORT_NAME = 'outrider-admin';

export const TOKEN_VOLUME = 'outrider-token';
export const CA_VOLUME = 'outrider-ca';
export const STATE_VOLUME = 'outrider-state';
export const SPOOL_VOLUME = 'outrider-spool';

/** ConfigMaps that the operator keeps in every namespace with sidecars. */
export const ENV_CONFIG_MAP = 'outrider-env';
export const CA_CONFIG_MAP = 'outrider-ca';
export const CA_KEY = 'ca.crt';

/** Where pods are the cluster's own: never injected, whatever their labels say. */
export const SYSTEM_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease'] as const;

/** Variables of the sidecar that injection sets where it keeps batches. */
export const SPOOL_DIR = 'OUTRIDER_SPOOL_DIR';
export const SPOOL_BYTES = 'OUTRIDER_SPOOL_BYTES';
/** With it the sidecar keeps them elsewhere. */
export const SPOOL_URL = 'OUTRIDER_SPOOL_URL';

/** Variables of the sidecar that injection itself sets. */
export const SIDECAR_VARIABLES = [
  'OUTRIDER_OPERATOR',
  'OUTRIDER_TOKEN_FILE',
  'OUTRIDER_CA_FILE',
  'OUTRIDER_STATE_DIR',
  'OUTRIDER_LISTEN',
  'OUTRIDER_ADMIN',
  'OUTRIDER_STARTUP',
] as const;
