// The chart of one asset: envelopes of its series, limits, excursions, unknown time, door, mains.
"use strict";

(() => {
  const box = document.getElementById("chart");
  const readout = document.getElementById("readout");
  const word = box.dataset;
  const INK = ["#1b1f24", "#6a2c91", "#0b6b4f", "#8a6100"];
  const HOT = "#b23a00", COLD = "#0a4fa3", QUIET = "#545b65", LIMIT = "#0b6b4f";
  const TINT = { above: "rgba(178,58,0,.13)", below: "rgba(10,79,163,.13)", silent: "rgba(84,91,101,.10)" };
  const LINE = { above: HOT, below: COLD, silent: QUIET };
  const names = new Map(word.names.split(";").map((pair) => pair.split("=")));
  let chart = null;
  let answer = null;

  // Swedish dates are ISO 8601, as on the rest of the page
  const local = new Intl.DateTimeFormat("sv-SE", {
    timeZone: word.zone, year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  // exact, as everywhere: thousandths without trailing zeros, at least one place
  const spell = (value) => (value / 1000).toFixed(3).replace(/0{1,2}$/, "").replace("-", "\u2212");

  // uPlot: null is a gap, undefined is passed over; a bucket without reading is a gap only where
  // its time is unknown, for a reading holds until the next one
  function column(trace, values) {
    return values.map((value, i) => value !== null ? value / 1000 : trace.unknown_ms[i] > 0 ? null : undefined);
  }

  function alone(u, index) {
    const data = u.data[index], found = [];
    for (let i = 0; i < data.length; i++) {
      if (data[i] == null) continue;
      let before = i - 1, after = i + 1;
      while (data[before] === undefined && before >= 0) before--;
      while (data[after] === undefined && after < data.length) after++;
      if (data[before] == null && data[after] == null) found.push(i);
    }
    return found;
  }

  // Chart series share one time axis: that of the longest trace; others are laid on it.
  function table(shown) {
    const starts = [...new Set(shown.flatMap((trace) => trace.start))].sort((a, b) => a - b);
    const at = new Map(starts.map((start, i) => [start, i]));
    const data = [starts.map((start) => start / 1000)];
    for (const trace of shown) {
      for (const values of [trace.maximum, trace.minimum]) {
        const laid = new Array(starts.length).fill(undefined);
        column(trace, values).forEach((value, i) => { laid[at.get(trace.start[i])] = value; });
        data.push(laid);
      }
    }
    return data;
  }

  function hatch(context) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = "#9aa1ab";
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) { pen.moveTo(shift, 8); pen.lineTo(shift + 8, 0); }
    pen.stroke();
    return context.createPattern(tile, "repeat");
  }

  function span(u, start, end) {
    const { left, width } = u.bbox;
    const x = (at) => Math.min(Math.max(u.valToPos(at / 1000, "x", true), left), left + width);
    const from = x(start), to = x(end);
    return [from, Math.max(to - from, devicePixelRatio)];
  }

  // several rules see the same trouble: it is drawn once
  function joined(excursions) {
    const list = [];
    for (const each of [...excursions].sort((a, b) => a.start - b.start)) {
      const end = each.end ?? answer.end, last = list[list.length - 1];
      if (last && each.start <= last[1]) last[1] = Math.max(last[1], end);
      else list.push([each.start, end]);
    }
    return list;
  }

  // under the lines: storage range, excursions, unknown time
  function under(u) {
    const pen = u.ctx, { top, left, width, height } = u.bbox, dpr = devicePixelRatio;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    const { storage_low: low, storage_high: high } = answer;
    if (low !== null && high !== null) {
      const upper = u.valToPos(high / 1000, "y", true), lower = u.valToPos(low / 1000, "y", true);
      pen.fillStyle = "#e4f2ec";
      pen.fillRect(left, upper, width, lower - upper);
    }
    pen.fillStyle = hatch(pen);
    for (const [start, end] of answer.unknown) {
      const [x, wide] = span(u, start, end);
      pen.fillRect(x, top, wide, height);
    }
    // an overdue certificate says nothing of the values: it stands in the table alone
    const marked = answer.excursions.filter((each) => each.quantity === "temperature" && each.kind !== "calibration");
    for (const side of ["silent", "above", "below"]) {
      const of = marked.filter((each) => each.side === side);
      const certain = of.filter((each) => each.certainty === "certain");
      pen.fillStyle = TINT[side];
      for (const [start, end] of joined(of)) pen.fillRect(span(u, start, end)[0], top, span(u, start, end)[1], height);
      const edge = side === "below" ? top + height - 5 * dpr : top;
      pen.fillStyle = LINE[side];
      // a possible one is dashed, a certain one whole
      for (const [start, end] of joined(of)) {
        const [x, wide] = span(u, start, end);
        for (let dash = 0; dash < wide; dash += 9 * dpr) pen.fillRect(x + dash, edge, Math.min(5 * dpr, wide - dash), 5 * dpr);
      }
      for (const [start, end] of joined(certain)) pen.fillRect(span(u, start, end)[0], edge, span(u, start, end)[1], 5 * dpr);
    }
    pen.restore();
  }

  // over the lines: limits with their values, door and mains as strips
  function over(u) {
    const pen = u.ctx, { top, left, width, height } = u.bbox, dpr = devicePixelRatio;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    pen.font = `${12 * dpr}px sans-serif`;
    for (const limit of [answer.storage_low, answer.storage_high]) {
      if (limit === null) continue;
      const y = Math.round(u.valToPos(limit / 1000, "y", true));
      pen.strokeStyle = LIMIT;
      pen.lineWidth = 1.5 * dpr;
      pen.setLineDash([6 * dpr, 3 * dpr]);
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(left + width, y);
      pen.stroke();
      pen.setLineDash([]);
    }
    const strips = [[answer.door_open, "#8a6100"], [answer.mains_off, "#1b1f24"]];
    strips.forEach(([intervals, colour], row) => {
      pen.fillStyle = colour;
      for (const [start, end] of intervals) {
        const [x, wide] = span(u, start, end);
        pen.fillRect(x, top + height - (14 + 8 * row) * dpr, wide, 6 * dpr);
      }
    });
    pen.restore();
  }

  function range(u, low, high) {
    const limits = [answer.storage_low, answer.storage_high].filter((each) => each !== null).map((each) => each / 1000);
    const values = [low, high, ...limits].filter((each) => each !== null && Number.isFinite(each));
    if (!values.length) return [0, 10];
    // room for the strips below and the excursion marks above
    const bottom = Math.min(...values), top = Math.max(...values), room = Math.max((top - bottom) * 0.14, 0.5);
    return [bottom - room, top + room];
  }

  function series(shown) {
    const list = [{}];
    shown.forEach((trace, i) => {
      const ink = INK[i % INK.length];
      const line = { stroke: ink, width: trace.decides ? 1.5 : 1, dash: trace.decides ? undefined : [4, 3], points: { show: true, size: 5, fill: ink, filter: (u, index) => alone(u, index) } };
      list.push({ ...line }, { ...line });
    });
    return list;
  }

  function describe(u) {
    const i = u.cursor.idx;
    if (i == null || !answer) return;
    const at = u.data[0][i] * 1000;
    const parts = [local.format(at)];
    shownTraces().forEach((trace) => {
      const j = trace.start.indexOf(at);
      if (j < 0) return;
      const low = trace.minimum[j], high = trace.maximum[j];
      const label = names.get(trace.series) ?? trace.point;
      if (low !== null) parts.push(`${label} ${low === high ? spell(low) : `${spell(low)} … ${spell(high)}`} °C`);
      else if (trace.unknown_ms[j] > 0) parts.push(`${label}: ${word.wordUnknown}`);
      if (trace.rejected[j]) parts.push(`${word.wordRejected}: ${trace.rejected[j]}`);
      if (trace.suspect[j]) parts.push(`${word.wordDoubtful}: ${trace.suspect[j]}`);
    });
    const during = (intervals) => intervals.some(([start, end]) => start <= at && at < end);
    if (during(answer.door_open)) parts.push(word.wordDoor);
    if (during(answer.mains_off)) parts.push(word.wordMains);
    readout.textContent = parts.join(" · ");
  }

  const shownTraces = () => answer.series.filter((trace) => trace.quantity === "temperature");

  function draw() {
    const shown = shownTraces();
    const bands = shown.map((_, i) => ({ series: [2 * i + 1, 2 * i + 2], fill: "rgba(27,31,36,.18)" }));
    const axis = { stroke: QUIET, font: "12px system-ui, sans-serif", grid: { stroke: "rgba(0,0,0,.07)" }, ticks: { stroke: "rgba(0,0,0,.2)" } };
    const options = {
      width: box.clientWidth,
      height: box.clientHeight,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), word.zone),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      scales: {
        x: { time: true, range: () => [answer.start / 1000, answer.end / 1000] },
        y: { range },
      },
      axes: [
        { ...axis, size: 42, values: [
          [86400 * 28, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
          [86400, "{MM}-{DD}", null, null, null, null, null, null, 1],
          [60, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
        ] },
        { ...axis, size: 46, values: (_, ticks) => ticks.map((tick) => `${tick}°`) },
      ],
      series: series(shown),
      bands,
      hooks: { drawClear: [under], draw: [over], setCursor: [describe] },
    };
    if (chart) chart.destroy();
    chart = new uPlot(options, table(shown), box);
  }

  async function load() {
    const width = Math.max(50, Math.min(4000, Math.floor(box.clientWidth)));
    try {
      const response = await fetch(`${word.source}&width=${width}`, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(response.status);
      answer = await response.json();
      draw();
    } catch {
      readout.textContent = word.wordFailed;
    }
  }

  box.addEventListener("keydown", (event) => {
    if (!chart) return;
    const last = chart.data[0].length - 1, now = chart.cursor.idx ?? last;
    const moves = { ArrowLeft: now - 1, ArrowRight: now + 1, PageUp: now - 20, PageDown: now + 20, Home: 0, End: last };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const index = Math.min(Math.max(moves[event.key], 0), last);
    chart.setCursor({ left: chart.valToPos(chart.data[0][index], "x"), top: 0 });
  });

  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (chart && chart.width !== box.clientWidth) load(); }, 200);
  });
  if (word.live) setInterval(() => { if (!document.hidden) load(); }, 60000);
  load();
})();
