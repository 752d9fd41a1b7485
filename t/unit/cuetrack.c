/*
 * What messages do to events.  A case is a line of messages, "now: message", and what is
 * open for how long afterwards.  Times are seconds.
 *
 *	10: out 7 @14 +30 auto		splice_insert, timed; without @: immediate
 *	20: in 7 @24   20: cancel 7
 *	10: 34 9 @14 +30 1/2		segmentation type, id, duration, number of expected
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/cuetrack.h"
#include "lib/media/timeline.h"
#include "t/tap.h"

#define S	INT64_C(90000)

static const struct {
	const char *name, *messages, *want;
} cases[] = {
	{ "a break with a duration and auto_return ends by itself",
	    "10: out 7 @14 +30 auto", "splice 7 14-44 ends by its duration" },
	{ "repeated messages are one event",
	    "10: out 7 @14 +30 auto; 11: out 7 @14 +30 auto; 15: out 7 @14 +30 auto",
	    "splice 7 14-44 ends by its duration" },
	{ "repeated immediate messages are one event",
	    "10: out 7 +30; 10.5: out 7 +30; 20: in 7; 20.5: in 7",
	    "splice 7 10-20 ended early" },
	{ "early return", "10: out 7 @14 +30 auto; 20: in 7 @24",
	    "splice 7 14-24 ended early" },
	{ "the end at the planned time is no early one", "10: out 7 @14 +30; 40: in 7 @44",
	    "splice 7 14-44 ended by its cue" },
	{ "an in-cue may also come later than planned", "10: out 7 @14 +30; 40: in 7 @50",
	    "splice 7 14-50 ended by its cue" },
	{ "an in-cue that never comes: the duration", "10: out 7 @14 +30",
	    "splice 7 14-44 expires" },
	{ "and without one, the limit", "10: out 7 @14", "splice 7 14-914 ended by the limit" },
	{ "extension by the same event", "10: out 7 @14 +30; 35: out 7 @14 +60",
	    "splice 7 14-74 expires" },
	{ "extension from where it is", "10: out 7 @14 +30 auto; 35: out 7 @40 +20 auto",
	    "splice 7 14-60 ends by its duration" },
	{ "an in-cue with another id ends what is out", "10: out 7 @14; 20: in 9 @24",
	    "splice 7 14-24 ended by its cue" },
	{ "cancelled before it begins", "10: out 7 @14 +30; 12: cancel 7",
	    "splice 7 14-14 cancelled" },
	{ "and announced once more", "10: out 7 @14 +30; 11: cancel 7; 12: out 7 @14 +30",
	    "splice 7 14-44 expires" },
	{ "cancelled while it runs", "10: out 7 @14 +30; 20: cancel 7",
	    "splice 7 14-20 cancelled" },
	{ "the end is cancelled", "10: out 7 @14 +30; 20: in 7 @24; 21: cancel 7",
	    "splice 7 14-44 expires" },
	{ "moved before it begins", "10: out 7 @14 +30; 11: out 7 @16 +30",
	    "splice 7 16-46 expires" },
	{ "the next break ends one that is open", "10: out 7 @14; 50: out 8 @54 +10",
	    "splice 7 14-54 ended by the next, splice 8 54-64 expires" },
	{ "but not if it is cancelled", "10: out 7 @14; 50: out 8 @54 +10; 51: cancel 8",
	    "splice 7 14-914 ended by the limit, splice 8 54-54 cancelled" },
	{ "the id is used again", "10: out 7 @14 +10 auto; 30: out 7 @34 +10 auto",
	    "splice 7 14-24 ends by its duration, splice 7 34-44 ends by its duration" },
	{ "an end of nothing", "10: in 7 @14", "1 unknown" },
	{ "across the wrap", "95440: out 7 @95445 +10; 95450: in 7 @95450",
	    "splice 7 95445-95450 ended early" },

	{ "an opportunity", "10: 34 9 @14 +30; 40: 35 9 @44", "34 9 14-44 ended by its cue" },
	{ "without its end", "10: 34 9 @14 +30", "34 9 14-44 expires" },
	{ "of several ends the last", "10: 34 9 @14 1/2; 20: 35 9 @24 1/2; 30: 35 9 @34 2/2",
	    "34 9 14-34 ended by its cue" },
	{ "number 2 of 0 is an end", "10: 34 9 @14 2/0; 20: 35 9 @24 2/0",
	    "34 9 14-24 ended by its cue" },
	{ "the distributor's in the provider's",
	    "10: 34 9 @14 +60; 20: 36 10 @24 +30; 50: 37 10 @54; 70: 35 9 @74",
	    "34 9 14-74 ended by its cue, 36 10 24-54 ended by its cue" },
	{ "ads end with their opportunity", "10: 34 9 @14; 10: 30 1 @14 +60; 20: 35 9 @24",
	    "34 9 14-24 ended by its cue, 30 1 14-24 ended from outside" },
	{ "one ad after the other", "10: 30 1 @14 +15; 25: 31 1 @29; 25: 30 2 @29 +15; "
	    "40: 31 2 @44", "30 1 14-29 ended by its cue, 30 2 29-44 ended by its cue" },
	{ "a programme ends all in it", "10: 10 1 @14; 20: 22 2 @24; 20: 34 3 @24; "
	    "30: 12 1 @34", "10 1 14-34 ended by its cue, 22 2 24-34 ended from outside, "
	    "34 3 24-34 ended from outside" },
	{ "the next programme ends the one before", "10: 10 1 @14; 50: 10 2 @54; 80: 11 2 @84",
	    "10 1 14-54 ended by the next, 10 2 54-84 ended by its cue" },
	{ "but not one that overlaps", "10: 10 1 @14; 50: 17 2 @54; 60: 11 1 @64; 80: 11 2 @84",
	    "10 1 14-64 ended by its cue, 17 2 54-84 ended by its cue" },
	{ "nor a break with a duration", "10: out 7 @14 +30; 20: 10 1 @24; 20: out 8 @60",
	    "splice 7 14-44 expires, 10 1 24-+ open, splice 8 60-960 ended by the limit" },
	{ "a programme runs over", "10: 10 1 @14 +100; 90: 15 1 @94 +60",
	    "10 1 14-154 expires" },
	{ "a chapter does not end a break", "10: 22 1 @14 +30; 20: 20 2 @24; 25: 21 2 @29",
	    "22 1 14-44 expires, 20 2 24-29 ended by its cue" },
	{ "segmentation cancelled", "10: 34 9 @14 +30; 12: 34 9 cancel",
	    "34 9 14-14 cancelled" },
	{ "a point", "10: 01 9 @14; 11: 01 9 @14", "1 9 14-14 a point" },
};

static struct scte35 s;

static int64_t
ticks(const char *p)
{
	return (int64_t)(strtod(p, NULL) * (double)S);
}

static void
set_time(struct scte35_time *t, const char *at)
{
	t->specified = at != NULL;
	if (at != NULL)
		t->pts = (uint64_t)ticks(at) & 0x1ffffffff;
}

static void
say(struct cuetrack *t, char *message)
{
	char *save, *w, *what, *id, *at = NULL, *duration = NULL, *of = NULL;
	bool automatic = false, cancel = false;
	uint8_t section[SCTE35_SECTION_MAX];
	struct scte35_segmentation *d = &s.descriptor[0].seg;
	int64_t now = ticks(strtok_r(message, " :", &save));
	int n;

	what = strtok_r(NULL, " ", &save);
	id = strtok_r(NULL, " ", &save);
	while ((w = strtok_r(NULL, " ", &save)) != NULL) {
		if (*w == '@')
			at = w + 1;
		else if (*w == '+')
			duration = w + 1;
		else if (strchr(w, '/') != NULL)
			of = w;
		else if (strcmp(w, "auto") == 0)
			automatic = true;
		else
			cancel = true;
	}
	scte35_init(&s);
	if (strcmp(what, "out") == 0 || strcmp(what, "in") == 0 ||
	    strcmp(what, "cancel") == 0) {
		s.command = SCTE35_SPLICE_INSERT;
		s.insert = (struct scte35_event){
			.id = (uint32_t)atoi(id), .cancel = what[0] == 'c', .program = true,
			.out_of_network = what[0] == 'o', .immediate = at == NULL,
			.has_duration = duration != NULL, .id_compliance = true,
			.duration = { .auto_return = automatic },
		};
		set_time(&s.insert.time, at);
		if (duration != NULL)
			s.insert.duration.duration = (uint64_t)ticks(duration);
	} else {
		s.command = SCTE35_TIME_SIGNAL;
		set_time(&s.signal, at);
		s.ndescriptor = 1;
		s.descriptor[0] = (struct scte35_descriptor){ .tag = SCTE35_SEGMENTATION,
			.identifier = SCTE35_CUEI, .known = true };
		*d = (struct scte35_segmentation){
			.event_id = (uint32_t)atoi(id), .cancel = cancel, .program = true,
			.has_duration = duration != NULL, .not_restricted = true,
			.type_id = (uint8_t)strtol(what, NULL, 16),
			.num = of != NULL ? (uint8_t)atoi(of) : 0,
			.expected = of != NULL ? (uint8_t)atoi(strchr(of, '/') + 1) : 0,
		};
		if (duration != NULL)
			d->duration = (uint64_t)ticks(duration);
	}
	n = scte35_put(&s, section, sizeof(section));
	if (n < 0 || scte35_parse(section, (size_t)n, &s) != 0 ||
	    cuetrack_take(t, &s, section, (size_t)n, now) < 0)
		ok(false, "message %s", what);
}

static void
put_time(char *out, size_t size, int64_t t)
{
	size_t len = strlen(out);

	if (t == CUE_NEVER)
		snprintf(out + len, size - len, "+");
	else
		snprintf(out + len, size - len, "%g", (double)t / (double)S);
}

static void
list(const struct cuetrack *t, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < t->n; i++) {
		const struct cue *c = &t->cue[i];
		size_t len = strlen(out);

		if (c->type == CUE_SPLICE)
			snprintf(out + len, size - len, "%ssplice %u ", i > 0 ? ", " : "", c->id);
		else
			snprintf(out + len, size - len, "%s%x %u ", i > 0 ? ", " : "", c->type,
			    c->id);
		put_time(out, size, c->start);
		strncat(out, "-", size - strlen(out) - 1);
		put_time(out, size, c->end);
		len = strlen(out);
		snprintf(out + len, size - len, " %s", cue_end_name(c->why));
	}
	if (t->unknown > 0)
		snprintf(out + strlen(out), size - strlen(out), "%d unknown", (int)t->unknown);
}

static void
test_case(const char *name, const char *messages, const char *want)
{
	struct cuetrack t = { .limit = 900 * S }, back = { .limit = 900 * S };
	char text[1024], got[1024], again[1024], *save, *m;
	json_t *o;

	snprintf(text, sizeof(text), "%s", messages);
	for (m = strtok_r(text, ";", &save); m != NULL; m = strtok_r(NULL, ";", &save))
		say(&t, m);
	list(&t, got, sizeof(got));
	if (!ok(strcmp(got, want) == 0, "%s", name))
		printf("# got %s\n# want %s\n", got, want);
	o = cuetrack_to_json(&t);
	is(cuetrack_from_json(o, &back), 0, "%s: back from JSON", name);
	back.unknown = t.unknown;
	list(&back, again, sizeof(again));
	ok(strcmp(got, again) == 0, "%s: the same", name);
	json_decref(o);
	cuetrack_free(&t);
	cuetrack_free(&back);
}

/* A message in any place of the JSON that is not what it should be. */
static void
test_bad_json(void)
{
	static const char *const bad[] = {
		"{}", "[1]", "[{\"type\": 258}]", "[{\"start\": 5, \"end\": 4}]",
		"[{\"start\": 5, \"end\": 6}, {\"start\": 4, \"end\": 6}]",
		"[{\"out\": 1}]", "[{\"out\": \"?\"}]", "[{\"id\": -1}]", "[{\"num\": \"1\"}]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cuetrack t = { .limit = 0 };
		json_t *o = json_loads(bad[i], 0, NULL);

		ok(o != NULL && cuetrack_from_json(o, &t) == -EINVAL && t.n == 0, "%s", bad[i]);
		json_decref(o);
	}
}

static void
test_many(void)
{
	struct cuetrack t = { .limit = 0 };
	char text[64];

	for (int i = 0; i < CUETRACK_MAX + 10; i++) {
		snprintf(text, sizeof(text), "%d: 34 %d @%d +1", i, i, i + 4);
		say(&t, text);
	}
	is(t.n, CUETRACK_MAX, "no more events than there may be");
	is(t.overflow, 10, "and those that are lost are counted");
	cuetrack_forget(&t, 100 * S);
	is(t.cue[0].end, 100 * S, "what has ended is forgotten");
	cuetrack_free(&t);
}

/* A message that says more than any should: so much of it is taken, and no more kept. */
static void
test_large(void)
{
	struct cuetrack t = { .max = 64 };
	uint8_t section[SCTE35_SECTION_MAX];
	int n;

	for (uint32_t message = 0; message < 20; message++) {
		scte35_init(&s);
		s.command = SCTE35_TIME_SIGNAL;
		s.signal = (struct scte35_time){ .specified = true, .pts = 90000 };
		for (s.ndescriptor = 0; s.ndescriptor < 100; s.ndescriptor++)
			s.descriptor[s.ndescriptor] = (struct scte35_descriptor){
				.tag = SCTE35_SEGMENTATION, .identifier = SCTE35_CUEI, .known = true,
				.seg = { .event_id = message * 100 + s.ndescriptor, .program = true,
				    .not_restricted = true, .type_id = 0x34 } };
		n = scte35_put(&s, section, sizeof(section));
		ok(n > 0 && scte35_parse(section, (size_t)n, &s) == 0, "a message of %d bytes", n);
		cuetrack_take(&t, &s, section, (size_t)n, 0);
		ok(t.n <= CUETRACK_SEGMENTS, "not more events than that");
		ok(t.bytes <= 64 * CUETRACK_BYTES, "and not more bytes");
	}
	ok(t.overflow >= 20, "the others are counted");
	cuetrack_free(&t);
	is(t.bytes, 0, "nothing is left");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(cases[i].name, cases[i].messages, cases[i].want);
	test_bad_json();
	test_many();
	test_large();
	return done_testing();
}
