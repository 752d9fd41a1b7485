#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/hls.h"
#include "lib/media/hlsvar.h"
#include "lib/media/hlsvariant.h"

#define KEYS_MAX	8		/* in force at once, of different KEYFORMAT */

/* What has been said and waits for the segment that it applies to. */
struct reader {
	struct hls *h;
	const char *url;		/* for variables */
	const struct hls *parent;
	size_t	 expanded;		/* bytes of lines with variables */
	bool	 has_inf, discontinuity, gap, has_range;
	size_t	 variant;		/* whose URI comes next, or HLS_NONE */
	int64_t	 duration_ns, date_ns;
	const char *title;
	struct hls_range range;		/* offset -1: after the one before */
	size_t	 map, nkey, key[KEYS_MAX];	/* in force */
	int64_t	 discontinuities;
};

int
hls_probe(const void *text, size_t len)
{
	static const char bom[] = "\xef\xbb\xbf", mark[] = "#EXTM3U";
	const char *p = text;
	size_t n = len < 3 ? len : 3;

	if (memcmp(p, bom, n) == 0) {
		if (len < 3)
			return 0;
		p += 3;
		len -= 3;
	}
	n = len < 7 ? len : 7;
	if (memcmp(p, mark, n) != 0)
		return -EBADMSG;
	if (len < 8)
		return 0;
	return strchr("\r\n \t", p[7]) != NULL && p[7] != '\0' ? 1 : -EBADMSG;
}

/*
 * A new element of an array of *n, zeroed.  The array has room for the next
 * power of two.
 */
static void *
append(void *array, size_t *n, size_t size)
{
	char *base;

	memcpy(&base, array, sizeof(base));	/* a pointer of any type */
	if ((*n & (*n - 1)) == 0) {
		base = reallocarray(base, *n == 0 ? 1 : *n * 2, size);
		if (base == NULL)
			return NULL;
		memcpy(array, &base, sizeof(base));
	}
	return memset(base + (*n)++ * size, 0, size);
}

/* ---- values */

/* n[@o] */
static int
parse_range(const char *s, size_t len, struct hls_range *r)
{
	const char *at = memchr(s, '@', len);
	size_t n = at == NULL ? len : (size_t)(at - s);

	r->offset = -1;
	if (hls_integer(s, n, HLS_NUMBER_MAX, &r->len) < 0 ||
	    (at != NULL && hls_integer(at + 1, len - n - 1, HLS_NUMBER_MAX,
	    &r->offset) < 0))
		return -EBADMSG;
	return 0;
}

/* ---- tags of both kinds */

/* TIME-OFFSET=[-]seconds */
static int
parse_start(struct hls *h, const char *list)
{
	struct hls_attr a;
	size_t sign;

	if (!hls_attr_find(list, "TIME-OFFSET", &a))
		return -EBADMSG;
	sign = a.len > 0 && *a.value == '-';
	if (hls_seconds(a.value + sign, a.len - sign, &h->start_ns) < 0)
		return -EBADMSG;
	h->start_ns = sign ? -h->start_ns : h->start_ns;
	h->has_start = true;
	return 0;
}

static int
add_extra(struct hls *h, char *s)
{
	char **to = append(&h->extra, &h->nextra, sizeof(*to));

	if (to == NULL)
		free(s);
	else
		*to = s;
	return to == NULL ? -ENOMEM : 0;
}

static int
parse_define(struct reader *s, const char *list)
{
	struct hls_variable v, *to;
	char *owned;
	int r;

	if (s->h->nvariable == HLS_VARIABLES_MAX)
		return -E2BIG;
	r = hlsvar_define(s->h, list, s->url, s->parent, &v, &owned);
	if (owned != NULL && add_extra(s->h, owned) < 0)
		return -ENOMEM;
	if (r < 0)
		return r;
	if ((to = append(&s->h->variable, &s->h->nvariable, sizeof(*to))) == NULL)
		return -ENOMEM;
	*to = v;
	return 0;
}

/* ---- tags of media playlists */

static int
parse_key(struct reader *s, const char *list)
{
	struct hls_key key = { .uri = "", .keyformat = "identity" }, *to;
	struct hls_attr a;
	size_t i;
	int r;

	while ((r = hls_attr_next(&list, &a)) > 0) {
		if (hls_attr_is(&a, "METHOD"))
			key.method_name = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "URI"))
			key.uri = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "KEYFORMAT"))
			key.keyformat = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "IV")) {
			if (hls_hex(a.value, a.len, key.iv, sizeof(key.iv)) < 0)
				return -EBADMSG;
			key.has_iv = true;
		}
	}
	if (r < 0 || key.method_name == NULL)
		return -EBADMSG;
	if (strcmp(key.method_name, "NONE") == 0) {
		s->nkey = 0;
		return 0;
	}
	key.method = strcmp(key.method_name, "AES-128") == 0 ? HLS_AES_128 :
	    strcmp(key.method_name, "SAMPLE-AES") == 0 ? HLS_SAMPLE_AES :
	    HLS_METHOD_OTHER;
	if (*key.uri == '\0')
		return -EBADMSG;
	if ((to = append(&s->h->key, &s->h->nkey, sizeof(*to))) == NULL)
		return -ENOMEM;
	*to = key;
	for (i = 0; i < s->nkey; i++)
		if (strcmp(s->h->key[s->key[i]].keyformat, key.keyformat) == 0)
			break;
	if (i == KEYS_MAX)
		return -E2BIG;
	s->nkey += i == s->nkey;
	s->key[i] = s->h->nkey - 1;
	return 0;
}

/* The key in force that anybody can use, else any, else none. */
static size_t
key_in_force(const struct reader *s)
{
	for (size_t i = 0; i < s->nkey; i++)
		if (strcmp(s->h->key[s->key[i]].keyformat, "identity") == 0)
			return s->key[i];
	return s->nkey > 0 ? s->key[0] : HLS_NONE;
}

static int
parse_map(struct reader *s, const char *list)
{
	struct hls_map map = { .range = { 0, -1 }, .key = key_in_force(s) }, *to;
	struct hls_attr a;
	int r;

	while ((r = hls_attr_next(&list, &a)) > 0) {
		if (hls_attr_is(&a, "URI"))
			map.uri = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "BYTERANGE") &&
		    parse_range(a.value, a.len, &map.range) < 0)
			return -EBADMSG;
	}
	if (r < 0 || map.uri == NULL)
		return -EBADMSG;
	if (map.range.offset < 0)
		map.range.offset = 0;
	if ((to = append(&s->h->map, &s->h->nmap, sizeof(*to))) == NULL)
		return -ENOMEM;
	*to = map;
	s->map = s->h->nmap - 1;
	return 0;
}

static int
parse_daterange(struct hls *h, const char *list)
{
	struct hls_daterange *d;
	const char *rest = list;
	struct hls_attr a;
	int r;

	while ((r = hls_attr_next(&rest, &a)) > 0)
		;
	if (r < 0)
		return r;
	if ((d = append(&h->daterange, &h->ndaterange, sizeof(*d))) == NULL)
		return -ENOMEM;
	*d = (struct hls_daterange){ list, HLS_NO_DATE, h->nsegment };
	if (hls_attr_find(list, "START-DATE", &a) &&
	    hls_date(a.value, a.len, &d->start_ns) < 0)
		d->start_ns = HLS_NO_DATE;
	return 0;
}

static int
parse_marker(struct hls *h, const char *line)
{
	const char *value;
	enum hlscue_tag tag = hlscue_tag(line, &value);
	struct hls_marker *m;

	if (tag == HLSCUE_NONE)
		return 0;
	if ((m = append(&h->marker, &h->nmarker, sizeof(*m))) == NULL)
		return -ENOMEM;
	*m = (struct hls_marker){ tag, value, h->nsegment };
	return 0;
}

static int
parse_inf(struct reader *s, char *value)
{
	char *comma = strchr(value, ',');
	size_t len = comma == NULL ? strlen(value) : (size_t)(comma - value);

	while (len > 0 && strchr(" \t", value[len - 1]) != NULL)
		len--;
	if (hls_seconds(value, len, &s->duration_ns) < 0)
		return -EBADMSG;
	s->title = comma == NULL ? "" : comma + 1;
	s->has_inf = true;
	return 0;
}

static int
add_segment(struct reader *s, const char *uri)
{
	struct hls *h = s->h;
	const struct hls_segment *prev = h->nsegment > 0 ?
	    &h->segment[h->nsegment - 1] : NULL;
	struct hls_segment seg = {
		.uri = uri, .title = s->title, .duration_ns = s->duration_ns,
		.date_ns = s->date_ns, .dated = s->date_ns != HLS_NO_DATE,
		.discontinuity = s->discontinuity, .gap = s->gap,
		.discontinuity_sequence = s->discontinuities,
		.range = { 0, -1 }, .map = s->map, .key = key_in_force(s),
	}, *to;

	if (!s->has_inf)
		return -EBADMSG;
	if (h->nsegment == HLS_SEGMENTS_MAX)
		return -E2BIG;
	if (s->has_range) {
		seg.range = s->range;
		if (seg.range.offset < 0) {
			if (prev == NULL || prev->range.len < 0 ||
			    strcmp(prev->uri, uri) != 0)
				return -EBADMSG;
			seg.range.offset = prev->range.offset + prev->range.len;
		}
		if (seg.range.offset > HLS_NUMBER_MAX)
			return -EBADMSG;
	}
	if (!seg.dated && prev != NULL && prev->date_ns != HLS_NO_DATE &&
	    __builtin_add_overflow(prev->date_ns, prev->duration_ns, &seg.date_ns))
		seg.date_ns = HLS_NO_DATE;
	if ((to = append(&h->segment, &h->nsegment, sizeof(*to))) == NULL)
		return -ENOMEM;
	*to = seg;
	s->has_inf = s->discontinuity = s->gap = s->has_range = false;
	s->date_ns = HLS_NO_DATE;
	return 0;
}

/* ---- lines */

enum tag {
	TAG_STREAM_INF, TAG_I_FRAME_STREAM_INF, TAG_MEDIA, TAG_VERSION, TAG_START,
	TAG_INDEPENDENT, TAG_TARGETDURATION, TAG_MEDIA_SEQUENCE,
	TAG_DISCONTINUITY_SEQUENCE, TAG_PLAYLIST_TYPE, TAG_ENDLIST, TAG_I_FRAMES_ONLY,
	TAG_PART_INF, TAG_SERVER_CONTROL, TAG_SKIP, TAG_INF, TAG_BYTERANGE,
	TAG_DISCONTINUITY, TAG_KEY, TAG_MAP, TAG_DATE, TAG_GAP, TAG_DATERANGE,
	TAG_DEFINE,
	TAG_UNKNOWN,
};

static const char *const tag_name[] = {
	"EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-MEDIA",
	"EXT-X-VERSION", "EXT-X-START", "EXT-X-INDEPENDENT-SEGMENTS",
	"EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE",
	"EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-PLAYLIST-TYPE", "EXT-X-ENDLIST",
	"EXT-X-I-FRAMES-ONLY", "EXT-X-PART-INF", "EXT-X-SERVER-CONTROL",
	"EXT-X-SKIP", "EXTINF", "EXT-X-BYTERANGE", "EXT-X-DISCONTINUITY",
	"EXT-X-KEY", "EXT-X-MAP", "EXT-X-PROGRAM-DATE-TIME", "EXT-X-GAP",
	"EXT-X-DATERANGE", "EXT-X-DEFINE",
};

static enum tag
find_tag(const char *line, size_t len)
{
	int tag = 0;

	while (tag < TAG_UNKNOWN && (strlen(tag_name[tag]) != len ||
	    memcmp(tag_name[tag], line, len) != 0))
		tag++;
	return (enum tag)tag;
}

static int
multivariant_tag(struct hls *h, struct reader *s, enum tag tag, const char *value)
{
	struct hls_variant *v;
	struct hls_rendition *m;
	int r;

	if (h->nvariant + h->nrendition >= HLS_SEGMENTS_MAX)
		return -E2BIG;
	if (tag == TAG_MEDIA) {
		if ((m = append(&h->rendition, &h->nrendition, sizeof(*m))) == NULL)
			return -ENOMEM;
		r = hls_rendition_parse(m, value);
		h->nrendition -= r > 0;
		return r < 0 ? r : 0;
	}
	if ((v = append(&h->variant, &h->nvariant, sizeof(*v))) == NULL)
		return -ENOMEM;
	v->iframes = tag == TAG_I_FRAME_STREAM_INF;
	if (!v->iframes)
		s->variant = h->nvariant - 1;
	return hls_variant_parse(v, value);
}

/* A duration among the attributes, or 0. */
static int64_t
attr_seconds(const char *list, const char *name)
{
	struct hls_attr a;
	int64_t ns = 0;

	if (hls_attr_find(list, name, &a))
		(void)hls_seconds(a.value, a.len, &ns);
	return ns;
}

static int
parse_tag(struct reader *s, char *line)
{
	struct hls *h = s->h;
	size_t len = strcspn(line, ":");
	char *value = line + len + (line[len] == ':');
	enum tag tag = find_tag(line, len);
	struct hls_attr a;
	int64_t v;

	len = strlen(value);
	switch (tag) {
	case TAG_STREAM_INF:
	case TAG_I_FRAME_STREAM_INF:
	case TAG_MEDIA:
		return multivariant_tag(h, s, tag, value);
	case TAG_VERSION:
		if (hls_integer(value, len, 1 << 20, &v) < 0)
			return -EBADMSG;
		h->version = (int)v;
		return 0;
	case TAG_START:
		return parse_start(h, value);
	case TAG_INDEPENDENT:
		h->independent_segments = true;
		return 0;
	case TAG_TARGETDURATION:	/* an integer, but people write "6.0" */
		return hls_seconds(value, len, &h->target_ns);
	case TAG_MEDIA_SEQUENCE:
		return hls_integer(value, len, HLS_NUMBER_MAX, &h->media_sequence);
	case TAG_DISCONTINUITY_SEQUENCE:
		if (h->nsegment > 0 || s->discontinuities != h->discontinuity_sequence)
			return -EBADMSG;
		if (hls_integer(value, len, HLS_NUMBER_MAX,
		    &h->discontinuity_sequence) < 0)
			return -EBADMSG;
		s->discontinuities = h->discontinuity_sequence;
		return 0;
	case TAG_PLAYLIST_TYPE:
		h->type = strcmp(value, "VOD") == 0 ? HLS_VOD :
		    strcmp(value, "EVENT") == 0 ? HLS_EVENT : HLS_LIVE;
		return 0;
	case TAG_ENDLIST:
		h->endlist = true;
		return 0;
	case TAG_I_FRAMES_ONLY:
		h->iframes_only = true;
		return 0;
	case TAG_PART_INF:
		h->part_target_ns = attr_seconds(value, "PART-TARGET");
		return 0;
	case TAG_SERVER_CONTROL:
		h->hold_back_ns = attr_seconds(value, "HOLD-BACK");
		return 0;
	case TAG_SKIP:
		if (!hls_attr_find(value, "SKIPPED-SEGMENTS", &a) || h->nsegment > 0)
			return -EBADMSG;
		return hls_integer(a.value, a.len, HLS_SEGMENTS_MAX, &h->skipped);
	case TAG_INF:
		return parse_inf(s, value);
	case TAG_BYTERANGE:
		s->has_range = true;
		return parse_range(value, len, &s->range);
	case TAG_DISCONTINUITY:
		s->discontinuity = true;
		s->discontinuities++;
		return 0;
	case TAG_KEY:
		return parse_key(s, value);
	case TAG_MAP:
		return parse_map(s, value);
	case TAG_DATE:
		return hls_date(value, len, &s->date_ns);
	case TAG_GAP:
		s->gap = true;
		return 0;
	case TAG_DATERANGE:
		return parse_daterange(h, value);
	case TAG_DEFINE:
		return parse_define(s, value);
	case TAG_UNKNOWN:
		return parse_marker(h, line);
	}
	return 0;
}

static int
parse_line(struct reader *s, char *line)
{
	struct hls *h = s->h;
	int r;

	if (*line == '\0')
		return 0;
	if (hlsvar_refers(line)) {
		r = hlsvar_expand(h, line, HLS_TEXT_MAX - s->expanded, &line);
		if (r < 0 || (r = add_extra(h, line)) < 0)
			return r;
		s->expanded += strlen(line);
	}
	if (strncmp(line, "#EXT", 4) == 0)
		return parse_tag(s, line + 1);
	if (*line == '#')
		return 0;			/* a comment */
	if (s->variant == HLS_NONE)
		return add_segment(s, line);
	h->variant[s->variant].uri = line;
	s->variant = HLS_NONE;
	return 0;
}

/* ---- the whole */

/* Numbers, the dates before the first that was said, a missing target. */
static int
finish(struct reader *s)
{
	struct hls *h = s->h;
	int64_t longest = 0, before;
	size_t i, n = 0;

	h->ends_in_discontinuity = s->discontinuity;
	for (i = 0; i < h->nvariant; i++)	/* not those without URI */
		if (*h->variant[i].uri != '\0')
			h->variant[n++] = h->variant[i];
	h->nvariant = n;
	h->multivariant = h->nvariant + h->nrendition > 0;
	if (h->multivariant)
		return h->nsegment > 0 || h->target_ns > 0 ? -EBADMSG : 0;
	for (i = 0; i < h->nsegment; i++) {
		h->segment[i].number = h->media_sequence + h->skipped + (int64_t)i;
		if (h->segment[i].duration_ns > longest)
			longest = h->segment[i].duration_ns;
	}
	for (i = h->nsegment; i-- > 1;) {
		const struct hls_segment *seg = &h->segment[i];
		struct hls_segment *prev = &h->segment[i - 1];

		if (prev->date_ns == HLS_NO_DATE && seg->date_ns != HLS_NO_DATE &&
		    !seg->discontinuity && !__builtin_sub_overflow(seg->date_ns,
		    prev->duration_ns, &before))
			prev->date_ns = before;
	}
	if (h->target_ns == 0)
		h->target_ns = (longest + CLK_SECOND / 2) / CLK_SECOND * CLK_SECOND;
	return h->nsegment == 0 && h->target_ns == 0 ? -EBADMSG : 0;
}

static int
parse_text(struct reader *s, char *p, const char *end)
{
	int r = 0;

	while (r == 0 && p < end) {
		char *line = p, *eol = memchr(p, '\n', (size_t)(end - p));

		p = eol == NULL ? p + (end - p) : eol + 1;
		eol = eol == NULL ? p : eol;
		while (eol > line && strchr("\r \t", eol[-1]) != NULL)
			eol--;
		*eol = '\0';
		s->h->line++;
		if (strlen(line) != (size_t)(eol - line))
			return -EBADMSG;	/* has a NUL in it */
		r = parse_line(s, line);
	}
	return r < 0 ? r : finish(s);
}

int
hls_parse(struct hls *h, const void *text, size_t len)
{
	return hls_parse_at(h, text, len, NULL, NULL);
}

int
hls_parse_at(struct hls *h, const void *text, size_t len, const char *url,
    const struct hls *parent)
{
	struct reader s = { .h = h, .url = url, .parent = parent,
	    .date_ns = HLS_NO_DATE, .map = HLS_NONE, .variant = HLS_NONE };
	unsigned line;
	size_t bom;
	int r;

	*h = (struct hls){ .version = 1 };
	if (len > HLS_TEXT_MAX)
		return -E2BIG;
	h->line = 1;
	if (len < 7 || hls_probe(text, len) < 0)
		return -EBADMSG;
	if ((h->text = malloc(len + 1)) == NULL)
		return -ENOMEM;
	memcpy(h->text, text, len);
	h->text[len] = '\0';
	bom = h->text[0] == '#' ? 0 : 3;
	h->line = 0;
	if ((r = parse_text(&s, h->text + bom, h->text + len)) < 0) {
		line = h->line;
		hls_free(h);
		h->line = line;
	}
	return r;
}

void
hls_free(struct hls *h)
{
	free(h->variant);
	free(h->rendition);
	free(h->segment);
	free(h->key);
	free(h->map);
	free(h->daterange);
	free(h->marker);
	free(h->variable);
	for (size_t i = 0; i < h->nextra; i++)
		free(h->extra[i]);
	free(h->extra);
	free(h->text);
	*h = (struct hls){ .version = 1 };
}
