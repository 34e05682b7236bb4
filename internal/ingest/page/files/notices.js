// What is shown instead of data.
import { h } from './dom.js';

// emptyNotice is shown when there is no row: because of the filters, or because there are no objects.
export function emptyNotice(filtered, clear) {
  if (filtered) {
    return h('div', { class: 'notice' }, h('h2', {}, 'No object matches'), h('p', {}, h('button', { type: 'button', onclick: clear }, 'Clear the filters'), ' or press Esc.'));
  }
  return h('div', { class: 'notice' },
    h('h2', {}, 'No ScaledObjects yet'),
    h('p', {}, 'Impulse shows each ScaledObject here as soon as it exists. Create one:'),
    h('pre', {}, 'kubectl apply -f scaledobject.yaml'),
    h('p', {}, 'With a credential for some namespaces you see only their objects.'));
}

// problem is shown when an object, or all of them, cannot be read.
export const problem = (title, text) => h('div', { class: 'notice' }, h('h1', {}, title), h('p', {}, text), h('p', {}, h('a', { href: '#/' }, 'All objects')));
