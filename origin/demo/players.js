/*
 * players.js - one face for every player.
 *
 * PLAYERS names them.  open(video, base, on) starts playback and returns a
 * promise of an object with
 *
 *     rungs()        [{ id, width, height, bitrate, codecs, fps }], low to high
 *     rung()         the id of the one that plays, null while it is not known
 *     choose(id)     hold to one rung; null: choose automatically
 *     canChoose      false when the player keeps the choice to itself
 *     audios()       [{ id, label, on }]
 *     chooseAudio(id)
 *     texts()        [{ id, label, on }]: subtitles, and captions where the player lists them
 *     chooseText(id)  null: none
 *     date()         when the picture shown was taken, ms since 1970, or null
 *     lag()          how long ago that was in s, by the player's own word, or null
 *     live()         go to the live edge
 *     close()        stop, and give the video element back; may be a promise
 *
 * on.error(text, fatal) is told of every error, on.cue({ id, start }) of every cue of the
 * channel when its time has come; start is the player's, in s.
 */
/* global Hls, dashjs, shaka */

const spoken = (lang) => lang && lang !== "und" ? lang : "";
/* dash.js plays by itself, and must see the element begin to. */
const begin = (video) => video.play().catch(() => {});
const byHeight = (a, b) => a.height - b.height || a.bitrate - b.bitrate;

/* hls.js has an EXT-X-DATERANGE as one cue for each of its attributes. */
function watchCues(video, on)
{
	const told = new Set();
	const changed = (e) => {
		for (const c of e.target.activeCues || []) {
			const key = c.value && c.value.key || "";

			if (!/^SCTE35-(OUT|IN|CMD)$/.test(key) || told.has(c.id + key))
				continue;
			told.add(c.id + key);
			on.cue({ id: `${c.id} ${key}`, start: c.startTime });
		}
	};
	const added = (e) => {
		if (e.track.kind === "metadata") {
			e.track.mode = "hidden";
			e.track.addEventListener("cuechange", changed);
		}
	};

	video.textTracks.addEventListener("addtrack", added);
	return () => video.textTracks.removeEventListener("addtrack", added);
}

async function openHls(video, base, on)
{
	const hls = new Hls({ backBufferLength: 30 });
	const date = () => hls.playingDate ? hls.playingDate.getTime() : null;
	const audios = () => hls.audioTracks.map((t) => ({
		id: String(t.id), label: t.name || spoken(t.lang) || "Audio", on: t.id === hls.audioTrack,
	}));

	hls.on(Hls.Events.ERROR, (event, data) => {
		const why = data.error && data.error.message || data.reason || "";

		if (data.details === Hls.ErrorDetails.INTERNAL_ABORTED)
			return;		/* it gave up itself, for another track */
		on.error(`${data.details} ${why.replace(/ ?\(\{.*/s, "")}`.trim(), data.fatal);
		if (data.fatal && data.type === Hls.ErrorTypes.NETWORK_ERROR)
			setTimeout(() => hls.url && hls.loadSource(hls.url), 1000);
		else if (data.fatal && data.type === Hls.ErrorTypes.MEDIA_ERROR)
			hls.recoverMediaError();
	});
	const unwatch = watchCues(video, on);

	/* What is behind the live edge by more than its hold-back may catch up, if parts
	 * are there to do so. */
	hls.on(Hls.Events.LEVEL_LOADED, (event, data) => {
		hls.config.maxLiveSyncPlaybackRate = data.details.partTarget ? 1.1 : 1;
	});

	/* The track for cues forgets, when it is loaded, those that it has by then; so it is
	 * made first: by the metadata of nothing. */
	hls.once(Hls.Events.MEDIA_ATTACHED, () => {
		hls.trigger(Hls.Events.FRAG_PARSING_METADATA, { samples: [] });
		const track = video.querySelector("track");
		const go = () => hls.url || hls.loadSource(base + "index.m3u8");

		track?.addEventListener("load", go, { once: true });
		setTimeout(go, track ? 1000 : 0);
	});
	hls.attachMedia(video);
	hls.once(Hls.Events.MANIFEST_PARSED, () => begin(video));
	return {
		canChoose: true,
		rungs: () => hls.levels.map((l, i) => ({
			id: String(i), width: l.width, height: l.height, bitrate: l.bitrate,
			codecs: l.videoCodec, fps: l.frameRate,
		})).sort(byHeight),
		rung: () => hls.currentLevel < 0 ? null : String(hls.currentLevel),
		choose: (id) => { hls.nextLevel = id === null ? -1 : Number(id); },
		audios,
		chooseAudio: (id) => { hls.audioTrack = Number(id); },
		texts: () => hls.subtitleTracks.map((t, i) => ({
			id: String(i), label: t.name, on: i === hls.subtitleTrack,
		})),
		chooseText: (id) => {
			hls.subtitleDisplay = id !== null;
			hls.subtitleTrack = id === null ? -1 : Number(id);
		},
		date,
		lag: () => null,
		live: () => {
			if (hls.liveSyncPosition)
				video.currentTime = hls.liveSyncPosition;
		},
		close: () => {
			unwatch();
			hls.destroy();
		},
	};
}

async function openDash(video, base, on)
{
	const player = dashjs.MediaPlayer().create();

	/* Without a word in the manifest it would ask a server far away for the time. */
	player.updateSettings({ streaming: {
		buffer: { bufferToKeep: 30 },
		text: { defaultEnabled: false },
		utcSynchronization: { defaultTimingSource: {
			scheme: "urn:mpeg:dash:utc:http-head:2014", value: base + "index.mpd",
		} },
	} });
	/* A manifest that says how late it wants to be shown is kept to that. */
	player.on("manifestLoaded", (e) => {
		if (e.data && e.data.type === "dynamic" && e.data.ServiceDescription)
			player.updateSettings({ streaming: { liveCatchup: {
				enabled: true, maxDrift: 0, playbackRate: { min: -0.3, max: 0.3 },
			} } });
	});
	player.on("error", (e) => on.error(e.error && e.error.message || "error",
	    false));
	for (const scheme of ["2014:xml+bin", "2013:xml", "2013:bin"])
		player.on("urn:scte:scte35:" + scheme, (e) => on.cue({
			id: `${e.event.id} ${scheme}`, start: e.event.calculatedPresentationTime,
		}), null, { mode: dashjs.MediaPlayer.events.EVENT_MODE_ON_START });
	player.initialize(video, base + "index.mpd", true);
	const ready = () => player.isReady() && player.getActiveStream();
	const name = (t) => t.labels && t.labels[0] && t.labels[0].text ||
	    spoken(t.lang) || "Audio";

	return {
		canChoose: true,
		rungs: () => ready() ? player.getRepresentationsByType("video").map((r) => ({
			id: r.id, width: r.width, height: r.height, bitrate: r.bandwidth,
			codecs: r.codecs, fps: r.frameRate,
		})).sort(byHeight) : [],
		rung: () => {
			const r = ready() && player.getCurrentRepresentationForType("video");

			return r ? r.id : null;
		},
		choose: (id) => {
			player.updateSettings({ streaming: {
				abr: { autoSwitchBitrate: { video: id === null } },
			} });
			if (id !== null)
				player.setRepresentationForTypeById("video", id);
		},
		audios: () => ready() ? player.getTracksFor("audio").map((t) => ({
			id: String(t.index), label: name(t),
			on: t === player.getCurrentTrackFor("audio"),
		})) : [],
		chooseAudio: (id) => {
			const track = player.getTracksFor("audio")
			    .find((t) => String(t.index) === id);

			if (track)
				player.setCurrentTrack(track);
		},
		texts: () => ready() ? player.getTracksFor("text").map((t, i) => ({
			id: String(i), label: name(t),
			on: player.isTextEnabled() && i === player.getCurrentTextTrackIndex(),
		})) : [],
		chooseText: (id) => {
			player.enableText(id !== null);
			player.setTextTrack(id === null ? -1 : Number(id));
		},
		date: () => null,
		lag: () => {
			const lag = ready() && player.isDynamic() &&
			    player.getCurrentLiveLatency();

			return Number.isFinite(lag) && lag > 0 ? lag : null;
		},
		live: () => player.seekToOriginalLive(),
		close: () => player.destroy(),
	};
}

function openShaka(manifest)
{
	return async (video, base, on) => {
		shaka.polyfill.installAll();
		const player = new shaka.Player();
		const variants = () => player.getVariantTracks();
		const active = () => variants().find((t) => t.active);
		const text = (e) => `shaka ${e.code} ${e.message || ""} ` +
		    (e.data || []).filter((d) => typeof d !== "object").join(" ");

		player.addEventListener("error", (e) => on.error(text(e.detail),
		    e.detail.severity === shaka.util.Error.Severity.CRITICAL));
		player.addEventListener("timelineregionenter", (e) => on.cue({
			id: `${e.detail.id} ${e.detail.schemeIdUri.split(":").slice(3).join(":")}`,
			start: e.detail.startTime,
		}));
		/* By low-latency HLS Shaka 5.2 does not catch up what it lost at its start, and
		 * does not know the header of what a delta has without EXT-X-MAP (3014). */
		player.configure({ streaming: { bufferBehind: 30,
			lowLatencyMode: !manifest.endsWith(".m3u8") } });
		await player.attach(video);
		player.load(base + manifest).then(() => begin(video)).catch((e) => {
			if (e.code !== shaka.util.Error.Code.LOAD_INTERRUPTED)
				on.error(text(e), true);
		});
		const rungs = () => {
			const now = active(), seen = new Map();

			for (const t of variants())
				if (!now || t.audioId === now.audioId)
					seen.set(t.videoId, {
						id: String(t.videoId), width: t.width, height: t.height,
						bitrate: t.bandwidth, codecs: t.videoCodec,
						fps: t.frameRate,
					});
			return [...seen.values()].sort(byHeight);
		};

		return {
			canChoose: true,
			rungs,
			rung: () => active() ? String(active().videoId) : null,
			choose: (id) => {
				player.configure({ abr: { enabled: id === null } });
				if (id === null)
					return;
				const now = active();
				const track = variants().find((t) => String(t.videoId) === id &&
				    (!now || t.audioId === now.audioId));

				if (track)
					player.selectVariantTrack(track, false);
			},
			audios: () => player.getAudioTracks().map((t, i) => ({
				id: String(i), label: t.label || spoken(t.language) || "Audio", on: t.active,
			})),
			chooseAudio: (id) => player.selectAudioTrack(
			    player.getAudioTracks()[Number(id)]),
			texts: () => player.getTextTracks().map((t) => ({
				id: String(t.id), label: t.label || spoken(t.language) || "Text", on: t.active,
			})),
			chooseText: (id) => player.selectTextTrack(id === null ? null :
			    player.getTextTracks().find((t) => String(t.id) === id)),
			/* Of ProducerReferenceTime Shaka takes the media time for that of the
			 * presentation, which here counts from 1970 (availabilityStartTime). */
			date: () => {
				if (!player.isLive())
					return null;
				return manifest.endsWith(".mpd") ? video.currentTime * 1000 :
				    player.getPlayheadTimeAsDate().getTime();
			},
			lag: () => null,
			live: () => player.goToLive(),
			close: () => player.destroy(),
		};
	};
}

/* The browser's own HLS chooses by itself, and tells only the picture's size. */
async function openNative(video, base, on)
{
	const fail = () => on.error(`media error ${video.error.code} ` +
	    video.error.message, true);

	video.addEventListener("error", fail);
	video.src = base + "index.m3u8";
	begin(video);
	return {
		canChoose: false,
		rungs: () => [],
		rung: () => null,
		choose: () => {},
		audios: () => [],
		chooseAudio: () => {},
		texts: () => [],
		chooseText: () => {},
		date: () => null,
		lag: () => null,
		live: () => {
			if (video.seekable.length)
				video.currentTime = video.seekable.end(video.seekable.length - 1) - 6;
		},
		close: () => {
			video.removeEventListener("error", fail);
			video.removeAttribute("src");
			video.load();
		},
	};
}

export const PLAYERS = {
	"hlsjs": { label: "hls.js", form: "HLS", open: openHls },
	"shaka-hls": { label: "Shaka", form: "HLS", open: openShaka("index.m3u8") },
	"native": { label: "browser", form: "HLS", open: openNative },
	"dashjs": { label: "dash.js", form: "DASH", open: openDash },
	"shaka-dash": { label: "Shaka", form: "DASH", open: openShaka("index.mpd") },
};

export function playable(name)
{
	return name !== "native" || document.createElement("video")
	    .canPlayType("application/vnd.apple.mpegurl") !== "";
}
