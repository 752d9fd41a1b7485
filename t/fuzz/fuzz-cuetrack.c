/*
 * Messages in, one after the other, each with the seconds that have passed: the table of
 * events stays in order and within its bounds, and survives JSON; what was read can be
 * written as XML.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/cuetrack.h"
#include "lib/media/psi.h"
#include "lib/media/scte35xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct scte35 s;

static void
check(const struct cuetrack *t)
{
	struct cuetrack back = { .limit = t->limit, .max = t->max };
	size_t bytes = 0;
	json_t *o;

	for (size_t i = 0; i < t->n; i++) {
		const struct cue *c = &t->cue[i];

		bytes += c->out.len + c->in.len + c->update.len;
		if (c->end < c->start || (i > 0 && c->start < c[-1].start))
			abort();
	}
	if (bytes != t->bytes || t->n > t->max)
		abort();
	if ((o = cuetrack_to_json(t)) == NULL || cuetrack_from_json(o, &back) < 0 ||
	    back.n != t->n || back.bytes != t->bytes)
		abort();
	json_decref(o);
	cuetrack_free(&back);
}

/* As a section of the length that it has, with the command that there is most to do for. */
static void
take(struct cuetrack *t, const uint8_t *p, size_t len, int64_t now)
{
	uint8_t buf[SCTE35_SECTION_MAX];
	struct text xml = { .len = 0 };

	if (len < 20)
		return;
	memcpy(buf, p, len);
	buf[0] = PSI_TABLE_SCTE35;
	buf[1] = (uint8_t)((buf[1] & 0xf0) | (len - 3) >> 8);
	buf[2] = (uint8_t)(len - 3);
	buf[4] &= 1;
	if (scte35_parse(buf, len, &s) != 0 && s.command == 0)
		return;
	scte35_put_xml(&s, &xml);
	text_free(&xml);
	if (cuetrack_take(t, &s, buf, len, now) < 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cuetrack t = { .limit = 900 * 90000, .max = 64 };
	int64_t now = 900000;

	while (len >= 2) {
		size_t n = data[0] < len - 2 ? data[0] : len - 2;

		now += (int64_t)data[1] * 9000;
		take(&t, data + 2, n, now);
		data += 2 + n;
		len -= 2 + n;
		if (data[-1] == 0xff)
			cuetrack_forget(&t, now);
	}
	check(&t);
	cuetrack_free(&t);
	return 0;
}
