// The page: which view is shown, and the stream that it follows.
import { h, setAttribute, setText } from './dom.js';
import { clockTime, now, setServerTime, tick } from './time.js';
import { Stream } from './stream.js';
import { ListView } from './list.js';
import { ObjectView } from './object.js';
import { problem } from './notices.js';
import { signInView, signOut } from './signin.js';

const main = document.getElementById('main');
const connection = document.getElementById('connection');
const signOutButton = document.getElementById('signout');

const rows = new Map(); // Of the list, by namespace/name. They stay while an object is shown.
let view = {}; // {element, close, onPageKey, ...}
let stream;
let status = { kind: 'connecting' };
let newest; // When the newest event arrived, by the clock of the leader.
let listScroll = 0;

// show replaces the view, and follows a stream.
function show(next, url, onEvent) {
  stream?.stop();
  view.close?.();
  view = next;
  newest = undefined;
  main.replaceChildren(view.element);
  if (!url) return;
  stream = new Stream(url, (name, data) => {
    if (data.at) setServerTime(data.at);
    newest = now();
    onEvent(name, data);
  }, onStatus);
  stream.start();
}

function showList() {
  const list = new ListView(rows);
  setText(document.querySelector('title'), 'Impulse');
  let total = rows.size > 0 ? 0 : undefined;
  show({ element: list.element, close: () => { listScroll = scrollY; list.close(); }, onPageKey: (event) => list.onPageKey(event), search: () => list.search() },
    'v1/scaledobjects/stream', (name, data) => {
      if (name === 'heartbeat') return;
      // After a connection was lost, the rows stay until the snapshot has arrived whole.
      if (name === 'snapshot') list.arrived = new Set();
      for (const row of data.rows) {
        rows.set(`${row.namespace}/${row.name}`, row);
        list.arrived?.add(`${row.namespace}/${row.name}`);
      }
      for (const key of data.removed ?? []) rows.delete(key);
      total = data.total;
      if (list.arrived && list.arrived.size >= total) {
        for (const key of rows.keys()) if (!list.arrived.has(key)) rows.delete(key);
        list.arrived = undefined;
      }
      list.update(rows.size >= total && !list.arrived);
    });
  if (rows.size > 0) {
    list.update(false);
    requestAnimationFrame(() => scrollTo(0, listScroll));
  }
}

function showObject(namespace, name) {
  const object = new ObjectView(namespace, name);
  show({ element: object.element, close: () => object.close() },
    `v1/namespaces/${encodeURIComponent(namespace)}/scaledobjects/${encodeURIComponent(name)}/stream`, (event, data) => {
      if (event === 'gone') object.gone();
      else if (event !== 'heartbeat') object.show(data, event === 'snapshot');
    });
  scrollTo(0, 0);
}

// route shows what the fragment of the URL names.
function route() {
  const [namespace, name] = location.hash.replace(/^#\/?/, '').split('/').map(decode);
  if (namespace && name) showObject(namespace, name);
  else showList();
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// onStatus shows what became of the connection.
function onStatus(next) {
  status = next;
  if (status.kind === 'denied') {
    rows.clear();
    show({ element: signInView(route) });
  } else if (status.kind === 'forbidden') {
    show({ element: problem('No access', status.reason === 'no access' ? 'Your credential is not valid for this namespace.' : status.reason) });
  } else if (status.kind === 'missing') {
    show({ element: problem('Not found', 'There is no such ScaledObject. It may have been deleted.') });
  }
  signOutButton.hidden = status.kind === 'denied' || !signedIn();
  showConnection();
}

// signedIn reports whether this browser has signed in. The cookie itself is not visible to scripts.
function signedIn() {
  try {
    return localStorage.getItem('impulse-signed-in') === 'yes';
  } catch {
    return false;
  }
}

function showConnection() {
  const texts = {
    connecting: newest ? `Values are from ${clockTime(newest)}, connecting` : 'Connecting',
    live: 'Live', denied: 'Signed out', forbidden: '', missing: '',
    lost: newest ? `Connection lost: values are from ${clockTime(newest)}, reconnecting` : 'No connection, trying again',
  };
  setAttribute(connection, 'class', `connection ${status.kind}`);
  setAttribute(connection, 'title', status.kind === 'lost' ? status.reason : undefined);
  setText(connection, texts[status.kind]);
  const lost = status.kind === 'lost';
  document.body.classList.toggle('lost', lost);
  let notice = main.querySelector('.waiting-notice');
  if (!lost || newest) {
    notice?.remove();
    return;
  }
  if (!notice) {
    notice = h('p', { class: 'notice waiting-notice' });
    main.append(notice);
  }
  setText(notice, `Impulse cannot be reached: ${status.reason || 'no answer'}. The page tries again by itself.`);
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const typing = event.target.closest('input, select, textarea');
  if (event.key === '/' && !typing && view.search) {
    view.search();
  } else if (event.key === 'Escape') {
    if (typing && !view.onPageKey?.(event)) typing.blur();
    else if (!typing && !view.onPageKey?.(event) && location.hash.length > 2) location.hash = '#/';
  } else if (event.key === 'ArrowDown' && (event.target === document.body || event.target.type === 'search')) {
    view.onPageKey?.(event);
  } else {
    return;
  }
  event.preventDefault();
}

let hiddenTimer;

// A page that is not visible ends its stream after a while: a browser has few connections to one server.
function onVisibility() {
  clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = setTimeout(() => { stream?.stop(); hiddenTimer = 'stopped'; }, 20_000);
  } else if (hiddenTimer === 'stopped') {
    hiddenTimer = undefined;
    if (status.kind === 'live' || status.kind === 'lost' || status.kind === 'connecting') stream?.start();
  } else {
    stream?.retry();
  }
}

signOutButton.addEventListener('click', async () => {
  await signOut();
  try {
    localStorage.removeItem('impulse-signed-in');
  } catch {
    // It was not stored either.
  }
  onStatus({ kind: 'denied' });
});
addEventListener('hashchange', route);
addEventListener('keydown', onKey);
addEventListener('online', () => stream?.retry());
document.addEventListener('visibilitychange', onVisibility);
setInterval(() => { if (!document.hidden) tick(main); }, 1000);
route();
