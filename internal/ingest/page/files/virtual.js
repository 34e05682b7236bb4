// A list of which only the visible rows exist. All rows have the same height, which the style sheet gives.

const beyond = 6; // Rows that exist above and below the visible ones.

// VirtualList shows rows in a container that scrolls with the page. make() returns an element for a row, and fill(element, i) shows row i in it.
export class VirtualList {
  #container; #make; #fill; #count = 0; #rows = new Map(); #spare = []; #scheduled = false; #height = 0;

  constructor(container, make, fill) {
    this.#container = container;
    this.#make = make;
    this.#fill = fill;
    this.update = this.update.bind(this);
    addEventListener('scroll', this.update, { passive: true });
    addEventListener('resize', this.update);
  }

  close() {
    removeEventListener('scroll', this.update);
    removeEventListener('resize', this.update);
  }

  // setCount sets the number of rows, and shows all visible ones again.
  setCount(count) {
    this.#count = count;
    this.update();
  }

  // update shows the visible rows again, once in a frame.
  update() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (this.#container.isConnected) this.#render();
    });
  }

  // element returns the element of a row, if it exists.
  element(i) { return this.#rows.get(i); }

  // reveal scrolls so that a row is visible, and returns its element.
  reveal(i) {
    const height = this.#rowHeight();
    const top = this.#container.getBoundingClientRect().top + i * height;
    const above = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
    if (top < above) scrollBy(0, top - above);
    else if (top + height > innerHeight) scrollBy(0, top + height - innerHeight);
    this.#render();
    return this.#rows.get(i);
  }

  #rowHeight() {
    this.#height = parseFloat(getComputedStyle(this.#container).getPropertyValue('--row-height'));
    return this.#height;
  }

  #render() {
    const height = this.#rowHeight();
    const top = -this.#container.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / height) - beyond);
    const end = Math.min(this.#count, Math.ceil((top + innerHeight) / height) + beyond);
    this.#container.style.setProperty('--rows', this.#count);
    for (const [i, row] of this.#rows) {
      // The row with the focus stays, so that the keyboard is not lost while the page is scrolled.
      if ((i < first || i >= end) && (i >= this.#count || !row.contains(document.activeElement))) {
        this.#rows.delete(i);
        this.#spare.push(row);
        row.hidden = true;
      }
    }
    for (let i = first; i < end; i++) this.#show(i);
    for (const i of this.#rows.keys()) if (i < first || i >= end) this.#fill(this.#rows.get(i), i);
  }

  #show(i) {
    let row = this.#rows.get(i);
    if (!row) {
      row = this.#spare.pop();
      if (!row) {
        row = this.#make();
        this.#container.append(row);
      }
      row.hidden = false;
      row.style.setProperty('--row', i);
      this.#rows.set(i, row);
    }
    this.#fill(row, i);
  }
}
