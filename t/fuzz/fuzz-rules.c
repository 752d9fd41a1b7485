/*
 * Rules of mlive-cue map up to a zero byte, then a section that they are applied to:
 * what they make of it is a section again, and dropped only by a rule that says so.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/psi.h"
#include "schedule/fields.c"
#include "schedule/recast.c"
#include "schedule/rules.c"
#include "schedule/splice.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct rules rules;
static struct scte35 s, back;

static void
apply(const uint8_t *p, size_t len)
{
	uint8_t out[SCTE35_SECTION_MAX], section[SCTE35_SECTION_MAX];
	enum rules_result r;
	bool unfit;
	int n;

	if (len < 20 || len > sizeof(section))
		return;
	memcpy(section, p, len);
	section[0] = PSI_TABLE_SCTE35;
	section[1] = (uint8_t)((section[1] & 0xf0) | (len - 3) >> 8);
	section[2] = (uint8_t)(len - 3);
	n = scte35_parse(section, len, &s);
	if ((n < 0 && n != -EILSEQ) || s.encrypted)
		return;
	r = rules_apply(&rules, &s, &unfit);
	n = scte35_put(&s, out, sizeof(out));
	if (r == RULES_SAME && (n != (int)len || memcmp(out, section, len - 4) != 0))
		abort();
	if (r == RULES_DROP && unfit)
		abort();
	if (r == RULES_CHANGED && n > 0 && scte35_parse(out, (size_t)n, &back) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *next, err[FIELDS_ERROR];
	size_t n;

	if (text == NULL)
		abort();
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	n = strlen(text);
	rules.n = 0;
	for (char *line = text; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		err[0] = '\0';
		if (rules_parse(&rules, line, err) == (err[0] != '\0'))
			abort();
	}
	if (n < len)
		apply(data + n + 1, len - n - 1);
	free(text);
	return 0;
}
