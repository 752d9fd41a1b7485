#include <stdlib.h>
#include <string.h>

#include "ingest/hlsmarks.h"
#include "ingest/hlssplice.h"
#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"

#define DURATION_MAX	(24 * 3600 * CLK_SECOND)	/* more is a mistake */
#define LATE_MAX	(7 * DURATION_MAX)

enum part { PART_OUT = 1, PART_IN = 2, PART_CMD = 4 };

struct hlsmarks *
hlsmarks_new(void)
{
	struct hlsmarks *m = calloc(1, sizeof(*m));

	if (m == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	return m;
}

void
hlsmarks_free(struct hlsmarks *m)
{
	free(m);
}

void
hlsmarks_forget(struct hlsmarks *m)
{
	m->nseen = 0;
}

/* ---- taken together */

/* Can two markers of a segment speak of the same thing? */
static bool
together(const struct hlsmark *a, const struct hlsmark *b)
{
	bool end = a->what == HLSCUE_ENDS, other = a->what == HLSCUE_BY_SECTION;

	if (end != (b->what == HLSCUE_ENDS) || other != (b->what == HLSCUE_BY_SECTION))
		return false;
	if (a->len > 0 && b->len > 0)
		return a->event_id == b->event_id && (!other ||
		    (a->len == b->len && memcmp(a->section, b->section, a->len) == 0));
	return true;
}

static void
join(struct hlsmark *to, const struct hlsmark *from)
{
	bool goes_on = to->what == HLSCUE_GOES_ON && from->what != HLSCUE_GOES_ON;

	/* A duration that comes with what goes on may be rounded. */
	if (goes_on) {
		to->what = from->what;
		to->elapsed_ns = HLSCUE_UNKNOWN;
		if (from->duration_ns != HLSCUE_UNKNOWN)
			to->duration_ns = from->duration_ns;
	}
	if (to->duration_ns == HLSCUE_UNKNOWN)
		to->duration_ns = from->duration_ns;
	if (to->elapsed_ns == HLSCUE_UNKNOWN && to->what == HLSCUE_GOES_ON)
		to->elapsed_ns = from->elapsed_ns;
	/* EXT-X-CUE-IN ends whatever is open; two names are as good as none. */
	if (*to->id == '\0' && to->what != HLSCUE_ENDS)
		memcpy(to->id, from->id, sizeof(to->id));
	else if (strcmp(to->id, from->id) != 0 &&
	    (*from->id != '\0' || to->what == HLSCUE_ENDS))
		to->id[0] = '\0';
	if (to->len == 0) {
		memcpy(to->section, from->section, from->len);
		to->len = from->len;
		to->event_id = from->event_id;
	}
	to->by_tag |= from->by_tag;
	if (from->number <= to->number && llabs(from->offset_ns) < llabs(to->offset_ns))
		to->offset_ns = from->offset_ns;
}

/* What the section of m->cue says, if it can be read. */
static bool
read_section(struct hlsmarks *m, struct hlsmark *k)
{
	struct hlscue *c = &m->cue;
	enum hlscue_what what;

	if (hlssplice_read(&m->scte35, c->section, c->len, &what, &k->event_id) < 0)
		return false;
	memcpy(k->section, c->section, c->len);
	k->len = c->len;
	if (k->what == HLSCUE_BY_SECTION)
		k->what = what;
	return true;
}

/* m->cue, at a place. */
static void
add(struct hlsmarks *m, int64_t number, int64_t offset_ns)
{
	const struct hlscue *c = &m->cue;
	struct hlsmark k;

	k = (struct hlsmark){
		.what = c->what, .by_tag = c->what != HLSCUE_BY_SECTION,
		.number = number, .offset_ns = offset_ns,
		.duration_ns = c->duration_ns, .elapsed_ns = c->elapsed_ns,
	};
	if (c->id_len < sizeof(k.id))
		memcpy(k.id, c->id, c->id_len);
	m->left_out += c->odd;
	if (c->len > 0 && !read_section(m, &k)) {
		m->left_out++;
		if (!k.by_tag)
			return;
	}
	for (unsigned i = 0; i < m->n; i++)
		if (together(&m->mark[i], &k)) {
			join(&m->mark[i], &k);
			return;
		}
	if (m->n < HLSMARKS_MAX)
		m->mark[m->n++] = k;
	else
		m->left_out++;
}

/* ---- date ranges */

static bool
value_has(const struct hls_attr *a, const char *word)
{
	char text[128];

	if (a->len >= sizeof(text))
		return false;
	memcpy(text, a->value, a->len);
	text[a->len] = '\0';
	return strcasestr(text, word) != NULL;
}

bool
hlsmarks_is_cue(const char *attrs)
{
	struct hls_attr a;

	if (strcasestr(attrs, "scte35") == NULL)	/* most have none */
		return false;
	while (hls_attr_next(&attrs, &a) > 0)
		if (hls_attr_is(&a, "SCTE35-OUT") || hls_attr_is(&a, "SCTE35-IN") ||
		    hls_attr_is(&a, "SCTE35-CMD") ||
		    (hls_attr_is(&a, "CLASS") && value_has(&a, "scte35")))
			return true;
	return false;
}

static struct hlsmarks_seen *
find_seen(struct hlsmarks *m, const struct hls_attr *id)
{
	unsigned n = m->nseen < HLSMARKS_SEEN ? m->nseen : HLSMARKS_SEEN;
	uint64_t hash = hash_add(HASH_START, id->value, id->len);
	struct hlsmarks_seen *s;

	for (unsigned i = 0; i < n; i++)
		if (m->seen[i].id == hash)
			return &m->seen[i];
	s = &m->seen[m->nseen++ % HLSMARKS_SEEN];
	*s = (struct hlsmarks_seen){ hash, 0 };
	return s;
}

/* What a date range says, in m->cue and beside it. */
struct range {
	const struct hls_daterange *d;
	struct hls_attr id, out, in, cmd;	/* value NULL: absent */
	int64_t	 end_ns;			/* or HLS_NO_DATE */
	int64_t	 duration_ns;			/* of any kind */
	bool	 by_class;
};

/* The end follows from the duration, or the duration from the end. */
static void
complete(struct range *r, int64_t planned_ns)
{
	int64_t start = r->d->start_ns;

	if (start == HLS_NO_DATE || (r->end_ns == HLS_NO_DATE &&
	    (r->duration_ns == HLSCUE_UNKNOWN ||
	    __builtin_add_overflow(start, r->duration_ns, &r->end_ns))))
		r->end_ns = HLS_NO_DATE;
	if (r->duration_ns == HLSCUE_UNKNOWN && (r->end_ns == HLS_NO_DATE ||
	    __builtin_sub_overflow(r->end_ns, start, &r->duration_ns)))
		r->duration_ns = planned_ns;
	if (r->duration_ns < 0 || r->duration_ns > DURATION_MAX)
		r->duration_ns = HLSCUE_UNKNOWN;
}

static void
read_range(const struct hls_daterange *d, struct range *r)
{
	const char *rest = d->attrs;
	int64_t planned = HLSCUE_UNKNOWN;
	struct hls_attr a;

	*r = (struct range){ .d = d, .end_ns = HLS_NO_DATE,
	    .duration_ns = HLSCUE_UNKNOWN, .id = { .value = "" } };
	while (hls_attr_next(&rest, &a) > 0) {
		if (hls_attr_is(&a, "ID"))
			r->id = a;
		else if (hls_attr_is(&a, "SCTE35-OUT"))
			r->out = a;
		else if (hls_attr_is(&a, "SCTE35-IN"))
			r->in = a;
		else if (hls_attr_is(&a, "SCTE35-CMD"))
			r->cmd = a;
		else if (hls_attr_is(&a, "CLASS"))
			r->by_class = value_has(&a, "scte35");
		else if (hls_attr_is(&a, "DURATION"))
			(void)hls_seconds(a.value, a.len, &r->duration_ns);
		else if (hls_attr_is(&a, "PLANNED-DURATION"))
			(void)hls_seconds(a.value, a.len, &planned);
		else if (hls_attr_is(&a, "END-DATE") &&
		    hls_date(a.value, a.len, &r->end_ns) < 0)
			r->end_ns = HLS_NO_DATE;
	}
	r->by_class = r->by_class && r->cmd.value == NULL && r->in.value == NULL;
	complete(r, planned);
}

/* The place of a date, as far as the segments up to i go. */
struct place {
	bool	 there;			/* it has come */
	bool	 gone;			/* in its turn, in a playlist that is whole */
	int64_t	 number, offset_ns;
	int64_t	 late_ns;		/* it was so much before that, when joining */
};

static bool
within(const struct hls_segment *seg, int64_t date_ns, int64_t *offset_ns)
{
	if (seg->date_ns == HLS_NO_DATE ||
	    __builtin_sub_overflow(date_ns, seg->date_ns, offset_ns))
		return false;
	return *offset_ns >= -HLSMARKS_SNAP &&
	    *offset_ns < seg->duration_ns - HLSMARKS_SNAP;
}

static struct place
place_of(const struct hls *list, size_t i, size_t tag, int64_t date_ns, int64_t begun,
    bool joining)
{
	const struct hls_segment *seg = &list->segment[i];
	struct place at = { .number = seg->number };

	if (date_ns == HLS_NO_DATE || seg->date_ns == HLS_NO_DATE) {
		at.there = tag <= i;
		at.gone = tag < i && !joining && list->endlist;
		return at;
	}
	if (__builtin_sub_overflow(date_ns, seg->date_ns, &at.offset_ns) ||
	    at.offset_ns < -LATE_MAX)
		return at;
	at.there = at.offset_ns < seg->duration_ns - HLSMARKS_SNAP;
	if (at.offset_ns < -HLSMARKS_SNAP) {
		at.late_ns = -at.offset_ns;
		at.offset_ns = 0;
		at.gone = !joining && list->endlist;
		for (size_t k = i; !joining && k-- > 0 && list->segment[k].number > begun;)
			if (within(&list->segment[k], date_ns, &at.offset_ns)) {
				at.number = list->segment[k].number;
				at.late_ns = 0;
				break;
			}
	}
	if (llabs(at.offset_ns) <= HLSMARKS_SNAP)
		at.offset_ns = 0;
	return at;
}

static void
add_part(struct hlsmarks *m, const struct range *r, const struct hls_attr *section,
    enum hlscue_what what, struct place at)
{
	struct hlscue *c = &m->cue;
	int n = 0;

	*c = (struct hlscue){ .what = what, .id = r->id.value, .id_len = r->id.len,
	    .duration_ns = what == HLSCUE_STARTS ? r->duration_ns : HLSCUE_UNKNOWN,
	    .elapsed_ns = HLSCUE_UNKNOWN };
	if (section->value != NULL) {
		n = hlscue_section(section->value, section->len, c->section);
		c->odd = n < 0;
		c->len = n > 0 ? (size_t)n : 0;
	}
	if (what == HLSCUE_BY_SECTION && c->len == 0) {
		m->left_out++;
		return;
	}
	if (what == HLSCUE_STARTS && at.late_ns > 0) {
		c->what = HLSCUE_GOES_ON;
		c->elapsed_ns = at.late_ns;
	}
	add(m, at.number, at.offset_ns);
}

static void
take_range(struct hlsmarks *m, const struct hls *list, size_t i,
    const struct hls_daterange *d, int64_t begun, bool joining)
{
	struct hlsmarks_seen *seen;
	struct place start, end;
	struct range r;
	bool ends;

	read_range(d, &r);
	start = place_of(list, i, d->segment, d->start_ns, begun, joining);
	end = place_of(list, i, d->segment, r.end_ns, begun, joining);
	if (!start.there)
		return;
	start.there = !start.gone;
	seen = find_seen(m, &r.id);
	if (start.there && (r.out.value != NULL || r.by_class) && (seen->parts & PART_OUT) == 0) {
		seen->parts |= PART_OUT;
		add_part(m, &r, &r.out, HLSCUE_STARTS, start);
	}
	if (start.there && r.cmd.value != NULL && (seen->parts & PART_CMD) == 0) {
		seen->parts |= PART_CMD;
		if (!joining || start.late_ns == 0)
			add_part(m, &r, &r.cmd, HLSCUE_BY_SECTION, start);
	}
	/* Its end, if it has one that is not only planned; without dates, a tag's own. */
	if (r.end_ns == HLS_NO_DATE || list->segment[i].date_ns == HLS_NO_DATE)
		ends = r.in.value != NULL && r.out.value == NULL;
	else
		ends = r.in.value != NULL || (seen->parts & PART_OUT) != 0;
	if (ends && end.there && !end.gone && (seen->parts & PART_IN) == 0) {
		seen->parts |= PART_IN;
		add_part(m, &r, &r.in, HLSCUE_ENDS, end);
	}
}

/* ---- the segment */

/* The first marker of a segment; they are in order. */
static size_t
first_marker(const struct hls *list, size_t segment)
{
	size_t low = 0, high = list->nmarker;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->marker[mid].segment < segment)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
hlsmarks_read(struct hlsmarks *m, const struct hls *list, size_t i, int64_t begun,
    bool joining)
{
	int64_t number = list->segment[i].number;
	size_t k;

	m->n = 0;
	for (k = first_marker(list, i); k < list->nmarker &&
	    list->marker[k].segment == i; k++) {
		if (hlscue_parse(list->marker[k].tag, list->marker[k].value, &m->cue) < 0)
			m->left_out++;
		else
			add(m, number, 0);
	}
	/* Those that are too many to be remembered would be taken again. */
	k = list->endlist || list->ndaterange < HLSMARKS_SEEN ? 0 :
	    list->ndaterange - HLSMARKS_SEEN;
	for (; k < list->ndaterange; k++)
		if (hlsmarks_is_cue(list->daterange[k].attrs))
			take_range(m, list, i, &list->daterange[k], begun, joining);
}
