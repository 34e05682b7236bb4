// The list of all objects.
import { h, setText } from './dom.js';
import { badge, meaning, order } from './states.js';
import { matches, sorter } from './filter.js';
import { VirtualList } from './virtual.js';
import { fillRow, makeRow } from './row.js';
import { emptyNotice } from './notices.js';

const columns = [['state', 'State'], ['namespace', 'Namespace'], ['name', 'Name'], ['replicas', 'Replicas'], [null, 'Level / target'], [null, 'Why'], ['change', 'Last scaled']];

// What the viewer has chosen stays while an object is shown.
const choice = { text: '', namespace: '', states: new Set(), column: 'attention', reversed: false, active: 0 };

// ListView shows the rows of a map, by namespace/name.
export class ListView {
  #rows; #shown = []; #list; #parts = {}; #complete = false;

  constructor(rows) {
    this.#rows = rows;
    this.element = this.#build();
    this.#list = new VirtualList(this.#parts.body, makeRow, (element, i) => fillRow(element, this.#shown[i], i));
  }

  close() { this.#list.close(); }

  // update shows the rows as they are now. complete is true once all of them have arrived.
  update(complete) {
    this.#complete = complete;
    this.#shown = [...this.#rows.values()].filter(matches(choice)).sort(sorter(choice.column, choice.reversed));
    this.#list.setCount(this.#shown.length);
    this.#countStates();
    this.#listNamespaces();
    const all = this.#rows.size;
    setText(this.#parts.count, this.#shown.length === all ? `${all} object${all === 1 ? '' : 's'}` : `${this.#shown.length} of ${all} objects`);
    this.#parts.table.setAttribute('aria-rowcount', this.#shown.length + 1);
    this.#parts.empty.replaceChildren(...this.#notice());
    this.#parts.table.hidden = this.#shown.length === 0;
  }

  #notice() {
    if (this.#shown.length > 0 || !this.#complete) return [];
    return [emptyNotice(this.#rows.size > 0, () => this.#clear())];
  }

  #clear() {
    choice.text = this.#parts.search.value = '';
    choice.namespace = '';
    choice.states.clear();
    this.update(this.#complete);
    this.#parts.search.focus();
  }

  #build() {
    const parts = this.#parts;
    parts.search = h('input', {
      type: 'search', placeholder: 'Search names, targets, reasons', 'aria-label': 'Search', 'aria-keyshortcuts': '/', autocomplete: 'off', spellcheck: 'false',
      oninput: () => { choice.text = parts.search.value; this.update(this.#complete); },
    });
    parts.search.value = choice.text;
    parts.namespace = h('select', { 'aria-label': 'Namespace', onchange: () => { choice.namespace = parts.namespace.value; this.update(this.#complete); } });
    parts.states = h('div', { class: 'states', role: 'group', 'aria-label': 'Filter by state' }, order.map((state) => this.#stateButton(state)));
    parts.count = h('p', { class: 'count', role: 'status' });
    parts.head = h('div', { class: 'head', role: 'row', 'aria-rowindex': '1' }, columns.map(([column, title]) => this.#header(column, title)));
    parts.body = h('div', { class: 'rows', role: 'rowgroup', onkeydown: (event) => this.#onKey(event) });
    parts.table = h('div', { class: 'table', role: 'table', 'aria-label': 'ScaledObjects' }, h('div', { role: 'rowgroup', class: 'heads' }, parts.head), parts.body);
    parts.empty = h('div');
    return h('section', { class: 'list', 'aria-labelledby': 'title' },
      h('h1', { id: 'title', class: 'hidden' }, 'Objects'),
      h('div', { class: 'tools' }, parts.search, parts.namespace, parts.states, parts.count), parts.table, parts.empty);
  }

  #stateButton(state) {
    const button = h('button', {
      type: 'button', class: 'chip', 'aria-pressed': String(choice.states.has(state)), title: meaning[state],
      onclick: () => {
        if (!choice.states.delete(state)) choice.states.add(state);
        this.update(this.#complete);
      },
    }, badge(state), ' ', h('span', { class: 'number' }));
    button.dataset.state = state;
    return button;
  }

  // countStates shows the numbers of the states. States without objects are left out, unless they are chosen.
  #countStates() {
    const numbers = Object.fromEntries(order.map((state) => [state, 0]));
    for (const row of this.#rows.values()) numbers[row.state] += 1;
    for (const button of this.#parts.states.children) {
      const { state } = button.dataset;
      button.hidden = numbers[state] === 0 && !choice.states.has(state);
      button.setAttribute('aria-pressed', String(choice.states.has(state)));
      setText(button.lastChild, String(numbers[state]));
    }
  }

  #listNamespaces() {
    const names = [...new Set([...this.#rows.values()].map((row) => row.namespace))].sort();
    if (choice.namespace && !names.includes(choice.namespace)) names.push(choice.namespace);
    const key = names.join('/');
    if (this.#parts.namespace.dataset.key !== key) {
      this.#parts.namespace.dataset.key = key;
      this.#parts.namespace.replaceChildren(h('option', { value: '' }, 'All namespaces'), ...names.map((name) => h('option', { value: name }, name)));
    }
    this.#parts.namespace.value = choice.namespace;
  }

  #header(column, title) {
    if (!column) return h('span', { role: 'columnheader' }, title);
    const button = h('button', { type: 'button', onclick: () => this.#sortBy(column) }, title);
    const header = h('span', { role: 'columnheader', 'aria-sort': 'none' }, button);
    header.dataset.column = column;
    return header;
  }

  // sortBy sorts by a column, then the other way round, then as at first.
  #sortBy(column) {
    if (choice.column !== column) Object.assign(choice, { column, reversed: false });
    else if (!choice.reversed) choice.reversed = true;
    else Object.assign(choice, { column: 'attention', reversed: false });
    for (const header of this.#parts.head.querySelectorAll('[data-column]')) {
      const sorted = header.dataset.column === choice.column;
      header.setAttribute('aria-sort', sorted ? (choice.reversed ? 'descending' : 'ascending') : 'none');
    }
    this.update(this.#complete);
  }

  // focus moves the focus to a row; without a number to the one that had it.
  focus(i = choice.active) {
    if (this.#shown.length === 0) return;
    choice.active = Math.max(0, Math.min(i, this.#shown.length - 1));
    this.#list.reveal(choice.active)?.querySelector('a').focus({ preventScroll: true });
  }

  search() {
    this.#parts.search.focus();
    this.#parts.search.select();
  }

  // onKey moves through the rows. It is called for keys in the list, and for those of the page that the list is to handle.
  #onKey(event) {
    const row = event.target.closest('[role=row]');
    const at = row ? Number(row.getAttribute('aria-rowindex')) - 2 : choice.active;
    const page = Math.max(1, Math.floor(innerHeight / 60));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: Infinity }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (to < 0 && event.key === 'ArrowUp') this.search();
    else this.focus(to);
  }

  // onPageKey handles a key that no part of the page has handled, and reports whether it did.
  onPageKey(event) {
    if (event.key === 'Escape' && (choice.text || choice.namespace || choice.states.size)) this.#clear();
    else if (event.key === 'ArrowDown') this.focus();
    else return false;
    return true;
  }
}
