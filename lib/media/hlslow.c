/*
 * hlslow.c - low-latency playlists for a server; see hlslow.h.
 */
#include "lib/base/hash.h"
#include "lib/media/hlslow.h"

#include <errno.h>
#include <string.h>

#include "lib/media/hlsattr.h"

#define ADVANCE_PARTS	3		/* with parts of a second and more */
#define LINE_MAX_LEN	4096		/* of a tag whose attributes matter */
#define SECOND		INT64_C(1000000000)

/* ---- lines */

struct line {
	const char *p;
	size_t	 len;			/* without its end */
	const char *value;		/* of the tag that tag_is() found */
	size_t	 value_len;
};

/* The next line of text from *pos on. */
static bool
next_line(const char *text, size_t len, size_t *pos, struct line *l)
{
	const char *p = text + *pos, *end;

	if (*pos >= len)
		return false;
	end = memchr(p, '\n', len - *pos);
	l->p = p;
	l->len = end != NULL ? (size_t)(end - p) : len - *pos;
	*pos += l->len + (end != NULL);
	if (l->len > 0 && p[l->len - 1] == '\r')
		l->len--;
	return true;
}

static bool
tag_is(struct line *l, const char *tag)
{
	size_t n = strlen(tag);

	if (l->len < n || memcmp(l->p, tag, n) != 0 ||
	    (l->len > n && l->p[n] != ':'))
		return false;
	l->value = l->p + n + (l->len > n);
	l->value_len = l->len - n - (l->len > n);
	return true;
}

/* The attributes as a string, for hlsattr.h; "" when too long. */
static const char *
attributes(const struct line *l, char buf[static LINE_MAX_LEN])
{
	size_t n = l->value_len < LINE_MAX_LEN ? l->value_len : 0;

	if (memchr(l->value, '\0', n) != NULL)
		n = 0;
	memcpy(buf, l->value, n);
	buf[n] = '\0';
	return buf;
}

/* Where a value that was found in the copy is in the text. */
static const char *
in_text(const struct line *l, const char *copy, const char *at)
{
	return l->value + (at - copy);
}

static int64_t
seconds(const char *list, const char *name)
{
	struct hls_attr a;
	int64_t ns;

	return hls_attr_find(list, name, &a) &&
	    hls_seconds(a.value, a.len, &ns) == 0 ? ns : 0;
}

static bool
says(const char *list, const char *name, const char *value)
{
	struct hls_attr a;

	return hls_attr_find(list, name, &a) && hls_attr_says(&a, value);
}

/* ---- parse */

static uint64_t
hash_line(const struct line *l)
{
	return hash_add(HASH_START, l->p, l->len);
}

static void
take_hint(struct hlslow *h, const struct line *l, const char *list)
{
	struct hls_attr a, other;
	struct hlslow_hint *hint = &h->hint[h->nhint];

	if (h->nhint == HLSLOW_HINTS || !hls_attr_find(list, "URI", &a) || a.len == 0)
		return;
	*hint = (struct hlslow_hint){ in_text(l, list, a.value), a.len,
	    !hls_attr_find(list, "BYTERANGE-START", &other) &&
	    !hls_attr_find(list, "BYTERANGE-LENGTH", &other) };
	h->nhint++;
}

static void
take_range(struct hlslow *h, const struct line *l, const char *list)
{
	struct hls_attr a;

	if (!hls_attr_find(list, "ID", &a) || a.len == 0 || a.len >= HLSLOW_ID ||
	    h->nrange == HLSLOW_RANGES) {
		h->more_ranges = true;
		return;
	}
	h->range[h->nrange++] = (struct hlslow_range){
		in_text(l, list, a.value), a.len, hash_line(l),
	};
}

static int
take_number(const struct line *l, int64_t *out)
{
	return hls_integer(l->value, l->value_len, HLS_NUMBER_MAX, out);
}

/* Durations that nothing can add up to are as long as any. */
static int64_t
plus(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* What is before the next URI. */
struct pending {
	int64_t	 duration_ns, parts_ns;
	unsigned parts;
	int64_t	 skipped;
};

static int
take_duration(const struct line *l, struct pending *p)
{
	const char *comma = memchr(l->value, ',', l->value_len);

	return hls_seconds(l->value, comma != NULL ? (size_t)(comma - l->value) :
	    l->value_len, &p->duration_ns);
}

/* Tags of the playlist.  1 when l is one, 0, or -EBADMSG. */
static int
take_head(struct hlslow *h, struct line *l, char buf[static LINE_MAX_LEN])
{
	int64_t n;

	if (tag_is(l, "#EXT-X-TARGETDURATION")) {
		if (hls_seconds(l->value, l->value_len, &h->target_ns) < 0)
			return -EBADMSG;
	} else if (tag_is(l, "#EXT-X-MEDIA-SEQUENCE")) {
		if (take_number(l, &h->first) < 0)
			return -EBADMSG;
	} else if (tag_is(l, "#EXT-X-VERSION")) {
		h->version = take_number(l, &n) == 0 && n < 1000 ? (int)n : 1;
	} else if (tag_is(l, "#EXT-X-PART-INF")) {
		h->part_target_ns = seconds(attributes(l, buf), "PART-TARGET");
	} else if (tag_is(l, "#EXT-X-SERVER-CONTROL")) {
		attributes(l, buf);
		h->can_block = says(buf, "CAN-BLOCK-RELOAD", "YES");
		h->can_skip_ranges = says(buf, "CAN-SKIP-DATERANGES", "YES");
		h->skip_until_ns = seconds(buf, "CAN-SKIP-UNTIL");
	} else if (tag_is(l, "#EXT-X-ENDLIST")) {
		h->ended = true;
	} else if (tag_is(l, "#EXT-X-PRELOAD-HINT")) {
		take_hint(h, l, attributes(l, buf));
	} else if (tag_is(l, "#EXT-X-STREAM-INF") || tag_is(l, "#EXT-X-MEDIA") ||
	    tag_is(l, "#EXT-X-I-FRAME-STREAM-INF")) {
		return -EBADMSG;
	} else {
		return 0;
	}
	return 1;
}

static int
take_line(struct hlslow *h, struct line *l, struct pending *p,
    char buf[static LINE_MAX_LEN])
{
	struct hls_attr a;

	if (l->len == 0)
		return 0;
	if (l->p[0] != '#') {
		h->last++;
		h->last_parts = p->parts;
		h->total_ns = plus(h->total_ns, p->duration_ns);
		*p = (struct pending){ .skipped = p->skipped };
	} else if (tag_is(l, "#EXTINF")) {
		return take_duration(l, p);
	} else if (tag_is(l, "#EXT-X-PART")) {
		p->parts++;
		p->parts_ns = plus(p->parts_ns, seconds(attributes(l, buf), "DURATION"));
	} else if (tag_is(l, "#EXT-X-DATERANGE")) {
		take_range(h, l, attributes(l, buf));
	} else if (tag_is(l, "#EXT-X-SKIP")) {
		if (!hls_attr_find(attributes(l, buf), "SKIPPED-SEGMENTS", &a) ||
		    hls_integer(a.value, a.len, HLS_NUMBER_MAX, &p->skipped) < 0)
			return -EBADMSG;
	} else {
		return take_head(h, l, buf);
	}
	return 0;
}

/* How many segments end before the skip boundary. */
static unsigned
count_skippable(const struct hlslow *h, const char *text, size_t len)
{
	struct pending p = { 0 };
	struct line l;
	int64_t past = 0;
	unsigned n = 0;
	size_t pos = 0;

	while (next_line(text, len, &pos, &l)) {
		if (tag_is(&l, "#EXTINF")) {
			take_duration(&l, &p);
		} else if (l.len > 0 && l.p[0] != '#') {
			past = plus(past, p.duration_ns);
			p.duration_ns = 0;
			if (h->total_ns - past <= h->skip_until_ns)
				break;
			n++;
		}
	}
	return n;
}

int
hlslow_parse(struct hlslow *h, const char *text, size_t len)
{
	struct pending p = { 0 };
	char buf[LINE_MAX_LEN];
	struct line l;
	size_t pos = 0;
	int err;

	*h = (struct hlslow){ .version = 1, .last = -1 };
	if (!next_line(text, len, &pos, &l) || l.len != strlen("#EXTM3U") ||
	    memcmp(l.p, "#EXTM3U", l.len) != 0)
		return -EBADMSG;
	while (next_line(text, len, &pos, &l)) {
		err = take_line(h, &l, &p, buf);
		if (err < 0)
			return -EBADMSG;
	}
	if (h->first > HLS_NUMBER_MAX - p.skipped)
		return -EBADMSG;
	h->last += h->first + p.skipped;
	h->open_parts = p.parts;
	h->total_ns = plus(h->total_ns, p.parts_ns);
	if (h->skip_until_ns > 0 && !h->ended && p.skipped == 0)
		h->skippable = count_skippable(h, text, len);
	return 0;
}

/* ---- directives */

int
hlslow_ask(struct hlslow_ask *a, const char *query, size_t len)
{
	const char *p = query, *end = query + len, *next, *eq;
	int found = 0;

	*a = (struct hlslow_ask){ -1, -1, 0 };
	for (; p < end; p = next + 1) {
		size_t key, value;

		next = memchr(p, '&', (size_t)(end - p));
		if (next == NULL)
			next = end;
		eq = memchr(p, '=', (size_t)(next - p));
		if (eq == NULL)
			continue;
		key = (size_t)(eq - p);
		value = (size_t)(next - eq - 1);
		if (key == 8 && memcmp(p, "_HLS_msn", 8) == 0) {
			if (hls_integer(eq + 1, value, HLS_NUMBER_MAX, &a->segment) < 0)
				return -EBADMSG;
		} else if (key == 9 && memcmp(p, "_HLS_part", 9) == 0) {
			if (hls_integer(eq + 1, value, HLS_NUMBER_MAX, &a->part) < 0)
				return -EBADMSG;
		} else if (key == 9 && memcmp(p, "_HLS_skip", 9) == 0) {
			if (value == 3 && memcmp(eq + 1, "YES", 3) == 0)
				a->skip = 1;
			else if (value == 2 && memcmp(eq + 1, "v2", 2) == 0)
				a->skip = 2;
		} else {
			continue;
		}
		found = 1;
	}
	return a->part >= 0 && a->segment < 0 ? -EBADMSG : found;
}

/* By so many parts may a client be ahead of the last one that is listed. */
static int64_t
advance_limit(const struct hlslow *h)
{
	if (h->part_target_ns <= 0 || h->part_target_ns >= SECOND)
		return ADVANCE_PARTS;
	return (ADVANCE_PARTS * SECOND + h->part_target_ns - 1) / h->part_target_ns;
}

enum hlslow_state
hlslow_state(const struct hlslow *h, const struct hlslow_ask *a)
{
	int64_t next = h->last + 1, segment = a->segment, part = a->part;

	if (segment < 0 || !h->can_block || h->ended || segment < h->last)
		return HLSLOW_READY;
	if (segment == h->last) {
		if (part < (int64_t)h->last_parts || h->last_parts == 0)
			return HLSLOW_READY;
		segment++;		/* beyond its last part: the next one's first */
		part = 0;
	}
	if (segment > h->last + 2)
		return HLSLOW_REFUSE;
	if (part < 0)			/* the whole of it */
		return HLSLOW_WAIT;
	if (segment == next && part < (int64_t)h->open_parts)
		return HLSLOW_READY;
	/* Of the segment after that it is not known where it begins. */
	if (part - (segment == next ? (int64_t)h->open_parts - 1 : -1) >
	    advance_limit(h))
		return HLSLOW_REFUSE;
	return HLSLOW_WAIT;
}

/* ---- deltas */

/* Tags that are the playlist's, wherever they stand. */
static bool
is_of_playlist(struct line *l)
{
	static const char *const tag[] = {
		"#EXTM3U", "#EXT-X-VERSION", "#EXT-X-TARGETDURATION",
		"#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE",
		"#EXT-X-PLAYLIST-TYPE", "#EXT-X-I-FRAMES-ONLY", "#EXT-X-PART-INF",
		"#EXT-X-SERVER-CONTROL", "#EXT-X-INDEPENDENT-SEGMENTS",
		"#EXT-X-START", "#EXT-X-DEFINE", "#EXT-X-ENDLIST",
		"#EXT-X-RENDITION-REPORT", "#EXT-X-PRELOAD-HINT",
	};

	for (size_t i = 0; i < sizeof(tag) / sizeof(tag[0]); i++) {
		if (tag_is(l, tag[i]))
			return true;
	}
	return false;
}

/* Is a line among the date ranges that are known already? */
static bool
is_old_range(const struct hlslow *h, const struct hlslow_known *known,
    const struct line *l)
{
	uint64_t hash = hash_line(l);

	for (unsigned i = 0; known != NULL && i < h->nrange; i++) {
		if ((known->old & UINT64_C(1) << i) != 0 && h->range[i].hash == hash)
			return true;
	}
	return false;
}

static void
add_line(struct text *out, const struct line *l)
{
	text_add(out, "%.*s\n", (int)l->len, l->p);
}

static void
add_skip(const struct hlslow *h, const struct hlslow_known *known, struct text *out)
{
	text_add(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%u", h->skippable);
	if (known != NULL && known->removed != NULL && known->removed[0] != '\0')
		text_add(out, ",RECENTLY-REMOVED-DATERANGES=\"%s\"", known->removed);
	text_add(out, "\n");
}

/*
 * The header of what is left is told again.  A client has it from before, but Shaka Player
 * (5.2) takes each delta for itself, and does not know what its segments are without it.
 * Not behind a key, which would be that of the header as well.
 */
static void
add_map(const struct line *map, bool keyed, struct text *out)
{
	if (map->len > 0 && !keyed)
		add_line(out, map);
}

int
hlslow_delta(const struct hlslow *h, const char *text, size_t len,
    const struct hlslow_known *known, struct text *out)
{
	int version = known != NULL ? 10 : 9;
	unsigned passed = 0;
	bool skip_said = false, version_said = false, keyed = false;
	struct line l, map = { .len = 0 };
	size_t pos = 0;

	if (h->version > version)
		version = h->version;
	while (next_line(text, len, &pos, &l)) {
		bool range = tag_is(&l, "#EXT-X-DATERANGE");

		if (tag_is(&l, "#EXTM3U") && !version_said) {
			text_add(out, "#EXTM3U\n#EXT-X-VERSION:%d\n", version);
			version_said = true;
		} else if (tag_is(&l, "#EXT-X-VERSION")) {
			continue;
		} else if (is_of_playlist(&l) || (range ? !is_old_range(h, known, &l) :
		    passed >= h->skippable)) {
			add_line(out, &l);
		} else if (!range && l.len > 0) {
			if (!skip_said)
				add_skip(h, known, out);
			skip_said = true;
			keyed = keyed || tag_is(&l, "#EXT-X-KEY");
			if (tag_is(&l, "#EXT-X-MAP"))
				map = l;
			if (l.p[0] != '#' && ++passed == h->skippable)
				add_map(&map, keyed, out);
		}
	}
	return out->failed ? -ENOMEM : 0;
}
