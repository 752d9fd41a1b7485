/* Sections built by hand from SCTE 35: fields, and the same bytes again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/psi.h"
#include "lib/media/scte35.h"
#include "t/tap.h"

static struct scte35 s, back;
static uint8_t section[SCTE35_SECTION_MAX];
static size_t section_len;

/* Read the section whose command and descriptors follow; lengths and CRC are added. */
static int
read_back(const char *what, uint8_t command, const void *body, size_t len,
    const uint8_t *desc, size_t desc_len)
{
	uint8_t out[SCTE35_SECTION_MAX];
	uint8_t *p = section;
	const char *why = NULL;
	json_t *o;
	uint32_t crc;
	int r, n;

	section_len = 20 + len + desc_len;
	memcpy(p, (uint8_t[]){ 0xfc, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xf0, 0, command },
	    14);
	p[1] = (uint8_t)(0x30 | (section_len - 3) >> 8);
	p[2] = (uint8_t)(section_len - 3);
	p[11] = (uint8_t)(0xf0 | len >> 8);
	p[12] = (uint8_t)len;
	p[13] = command;
	memcpy(p + 14, body, len);
	p[14 + len] = (uint8_t)(desc_len >> 8);
	p[15 + len] = (uint8_t)desc_len;
	memcpy(p + 16 + len, desc, desc_len);
	crc = psi_crc32(p, section_len - 4);
	for (size_t i = 0; i < 4; i++)
		p[section_len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));

	r = scte35_parse(p, section_len, &s);
	is(r, 0, "%s: is read", what);
	if (r < 0)
		return r;
	n = scte35_put(&s, out, sizeof(out));
	ok(n == (int)section_len && memcmp(out, p, section_len) == 0,
	    "%s: written as the same bytes", what);
	is(scte35_put(&s, out, section_len - 1), -ENOSPC, "%s: not into less room", what);
	o = scte35_to_json(&s);
	ok(scte35_from_json(o, &back, &why) == 0, "%s: from JSON again: %s", what,
	    why == NULL ? "" : why);
	n = scte35_put(&back, out, sizeof(out));
	ok(n == (int)section_len && memcmp(out, p, section_len) == 0,
	    "%s: and through JSON", what);
	json_decref(o);
	return 0;
}

#define READ(what, command, body, desc) \
	read_back(what, command, body, sizeof(body), desc, sizeof(desc))

static const uint8_t none[0];

static void
test_commands(void)
{
	static const uint8_t schedule[] = {
		3,
		0, 0, 0, 1, 0x7f, 0xff, 0x5e, 0x0b, 0xe1, 0x00,	/* out, program, duration */
		0xfe, 0x00, 0x29, 0x32, 0xe0, 0, 9, 1, 2,
		0, 0, 0, 2, 0x7f, 0x1f, 2, 1, 0x5e, 0x0b, 0xe1, 0x01,	/* in, components */
		2, 0x5e, 0x0b, 0xe1, 0x02, 0, 9, 2, 2,
		0, 0, 0, 3, 0xff,				/* cancelled */
	}, parts[] = {
		0, 0, 1, 0, 0x7f, 0x8f, 2, 1, 0xff, 0, 0, 0, 1, 2, 0x7f, 0, 7, 0, 0,
	}, at_once[] = {
		0, 0, 1, 0, 0x7f, 0x9f, 2, 1, 2, 0, 7, 0, 0,
	}, cancel[] = { 0x80, 0, 0, 7, 0xff }, wrap[] = { 0xff, 0xff, 0xff, 0xff, 0xff };

	READ("splice_schedule", SCTE35_SPLICE_SCHEDULE, schedule, none);
	is(s.nevent, 3, "three events");
	is(s.event[0].time.pts, 0x5e0be100, "utc_splice_time");
	is(s.event[0].duration.duration, 0x2932e0, "break_duration");
	ok(s.event[0].duration.auto_return && s.event[0].out_of_network, "out and back");
	is(s.event[1].ncomponent, 2, "two components");
	is(s.component[s.event[1].component + 1].time.pts, 0x5e0be102, "time of the second");
	ok(s.event[2].cancel, "the third is cancelled");

	READ("splice_insert by component", SCTE35_SPLICE_INSERT, parts, none);
	is(s.insert.ncomponent, 2, "two components");
	is(s.component[0].time.pts, (int64_t)1 << 32 | 1, "pts_time in 33 bits");
	ok(!s.component[1].time.specified, "a time that is not specified");
	READ("splice_insert by component, at once", SCTE35_SPLICE_INSERT, at_once, none);
	is(s.component[1].tag, 2, "component_tag");
	READ("a cancelled event", SCTE35_SPLICE_INSERT, cancel, none);
	ok(s.insert.cancel && s.insert.id == 0x80000007, "its id");
	READ("bandwidth_reservation", SCTE35_BANDWIDTH_RESERVATION, none, none);
	READ("a private command", SCTE35_PRIVATE_COMMAND, "ABCD\1\2", none);
	is(s.private_identifier, 0x41424344, "its identifier");
	READ("a command not known", 0x42, "some bytes", none);

	READ("time_signal", SCTE35_TIME_SIGNAL, wrap, none);
	s.pts_adjustment = 2;
	is(scte35_pts(&s, &s.signal), 1, "pts_adjustment wraps with 33 bits");
	s.signal.specified = false;
	ok(scte35_pts(&s, &s.signal) == SCTE35_NULL_PTS, "no time");
}

static void
test_descriptors(void)
{
	static const uint8_t types[] = { 0x32, 0x33, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e,
		0x3f, 0x46, 0x47 };
	static const uint8_t now[] = { 0x7f };
	static const uint8_t clock[] = {
		3, 16, 'C', 'U', 'E', 'I', 0, 0, 0x5e, 0x0b, 0xe1, 0x25, 0x1d, 0xcd, 0x65, 0,
		0, 37,
	}, sound[] = {
		4, 15, 'C', 'U', 'E', 'I', 0x2f, 1, 'e', 'n', 'g', 0x15, 2, 'd', 'e', 'u', 0x0a,
	}, tones[] = { 1, 10, 'C', 'U', 'E', 'I', 50, 0x9f, '1', '2', '3', '*' },
	cancel[] = { 2, 9, 'C', 'U', 'E', 'I', 0, 0, 0, 9, 0xff },
	odd[] = { 0, 3, 1, 2, 3, 2, 6, 'C', 'U', 'E', 'I', 0, 0, 9, 5, 'A', 'B', 'C', 'D', 7 };
	uint8_t seg[] = {
		2, 25, 'C', 'U', 'E', 'I', 0, 0, 0, 9, 0x7f, 0xff, 0, 0, 0x29, 0x32, 0xe0,
		0x0f, 2, 'u', ':', 0, 1, 2, 3, 4, 0,
	};

	READ("time_descriptor", SCTE35_SPLICE_NULL, none, clock);
	is(s.descriptor[0].time.tai_seconds, 0x5e0be125, "TAI_seconds");
	is(s.descriptor[0].time.tai_ns, 500000000, "TAI_ns");
	is(s.descriptor[0].time.utc_offset, 37, "UTC_offset");
	READ("audio_descriptor", SCTE35_TIME_SIGNAL, now, sound);
	is(s.descriptor[0].audio.n, 2, "two");
	is(s.descriptor[0].audio.audio[1].iso_code, 0x646575, "ISO_code");
	is(s.descriptor[0].audio.audio[0].num_channels, 10, "num_channels");
	ok(s.descriptor[0].audio.audio[0].full_srvc, "full_srvc_audio");
	READ("DTMF_descriptor", SCTE35_SPLICE_NULL, none, tones);
	is(s.descriptor[0].dtmf.preroll, 50, "preroll");
	READ("a cancelled segmentation", SCTE35_TIME_SIGNAL, now, cancel);
	ok(s.descriptor[0].seg.cancel && s.descriptor[0].seg.event_id == 9, "its id");
	READ("descriptors that are not ours", SCTE35_TIME_SIGNAL, now, odd);
	is(s.ndescriptor, 3, "three");
	ok(!s.descriptor[0].known && s.descriptor[0].bare, "without an identifier");
	ok(!s.descriptor[1].known, "too short for its fields");
	for (size_t i = 0; i < sizeof(types); i++) {
		seg[21] = types[i];
		READ("a segmentation", SCTE35_TIME_SIGNAL, now, seg);
		is(s.descriptor[0].seg.type_id, types[i], "segmentation_type_id 0x%x",
		    types[i]);
		is(s.descriptor[0].seg.duration, 0x2932e0, "segmentation_duration");
		is(s.descriptor[0].seg.sub_num, 3, "sub_segment_num");
		is(s.descriptor[0].rest.len, 1, "and what is more");
	}
}

static void
test_section(void)
{
	static const uint8_t signal[] = { 0xfe, 0, 0, 0, 9 };
	uint8_t out[SCTE35_SECTION_MAX];
	uint32_t crc;

	READ("to be damaged", SCTE35_TIME_SIGNAL, signal, none);
	section[18] ^= 1;
	is(scte35_parse(section, section_len, &s), -EILSEQ, "a wrong CRC is told");
	is(s.signal.pts, 8, "and all else is read");
	section[18] ^= 1;
	for (size_t i = 0; i < section_len; i++)
		if (scte35_parse(section, i, &s) != -EBADMSG)
			ok(false, "cut to %zu bytes", i);
	section[12] = 0xff;
	section[11] = 0xff;
	crc = psi_crc32(section, section_len - 4);
	for (size_t i = 0; i < 4; i++)
		section[section_len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	is(scte35_parse(section, section_len, &s), 0, "splice_command_length 0xfff");
	is(s.signal.pts, 9, "its command");
	is(scte35_put(&s, out, sizeof(out)), section_len, "is written");
	ok(memcmp(section, out, section_len) == 0, "as it was");
	section[4] |= 0x80;
	is(scte35_parse(section, section_len, &s), -EILSEQ, "encrypted");
	ok(s.encrypted, "is known to be");
	is(s.payload.len, section_len - 17, "and passed on");
	is(scte35_put(&s, out, sizeof(out)), section_len, "is written");
	ok(memcmp(section, out, section_len - 4) == 0, "as it was");
}

/* Its times are so much later, and all else is as it was. */
static void
moved(const char *what, int64_t ticks, uint64_t want)
{
	uint8_t now[SCTE35_SECTION_MAX], again[SCTE35_SECTION_MAX];

	memcpy(now, section, section_len);
	is(scte35_move(now, section_len, ticks), 0, "moved %s", what);
	is(scte35_parse(now, section_len, &s), 0, "it can be read");
	is(s.pts_adjustment, want, "pts_adjustment");
	is(scte35_move(now, section_len, -ticks), 0, "and back");
	scte35_parse(section, section_len, &s);
	is(scte35_put(&s, again, sizeof(again)), section_len, "the right CRC");
	ok(memcmp(now, again, section_len) == 0, "all else is as it was");
}

static void
test_move(void)
{
	static const uint8_t nine[] = { 0xfe, 0, 0, 0, 9 };
	uint32_t crc;

	READ("a time_signal", SCTE35_TIME_SIGNAL, nine, none);
	moved("on", 90000, 90000);
	moved("back, over the wrap", -1, (UINT64_C(1) << 33) - 1);
	moved("by 64 bits", (INT64_C(1) << 40) + 7, 7);
	section[4] |= 0x80;
	crc = psi_crc32(section, section_len - 4);
	for (size_t i = 0; i < 4; i++)
		section[section_len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	moved("encrypted", INT64_C(5) << 31, INT64_C(1) << 31);
	section[section_len - 1] ^= 1;
	scte35_move(section, section_len, 5);
	is(scte35_parse(section, section_len, &s), -EILSEQ, "what was damaged stays so");
	for (size_t i = 0; i < section_len; i++)
		if (scte35_move(section, i, 1) != -EBADMSG)
			is(i, section_len, "a part is refused");
	section[0] = 0xfb;
	is(scte35_move(section, section_len, 5), -EBADMSG, "not another table");
}

static void
from(const char *text, const char *what, const char *want)
{
	json_t *o = json_loads(text, 0, NULL);
	const char *why = NULL;
	int r = scte35_from_json(o, &s, &why);

	ok(want == NULL ? r == 0 : r == -EINVAL && strcmp(why, want) == 0,
	    "from JSON: %s: %s", what, why == NULL ? "taken" : why);
	json_decref(o);
}

static void
test_json(void)
{
	from("{\"splice_insert\":{\"splice_event_id\":7,\"out_of_network_indicator\":true,"
	    "\"break_duration\":{\"auto_return\":true,\"duration\":5400000}}}",
	    "what may be left out", NULL);
	is(s.command, SCTE35_SPLICE_INSERT, "the command by its name");
	ok(s.insert.immediate && s.insert.program && s.insert.has_duration, "its flags");
	is(s.tier, 0xfff, "tier");
	from("{\"time_signal\":{\"splice_time\":{\"pts_time\":8}},\"descriptors\":["
	    "{\"splice_descriptor_tag\":2,\"segmentation_event_id\":\"0x20\","
	    "\"segmentation_type_id\":\"0x34\",\"segmentation_upid_type\":9,"
	    "\"segmentation_upid\":\"SIGNAL:x\"}]}", "numbers as text", NULL);
	is(s.descriptor[0].seg.type_id, 0x34, "segmentation_type_id");
	is(s.descriptor[0].seg.upid.len, 8, "segmentation_upid");
	from("[]", "no object", "it is no object");
	from("{\"tier\":4096}", "a number too large", "tier");
	from("{\"pts_adjustment\":-1}", "one below 0", "pts_adjustment");
	from("{\"pts_adjustment\":\"soon\"}", "none", "pts_adjustment");
	from("{\"descriptors\":7}", "no list", "descriptors");
	from("{\"descriptors\":[7]}", "a list of other things",
	    "a list has what is no object");
	from("{\"descriptors\":[{\"splice_descriptor_tag\":9,\"bytes\":\"0x0g\"}]}",
	    "no hexadecimal digits", "bytes");
	from("{\"descriptors\":[{\"splice_descriptor_tag\":9,\"identifier\":\"CUE\"}]}",
	    "an identifier of three", "identifier");
}

int
main(void)
{
	test_commands();
	test_descriptors();
	test_section();
	test_json();
	test_move();
	return done_testing();
}
