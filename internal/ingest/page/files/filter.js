// Which rows of the list are shown, and in which order.
import { needsAttention, order, word } from './states.js';

// matches returns a function that reports whether a row is to be shown.
export function matches({ text, namespace, states }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => {
    if (namespace && row.namespace !== namespace) return false;
    if (states.size > 0 && !states.has(row.state)) return false;
    return words.every((word) => searched(row).includes(word));
  };
}

// searched returns the text of a row that is searched.
function searched(row) {
  row.searched ??= [row.namespace + '/' + row.name, row.target, row.reason, row.message, row.limitedBy, word(row.state)].join(' ').toLowerCase();
  return row.searched;
}

const byName = (a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name);
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// Those that need attention first; otherwise the order does not depend on the state, so that rows do not jump whenever a count changes.
const attention = (row) => (needsAttention(row.state) ? order.indexOf(row.state) : order.length);

const orders = {
  attention: (a, b) => attention(a) - attention(b),
  state: (a, b) => order.indexOf(a.state) - order.indexOf(b.state),
  name: (a, b) => compare(a.name, b.name),
  namespace: (a, b) => compare(a.namespace, b.namespace),
  replicas: (a, b) => (b.replicas ?? -1) - (a.replicas ?? -1),
  change: (a, b) => compare(b.lastScaleTime ?? '', a.lastScaleTime ?? ''),
};

// sorter returns the comparison for a column; reversed turns it round.
export function sorter(column, reversed) {
  const first = orders[column] ?? orders.attention;
  return (a, b) => (reversed ? -first(a, b) : first(a, b)) || byName(a, b);
}
