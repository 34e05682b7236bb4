// A stream of server-sent events that connects again. It is read with fetch, because EventSource hides the status of an answer.

const silence = 25_000; // A stream has a heartbeat every 10 s.
const longestPause = 10_000;

// Stream follows a stream. onEvent(name, data) gets the events, and onStatus(status) what became of the connection:
//   {kind: 'connecting' | 'live' | 'lost' | 'denied' | 'forbidden' | 'missing', reason, retryAt}
export class Stream {
  #url; #onEvent; #onStatus; #abort; #timer; #failures = 0; #stopped = false;

  constructor(url, onEvent, onStatus) {
    this.#url = url;
    this.#onEvent = onEvent;
    this.#onStatus = onStatus;
  }

  start() {
    this.#stopped = false;
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  // retry connects now, if the stream waits to connect again.
  retry() {
    if (this.#stopped || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  async #connect() {
    this.#timer = undefined;
    const abort = new AbortController();
    this.#abort = abort;
    if (this.#failures === 0) this.#onStatus({ kind: 'connecting' });
    let reason = 'the server does not answer';
    const response = await fetch(this.#url, { signal: abort.signal, cache: 'no-store', headers: { Accept: 'text/event-stream' } }).catch(() => null);
    if (response) {
      const refused = { 401: 'denied', 403: 'forbidden', 404: 'missing' }[response.status];
      if (refused) {
        this.#stopped = true;
        this.#onStatus({ kind: refused, reason: (await response.text()).trim() });
        return;
      }
      reason = response.ok ? await this.#read(response.body, abort) : (await response.text().catch(() => '')).trim();
    }
    if (!this.#stopped && this.#abort === abort) this.#wait(reason);
  }

  // read reads events until the end, and returns why the stream ended.
  async #read(body, abort) {
    let reason = 'the connection was closed';
    const handle = (name, data) => {
      if (name === 'bye') {
        reason = data.message;
        return;
      }
      this.#failures = 0;
      this.#onStatus({ kind: 'live' });
      try {
        this.#onEvent(name, data);
      } catch (error) {
        reportError(error); // The next event may be shown.
      }
      if (name === 'gone') this.#stopped = true;
    };
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const timeout = setTimeout(() => { reason = 'nothing has arrived for a while'; abort.abort(); }, silence);
      let part;
      try {
        part = await reader.read();
      } catch {
        return reason;
      } finally {
        clearTimeout(timeout);
      }
      if (part.done || this.#stopped) return reason;
      const events = (text + part.value).split('\n\n');
      text = events.pop();
      for (const event of events) parse(event, handle);
    }
  }

  // wait connects again after a pause, which doubles with each failure.
  #wait(reason) {
    const pause = Math.min(longestPause, 500 * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#onStatus({ kind: 'lost', reason, retryAt: Date.now() + pause });
    this.#timer = setTimeout(() => this.#connect(), pause);
  }
}

// parse passes one event on. A part of an event that was cut off is dropped.
function parse(text, handle) {
  let name = '';
  let data = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  if (!name) return;
  try {
    data = JSON.parse(data);
  } catch {
    return;
  }
  handle(name, data);
}
