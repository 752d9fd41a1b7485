/*
 * A section in: what is read is written as the same bytes, and through JSON too; text
 * that is JSON makes a section that is read, or a message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/psi.h"
#include "lib/media/scte35.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct scte35 s, back;

static void
section(const uint8_t *p, size_t len)
{
	uint8_t out[SCTE35_SECTION_MAX], *exact = malloc(len);
	const char *why = NULL;
	size_t whole;
	json_t *o;
	int r;

	if (exact == NULL)
		abort();
	memcpy(exact, p, len);		/* so that a byte too many is seen */
	r = scte35_parse(exact, len, &s);
	if (r == 0 || r == -EILSEQ) {
		whole = ((size_t)(p[1] & 0x0f) << 8 | p[2]) + 3;
		if (scte35_put(&s, out, sizeof(out)) != (int)whole ||
		    memcmp(out, p, whole - 4) != 0)
			abort();
		if ((o = scte35_to_json(&s)) == NULL)
			abort();
		if (scte35_from_json(o, &back, &why) < 0 ||
		    scte35_put(&back, out, sizeof(out)) != (int)whole ||
		    memcmp(out, p, whole - 4) != 0)
			abort();
		json_decref(o);
	}
	free(exact);
}

/* As a section of the length that it has. */
static void
repaired(const uint8_t *p, size_t len)
{
	uint8_t buf[SCTE35_SECTION_MAX];

	if (len < 20 || len > sizeof(buf))
		return;
	memcpy(buf, p, len);
	buf[0] = PSI_TABLE_SCTE35;
	buf[1] = (uint8_t)((buf[1] & 0xf0) | (len - 3) >> 8);
	buf[2] = (uint8_t)(len - 3);
	section(buf, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t out[SCTE35_SECTION_MAX];
	const char *why;
	json_t *o;
	int n;

	section(data, len);
	repaired(data, len);
	o = json_loadb((const char *)data, len, 0, NULL);
	if (o != NULL && scte35_from_json(o, &s, &why) == 0) {
		n = scte35_put(&s, out, sizeof(out));
		if (n < 0 || scte35_parse(out, (size_t)n, &back) < 0)
			abort();
	}
	json_decref(o);
	return 0;
}
