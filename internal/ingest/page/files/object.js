// The view of one object.
import { h, morph, setText } from './dom.js';
import { badge } from './states.js';
import { localTimes } from './time.js';
import { Charts } from './charts.js';
import { alerts, conditions, history, next, shadow, summary, triggers, why } from './sections.js';

const parts = { summary, why, next, triggers, alerts, shadow, history, conditions };

export class ObjectView {
  #charts = new Charts(); #head; #slots = {}; #begun = false; #timer;

  constructor(namespace, name) {
    this.#head = h('div', { class: 'object-head' }, h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'All objects'), ` / ${namespace}`), h('h1', {}, name));
    for (const part of Object.keys(parts)) this.#slots[part] = h('div', { class: `slot ${part}` });
    const s = this.#slots;
    this.element = h('article', { class: 'object' }, this.#head, s.summary,
      h('div', { class: 'columns' }, s.why, s.next, this.#charts.element), s.alerts, s.triggers, s.shadow, s.history, s.conditions);
    this.element.classList.add('loading');
    this.#timer = setInterval(() => { if (!document.hidden) this.#charts.draw(); }, 5000);
  }

  close() {
    clearInterval(this.#timer);
    this.#charts.close();
  }

  // show shows an object; whole is true if it has its series.
  show(object, whole) {
    this.element.classList.remove('loading');
    this.#showHead(object);
    for (const [name, build] of Object.entries(parts)) {
      const element = build(object);
      const slot = this.#slots[name];
      if (!element) slot.replaceChildren();
      else if (slot.firstChild) morph(slot.firstChild, element);
      else slot.append(element);
    }
    if (whole || !this.#begun) this.#charts.begin(object);
    else this.#charts.add(object);
    this.#begun = true;
  }

  // gone shows that the object was deleted.
  gone() {
    this.element.classList.add('stale');
    this.#head.append(h('p', { class: 'problem', role: 'alert' }, 'This object was deleted. The values below are the last ones.'));
  }

  #showHead(object) {
    const state = h('p', { class: 'object-state' }, object.reason && object.reason !== 'AsRecommended' ? h('b', {}, object.reason) : null,
      object.message ? h('span', {}, localTimes(object.message)) : null);
    const title = h('div', { class: 'object-title' }, h('h1', {}, object.name), badge(object.state), object.target ? h('span', { class: 'tag' }, object.target) : null,
      object.pause ? h('span', { class: 'tag strong', title: object.pause }, 'paused') : null,
      object.present ? null : h('span', { class: 'tag strong' }, 'no autoscaler: the status is the newest one'));
    const crumbs = h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'All objects'), ` / ${object.namespace}`);
    morph(this.#head, h('div', { class: 'object-head' }, crumbs, title, state));
    setText(document.querySelector('title'), `${object.name} · ${object.namespace} · Impulse`);
  }
}
