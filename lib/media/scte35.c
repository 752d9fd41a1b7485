#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/psi.h"
#include "lib/media/scte35walk.h"

#define PTS_MASK	((UINT64_C(1) << 33) - 1)
#define LEGACY_LENGTH	0xfff		/* splice_command_length is not given */

void
scte35_init(struct scte35 *s)
{
	memset(s, 0, offsetof(struct scte35, event));
	s->nevent = s->ndescriptor = s->ncomponent = 0;
	s->signal = (struct scte35_time){ 0 };
	s->private_identifier = 0;
	s->rest = s->stuffing = s->payload = (struct scte35_bytes){ NULL, 0 };
	s->stored = 0;
	s->sap_type = 3;		/* not specified */
	s->tier = 0xfff;
}

/* ---- descriptors */

/* One that is too short for an identifier, or for its fields, is kept as bytes. */
static void
read_descriptor(struct walk *w, struct scte35_descriptor *d)
{
	unsigned ncomponent = w->s->ncomponent;
	struct scte35_descriptor plain = { .tag = (uint8_t)walk_num(w, 8, NULL, 0) };
	size_t len = (size_t)walk_num(w, 8, NULL, 0);
	struct walk in, start;

	if (w->error || bits_left(&w->r) / 8 < len) {
		walk_fail(w, "a descriptor is longer than its loop");
		return;
	}
	in = *w;
	in.r.end = in.r.pos + len * 8;
	w->r.pos = in.r.end;
	plain.bare = len < 4;
	if (!plain.bare)
		plain.identifier = (uint32_t)walk_num(&in, 32, NULL, 0);
	start = in;
	*d = plain;
	if (plain.identifier == SCTE35_CUEI && plain.tag <= SCTE35_AUDIO) {
		d->known = true;
		scte35_walk_descriptor(&in, d);
		if (in.error) {
			w->s->ncomponent = ncomponent;
			in = start;
			*d = plain;
		}
	}
	walk_bytes(&in, NULL, &d->rest, walk_left(&in));
}

static void
write_descriptor(struct walk *w, struct scte35_descriptor *d)
{
	size_t at = w->w.pos / 8, len;

	walk_num(w, 8, NULL, d->tag);
	walk_num(w, 8, NULL, 0);
	if (!d->bare)
		walk_num(w, 32, NULL, d->identifier);
	if (d->known)
		scte35_walk_descriptor(w, d);
	walk_bytes(w, NULL, &d->rest, 0);
	len = w->w.pos / 8 - at - 2;
	if (!w->error && len > 255)
		walk_fail(w, "a descriptor is longer than 255 bytes");
	if (!w->error)
		w->w.p[at + 1] = (uint8_t)len;
}

/* To and from JSON; an identifier of null is none. */
static void
json_descriptor(struct walk *w, struct scte35_descriptor *d)
{
	json_t *o = w->at[w->depth];

	if (w->way == WALK_FROM_JSON)
		*d = (struct scte35_descriptor){
			.identifier = SCTE35_CUEI,
			.bare = json_is_null(json_object_get(o, "identifier")),
		};
	NUM(w, 8, "splice_descriptor_tag", d->tag);
	if (!d->bare)
		d->identifier = walk_code(w, 4, "identifier", d->identifier);
	else if (w->way == WALK_TO_JSON)
		json_object_set_new(o, "identifier", json_null());
	if (w->way == WALK_FROM_JSON)
		d->known = !d->bare && d->identifier == SCTE35_CUEI &&
		    d->tag <= SCTE35_AUDIO && !walk_has(w, "bytes");
	if (d->known)
		scte35_walk_descriptor(w, d);
	walk_bytes(w, d->known ? "more" : "bytes", &d->rest, 0);
}

static void
json_descriptors(struct walk *w, struct scte35 *s)
{
	s->ndescriptor = walk_list(w, 0, "descriptors", s->ndescriptor,
	    SCTE35_DESCRIPTORS);
	for (unsigned i = 0; i < s->ndescriptor && !w->error; i++) {
		walk_item(w, i);
		json_descriptor(w, &s->descriptor[i]);
		walk_leave(w);
	}
	walk_leave(w);
}

/* ---- 9.6, the section */

static void
header(struct walk *w, struct scte35 *s)
{
	NUM(w, 8, "protocol_version", s->protocol_version);
	FLAG(w, "encrypted_packet", s->encrypted);
	NUM(w, 6, "encryption_algorithm", s->encryption_algorithm);
	NUM(w, 33, "pts_adjustment", s->pts_adjustment);
	NUM(w, 8, "cw_index", s->cw_index);
	NUM(w, 12, "tier", s->tier);
}

static void
read_command(struct walk *w, struct scte35 *s, size_t len)
{
	struct walk in = *w;

	if (len != LEGACY_LENGTH) {
		if (bits_left(&w->r) / 8 < len) {
			walk_fail(w, "the command is longer than the section");
			return;
		}
		in.r.end = in.r.pos + len * 8;
	}
	scte35_walk_command(&in, s);
	if (len != LEGACY_LENGTH)
		walk_bytes(&in, NULL, &s->rest, walk_left(&in));
	w->r.pos = in.r.pos;
	if (in.error)
		walk_fail(w, in.why);
}

static void
read_body(struct walk *w, struct scte35 *s, size_t command_length)
{
	size_t end = w->r.end, len;

	s->command = (uint8_t)walk_num(w, 8, NULL, 0);
	s->legacy_length = command_length == LEGACY_LENGTH;
	read_command(w, s, command_length);
	len = (size_t)walk_num(w, 16, NULL, 0);
	if (w->error || bits_left(&w->r) / 8 < len) {
		walk_fail(w, "the descriptors are longer than the section");
		return;
	}
	w->r.end = w->r.pos + len * 8;
	while (!w->error && bits_left(&w->r) >= 16 && s->ndescriptor < SCTE35_DESCRIPTORS)
		read_descriptor(w, &s->descriptor[s->ndescriptor++]);
	if (bits_left(&w->r) > 0)
		walk_fail(w, "the loop of descriptors does not end with one");
	w->r.end = end;
	walk_bytes(w, NULL, &s->stuffing, walk_left(w));
}

/* The length of the whole section, 0 if there is none. */
static size_t
section_length(const uint8_t *p, size_t len)
{
	size_t whole;

	if (len < 20 || p[0] != PSI_TABLE_SCTE35)
		return 0;
	whole = ((size_t)(p[1] & 0x0f) << 8 | p[2]) + 3;
	return whole >= 20 && whole <= len && whole <= SCTE35_SECTION_MAX ? whole : 0;
}

int
scte35_parse(const uint8_t *p, size_t len, struct scte35 *s)
{
	struct walk w = { .way = WALK_READ, .s = s };
	size_t command_length;

	scte35_init(s);
	len = section_length(p, len);
	if (len == 0)
		return -EBADMSG;
	s->indicators = p[1] >> 6;
	s->sap_type = p[1] >> 4 & 3;
	w.r = bits_of(p, len - 4);
	w.r.pos = 24;
	header(&w, s);
	command_length = (size_t)walk_num(&w, 12, NULL, 0);
	if (s->encrypted) {
		s->legacy_length = command_length == LEGACY_LENGTH;
		s->encrypted_length = (uint16_t)command_length;
		walk_bytes(&w, NULL, &s->payload, walk_left(&w));
	} else {
		read_body(&w, s, command_length);
	}
	if (w.error)
		return -EBADMSG;
	return psi_crc32(p, len) == 0 ? 0 : -EILSEQ;
}

static void
write_crc(uint8_t *p, size_t len)
{
	uint32_t crc = psi_crc32(p, len - 4);

	for (size_t i = 0; i < 4; i++)
		p[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void
write_body(struct walk *w, struct scte35 *s, size_t *command_length)
{
	size_t at;

	walk_num(w, 8, NULL, s->command);
	at = w->w.pos / 8;
	scte35_walk_command(w, s);
	walk_bytes(w, NULL, &s->rest, 0);
	*command_length = w->w.pos / 8 - at;
	at = w->w.pos / 8;
	walk_num(w, 16, NULL, 0);
	for (unsigned i = 0; i < s->ndescriptor; i++)
		write_descriptor(w, &s->descriptor[i]);
	if (w->error)
		return;
	w->w.p[at] = (uint8_t)((w->w.pos / 8 - at - 2) >> 8);
	w->w.p[at + 1] = (uint8_t)(w->w.pos / 8 - at - 2);
	walk_bytes(w, NULL, &s->stuffing, 0);
}

int
scte35_put(const struct scte35 *from, uint8_t *p, size_t size)
{
	/* Writing changes nothing in it, though the walk could. */
	struct scte35 *s = (struct scte35 *)(uintptr_t)from;
	struct walk w = { .way = WALK_WRITE, .s = s };
	size_t command_length = s->encrypted_length, at, len;

	if (size > SCTE35_SECTION_MAX)
		size = SCTE35_SECTION_MAX;
	w.w = bits_into(p, size);
	walk_num(&w, 24, NULL, 0);
	header(&w, s);
	at = w.w.pos / 8;
	walk_num(&w, 12, NULL, 0);
	if (s->encrypted)
		walk_bytes(&w, NULL, &s->payload, 0);
	else
		write_body(&w, s, &command_length);
	len = w.w.pos / 8 + 4;
	if (w.error || len > size)
		return -ENOSPC;
	if (s->legacy_length)
		command_length = LEGACY_LENGTH;
	p[0] = PSI_TABLE_SCTE35;
	p[1] = (uint8_t)((unsigned)s->indicators << 6 | (unsigned)s->sap_type << 4 |
	    (len - 3) >> 8);
	p[2] = (uint8_t)(len - 3);
	p[at] = (uint8_t)((p[at] & 0xf0) | command_length >> 8);
	p[at + 1] = (uint8_t)command_length;
	write_crc(p, len);
	return (int)len;
}

/* ---- JSON */

static const struct {
	uint8_t	 type;
	const char *name;
} commands[] = {
	{ SCTE35_SPLICE_NULL, "splice_null" },
	{ SCTE35_SPLICE_SCHEDULE, "splice_schedule" },
	{ SCTE35_SPLICE_INSERT, "splice_insert" },
	{ SCTE35_TIME_SIGNAL, "time_signal" },
	{ SCTE35_BANDWIDTH_RESERVATION, "bandwidth_reservation" },
	{ SCTE35_PRIVATE_COMMAND, "private_command" },
};

const char *
scte35_command_name(uint8_t type)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].type == type)
			return commands[i].name;
	return "command";
}

/* From JSON the name of the command is enough. */
static uint8_t
named_command(const struct walk *w)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (walk_has(w, commands[i].name))
			return commands[i].type;
	return SCTE35_SPLICE_NULL;
}

static void
json_section(struct walk *w, struct scte35 *s)
{
	NUM(w, 2, "sap_type", s->sap_type);
	if (s->indicators != 0 || w->way == WALK_FROM_JSON)
		NUM(w, 2, "indicators", s->indicators);
	header(w, s);
	if (s->legacy_length || walk_has(w, "splice_command_length"))
		s->legacy_length = walk_num(w, 12, "splice_command_length",
		    LEGACY_LENGTH) == LEGACY_LENGTH;
	if (s->encrypted) {
		NUM(w, 12, "encrypted_command_length", s->encrypted_length);
		walk_bytes(w, "encrypted_bytes", &s->payload, 0);
		return;
	}
	if (w->way == WALK_FROM_JSON)
		s->command = named_command(w);
	NUM(w, 8, "splice_command_type", s->command);
	walk_enter(w, scte35_command_name(s->command));
	scte35_walk_command(w, s);
	walk_bytes(w, "bytes", &s->rest, 0);
	walk_leave(w);
	json_descriptors(w, s);
	walk_bytes(w, "alignment_stuffing", &s->stuffing, 0);
}

json_t *
scte35_to_json(const struct scte35 *from)
{
	/* As in scte35_put(). */
	struct scte35 *s = (struct scte35 *)(uintptr_t)from;
	struct walk w = { .way = WALK_TO_JSON, .s = s };

	if ((w.at[0] = json_object()) == NULL)
		return NULL;
	json_section(&w, s);
	if (w.error) {
		json_decref(w.at[0]);
		return NULL;
	}
	return w.at[0];
}

int
scte35_from_json(const json_t *o, struct scte35 *s, const char **why)
{
	struct walk w = { .way = WALK_FROM_JSON, .s = s };
	uint8_t section[SCTE35_SECTION_MAX];

	scte35_init(s);
	w.at[0] = (json_t *)(uintptr_t)o;
	if (!json_is_object(o))
		walk_fail(&w, "it is no object");
	else
		json_section(&w, s);
	if (!w.error && scte35_put(s, section, sizeof(section)) < 0)
		walk_fail(&w, "it is too long for a section");
	*why = w.why;
	return w.error ? -EINVAL : 0;
}

/* ---- what is derived */

uint64_t
scte35_pts(const struct scte35 *s, const struct scte35_time *t)
{
	return t->specified ? (t->pts + s->pts_adjustment) & PTS_MASK : SCTE35_NULL_PTS;
}

/* The CRC is linear: how it changes follows from what is changed alone. */
uint32_t
scte35_move_head(uint8_t head[static SCTE35_MOVE_HEAD], size_t len, int64_t ticks)
{
	uint8_t change[SCTE35_SECTION_MAX] = { 0 };
	uint64_t was = (uint64_t)(head[4] & 1) << 32 | (uint64_t)head[5] << 24 |
	    (uint64_t)head[6] << 16 | (uint64_t)head[7] << 8 | head[8];
	uint64_t diff = ((was + (uint64_t)ticks) ^ was) & PTS_MASK;
	uint32_t crc;

	if (len < 20 || len > sizeof(change))
		return 0;
	crc = psi_crc32(change, len - 4);
	for (unsigned i = 0; i < 5; i++) {
		change[4 + i] = (uint8_t)(diff >> (32 - 8 * i));
		head[4 + i] ^= change[4 + i];
	}
	return crc ^ psi_crc32(change, len - 4);
}

int
scte35_move(uint8_t *p, size_t len, int64_t ticks)
{
	size_t whole = section_length(p, len);
	uint32_t crc;

	if (whole == 0)
		return -EBADMSG;
	crc = scte35_move_head(p, whole, ticks);
	for (size_t i = 0; i < 4; i++)
		p[whole - 4 + i] ^= (uint8_t)(crc >> (24 - 8 * i));
	return 0;
}

int
scte35_mid_next(struct scte35_bytes *mid, struct scte35_upid *upid)
{
	size_t len;

	if (mid->len == 0)
		return 0;
	if (mid->len < 2 || (len = mid->p[1]) > mid->len - 2)
		return -EBADMSG;
	upid->type = mid->p[0];
	upid->bytes = (struct scte35_bytes){ mid->p + 2, len };
	mid->p += 2 + len;
	mid->len -= 2 + len;
	return 1;
}
