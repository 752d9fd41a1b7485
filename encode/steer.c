#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/command.h"
#include "encode/steer.h"

static int
wrong(char error[static COMMAND_ANSWER], const char *what, const char *value)
{
	snprintf(error, COMMAND_ANSWER, "%s '%.60s'", what, value);
	return -1;
}

/* By number, or by its size if no other has the same. */
static struct worker *
find(struct ladder *l, const char *name)
{
	size_t len = strlen(name);
	struct worker *found = NULL;
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (*name >= '0' && *name <= '9' && *end == '\0')
		return n >= 1 && n <= l->nrung ? &l->rung[n - 1].worker : NULL;
	for (unsigned i = 0; i < l->nrung; i++) {
		const char *text = l->rung[i].worker.spec->text;

		if (strncmp(text, name, len) != 0 || (text[len] != '@' && text[len] != '\0'))
			continue;
		if (found != NULL)
			return NULL;
		found = &l->rung[i].worker;
	}
	return found;
}

static void
show(struct worker *w, char answer[static COMMAND_ANSWER])
{
	char level[16] = "auto";
	uint64_t rate;
	int quality;

	worker_wishes(w, &rate, &quality);
	if (quality > 0)
		snprintf(level, sizeof(level), "%d.%03d", quality / 1000, quality % 1000);
	if (w->spec->copy)
		snprintf(answer, COMMAND_ANSWER, rate > 0 ? "ok copy rate=%" PRIu64 :
		    "ok copy", rate);
	else if (w->spec->rc == RATE_QVBR)
		snprintf(answer, COMMAND_ANSWER, "ok rate=%" PRIu64 " quality=%s", rate, level);
	else
		snprintf(answer, COMMAND_ANSWER, "ok rate=%" PRIu64, rate);
}

static int
set(struct worker *w, const struct command *c, char error[static COMMAND_ANSWER])
{
	uint64_t rate;
	int quality;

	if (w->spec->copy)
		return wrong(error, "is the source as it is:", c->rung);
	if (c->rate > w->spec->rate)
		return wrong(error, "more than it began with, which the tables say:", c->rung);
	if (c->has_quality && w->spec->rc != RATE_QVBR)
		return wrong(error, "quality is of rc=qvbr, not of", c->rung);
	worker_wishes(w, &rate, &quality);
	worker_wish(w, c->rate > 0 ? c->rate : rate, c->has_quality ? c->quality : quality);
	return 1;
}

void
steer(struct ladder *l, char *line, char answer[static OVERLAY_ANSWER])
{
	char error[COMMAND_ANSWER];
	struct command c;
	struct worker *w;
	char *rest = line + strspn(line, " \t\r");
	size_t len = strcspn(rest, " \t\r");
	int r;

	if (len > 0 && (strncmp(rest, "overlay", len) == 0 || strncmp(rest, "text", len) == 0) &&
	    len == (*rest == 'o' ? strlen("overlay") : strlen("text"))) {
		overlay_command(&l->overlay, *rest == 'o' ? LAYER_IS_PICTURE : LAYER_IS_TEXT,
		    rest + len, answer);
		return;
	}
	r = command_parse(&c, line, error);
	if (r == 0)
		return;
	w = r > 0 ? find(l, c.rung) : NULL;
	if (r > 0 && w == NULL)
		r = wrong(error, "no rung, or several, are", c.rung);
	if (r > 0 && c.show) {
		show(w, answer);
		return;
	}
	if (r > 0)
		r = set(w, &c, error);
	if (r > 0)
		snprintf(answer, COMMAND_ANSWER, "ok");
	else
		snprintf(answer, COMMAND_ANSWER, "error: %.180s", error);
}
