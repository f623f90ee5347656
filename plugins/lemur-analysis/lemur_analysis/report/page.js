"use strict";
// Sorts and filters the tables of the page, and draws its figures after the tables are ready.
const PAGE_ROWS = 50;

function cellOf(value) {
  const cell = document.createElement("td");
  if (typeof value === "number") cell.className = "n";
  cell.textContent = value === null ? "" : String(value);
  return cell;
}

// Numbers sort before texts, and missing values last, in both directions.
function compare(a, b, direction) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  const order = typeof a === "number" ? a - b : a.localeCompare(b);
  return order * direction;
}

function prepare(box) {
  const body = box.querySelector("tbody");
  const heads = [...box.querySelectorAll("th")];
  const filter = box.querySelector("input");
  const output = box.querySelector("output");
  const more = box.querySelector(".more");
  let rows = null;
  let sorted = null;
  let all = false;

  // Parsed on first use, so that a long page loads quickly.
  function read() {
    if (rows === null) {
      rows = JSON.parse(box.querySelector("script").textContent);
      sorted = rows;
    }
  }

  function show() {
    const query = filter.value.trim().toLowerCase();
    const matches = query === "" ? sorted : sorted.filter((row) =>
      row.some((value) => value !== null && String(value).toLowerCase().includes(query)));
    const shown = all ? matches : matches.slice(0, PAGE_ROWS);
    body.replaceChildren(...shown.map((row) => {
      const line = document.createElement("tr");
      line.append(...row.map(cellOf));
      return line;
    }));
    const count = matches.length.toLocaleString("en");
    const noun = matches.length === 1 ? "row" : "rows";
    output.textContent = shown.length < matches.length
      ? `${shown.length} of ${count} ${noun}` : `${count} ${noun}`;
    more.hidden = shown.length === matches.length;
  }

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    read();
    const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    sorted = [...rows].sort((a, b) => compare(a[column], b[column], direction));
    show();
  }));
  filter.addEventListener("input", () => { read(); show(); });
  more.addEventListener("click", () => { read(); all = true; show(); });
}

function draw(image) {
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(image.dataset.svg)}`;
  delete image.dataset.svg;
}

// Draws one figure at a time, so that the page stays responsive.
function drawNext(images) {
  const image = images.shift();
  if (image === undefined) return;
  if (image.dataset.svg) draw(image);
  setTimeout(drawNext, 0, images);
}

document.querySelectorAll(".table").forEach(prepare);
setTimeout(drawNext, 0, [...document.querySelectorAll("img[data-svg]")]);
window.addEventListener("beforeprint", () =>
  document.querySelectorAll("img[data-svg]").forEach(draw));
document.documentElement.dataset.ready = Math.round(performance.now());
