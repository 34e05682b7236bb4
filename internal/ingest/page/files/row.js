// One row of the list.
import { h, setAttribute, setText } from './dom.js';
import { localTimes, time } from './time.js';
import { meaning, word } from './states.js';

const cell = (name, ...children) => h('span', { role: 'cell', class: name }, ...children);

// makeRow returns an element for a row. Its parts have the names that fillRow uses.
export function makeRow() {
  const parts = {
    state: h('span'), namespace: h('span', { class: 'clip' }), link: h('a', { class: 'clip' }),
    replicas: h('span', { class: 'now' }), desired: h('span', { class: 'desired' }), gauge: h('span', { class: 'gauge', 'aria-hidden': 'true' }),
    bounds: h('span', { class: 'bounds' }), levels: h('span', { class: 'clip' }), reason: h('span', { class: 'clip' }), change: h('span'),
  };
  const row = h('div', { role: 'row', class: 'row' },
    cell('c-state', parts.state), cell('c-namespace', parts.namespace), cell('c-name', parts.link),
    cell('c-replicas', h('span', { class: 'numbers' }, parts.replicas, parts.desired), parts.gauge, parts.bounds),
    cell('c-levels', parts.levels), cell('c-reason', parts.reason), cell('c-change', parts.change));
  row.parts = parts;
  return row;
}

// fillRow shows the data of a row.
export function fillRow(element, row, i) {
  const { parts } = element;
  setAttribute(element, 'aria-rowindex', String(i + 2));
  if (element.shown === row) return;
  element.shown = row;
  setAttribute(parts.state, 'class', `state ${row.state}`);
  setAttribute(parts.state, 'title', meaning[row.state]);
  setText(parts.state, word(row.state));
  setText(parts.namespace, row.namespace);
  setText(parts.link, row.name);
  setAttribute(parts.link, 'href', `#/${row.namespace}/${row.name}`);
  setAttribute(parts.link, 'title', row.target ? `${row.namespace}/${row.name} (${row.target})` : `${row.namespace}/${row.name}`);
  fillReplicas(parts, row);
  setText(parts.levels, row.levels ?? '');
  setAttribute(parts.levels, 'title', row.levels);
  const reason = reasonOf(row);
  setText(parts.reason, reason);
  setAttribute(parts.reason, 'title', row.message ? `${row.reason}: ${reason}` : reason);
  parts.change.replaceChildren(row.lastScaleTime ? time(row.lastScaleTime, 'age') : '–');
}

// reasonOf returns why a row has its count, or what keeps it from another one.
function reasonOf(row) {
  if (row.state === 'dryrun' && row.limitedBy) return row.limitedBy;
  if (row.reason && row.reason !== 'AsRecommended') return row.message ? localTimes(row.message) : row.reason;
  return row.trigger ? `follows ${row.trigger}` : '';
}

function fillReplicas(parts, row) {
  const { replicas, desired, min, max } = row;
  setText(parts.replicas, replicas === undefined ? '?' : String(replicas));
  setText(parts.desired, desired !== undefined && desired !== replicas ? ` → ${desired}` : '');
  const bounded = min !== undefined && max !== undefined;
  setText(parts.bounds, bounded ? `${min}–${max}` : '');
  parts.gauge.hidden = !bounded || replicas === undefined;
  const part = (n) => Math.max(0, Math.min(1, max > 0 ? n / max : 0));
  parts.gauge.style.setProperty('--count', part(replicas));
  parts.gauge.style.setProperty('--desired', part(desired ?? replicas));
}
