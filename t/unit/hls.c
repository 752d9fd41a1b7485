#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/hls.h"
#include "t/tap.h"

#define MS	(CLK_SECOND / 1000)
#define T0	INT64_C(1795366800000000000)	/* 2026-11-22T17:00:00Z */

static const char multivariant[] =
    "\xef\xbb\xbf#EXTM3U\r\n"
    "#EXT-X-VERSION:7\r\n"
    "#EXT-X-INDEPENDENT-SEGMENTS\r\n"
    "# a comment\r\n"
    "#EXT-X-START:TIME-OFFSET=-12.5,PRECISE=YES\r\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"English, 5.1\",LANGUAGE=\"en\","
    "DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"6\",URI=\"a/en.m3u8\"\r\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"Deutsch\",LANGUAGE=\"de\"\r\n"
    "#EXT-X-MEDIA:TYPE=HOLOGRAM,GROUP-ID=\"h\",NAME=\"later\"\r\n"
    "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"e\",INSTREAM-ID=\"CC1\"\r\n"
    "\r\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=5312000,AVERAGE-BANDWIDTH=4800000,"
    "RESOLUTION=1920x1080,FRAME-RATE=29.970,CODECS=\"avc1.640028,mp4a.40.2\","
    "AUDIO=\"aac\",CLOSED-CAPTIONS=\"cc\",X-OURS=\"a=b,c\"\r\n"
    "v/1080.m3u8\r\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=900000,CLOSED-CAPTIONS=NONE\r\n"
    "\r\n"
    "# between\r\n"
    "v/360.m3u8?t=1\r\n"
    "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,URI=\"v/i.m3u8\"\r\n";

static const char media[] =
    "#EXTM3U\n"
    "#EXT-X-VERSION:6\n"
    "#EXT-X-TARGETDURATION:4\n"
    "#EXT-X-MEDIA-SEQUENCE:448841700\n"
    "#EXT-X-DISCONTINUITY-SEQUENCE:7\n"
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=12.0\n"
    "#EXT-X-PART-INF:PART-TARGET=0.33334\n"
    "#EXT-X-MAP:URI=\"init.mp4\"\n"
    "#EXTINF:4.004,first\n"
    "448841700.m4s\n"
    "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T17:00:00.000Z\n"
    "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\",KEYFORMAT=\"com.apple\"\n"
    "#EXT-X-KEY:METHOD=AES-128,URI=\"k.bin\",IV=0x0123456789abcdefFEDCBA9876543210\n"
    "#EXT-X-PART:DURATION=0.33334,URI=\"p0.m4s\"\n"
    "#EXTINF:4.0040000009,\n"
    "448841701.m4s\n"
    "#EXTINF:3.9\n"
    "448841702.m4s\n"
    "#EXT-X-DATERANGE:ID=\"ad,1\",START-DATE=\"2026-11-22T17:00:08Z\",SCTE35-OUT=0xFC30\n"
    "#EXT-X-DISCONTINUITY\n"
    "#EXT-X-KEY:METHOD=NONE\n"
    "#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"800@16\"\n"
    "#EXT-X-BYTERANGE:1000@816\n"
    "#EXTINF:4,\n"
    "all.mp4\n"
    "#EXT-X-GAP\n"
    "#EXT-X-BYTERANGE:500\n"
    "#EXTINF:4,\n"
    "all.mp4\n"
    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p9.m4s\"\n"
    "#EXT-X-DISCONTINUITY\n";

static void
test_multivariant(void)
{
	const struct hls_rendition *m;
	const struct hls_variant *v;
	struct hls h;

	if (!ok(hls_parse(&h, multivariant, sizeof(multivariant) - 1) == 0,
	    "a multivariant playlist"))
		return;
	ok(h.multivariant && h.version == 7 && h.independent_segments, "its kind");
	ok(h.has_start && h.start_ns == -12500 * MS, "where to start");
	is(h.nvariant, 3, "variants");
	is(h.nrendition, 3, "renditions: the unknown kind is left out");
	v = &h.variant[0];
	ok(strcmp(v->uri, "v/1080.m3u8") == 0, "URI '%s'", v->uri);
	ok(strcmp(v->codecs, "avc1.640028,mp4a.40.2") == 0, "CODECS '%s'", v->codecs);
	ok(strcmp(v->audio, "aac") == 0 && strcmp(v->closed_captions, "cc") == 0,
	    "groups");
	ok(v->width == 1920 && v->height == 1080, "RESOLUTION");
	ok(v->rate.num == 30000 && v->rate.den == 1001, "FRAME-RATE is exact");
	ok(v->bandwidth == 5312000 && v->average_bandwidth == 4800000, "BANDWIDTH");
	v = &h.variant[1];
	ok(strcmp(v->uri, "v/360.m3u8?t=1") == 0 && v->width == 0 &&
	    v->rate.num == 0 && *v->codecs == '\0' && *v->closed_captions == '\0',
	    "one of which little is said");
	v = &h.variant[2];
	ok(v->iframes && strcmp(v->uri, "v/i.m3u8") == 0, "an I-frame playlist");
	m = &h.rendition[0];
	ok(m->type == HLS_AUDIO && strcmp(m->name, "English, 5.1") == 0 &&
	    strcmp(m->uri, "a/en.m3u8") == 0 && strcmp(m->language, "en") == 0 &&
	    strcmp(m->channels, "6") == 0 && m->is_default && m->autoselect,
	    "a rendition");
	m = &h.rendition[1];
	ok(m->uri == NULL && !m->is_default, "a rendition without URI");
	m = &h.rendition[2];
	ok(m->type == HLS_CLOSED_CAPTIONS && strcmp(m->instream_id, "CC1") == 0,
	    "closed captions");
	hls_free(&h);
}

static void
test_media(void)
{
	static const uint8_t iv[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	    0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
	const struct hls_segment *s;
	struct hls_attr a;
	struct hls h;

	if (!ok(hls_parse(&h, media, sizeof(media) - 1) == 0, "a media playlist"))
		return;
	ok(!h.multivariant && h.version == 6 && !h.endlist && h.type == HLS_LIVE,
	    "its kind");
	is(h.target_ns, 4 * CLK_SECOND, "target duration");
	is(h.hold_back_ns, 12 * CLK_SECOND, "hold back");
	is(h.part_target_ns, 333340000, "part target");
	is(h.nsegment, 5, "segments");
	is(h.nkey, 2, "keys");
	is(h.nmap, 2, "maps");
	s = h.segment;
	ok(strcmp(s[0].title, "first") == 0 && *s[2].title == '\0', "titles");
	is(s[0].duration_ns, 4004 * MS, "duration");
	is(s[1].duration_ns, 4004 * MS, "duration, cut to ns");
	is(s[2].duration_ns, 3900 * MS, "duration without comma");
	is(s[4].number, 448841704, "number");
	is(s[0].date_ns, T0 - 4004 * MS, "date before the first tag");
	ok(!s[0].dated && s[1].dated && !s[2].dated, "who has a tag of its own");
	is(s[1].date_ns, T0, "date of the tag");
	is(s[3].date_ns, T0 + 7904 * MS, "date carried forward");
	is(s[0].key, HLS_NONE, "not yet encrypted");
	ok(s[1].key == 1 && s[2].key == 1 && h.key[1].method == HLS_AES_128 &&
	    h.key[1].has_iv && memcmp(h.key[1].iv, iv, 16) == 0 &&
	    strcmp(h.key[1].uri, "k.bin") == 0, "the key that anybody can use");
	is(s[3].key, HLS_NONE, "METHOD=NONE ends all keys");
	ok(s[2].map == 0 && s[3].map == 1, "which map");
	ok(h.map[0].range.len == -1 && h.map[1].range.len == 800 &&
	    h.map[1].range.offset == 16, "ranges of the maps");
	ok(s[2].range.len == -1 && s[3].range.len == 1000 &&
	    s[3].range.offset == 816, "byte range");
	ok(s[4].range.offset == 1816 && s[4].range.len == 500, "the next byte range");
	ok(!s[2].discontinuity && s[3].discontinuity && !s[4].discontinuity,
	    "discontinuity");
	ok(s[2].discontinuity_sequence == 7 && s[4].discontinuity_sequence == 8,
	    "discontinuity sequence");
	ok(h.ends_in_discontinuity, "one at the end");
	ok(s[4].gap && !s[3].gap, "gap");
	is(h.ndaterange, 1, "date ranges");
	is(h.daterange[0].segment, 3, "before which segment");
	is(h.daterange[0].start_ns, T0 + 8 * CLK_SECOND, "its date");
	ok(hls_attr_find(h.daterange[0].attrs, "ID", &a) && a.len == 4 &&
	    memcmp(a.value, "ad,1", 4) == 0, "its attributes");
	ok(hls_attr_find(h.daterange[0].attrs, "SCTE35-OUT", &a) && !a.quoted,
	    "of all kinds");
	ok(!hls_attr_find(h.daterange[0].attrs, "SCTE35", &a), "by their whole name");
	hls_free(&h);
}

/* A few lines after #EXTM3U, and what becomes of them. */
static void
test_lines(void)
{
	static const struct { const char *text; int status; unsigned line; } row[] = {
		{ "", -EBADMSG, 1 },
		{ "#EXT-X-TARGETDURATION:6\n", 0, 2 },
		{ "#EXT-X-TARGETDURATION:6.0\n#EXTINF:6,\na\n", 0, 4 },
		{ "#EXTINF:5.6,\na\n", 0, 3 },
		{ "#EXTINF:5.6,\na", 0, 3 },
		{ "#EXTINF:5.6,", -EBADMSG, 2 },
		{ "a.ts\n", -EBADMSG, 2 },
		{ "#EXTINF:-1,\na\n", -EBADMSG, 2 },
		{ "#EXTINF:,\na\n", -EBADMSG, 2 },
		{ "#EXTINF:.,\na\n", -EBADMSG, 2 },
		{ "#EXTINF:.5,\na\n#EXTINF:1.,\nb\n", 0, 5 },
		{ "#EXTINF:1e3,\na\n", -EBADMSG, 2 },
		{ "#EXTINF:86400,\na\n", 0, 3 },
		{ "#EXTINF:86401,\na\n", -EBADMSG, 2 },
		{ "#EXTINF:99999999999999999999,\na\n", -EBADMSG, 2 },
		{ "#EXTINF:1,\na\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb\n", -EBADMSG, 5 },
		{ "#EXT-X-STREAM-INF:BANDWIDTH=1\n", -EBADMSG, 2 },
		{ "#EXT-X-STREAM-INF:BANDWIDTH=x\nb\n", -EBADMSG, 2 },
		{ "#EXT-X-STREAM-INF:BANDWIDTH\nb\n", -EBADMSG, 2 },
		{ "#EXT-X-STREAM-INF:CODECS=\"open\nb\n", -EBADMSG, 2 },
		{ "#EXT-X-STREAM-INF:RESOLUTION=1920\nb\n", -EBADMSG, 2 },
		{ "#EXT-X-STREAM-INF: BANDWIDTH=1 , CODECS=\"x\" ,\nb\n", 0, 3 },
		{ "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1\n", -EBADMSG, 2 },
		{ "#EXT-X-MEDIA:GROUP-ID=\"x\"\n", -EBADMSG, 2 },
		{ "#EXTINF:1,\n#EXT-X-BYTERANGE:5\na\n", -EBADMSG, 4 },
		{ "#EXTINF:1,\n#EXT-X-BYTERANGE:5@\na\n", -EBADMSG, 3 },
		{ "#EXT-X-KEY:URI=\"x\"\n", -EBADMSG, 2 },
		{ "#EXT-X-KEY:METHOD=AES-128\n", -EBADMSG, 2 },
		{ "#EXT-X-KEY:METHOD=AES-128,URI=\"x\",IV=0xg\n", -EBADMSG, 2 },
		{ "#EXT-X-MAP:BYTERANGE=\"1@2\"\n", -EBADMSG, 2 },
		{ "#EXT-X-PROGRAM-DATE-TIME:yesterday\n", -EBADMSG, 2 },
		{ "#EXT-X-MEDIA-SEQUENCE:9223372036854775807\n", -EBADMSG, 2 },
		{ "#EXT-X-NO-SUCH-TAG:x=\"\n#EXTINF:1,\na\n", 0, 4 },
		{ "#EXTINF:1,\na\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n", -EBADMSG, 4 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[256];
		struct hls h;

		snprintf(text, sizeof(text), "#EXTM3U\n%s", row[i].text);
		is(hls_parse(&h, text, strlen(text)), row[i].status, "status of '%s'",
		    row[i].text);
		is(h.line, row[i].line, "line");
		hls_free(&h);
	}
}

static void
test_details(void)
{
	static const char skip[] = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:10\n"
	    "#EXT-X-SKIP:SKIPPED-SEGMENTS=5\n#EXTINF:1,\na\n#EXT-X-ENDLIST\n";
	static const char nul[] = "#EXTM3U\n#EXTINF:1,\na\0b\n";
	static const char gap[] = "#EXTM3U\n#EXTINF:1,\na\n#EXT-X-DISCONTINUITY\n"
	    "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T17:00:00Z\n#EXTINF:1,\nb\n";
	static const char two[] = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"
	    "#EXT-X-STREAM-INF:BANDWIDTH=2\n"
	    "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI=\"i\"\nv\n";
	static const char iv[] = "#EXTM3U\n"
	    "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x102\n#EXTINF:1,\na\n";
	static char big[HLS_TEXT_MAX + 1];
	struct hls h;

	is(hls_parse(&h, skip, sizeof(skip) - 1), 0, "segments left out");
	is(h.segment[0].number, 15, "are counted");
	ok(h.endlist, "the end");
	is(h.target_ns, CLK_SECOND, "a target duration that is not there is made");
	hls_free(&h);
	is(hls_parse(&h, nul, sizeof(nul) - 1), -EBADMSG, "a NUL");
	is(hls_parse(&h, gap, sizeof(gap) - 1), 0, "a date after a discontinuity");
	is(h.segment[0].date_ns, HLS_NO_DATE, "says nothing of what was before");
	hls_free(&h);
	is(hls_parse(&h, two, sizeof(two) - 1), 0, "a variant without URI");
	ok(h.nvariant == 2 && h.variant[0].bandwidth == 2 &&
	    strcmp(h.variant[0].uri, "v") == 0 && h.variant[1].iframes,
	    "is left out, and the others keep theirs");
	hls_free(&h);
	is(hls_parse(&h, iv, sizeof(iv) - 1), 0, "a short IV");
	ok(h.key[0].iv[15] == 2 && h.key[0].iv[14] == 1 && h.key[0].iv[0] == 0,
	    "is right-aligned");
	hls_free(&h);
	is(hls_parse(&h, big, sizeof(big)), -E2BIG, "too big");
	memset(big, '\n', sizeof(big));
	memcpy(big, "#EXTM3U\n#EXTINF:1,\na\n", 21);
	is(hls_parse(&h, big, HLS_TEXT_MAX), 0, "as big as can be");
	hls_free(&h);
	for (size_t i = 8; i + 13 < sizeof(big); i += 13)
		memcpy(big + i, "#EXTINF:1,\na\n", 13);
	is(hls_parse(&h, big, HLS_TEXT_MAX), -E2BIG, "too many segments");

	is(hls_probe("#EXTM3U\n", 8), 1, "probe");
	is(hls_probe("\xef\xbb\xbf#EXTM3U\r", 11), 1, "probe with a BOM");
	is(hls_probe("#EXTM3U", 7), 0, "probe: one more byte");
	is(hls_probe("\xef\xbb", 2), 0, "probe: more bytes");
	is(hls_probe("", 0), 0, "probe: nothing yet");
	is(hls_probe("#EXTM3U8\n", 9), -EBADMSG, "probe: something else");
	is(hls_probe("G", 1), -EBADMSG, "probe: a transport stream");
}

static void
test_variables(void)
{
	static const char main_text[] = "#EXTM3U\n"
	    "#EXT-X-DEFINE:NAME=\"host\",VALUE=\"http://h\"\n"
	    "#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"{$host}/d\"\n"
	    "#EXT-X-DEFINE:QUERYPARAM=\"tok-en\"\n"
	    "# {$nothing} in a comment\n"
	    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"{$dir}/a.m3u8\"\n"
	    "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\n"
	    "{$dir}/v.m3u8?t={$tok-en}&{$host}{ $x}\n";
	static const char child_text[] = "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"dir\"\n"
	    "#EXT-X-DEFINE:NAME=\"iv\",VALUE=\"0102\"\n"
	    "#EXT-X-KEY:METHOD=AES-128,URI=\"{$dir}/k\",IV=0x{$iv}\n"
	    "#EXTINF:1,{$title}\n{$dir}/1.ts\n";
	static const char *const bad[] = {
		"#EXTINF:1,\n{$nil}\n",
		"#EXT-X-MAP:URI=\"{$nil}\"\n",
		"#EXT-X-DEFINE:IMPORT=\"nil\"\n",
		"#EXT-X-DEFINE:QUERYPARAM=\"nil\"\n",
		"#EXT-X-DEFINE:QUERYPARAM=\"quote\"\n",
		"#EXT-X-DEFINE:NAME=\"a\"\n",
		"#EXT-X-DEFINE:VALUE=\"a\"\n",
		"#EXT-X-DEFINE:NAME=\"a\",IMPORT=\"dir\",VALUE=\"b\"\n",
		"#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"c\"\n",
	};
	static const char url[] = "http://x/i.m3u8?a=b&tok-en=s%2Bt&quote=%22";
	char text[4096];
	struct hls h, child;
	size_t len;

	if (!ok(hls_parse_at(&h, main_text, sizeof(main_text) - 1, url, NULL) == 0,
	    "a playlist with variables"))
		return;
	ok(strcmp(h.rendition[0].uri, "http://h/d/a.m3u8") == 0, "in an attribute: %s",
	    h.rendition[0].uri);
	ok(strcmp(h.variant[0].uri, "http://h/d/v.m3u8?t=s+t&http://h{ $x}") == 0,
	    "in a URI: %s", h.variant[0].uri);
	is(hls_parse_at(&child, child_text, sizeof(child_text) - 1, url, &h), 0,
	    "one that imports");
	ok(strcmp(child.segment[0].uri, "http://h/d/1.ts") == 0 &&
	    strcmp(child.segment[0].title, "{$title}") == 0, "in a URI, not in a title");
	ok(strcmp(child.key[0].uri, "http://h/d/k") == 0 && child.key[0].iv[15] == 2 &&
	    child.key[0].iv[14] == 1, "in a key");
	hls_free(&child);
	is(hls_parse(&child, child_text, sizeof(child_text) - 1), -EBADMSG,
	    "nothing to import from");
	is(child.line, 2, "line");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "#EXTM3U\n%s", bad[i]);
		is(hls_parse_at(&child, text, strlen(text), url, &h), -EBADMSG, "%s", bad[i]);
		hls_free(&child);
	}
	hls_free(&h);

	/* Each twice as long as the one before. */
	len = (size_t)snprintf(text, sizeof(text),
	    "#EXTM3U\n#EXT-X-DEFINE:NAME=\"v0\",VALUE=\"0123456789\"\n");
	for (int i = 1; i < 40; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "#EXT-X-DEFINE:NAME=\"v%d\",VALUE=\"{$v%d}{$v%d}\"\n", i, i - 1, i - 1);
	is(hls_parse(&h, text, len), -E2BIG, "variables without measure");
}

/* No prefix does harm, and what whole lines say does not depend on the rest. */
static void
test_prefixes(const char *name, const char *text, size_t size)
{
	unsigned good = 0;

	for (size_t len = 0; len <= size; len++) {
		char *exact = malloc(len + (len == 0));
		struct hls h;

		memcpy(exact, text, len);
		if (hls_parse(&h, exact, len) == 0) {
			good++;
			hls_free(&h);
		}
		free(exact);
	}
	ok(good > size / 3, "%s: %u of %zu prefixes are playlists", name, good, size);
}

int
main(void)
{
	test_multivariant();
	test_media();
	test_lines();
	test_details();
	test_variables();
	test_prefixes("multivariant", multivariant, sizeof(multivariant) - 1);
	test_prefixes("media", media, sizeof(media) - 1);
	return done_testing();
}
