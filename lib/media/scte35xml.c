#include <inttypes.h>

#include "lib/media/scte35xml.h"

#define NS	"scte35:"

static const char *
truth(bool v)
{
	return v ? "true" : "false";
}

static void
put_hex(const struct scte35_bytes *b, struct text *t)
{
	for (size_t i = 0; i < b->len; i++)
		text_add(t, "%02x", b->p[i]);
}

/* ---- commands */

static void
put_time(const struct scte35_time *time, struct text *t)
{
	if (time->specified)
		text_add(t, "<" NS "SpliceTime ptsTime=\"%" PRIu64 "\"/>", time->pts);
	else
		text_add(t, "<" NS "SpliceTime/>");
}

static void
put_program(const struct scte35_event *e, bool schedule, struct text *t)
{
	if (schedule) {
		text_add(t, "<" NS "Program utcSpliceTime=\"%" PRIu64 "\"/>", e->time.pts);
		return;
	}
	text_add(t, "<" NS "Program>");
	if (!e->immediate)
		put_time(&e->time, t);
	text_add(t, "</" NS "Program>");
}

static void
put_component(const struct scte35_event *e, const struct scte35_component *c, bool schedule,
    struct text *t)
{
	text_add(t, "<" NS "Component componentTag=\"%u\"", c->tag);
	if (schedule)
		text_add(t, " utcSpliceTime=\"%" PRIu64 "\"/>", c->time.pts);
	else if (e->immediate)
		text_add(t, "/>");
	else {
		text_add(t, ">");
		put_time(&c->time, t);
		text_add(t, "</" NS "Component>");
	}
}

static void
put_event(const struct scte35 *s, const struct scte35_event *e, const char *name,
    bool schedule, struct text *t)
{
	text_add(t, "<" NS "%s spliceEventId=\"%u\" spliceEventCancelIndicator=\"%s\"", name,
	    e->id, truth(e->cancel));
	if (e->cancel) {
		text_add(t, "/>");
		return;
	}
	text_add(t, " outOfNetworkIndicator=\"%s\"", truth(e->out_of_network));
	if (!schedule)
		text_add(t, " spliceImmediateFlag=\"%s\"", truth(e->immediate));
	text_add(t, " uniqueProgramId=\"%u\" availNum=\"%u\" availsExpected=\"%u\">",
	    e->unique_program_id, e->avail_num, e->avails_expected);
	if (e->program)
		put_program(e, schedule, t);
	for (unsigned i = 0; i < e->ncomponent && !e->program; i++)
		put_component(e, &s->component[e->component + i], schedule, t);
	if (e->has_duration)
		text_add(t, "<" NS "BreakDuration autoReturn=\"%s\" duration=\"%" PRIu64 "\"/>",
		    truth(e->duration.auto_return), e->duration.duration);
	text_add(t, "</" NS "%s>", name);
}

static void
put_command(const struct scte35 *s, struct text *t)
{
	switch (s->command) {
	case SCTE35_SPLICE_NULL:
		text_add(t, "<" NS "SpliceNull/>");
		break;
	case SCTE35_SPLICE_SCHEDULE:
		text_add(t, "<" NS "SpliceSchedule>");
		for (unsigned i = 0; i < s->nevent; i++)
			put_event(s, &s->event[i], "Event", true, t);
		text_add(t, "</" NS "SpliceSchedule>");
		break;
	case SCTE35_SPLICE_INSERT:
		put_event(s, &s->insert, "SpliceInsert", false, t);
		break;
	case SCTE35_TIME_SIGNAL:
		text_add(t, "<" NS "TimeSignal>");
		put_time(&s->signal, t);
		text_add(t, "</" NS "TimeSignal>");
		break;
	case SCTE35_BANDWIDTH_RESERVATION:
		text_add(t, "<" NS "BandwidthReservation/>");
		break;
	case SCTE35_PRIVATE_COMMAND:
		text_add(t, "<" NS "PrivateCommand identifier=\"%u\"><" NS "PrivateBytes>",
		    s->private_identifier);
		put_hex(&s->rest, t);
		text_add(t, "</" NS "PrivateBytes></" NS "PrivateCommand>");
		break;
	default:			/* the document type has no other */
		break;
	}
}

/* ---- descriptors */

static void
put_upid(uint8_t type, const struct scte35_bytes *b, struct text *t)
{
	text_add(t, "<" NS "SegmentationUpid segmentationUpidType=\"%u\" "
	    "segmentationUpidFormat=\"hexbinary\"", type);
	if (type == 0x0c && b->len >= 4) {	/* MPU: whose private data it is */
		struct scte35_bytes data = { b->p + 4, b->len - 4 };

		text_add(t, " formatIdentifier=\"%u\">", (unsigned)b->p[0] << 24 |
		    (unsigned)b->p[1] << 16 | (unsigned)b->p[2] << 8 | b->p[3]);
		put_hex(&data, t);
	} else {
		text_add(t, ">");
		put_hex(b, t);
	}
	text_add(t, "</" NS "SegmentationUpid>");
}

static void
put_segmentation(const struct scte35 *s, const struct scte35_segmentation *d,
    struct text *t)
{
	struct scte35_bytes mid = d->upid;
	struct scte35_upid u;

	text_add(t, "<" NS "SegmentationDescriptor segmentationEventId=\"%u\" "
	    "segmentationEventCancelIndicator=\"%s\" "
	    "segmentationEventIdComplianceIndicator=\"%s\"", d->event_id, truth(d->cancel),
	    truth(d->id_compliance));
	if (d->cancel) {
		text_add(t, "/>");
		return;
	}
	if (d->has_duration)
		text_add(t, " segmentationDuration=\"%" PRIu64 "\"", d->duration);
	text_add(t, " segmentationTypeId=\"%u\" segmentNum=\"%u\" segmentsExpected=\"%u\"",
	    d->type_id, d->num, d->expected);
	if (d->has_sub)
		text_add(t, " subSegmentNum=\"%u\" subSegmentsExpected=\"%u\"", d->sub_num,
		    d->sub_expected);
	text_add(t, ">");
	if (!d->not_restricted)
		text_add(t, "<" NS "DeliveryRestrictions webDeliveryAllowedFlag=\"%s\" "
		    "noRegionalBlackoutFlag=\"%s\" archiveAllowedFlag=\"%s\" "
		    "deviceRestrictions=\"%u\"/>", truth(d->web),
		    truth(d->no_regional_blackout), truth(d->archive), d->device);
	if (d->upid_type == 0x0d)		/* MID: one element each */
		while (scte35_mid_next(&mid, &u) == 1)
			put_upid(u.type, &u.bytes, t);
	else
		put_upid(d->upid_type, &d->upid, t);
	for (unsigned i = 0; i < d->ncomponent && !d->program; i++) {
		const struct scte35_component *c = &s->component[d->component + i];

		text_add(t, "<" NS "Component componentTag=\"%u\" ptsOffset=\"%" PRIu64 "\"/>",
		    c->tag, c->time.pts);
	}
	text_add(t, "</" NS "SegmentationDescriptor>");
}

static void
put_audio(const struct scte35_audio *a, struct text *t)
{
	text_add(t, "<" NS "AudioDescriptor>");
	for (unsigned i = 0; i < a->n; i++) {
		uint32_t c = a->audio[i].iso_code;

		text_add(t, "<" NS "AudioChannel componentTag=\"%u\" ISOCode=\"",
		    a->audio[i].tag);
		for (int shift = 16; shift >= 0; shift -= 8)
			text_add(t, "%c", (c >> shift & 0xdf) >= 'A' &&
			    (c >> shift & 0xdf) <= 'Z' ? (int)(c >> shift & 0x7f) : '-');
		text_add(t, "\" BitStreamMode=\"%u\" NumChannels=\"%u\" FullSrvcAudio=\"%s\"/>",
		    a->audio[i].bit_stream_mode, a->audio[i].num_channels,
		    truth(a->audio[i].full_srvc));
	}
	text_add(t, "</" NS "AudioDescriptor>");
}

/* Characters of DTMF: digits, * and #; anything else is no tone. */
static void
put_dtmf(const struct scte35_descriptor *d, struct text *t)
{
	text_add(t, "<" NS "DTMFDescriptor preroll=\"%u\" chars=\"", d->dtmf.preroll);
	for (size_t i = 0; i < d->dtmf.chars.len; i++) {
		int c = d->dtmf.chars.p[i];

		text_add(t, "%c", (c >= '0' && c <= '9') || c == '*' || c == '#' ? c : '?');
	}
	text_add(t, "\"/>");
}

static void
put_descriptor(const struct scte35 *s, const struct scte35_descriptor *d, struct text *t)
{
	if (!d->known) {
		if (d->bare)
			return;
		text_add(t, "<" NS "PrivateDescriptor descriptorTag=\"%u\" identifier=\"%u\">"
		    "<" NS "PrivateBytes>", d->tag, d->identifier);
		put_hex(&d->rest, t);
		text_add(t, "</" NS "PrivateBytes></" NS "PrivateDescriptor>");
		return;
	}
	switch (d->tag) {
	case SCTE35_AVAIL:
		text_add(t, "<" NS "AvailDescriptor providerAvailId=\"%u\"/>",
		    d->provider_avail_id);
		break;
	case SCTE35_DTMF:
		put_dtmf(d, t);
		break;
	case SCTE35_SEGMENTATION:
		put_segmentation(s, &d->seg, t);
		break;
	case SCTE35_TIME:
		text_add(t, "<" NS "TimeDescriptor taiSeconds=\"%" PRIu64 "\" taiNs=\"%u\" "
		    "utcOffset=\"%u\"/>", d->time.tai_seconds, d->time.tai_ns,
		    d->time.utc_offset);
		break;
	case SCTE35_AUDIO:
		put_audio(&d->audio, t);
		break;
	default:
		break;
	}
}

void
scte35_put_xml(const struct scte35 *s, struct text *t)
{
	text_add(t, "<" NS "SpliceInfoSection protocolVersion=\"%u\" ptsAdjustment=\"%" PRIu64
	    "\" tier=\"%u\" sapType=\"%u\">", s->protocol_version, s->pts_adjustment,
	    s->tier, s->sap_type);
	if (s->encrypted) {
		text_add(t, "<" NS "EncryptedPacket encryptionAlgorithm=\"%u\" cwIndex=\"%u\"/>",
		    s->encryption_algorithm, s->cw_index);
	} else {
		put_command(s, t);
		for (unsigned i = 0; i < s->ndescriptor; i++)
			put_descriptor(s, &s->descriptor[i], t);
	}
	text_add(t, "</" NS "SpliceInfoSection>");
}
