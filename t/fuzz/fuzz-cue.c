/*
 * Lines of mlive-cue insert: each is blank, wrong with a message that can be printed, or
 * a section that is read, whose time can be moved.
 */
#include <stdlib.h>
#include <string.h>

#include "schedule/fields.c"
#include "schedule/order.c"
#include "schedule/splice.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct scte35 s;

static void
check_order(const struct order *o)
{
	uint8_t out[SCTE35_SECTION_MAX];

	if (o->len > SCTE35_SECTION_MAX || scte35_parse(o->section, o->len, &s) != 0)
		abort();
	if (o->value < 0 && o->when != ORDER_UTC && o->when != ORDER_AS_IS)
		abort();
	if (!o->timed)
		return;
	if (!splice_timed(&s))
		abort();
	splice_move(&s, 12345);
	if (splice_pts(&s) != 12345 || scte35_put(&s, out, sizeof(out)) < 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), err[FIELDS_ERROR];
	struct order_ids ids;
	char *next;

	if (text == NULL)
		abort();
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	order_ids_init(&ids, 1);
	for (char *line = text; line != NULL; line = next) {
		struct order *o;

		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		o = order_parse(&ids, line, "line", err);
		if (o != NULL && err[0] != '\0')
			abort();
		for (const char *p = err; *p != '\0'; p++)
			if (iscntrl((unsigned char)*p))
				abort();
		if (o != NULL)
			check_order(o);
		free(o);
	}
	free(text);
	return 0;
}
