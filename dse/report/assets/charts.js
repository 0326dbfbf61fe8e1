// Draws what was computed for a page: nothing here knows a unit or a formula.
"use strict";

const dseCharts = (() => {
  const SYMBOLS = { o: "circle", s: "square", "^": "triangle-up", v: "triangle-down", P: "cross", X: "x",
    D: "diamond", "<": "triangle-left", ">": "triangle-right" };
  const KINDS = { "sram-only": "--sram", "dram-only": "--dram", hybrid: "--hybrid" };
  const DASHES = ["solid", "7px,3px", "2px,2px", "11px,3px,2px,3px", "7px,2px,2px,2px,2px,2px", "17px,6px", "4px,6px"];

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (kind) => css(KINDS[kind] || "--other");
  const symbol = (marker) => SYMBOLS[marker] || "circle";
  const part = (i) => css(`--p${i % 14}`);
  const look = (s) => (s.part === undefined ? colour(s.kind) : part(s.part));
  // Names are text: Plotly reads a little markup in what it writes.
  const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const lines = (text) => plain(text).replaceAll("\n", "<br>");
  const narrow = () => window.innerWidth < 640;

  function layout(extra) {
    const axis = { gridcolor: css("--grid"), zerolinecolor: css("--grid"), linecolor: css("--line"),
      automargin: true, title: { standoff: 8 } };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
      font: { family: "system-ui, 'DejaVu Sans', sans-serif", size: narrow() ? 11 : 13, color: css("--ink") },
      margin: { l: 60, r: 16, t: 28, b: 50 }, hovermode: "closest", dragmode: narrow() ? false : "zoom",
      hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--line"), font: { color: css("--ink"), size: 12 },
        align: "left" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--quiet"), activecolor: css("--accent") },
      legend: narrow() ? { orientation: "h", y: -0.25 } : { x: 1.01, y: 1 },
    };
    return { ...base, ...extra, xaxis: { ...axis, ...extra.xaxis }, yaxis: { ...axis, ...extra.yaxis } };
  }

  function draw(div, traces, shape) {
    const saved = { format: "svg", filename: div.id };
    const svg = { name: "svg", title: "Download as SVG", icon: Plotly.Icons.disk,
      click: (plot) => Plotly.downloadImage(plot, { ...saved, width: 1200, height: 700 }) };
    return Plotly.react(div, traces, layout(shape), {
      responsive: true, displaylogo: false, displayModeBar: !narrow(), modeBarButtonsToAdd: [svg],
      showSendToCloud: false, plotlyServerURL: "", // nothing leaves the machine
      modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
      toImageButtonOptions: { format: "png", filename: div.id, scale: 2 },
    });
  }

  const ticks = (found) => ({ tickmode: "array", tickvals: found.map((t) => t[0]), ticktext: found.map((t) => t[1]) });

  function scale(axis) {
    const limits = axis.log ? axis.limits.map(Math.log10) : axis.limits;
    const title = `${axis.label}   (${axis.maximised ? "more" : "less"} is better)`;
    return { type: axis.log ? "log" : "linear", range: limits, title: { text: plain(title), standoff: 8 },
      ...ticks(axis.ticks) };
  }

  // Error bars of `most` points at most, spread over the series; the others are as long.
  function bars(points, side, most) {
    const step = Math.max(1, Math.ceil(points.length / most));
    const factor = points.map((p, i) => (i % step === 0 ? p[side === "x" ? "fx" : "fy"] : null));
    if (factor.every((f) => f === null)) return undefined;
    const at = points.map((p) => p[side]);
    return { type: "data", symmetric: false, thickness: 0.8, width: 2, color: css("--quiet"),
      array: at.map((v, i) => (factor[i] ? v * factor[i] - v : 0)),
      arrayminus: at.map((v, i) => (factor[i] ? v - v / factor[i] : 0)) };
  }

  // Of some points those that none beats on the two axes, from best to worst across.
  function staircase(points, x, y) {
    const [sx, sy] = [x.maximised ? -1 : 1, y.maximised ? -1 : 1];
    const order = [...points].sort((a, b) => sx * (a.x - b.x) || sy * (a.y - b.y));
    let best = Infinity;
    return order.filter((p) => (sy * p.y < best ? ((best = sy * p.y), true) : false));
  }

  const worst = (axis) => (axis.maximised ? axis.limits[0] : axis.limits[1]);

  function edge(points, x, y) {
    const found = staircase(points, x, y);
    if (!found.length) return { x: [], y: [] };
    return { x: [found[0].x, ...found.map((p) => p.x), worst(x)],
      y: [worst(y), ...found.map((p) => p.y), found[found.length - 1].y] };
  }

  const line = (xs, ys, look) => ({ type: "scatter", mode: "lines", x: xs, y: ys, hoverinfo: "skip", ...look });
  const kept = (points, keep) => points.filter((p) => keep(p.key));

  function markers(points, hoverOf, look) {
    return { type: "scatter", x: points.map((p) => p.x), y: points.map((p) => p.y),
      text: points.map((p) => lines(hoverOf(p.key))), customdata: points.map((p) => p.key),
      hovertemplate: "%{text}<extra></extra>", ...look };
  }

  function front(div, info, keep, hoverOf) {
    const traces = [];
    if (info.exact.x.length) {
      traces.push(line(info.exact.x, info.exact.y, { name: "Exact front of the sweep",
        line: { color: css("--line"), width: 6 } }));
    }
    const all = info.series.flatMap((s) => kept(s.points, keep));
    const steps = edge(all, info.x, info.y);
    if (steps.x.length) {
      traces.push(line(steps.x, steps.y, { name: "Front", line: { shape: "hv", color: css("--quiet"), width: 1.3 } }));
    }
    info.baselines.forEach((b, i) => {
      const points = kept(b.points, keep);
      const dash = DASHES[i % DASHES.length];
      traces.push(markers(points, hoverOf, { name: plain(b.label), legendrank: 1010, mode: "lines+markers",
        error_x: bars(points, "x", 4), error_y: bars(points, "y", 4),
        line: { shape: "hv", color: look(b), width: 1.4, dash },
        marker: { symbol: `${symbol(b.marker)}-open`, size: 6, color: look(b) } }));
    });
    for (const s of info.series) {
      const points = kept(s.points, keep);
      traces.push(markers(points, hoverOf, { name: plain(s.label), mode: "markers", error_x: bars(points, "x", 12),
        error_y: bars(points, "y", 12),
        marker: { symbol: symbol(s.marker) + (s.real ? "-open" : ""), size: all.length > 120 ? 6 : 10,
          color: look(s), line: { width: s.real ? 1.5 : 0.6, color: s.real ? look(s) : css("--paper") } } }));
    }
    const limits = info.targets.map((t) => ({ type: "line", layer: "below",
      line: { color: css("--quiet"), width: 1, dash: "dash" },
      ...(t.axis === "x" ? { x0: t.value, x1: t.value, yref: "paper", y0: 0, y1: 1 }
        : { y0: t.value, y1: t.value, xref: "paper", x0: 0, x1: 1 }) }));
    const log = (axis, v) => (axis.log ? Math.log10(v) : v);
    const named = info.targets.map((t, i) => ({ text: plain(t.label), showarrow: false, font: { size: 11 },
      ...(t.axis === "x" ? { x: log(info.x, t.value), yref: "paper", y: 1, yanchor: "bottom", yshift: 12 * (narrow() ? i % 2 : t.row || 0) }
        : { y: log(info.y, t.value), xref: "paper", x: 1, xanchor: "left" }) }));
    if (!all.length) {
      named.push({ text: info.series.length ? "no design on the front meets the filters" : "no feasible design found yet",
        showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5, font: { size: 15 } });
    }
    return draw(div, traces, { xaxis: scale(info.x), yaxis: scale(info.y), shapes: limits, annotations: named,
      margin: { l: 60, r: 16, t: narrow() ? 40 : 48, b: 50 } });
  }

  function stack(div, info) {
    const at = info.bars.map((_, i) => i);
    const traces = info.parts.map((p, i) => ({ type: "bar", name: plain(p.name), x: at, y: p.values,
      text: info.bars.map((b) => lines(b)), textposition: "none",
      hovertemplate: `%{text}<br>${plain(p.name)}: %{y:.3~g} (${plain(info.y_label)})<extra></extra>`,
      marker: { color: part(i), pattern: { shape: p.pattern, fillmode: "overlay", fgcolor: css("--paper"), size: 7, solidity: 0.25 },
        line: { color: css("--paper"), width: info.dense ? 0 : 0.6 } } }));
    const tops = at.map((i) => info.parts.reduce((sum, p) => sum + p.values[i], 0));
    const totals = info.totals.map((t, i) => ({ x: i, y: tops[i], text: plain(t), showarrow: false, yanchor: "bottom",
      font: { size: 11 } }));
    const step = info.dense ? Math.max(1, Math.ceil(at.length / (narrow() ? 5 : 12))) : 1;
    const few = at.filter((i) => i % step === 0);
    const ticked = few.map((i) => [i, lines(info.bars[i])]);
    return draw(div, traces, { barmode: "stack", bargap: info.dense ? 0 : 0.3, annotations: totals,
      xaxis: { title: { text: plain(info.x_label) }, showgrid: false, ...ticks(ticked), tickangle: info.dense ? 0 : narrow() ? -60 : 0,
        tickfont: { size: narrow() ? 9 : 11 } },
      yaxis: { title: { text: plain(info.y_label) } }, legend: narrow() ? { orientation: "h", y: -0.5, traceorder: "normal" }
        : { x: 1.01, y: 1, traceorder: "reversed" } });
  }

  function parallel(div, info) {
    const at = info.axes.map((_, i) => i);
    const traces = info.bundles.flatMap((b) => b.lines.map((row, j) => ({ type: "scatter", mode: "lines+markers", x: at,
      y: row.at, name: plain(b.label), legendgroup: b.kind, showlegend: j === 0, connectgaps: false,
      text: row.shown.map((v, i) => `${lines(row.name)}<br>${plain(info.axes[i].title)}: ${plain(v)}`),
      hovertemplate: "%{text}<extra></extra>", customdata: at.map(() => row.key),
      opacity: Math.max(0.25, Math.min(0.9, 30 / b.lines.length)),
      line: { color: look(b), width: 1 }, marker: { symbol: symbol(b.marker), size: 4, color: look(b) } })));
    const named = info.axes.flatMap((axis, i) => axis.ticks.map((t) => ({ x: i, y: t[0], text: plain(t[1]),
      showarrow: false, xanchor: "left", font: { size: 10 }, bgcolor: css("--paper"), opacity: 0.85 })));
    const upright = at.map((i) => ({ type: "line", x0: i, x1: i, y0: 0, y1: 1, line: { color: css("--ink"), width: 1 } }));
    return draw(div, traces, { shapes: upright, annotations: named, margin: { l: 20, r: 16, t: 16, b: 70 },
      xaxis: { ...ticks(info.axes.map((a, i) => [i, lines(a.wrapped)])), showgrid: false, zeroline: false,
        tickfont: { size: narrow() ? 8 : 11 } },
      yaxis: { visible: false, range: [-0.05, 1.05] } });
  }

  function importance(div, info) {
    const names = [...new Set(info.branches.flatMap((b) => b.shares.map((s) => s[0])))];
    const traces = info.branches.map((b) => {
      const found = new Map(b.shares);
      return { type: "bar", orientation: "h", name: plain(b.label), y: names.map(plain),
        x: names.map((n) => (found.has(n) ? found.get(n) : null)),
        hovertemplate: "%{y}: %{x:.1f} %<extra>%{fullData.name}</extra>", marker: { color: look(b) } };
    });
    // of one pair of kinds too: its name is nowhere else
    const shown = info.branches.some((b) => b.part !== undefined) ? { showlegend: true } : {};
    return draw(div, traces, { ...shown, barmode: "group", xaxis: { title: { text: "share [%]" } },
      yaxis: { autorange: "reversed" } });
  }

  function progress(div, info) {
    const traces = [line(info.trials, info.missing, { name: "missing", showlegend: false, hoverinfo: "x+y",
      line: { shape: "hv", color: colour("sram-only"), width: 2 } })];
    const end = info.complete === null ? [] : [{ type: "line", x0: info.complete, x1: info.complete, yref: "paper",
      y0: 0, y1: 1, line: { color: css("--quiet"), dash: "dash", width: 1 } }];
    const said = info.complete === null ? [] : [{ x: info.complete, yref: "paper", y: 0.98, yanchor: "top",
      ...(info.complete > info.end / 2 ? { xanchor: "right", xshift: -6 } : { xanchor: "left", xshift: 6 }),
      showarrow: false, text: plain(info.event), font: { size: 11 } }];
    return draw(div, traces, { shapes: end, annotations: said,
      xaxis: { title: { text: "finished trials" }, range: [0, 1.02 * info.end] },
      yaxis: { title: { text: plain(info.y_label) }, type: "log", ...ticks(info.ticks) } });
  }

  return { front, stack, parallel, importance, progress };
})();
