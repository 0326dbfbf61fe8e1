// The page of a study: draws, filters, opens cards, downloads.
"use strict";

const dseReport = (() => {
  const state = { limits: new Map(), at: -1, keys: [], order: null, focus: "" };
  let data = null;

  const byId = (id) => document.getElementById(id);
  const read = (id) => (byId(id) ? JSON.parse(byId(id).textContent) : null);

  function keep(key) {
    const record = data.rows[key];
    return data.filters.every((f) => {
      const limit = state.limits.get(f.column);
      return limit === undefined || record[f.column] === null || record[f.column] <= limit * (1 + 1e-9);
    });
  }

  function drawFront() {
    const div = byId("front-plot");
    if (!div || !window.Plotly) return Promise.resolve();
    const shown = data.front.series.flatMap((s) => s.points).filter((p) => keep(p.key));
    state.keys = shown.sort((a, b) => a.x - b.x).map((p) => p.key);
    state.at = -1;
    return dseCharts.front(div, data.front, keep, (key) => data.rows[key].hover).then(() => {
      div.removeAllListeners("plotly_click");
      div.on("plotly_click", (event) => openCard(event.points[0].customdata));
    });
  }

  function drawFigures() {
    for (const [id, kind] of Object.entries(data.figures)) {
      const div = byId(id);
      if (!div || !window.Plotly) continue;
      dseCharts[kind.draw](div, kind.info);
      if (kind.draw === "parallel") {
        div.removeAllListeners("plotly_click");
        div.on("plotly_click", (event) => openCard(event.points[0].customdata));
      }
    }
  }

  function drawAll() {
    drawFigures();
    return drawFront();
  }

  // --- filters: positions 0 to 1000 on a log scale between the ends
  function valueAt(filter, position) {
    const share = position / 1000;
    return filter.low > 0 ? filter.low * (filter.high / filter.low) ** share
      : filter.low + share * (filter.high - filter.low);
  }

  function showFilter(filter, input) {
    const value = valueAt(filter, Number(input.value));
    const whole = Number(input.value) >= 1000;
    if (whole) state.limits.delete(filter.column);
    else state.limits.set(filter.column, value);
    const shown = value * filter.factor;
    const number = shown >= 1000 ? Math.round(shown).toLocaleString("en") : Number(shown.toPrecision(3));
    const text = whole ? "all" : `at most ${number} ${filter.unit}`.trim();
    byId(`${input.id}-shown`).textContent = text;
    input.setAttribute("aria-valuetext", text);
  }

  function applyFilters() {
    const table = byId("designs");
    let shown = 0;
    for (const row of table ? table.tBodies[0].rows : []) {
      row.hidden = !keep(row.dataset.key);
      shown += row.hidden ? 0 : 1;
    }
    const count = byId("count");
    if (count && table) count.textContent = `${shown} of ${table.tBodies[0].rows.length} ${data.what || "designs and deployments"}`;
    return drawFront();
  }

  function startFilters() {
    for (const filter of data.filters) {
      const input = byId(`filter-${filter.column}`);
      if (!input) continue;
      if (state.positions && state.positions[filter.column]) input.value = state.positions[filter.column];
      showFilter(filter, input);
      input.addEventListener("input", () => {
        state.positions = { ...state.positions, [filter.column]: input.value };
        showFilter(filter, input);
        applyFilters();
      });
    }
    const reset = byId("reset");
    if (reset) {
      reset.addEventListener("click", () => {
        state.positions = {};
        for (const filter of data.filters) {
          const input = byId(`filter-${filter.column}`);
          if (!input) continue;
          input.value = 1000;
          showFilter(filter, input);
        }
        applyFilters();
      });
    }
  }

  // --- cards
  function openCard(key) {
    const template = byId(`card-${key}`);
    const dialog = byId("card");
    if (!template || !dialog) return;
    byId("card-body").replaceChildren(template.content.cloneNode(true));
    if (!dialog.open) dialog.showModal();
  }

  function startCards() {
    for (const button of document.querySelectorAll("button[data-card]")) {
      button.addEventListener("click", () => openCard(button.dataset.card));
    }
  }

  // --- the front from the keyboard: arrows walk along it, Enter opens the card
  function hover(key) {
    const div = byId("front-plot");
    div.data.forEach((trace, curve) => {
      const point = (trace.customdata || []).indexOf(key);
      if (point >= 0 && trace.mode === "markers") Plotly.Fx.hover(div, [{ curveNumber: curve, pointNumber: point }]);
    });
    const said = byId("said");
    if (said) said.textContent = data.rows[key].hover.replaceAll("\n", ", ");
  }

  function startKeys() {
    const div = byId("front-plot");
    if (!div) return;
    div.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step && state.keys.length) {
        state.at = Math.min(state.keys.length - 1, Math.max(0, state.at + step));
        hover(state.keys[state.at]);
        event.preventDefault();
      } else if (event.key === "Enter" && state.at >= 0) {
        openCard(state.keys[state.at]);
        event.preventDefault();
      }
    });
  }

  // --- downloads: the rows shown, in the order shown, with all of their columns
  function startDownloads() {
    for (const button of document.querySelectorAll("button[data-download]")) {
      button.addEventListener("click", () => {
        const records = dseTable.shown(byId("designs")).map((key) => {
          const { hover: _, ...record } = data.rows[key];
          return record;
        });
        if (button.dataset.download === "csv") dseTable.download(`${data.name}.csv`, "text/csv", dseTable.csv(records));
        else dseTable.download(`${data.name}.json`, "application/json", JSON.stringify(records, null, 1) + "\n");
      });
    }
  }

  function start() {
    data = read("report-data");
    if (!data) return;
    dseTable.start(document);
    startFilters();
    startCards();
    startKeys();
    startDownloads();
    applyFilters();
    drawFigures();
  }

  // --- a page that is renewed keeps its filters, the order of its table, and where the keyboard is
  document.addEventListener("dse:leaving", () => {
    state.order = byId("designs") ? dseTable.sorted(byId("designs")) : null;
    state.focus = document.activeElement ? document.activeElement.id : "";
  });

  document.addEventListener("dse:renewed", () => {
    start();
    if (byId("designs")) dseTable.restore(byId("designs"), state.order);
    if (state.focus && byId(state.focus)) byId(state.focus).focus();
  });

  document.addEventListener("DOMContentLoaded", () => {
    start();
    const close = byId("close");
    if (close) close.addEventListener("click", () => byId("card").close());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    let narrow = window.innerWidth < 640;
    window.addEventListener("resize", () => {
      if (narrow !== window.innerWidth < 640) {
        narrow = !narrow;
        drawAll();
      }
    });
  });

  return { openCard };
})();
