#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/condition.h"
#include "lib/base/log.h"

/* "0x34" or "52"; -1 if it is no segmentation_type_id. */
static int
type_of(const char *word)
{
	char *end;
	unsigned long v = strtoul(word, &end, strncmp(word, "0x", 2) == 0 ? 16 : 10);

	return word[0] >= '0' && word[0] <= '9' && *end == '\0' && v <= 255 ? (int)v : -1;
}

static void
take(struct condition *c, const char *arg, const char *word)
{
	int type = type_of(word);

	if (type >= 0)
		c->type[type] = true;
	else if (strcmp(word, "splice_insert") == 0)
		c->insert = true;
	else if (strcmp(word, "time_signal") == 0)
		c->signal = true;
	else
		fatal(EXIT_USAGE, 0, "--condition '%s': '%s' is not all, none, "
		    "splice_insert, time_signal or a segmentation type", arg, word);
}

void
condition_parse(struct condition *c, const char *arg)
{
	bool all = strcmp(arg, "all") == 0;
	char *text, *rest, *word;

	*c = (struct condition){ .insert = all, .signal = all };
	if (all || strcmp(arg, "none") == 0)
		return;
	text = rest = strdup(arg);
	if (text == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot read options");
	while ((word = strsep(&rest, ",")) != NULL)
		take(c, arg, word);
	free(text);
}

bool
condition_wants(const struct condition *c, const struct scte35 *s)
{
	bool any = false, cancels = false;

	if (s->encrypted)
		return false;
	if (s->command == SCTE35_SPLICE_INSERT)
		return c->insert && !s->insert.cancel;
	if (s->command != SCTE35_TIME_SIGNAL)
		return false;
	for (unsigned i = 0; i < s->ndescriptor; i++) {
		const struct scte35_descriptor *d = &s->descriptor[i];

		if (!d->known || d->tag != SCTE35_SEGMENTATION)
			continue;
		if (d->seg.cancel) {
			cancels = true;
			continue;
		}
		if (c->signal || c->type[d->seg.type_id])
			return true;
		any = true;
	}
	return c->signal && !any && !cancels;
}
