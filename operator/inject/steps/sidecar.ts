/** The sidecar's container, its volumes, and the time the pod has to end. */
import { ANNOTATIONS, type AnnotationRule, VALUE_NAMES, type ValueName } from '../annotations.ts';
import { celAdd, celConcat, celList, celString } from '../cel.ts';
import { add, applyPatch } from '../json-patch.ts';
import { MESH_PROXIES } from '../meshes.ts';
import type { InjectionSettings } from '../settings.ts';
import { sidecarContainer, sidecarVolumes } from '../sidecar-container.ts';
import { celSpoolMembers, celSpoolVolume, spoolMembers, spoolVolume } from '../spool.ts';
import { celOf, celVariable, fill } from '../template.ts';
import { secondsOf } from '../value-kinds.ts';
import type { Step } from './step.ts';

/**
 * After the last mesh proxy, through which it may have to connect, else first: init containers may call models. This step comes
 * after those that name containers by their place.
 */
export const container: Step = {
  operations(subject) {
    const { ours, pod, inits, values, settings } = subject;
    if (ours) return [];
    const place = inits.findLastIndex(({ name }) => MESH_PROXIES.includes(name)) + 1;
    return [
      ...(pod.spec.initContainers ? [] : [add('/spec/initContainers', [])]),
      add(
        `/spec/initContainers/${place}`,
        applyPatch(fill(sidecarContainer(settings), values), spoolMembers(subject)),
      ),
    ];
  },
  cel(settings) {
    const places = `([0] + variables.inits.transformList(i, c, c.name in ${celList(MESH_PROXIES)}, i + 1))`;
    const sidecar = celOf(sidecarContainer(settings), 'Object.spec.initContainers', present(settings));
    const path = `"/spec/initContainers/" + string(${places}.max())`;
    return `(variables.ours ? [] : ${celConcat([
      `(has(object.spec.initContainers) ? [] : [${celAdd('"/spec/initContainers"', '[]')}])`,
      `[${celAdd(path, sidecar)}]`,
      celSpoolMembers(settings, path),
    ])})`;
  },
};

/** Values that every pod of these settings has. */
function present(settings: InjectionSettings): ReadonlySet<ValueName> {
  const has = ({ unset }: AnnotationRule) => unset(settings) !== undefined;
  return new Set(VALUE_NAMES.filter((name) => has(ANNOTATIONS[name])));
}

export const volumes: Step = {
  operations(subject) {
    const { ours, pod, settings } = subject;
    if (ours) return [];
    return [
      ...(pod.spec.volumes ? [] : [add('/spec/volumes', [])]),
      ...sidecarVolumes(settings).map((volume) => add('/spec/volumes/-', volume)),
      ...spoolVolume(subject),
    ];
  },
  cel(settings) {
    const each = sidecarVolumes(settings).map((volume) =>
      celAdd('"/spec/volumes/-"', celOf(volume, 'Object.spec.volumes', present(settings))),
    );
    return `(variables.ours ? [] : ${celConcat([
      `(has(object.spec.volumes) ? [] : [${celAdd('"/spec/volumes"', '[]')}])`,
      `[${each.join(', ')}]`,
      celSpoolVolume(settings),
    ])})`;
  },
};

/** What Kubernetes gives a pod that says nothing. */
const DEFAULT_GRACE_S = 30;
const GRACE_FIELD = 'terminationGracePeriodSeconds';

/** Never lowered: whoever asked for more had a reason. */
export const grace: Step = {
  operations({ ours, pod, values }) {
    if (ours || values.terminationGrace === undefined) return [];
    const asked = secondsOf(values.terminationGrace);
    return asked > (pod.spec[GRACE_FIELD] ?? DEFAULT_GRACE_S) ? [add(`/spec/${GRACE_FIELD}`, asked)] : [];
  },
  cel() {
    const asked = `duration(${celVariable('terminationGrace')}).getSeconds()`;
    const now = `object.spec.?${GRACE_FIELD}.orValue(${DEFAULT_GRACE_S})`;
    return `(variables.ours || ${celVariable('terminationGrace')} == "" || ${asked} <= ${now} ? [] : [${celAdd(celString(`/spec/${GRACE_FIELD}`), asked)}])`;
  },
};
