// The snapshot client of 0.1.0, as released. Written by record.ts; not to be changed.
/* oxlint-disable */
import { createRequire as __createRequire } from 'node:module';

const require = __createRequire(import.meta.url);
var __require = /* @__PURE__ */ ((x) =>
  typeof require !== 'undefined'
    ? require
    : typeof Proxy !== 'undefined'
      ? new Proxy(x, {
          get: (a, b) => (typeof require !== 'undefined' ? require : a)[b],
        })
      : x)(function (x) {
  if (typeof require !== 'undefined') return require.apply(this, arguments);
  throw Error('Dynamic require of "' + x + '" is not supported');
});

// sidecar/snapshot/client.ts
import { randomUUID } from 'node:crypto';

// sidecar/snapshot/backoff.ts
function jittered({ baseMs, maxMs }, failures, random) {
  return random * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
}

// sidecar/snapshot/clock.ts
var systemClock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, task) => {
    const handle = setTimeout(task, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

// sidecar/snapshot/event-reader.ts
var NEWLINE = 10;
var RETURN = 13;
var MAX_EVENT_BYTES = 65536;
var EventReader = class {
  #rest = Buffer.alloc(0);
  #type = '';
  #data = [];
  #bytes = 0;
  /** The events that `chunk` completes. Throws when an event exceeds its bound. */
  read(chunk) {
    const events = [];
    let buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE)) {
      this.#line(buffer.toString('utf8', 0, end > 0 && buffer[end - 1] === RETURN ? end - 1 : end), events);
      buffer = buffer.subarray(end + 1);
    }
    if (this.#bytes + buffer.length > MAX_EVENT_BYTES) throw new Error('an event of the stream is too long');
    this.#rest = Buffer.from(buffer);
    return events;
  }
  #line(line, events) {
    if (line === '') {
      if (this.#data.length > 0) {
        events.push({ type: this.#type || 'message', data: this.#data.join('\n') });
      }
      this.#type = '';
      this.#data = [];
      this.#bytes = 0;
      return;
    }
    this.#bytes += line.length;
    if (this.#bytes > MAX_EVENT_BYTES) throw new Error('an event of the stream is too long');
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'event') this.#type = value;
    if (field === 'data') this.#data.push(value);
  }
};

// sidecar/snapshot/schema.ts
var SNAPSHOT_VERSION = 1;
var FEATURES = ['match.header.regex', 'match.prompt', 'passthrough', 'failover', 'patch', 'tls.caBundle'];

// sidecar/snapshot/messages.ts
var PROTOCOL_VERSION = SNAPSHOT_VERSION;
var PROTOCOL_HEADER = 'x-outrider-protocol';
var HEARTBEAT_MS = 15e3;
var MAX_REPORT_BYTES = 2097152;
var MAX_EXCEPTIONS = 1e3;
var MAX_ROWS = 1e3;

// sidecar/snapshot/pause.ts
var Pause = class {
  #clock;
  #wake;
  #ended = false;
  constructor(clock) {
    this.#clock = clock;
  }
  /** Resolves after `ms`, or when woken. One wait at a time. */
  wait(ms) {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      let timer;
      this.#wake = () => {
        this.#wake = void 0;
        timer?.cancel();
        resolve();
      };
      timer = this.#clock.after(ms, this.#wake);
    });
  }
  wake() {
    this.#wake?.();
  }
  /** Ends the wait under way and every later one. */
  end() {
    this.#ended = true;
    this.#wake?.();
  }
};

// sidecar/snapshot/read-messages.ts
import { promisify } from 'node:util';
import { gunzip as gunzipCallback } from 'node:zlib';

var gunzip = promisify(gunzipCallback);
var MAX_CREDENTIALS = 1e4;
var MAX_ID = 640;
var MAX_VALUE = 65536;
var MAX_VERSION = 128;
var MIN_REPORT_WAIT = 1e3;
var MAX_REPORT_WAIT = 6e5;
async function readJson(answer, limit) {
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') throw new Error(`the answer is encoded as ${encoding}`);
  const bytes =
    encoding === 'gzip'
      ? await gunzip(answer.body, { maxOutputLength: limit }).catch(() => {
          throw new Error(`the answer is no gzip of at most ${limit} bytes`);
        })
      : answer.body;
  return parse(bytes.toString('utf8'), 'the answer');
}
function readCredentials(value) {
  const { version, credentials } = value ?? {};
  if (
    !shortText(version, MAX_VERSION) ||
    !Array.isArray(credentials) ||
    credentials.length > MAX_CREDENTIALS
  ) {
    throw new Error('the credentials have no version or no list');
  }
  return { version, credentials: credentials.map(readCredential) };
}
function readCredential(value) {
  const credential2 = value ?? {};
  if (!shortText(credential2.id, MAX_ID) || !shortText(credential2.value, MAX_VALUE)) {
    throw new Error('a credential has no id or no value');
  }
  const { id, version } = credential2;
  if (version !== void 0 && !shortText(version, MAX_VERSION)) {
    throw new Error('a credential has a version that is no short text');
  }
  return { id, value: credential2.value, ...(version !== void 0 && { version }) };
}
function readAnswer(value) {
  const { nextReportIn, ledgerShard, acknowledgedSeq } = value ?? {};
  if (typeof nextReportIn !== 'number' || !Number.isFinite(nextReportIn)) {
    throw new Error('the answer to the report has no nextReportIn');
  }
  return {
    nextReportIn: Math.min(MAX_REPORT_WAIT, Math.max(MIN_REPORT_WAIT, nextReportIn)),
    ledgerShard: Number.isSafeInteger(ledgerShard) ? ledgerShard : 0,
    acknowledgedSeq: Number.isSafeInteger(acknowledgedSeq) ? acknowledgedSeq : 0,
  };
}
function readSnapshotEvent(data) {
  const { hash } = parse(data, 'an event') ?? {};
  if (typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new Error('a snapshot event has no hash');
}
function readCredentialsEvent(data) {
  const { version } = parse(data, 'an event') ?? {};
  if (shortText(version, MAX_VERSION)) return version;
  throw new Error('a credentials event has no version');
}
function readLeader(header2) {
  if (typeof header2 !== 'string' || header2.length > 300) return void 0;
  const match2 = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):(\d{1,5})$/.exec(
    header2,
  );
  const port = Number(match2?.[2]);
  return match2 && port >= 1 && port <= 65535 ? header2 : void 0;
}
function shortText(value, limit) {
  return typeof value === 'string' && value.length > 0 && value.length <= limit;
}
function parse(text2, what) {
  try {
    return JSON.parse(text2);
  } catch {
    throw new Error(`${what} is not JSON`);
  }
}

// sidecar/snapshot/access.ts
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
// sidecar/snapshot/transport.ts
import https2 from 'node:https';
import https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';

var MAX_AGE_MS = 6e4;
var KEEP_ALIVE_MS = 6e4;
var AccessFiles = class {
  #options;
  #known;
  #reading;
  #distrusted = false;
  constructor(options) {
    this.#options = options;
  }
  /** Calls that come together read together, so that there is one agent. */
  current() {
    const { clock } = this.#options;
    const known = this.#distrusted ? void 0 : this.#known;
    if (known && clock.monotonic() - known.readAt < MAX_AGE_MS) return Promise.resolve(known);
    this.#reading ??= this.#read().finally(() => {
      this.#reading = void 0;
    });
    return this.#reading;
  }
  /** What is known may no longer be right: the next call reads. */
  distrust() {
    this.#distrusted = true;
  }
  /** Breaks off connections. */
  close() {
    this.#known?.agent.destroy();
  }
  async #read() {
    const { caFile, clock, name, tokenFile } = this.#options;
    const ca = caFile === void 0 ? void 0 : await readFile(caFile, 'utf8');
    const token = (await readFile(tokenFile, 'utf8')).trim();
    const kept = this.#known?.ca === ca ? this.#known : void 0;
    this.#known = {
      token,
      ca,
      agent: kept?.agent ?? newAgent(ca, name),
      trustBundle: kept?.trustBundle ?? hashOf(ca),
      readAt: clock.monotonic(),
    };
    this.#distrusted = false;
    return this.#known;
  }
};
function hashOf(ca) {
  return ca === void 0 ? void 0 : createHash('sha256').update(ca).digest('hex');
}
function newAgent(ca, name) {
  return new https.Agent({
    keepAlive: true,
    keepAliveMsecs: 3e4,
    timeout: KEEP_ALIVE_MS,
    maxSockets: 4,
    maxFreeSockets: 1,
    minVersion: 'TLSv1.2',
    // Here and not per request: requests with a check of their own never share a connection.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(ca !== void 0 && { ca }),
  });
}

// sidecar/snapshot/transport.ts
var ExchangeFailed = class extends Error {
  /** Status of the answer; undefined where there was none. */
  status;
  constructor(message, status) {
    super(message);
    this.name = 'ExchangeFailed';
    this.status = status;
  }
};
var Transport = class {
  #options;
  #url;
  /** What the certificate must be valid for, whichever replica shows it. */
  #name;
  #open = /* @__PURE__ */ new Set();
  #access;
  #closed = false;
  constructor(options) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#name = unbracketed(this.#url.hostname);
    if (this.#url.protocol !== 'https:')
      throw new Error(`the operator's address is ${options.url}; it must be https`);
    const { caFile, clock, tokenFile } = options;
    this.#access = new AccessFiles({
      tokenFile,
      name: this.#name,
      clock,
      ...(caFile !== void 0 && { caFile }),
    });
  }
  /** SHA-256 in hex of the CA file that the next connection is checked by; undefined without a file. */
  async trustBundle() {
    return (await this.#access.current()).trustBundle;
  }
  /** One whole exchange with an answer of at most `limit` bytes. */
  async exchange(request, limit) {
    const deadline = this.#deadline();
    try {
      const response = await this.#send(request, deadline);
      const body = await readBody(response, limit);
      if (response.statusCode === 401) this.#access.distrust();
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    } catch (error) {
      this.#access.distrust();
      throw failure(error);
    } finally {
      deadline.cancel();
    }
  }
  /** A response whose headers are here and whose body goes on; destroy it to end it. */
  async stream(request) {
    const deadline = this.#deadline();
    this.#access.distrust();
    try {
      return await this.#send(request, deadline);
    } catch (error) {
      throw failure(error);
    } finally {
      deadline.cancel();
    }
  }
  /** Breaks off whatever is under way; every later exchange fails. */
  close() {
    this.#closed = true;
    for (const request of this.#open) request.destroy(new Error('stopped'));
    this.#access.close();
  }
  #deadline() {
    return new Deadline(this.#options.clock, this.#options.requestMs);
  }
  async #send(request, deadline) {
    const access = await this.#access.current();
    for (let retried = false; ; retried = true) {
      const sent = this.#request(request, access);
      deadline.guard(sent.request);
      try {
        return await sent.response;
      } catch (error) {
        const { code } = error;
        if (retried || !sent.request.reusedSocket || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error;
      }
    }
  }
  #request({ method, path, headers, body, leader }, { token, agent }) {
    if (this.#closed) throw new Error('stopped');
    const target2 = new URL(leader === void 0 ? this.#url : `https://${leader}`);
    const request = https2.request({
      agent,
      method,
      host: unbracketed(target2.hostname),
      port: target2.port || 443,
      path,
      servername: isIP(this.#name) ? '' : this.#name,
      headers: {
        ...headers,
        authorization: `Bearer ${token}`,
        [PROTOCOL_HEADER]: String(this.#options.protocol),
        ...(body !== void 0 && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      },
    });
    this.#open.add(request);
    const response = new Promise((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', reject);
      request.once('close', () => {
        this.#open.delete(request);
        reject(new Error('the connection was closed'));
      });
    });
    request.end(body);
    return { request, response };
  }
};
var Deadline = class {
  #timer;
  #error;
  #request;
  #passed = false;
  constructor(clock, ms) {
    this.#error = new Error(`no answer within ${ms} ms`);
    this.#timer = clock.after(ms, () => {
      this.#passed = true;
      this.#request?.destroy(this.#error);
    });
  }
  guard(request) {
    this.#request = request;
    if (this.#passed) request.destroy(this.#error);
  }
  cancel() {
    this.#timer.cancel();
  }
};
async function readBody(response, limit) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > limit) {
      response.destroy();
      throw new Error(`the answer is longer than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
function failure(error) {
  if (error instanceof ExchangeFailed) return error;
  const { code, message } = error;
  if (message === '') return new ExchangeFailed(code ?? 'unknown failure');
  return new ExchangeFailed(code === void 0 || message.includes(code) ? message : `${message} (${code})`);
}
function unbracketed(host) {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

// sidecar/snapshot/puller.ts
var BACKOFF = { baseMs: 250, maxMs: 1e4 };
var PATIENCE_MS = 2e3;
var Puller = class {
  #options;
  #pause;
  #hash;
  #credentialsDue = false;
  #overtakenSince;
  /** Hash of the snapshot whose keys were asked for a second time. */
  #askedAgain = '';
  #running;
  #stopped = false;
  constructor(options) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
  }
  wantSnapshot(hash) {
    this.#hash = hash;
    this.#pull();
  }
  wantCredentials(version) {
    this.#credentialsDue = version !== this.#options.credentials.version;
    this.#pull();
  }
  async stop() {
    this.#stopped = true;
    this.#pause.end();
    await this.#running;
  }
  #pull() {
    this.#pause.wake();
    this.#running ??= this.#run().finally(() => {
      this.#running = void 0;
    });
  }
  async #run() {
    await new Promise((resolve) => setImmediate(resolve));
    const { holder, onCurrent, onProblem, onSwapped, random } = this.#options;
    let failures = 0;
    while (!this.#stopped) {
      const hash = this.#hash === void 0 || holder.confirm(this.#hash) ? void 0 : this.#hash;
      const withCredentials = this.#credentialsDue;
      if (hash === void 0 && !withCredentials) break;
      this.#credentialsDue = false;
      try {
        await this.#fetchAndSwap(hash, withCredentials);
        failures = 0;
        onSwapped();
      } catch (error) {
        if (this.#stopped) return;
        if (error instanceof ExchangeFailed && error.status === 404 && this.#hash !== hash) continue;
        failures += 1;
        onProblem(error);
        await this.#pause.wait(jittered(BACKOFF, failures, random()));
      }
    }
    if (!this.#stopped) onCurrent();
  }
  async #fetchAndSwap(hash, withCredentials) {
    const { credentials } = this.#options;
    const [set, snapshot] = await Promise.allSettled([
      withCredentials ? this.#fetchCredentials() : void 0,
      hash === void 0 ? void 0 : this.#fetchSnapshot(hash),
    ]);
    if (set.status === 'rejected') this.#credentialsDue = true;
    if (set.status === 'fulfilled' && set.value) credentials.merge(set.value);
    try {
      if (snapshot.status === 'rejected') throw snapshot.reason;
      if (snapshot.value) this.#swap(snapshot.value);
    } finally {
      if (set.status === 'fulfilled' && set.value) credentials.apply(set.value);
    }
    if (set.status === 'rejected') throw set.reason;
    if (snapshot.value) this.#checkKeys(snapshot.value);
  }
  /** A snapshot may be ahead of the keys that were fetched beside it: it names their versions. Asked again once, not for ever. */
  #checkKeys({ hash, items }) {
    const { credentials } = this.#options;
    const named = items.flatMap((item) => (item.kind === 'Provider' ? (item.body?.credentials ?? []) : []));
    const behind = named.some(({ id, version }) => {
      const held = credentials.versionOf(id);
      return version !== void 0 && held !== void 0 && held !== version;
    });
    if (!behind || this.#askedAgain === hash) return;
    this.#askedAgain = hash;
    this.#credentialsDue = true;
  }
  #swap(snapshot) {
    const { clock, holder } = this.#options;
    if (snapshot.hash !== this.#hash) {
      this.#overtakenSince ??= clock.monotonic();
      if (clock.monotonic() - this.#overtakenSince < PATIENCE_MS) return;
    }
    this.#overtakenSince = void 0;
    holder.apply(snapshot);
  }
  async #fetchSnapshot(hash) {
    const { transport, maxBodyBytes, maxSnapshotBytes } = this.#options;
    const headers = { 'accept-encoding': 'gzip' };
    const path = `/v1/snapshots/${hash}`;
    const answer = await transport.exchange({ method: 'GET', path, headers }, maxBodyBytes);
    if (answer.status !== 200) {
      throw new ExchangeFailed(`the snapshot was answered ${answer.status}`, answer.status);
    }
    const snapshot = await readJson(answer, maxSnapshotBytes);
    if (snapshot?.hash !== hash) throw new Error('the snapshot is not the one that was asked for');
    return snapshot;
  }
  async #fetchCredentials() {
    const { transport, maxBodyBytes } = this.#options;
    const answer = await transport.exchange({ method: 'GET', path: '/v1/credentials' }, maxBodyBytes);
    if (answer.status !== 200) {
      throw new ExchangeFailed(`the credentials were answered ${answer.status}`, answer.status);
    }
    return readCredentials(await readJson(answer, maxBodyBytes));
  }
};

// sidecar/snapshot/reporter.ts
var BACKOFF2 = { baseMs: 250, maxMs: 2e4 };
var TAKEOVER_MS = 5e3;
var OUTDATED_MS = 3e5;
var MAX_HOPS = 2;
var ANSWER_BYTES = 65536;
var Reporter = class {
  #options;
  #pause;
  /** Not cut short by news: a change right after a takeover must not bring the whole fleet at once. */
  #takeover;
  #leader;
  #everAnswered = false;
  #due = false;
  #stopped = false;
  #running;
  #acknowledged = 0;
  /** Wait for the end of a report that begins after they came. */
  #waiting = [];
  constructor(options) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
    this.#takeover = new Pause(options.clock);
  }
  /** Something changed, or the operator can be reached again: report now. The first call starts the regular reports. */
  notify() {
    this.#due = true;
    this.#pause.wake();
    this.#running ??= this.#run();
  }
  /** Hands in rows, report by report, until none is left or a report brings no progress. Has no deadline of its own. */
  async flush() {
    let before;
    do {
      if (this.#stopped || !this.#options.rows?.pending(1).length) return;
      before = this.#acknowledged;
      await new Promise((resolve) => {
        this.#waiting.push(resolve);
        this.notify();
      });
    } while (this.#acknowledged > before);
  }
  /** Resolves once no report is under way; whoever owns the transport closes it first. */
  async stop() {
    this.#stopped = true;
    this.#pause.end();
    this.#takeover.end();
    await this.#running;
  }
  async #run() {
    let failures = 0;
    while (!this.#stopped) {
      this.#due = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      let waitMs;
      try {
        waitMs = await this.#report();
        failures = 0;
      } catch (error) {
        if (this.#stopped) return;
        failures += 1;
        const outdated = error instanceof ExchangeFailed && error.status === 426;
        const random = this.#options.random();
        waitMs = outdated ? OUTDATED_MS * (0.5 + random) : jittered(BACKOFF2, failures, random);
        this.#options.onProblem(error);
      } finally {
        for (const resolve of waiting) resolve();
      }
      if (failures > 0 || !this.#due) await this.#pause.wait(waitMs);
    }
  }
  /** Milliseconds until the next regular report. */
  async #report() {
    const { transport, rows } = this.#options;
    const body = JSON.stringify(this.#compose(await transport.trustBundle()));
    for (let hop = 0; ; hop++) {
      const leader = this.#leader;
      let answer;
      try {
        answer = await transport.exchange({ method: 'POST', path: '/v1/report', body, leader }, ANSWER_BYTES);
      } catch (error) {
        this.#leader = void 0;
        throw error;
      }
      if (answer.status === 421 && hop < MAX_HOPS) {
        await this.#follow(answer);
        continue;
      }
      if (answer.status !== 200) {
        this.#leader = void 0;
        throw new ExchangeFailed(`the report was answered ${answer.status}`, answer.status);
      }
      const { nextReportIn, acknowledgedSeq } = readAnswer(await readJson(answer, ANSWER_BYTES));
      this.#everAnswered = true;
      this.#acknowledged = acknowledgedSeq;
      rows?.acknowledge(acknowledgedSeq);
      return nextReportIn;
    }
  }
  async #follow(answer) {
    const leader = readLeader(answer.headers['x-outrider-leader']);
    if (leader === void 0) {
      this.#leader = void 0;
      throw new ExchangeFailed('the replica that answered is not the leader and knows none', 421);
    }
    this.#leader = leader;
    if (!this.#everAnswered) return;
    this.#everAnswered = false;
    await this.#takeover.wait(this.#options.random() * TAKEOVER_MS);
  }
  #compose(trustBundle) {
    const { acknowledgement, epoch, proxyVersion, features, rows } = this.#options;
    const ack = acknowledgement();
    const report = {
      epoch,
      ack: { ...ack, exceptions: ack.exceptions.slice(0, MAX_EXCEPTIONS) },
      rows: [],
      proxyVersion,
      features: [...features],
      ...(trustBundle !== void 0 && { trustBundle }),
    };
    if (!rows) return report;
    const room = MAX_REPORT_BYTES - Buffer.byteLength(JSON.stringify(report));
    report.rows = fitting(rows.pending(MAX_ROWS), room);
    return report;
  }
};
function fitting(rows, bytes) {
  let left = bytes;
  for (const [index, row] of rows.entries()) {
    left -= Buffer.byteLength(JSON.stringify(row)) + 1;
    if (left < 0) return rows.slice(0, index);
  }
  return rows;
}

// sidecar/snapshot/source.ts
var silentLog = { info() {}, warn() {} };

// sidecar/snapshot/client.ts
var BACKOFF3 = { baseMs: 500, maxMs: 15e3 };
var STABLE_MS = 5e3;
var OUTDATED_MS2 = 3e5;
var REQUEST_MS = 1e4;
var MAX_BODY_BYTES = 4 * 1048576;
var MAX_SNAPSHOT_BYTES = 16 * 1048576;
var SnapshotClient = class {
  #options;
  #clock;
  #random;
  #log;
  #protocol;
  #transport;
  #pause;
  #puller;
  #reporter;
  #running;
  #saving;
  #stopped = false;
  #connected = false;
  #outdated = false;
  #problem;
  constructor(options) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log ?? silentLog;
    this.#protocol = options.protocol ?? PROTOCOL_VERSION;
    this.#pause = new Pause(this.#clock);
    this.#transport = new Transport({
      url: options.url,
      tokenFile: options.tokenFile,
      ...(options.caFile !== void 0 && { caFile: options.caFile }),
      protocol: this.#protocol,
      clock: this.#clock,
      requestMs: options.requestMs ?? REQUEST_MS,
    });
  }
  async start(holder, credentials) {
    if (this.#running) throw new Error('started twice');
    await this.#restore(holder, credentials);
    const reporter = new Reporter({
      transport: this.#transport,
      acknowledgement: () => holder.acknowledgement(),
      epoch: this.#options.epoch ?? randomUUID(),
      proxyVersion: this.#options.proxyVersion,
      features: this.#options.features ?? FEATURES,
      rows: this.#options.rows,
      clock: this.#clock,
      random: this.#random,
      onProblem: (error) => this.#failed('report', error),
    });
    this.#reporter = reporter;
    this.#puller = new Puller({
      transport: this.#transport,
      holder,
      credentials,
      clock: this.#clock,
      random: this.#random,
      maxBodyBytes: this.#options.maxBodyBytes ?? MAX_BODY_BYTES,
      maxSnapshotBytes: this.#options.maxSnapshotBytes ?? MAX_SNAPSHOT_BYTES,
      onSwapped: () => {
        reporter.notify();
        this.#remember(holder, credentials);
      },
      onCurrent: () => {
        this.#problem = void 0;
      },
      onProblem: (error) => this.#failed('fetch', error),
    });
    this.#running = this.#follow();
  }
  async flush(deadlineMs) {
    let timer;
    const deadline = new Promise((resolve) => {
      timer = this.#clock.after(deadlineMs, resolve);
    });
    await Promise.race([this.#reporter?.flush(), deadline]);
    timer?.cancel();
  }
  async stop() {
    this.#stopped = true;
    this.#pause.end();
    this.#transport.close();
    await Promise.all([this.#running, this.#puller?.stop(), this.#reporter?.stop()]);
    await this.#saving;
  }
  status() {
    return { connected: this.#connected, outdated: this.#outdated, problem: this.#problem };
  }
  async #restore(holder, credentials) {
    const result = await this.#options.lastKnownGood?.load();
    if (!result) return;
    try {
      if (!result.ok) {
        if (result.reason !== void 0) throw new Error(result.reason);
        return;
      }
      const { remembered, ageMs } = result.loaded;
      holder.restore(remembered, ageMs);
      if (result.loaded.credentials) credentials.apply(result.loaded.credentials);
      this.#log.info({ hash: holder.hash, ageMs }, 'started from the last known good configuration');
    } catch (error) {
      const { message } = error;
      this.#log.warn({ reason: message }, 'the last known good configuration was not usable');
    }
  }
  #remember(holder, credentials) {
    const remembered = holder.remembered();
    if (!remembered) return;
    const saved = this.#options.lastKnownGood?.save(remembered, credentials.current());
    this.#saving = saved?.catch((error) => {
      this.#log.warn({ reason: error.message }, 'the last known good configuration was not written');
    });
  }
  async #follow() {
    let failures = 0;
    while (!this.#stopped) {
      const since = this.#clock.monotonic();
      try {
        await this.#listen();
      } catch (error) {
        if (this.#stopped) return;
        this.#failed('stream', error);
      }
      this.#connected = false;
      failures = this.#clock.monotonic() - since >= STABLE_MS ? 1 : failures + 1;
      const random = this.#random();
      const wait2 = this.#outdated ? OUTDATED_MS2 * (0.5 + random) : jittered(BACKOFF3, failures, random);
      await this.#pause.wait(wait2);
    }
  }
  /** One stream from opening to its end. Returns when the server ended it in order, as it does when the token expires. */
  async #listen() {
    const headers = { accept: 'text/event-stream' };
    const response = await this.#transport.stream({ method: 'GET', path: '/v1/stream', headers });
    let idle;
    try {
      const { statusCode: status = 0 } = response;
      this.#outdated = status === 426;
      if (status !== 200) throw new ExchangeFailed(`the stream was answered ${status}`, status);
      const spoken = Number(response.headers[PROTOCOL_HEADER]);
      if (!(spoken >= this.#protocol - 1)) {
        throw new ExchangeFailed(
          'the operator speaks a protocol that is older than this sidecar understands',
        );
      }
      if (!/^text\/event-stream\b/.test(response.headers['content-type'] ?? '')) {
        throw new ExchangeFailed('the stream is no event stream');
      }
      this.#connected = true;
      this.#problem = void 0;
      this.#reporter?.notify();
      const idleMs = this.#options.idleMs ?? 3 * HEARTBEAT_MS;
      const dead = () => void response.destroy(new Error(`the stream was silent for ${idleMs} ms`));
      idle = this.#clock.after(idleMs, dead);
      const reader = new EventReader();
      for await (const chunk of response) {
        idle.cancel();
        idle = this.#clock.after(idleMs, dead);
        for (const event of reader.read(chunk)) this.#take(event);
      }
    } finally {
      idle?.cancel();
      response.destroy();
    }
  }
  /** Events of other types belong to versions to come. */
  #take(event) {
    if (event.type === 'snapshot') this.#puller?.wantSnapshot(readSnapshotEvent(event.data));
    if (event.type === 'credentials') this.#puller?.wantCredentials(readCredentialsEvent(event.data));
  }
  #failed(what, error) {
    this.#problem = `${what}: ${error.message}`;
    this.#log.warn({ reason: error.message }, `the operator was not heard: ${what} failed`);
  }
};

// sidecar/snapshot/item-header.ts
var MAX_MODELS = 1024;
function readHeader(raw) {
  if (typeof raw !== 'object' || raw === null) return void 0;
  const item = raw;
  const { id, kind, generation } = item;
  if (typeof id !== 'string' || id.length > 640) return void 0;
  if (kind !== 'Route' && kind !== 'Provider') return void 0;
  if (!id.startsWith(kind === 'Route' ? 'route/' : 'provider/')) return void 0;
  return {
    id,
    kind,
    generation: typeof generation === 'number' && Number.isSafeInteger(generation) ? generation : 0,
    // A state that is not known is not a promise that the body may run.
    state: item['state'] === 'Valid' ? 'Valid' : 'Invalid',
    requires: strings(item['requires']),
    reason: typeof item['reason'] === 'string' ? item['reason'] : void 0,
    rank: typeof item['rank'] === 'number' ? item['rank'] : Number.MAX_SAFE_INTEGER,
    models: kind === 'Route' ? strings(item['models']).slice(0, MAX_MODELS) : [],
  };
}
function strings(value) {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

// sidecar/snapshot/previous.ts
var PREVIOUS = void 0;

// sidecar/snapshot/advisory.ts
var MAX_ADVISORY = 64;
function withoutUnknownAdvice(item, known) {
  const { advisory } = item;
  if (!Array.isArray(advisory)) return item;
  const unknown = advisory
    .slice(0, MAX_ADVISORY)
    .filter((path) => typeof path === 'string' && path.length <= 256 && !known.has(path));
  return unknown.reduce((rest, path) => without(rest, path.split('.')), item);
}
function without(value, [first = '', ...rest]) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const isList = first.endsWith('[]');
  const name = isList ? first.slice(0, -2) : first;
  if (!Object.hasOwn(value, name)) return value;
  const { [name]: member2, ...others } = value;
  if (rest.length === 0) return isList ? value : others;
  const inner =
    isList && Array.isArray(member2) ? member2.map((each) => without(each, rest)) : without(member2, rest);
  return { ...others, [name]: inner };
}

// sidecar/snapshot/check.ts
var ANY_VALUE = { kind: 'Value', words: 'any value of its own form' };
var formOf = (check) => check.form ?? ANY_VALUE;
var formed = (form, check) => Object.assign(check, { form });
var SHOWN = 60;
function show(value) {
  const text2 =
    typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : '';
  if (text2) return text2;
  const written2 = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return written2.length > SHOWN ? `${written2.slice(0, SHOWN)}\u2026` : written2;
}
var wrong = (path, value, expected) =>
  `${path} is ${value === void 0 ? 'missing' : show(value)}; it must be ${expected}`;
var boolean = formed({ kind: 'Value', words: 'true or false' }, (value, path) =>
  typeof value === 'boolean' ? void 0 : wrong(path, value, 'true or false'),
);
var only = (expected) =>
  formed({ kind: 'Choice', values: [String(expected)] }, (value, path) =>
    value === expected ? void 0 : wrong(path, value, show(expected)),
  );
function integer(min, max) {
  const words = `an integer from ${min} to ${max}`;
  return formed({ kind: 'Value', words }, (value, path) =>
    Number.isSafeInteger(value) && value >= min && value <= max ? void 0 : wrong(path, value, words),
  );
}
function text(max, form, expected) {
  const words = `a string of 1 to ${max} characters`;
  return formed({ kind: 'Value', words: form ? `${words} like ${form.source}` : words }, (value, path) =>
    typeof value === 'string' && value.length > 0 && value.length <= max && (form?.test(value) ?? true)
      ? void 0
      : wrong(path, value, expected ?? words),
  );
}
function oneOf(values) {
  return formed({ kind: 'Choice', values }, (value, path) =>
    typeof value === 'string' && values.includes(value)
      ? void 0
      : wrong(path, value, `one of ${values.join(', ')}`),
  );
}
function list(item, max, min = 0) {
  const bounds2 = `${min} to ${max} entries`;
  return formed({ kind: 'List', bounds: bounds2, element: formOf(item) }, (value, path) => {
    if (!Array.isArray(value) || value.length < min || value.length > max)
      return wrong(path, value, `a list of ${bounds2}`);
    for (let i = 0; i < value.length; i++) {
      const problem = item(value[i], `${path}[${i}]`);
      if (problem) return problem;
    }
    return void 0;
  });
}
function shape(required, optional = {}) {
  const known = new Map(Object.entries({ ...required, ...optional }));
  const wanted = Object.keys(required);
  const members = new Map(
    [...known].map(([name, check]) => [name, { required: name in required, form: formOf(check) }]),
  );
  return formed({ kind: 'Object', members }, (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return wrong(path, value, 'an object');
    for (const name of wanted) if (value[name] === void 0) return wrong(`${path}.${name}`, void 0, 'set');
    for (const [name, member2] of Object.entries(value)) {
      const check = known.get(name);
      if (!check) return `${path}.${name} is not known to this version`;
      if (member2 === void 0) continue;
      const problem = check(member2, `${path}.${name}`);
      if (problem) return problem;
    }
    return void 0;
  });
}
function all(...checks) {
  return formed(checks.find((check) => check.form)?.form ?? ANY_VALUE, (value, path) => {
    for (const check of checks) {
      const problem = check(value, path);
      if (problem) return problem;
    }
    return void 0;
  });
}
function distinct(key, what) {
  return (value, path) => {
    const seen = /* @__PURE__ */ new Set();
    for (const entry of value) {
      const k = key(entry);
      if (seen.has(k)) return `${path} has ${what} ${show(k)} more than once`;
      seen.add(k);
    }
    return void 0;
  };
}

// sidecar/snapshot/fields.ts
function fieldsOf(header2, body) {
  const fields = /* @__PURE__ */ new Map();
  if (header2.form) collect(header2.form, '', fields);
  if (body.form) {
    fields.set('body', { required: false, takes: 'an object' });
    collect(body.form, 'body', fields);
  }
  return fields;
}
function collect(form, path, fields) {
  if (form.kind === 'List') collect(form.element, `${path}[]`, fields);
  if (form.kind !== 'Object') return;
  for (const [name, member2] of form.members) {
    const at = path === '' ? name : `${path}.${name}`;
    const choice = choiceOf(member2.form);
    fields.set(at, {
      required: member2.required,
      takes: wordsOf(member2.form),
      ...(choice && { values: choice }),
    });
    collect(member2.form, at, fields);
  }
}
function choiceOf(form) {
  if (form.kind === 'List') return choiceOf(form.element);
  return form.kind === 'Choice' ? form.values : void 0;
}
function wordsOf(form) {
  if (form.kind === 'Object') return 'an object';
  if (form.kind === 'Choice') return 'a choice';
  return form.kind === 'List' ? `${form.bounds}, each ${wordsOf(form.element)}` : form.words;
}

// sidecar/snapshot/formats.ts
import { X509Certificate } from 'node:crypto';

// sidecar/snapshot/patterns.ts
import { createRequire } from 'node:module';

var engine;
function loadEngine() {
  return typeof __require === 'undefined' ? createRequire(import.meta.url)('re2js') : __require('re2js');
}
function compilePattern(source) {
  engine ??= loadEngine();
  const compiled = engine.RE2JS.compile(source);
  return {
    matchesAll: (text2) => compiled.testExact(text2),
    occursIn: (text2) => compiled.test(text2),
  };
}

// sidecar/snapshot/formats.ts
var MAX_PATTERN = 4096;
var MAX_JSON_BYTES = 65536;
var pattern = (value, path) => {
  const problem = text(MAX_PATTERN)(value, path);
  if (problem) return problem;
  try {
    compilePattern(value);
    return void 0;
  } catch (error) {
    const cause = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'unknown';
    return wrong(path, value, `an RE2 pattern: ${cause}`);
  }
};
var url = (value, path) => {
  const parsed = typeof value === 'string' && value.length <= 2048 ? URL.parse(value) : null;
  const plain =
    parsed !== null &&
    (parsed.protocol === 'http:' || parsed.protocol === 'https:') &&
    !/[?#@\s\\]/.test(value) &&
    !value.endsWith('/');
  if (plain) return void 0;
  const expected = 'an http or https URL without credentials, query, fragment or trailing slash';
  return typeof value === 'string' && /[@?]/.test(value)
    ? `${path} must be ${expected}`
    : wrong(path, value, expected);
};
var certificates = (value, path) => {
  const problem = text(131072)(value, path);
  if (problem) return problem;
  const blocks = value.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (!blocks) return `${path} holds no PEM certificate`;
  for (const [i, block] of blocks.entries()) {
    if (!readable(block)) return `${path}: certificate ${i + 1} cannot be read`;
  }
  return void 0;
};
function readable(pem) {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
var json = (value, path) => {
  let written2;
  try {
    written2 = JSON.stringify(value);
  } catch {}
  return written2 !== void 0 && Buffer.byteLength(written2) <= MAX_JSON_BYTES
    ? void 0
    : wrong(path, value, `a JSON value of at most ${MAX_JSON_BYTES} bytes`);
};

// sidecar/snapshot/paths.ts
var MANAGEMENT = /* @__PURE__ */ new Set([
  'organization',
  'organizations',
  'organisation',
  'organisations',
  'orgs',
  'admin',
  'dashboard',
]);
function segmentsOf(path) {
  if (!path.startsWith('/')) return void 0;
  const segments = path.slice(1).split('/');
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  const decoded = [];
  for (const segment of segments) {
    const plain = decode(segment);
    if (plain === void 0 || plain === '' || plain === '.' || plain === '..' || /[/\\\0;]/.test(plain))
      return void 0;
    decoded.push(plain);
  }
  return decoded;
}
function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return void 0;
  }
}
function isManagementPath(segments) {
  return segments.slice(0, 3).some((segment) => MANAGEMENT.has(segment.toLowerCase()));
}

// sidecar/snapshot/validate.ts
var MAX_TIMER_MS = 2147483647;
var RESERVED_HEADER =
  /^(authorization|proxy-.*|x-api-key|api-key|x-goog-api-key|x-amz-security-token|cookie|set-cookie|host|content-length|content-type|content-encoding|accept-encoding|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|x-outrider-.*)$/i;
var HEADER_NAME = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
var NAME = '[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?';
var ROUTE_ID = new RegExp(`^route/${NAME}/${NAME}$`);
var PROVIDER_ID = new RegExp(`^provider/${NAME}/${NAME}$`);
var SPLICED = ['model', 'messages', 'input', 'prompt', 'stream', 'stream_options'];
var CAPABILITIES = ['Chat', 'Completions', 'Embeddings', 'Tools', 'Vision', 'JSONSchema'];
var FAILURES =
  'Connect Timeout RateLimited ServerError StreamError Unauthorized QuotaExhausted ModelNotFound ContextWindow ContentFilter';
var label = text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'a name of lower-case letters, digits and dashes');
var objectName = text(253, new RegExp(`^${NAME}$`), 'the name of an object');
var model = text(256, /^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/, 'the name of a model');
var count = integer(0, 1e8);
var weight = integer(0, 1e6);
var wait = integer(0, MAX_TIMER_MS);
var timeout = integer(1, MAX_TIMER_MS);
var headerName = (value, path) =>
  text(256, HEADER_NAME, 'a header name')(value, path) ??
  (RESERVED_HEADER.test(value)
    ? wrong(path, value, 'another header: credentials, framing and x-outrider-* are not set by hand')
    : void 0);
var lowerCase = (value, path) =>
  typeof value === 'string' && value === value.toLowerCase() ? void 0 : wrong(path, value, 'lower-case');
var headerValue = (value, path) =>
  typeof value === 'string' && value.length <= 4096 && /^[\x20-\x7e\t]*$/.test(value)
    ? void 0
    : `${path} must be up to 4096 printable characters`;
var header = shape({ name: headerName, value: headerValue });
var uniqueHeaders = distinct((h) => h.name.toLowerCase(), 'header');
var byName = (what) => distinct((entry) => entry.name, what);
var bounds = all(shape({}, { min: count, max: count }), (value, path) => {
  const { min, max } = value;
  if (min === void 0 && max === void 0) return `${path} needs min or max`;
  return (min ?? 0) <= (max ?? Infinity) ? void 0 : `${path}.min is ${min}, more than max ${max}`;
});
var headerMatch = all(
  shape({
    name: text(256, HEADER_NAME, 'a header name'),
    type: oneOf(['Exact', 'Prefix', 'RegularExpression']),
    value: text(4096),
  }),
  (value, path) => {
    const { type, value: source } = value;
    return type === 'RegularExpression' ? pattern(source, `${path}.value`) : void 0;
  },
);
var match = shape(
  {},
  {
    headers: list(headerMatch, 16, 1),
    paths: list(text(256, /^\/[A-Za-z0-9._~/-]*$/, 'an absolute path'), 16, 1),
    models: list(model, 64, 1),
    prompt: shape(
      {},
      { tokens: bounds, turns: bounds, contains: list(all(text(1024), lowerCase), 64, 1), pattern },
    ),
    request: shape({}, { tools: boolean, vision: boolean, jsonSchema: boolean, stream: boolean }),
  },
);
var memberName = text(128, /^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a top-level member');
var patchable = (value, path) =>
  memberName(value, path) ??
  (SPLICED.includes(value) ? wrong(path, value, 'none of '.concat(SPLICED.join(', '))) : void 0);
var member = shape({ name: patchable, value: json });
var patch = all(
  shape({
    set: list(member, 32),
    default: list(member, 32),
    remove: list(patchable, 32),
    headers: all(list(header, 32), uniqueHeaders),
  }),
  (value, path) => {
    const { set, default: defaults, remove } = value;
    const names = [...set.map((m) => m.name), ...defaults.map((m) => m.name), ...remove];
    return distinct((name) => name, 'member')(names, path);
  },
);
var target = shape(
  {
    name: label,
    provider: text(640, PROVIDER_ID, 'provider/<namespace>/<name>'),
    weight,
    priority: integer(0, 1e3),
    patch,
  },
  { model, credential: label, credentials: list(label, 32), unresolved: text(1024) },
);
var pathPrefix = (value, path) => {
  const problem = text(256, /^\/v1\/[A-Za-z0-9._~/-]+$/, 'a path below /v1/')(value, path);
  if (problem) return problem;
  const segments = segmentsOf(value);
  if (!segments) return wrong(path, value, 'a path without empty, "." or ".." segments');
  return isManagementPath(segments)
    ? wrong(path, value, 'another path: what manages an organisation is never passed through')
    : void 0;
};
var rule = all(
  shape({
    name: label,
    matches: list(match, 32),
    strategy: shape({ type: oneOf(['Weighted', 'RoundRobin']) }),
    targets: all(list(target, 32, 1), byName('target')),
    failover: shape({
      on: all(
        list(oneOf(FAILURES.split(' ')), 16),
        distinct((name) => name, 'failure'),
      ),
      maxAttempts: integer(1, 10),
      backoff: all(shape({ baseMs: wait, maxMs: wait }), (value, path) => {
        const { baseMs, maxMs } = value;
        return baseMs <= maxMs ? void 0 : `${path}.base is ${baseMs}ms, more than max ${maxMs}ms`;
      }),
    }),
    timeouts: shape({
      connectMs: timeout,
      firstTokenMs: timeout,
      interTokenMs: timeout,
      attemptMs: timeout,
      requestMs: timeout,
      clientStallMs: timeout,
    }),
    holdMaxMs: wait,
    passthrough: list(
      shape({
        methods: list(oneOf(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']), 5, 1),
        pathPrefix,
      }),
      32,
    ),
    statefulTarget: integer(0, 31),
    forwardHeaders: list(all(headerName, lowerCase), 32),
  }),
  (value, path) => {
    const { statefulTarget, targets } = value;
    return statefulTarget < targets.length
      ? void 0
      : wrong(`${path}.statefulTarget`, statefulTarget, `below ${targets.length}, the number of targets`);
  },
);
var price = integer(0, Number.MAX_SAFE_INTEGER);
var prices = shape(
  { input: price, output: price },
  { cacheRead: price, audioInput: price, reasoning: price, audioOutput: price, request: price },
);
var variant = shape({ form: oneOf(['Exact', 'Dated', 'Prefix']), text: model });
var served = shape(
  { name: model, upstreamName: model },
  {
    catalogued: only(true),
    variants: list(variant, 64),
    capabilities: list(oneOf(CAPABILITIES), 16, 1),
    contextWindow: integer(1, 1e8),
    maxOutputTokens: integer(1, 1e8),
    prices,
  },
);
var credential = shape(
  { name: label, id: text(640), type: oneOf(['APIKey', 'Passthrough']), weight },
  { version: text(128) },
);
var ROUTE_BODY = shape({
  namespace: objectName,
  name: objectName,
  uid: text(640),
  rules: all(list(rule, 64, 1), byName('rule')),
});
var PROVIDER_BODY = shape(
  {
    namespace: objectName,
    name: objectName,
    type: oneOf(['OpenAI', 'OpenAICompatible']),
    url,
    headers: all(list(header, 32), uniqueHeaders),
    credentials: all(list(credential, 32), byName('credential')),
    // Declared models are at most 256; catalogues of resellers list more.
    models: all(list(served, 2048), byName('model')),
    openModels: boolean,
    streamUsage: oneOf(['Always', 'OnRequest', 'Never']),
    passive: shape({ consecutiveErrors: integer(1, 1e3), ejectionMs: timeout, maxEjectionMs: timeout }),
  },
  { caBundle: certificates },
);
var HEADER = {
  generation: integer(0, Number.MAX_SAFE_INTEGER),
  state: oneOf(['Valid', 'Invalid']),
  requires: list(text(128), 64),
};
var MAYBE = { advisory: list(text(256), 64), reason: text(1024) };
var ANY = () => void 0;
var ROUTE = shape(
  {
    kind: only('Route'),
    id: text(640, ROUTE_ID, 'route/<namespace>/<name>'),
    rank: integer(0, Number.MAX_SAFE_INTEGER),
    models: all(list(text(256, /^([A-Za-z0-9][A-Za-z0-9._:/@+-]*\*?|\*)$/, 'a model, prefix* or *'), 64)),
    ...HEADER,
  },
  { ...MAYBE, body: ANY },
);
var PROVIDER = shape(
  { kind: only('Provider'), id: text(640, PROVIDER_ID, 'provider/<namespace>/<name>'), ...HEADER },
  { ...MAYBE, body: ANY },
);
var CONTRACT = {
  Route: fieldsOf(ROUTE, ROUTE_BODY),
  Provider: fieldsOf(PROVIDER, PROVIDER_BODY),
};
function validateItem(item) {
  const kind = item?.kind;
  if (kind !== 'Route' && kind !== 'Provider')
    return { ok: false, reason: wrong('kind', kind, 'Route or Provider') };
  const known = withoutUnknownAdvice(item, CONTRACT[kind]);
  const reason = (kind === 'Route' ? ROUTE : PROVIDER)(known, 'item') ?? judge(known);
  return reason === void 0 ? { ok: true, item: known } : { ok: false, reason };
}
function judge(item) {
  if (item.state === 'Invalid') {
    if (item.body !== void 0) return 'an Invalid item carries no body';
    return item.reason === void 0 ? 'an Invalid item says why' : void 0;
  }
  const lacking = item.requires.find((name2) => !FEATURES.includes(name2));
  if (lacking !== void 0) return `needs feature ${lacking}, which this version lacks`;
  if (item.body === void 0) return 'a Valid item carries a body';
  const problem = item.kind === 'Route' ? ROUTE_BODY(item.body, 'spec') : PROVIDER_BODY(item.body, 'spec');
  if (problem) return problem;
  const { namespace, name } = item.body;
  if (item.id !== `${item.kind.toLowerCase()}/${namespace}/${name}`) return `body is of ${namespace}/${name}`;
  if (item.kind === 'Route') return item.models.length > 0 ? void 0 : 'a route serves at least one model';
  const stray = item.body.credentials.find((c) => c.id !== `${namespace}/${name}/${c.name}`);
  if (stray) return wrong(`credential ${stray.name} id`, stray.id, `${namespace}/${name}/${stray.name}`);
  const { ejectionMs, maxEjectionMs } = item.body.passive;
  return ejectionMs <= maxEjectionMs
    ? void 0
    : `ejectionTime is ${ejectionMs}ms, more than maxEjectionTime ${maxEjectionMs}ms`;
}

// sidecar/snapshot/evaluate.ts
var MAX_REASON = 1024;
function evaluate(snapshot, before, previous = PREVIOUS) {
  const routes = [];
  const providers = /* @__PURE__ */ new Map();
  const exceptions = [];
  const held = /* @__PURE__ */ new Map();
  const fromPrevious = snapshot.version === SNAPSHOT_VERSION ? void 0 : previous;
  for (const [index, sent] of snapshot.items.entries()) {
    const raw = fromPrevious ? fromPrevious(sent) : sent;
    const header2 = readHeader(raw);
    const verdict = judge2(raw, header2, before);
    const id = header2?.id ?? verdict.runs?.id ?? `items[${index}]`;
    if (verdict.runs) held.set(id, verdict.runs);
    if (verdict.state !== 'Runs') {
      exceptions.push({
        id,
        state: verdict.state,
        ...(verdict.runs && { runningGeneration: verdict.runs.generation }),
        reason: verdict.reason.slice(0, MAX_REASON),
      });
    }
    const reason = verdict.state === 'Runs' ? void 0 : verdict.reason;
    const kind = header2?.kind ?? verdict.runs?.kind;
    if (kind === 'Route') routes.push(route(id, header2, verdict.runs, reason));
    if (kind === 'Provider') providers.set(id, provider(id, verdict.runs, reason));
  }
  routes.sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1));
  return { effective: { hash: snapshot.hash, routes, providers }, exceptions, held };
}
function judge2(raw, header2, before) {
  const lacking = header2?.requires.find((name) => !FEATURES.includes(name));
  if (lacking !== void 0) {
    return {
      state: 'Rejected',
      runs: void 0,
      reason: `needs feature ${lacking}, which this version lacks`,
    };
  }
  const verified = validateItem(raw);
  if (verified.ok && verified.item.state === 'Valid') return { state: 'Runs', runs: verified.item };
  const reason = verified.ok ? (verified.item.reason ?? 'the operator holds it invalid') : verified.reason;
  const older = before.get(raw?.id ?? '');
  return older ? { state: 'Stale', runs: older, reason } : { state: 'Rejected', runs: void 0, reason };
}
function route(id, header2, runs, reason) {
  const running = runs?.kind === 'Route' ? runs : void 0;
  return {
    id,
    // The rank is the place among the routes of this snapshot, whichever version of the route runs.
    rank: header2?.rank ?? running?.rank ?? Number.MAX_SAFE_INTEGER,
    models: running?.models ?? header2?.models ?? [],
    generation: running?.generation,
    body: running?.body,
    reason,
  };
}
function provider(id, runs, reason) {
  const running = runs?.kind === 'Provider' ? runs : void 0;
  return { id, generation: running?.generation, body: running?.body, reason };
}

// sidecar/snapshot/hash.ts
import { createHash as createHash2 } from 'node:crypto';

function canonicalJson(value) {
  return isSorted(value) ? JSON.stringify(value) : written(value);
}
function snapshotHash(items) {
  return createHash2('sha256').update(canonicalJson(items)).digest('hex');
}
function written(value) {
  if (Array.isArray(value)) return `[${value.map(element).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = [];
  for (const name of Object.keys(value).sort()) {
    const member2 = value[name];
    if (member2 !== void 0) members.push(`${JSON.stringify(name)}:${written(member2)}`);
  }
  return `{${members.join(',')}}`;
}
function element(value) {
  return value === void 0 ? 'null' : written(value);
}
function isSorted(value) {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isSorted);
  let last = '';
  for (const name of Object.keys(value)) {
    if (name < last || !isSorted(value[name])) return false;
    last = name;
  }
  return true;
}

// sidecar/snapshot/read-snapshot.ts
var MAX_ITEMS = 2e4;
var SnapshotRefused = class extends Error {
  kind;
  constructor(kind, reason) {
    super(reason);
    this.name = 'SnapshotRefused';
    this.kind = kind;
  }
};
function readSnapshot(value, previous = PREVIOUS) {
  if (typeof value !== 'object' || value === null) throw malformed('it is not an object');
  const { version, hash, items } = value;
  const versions = previous ? [SNAPSHOT_VERSION, SNAPSHOT_VERSION - 1] : [SNAPSHOT_VERSION];
  if (!versions.includes(version)) {
    const named = typeof version === 'number' ? version : typeof version;
    const reason = `its version is ${named}; this sidecar runs ${versions.join(' and ')}`;
    throw new SnapshotRefused('Version', reason);
  }
  if (typeof hash !== 'string' || !Array.isArray(items)) throw malformed('hash or items are missing');
  if (items.length > MAX_ITEMS) throw malformed(`it has ${items.length} items, more than ${MAX_ITEMS}`);
  const ids = /* @__PURE__ */ new Set();
  for (const item of items) {
    const id = item?.id;
    if (ids.has(id)) throw malformed('two items have one id');
    ids.add(id);
  }
  const computed = snapshotHash(items);
  if (computed !== hash) {
    throw new SnapshotRefused('Hash', `its hash is ${hash.slice(0, 64)} but its items have ${computed}`);
  }
  return value;
}
function malformed(reason) {
  return new SnapshotRefused('Malformed', reason);
}

// sidecar/snapshot/holder.ts
var ConfigHolder = class {
  #credentials;
  #clock;
  #previous;
  #onListenerError;
  #listeners = /* @__PURE__ */ new Set();
  #snapshot;
  #effective;
  #exceptions = [];
  #held = /* @__PURE__ */ new Map();
  #origin = 'None';
  #currentAt = 0;
  constructor(options = {}) {
    this.#credentials = options.credentials;
    this.#clock = options.clock ?? systemClock;
    this.#previous = options.previous ?? PREVIOUS;
    this.#onListenerError = options.onListenerError ?? (() => {});
  }
  /** Undefined until a first snapshot was applied. */
  get effective() {
    return this.#effective;
  }
  /** Hash of the last snapshot that was evaluated; empty before the first. */
  get hash() {
    return this.#effective?.hash ?? '';
  }
  /** Evaluates item by item and swaps. Throws SnapshotRefused, and changes nothing, when the snapshot as a whole is unusable. */
  apply(snapshot) {
    this.#swap(readSnapshot(snapshot, this.#previous), 'Live', 0);
    return this.acknowledgement();
  }
  /** Starts from what was remembered `ageMs` ago. Throws SnapshotRefused like `apply`. */
  restore(remembered, ageMs) {
    const snapshot = readSnapshot(remembered.snapshot, this.#previous);
    for (const item of remembered.kept) {
      const verified = validateItem(item);
      if (verified.ok && verified.item.state === 'Valid') this.#held.set(verified.item.id, verified.item);
    }
    this.#swap(snapshot, 'LastKnownGood', ageMs);
  }
  /** The control plane said that `hash` is what should run; true when it does. */
  confirm(hash) {
    if (hash !== this.hash) return false;
    this.#origin = 'Live';
    this.#currentAt = this.#clock.monotonic();
    return true;
  }
  acknowledgement() {
    return {
      hash: this.hash,
      credentialsVersion: this.#credentials?.version ?? '',
      exceptions: [...this.#exceptions],
    };
  }
  status() {
    return {
      origin: this.#origin,
      degraded: this.#origin === 'LastKnownGood',
      hash: this.hash,
      ageMs: this.#effective && this.#clock.monotonic() - this.#currentAt,
      exceptions: this.#exceptions,
    };
  }
  /** Undefined until something runs. */
  remembered() {
    if (!this.#snapshot) return void 0;
    const kept = [];
    for (const { id, state } of this.#exceptions) {
      const item = state === 'Stale' ? this.#held.get(id) : void 0;
      if (item) kept.push(item);
    }
    return { snapshot: this.#snapshot, kept };
  }
  /** Called after every swap; returns the way to stop listening. */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  #swap(snapshot, origin, ageMs) {
    const evaluation = evaluate(snapshot, this.#held, this.#previous);
    this.#snapshot = snapshot;
    this.#effective = evaluation.effective;
    this.#exceptions = evaluation.exceptions;
    this.#held = evaluation.held;
    this.#origin = origin;
    this.#currentAt = this.#clock.monotonic() - ageMs;
    for (const listener of this.#listeners) {
      try {
        listener(evaluation.effective);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
};

// sidecar/snapshot/credentials.ts
var GRACE_MS = 12e4;
var CredentialStore = class {
  #graceMs;
  #clock;
  #entries = /* @__PURE__ */ new Map();
  #version = '';
  constructor(options = {}) {
    this.#graceMs = options.graceMs ?? GRACE_MS;
    this.#clock = options.clock ?? systemClock;
  }
  /** Version of the last complete set; empty before the first. */
  get version() {
    return this.#version;
  }
  get(id) {
    return this.#entries.get(id)?.value;
  }
  has(id) {
    return this.#entries.has(id);
  }
  /** Version of the value; undefined where there is none, or it came without. */
  versionOf(id) {
    return this.#entries.get(id)?.version;
  }
  /** The value that `get` returned before the last rotation, for as long as the grace lasts. */
  previous(id) {
    const previous = this.#entries.get(id)?.previous;
    return previous && this.#clock.monotonic() < previous.until ? previous.value : void 0;
  }
  /**
   * Adds and replaces, removes nothing: the first half of a change in which a new snapshot is swapped in, so that at no
   * moment a route runs whose key is not here. `apply` is the second half.
   */
  merge(set) {
    const now = this.#clock.monotonic();
    for (const { id, value, version } of set.credentials) {
      const entry = this.#entries.get(id);
      if (entry?.value === value) {
        entry.version = version;
        continue;
      }
      const previous = entry && { value: entry.value, until: now + this.#graceMs };
      this.#entries.set(id, { value, version, previous });
    }
  }
  /** Takes the set as all there is: ids that are not in it are gone, their previous values too. */
  apply(set) {
    this.merge(set);
    const now = this.#clock.monotonic();
    const kept = /* @__PURE__ */ new Map();
    for (const { id } of set.credentials) {
      const entry = this.#entries.get(id);
      if (!entry) continue;
      if (entry.previous && entry.previous.until <= now) entry.previous = void 0;
      kept.set(id, entry);
    }
    this.#entries = kept;
    this.#version = set.version;
  }
  /** The set as it was applied, for the one place that may keep it: a file in memory. */
  current() {
    const credentials = [...this.#entries].map(([id, { value, version }]) => ({
      id,
      value,
      ...(version !== void 0 && { version }),
    }));
    return { version: this.#version, credentials };
  }
};

export { ConfigHolder, CredentialStore, SnapshotClient };
