// The parts of the view of one object. Each function returns an element for the object, or null where there is nothing to show.
import { h } from './dom.js';
import { localTimes, time } from './time.js';

const panel = (title, ...content) => h('section', { class: 'panel' }, h('h2', {}, title), ...content);
const replicas = (n) => `${n} replica${n === 1 ? '' : 's'}`;
const change = (from, to) => (from === to ? String(to) : `${from} → ${to}`);
// sentence begins a text with a capital letter.
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const optional = (n) => (n === undefined || n === null ? '?' : String(n));

// table returns a table that can be scrolled sideways on a phone. Cells are texts or elements.
const table = (caption, head, rows) => h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
  h('table', {}, h('thead', {}, h('tr', {}, head.map((cell) => h('th', { scope: 'col' }, cell)))), h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell) => h('td', {}, cell)))))));

// summary has the counts in large.
export function summary(object) {
  const figure = (label, value, note) => h('div', { class: 'figure' }, h('dt', {}, label), h('dd', {}, value, note ? h('small', {}, note) : null));
  const decided = object.desired !== undefined && object.desired !== object.replicas;
  return h('dl', { class: 'figures' },
    figure('Replicas', optional(object.replicas)),
    figure('Decided', optional(object.desired), decided && object.dryRun ? 'not written' : ''),
    figure('Asked for', optional(object.explanation?.raw), object.explanation?.trigger ? `by ${object.explanation.trigger}` : ''),
    figure('Min–max', object.min === undefined ? '?' : `${object.min}–${object.max}`, object.idle !== undefined && object.idle !== object.min ? `idle: ${object.idle}` : ''),
    object.shadow === undefined ? null : figure('Shadow', String(object.shadow)),
    figure('Last scaled', object.lastScaleTime ? time(object.lastScaleTime, 'age') : '–'));
}

// why explains the count, and what comes next.
export function why(object) {
  const { explanation: e, sentences } = object;
  if (!e) return panel('Why this count', h('p', {}, object.unexplained ?? object.message ?? 'Nothing has been decided yet.'));
  const steps = e.steps.map((step) => h('li', {}, h('b', { class: 'change' }, change(step.from, step.to)), h('span', { class: 'rule' }, step.rule),
    h('span', {}, localTimes(step.why), step.until ? h('small', {}, ' may end ', time(step.until, 'both')) : null)));
  return panel('Why this count',
    h('p', { class: 'outcome' }, `Impulse ${sentences.outcome}.`),
    (e.notices ?? []).map((notice) => h('p', { class: 'remark' }, notice)),
    steps.length ? h('ol', { class: 'steps' }, steps) : [h('p', {}, sentence(e.unchanged), '.'), formulas(e.triggers)]);
}

// formulas lists how each trigger comes to its count.
function formulas(all) {
  const rows = all.filter((one) => one.formula && one.proposal !== undefined);
  return rows.length ? h('ol', { class: 'steps' }, rows.map((one) => h('li', {}, h('b', { class: 'change' }, String(one.proposal)), h('span', { class: 'rule' }, one.name), h('span', {}, one.formula)))) : null;
}

// next says what comes by itself, and when.
export function next(object) {
  const { explanation: e, sentences } = object;
  if (!e) return null;
  const ahead = (e.ahead ?? []).map((one) => h('li', {}, h('b', { class: 'change' }, change(one.from, one.to)), h('span', { class: 'when' }, time(one.at, 'both')), h('span', {}, localTimes(one.why))));
  const nothing = e.undated?.length ? 'Nothing that is known ahead.' : `Nothing changes${e.scheduled ? ' in the next 24 hours' : ''}.`;
  return panel('What comes next',
    h('p', { class: 'muted' }, `${sentences.aheadTitle}:`),
    ahead.length ? h('ol', { class: 'steps ahead' }, ahead) : h('p', {}, nothing),
    (e.undated ?? []).map((one) => h('p', { class: 'remark' }, `But ${localTimes(one)}.`)),
    e.next ? h('p', { class: 'muted' }, 'Without a new level, Impulse decides again at ', time(e.next, 'both'), '.') : null,
    sentences.otherwise?.length ? [h('h3', {}, 'What would change it now'), h('dl', { class: 'pairs' }, sentences.otherwise.map(([level, result]) => [h('dt', {}, level), h('dd', {}, localTimes(result))]))] : null);
}

// triggers lists the levels with their age.
export function triggers(object) {
  const all = object.status?.triggers ?? [];
  if (all.length === 0) return null;
  const rows = all.map((trigger) => {
    const source = (object.sources ?? []).find((one) => one.name === trigger.name);
    const explained = object.explanation?.triggers.find((one) => one.name === trigger.name);
    const level = trigger.value ? h('b', {}, `${trigger.lastError ? '≥ ' : ''}${trigger.value}`) : h('b', { class: 'unknown' }, '?');
    return [
      [h('b', {}, trigger.name), h('small', {}, trigger.type)], [level, trigger.target ? h('small', {}, ` / ${trigger.target}`) : null],
      trigger.proposal === undefined ? (trigger.lastError ? '?' : '–') : String(trigger.proposal), explained?.indifferent ? '–' : (trigger.active ? 'yes' : 'no'),
      source?.readAt ? [time(source.readAt, 'age'), source.pollingInterval ? h('small', {}, ` every ${source.pollingInterval}s`) : null] : '–',
      [trigger.lastError ? h('span', { class: 'problem' }, trigger.lastError) : explained?.formula ?? '', trigger.fallback ? h('span', { class: 'tag' }, 'fallback') : null,
        trigger.pending ? h('small', {}, ` becomes ${trigger.pending.value} `, time(trigger.pending.at, 'both')) : null],
    ];
  });
  return panel('Triggers', table('Triggers', ['Trigger', 'Level / target', 'Asks for', 'Active', 'Read', 'Formula or problem'], rows));
}

// alerts lists the alerts that fire.
export function alerts(object) {
  if (!object.alertCount) return null;
  const names = { firing: 'firing', stale: 'stale: not repeated', waits: 'waits' };
  const rows = object.alerts.map((alert) => {
    const { alertname = '(no name)', ...labels } = alert.labels ?? {};
    return [
      [h('b', {}, alertname), h('small', {}, alert.trigger)], [names[alert.state] ?? alert.state, alert.begins ? h('small', {}, ' until ', time(alert.begins, 'both')) : null],
      time(alert.startsAt, 'both'), h('span', { class: 'labels' }, Object.keys(labels).sort().map((name) => h('span', { class: 'tag' }, `${name}=${labels[name]}`))),
    ];
  });
  const more = object.alertCount - object.alerts.length;
  return panel('Alerts', table('Alerts', ['Alert', 'State', 'Since', 'Labels'], rows), more > 0 ? h('p', { class: 'muted' }, `And ${more} more.`) : null);
}

// shadow compares the live policy with the shadow policy.
export function shadow(object) {
  const s = object.status?.shadow;
  if (!s) return null;
  const e = object.explanation;
  return panel('Live beside shadow', table('Live beside shadow', ['Policy', 'Replicas', 'Asked for', 'Trigger', 'Limited by', 'Why'], [
    [h('b', {}, 'live'), optional(object.desired), optional(e?.raw), e?.trigger ?? '–', (e?.limitedBy ?? []).join(', ') || '–', e?.steps.at(-1)?.why ?? e?.unchanged ?? ''],
    [h('b', {}, 'shadow'), String(s.replicas), optional(s.raw), s.trigger ?? '–', (s.limitedBy ?? []).join(', ') || '–', [s.why, h('small', {}, ' since ', time(s.since, 'clock'))]],
  ]), h('p', { class: 'muted' }, difference(object.desired, s.replicas)));
}

function difference(live, shadowed) {
  if (live === undefined || live === shadowed) return 'Both policies want the same count.';
  return shadowed > live ? `The shadow policy would have ${replicas(shadowed - live)} more.` : `The shadow policy would have ${replicas(live - shadowed)} fewer.`;
}

// history lists the last decisions.
export function history(object) {
  const all = object.status?.history ?? [];
  if (all.length === 0) return null;
  return panel('Last decisions', h('ol', { class: 'steps past' }, all.map((past) => h('li', {},
    h('b', { class: 'change' }, change(past.from, past.to)), h('span', { class: 'when' }, time(past.time, 'both')),
    h('span', {}, past.notWritten ? h('span', { class: 'problem' }, `not written: ${past.notWritten}; `) : null, localTimes(past.why))))));
}

// conditions lists the conditions of the status.
export function conditions(object) {
  const all = object.status?.conditions ?? [];
  if (all.length === 0) return null;
  return panel('Conditions', table('Conditions', ['Condition', 'Status', 'Reason', 'Message', 'Since'], all.map((one) => [
    h('b', {}, one.type), one.status, one.reason, localTimes(one.message ?? ''), time(one.lastTransitionTime, 'both'),
  ])));
}

