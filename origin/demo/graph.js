/*
 * graph.js - a strip chart of the last two minutes.
 */
/* global uPlot */

const SPAN = 120;

export class Strip {
	#data;

	/* lines: [{ label, color, fill, step, dash }] */
	constructor(box, key, lines)
	{
		const style = getComputedStyle(document.documentElement);
		const color = (name) => style.getPropertyValue(name).trim();
		const axis = {
			stroke: color("--quiet"),
			font: "11px system-ui, sans-serif",
			grid: { stroke: color("--line"), width: 1 },
			ticks: { show: false },
		};

		this.#data = [[], ...lines.map(() => [])];
		this.plot = new uPlot({
			width: box.clientWidth || 300,
			height: box.clientHeight || 150,
			legend: { show: false },
			cursor: { show: false },
			padding: [6, 18, 0, 0],
			scales: {
				x: { time: false, range: () => [-SPAN, 0] },
				y: { range: (u, lo, hi) => [0, Math.max(hi || 0, 1) * 1.15] },
			},
			axes: [
				{ ...axis, size: 22, space: 60,
				  values: (u, v) => v.map((s) => s ? `${s} s` : "now") },
				{ ...axis, size: 38, space: 28 },
			],
			series: [{}, ...lines.map((l) => ({
				label: l.label,
				stroke: color(l.color),
				width: 2,
				dash: l.dash,
				fill: l.fill ? color(l.color) + "28" : undefined,
				paths: l.step ? uPlot.paths.stepped({ align: 1 }) : undefined,
				points: { show: false },
				spanGaps: false,
			}))],
		}, this.#data, box);
		key.replaceChildren(...lines.map((l) => {
			const item = document.createElement("span");
			const mark = document.createElement("i");

			mark.style.background = `var(${l.color})`;
			item.append(mark, l.label);
			return item;
		}));
		new ResizeObserver(() => this.plot.setSize({
			width: box.clientWidth, height: box.clientHeight,
		})).observe(box);
	}

	/* Add a value to each line at a time in seconds; null is a gap. */
	add(now, values)
	{
		const times = this.times = this.times || [];

		times.push(now);
		values.forEach((v, i) => this.#data[i + 1].push(v));
		while (times.length && times[0] < now - SPAN - 5) {
			times.shift();
			this.#data.slice(1).forEach((d) => d.shift());
		}
		this.#data[0] = times.map((t) => t - now);
		this.plot.setData(this.#data);
	}
}
