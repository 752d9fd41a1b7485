#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/base/clk.h"
#include "lib/base/hex.h"
#include "package/state.h"

#define PICTURES_MAX	(1 << 24)	/* of a segment: more is damage */
#define VERSION_OF_STATE	2
#define SEGMENTS_MAX		(1 << 18)
#define TARGET_MAX		86400
#define TIME_MAX		(INT64_MAX / 4)
#define FRAME_MAX		(1 << 20)	/* samples */
#define CHUNKS_MAX		(1 << 12)	/* of a segment */

/* ---- writing */

static json_t *
init_to_json(const struct init *i, enum codec_kind kind)
{
	const struct video_format *v = &i->config.video;
	const struct audio_info *a = &i->config.audio;
	char hex[2 * TRACK_RECORD + 1] = "";
	json_t *j;

	hex_put(hex, i->config.record, i->config.len);
	j = json_pack("{sI sI ss sI}", "number", (json_int_t)i->number, "timescale",
	    (json_int_t)i->timescale, "record", hex, "len", (json_int_t)i->len);
	if (kind == KIND_VIDEO)
		json_object_update_new(j, json_pack("{ss s[II] s[II] s[II] si}",
		    "codecs", v->codec_string,
		    "size", (json_int_t)v->width, (json_int_t)v->height,
		    "sar", (json_int_t)v->sar.num, (json_int_t)v->sar.den,
		    "rate", (json_int_t)v->frame_rate.num, (json_int_t)v->frame_rate.den,
		    "transfer", (int)v->transfer_characteristics));
	else if (kind == KIND_TEXT)
		json_object_set_new(j, "codecs", json_string("wvtt"));
	else
		json_object_update_new(j, json_pack("{ss sI sI}", "codecs", a->codec_string,
		    "rate", (json_int_t)a->rate, "channels", (json_int_t)a->channels));
	return j;
}

static json_t *
track_to_json(const struct ptrack *t)
{
	json_t *inits = json_array();

	for (unsigned i = 0; i < t->ninit; i++)
		json_array_append_new(inits, init_to_json(&t->init[i], t->kind));
	return json_pack("{ss si si si sI ss sI sI sI sI sI sI sI sI sI so}", "name", t->name,
	    "sap", (int)t->sap, "kind", (int)t->kind, "codec", (int)t->codec,
	    "pid", (json_int_t)t->pid, "language", t->language,
	    "max_bitrate", (json_int_t)t->max_bitrate,
	    "cc", (json_int_t)t->captions.cc, "services", (json_int_t)t->captions.services,
	    "peak", (json_int_t)t->peak, "bytes", (json_int_t)t->bytes,
	    "time", (json_int_t)t->time, "key_peak", (json_int_t)t->key_peak,
	    "key_bytes", (json_int_t)t->key_bytes, "frame", (json_int_t)t->frame,
	    "inits", inits);
}

/* One after the other: duration, and size; 0 is a gap. */
static json_t *
chunks_to_json(const struct part *p)
{
	json_t *chunks = json_array();

	for (unsigned i = 0; i < p->nchunk; i++) {
		const struct chunk *c = &p->chunk[i];

		json_array_append_new(chunks, json_pack("[III]", (json_int_t)c->duration,
		    (json_int_t)(c->gap ? 0 : c->size), (json_int_t)c->sync));
	}
	return chunks;
}

static json_t *
part_to_json(const struct part *p, bool recent)
{
	json_t *keys, *j;

	if (!p->present)
		return json_null();
	keys = json_array();
	for (unsigned k = 0; k < p->nkey; k++)
		json_array_append_new(keys, json_pack("[IIIII]", (json_int_t)p->key[k].offset,
		    (json_int_t)p->key[k].size, (json_int_t)p->key[k].duration,
		    (json_int_t)p->key[k].ts_offset, (json_int_t)p->key[k].ts_size));
	j = json_pack("[IIIIIIIo]", (json_int_t)p->init, (json_int_t)p->t,
	    (json_int_t)p->duration, (json_int_t)p->bytes, (json_int_t)p->ts_bytes,
	    (json_int_t)p->dropped, (json_int_t)p->key_sequence, keys);
	if (p->nchunk == 0)
		return j;
	json_array_append_new(j, json_integer((json_int_t)p->listed));
	json_array_append_new(j, recent ? chunks_to_json(p) : json_array());
	return j;
}

/* Parts are listed for three target durations. */
static bool
is_recent(const struct pres *p, const struct segment *s)
{
	const struct segment *last = p->segment[p->n - 1];

	return last->t + last->duration - s->t - s->duration < 4 * p->target * CLK_90K;
}

static json_t *
segment_to_json(const struct segment *s, bool recent)
{
	json_t *parts = json_array();

	for (unsigned i = 0; i < s->npart; i++)
		json_array_append_new(parts, part_to_json(&s->part[i], recent));
	return json_pack("[IIIIIIIIoI]", (json_int_t)s->number, (json_int_t)s->sequence,
	    (json_int_t)s->t, (json_int_t)s->duration, (json_int_t)s->utc_ns,
	    (json_int_t)s->discontinuity, (json_int_t)s->period_t,
	    (json_int_t)s->period_ns, parts, (json_int_t)s->split);
}

char *
state_put(const struct pres *p, size_t *len)
{
	json_t *tracks = json_array(), *archives = json_array();
	json_t *segments = json_array(), *j;
	char *text;

	for (unsigned i = 0; i < p->ntrack; i++)
		json_array_append_new(tracks, track_to_json(&p->track[i]));
	for (size_t i = 0; i < p->narchive && !p->ended; i++)
		json_array_append_new(archives, json_pack("[II]",
		    (json_int_t)p->archive[i].number, (json_int_t)p->archive[i].n));
	for (size_t i = p->nsealed; i < p->n && !p->ended; i++)
		json_array_append_new(segments, segment_to_json(p->segment[i],
		    is_recent(p, p->segment[i])));
	j = json_pack("{si sI sb sb sI sI sI sI s[II] sI sb sb so so so so}",
	    "version", VERSION_OF_STATE, "chunk", (json_int_t)p->chunk,
	    "ended", p->ended, "live", p->live, "target", (json_int_t)p->target,
	    "nominal", (json_int_t)p->nominal, "start_ns", (json_int_t)p->start_ns,
	    "discontinuity_sequence", (json_int_t)p->discontinuity_sequence,
	    "rate", (json_int_t)p->rate.num, (json_int_t)p->rate.den,
	    "pictures", (json_int_t)p->pictures, "has_cues", p->has_cues, "has_id3", p->has_id3,
	    "cues", cuetrack_to_json(&p->cues), "tracks", tracks,
	    "archives", archives, "segments", segments);
	text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	*len = text != NULL ? strlen(text) : 0;
	return text;
}

/* ---- archives */

void
state_archive_name(int64_t number, char name[static STATE_ARCHIVE_NAME])
{
	snprintf(name, STATE_ARCHIVE_NAME, "mpkg-segment-%lld.json", (long long)number);
}

static int
add_archive(struct pres *p, int64_t number, size_t n)
{
	struct archive *list = realloc(p->archive, (p->narchive + 1) * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	p->archive = list;
	list[p->narchive++] = (struct archive){ .number = number, .n = n };
	p->nsealed += n;
	return 0;
}

int
state_seal(struct pres *p, char **text, size_t *len, int64_t *number)
{
	json_t *segments;

	if (p->n - p->nsealed < 2 * STATE_ARCHIVE)
		return 0;
	segments = json_array();
	for (size_t i = p->nsealed; i < p->nsealed + STATE_ARCHIVE; i++)
		json_array_append_new(segments, segment_to_json(p->segment[i], false));
	*number = p->segment[p->nsealed]->number;
	*text = segments != NULL ? json_dumps(segments, JSON_COMPACT) : NULL;
	json_decref(segments);
	if (*text == NULL || add_archive(p, *number, STATE_ARCHIVE) < 0) {
		free(*text);
		return -ENOMEM;
	}
	*len = strlen(*text);
	return 1;
}

void
state_unseal(struct pres *p, size_t from)
{
	while (p->nsealed > from)
		p->nsealed -= p->archive[--p->narchive].n;
}

int
state_forget(struct pres *p, size_t *n, int64_t *number)
{
	size_t gone;

	if (*n == 0 || p->narchive == 0)
		return 0;
	gone = p->archive[0].n < *n ? p->archive[0].n : *n;
	*n -= gone;
	p->nsealed -= gone;
	p->archive[0].n -= gone;
	if (p->archive[0].n > 0)
		return 0;
	*number = p->archive[0].number;
	p->narchive--;
	memmove(p->archive, p->archive + 1, p->narchive * sizeof(*p->archive));
	return 1;
}

/* ---- reading: nothing that it says is believed unseen */

static int
read_hex(const char *hex, struct config *c)
{
	size_t n = strlen(hex);

	if (n % 2 != 0 || n / 2 > TRACK_RECORD || strspn(hex, "0123456789abcdef") != n)
		return -EBADMSG;
	c->len = n / 2;
	for (size_t i = 0; i < c->len; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		c->record[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return 0;
}

static int
read_init(json_t *j, struct ptrack *t, struct init *i)
{
	json_int_t number, timescale, len, w = 0, h = 0, sn = 0, sd = 0, rn = 0, rd = 0;
	json_int_t rate = 0, channels = 0;
	const char *record, *codecs;
	int transfer = 2;

	if (json_unpack(j, "{sI sI ss sI ss}", "number", &number, "timescale", &timescale,
	    "record", &record, "len", &len, "codecs", &codecs) < 0 || number < 1 ||
	    number > UINT32_MAX || timescale < 1 || timescale > UINT32_MAX || len < 0 ||
	    strpbrk(codecs, "\"<>&\r\n") != NULL || read_hex(record, &i->config) < 0)
		return -EBADMSG;
	i->number = (uint32_t)number;
	i->timescale = (uint32_t)timescale;
	i->len = (size_t)len;
	if (t->kind == KIND_VIDEO) {
		struct video_format *v = &i->config.video;

		if (json_unpack(j, "{s[II] s[II] s[II] si}", "size", &w, &h, "sar", &sn, &sd,
		    "rate", &rn, &rd, "transfer", &transfer) < 0 || w < 0 || w > 65535 ||
		    h < 0 || h > 65535 || rn < 0 || rd < 0 || strlen(codecs) >=
		    sizeof(v->codec_string))
			return -EBADMSG;
		memcpy(v->codec_string, codecs, strlen(codecs) + 1);
		v->width = (unsigned)w;
		v->height = (unsigned)h;
		v->sar = (struct rational){ sn, sd };
		v->frame_rate = (struct rational){ rn, rd };
		v->transfer_characteristics = (uint8_t)transfer;
	} else if (t->kind == KIND_AUDIO) {
		struct audio_info *a = &i->config.audio;

		if (json_unpack(j, "{sI sI}", "rate", &rate, "channels", &channels) < 0 ||
		    rate < 1 || rate > UINT32_MAX || channels < 0 || channels > 64 ||
		    strlen(codecs) >= sizeof(a->codec_string))
			return -EBADMSG;
		memcpy(a->codec_string, codecs, strlen(codecs) + 1);
		a->rate = (uint32_t)rate;
		a->channels = (unsigned)channels;
	}
	return 0;
}

static int
read_track(json_t *j, struct ptrack *t)
{
	json_int_t pid, max, cc, services, peak, bytes, time, key_peak, key_bytes, frame = 0;
	const char *name, *language;
	int sap, kind, codec;
	json_t *inits;

	if (json_unpack(j, "{ss si si si sI ss sI sI sI sI sI sI sI sI s?I so}", "name", &name,
	    "sap", &sap, "kind", &kind, "codec", &codec, "pid", &pid, "language", &language,
	    "max_bitrate", &max, "cc", &cc, "services", &services, "peak", &peak,
	    "bytes", &bytes, "time", &time, "key_peak", &key_peak, "key_bytes",
	    &key_bytes, "frame", &frame, "inits", &inits) < 0 || frame < 0 ||
	    frame > FRAME_MAX || strlen(name) >= sizeof(t->name) ||
	    strlen(name) < 2 || strspn(name + 1, "0123456789") != strlen(name + 1) ||
	    strchr("vat", name[0]) == NULL || (kind != KIND_VIDEO &&
	    kind != KIND_AUDIO && kind != KIND_TEXT) || codec <= 0 || codec >= CODEC_COUNT ||
	    (kind == KIND_TEXT && !text_is_channel(pid)) ||
	    strlen(language) >= sizeof(t->language) || bytes < 0 || time < 0 ||
	    peak < 0 || key_bytes < 0 || sap < 0 || sap > PRES_NO_SAP || !json_is_array(inits))
		return -EBADMSG;
	memcpy(t->name, name, strlen(name) + 1);
	memcpy(t->language, language, strlen(language) + 1);
	t->kind = (enum codec_kind)kind;
	t->codec = (enum codec)codec;
	t->sap = (uint8_t)sap;
	t->pid = (uint16_t)pid;
	t->max_bitrate = (uint32_t)max;
	t->captions = (struct captions){ (uint8_t)cc, (uint64_t)services };
	t->peak = (uint64_t)peak;
	t->bytes = (uint64_t)bytes;
	t->time = time;
	t->key_peak = (uint64_t)key_peak;
	t->key_bytes = (uint64_t)key_bytes;
	t->frame = (uint32_t)frame;
	t->init = calloc(json_array_size(inits) + 1, sizeof(*t->init));
	if (t->init == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(inits); i++)
		if (read_init(json_array_get(inits, i), t, &t->init[t->ninit++]) < 0)
			return -EBADMSG;
	return 0;
}

static int
read_chunks(json_t *list, struct part *p)
{
	size_t n = json_array_size(list);
	uint64_t offset = 0;

	if (!json_is_array(list) || n > CHUNKS_MAX)
		return -EBADMSG;
	if ((p->chunk = calloc(n + 1, sizeof(*p->chunk))) == NULL)
		return -ENOMEM;
	for (; p->nchunk < n; p->nchunk++) {
		json_int_t duration, size, sync;

		if (json_unpack(json_array_get(list, p->nchunk), "[III]", &duration, &size,
		    &sync) < 0 || duration < 0 || size < 0 || size > UINT32_MAX)
			return -EBADMSG;
		p->chunk[p->nchunk] = (struct chunk){
			.offset = offset, .size = (uint32_t)size, .gap = size == 0,
			.sync = sync != 0, .duration = duration,
		};
		offset += (uint64_t)size;
	}
	return n == 0 || offset == p->bytes ? 0 : -EBADMSG;
}

static int
read_part(json_t *j, const struct ptrack *t, struct part *p)
{
	json_int_t init, time, duration, bytes, ts_bytes, dropped, key_sequence;
	json_t *keys;

	if (json_is_null(j))
		return 0;
	if (json_unpack(j, "[IIIIIIIo]", &init, &time, &duration, &bytes, &ts_bytes,
	    &dropped, &key_sequence, &keys) < 0 || time < 0 || duration < 0 || bytes < 0 ||
	    ts_bytes < 0 || !json_is_array(keys) || json_array_size(keys) > 1024)
		return -EBADMSG;
	*p = (struct part){
		.present = true, .dropped = dropped != 0, .init = (uint32_t)init, .t = time,
		.duration = duration, .bytes = (uint64_t)bytes,
		.ts_bytes = (uint64_t)ts_bytes, .key_sequence = key_sequence,
	};
	if (ptrack_init(t, p->init) == NULL)
		return -EBADMSG;
	p->key = calloc(json_array_size(keys) + 1, sizeof(*p->key));
	if (p->key == NULL)
		return -ENOMEM;
	for (; p->nkey < json_array_size(keys); p->nkey++) {
		json_t *key = json_array_get(keys, p->nkey);
		json_int_t offset, size, last, ts_offset = 0, ts_size = 0;

		if (json_unpack(key, "[III]", &offset, &size, &last) < 0 ||
		    (json_array_size(key) > 3 && json_unpack(key, "[IIIII]", &offset, &size,
		    &last, &ts_offset, &ts_size) < 0))
			return -EBADMSG;
		p->key[p->nkey] = (struct keyframe){
			.offset = (uint32_t)offset, .size = (uint32_t)size, .duration = last,
			.ts_offset = (uint32_t)ts_offset, .ts_size = (uint32_t)ts_size,
		};
	}
	if (json_array_size(j) < 10)
		return 0;
	p->listed = json_integer_value(json_array_get(j, 8));
	return p->listed < 0 ? -EBADMSG : read_chunks(json_array_get(j, 9), p);
}

static int
read_segment(json_t *j, struct pres *p)
{
	json_int_t number, sequence, t, duration, utc, discontinuity, pt, pns, split;
	struct segment *s;
	json_t *parts;
	size_t n;

	split = json_integer_value(json_array_get(j, 9));
	if (json_unpack(j, "[IIIIIIIIo*]", &number, &sequence, &t, &duration, &utc,
	    &discontinuity, &pt, &pns, &parts) < 0 || !json_is_array(parts) ||
	    split < 0 || split > UINT32_MAX ||
	    (n = json_array_size(parts)) > p->ntrack || number < 0 || duration < 0 ||
	    t < 0 || t > TIME_MAX || duration > TIME_MAX || (p->n > 0 && number <= p->segment[p->n - 1]->number))
		return -EBADMSG;
	if ((s = calloc(1, sizeof(*s) + n * sizeof(s->part[0]))) == NULL)
		return -ENOMEM;
	s->number = number;
	s->sequence = sequence;
	s->t = t;
	s->duration = duration;
	s->utc_ns = utc;
	s->discontinuity = discontinuity != 0;
	s->split = (unsigned)split;
	s->period_t = pt;
	s->period_ns = pns;
	s->npart = (unsigned)n;
	if (pres_add(p, s) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = read_part(json_array_get(parts, i), &p->track[i], &s->part[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The last n segments of a list. */
static int
read_segments(json_t *list, size_t n, struct pres *p)
{
	size_t size = json_array_size(list);
	int r = json_is_array(list) && n <= size && p->n + n <= SEGMENTS_MAX ? 0 : -EBADMSG;

	for (size_t i = size - n; i < size && r == 0; i++)
		r = read_segment(json_array_get(list, i), p);
	return r;
}

static int
read_archive(json_t *j, struct pres *p, state_get *get, void *arg)
{
	char name[STATE_ARCHIVE_NAME], *text = NULL;
	json_int_t number, n;
	json_t *list;
	size_t len;
	int r;

	if (json_unpack(j, "[II]", &number, &n) < 0 || n < 1)
		return -EBADMSG;
	state_archive_name(number, name);
	if ((r = get(arg, name, &text, &len)) < 0)
		return r == -ENOENT ? 0 : r;	/* all of it has been deleted */
	list = json_loadb(text, len, 0, NULL);
	free(text);
	r = read_segments(list, (size_t)n, p);
	json_decref(list);
	return r < 0 ? r : add_archive(p, number, (size_t)n);
}

int
state_parse(struct pres *p, const char *text, size_t len, state_get *get, void *arg)
{
	json_t *j = json_loadb(text, len, 0, NULL), *tracks, *archives, *segments;
	json_t *cues = NULL;
	json_int_t target, nominal, start, breaks, num, den, pictures = 0, chunk = 0;
	int version, ended, live, has_cues = 0, has_id3 = 0, r = 0;

	if (json_unpack(j, "{si sb sb sI sI sI sI s[II] s?I s?I s?b s?b s?o so so so}",
	    "version", &version,
	    "ended", &ended, "live", &live, "target", &target, "nominal", &nominal,
	    "start_ns", &start, "discontinuity_sequence", &breaks, "rate", &num, &den,
	    "chunk", &chunk, "pictures", &pictures, "has_cues", &has_cues, "has_id3", &has_id3,
	    "cues", &cues, "tracks", &tracks, "archives", &archives,
	    "segments", &segments) < 0 || chunk < 0 || version != VERSION_OF_STATE ||
	    pictures < 0 || pictures > PICTURES_MAX ||
	    json_array_size(tracks) > PRES_TRACKS || target < 0 || target > TARGET_MAX || nominal < 0 ||
	    !json_is_array(tracks) || !json_is_array(archives)) {
		json_decref(j);
		return -EBADMSG;
	}
	p->ended = ended;
	p->live = live;
	p->target = target;
	p->nominal = nominal;
	p->start_ns = start;
	p->discontinuity_sequence = breaks;
	p->rate = (struct rational){ num, den };
	p->pictures = pictures;
	p->chunk = chunk;
	p->has_cues = has_cues;
	p->has_id3 = has_id3;
	if (cues != NULL && (r = cuetrack_from_json(cues, &p->cues)) == -EINVAL)
		r = -EBADMSG;
	for (size_t i = 0; i < json_array_size(tracks) && r == 0; i++)
		r = read_track(json_array_get(tracks, i), &p->track[p->ntrack++]);
	for (size_t i = 0; i < json_array_size(archives) && r == 0; i++)
		r = read_archive(json_array_get(archives, i), p, get, arg);
	if (r == 0)
		r = read_segments(segments, json_array_size(segments), p);
	json_decref(j);
	return r;
}
