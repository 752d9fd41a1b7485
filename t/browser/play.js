/*
 * play.js - let a browser play a channel on the demonstration page, and judge it.
 *
 *     node play.js PAGE PLAYER [seconds=20] [mode=live|vod|cue|glass] [shot=FILE.png]
 *         [fps=24] [channel=/live/one/] [rungs=3] [latency=20] [drop=1] [cues=T,T...]
 *         [choose=yes|no] [text=LABEL texts=FILE|TRACK]
 *
 * Live: from the first picture on, for so many seconds, no error, no stall, under
 * drop % of frames dropped, time runs; then, unless choose=no, the lowest rung is chosen
 * and must come, and then the highest.  VOD: from begin to end, all of it.  cues: just these come, by
 * the player's own events, each at its time.  cue: says "playing", and then of each
 * cue by how much it is late and the date of the picture, until it is ended.
 *
 * glass: how old the pictures of the source test: are when they are shown (glass.js), from
 * settle=10 seconds after the first on; latency is the most that half of them may be.
 *
 * text: these subtitles are shown.  VOD: of the lines of the file, "BEGIN END TEXT" in ms and
 * rows divided by "/", each comes at that time.  Live: what the segments of the HLS track
 * have comes at its date of the picture; three of them at least.
 *
 * Of an https: page, all media must come by the protocol h2, which ALPN chose.
 *
 * Prints what was measured, and "wrong: ..." for all that is; status 1 if any is.
 * The driver is found by NODE_PATH.
 */
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [page, player, ...rest] = process.argv.slice(2);
const opt = { seconds: "20", mode: "live", fps: "24", rungs: "3", latency: "20", drop: "1", settle: "10",
	channel: "/live/one/", ...Object.fromEntries(rest.map((r) => r.split(/=(.*)/s))) };
const seconds = Number(opt.seconds);
const wrong = [];

function expect(cond, text)
{
	if (!cond)
		wrong.push(text);
}

/* Two may be, however short the play: of four seconds one is more than 1 %. */
function expectShown(dropped, frames)
{
	expect(dropped <= Math.max(2, Number(opt.drop) / 100 * frames),
	    `${dropped} of ${frames} frames dropped`);
}

/* Before it begins a player stands at 0, and a live channel has nothing there. */
function atBegin(error)
{
	return opt.mode !== "vod" && /^bufferSeekOverHole .*seeking from 0 to /.test(error);
}

/* dash.js 5.2 looks for captions in the pictures of what has none yet, part by part. */
function isEmptyPart(error)
{
	return player === "dashjs" && /of null \(reading 'fields'\)/.test(error);
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(tab, ms, test)
{
	for (const end = Date.now() + ms; Date.now() < end; await sleep(200)) {
		const s = await tab.evaluate(() => window.stats());

		if (test(s))
			return s;
	}
	return null;
}

function judge(a, b, wall)
{
	const ran = b.time - a.time, frames = b.frames - a.frames;
	const dropped = b.dropped - a.dropped;

	console.log(`${player}: ${ran.toFixed(2)} s of ${wall.toFixed(2)} s, ` +
	    `frames=${frames} dropped=${dropped} stalls=${b.stalls} ` +
	    `switches=${b.switches} buffer=${b.buffer.toFixed(1)} ` +
	    `latency=${b.latency === null ? "none" : b.latency.toFixed(1)} ` +
	    `received=${Math.round(b.received || 0)} height=${b.height}`);
	expect(ran > 0.95 * wall, `time went on ${ran.toFixed(2)} s in ${wall.toFixed(2)} s`);
	expect(frames > 0.9 * wall * Number(opt.fps), `${frames} frames in ${wall.toFixed(1)} s`);
	expectShown(dropped, frames);
}

async function live(tab)
{
	let a = await until(tab, 30000, (s) => s.began && s.time > 0);

	expect(a, "nothing plays after 30 s");
	if (!a)
		return;
	if (opt.text)
		a = await firstText(tab);
	const began = Date.now();

	await sleep(seconds * 1000);
	const b = await tab.evaluate(() => window.stats());

	judge(a, b, (Date.now() - began) / 1000);
	expect(b.latency !== null && b.latency > 0 && b.latency < Number(opt.latency),
	    `latency ${b.latency}`);
	expect(b.rung && b.rung.height === b.height,
	    `rung ${b.rung && b.rung.height}p, picture ${b.height}p`);
	expect(b.received > 0, "no segment was seen to arrive");
	expect(b.rungs.length === Number(opt.rungs), `${b.rungs.length} rungs`);
	if (player === "native" || opt.choose === "no")	/* or it chooses by itself */
		return;
	expect(b.audios.length > 0, "no audio track");
	for (const want of [b.rungs[0], b.rungs[b.rungs.length - 1]]) {
		await tab.evaluate((h) => window.demo.rung(h), want.height);
		const s = await until(tab, 30000, (x) => x.height === want.height);

		expect(s, `held at ${want.height}p, it does not come`);
		if (s)
			console.log(`${player}: ${want.height}p came`);
	}
}

async function vod(tab)
{
	const a = await until(tab, 30000, (s) => s.began);

	expect(a, "nothing plays after 30 s");
	if (!a)
		return;
	const s = await until(tab, (seconds * 2 + 20) * 1000, (x) => x.ended);

	expect(s, "it does not end");
	if (!s)
		return;
	console.log(`${player}: ended at ${s.time.toFixed(2)} s of ${seconds}, ` +
	    `frames=${s.frames} dropped=${s.dropped} stalls=${s.stalls}`);
	expect(Math.abs(s.time - seconds) < 0.5, `ended at ${s.time}, want ${seconds}`);
	expect(s.frames > 0.97 * seconds * Number(opt.fps), `${s.frames} frames`);
	expectShown(s.dropped, s.frames);
	if (opt.cues)
		judgeCues(s.cues, opt.cues.split(",").map(Number));
}

/* ---- subtitles */

/* In the page: what each text track that is shown has, each time it changes. */
function watchTexts()
{
	const video = document.querySelector("video"), last = new Map();

	window.texts = [];
	setInterval(() => {
		for (const track of video.textTracks) {
			const text = [...(track.mode === "showing" && track.activeCues || [])]
			    .map((c) => c.text).join("\n");

			if (text !== (last.get(track) || ""))
				window.texts.push({ text, at: video.currentTime,
					date: window.stats().date });
			last.set(track, text);
		}
	}, 20);
}

/*
 * While Shaka 5.2 fills its buffer, it takes what it gets of captions in the pictures for
 * text that it has, and begins the track behind it: live, as much as the buffer has comes
 * without, and of video on demand text is chosen when the buffer is filled.
 */
async function firstText(tab)
{
	for (const end = Date.now() + 30000; Date.now() < end; await sleep(50))
		if (await tab.evaluate(() => window.texts.length > 0))
			break;
	return await tab.evaluate(() => window.stats());
}

async function chooseText(tab)
{
	const on = (s) => s.texts.some((t) => t.label === opt.text && t.on);

	if (opt.mode === "vod")
		await until(tab, 30000, (s) => s.buffer > 8);
	for (const end = Date.now() + 30000; Date.now() < end; await sleep(200)) {
		await tab.evaluate((l) => window.demo.text(l), opt.text);
		if (await until(tab, 1000, on))
			break;
	}
	if (opt.mode === "vod") {	/* from the begin on, with them */
		await sleep(1000);
		await tab.evaluate(() => {
			window.texts.length = 0;
			document.querySelector("video").currentTime = 0;
		});
	}
	expect(on(await tab.evaluate(() => window.stats())), `no subtitles '${opt.text}'`);
}

/* Markup is the players' business: some take it away, and some take escapes for it. */
const plain = (s) => s.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&")
    .replace(/<[^>]*>/g, "").replace(/\n/g, "/").trim();

/* "DATE TEXT" of the cues of a live track that are listed. */
async function listed()
{
	const base = new URL(`${opt.channel}${opt.texts}/`, page), lines = [];
	const list = await (await fetch(new URL("index.m3u8", base))).text();
	const segment = /PROGRAM-DATE-TIME:(\S+)\n(?:#.*\n)*(\d+\.vtt)\n/g;

	for (const [, date, name] of list.matchAll(segment)) {
		const text = await (await fetch(new URL(name, base))).text();

		for (const [, m, s, cue] of text.matchAll(/^00:(\d\d):(\S+) --> .*\n((?:.+\n)+)/gm))
			lines.push(`${Date.parse(date) + m * 60000 + s * 1000} ${cue.trim().replace(/\n/g, "/")}`);
	}
	return lines;
}

async function judgeTexts(tab)
{
	const all = await tab.evaluate(() => window.texts);
	/* Live, what was on already comes late, when the track has been loaded. */
	const seen = all.filter((t) => opt.mode === "vod" || t.at > all[0].at + 1);
	const lines = opt.mode === "vod" ? fs.readFileSync(opt.texts, "utf8").trim().split("\n") :
	    await listed();
	/* DASH counts from 1970; Shaka's own date is another with a ProducerReferenceTime. */
	const dated = (t) => /dash/.test(player) ? 1000 * t.at : t.date;
	const told = new Set();
	let right = 0;

	for (const t of seen)
		console.log(`${player}: at ${t.at.toFixed(3)} s ${t.date || ""} '${plain(t.text)}'`);
	for (const line of lines) {
		const [, from, rest] = /^([\d.]+) (.*)$/.exec(line);
		const text = plain(opt.mode === "vod" ? rest.replace(/^\d+ /, "") : rest);
		const got = seen.filter((t) => plain(t.text) === text);

		if (opt.mode !== "vod") {	/* what goes on in the next segment is there twice */
			if (told.has(text))
				continue;
			told.add(text);
			for (const t of got.slice(0, 1)) {
				expect(Math.abs(dated(t) - from) < 1000,
				    `'${text}' of ${from} is shown at ${dated(t)}`);
				right++;
			}
			continue;
		}
		expect(got.some((t) => Math.abs(t.at - from / 1000 - 0.25) < 0.35),
		    `'${text}' of ${from} ms is shown at ${got.map((t) => t.at.toFixed(3)).join(", ")}`);
	}
	if (opt.mode !== "vod")
		expect(right >= 3, `${right} cues of the ${lines.length} that there are`);
}

/* Players look at the time every quarter of a second or so. */
function judgeCues(got, want)
{
	for (const c of got)
		console.log(`${player}: cue ${c.id} of ${c.start.toFixed(3)} s at ${c.at.toFixed(3)} s`);
	expect(got.length === want.length, `${got.length} cues, want ${want.length}`);
	for (const t of want)
		expect(got.some((c) => Math.abs(c.start - t) < 0.02 && c.at > t - 0.1 &&
		    c.at < t + 0.6), `no cue at ${t}`);
}

/* What the page knows of the date is as good as the player lets it. */
async function cue(tab)
{
	const a = await until(tab, 30000, (s) => s.began && s.time > 0);

	expect(a, "nothing plays after 30 s");
	if (!a)
		return;
	console.log(`${player}: playing`);
	for (let n = 0; ; n++) {
		const s = await until(tab, 120000, (x) => x.cues.length > n);

		expect(s, "no cue comes");
		if (!s)
			return;
		const c = s.cues[n];

		console.log(`cue ${Math.round(1000 * (c.at - c.start))} ms late, of the date ` +
		    `${Math.round(c.date)}, ${c.id}`);
	}
}

/* Of a sorted list. */
const quantile = (list, q) => list[Math.min(list.length - 1, Math.floor(list.length * q))];

async function glass(tab)
{
	const a = await until(tab, 30000, (s) => s.began && s.time > 0);

	expect(a, "nothing plays after 30 s");
	if (!a)
		return;
	await sleep(Number(opt.settle) * 1000);
	const before = await tab.evaluate(() => {
		window.glass.start(document.querySelector("video"));
		return window.stats();
	});

	await sleep(seconds * 1000);
	const { got, after } = await tab.evaluate(() => ({
		got: window.glass.stop(), after: window.stats(),
	}));
	const late = got.late.sort((x, y) => x - y), n = got.numbers;

	expect(late.length > 0, `no code in ${got.frames} pictures`);
	if (late.length === 0)
		return;
	console.log(`${player}: glass to glass p50=${quantile(late, 0.5)} ms ` +
	    `p99=${quantile(late, 0.99)} ms max=${late[late.length - 1]} ms ` +
	    `min=${late[0]} ms of ${late.length} pictures, ${got.unread} unread, ` +
	    `${n.missing} not shown, stalls=${after.stalls - before.stalls} in ${seconds} s ` +
	    `buffer=${after.buffer.toFixed(2)} ` +
	    `says=${after.latency === null ? "none" : after.latency.toFixed(2)}`);
	expect(quantile(late, 0.5) < 1000 * Number(opt.latency),
	    `pictures are ${quantile(late, 0.5)} ms old`);
	expect(got.unread < 0.02 * got.frames, `${got.unread} of ${got.frames} codes unread`);
}

/* What protocol the media of the channel came by: { h2: 120 }. */
async function watchProtocol(context, tab)
{
	const seen = {}, cdp = await context.newCDPSession(tab);

	cdp.on("Network.responseReceived", (e) => {
		const url = new URL(e.response.url);

		if (url.pathname.startsWith(opt.channel) && /\.(m4s|mp4)$/.test(url.pathname) &&
		    !e.response.fromDiskCache)
			seen[e.response.protocol] = (seen[e.response.protocol] || 0) + 1;
	});
	await cdp.send("Network.enable");
	return seen;
}

function judgeProtocol(seen)
{
	const names = Object.keys(seen);

	console.log(`${player}: ${names.map((n) => `${seen[n]} by ${n}`).join(", ") || "nothing"}`);
	if (new URL(page).protocol === "https:")
		expect(names.length === 1 && names[0] === "h2", `came by ${names.join(", ") || "nothing"}`);
}

(async () => {
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--no-first-run",
			"--autoplay-policy=no-user-gesture-required",
			"--ignore-certificate-errors"],
	});
	const tab = await browser.newPage({ viewport: opt.shot ?
		{ width: 1440, height: 860 } : { width: 860, height: 640 } });

	tab.on("pageerror", (e) => isEmptyPart(e) || wrong.push(`page: ${e}`));
	tab.on("request", (r) => expect(new URL(r.url()).origin === new URL(page).origin ||
	    /^(blob|data):/.test(r.url()), `asks for ${r.url()}`));
	if (opt.mode === "glass")
		await tab.addInitScript({ path: path.join(__dirname, "glass.js") });
	const protocols = await watchProtocol(tab.context(), tab);

	await tab.goto(`${page}?player=${player}&channel=${opt.channel}`);
	if (opt.text) {
		await tab.evaluate(watchTexts);
		await chooseText(tab);
	}
	await { vod, live, cue, glass }[opt.mode](tab);
	if (opt.text)
		await judgeTexts(tab);
	const s = await tab.evaluate(() => window.stats());

	judgeProtocol(protocols);
	expect(s.stalls === 0, `${s.stalls} stalls`);
	for (const e of new Set(s.errors))
		if (!atBegin(e))
			wrong.push(`error: ${e}`);
	if (opt.shot) {
		await tab.evaluate(() => window.demo.rung(null));
		await tab.screenshot({ path: opt.shot });
	}
	await browser.close();
	for (const w of wrong)
		console.log(`wrong: ${w}`);
	process.exit(wrong.length ? 1 : 0);
})().catch((e) => {
	console.log(`wrong: ${e}`);
	process.exit(1);
});
