// Elements from data. Text is only ever set as text: nothing that comes from outside is parsed as HTML, which the policy of the page forbids as well.

// h returns an element. Properties that begin with "on" are listeners; true and false set or leave out an attribute.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

// setText sets the text of an element, if it differs.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// setAttribute sets an attribute, if it differs; undefined removes it.
export function setAttribute(element, name, value) {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// morph makes a node equal to another one, and keeps what is the same, so that a selection and the focus stay.
export function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) setAttribute(from, name, value);
  const children = [...to.childNodes];
  children.forEach((child, i) => {
    if (i < from.childNodes.length) morph(from.childNodes[i], child);
    else from.append(child);
  });
  while (from.childNodes.length > children.length) from.lastChild.remove();
}
