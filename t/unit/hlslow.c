/*
 * hlslow.c - low-latency playlists for a server: how far they are, what is
 * answered to which directive, and deltas.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/hlslow.h"
#include "t/tap.h"

#define HEAD "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-VERSION:6\n" \
	"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5," \
	"CAN-SKIP-UNTIL=24.0,CAN-SKIP-DATERANGES=YES\n" \
	"#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:100\n" \
	"#EXT-X-MAP:URI=\"init.mp4\"\n"
#define RANGE_A "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\"\n"
#define RANGE_B "#EXT-X-DATERANGE:ID=\"b\",START-DATE=\"2026-01-01T00:00:30Z\"\n"
#define TAIL "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"112.1.m4s\"\n" \
	"#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"112.m4s\",BYTERANGE-START=20\n" \
	"#EXT-X-RENDITION-REPORT:URI=\"../v2/p.m3u8\",LAST-MSN=112,LAST-PART=0\n"

/* Segments 100 to 111 of 4 s, the last with two parts, and a part of 112. */
static char *
playlist(const char *eol)
{
	struct text t = { 0 }, out = { 0 };

	text_add(&t, HEAD);
	for (int i = 100; i <= 111; i++) {
		if (i == 101)
			text_add(&t, RANGE_A);
		if (i == 110)
			text_add(&t, RANGE_B);
		text_add(&t, "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:%02dZ\n",
		    4 * (i - 100));
		if (i == 111)
			text_add(&t, "#EXT-X-PART:DURATION=2,URI=\"111.0.m4s\"\n"
			    "#EXT-X-PART:DURATION=2,URI=\"111.1.m4s\"\n");
		text_add(&t, "#EXTINF:4.00000,\n%d.m4s\n", i);
	}
	text_add(&t, "#EXT-X-PART:DURATION=0.5,INDEPENDENT=YES,URI=\"112.0.m4s\"\n" TAIL);
	for (const char *p = t.p; *p != '\0'; p++) {
		if (*p == '\n')
			text_add(&out, "%s", eol);
		else
			text_add(&out, "%c", *p);
	}
	text_free(&t);
	return text_take(&out);
}

static void
test_parse(void)
{
	for (int crlf = 0; crlf < 2; crlf++) {
		char *text = playlist(crlf ? "\r\n" : "\n");
		struct hlslow h;

		is(hlslow_parse(&h, text, strlen(text)), 0, "parsed");
		ok(h.can_block && h.can_skip_ranges && !h.ended, "it says what it can");
		is(h.first, 100, "first");
		is(h.last, 111, "last");
		is(h.last_parts, 2, "parts of the last");
		is(h.open_parts, 1, "parts of the open one");
		is(h.target_ns, INT64_C(4000000000), "target");
		is(h.part_target_ns, 500000000, "part target");
		is(h.total_ns, INT64_C(48500000000), "in all");
		/* 48.5 - 4n > 24: six segments. */
		is(h.skippable, 6, "segments to be left out");
		is(h.nhint, 2, "hints");
		ok(h.hint[0].whole && h.hint[0].uri_len == 9 &&
		    memcmp(h.hint[0].uri, "112.1.m4s", 9) == 0, "a file");
		ok(!h.hint[1].whole && memcmp(h.hint[1].uri, "112.m4s", 7) == 0,
		    "a range of one");
		is(h.nrange, 2, "date ranges");
		free(text);
	}
}

static void
test_refused(void)
{
	static const char *const bad[] = {
		"", "#EXTM3", "#EXTM3Ux\n", "hello",
		"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n",
		"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\"\n",
		"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:x\n",
		"#EXTM3U\n#EXTINF:x,\na\n",
		"#EXTM3U\n#EXT-X-TARGETDURATION:-1\n",
		"#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=a\n",
	};
	struct hlslow h;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is(hlslow_parse(&h, bad[i], strlen(bad[i])), -EBADMSG, "bad %zu", i);
	is(hlslow_parse(&h, "#EXTM3U", 7), 0, "an empty one");
	is(h.last, -1, "has no last segment");
}

/* R ready, W wait, X 400 by the query itself, x 400 by the playlist. */
static void
test_ask(void)
{
	static const struct {
		const char *query;
		char want;
	} row[] = {
		{ "_HLS_msn=5", 'R' }, { "_HLS_msn=111", 'R' }, { "_HLS_msn=112", 'W' },
		{ "_HLS_msn=113", 'W' }, { "_HLS_msn=114", 'x' },
		{ "_HLS_msn=111&_HLS_part=0", 'R' }, { "_HLS_msn=111&_HLS_part=1", 'R' },
		/* Beyond its parts: as part 0 of 112, which is there. */
		{ "_HLS_msn=111&_HLS_part=2", 'R' }, { "_HLS_msn=111&_HLS_part=99", 'R' },
		{ "_HLS_msn=112&_HLS_part=0", 'R' }, { "_HLS_msn=112&_HLS_part=1", 'W' },
		/* The limit is 3 s / 0.5 s: six parts after part 0. */
		{ "_HLS_msn=112&_HLS_part=6", 'W' }, { "_HLS_msn=112&_HLS_part=7", 'x' },
		{ "_HLS_msn=113&_HLS_part=0", 'W' }, { "_HLS_msn=113&_HLS_part=5", 'W' },
		{ "_HLS_msn=113&_HLS_part=6", 'x' }, { "_HLS_msn=114&_HLS_part=0", 'x' },
		{ "_HLS_part=0", 'X' }, { "_HLS_msn=", 'X' }, { "_HLS_msn=-1", 'X' },
		{ "_HLS_msn=1e3", 'X' }, { "_HLS_msn=99999999999999999999", 'X' },
		{ "_HLS_msn=112&_HLS_part=x", 'X' },
		{ "a=b&_HLS_part=1&_HLS_msn=112&c", 'W' }, { "_HLS_skip=YES", 'R' },
		{ "_HLS_skip=maybe", 'R' }, { "a=b", '0' }, { "", '0' },
	};
	char *text = playlist("\n");
	struct hlslow_ask a;
	struct hlslow h;

	hlslow_parse(&h, text, strlen(text));
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int r = hlslow_ask(&a, row[i].query, strlen(row[i].query));
		char got = r < 0 ? 'X' : r == 0 ? '0' : "RWx"[hlslow_state(&h, &a)];

		ok(got == row[i].want, "'%s' is %c, %c", row[i].query, row[i].want, got);
	}
	hlslow_ask(&a, "_HLS_msn=112&_HLS_skip=v2", 25);
	is(a.skip, 2, "both kinds of skip");
	h.ended = true;
	is(hlslow_state(&h, &a), HLSLOW_READY, "nothing is waited for at the end");
	h.ended = false;
	h.can_block = false;
	is(hlslow_state(&h, &a), HLSLOW_READY, "nor where it was not promised");
	h.can_block = true;
	h.part_target_ns = INT64_C(1500000000);
	hlslow_ask(&a, "_HLS_msn=112&_HLS_part=3", 24);
	is(hlslow_state(&h, &a), HLSLOW_WAIT, "three long parts ahead");
	a.part = 4;
	is(hlslow_state(&h, &a), HLSLOW_REFUSE, "and no more");
	free(text);
}

static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void
test_delta(void)
{
	char *text = playlist("\n");
	struct hlslow_known known = { .removed = "x\ty" };
	struct text out = { 0 };
	struct hlslow h, again;

	hlslow_parse(&h, text, strlen(text));
	is(hlslow_delta(&h, text, strlen(text), NULL, &out), 0, "a delta");
	ok(strncmp(out.p, "#EXTM3U\n#EXT-X-VERSION:9\n", 25) == 0, "of version 9");
	is(count(out.p, "#EXT-X-SKIP:SKIPPED-SEGMENTS=6\n"), 1, "skips six");
	is(count(out.p, "#EXTINF"), 6, "has six");
	is(count(out.p, "105.m4s"), 0, "without the sixth");
	is(count(out.p, "106.m4s"), 1, "with the seventh");
	is(count(out.p, "#EXT-X-MAP:URI=\"init.mp4\"\n"), 1,
	    "the header of what is left is told again");
	is(count(out.p, "#EXT-X-DATERANGE"), 2, "all date ranges");
	is(count(out.p, "#EXT-X-PROGRAM-DATE-TIME"), 6, "dates of what is left");
	is(count(out.p, "#EXT-X-VERSION"), 1, "one version");
	ok(strcmp(out.p + out.len - strlen(TAIL), TAIL) == 0, "hints and reports");
	is(hlslow_parse(&again, out.p, out.len), 0, "it can be read");
	is(again.last, h.last, "and is as far");
	is(again.open_parts, h.open_parts, "to the part");
	text_free(&out);
	known.old = 1;
	is(hlslow_delta(&h, text, strlen(text), &known, &out), 0, "of the second kind");
	is(count(out.p, "#EXT-X-VERSION:10"), 1, "of version 10");
	is(count(out.p, RANGE_A), 0, "without what is known");
	is(count(out.p, RANGE_B), 1, "with what is not");
	is(count(out.p, "SKIPPED-SEGMENTS=6,RECENTLY-REMOVED-DATERANGES=\"x\ty\"\n"), 1,
	    "and what went away");
	text_free(&out);
	free(text);
}

/* As many of the longest durations as a playlist of 2 MiB has. */
static void
test_long(void)
{
	struct text t = { 0 };
	struct hlslow h;

	text_add(&t, "#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=6\n");
	while (t.len < (2 << 20))
		text_add(&t, "#EXTINF:86400\na\n");
	is(hlslow_parse(&h, t.p, t.len), 0, "durations beyond all bounds");
	ok(h.total_ns == INT64_MAX, "add up to the longest time there is");
	text_free(&t);
}

int
main(void)
{
	test_parse();
	test_refused();
	test_ask();
	test_delta();
	test_long();
	return done_testing();
}
