// Tables that sort: a click or Enter on a heading turns its column; gaps always come last.
"use strict";

const dseTable = (() => {
  const value = (row, i) => row.cells[i].dataset.v;

  function compare(a, b, sign) {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const [x, y] = [Number(a), Number(b)];
    const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
    return sign * order;
  }

  function sort(table, i, direction) {
    const heads = [...table.tHead.rows[0].cells];
    const turned = direction || (heads[i].getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
    heads.forEach((head, j) => head.setAttribute("aria-sort", j === i ? turned : "none"));
    const rows = [...table.tBodies[0].rows];
    const sign = turned === "ascending" ? 1 : -1;
    rows.sort((a, b) => compare(value(a, i), value(b, i), sign));
    table.tBodies[0].append(...rows);
  }

  function start(root) {
    for (const table of root.querySelectorAll("table.sortable")) {
      [...table.tHead.rows[0].cells].forEach((head, i) => {
        head.querySelector("button").addEventListener("click", () => sort(table, i));
      });
    }
  }

  function sorted(table) {
    const heads = [...table.tHead.rows[0].cells];
    const i = heads.findIndex((head) => head.getAttribute("aria-sort") !== "none");
    return i < 0 ? null : [heads[i].dataset.column, heads[i].getAttribute("aria-sort")];
  }

  function restore(table, state) {
    const i = state ? [...table.tHead.rows[0].cells].findIndex((head) => head.dataset.column === state[0]) : -1;
    if (i >= 0) sort(table, i, state[1]);
  }

  // Keys of the rows that are shown, in the order they are shown.
  const shown = (table) => [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.dataset.key);

  function csv(records) {
    const columns = [...new Set(records.flatMap((record) => Object.keys(record)))];
    const cell = (v) => {
      if (v === null || v === undefined) return "";
      const text = String(v);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = [columns, ...records.map((record) => columns.map((column) => record[column]))];
    return lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
  }

  function download(name, type, text) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  return { start, sort, sorted, restore, shown, csv, download };
})();
