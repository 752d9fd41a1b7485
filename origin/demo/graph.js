/*
 * graph.js - a strip chart of the last two minutes, with marks at given heights.
 */
/* global uPlot */

const SPAN = 120;

export class Strip {
	#data;
	#marks = [];		/* { value, label, on }: a dashed line across */

	/* lines: [{ label, color, fill, step }] */
	constructor(box, key, lines)
	{
		const style = getComputedStyle(document.documentElement);
		const color = (name) => style.getPropertyValue(name).trim();

		this.color = color;
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
			hooks: { draw: [(u) => this.#mark(u.ctx, u.bbox,
			    (v) => u.valToPos(v, "y", true))] },
			scales: {
				x: { time: false, range: () => [-SPAN, 0] },
				y: { range: (u, lo, hi) => [0, 1.15 * Math.max(hi || 0, 1,
				    ...this.#marks.map((m) => m.value))] },
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

	#mark(ctx, box, y)
	{
		ctx.save();
		ctx.textAlign = "left";
		ctx.textBaseline = "alphabetic";
		ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
		for (const m of this.#marks) {
			ctx.strokeStyle = ctx.fillStyle =
			    this.color(m.on ? "--second" : "--quiet");
			ctx.lineWidth = (m.on ? 2 : 1) * devicePixelRatio;
			ctx.setLineDash([6, 4].map((n) => n * devicePixelRatio));
			ctx.beginPath();
			ctx.moveTo(box.left, y(m.value));
			ctx.lineTo(box.left + box.width, y(m.value));
			ctx.stroke();
			ctx.fillText(m.label, box.left + 6 * devicePixelRatio,
			    y(m.value) - 5 * devicePixelRatio);
		}
		ctx.restore();
	}

	/* Add a value to each line at a time in seconds; null is a gap. */
	add(now, values, marks = [])
	{
		this.#marks = marks;
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
