/*
 * channel.js - what the page itself measures of a channel, whoever plays it.
 *
 * Reads the playlists for the rungs, for the duration and the date of every
 * segment; takes the sizes of the segments that arrive from the browser's
 * resource timing; and learns the server's clock from its Date headers.
 */

const attribute = (line, name) => {
	const m = line.match(new RegExp(`[:,]${name}=("[^"]*"|[^,]*)`));

	return m ? m[1].replace(/"/g, "") : null;
};

/* The Date header has whole seconds: each answer says that the difference to our
 * clock lies in an interval, and the intersection of them soon is narrow. */
class ServerClock {
	low = -Infinity;
	high = Infinity;

	learn(date, sent, got)
	{
		const low = date - got, high = date + 1000 - sent;

		if (!Number.isFinite(date))
			return;
		if (low > this.high || high < this.low) {	/* a clock was set */
			this.low = low;
			this.high = high;
			return;
		}
		this.low = Math.max(this.low, low);
		this.high = Math.min(this.high, high);
	}

	now()
	{
		const known = Number.isFinite(this.low);

		return Date.now() + (known ? (this.low + this.high) / 2 : 0);
	}
}

export class Channel {
	rungs = [];		/* { uri, width, height, average, peak, codecs, fps } */
	segments = new Map();	/* address -> { rung or null for audio, seconds, end } */
	arrived = null;		/* date of the end of the newest segment that came, ms */
	ended = false;		/* there will be no more */
	clock = new ServerClock();
	#parts = [];		/* { uri, rung } */
	#arrived = [];

	constructor(base)
	{
		this.base = base;
		performance.setResourceTimingBufferSize(2000);
		new PerformanceObserver((list) => {
			for (const e of list.getEntries())
				this.#arrived.push({ at: e.responseEnd, url: e.name,
				    bytes: e.encodedBodySize || e.transferSize });
			performance.clearResourceTimings();
		}).observe({ type: "resource" });
	}

	async #get(url)
	{
		const sent = Date.now();
		const answer = await fetch(url);

		if (!answer.ok)
			throw new Error(`${new URL(url).pathname}: status ${answer.status}`);
		/* An answer from a cache has an old date. */
		if (!answer.headers.get("age"))
			this.clock.learn(Date.parse(answer.headers.get("date")), sent, Date.now());
		return answer.text();
	}

	async #readMultivariant()
	{
		const lines = (await this.#get(this.base + "index.m3u8")).split(/\r?\n/);
		const parts = new Map(), rungs = [];

		lines.forEach((line, i) => {
			if (line.startsWith("#EXT-X-STREAM-INF:")) {
				const [width, height] = (attribute(line, "RESOLUTION") || "0x0")
				    .split("x").map(Number);
				const uri = lines.slice(i + 1).find((l) => l && l[0] !== "#");
				const peak = Number(attribute(line, "BANDWIDTH"));

				if (rungs.some((r) => r.uri === uri))
					return;
				rungs.push({ uri, width, height, peak,
				    average: Number(attribute(line, "AVERAGE-BANDWIDTH")) || peak,
				    codecs: attribute(line, "CODECS"),
				    fps: Number(attribute(line, "FRAME-RATE")) || null });
			} else if (line.startsWith("#EXT-X-MEDIA:") && attribute(line, "URI"))
				parts.set(attribute(line, "URI"), null);
		});
		rungs.sort((a, b) => a.height - b.height || a.peak - b.peak);
		for (const r of rungs)
			parts.set(r.uri, r);
		this.rungs = rungs;
		this.#parts = [...parts].map(([uri, rung]) => ({ uri, rung }));
	}

	async #readMedia(part)
	{
		const url = new URL(part.uri, this.base).href;
		let seconds = 0, date = null;

		for (const line of (await this.#get(url)).split(/\r?\n/)) {
			if (line.startsWith("#EXTINF:"))
				seconds = parseFloat(line.slice(8));
			else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:"))
				date = Date.parse(line.slice(25));
			else if (line.startsWith("#EXT-X-ENDLIST"))
				this.ended = true;
			else if (line && line[0] !== "#") {
				if (date !== null)
					date += seconds * 1000;
				this.segments.set(new URL(line, url).href,
				    { rung: part.rung, seconds, end: date });
			}
		}
	}

	/* Read the playlists again; call it each second. */
	async refresh()
	{
		if (!this.rungs.length)
			await this.#readMultivariant();
		if (this.ended)
			return;
		await Promise.all(this.#parts.map((p) => this.#readMedia(p)));
		while (this.segments.size > 4000)
			this.segments.delete(this.segments.keys().next().value);
	}

	/*
	 * The media segments that came since the last call: [{ rung, bitrate, at }],
	 * rung null for audio.  One that no playlist has named yet is kept back.
	 */
	arrivals()
	{
		const out = [], rest = [];

		for (const a of this.#arrived) {
			const s = this.segments.get(a.url);

			if (s && a.bytes && s.seconds) {
				if (s.rung)
					this.arrived = Math.max(this.arrived, s.end);
				out.push({ rung: s.rung, at: a.at, bytes: a.bytes,
				    bitrate: a.bytes * 8 / s.seconds });
			}
			else if (!s && performance.now() - a.at < 5000)
				rest.push(a);
		}
		this.#arrived = rest;
		return out;
	}
}
