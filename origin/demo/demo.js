/*
 * demo.js - the page: a channel, a choice of players, and what is measured.
 *
 * In the address: ?channel=/live/one/ &player=hlsjs|shaka-hls|native|dashjs|
 * shaka-dash.  A script reads window.stats(), and may call window.demo.play(name)
 * window.demo.rung(height or null), and window.demo.text(label of subtitles).
 */
import { PLAYERS, playable } from "./players.js";
import { Channel } from "./channel.js";
import { Strip } from "./graph.js";

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const base = new URL((asked.get("channel") || "/live/one/").replace(/\/?$/, "/"),
    location.href).href;
const video = $("video");
const channel = new Channel(base);

/* What is known of the player that runs now; a new one begins anew. */
let player = null, name = null, run = null;
let opening = Promise.resolve();

const fresh = () => ({
	began: performance.now(), playing: false, lastTime: 0, still: 0, stalled: false,
	stalls: 0, switches: 0, rung: null, wanted: null, errors: [], cues: [], failed: false,
	received: null, frames0: 0, dropped0: 0,
});

function say(text, kind)
{
	const line = document.createElement("li");
	const time = document.createElement("time");
	const log = $("log");

	time.textContent = new Date().toISOString().slice(11, 19);
	line.append(time, text);
	if (kind)
		line.className = kind;
	log.prepend(line);
	while (log.children.length > 200)
		log.lastChild.remove();
}

/* ---- measuring */

/* Rungs as the player names them, else as the playlist does. */
function rungs()
{
	const own = player ? player.rungs() : [];

	return own.length ? own : channel.rungs.map((r) => ({
		id: r.uri, width: r.width, height: r.height, bitrate: r.peak,
		codecs: r.codecs, fps: r.fps,
	}));
}

/* The rung whose picture is shown; players are ahead of that with their word, which
 * decides between rungs of one size. */
function rung()
{
	const shown = rungs().filter((r) => r.width === video.videoWidth &&
	    r.height === video.videoHeight);
	const id = player ? player.rung() : null;

	return shown.find((r) => r.id === id) || shown[0] || null;
}

/* The playlist's word on a rung: what it should have on average. */
const declared = (r) => r && (channel.rungs.find((c) => c.height === r.height &&
    c.width === r.width) || null);

function buffered()
{
	for (let i = 0; i < video.buffered.length; i++)
		if (video.buffered.start(i) <= video.currentTime + 0.1 &&
		    video.currentTime <= video.buffered.end(i))
			return video.buffered.end(i) - video.currentTime;
	return 0;
}

/* When the picture shown was taken; without the player's word, from the date of
 * the newest segment that came and the distance to the end of the buffer. */
function date()
{
	const told = player ? player.date() : null, lag = player ? player.lag() : null;

	if (told !== null)
		return told;
	if (lag !== null)
		return channel.clock.now() - lag * 1000;
	return channel.ended || !channel.arrived || !run || !run.received ? null :
	    channel.arrived - 1000 * buffered();
}

function latency()
{
	const shown = run && run.playing && !channel.ended ? date() : null;

	return shown === null ? null : (channel.clock.now() - shown) / 1000;
}

function quality()
{
	const q = video.getVideoPlaybackQuality();

	return { frames: q.totalVideoFrames, dropped: q.droppedVideoFrames };
}

window.stats = () => {
	const r = rung(), q = quality(), edge = declared(r);

	return {
		player: name, channel: base, began: run && run.playing,
		seconds: run ? (performance.now() - run.began) / 1000 : 0,
		time: video.currentTime, date: date(), ended: video.ended,
		paused: video.paused, live: !channel.ended,
		duration: Number.isFinite(video.duration) ? video.duration : null,
		width: video.videoWidth, height: video.videoHeight,
		frames: q.frames, dropped: q.dropped,
		stalls: run ? run.stalls : 0, switches: run ? run.switches : 0,
		errors: run ? [...run.errors] : [], cues: run ? [...run.cues] : [],
		buffer: buffered(), latency: latency(),
		received: run ? run.received : null,
		rung: r && { ...r, average: edge ? edge.average : null,
		    fixed: run.wanted !== null },
		rungs: rungs(), audios: player ? player.audios() : [],
		texts: player ? player.texts() : [],
	};
};

/* A stall is half a second in which the picture stood though it should run. */
function watchStall()
{
	if (!run || !run.playing || video.paused || video.ended || video.seeking ||
	    document.hidden) {
		run && (run.lastTime = video.currentTime, run.still = 0);
		return;
	}
	if (video.currentTime !== run.lastTime) {
		if (run.stalled)
			say(`went on after ${(run.still / 4).toFixed(1)} s`, "warn");
		run.lastTime = video.currentTime;
		run.still = 0;
		run.stalled = false;
	} else if (++run.still === 2) {
		run.stalls++;
		run.stalled = true;
		say("stalled", "warn");
	}
}

function watchRung()
{
	const now = rung();

	if (!now || !run || now.height === run.rung)
		return;
	if (run.rung !== null) {
		run.switches++;
		say(`rung ${run.rung}p to ${now.height}p`);
	}
	run.rung = now.height;
}

/* ---- the panel */

function choices(box, items, chosen, pick)
{
	const shape = JSON.stringify(items.map((i) => [i.id, i.label, i.small, i.off]));

	if (box.dataset.shape !== shape) {
		const held = document.activeElement && box.contains(document.activeElement) &&
		    document.activeElement.value;

		box.dataset.shape = shape;
		box.replaceChildren(box.firstElementChild, ...items.map((i) => {
			const label = document.createElement("label");
			const input = document.createElement("input");
			const text = document.createElement("span");

			label.className = "choice";
			input.type = "radio";
			input.name = box.id;
			input.value = i.id;
			input.disabled = Boolean(i.off);
			input.addEventListener("change", () => pick(i.id));
			text.textContent = i.label;
			if (i.small) {
				const small = document.createElement("small");

				small.textContent = " " + i.small;
				text.append(small);
			}
			label.append(input, text);
			return label;
		}));
		if (held)
			[...box.querySelectorAll("input")].find((i) => i.value === held)?.focus();
	}
	for (const input of box.querySelectorAll("input")) {
		const item = items.find((i) => i.id === input.value);

		input.checked = input.value === chosen;
		input.parentElement.classList.toggle("on", Boolean(item && item.on));
	}
	box.hidden = !items.length;
}

const rate = (bps) => bps >= 1e6 ? `${(bps / 1e6).toFixed(2)} Mb/s` :
    `${Math.round(bps / 1000)} kb/s`;

function paintChoices()
{
	const list = rungs(), now = rung();

	choices($("players"), Object.entries(PLAYERS).map(([id, p]) => ({
		id, label: p.label, small: p.form, off: !playable(id),
	})), name, play);
	choices($("rungs"), [{ id: "auto", label: "Auto" }, ...list.map((r) => ({
		id: r.id, label: `${r.height}p`, small: rate(r.bitrate),
		on: now && r.id === now.id, off: !player || !player.canChoose,
	}))], run && run.wanted !== null ? run.wanted : "auto", chooseRung);
	const sound = player ? player.audios() : [];
	const on = sound.find((a) => a.on);

	choices($("audios"), sound, on ? on.id : null, (id) => player.chooseAudio(id));
	const texts = player ? player.texts() : [];

	choices($("texts"), texts.length ? [{ id: "off", label: "Off" }, ...texts] : [],
	    texts.find((t) => t.on)?.id || "off",
	    (id) => player.chooseText(id === "off" ? null : id));
}

function figure(id, value, unit, bad)
{
	const box = $(id), small = document.createElement("small");

	small.textContent = unit ? " " + unit : "";
	box.replaceChildren(value, small);
	box.classList.toggle("bad", Boolean(bad));
}

function paintFigures()
{
	const s = window.stats(), state = $("state");
	const lost = s.frames ? 100 * s.dropped / s.frames : 0;
	const word = run && run.failed ? ["failed", "fail"] :
	    !s.began ? ["starting", "wait"] : run.stalled ? ["waiting", "wait"] :
	    s.ended ? ["ended", ""] : s.paused ? ["paused", ""] :
	    s.live ? ["live", "live"] : ["playing", "live"];

	state.textContent = word[0];
	state.className = "state " + word[1];
	figure("n-latency", s.latency === null ? "–" : s.latency.toFixed(1), s.latency === null ? "" : "s");
	figure("n-buffer", s.buffer.toFixed(1), "s", s.began && !s.ended && s.buffer < 0.3);
	figure("n-received", s.received ? (s.received / 1e6).toFixed(2) : "–", s.received ? "Mb/s" : "");
	figure("n-dropped", String(s.dropped), `${lost.toFixed(1)} %`, lost >= 1);
	figure("n-stalls", String(s.stalls), "", s.stalls > 0);
	figure("n-switches", String(s.switches));
	$("clock").textContent = s.date === null ? "--:--:--" :
	    new Date(s.date).toISOString().slice(11, 21) + " UTC";
	$("format").textContent = s.rung ? [`${s.width}×${s.height}`,
	    s.rung.fps ? `${Math.round(s.rung.fps * 100) / 100} fps` : "",
	    s.rung.codecs || ""].filter(Boolean).join("   ") : "";
	$("play").textContent = s.paused ? "Play" : "Pause";
	$("live").hidden = !s.live;
	$("unmute").hidden = !video.muted;
}

let strips = null;

function paintGraphs()
{
	const s = window.stats();

	for (const a of channel.arrivals())
		if (a.rung && run)
			run.received = a.bitrate;
	strips.bitrate.add(performance.now() / 1000, [
		run && run.received ? run.received / 1e6 : null,
	], channel.rungs.map((r) => ({
		value: r.average / 1e6, label: `${r.height}p`,
		on: Boolean(s.rung && s.rung.height === r.height),
	})));
	strips.time.add(performance.now() / 1000,
	    [s.began ? s.buffer : null, s.latency]);
}

/* ---- what a person can do */

function chooseRung(id)
{
	run.wanted = id === "auto" ? null : id;
	player.choose(run.wanted);
	say(run.wanted === null ? "rung chosen automatically" :
	    `rung held at ${rungs().find((r) => r.id === id)?.height}p`);
	paintChoices();
}

/* Players open and close one after another, however fast they are picked. */
function play(which)
{
	opening = opening.then(async () => {
		if (player)
			await player.close();
		video.pause();
		player = null;
		name = which;
		run = fresh();
		const mine = run;

		say(`${PLAYERS[which].label}, ${PLAYERS[which].form}`);
		history.replaceState(null, "", "?" + new URLSearchParams({
			...Object.fromEntries(asked), player: which }));
		player = await PLAYERS[which].open(video, base, {
			error: (text, fatal) => {
				mine.errors.push(text);
				mine.failed = mine.failed || fatal;
				if (mine === run)
					say(text, "bad");
			},
			cue: (c) => {
				mine.cues.push({ ...c, at: video.currentTime, date: date() });
				if (mine === run)
					say(`cue ${c.id}`);
			},
		});
		paintChoices();
	}).catch((e) => {
		run.errors.push(String(e));
		run.failed = true;
		say(String(e), "bad");
	});
	return opening;
}

const toggle = () => video.paused ? video.play() : video.pause();

function sound(on)
{
	video.muted = !on;
	$("volume").value = on ? video.volume : 0;
}

function fullScreen()
{
	if (document.fullscreenElement)
		document.exitFullscreen();
	else
		document.querySelector(".screen").requestFullscreen();
}

$("play").addEventListener("click", toggle);
$("live").addEventListener("click", () => player && player.live());
$("full").addEventListener("click", fullScreen);
$("unmute").addEventListener("click", () => {
	video.volume = video.volume || 1;
	sound(true);
	video.focus();
});
$("volume").addEventListener("input", (e) => {
	video.volume = Number(e.target.value);
	video.muted = video.volume === 0;
});
video.addEventListener("click", toggle);
video.addEventListener("playing", () => {
	if (run && !run.playing) {
		run.playing = true;
		say(`first picture after ${((performance.now() - run.began) / 1000).toFixed(1)} s`);
	}
	if (run)
		run.failed = false;
});
document.addEventListener("keydown", (e) => {
	const typing = e.target.matches("input, button");
	const keys = { " ": toggle, k: toggle, f: fullScreen,
	    m: () => sound(video.muted), l: () => player && player.live() };

	if (e.ctrlKey || e.altKey || e.metaKey || !keys[e.key] ||
	    (typing && e.key === " "))
		return;
	e.preventDefault();
	keys[e.key]();
});

/* ---- start */

let complained = "";

async function refresh()
{
	try {
		await channel.refresh();
		complained = "";
	} catch (e) {
		if (complained !== e.message)
			say(e.message, "warn");
		complained = e.message;
	}
	setTimeout(refresh, 1000);
}

function start()
{
	const title = asked.get("title") || "Channel " +
	    (new URL(base).pathname.split("/").filter(Boolean).pop() || "");

	$("channel").textContent = document.title = title;
	video.muted = true;
	$("volume").value = 0;
	strips = {
		bitrate: new Strip($("g-bitrate"), $("k-bitrate"), [
			{ label: "segments that came", color: "--accent", fill: true, step: true },
		]),
		time: new Strip($("g-time"), $("k-time"), [
			{ label: "buffer", color: "--accent", fill: true },
			{ label: "latency", color: "--second" },
		]),
	};
	refresh();
	setInterval(watchStall, 250);
	setInterval(() => {
		watchRung();
		paintFigures();
	}, 250);
	setInterval(() => {
		paintChoices();
		paintGraphs();
	}, 1000);
	window.demo = {
		play,
		rung: (height) => {
			const r = rungs().find((x) => x.height === height);

			chooseRung(height === null || !r ? "auto" : r.id);
		},
		text: (label) => {
			const t = player && player.texts().find((x) => x.label === label);

			if (t)
				player.chooseText(t.id);
			return Boolean(t);
		},
	};
	const first = asked.get("player");

	play(PLAYERS[first] && playable(first) ? first : "hlsjs");
}

/* The players and the chart are classic scripts, deferred like this one. */
if (document.readyState === "complete")
	start();
else
	window.addEventListener("load", start);
