/* Cues onto pictures: which ones, what is armed, what goes out. */
#include <errno.h>
#include <stdlib.h>

#include "encode/condition.c"
#include "encode/cues.c"
#include "encode/splices.c"
#include "lib/media/psi.h"
#include "t/tap.h"

#define SECOND	INT64_C(90000)
#define START	(INT64_C(20000) * SECOND)	/* of the output: no multiple of the wrap */

static struct splices splices;
static struct condition wanted;
static struct cues cues;
static struct cues_now now;
static struct scte35 s;			/* the message that came out */

static void
begin(int64_t num, int64_t den, const char *which)
{
	condition_parse(&wanted, which);
	splices = (struct splices){ .n = 0 };
	cues_init(&cues, &wanted, &splices);
	now = (struct cues_now){
		.grid = grid_make((struct rational){ num, den }, 2000000000),
		.shift = START,		/* the source counts from 0 */
	};
	now.next = grid_time(&now.grid, grid_picture(&now.grid, START) + 1);
}

/* Give a message; what comes out is in s.  Returns when it takes effect. */
static int64_t
give(const char *json)
{
	json_t *o = json_loads(json, 0, NULL);
	static struct scte35 in;
	static uint8_t section[SCTE35_SECTION_MAX], out[SCTE35_SECTION_MAX];
	const char *why = "no JSON";
	const struct scte35_time *t;
	size_t n;

	if (scte35_from_json(o, &in, &why) < 0) {
		ok(false, "%s: %s", json, why);
		exit(1);
	}
	json_decref(o);
	n = cues_take(&cues, &now, section,
	    (size_t)scte35_put(&in, section, sizeof(section)), out);
	is(scte35_parse(out, n, &s), 0, "a section comes out");
	t = s.command == SCTE35_TIME_SIGNAL ? &s.signal : s.insert.program ?
	    &s.insert.time : &s.component[s.insert.component].time;
	return t->specified ? timeline_unwrap(START, (int64_t)scte35_pts(&s, t)) : -1;
}

/* How many pictures of a grid get an IDR within the next minute; the last of them. */
static unsigned
armed(const struct grid *g, int64_t *at)
{
	int64_t k = grid_picture(g, now.next);
	unsigned n = 0;

	for (int64_t end = grid_picture(g, now.next + 60 * SECOND); k < end; k++)
		if (splices_at(&splices, g, k)) {
			*at = grid_time(g, k);
			n++;
		}
	return n;
}

#define INSERT(id, out, pts, more) \
	"{\"splice_insert\":{\"splice_event_id\":" id ",\"out_of_network_indicator\":" out \
	",\"splice_time\":{\"pts_time\":" pts "}" more "}}"
#define NOW(id, out) \
	"{\"splice_insert\":{\"splice_event_id\":" id ",\"out_of_network_indicator\":" out "}}"
#define AUTO(d)	",\"break_duration\":{\"auto_return\":true,\"duration\":" d "}"
#define BACKUP(d) ",\"break_duration\":{\"auto_return\":false,\"duration\":" d "}"
#define SEGMENT(id, type, more) "{\"splice_descriptor_tag\":2,\"segmentation_event_id\":" \
	id ",\"segmentation_type_id\":\"" type "\"" more "}"
#define SIGNAL(pts, segments) \
	"{\"time_signal\":{\"splice_time\":{\"pts_time\":" pts "}},\"descriptors\":[" \
	segments "]}"
#define LASTS(d)	",\"segmentation_duration\":" d
#define CANCEL	",\"segmentation_event_cancel_indicator\":true"

/* Each splice has the first picture that is at most half a picture before it. */
static void
pictures(int64_t num, int64_t den)
{
	struct grid g = grid_make((struct rational){ num, den }, 2000000000);
	int64_t half = rescale_near(45000, den, num);
	bool right = true;

	for (int64_t t = START; t < START + 2000; t += 7) {
		int64_t p = cues_picture(&g, t), k = grid_picture(&g, p);

		right &= p == grid_time(&g, k) && p >= t - half - SLACK;
		right &= grid_time(&g, k - 1) < t - half + 2;
	}
	for (int64_t k = grid_picture(&g, START), i = 0; i < 1000; i++)
		right &= cues_picture(&g, grid_time(&g, k + i)) == grid_time(&g, k + i) &&
		    cues_picture(&g, grid_time(&g, k + i) + half) == grid_time(&g, k + i);
	ok(right, "%lld/%lld: the picture of each time", (long long)num, (long long)den);
}

static void
test_insert(void)
{
	int64_t t, at = 0, out;

	begin(25, 1, "all");
	out = give(INSERT("7", "true", "901000", AUTO("271000")));
	is(out, START + 900000, "out: on a picture");
	is(s.insert.duration.duration, 273600, "and its duration leads to one");
	is(armed(&now.grid, &at), 2, "both are armed");
	is(at, START + 1173600, "the end");
	t = give(INSERT("7", "true", "901000", AUTO("271000")));
	is(t, out, "repeated: the same");
	is(armed(&now.grid, &at), 2, "nothing more is armed");
	t = give(INSERT("7", "false", "1081000", ""));
	is(t, START + 1080000, "in, earlier than the end");
	is(armed(&now.grid, &at), 2, "is armed instead of that");
	is(at, t, "there");
	give(INSERT("7", "true", "901000", AUTO("271000")));
	is(armed(&now.grid, &at), 2, "out repeated: the in is still true");
	give(INSERT("7", "true", "1441000", ""));
	is(armed(&now.grid, &at), 2, "out at another time: instead of the first");
	give("{\"splice_insert\":{\"splice_event_id\":8,"
	    "\"splice_event_cancel_indicator\":true}}");
	is(armed(&now.grid, &at), 2, "another event cancelled: nothing");
	give("{\"splice_insert\":{\"splice_event_id\":7,"
	    "\"splice_event_cancel_indicator\":true}}");
	is(armed(&now.grid, &at), 0, "this one cancelled: none is armed");
	ok(s.insert.cancel, "and the message passes");
	give(INSERT("9", "true", "901000", BACKUP("271000")));
	is(s.insert.duration.duration, 273600, "a duration without auto_return");
	is(armed(&now.grid, &at), 2, "is an end, too, if none is said");
}

static void
test_signal(void)
{
	int64_t t, at = 0;

	begin(30000, 1001, "all");
	t = give(SIGNAL("900000", SEGMENT("1", "0x34", LASTS("2700000")) ","
	    SEGMENT("2", "0x30", LASTS("900000")) "," SEGMENT("3", "0x10", LASTS("5000"))));
	is(t, cues_picture(&now.grid, START + 900000), "time_signal: on a picture");
	is(armed(&now.grid, &at), 3, "it, and two ends");
	is(at, t + (int64_t)s.descriptor[0].seg.duration, "of the durations that go out");
	is(s.descriptor[2].seg.duration, 5000, "a programme's is left alone");
	give(SIGNAL("1350000", SEGMENT("2", "0x31", "")));
	is(armed(&now.grid, &at), 3, "an end instead of a duration's");
	give("{\"time_signal\":{},\"descriptors\":[" SEGMENT("1", "0x34", CANCEL) "]}");
	is(armed(&now.grid, &at), 2, "cancelled: its end is gone");
	ok(!s.signal.specified, "and the message is as it was");
	t = give("{\"time_signal\":{},\"descriptors\":[" SEGMENT("5", "0x40", "") "]}");
	is(t, now.next, "without a time: the next picture");
	give(SIGNAL("1800000", ""));
	give(SIGNAL("1890000", ""));
	is(armed(&now.grid, &at), 5, "signals without a name are each their own");
}

static void
test_now(void)
{
	int64_t t, first, at = 0;

	begin(50, 1, "all");
	first = give(NOW("1", "true"));
	is(first, now.next, "at once: the next picture");
	ok(!s.insert.immediate && s.insert.program, "with a time");
	now.next += SECOND;
	is(give(NOW("1", "true")), first, "said again: the same");
	is(give(NOW("1", "false")), now.next, "in");
	now.next += SECOND;
	is(give(NOW("1", "true")), now.next, "out again: another");
	now.next += 6 * SECOND;
	t = give(NOW("1", "true"));
	is(t, now.next, "long after: another");
	t = give("{\"splice_insert\":{\"splice_event_id\":2,\"out_of_network_indicator\":true,"
	    "\"components\":[{\"component_tag\":1},{\"component_tag\":2}]}}");
	is(t, now.next, "components at once");
	ok(s.insert.ncomponent == 2 && s.component[s.insert.component + 1].time.specified,
	    "all of them");
	t = give("{\"splice_insert\":{\"splice_event_id\":3,\"out_of_network_indicator\":true,"
	    "\"splice_immediate_flag\":false,"
	    "\"components\":[{\"component_tag\":1,\"splice_time\":{\"pts_time\":2700500}},"
	    "{\"component_tag\":2,\"splice_time\":{\"pts_time\":2700300}}]}}");
	is(scte35_pts(&s, &s.component[s.insert.component + 1].time),
	    (START + 2700000) & (int64_t)MASK, "the earliest component is on the picture");
	is(t, START + 2700200, "the others move with it");
	is(armed(&now.grid, &at), 2, "armed");
}

static void
test_late(void)
{
	int64_t at = 0;

	begin(25, 1, "all");
	now.next = START + 1000 * SECOND;
	is(give(INSERT("1", "true", "89960000", "")), now.next, "a bit late: the next");
	is(cues.late, 0, "is not");
	now.next += 10 * SECOND;
	is(give(INSERT("1", "true", "89960000", "")), now.next - 10 * SECOND,
	    "repeated: as before");
	is(give(INSERT("2", "true", "89001000", AUTO("3600000"))), START + 88999200,
	    "too late: its own picture");
	is(cues.late, 1, "is counted");
	is(armed(&now.grid, &at), 1, "its end is armed");
	is(at, START + 92599200, "there");
	give(INSERT("3", "true", "1000000000", ""));
	is(splices.at[splices.n - 1].t, START + 1000000800, "hours ahead");
}

static void
test_wrap(void)
{
	int64_t wrap = INT64_C(1) << 33, at = 0, t;

	begin(25, 1, "all");
	now.shift = START - (wrap - 5 * SECOND);	/* the source wraps in 5 s */
	t = give(INSERT("1", "true", "449900", AUTO("900000")));
	is(t, START + 10 * SECOND, "a splice after the wrap");
	is(armed(&now.grid, &at), 2, "armed");
	is(at, START + 20 * SECOND, "its end");
	begin(25, 1, "all");
	now.next += (wrap - START % wrap) - 2 * SECOND;	/* the output wraps in 2 s */
	t = give(NOW("1", "true"));
	is(t - timeline_unwrap(START, now.next & (wrap - 1)), 0, "ours wraps");
}

static void
test_condition(void)
{
	int64_t at = 0;

	begin(25, 1, "none");
	is(give(INSERT("1", "true", "901000", AUTO("271000"))), START + 901000, "none: moved");
	is(s.insert.duration.duration, 271000, "its duration stays");
	is(armed(&now.grid, &at), 0, "nothing is armed");
	is(give(NOW("1", "true")), -1, "at once stays at once");
	begin(25, 1, "splice_insert,0x36,55");
	is(give(INSERT("1", "true", "901000", "")), START + 900000, "named: a picture");
	is(give(SIGNAL("901000", SEGMENT("1", "0x34", ""))), START + 901000, "another: moved");
	is(give(SIGNAL("1901000", SEGMENT("1", "0x34", "") "," SEGMENT("1", "0x36", ""))),
	    START + 1900800, "one of two is named");
	is(give(SIGNAL("2701000", SEGMENT("1", "0x37", ""))), START + 2700000, "in decimal");
	begin(25, 1, "time_signal");
	is(give(SIGNAL("901000", SEGMENT("1", "0x10", ""))), START + 900000, "all of them");
	is(give(INSERT("1", "true", "901000", "")), START + 901000, "the others not");
}

/* What has no pictures of its own. */
static void
test_passed(void)
{
	static uint8_t section[SCTE35_SECTION_MAX], out[SCTE35_SECTION_MAX];
	int64_t at = 0;
	int n;

	begin(25, 1, "all");
	give("{\"splice_null\":{}}");
	is(s.pts_adjustment, START & (int64_t)MASK, "splice_null: moved");
	give("{\"splice_schedule\":{\"events\":[{\"splice_event_id\":1,"
	    "\"utc_splice_time\":1000000000}]}}");
	is(s.command, SCTE35_SPLICE_SCHEDULE, "splice_schedule");
	is(armed(&now.grid, &at), 0, "no pictures");
	scte35_init(&s);
	s.command = SCTE35_TIME_SIGNAL;
	s.signal = (struct scte35_time){ .specified = true, .pts = 901000 };
	n = scte35_put(&s, section, sizeof(section));
	section[4] |= 0x80;		/* encrypted */
	is(cues_take(&cues, &now, section, (size_t)n, out), n, "an encrypted one");
	is(scte35_parse(out, (size_t)n, &s), -EILSEQ, "its CRC stays wrong");
	ok(s.encrypted && s.pts_adjustment == (START & (int64_t)MASK), "it is moved");
	section[0] = 0x70;
	cues_take(&cues, &now, section, (size_t)n, out);
	ok(memcmp(section, out, (size_t)n) == 0, "another table is as it was");
	section[0] = PSI_TABLE_SCTE35;
	section[4] = 0;
	now.grid.pictures = 0;
	cues_take(&cues, &now, section, (size_t)n, out);
	is(scte35_parse(out, (size_t)n, &s), 0, "without video");
	is(scte35_pts(&s, &s.signal), (START + 901000) & (int64_t)MASK, "moved");
}

/* A thousand to come: those that come first are kept. */
static void
test_many(void)
{
	int64_t at = 0;
	char json[256];

	begin(25, 1, "all");
	for (int i = 1000; i > 0; i--) {
		snprintf(json, sizeof(json), INSERT("%d", "true", "%d", ""), i, i * 3600);
		give(json);
	}
	is(splices.n, SPLICES_MAX, "the table is full");
	is(armed(&now.grid, &at), SPLICES_MAX, "all of it");
	is(at, START + SPLICES_MAX * 3600, "with the nearest");
	now.next += SPLICES_KEEP + 1000 * 3600;
	give(INSERT("1", "true", "90000000", ""));
	is(splices.n, 1, "what has gone by is forgotten");
}

/* Rungs of other rates have the same instant, or the nearest there is. */
static void
test_rungs(void)
{
	static const struct rational rate[] = { { 50, 1 }, { 25, 1 }, { 25, 2 }, { 30, 1 } };
	int64_t t, at = 0;

	begin(25, 2, "all");
	t = give(INSERT("1", "true", "904000", ""));
	is(t, START + 900000 + 7200, "of 12.5 pictures a second");
	for (unsigned i = 0; i < 4; i++) {
		struct grid g = grid_make(rate[i], 2000000000);

		is(armed(&g, &at), 1, "%lld/%lld: one picture", (long long)rate[i].num,
		    (long long)rate[i].den);
		ok(i == 3 ? llabs(at - t) <= 1500 : at == t, "there");
	}
}

int
main(void)
{
	pictures(25, 1);
	pictures(30000, 1001);
	pictures(60000, 1001);
	pictures(24000, 1001);
	test_insert();
	test_signal();
	test_now();
	test_late();
	test_wrap();
	test_condition();
	test_passed();
	test_many();
	test_rungs();
	return done_testing();
}
