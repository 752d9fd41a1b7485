/* The ad markers of HLS, as they are met with. */
#include <errno.h>
#include <string.h>

#include "lib/media/hls.h"
#include "t/tap.h"

#define S	"/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo="
#define S_LEN	50
#define MS	INT64_C(1000000)
#define NO	HLSCUE_UNKNOWN

static const struct {
	const char *line;
	int	 what;			/* -1: nothing to be understood */
	int64_t	 duration_ms, elapsed_ms;
	const char *id;
	size_t	 len;
	bool	 odd;
} forms[] = {
	{ "EXT-X-CUE-OUT", HLSCUE_STARTS, NO, NO, "", 0, false },
	{ "EXT-X-CUE-OUT:", HLSCUE_STARTS, NO, NO, "", 0, false },
	{ "EXT-X-CUE-OUT:30.000", HLSCUE_STARTS, 30000, NO, "", 0, false },
	{ "EXT-X-CUE-OUT: 30", HLSCUE_STARTS, 30000, NO, "", 0, false },
	{ "EXT-X-CUE-OUT 0", HLSCUE_STARTS, 0, NO, "", 0, false },
	{ "EXT-X-CUE-OUT:\"60.000\"", HLSCUE_STARTS, 60000, NO, "", 0, false },
	{ "EXT-X-CUE-OUT:DURATION=120", HLSCUE_STARTS, 120000, NO, "", 0, false },
	{ "EXT-X-CUE-OUT:DURATION=\"60.5\"", HLSCUE_STARTS, 60500, NO, "", 0, false },
	{ "EXT-X-CUE-OUT:Duration=30.000,BREAKID=240703", HLSCUE_STARTS, 30000, NO,
	  "240703", 0, false },
	{ "EXT-X-CUE-OUT:30,ID=\"a,b\"", HLSCUE_STARTS, 30000, NO, "a,b", 0, false },
	{ "EXT-X-CUE-OUT:soon", HLSCUE_STARTS, NO, NO, "", 0, true },
	{ "EXT-X-CUE-OUT:-5", HLSCUE_STARTS, NO, NO, "", 0, true },
	{ "EXT-X-CUE-OUT:99999999999999999999", HLSCUE_STARTS, NO, NO, "", 0, true },
	{ "EXT-X-CUE-OUT-CONT", HLSCUE_GOES_ON, NO, NO, "", 0, false },
	{ "EXT-X-CUE-OUT-CONT:5.331/30.000", HLSCUE_GOES_ON, 30000, 5331, "", 0, false },
	{ "EXT-X-CUE-OUT-CONT:8", HLSCUE_GOES_ON, NO, 8000, "", 0, false },
	{ "EXT-X-CUE-OUT-CONT:CAID=0x1f", HLSCUE_GOES_ON, NO, NO, "0x1f", 0, false },
	{ "EXT-X-CUE-OUT-CONT:ElapsedTime=0.634,Duration=21,SCTE35=" S, HLSCUE_GOES_ON,
	  21000, 634, "", S_LEN, false },
	{ "EXT-X-CUE-IN", HLSCUE_ENDS, NO, NO, "", 0, false },
	{ "EXT-X-CUE-IN:30", HLSCUE_ENDS, NO, NO, "", 0, false },
	{ "EXT-OATCLS-SCTE35:" S, HLSCUE_BY_SECTION, NO, NO, "", S_LEN, false },
	{ "EXT-OATCLS-SCTE35: \"" S "\"", HLSCUE_BY_SECTION, NO, NO, "", S_LEN, false },
	{ "EXT-OATCLS-SCTE35:_DAv", HLSCUE_BY_SECTION, NO, NO, "", 3, false },
	{ "EXT-OATCLS-SCTE35:/D", HLSCUE_BY_SECTION, NO, NO, "", 1, false },
	{ "EXT-OATCLS-SCTE35:", -1, NO, NO, "", 0, true },
	{ "EXT-OATCLS-SCTE35:!!!!", -1, NO, NO, "", 0, true },
	{ "EXT-X-SPLICEPOINT-SCTE35:" S, HLSCUE_BY_SECTION, NO, NO, "", S_LEN, false },
	{ "EXT-X-SPLICEPOINT-SCTE35:0xFc302F", HLSCUE_BY_SECTION, NO, NO, "", 3, false },
	{ "EXT-X-SPLICEPOINT-SCTE35:0xFC3", -1, NO, NO, "", 0, true },
	{ "EXT-X-SCTE35:CUE=\"" S "\",ID=\"7\",CUE-OUT=YES,DURATION=30", HLSCUE_STARTS,
	  30000, NO, "7", S_LEN, false },
	{ "EXT-X-SCTE35:TYPE=0x34,CUE-OUT=CONT,ELAPSED=8.5,CUE=\"" S "\",SEGNE=\"3:3\"",
	  HLSCUE_GOES_ON, NO, 8500, "", S_LEN, false },
	{ "EXT-X-SCTE35:CUE=\"" S "\",CUE-IN=YES", HLSCUE_ENDS, NO, NO, "", S_LEN, false },
	{ "EXT-X-SCTE35:CUE=\"" S "\"", HLSCUE_BY_SECTION, NO, NO, "", S_LEN, false },
	{ "EXT-X-SCTE35:TYPE=0x34", -1, NO, NO, "", 0, false },
	{ "EXT-X-CUE:TYPE=\"SpliceOut\",ID=\"a\",TIME=129261132000,DURATION=30.5",
	  HLSCUE_STARTS, 30500, NO, "a", 0, false },
	{ "EXT-X-CUE:DURATION=30.5,ELAPSED=10,ID=\"a\",TYPE=SpliceOut", HLSCUE_GOES_ON,
	  30500, 10000, "a", 0, false },
	{ "EXT-X-CUE:TYPE=\"SpliceIn\",ID=\"a\"", HLSCUE_ENDS, NO, NO, "a", 0, false },
	{ "EXT-X-CUE:TYPE=\"Splice", -1, NO, NO, "", 0, true },
};

static int64_t
ns(int64_t ms)
{
	return ms == NO ? NO : ms * MS;
}

static void
test_forms(void)
{
	static struct hlscue c;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const char *line = forms[i].line, *value;
		enum hlscue_tag tag = hlscue_tag(line, &value);

		ok(tag != HLSCUE_NONE, "%s: is a marker", line);
		is(hlscue_parse(tag, value, &c), forms[i].what < 0 ? -EBADMSG : 0, "%s: read",
		    line);
		is(c.odd, forms[i].odd, "%s: odd", line);
		if (forms[i].what < 0)
			continue;
		is((int)c.what, forms[i].what, "%s: what", line);
		is(c.duration_ns, ns(forms[i].duration_ms), "%s: duration", line);
		is(c.elapsed_ns, ns(forms[i].elapsed_ms), "%s: elapsed", line);
		ok(c.id_len == strlen(forms[i].id) && memcmp(c.id, forms[i].id,
		    c.id_len) == 0, "%s: id", line);
		is((int64_t)c.len, (int64_t)forms[i].len, "%s: section", line);
	}
}

static void
test_sections(void)
{
	static uint8_t out[HLSCUE_SECTION];
	static char text[3 * HLSCUE_SECTION];

	memset(text, 'A', sizeof(text));
	is(hlscue_section(text, HLSCUE_SECTION / 3 * 4, out), HLSCUE_SECTION / 3 * 3,
	    "4 KiB of base64");
	is(hlscue_section(text, sizeof(text), out), -EBADMSG, "more is refused");
	memcpy(text, "0x", 2);
	is(hlscue_section(text, 2 + 2 * HLSCUE_SECTION, out), HLSCUE_SECTION,
	    "4 KiB of hexadecimal");
	is(hlscue_section(text, 4 + 2 * HLSCUE_SECTION, out), -EBADMSG, "more is refused");
}

static void
test_playlist(void)
{
	static const char text[] = "#EXTM3U\n#EXT-X-CUE-OUT:30\n#EXTINF:6,\na\n"
	    "#EXT-X-CUE-OUTER\n#EXT-X-CUE-OUT-CONT:6/30\r\n#EXTINF:6,\nb\n"
	    "#EXT-X-CUE-IN\n";
	struct hls h;

	is(hls_parse(&h, text, sizeof(text) - 1), 0, "a playlist with markers");
	is((int64_t)h.nmarker, 3, "three of them");
	ok(h.marker[0].tag == HLSCUE_OUT && h.marker[0].segment == 0, "before the first");
	ok(h.marker[1].tag == HLSCUE_OUT_CONT && h.marker[1].segment == 1 &&
	    strcmp(h.marker[1].value, "6/30") == 0, "before the second");
	ok(h.marker[2].tag == HLSCUE_IN && h.marker[2].segment == 2, "after the last");
	hls_free(&h);
}

int
main(void)
{
	test_forms();
	test_sections();
	test_playlist();
	return done_testing();
}
